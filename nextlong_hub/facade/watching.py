"""Progress of a Python call: shown where somebody looks, on a terminal or in a notebook; else silent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nextlong_hub.execution.notebook import bars_are_unwanted, progress_here
from nextlong_hub.execution.progress import NullProgress, Progress


@contextmanager
def watched(progress: Progress | bool | None = None) -> Iterator[Progress]:
    """What is told of the stages of a call for as long as the block lasts.

    Args:
        progress: where stages are told; True shows them, False does not, None shows them where somebody looks.
    """
    if progress is None:
        progress = _somebody_looks()
    if not isinstance(progress, bool):
        yield progress
    else:
        yield progress_here() if progress else NullProgress()


def _somebody_looks() -> bool:
    """Whether stderr is a terminal or the output of a notebook, and bars are not switched off."""
    return not bars_are_unwanted() and (sys.stderr.isatty() or "ipykernel" in sys.modules)
