"""Check of a dataset's rows: how many trainers would take out of the loss for what they repeat on end.

A manifest of ours says it. Rows that have their tokens and lie on this machine are counted where none does.
"""

from collections.abc import Iterator
from contextlib import closing

import numpy as np

from nextlong_hub.cli.doctor_checks import Finding
from nextlong_hub.dataset.config_record import OnEndRecord
from nextlong_hub.dataset.on_end import OnEndCounts, times_of_rows
from nextlong_hub.dataset.reader import SplitReader, open_splits
from nextlong_hub.errors import DataError

_REMEDY = (
    "build them again with repetition.times = 32, which is the default; or switch the trainer's filter off: "
    "InstanceFilterConfig of OLMo-core, olmo_apply_ngram_filter of MaxText"
)


def check_repetition(where: str) -> Iterator[Finding]:
    """One finding for each configuration of a dataset; where its rows are none that can be read, none is made.

    Args:
        where: a folder, `user/name`, or `hf://datasets/user/name`.

    Raises:
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    try:
        splits = open_splits(where)
    except DataError:  # what stands in the way is found by the other checks
        return
    for split in splits:
        with closing(split):
            yield _finding(split)


def _finding(split: SplitReader) -> Finding:
    record, rows = _on_end(split), len(split)
    subject = f"{split.config}, loss"
    if record is None:
        found = "whether OLMo-core and MaxText mask rows for what they repeat on end is not known"
        return Finding(subject=subject, state="note", found=found, advice="needed are `input_ids`, in a local folder")
    found = (
        f"OLMo-core and MaxText mask {record.masked_rows:,} of {rows:,} rows, in which 1 to 13 tokens stand 32 times "
        f"on end (the most in one: {record.most_times:,})"
    )
    if record.masked_rows:
        return Finding(subject=subject, state="note", found=found, advice=_REMEDY)
    return Finding(subject=subject, state="ok", found=found)


def _on_end(split: SplitReader) -> OnEndRecord | None:
    """What is known of the rows, or counted now; None where neither can be."""
    if split.record is not None and split.record.on_end is not None:
        return split.record.on_end
    if split.folder is None or "input_ids" not in split.columns:
        return None
    times = [times_of_rows(batch) for batch in split.batches(["input_ids"])]
    return OnEndCounts.of(np.concatenate([np.zeros(0, np.int64), *times])).record()
