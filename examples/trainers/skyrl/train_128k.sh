#!/usr/bin/env bash
# SkyRL's SFT trainer (main; not in the wheel 0.3.0) on samples of 128K tokens, or on conversations. From its checkout:
#
#   nextlong-hub export nextlong skyrl --config 128k --output nextlong-128k
#   bash train_128k.sh
#
# What breaks in silence:
# - A row longer than max_length is cut, and one whose answers lie behind the cut is left out.
# - A document a row: with use_sequence_packing=true SkyRL packs them itself and keeps them apart; rows of the full length
#   gain nothing by it.
# - `labels` are refused, and `loss_mask` is not shifted; the first token's is 0, since nothing predicts it.
# - prime-rl reads the same columns.
set -euo pipefail
arguments=(
    strategy=megatron
    model.path="${MODEL:-meta-llama/Llama-3.1-8B}"
    "pretokenized_dataset_paths=['$PWD/nextlong-128k/data']"
    max_length=131072
    batch_size=32 micro_train_batch_size_per_gpu=1
    remove_microbatch_padding=true use_sequence_packing=false
    dataloader_num_workers=2
    megatron_config.context_parallel_size=8
    num_steps=1000 optimizer_config.lr=1e-5
)
uv run --isolated --extra megatron python -m skyrl.train.main_sft "${arguments[@]}" "$@"
