#!/usr/bin/env bash
# ProLong's and NExtLong's trainer (princeton-nlp/ProLong, training/) on rows of 128K tokens. From its checkout:
#
#   nextlong-hub build --recipe 128k-mix.toml --corpus … --tokenizer ./llama3 --output nextlong    # examples/recipes
#   nextlong-hub export nextlong mds --config 128k-mix --output data/nextlong-128k
#   bash train_128k.sh
#
# Half of the tokens are ordinary documents, because samples alone make a model worse at short ones; `--config 128k` gives
# samples alone, as the paper trains.
#
# For the 512K mixture of the paper, a third of the tokens from 512K samples and two thirds from 64K samples packed to 512K:
#
#   nextlong-hub export nextlong mds --config 512k --output data/nextlong-512k
#   nextlong-hub export nextlong mds --config 64k --pack 524288 --output data/nextlong-64k
#
# then --tokenized_mds_train data/nextlong-512k@0.3333 data/nextlong-64k@0.6667, --per_device_max_tokens 524288,
# --seq_parallel_size 8 and rope_theta=128000000. Conversations (`instruct`) also need --apply_instruct_masks.
set -euo pipefail
model=${MODEL:-meta-llama/Meta-Llama-3-8B}
arguments=(
    --do_train --model_name "$model" --tokenizer_name "$model" --output_dir checkpoints/nextlong-128k
    --tokenized_mds_train data/nextlong-128k
    # one sample is one document: never --subsplit_length, never --single_seq on packed rows
    --per_device_max_tokens 131072 --seq_parallel_size 8
    --per_device_train_batch_size 1 --gradient_accumulation_steps 4
    --config_overrides "rope_theta=200000000"
    --max_steps 1000 --learning_rate 4e-5 --lr_scheduler_type cosine --warmup_steps 200
    --adam_beta1 0.9 --adam_beta2 0.95 --weight_decay 0.1 --max_grad_norm 1.0 --optim adamw_torch
    --bf16 --gradient_checkpointing --fsdp auto_wrap --remove_unused_columns false --ddp_find_unused_parameters false
    --dataloader_num_workers 1 --logging_steps 1 --save_steps 125
)
torchrun --nproc-per-node="${GPUS:-8}" -m training.train_language_model "${arguments[@]}" "$@"
