"""TRL on rows of 128K tokens: rows are tokenised already, and no document of a packed row sees another.

Half of the tokens are ordinary documents, because samples alone make a model worse at short ones; `--config 128k` gives
samples alone.

nextlong-hub build --recipe ../../recipes/128k-mix.toml --corpus … --tokenizer meta-llama/Llama-3.1-8B --output nextlong
nextlong-hub export nextlong trl --config 128k-mix --output trl-128k
accelerate launch sft_128k.py meta-llama/Llama-3.1-8B trl-128k

Rows of `128k-mix` hold several documents: leave context parallelism off (`cp_size=1`, accelerate's
`parallelism_config_cp_size`). TRL drops the mask between documents under it (TRL#6843), and its guard reads `packing`,
which is off here; `--align` pads documents for trainers that split them, and does not help here. Rows of `128k` are one
document each and may be split over devices.
"""

import sys
from typing import Any

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

MAX_TOKENS = 131_072


def settings(output: str, **changes: Any) -> SFTConfig:
    """What matters is the first block: anything else may be changed."""
    chosen: dict[str, Any] = {
        "packing": False,  # rows are full: "wrapped" would cut samples in two
        "padding_free": True,  # position_ids restart where seq_lengths say; needs FlashAttention 2 or 3
        "max_length": None,  # would cut input_ids and leave seq_lengths as they are
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "per_device_train_batch_size": 1,
        "gradient_checkpointing": True,
        "bf16": True,
        "learning_rate": 1e-5,
        "max_steps": 1000,
        "model_init_kwargs": {"attn_implementation": "flash_attention_2", "dtype": "bfloat16"},
    }
    return SFTConfig(output_dir=output, **(chosen | changes))


def main(model: str, folder: str) -> None:
    """Train `model` on the export in `folder`."""
    rows = load_dataset("parquet", data_files=f"{folder}/data/*.parquet", split="train")
    SFTTrainer(model=model, args=settings(f"{folder}-checkpoints"), train_dataset=rows).train()


if __name__ == "__main__":
    main(*sys.argv[1:3])
