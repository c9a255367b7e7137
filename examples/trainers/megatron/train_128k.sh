#!/usr/bin/env bash
# Megatron-LM on samples of 128K tokens: the arguments that concern the data. From its checkout:
#
#   nextlong-hub export nextlong megatron --config 128k --tokenizer ./llama3 --output nextlong-128k
#   bash train_128k.sh <the arguments of your model>
#
# Rows have exactly --seq-length tokens, so a window is one row, and its last label the first token of the next. Hence no
# --reset-position-ids and no --reset-attention-mask: they would look for end-of-document tokens inside a sample, and for
# 131,072 tokens build a mask of 17 GB.
set -euo pipefail
arguments=(
    --data-path nextlong-128k/train --split 1,0,0
    --seq-length 131072 --max-position-embeddings 131072
    --no-create-attention-mask-in-dataloader
    --context-parallel-size 8 --micro-batch-size 1 --global-batch-size 32
    --train-iters 1000 --lr 1e-5 --min-lr 1e-6 --lr-decay-style cosine --lr-warmup-iters 100
    --tokenizer-type HuggingFaceTokenizer --tokenizer-model ./llama3
    --bf16 --use-flash-attn
)
torchrun --nproc-per-node="${GPUS:-8}" pretrain_gpt.py "${arguments[@]}" "$@"
