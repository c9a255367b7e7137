#!/usr/bin/env bash
# ms-swift on texts of 128K tokens. In the folder of this file:
#
#   nextlong-hub export nextlong text --config 128k --output nextlong-128k
#   bash train_128k.sh
#
# `swift pt` encodes the text itself, with the tokenizer's BOS before it and an EOS behind. What breaks in silence:
# - truncation_strategy is delete unless it is set: a row of 131,072 tokens becomes one of 131,074, and with --max_length
#   131072 every row is dropped; one step then draws another row in its place. --strict true stops instead.
# - Without --max_length it is the model's own length, and Llama 3.1's is 131,072: the same.
# - `swift sft` would put the chat template around each text; `pt` does not.
# - Text that spells special tokens becomes control tokens; the export says where rows do.
# - --packing true joins texts, each with its own attention; rows of the full length gain nothing by it.
set -euo pipefail
arguments=(
    --model "${MODEL:-LLM-Research/Meta-Llama-3.1-8B}" --tuner_type full
    --dataset nextlong-128k/data/*.parquet
    --columns '{"text": "response"}'
    --max_length 131074 --max_model_len 131074 --truncation_strategy delete --strict true
    --packing false --padding_free false
    --sequence_parallel_size 8 --attn_impl flash_attn --torch_dtype bfloat16 --deepspeed zero3
    --per_device_train_batch_size 1 --gradient_accumulation_steps 4
    --max_steps 1000 --learning_rate 1e-5 --output_dir checkpoints-128k
)
NPROC_PER_NODE="${GPUS:-8}" swift pt "${arguments[@]}" "$@"
