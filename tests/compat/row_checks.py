"""What trainers make of rows as `load_dataset` gives them, without an export; run by `check_trainers.py`.

    python row_checks.py CHECK FOLDER

FOLDER holds a dataset of each kind of row. Each function below ends with what it found, in words.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from reading import require, same

os.environ |= {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


def trl_rows(folder: Path) -> str:
    """The card's own lines, two steps on a tiny model: no row is cut, labels and borders are those of the rows."""
    told = [_trl_on_card(folder / kind) for kind in ("plain", "packed", "instruct")]
    return "the cards' lines trained two steps each; every batch compared: " + "; ".join(told)


def _trl_on_card(folder: Path) -> str:
    """What the lines of one card did."""
    import pyarrow.parquet as pq
    import torch
    import trl
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    trainers = []

    class Recorded(trl.SFTTrainer):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            trainers.append(self)

    lines = (folder / "trl.py.txt").read_text()
    lines = lines.replace("USER/NAME", str(folder)).replace("MODEL", str(folder / "model"))
    here = {"use_cpu": True, "max_steps": 2, "logging_steps": 1, "report_to": [], "output_dir": str(folder / "out")}
    usual = trl.SFTConfig
    with (
        mock.patch.object(trl, "SFTTrainer", Recorded),
        mock.patch.object(trl, "SFTConfig", lambda **chosen: usual(**(chosen | here))),
    ):
        exec(lines, {})
    [trainer] = trainers
    stored = pq.read_table(next((folder / "data").glob("*/*.parquet")).parent).to_pylist()
    same("rows", len(trainer.train_dataset), len(stored))
    masked = 0
    for number, row in enumerate(stored):
        batch = trainer.data_collator([trainer.train_dataset[number]])
        same("input_ids", batch["input_ids"][0].tolist(), row["input_ids"])
        learnt = row.get("assistant_masks", [1] * row["token_count"])
        if lengths := row.get("seq_lengths"):
            positions = [place for length in lengths for place in range(length)]
            same("position_ids", batch["position_ids"][0].tolist(), positions)
            learnt = [own if place else 0 for own, place in zip(learnt, positions, strict=True)]
        labels = [token if own else -100 for token, own in zip(row["input_ids"], learnt, strict=True)]
        same("labels", batch["labels"][0].tolist(), labels)
        masked += labels.count(-100)
        if lengths:
            given = {name: batch[name] for name in ("input_ids", "position_ids")}
            other = given | {"input_ids": given["input_ids"].clone()}
            other["input_ids"][0, : lengths[0]] = 1
            with torch.no_grad():
                before, after = (trainer.model(**one).logits[0, lengths[0] :] for one in (given, other))
            require(bool(torch.equal(before, after)), "a document sees the one before it")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    require(len(losses) == 2 and all(0 < loss < 20 for loss in losses), f"losses are {losses}")
    tokens = sum(row["token_count"] for row in stored)
    return f"{folder.name}, {len(stored)} rows, {tokens:,} tokens, {masked / tokens:.1%} of the labels masked"


def context_parallel(folder: Path) -> str:
    """Two processes that share a row find the loss that one finds: of a sample, and of aligned documents kept apart."""
    from ring_checks import losses_of

    losses = losses_of(folder)
    for kind in ("sample", "packed"):
        one, two = losses[f"{kind}, one"], losses[f"{kind}, two"]
        require(abs(one - two) < 1e-5, f"the loss of the {kind} is {one} by one process and {two} by two")
    apart, joined = losses["packed, two"], losses["joined, two"]
    require(abs(apart - joined) > 1e-4, "documents that see each other have the same loss: nothing was tried")
    told = ", ".join(f"{name} {value:.6f}" for name, value in losses.items())
    return f"PyTorch's ring attention over two processes gives the loss of one: {told}"


CHECKS: dict[str, Callable[[Path], str]] = {check.__name__: check for check in (trl_rows, context_parallel)}


def main() -> int:
    """Do one check; the last line is its record, as JSON."""
    record = {"how": CHECKS[sys.argv[1]](Path(sys.argv[2]))}
    sys.stdout.write(f"\n{json.dumps(record)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
