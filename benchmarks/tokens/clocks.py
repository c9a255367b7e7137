"""Processor time of what a build does with tokens, apart from everything else it does in the same process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import process_time
from typing import Any

from nextlong_hub.tokenization import Stitched, Tokenizer, tasks
from nextlong_hub.tokenization.cache import TokenCache

TOKEN_WORK = (
    (Tokenizer, "tokenise_chunks"),
    (Tokenizer, "stitch"),
    (Stitched, "exact_cuts"),
    (Stitched, "keep"),
    (Stitched, "count"),
    (Stitched, "end_of"),
    (TokenCache, "get"),
    (tasks, "write_part"),
)
"""All that a build asks of tokenizers, and of what it keeps of them."""


class Clock:
    """Adds up processor time, that of nested calls once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def run(self, call: Callable[[], Any]) -> Any:
        """Call, and count the time."""
        started = process_time()
        self._depth += 1
        try:
            return call()
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += process_time() - started


@contextmanager
def token_work() -> Iterator[Clock]:
    """A clock that runs while, inside the block, one of `TOKEN_WORK` does."""
    clock = Clock()
    originals = [getattr(owner, name) for owner, name in TOKEN_WORK]
    for (owner, name), original in zip(TOKEN_WORK, originals, strict=True):
        setattr(owner, name, _listed(clock, original) if name == "exact_cuts" else _timed(clock, original))
    try:
        yield clock
    finally:
        for (owner, name), original in zip(TOKEN_WORK, originals, strict=True):
            setattr(owner, name, original)


def _timed(clock: Clock, function: Callable[..., Any]) -> Callable[..., Any]:
    return wraps(function)(lambda *args, **more: clock.run(lambda: function(*args, **more)))


def _listed(clock: Clock, function: Callable[..., Iterator[int]]) -> Callable[..., Iterator[int]]:
    """A generator works while it is asked for the next value."""

    @wraps(function)
    def generate(*args: Any) -> Iterator[int]:
        values = function(*args)
        while (value := clock.run(lambda: next(values, None))) is not None:
            yield value

    return generate
