"""verl's SFT trainer on rows that are tokenised already: its own dataset reads conversations, and nothing else.

nextlong-hub export nextlong skyrl --config 128k --output nextlong-128k
torchrun --nproc-per-node 8 -m verl.trainer.sft_trainer \
    data.custom_cls.path=nextlong_dataset.py data.custom_cls.name=TokenisedRows \
    data.train_files=nextlong-128k/data data.max_length=131072 data.max_token_len_per_gpu=131072 \
    data.pad_mode=no_padding data.train_batch_size=32 engine.ulysses_sequence_parallel_size=8 model.path=…

What breaks in silence: `data.max_length` is 1,024 unless it is set, and with `no_padding` verl's own dataset cuts rows
to it, whatever `data.truncation` says; this one refuses a row that is longer. Masks must have a 0 at the first token,
as those of this export have: verl moves a whole batch of them by one, and the first of a row falls on the last of the
row before.
"""

from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from torch.utils.data import Dataset


class TokenisedRows(Dataset[dict[str, torch.Tensor]]):
    """Rows of `input_ids` and `loss_mask`, one document each."""

    def __init__(
        self, parquet_files: Any, tokenizer: Any, config: Any, processor: Any = None, max_samples: int = -1
    ) -> None:
        """Verl gives all of these; rows need neither tokenizer nor processor."""
        places = [parquet_files] if isinstance(parquet_files, str) else list(parquet_files)
        files = [str(file) for place in places for file in sorted(Path(place).glob("*.parquet"))]
        rows = load_dataset("parquet", data_files=files, split="train")
        self._rows = rows.select(range(min(max_samples, len(rows)))) if max_samples > 0 else rows
        self._most = int(config.get("max_length", 0))

    def __len__(self) -> int:
        """Rows."""
        return len(self._rows)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        """One row, not padded.

        Raises:
            ValueError: it is longer than `data.max_length`.
        """
        row = self._rows[number]
        ids, mask = torch.tensor(row["input_ids"]), torch.tensor(row["loss_mask"])
        if len(ids) > self._most:
            raise ValueError(f"row {number} has {len(ids):,} tokens; set data.max_length to that at least")
        return {"input_ids": ids, "position_ids": torch.arange(len(ids)), "loss_mask": mask}
