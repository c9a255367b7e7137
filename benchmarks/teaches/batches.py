"""What a model is trained on, batch by batch: the base, and each arm at the target length, cut short, or both."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.arms import Arm
from benchmarks.teaches.settings import BATCHES_IN_STEP, Preset
from nextlong_hub.errors import DataError

Rows = NDArray[np.uint16]
"""Token ids; padding is no token."""
Step = list[Rows]
"""The batches of one step, each of the same number of tokens. Shape of each: (rows, tokens)."""


def base_steps(documents: Sequence[Rows], beginning: int, preset: Preset) -> Iterator[Step]:
    """Whole documents one after the other, in another order each time round, cut at the base's length; without end."""
    random = np.random.default_rng(0)
    length = preset.base_length
    batch = preset.schedule.batch_tokens // length
    begun = np.array([beginning], np.uint16)
    while True:
        order = random.permutation(len(documents)).tolist()
        stream = np.concatenate([part for number in order for part in (begun, documents[number])])
        rows = stream[: len(stream) // length * length].reshape(-1, length)
        batches = [rows[first : first + batch] for first in range(0, len(rows) - batch + 1, batch)]
        if len(batches) < BATCHES_IN_STEP:
            raise DataError(f"{len(stream):,} tokens are fewer than one step takes; give a larger corpus")
        for first in range(0, len(batches) - BATCHES_IN_STEP + 1, BATCHES_IN_STEP):
            yield batches[first : first + BATCHES_IN_STEP]


def arm_steps(arm: Arm, rows: Rows, is_sample: NDArray[np.bool_], seed: int, preset: Preset) -> Iterator[Step]:
    """The steps of one arm, as many as its rows give.

    Args:
        arm: decides which rows are trained at the target length.
        rows: for this seed; rows of whole documents and of samples. Shape: (rows, target length).
        is_sample: whether each row is a sample. Shape: (rows,).
        seed: decides the order.
        preset: the sizes.
    """
    long_batches = round(BATCHES_IN_STEP * arm.long_share)
    is_long = is_sample if 0 < long_batches < BATCHES_IN_STEP else np.full(len(rows), long_batches > 0)
    random = np.random.default_rng(1000 + seed)
    long = random.permutation(rows[is_long])
    short = random.permutation(rows[~is_long].reshape(-1, preset.base_length))
    long_rows = preset.schedule.batch_tokens // preset.target_length
    short_rows = preset.schedule.batch_tokens // preset.base_length
    steps = [
        len(own) // (size * batches)
        for own, size, batches in (
            (long, long_rows, long_batches),
            (short, short_rows, BATCHES_IN_STEP - long_batches),
        )
        if batches
    ]
    for step in range(min(steps)):
        yield [
            *_stretch(long, step, long_batches, long_rows),
            *_stretch(short, step, BATCHES_IN_STEP - long_batches, short_rows),
        ]


def _stretch(rows: Rows, step: int, batches: int, size: int) -> Step:
    first = step * batches * size
    return [rows[first + batch * size : first + (batch + 1) * size] for batch in range(batches)]
