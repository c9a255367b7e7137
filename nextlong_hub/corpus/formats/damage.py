"""Damaged files, as opposed to a disk or network that failed."""

import pyarrow as pa

from nextlong_hub.corpus.formats.bounds import ExpandsTooFar
from nextlong_hub.corpus.pieces import BadDocument, BadReason

READ_ERRORS = (OSError, pa.ArrowInvalid)
"""What pyarrow raises for damage, and also for a disk or network that failed."""


_OVERFULL = "array cannot contain more than"
"""What pyarrow says when a batch has more text than it can hold, which is 2 GiB."""


def is_damage(error: BaseException) -> bool:
    """Whether the data are damaged: all other failures have an errno or a class of their own."""
    return isinstance(error, pa.ArrowInvalid) or (type(error) is OSError and error.errno is None)


def damage_reason(error: BaseException) -> BadReason:
    """Whether damage is a missing end, far too much in too few bytes, or something else."""
    words = str(error).lower()
    if isinstance(error, ExpandsTooFar) or _OVERFULL in words:
        return BadReason.EXPANDS
    ends_early = ("truncated", "no more data", "unexpected end", "expected to be able to read", "end of stream")
    return BadReason.TRUNCATED if any(sign in words for sign in ends_early) else BadReason.CORRUPT


def damage_fault(error: Exception, place: str) -> BadDocument:
    """Turn damage into a fault.

    Raises:
        Exception: `error` itself, when it is no damage.
    """
    if not is_damage(error):
        raise error
    return BadDocument(damage_reason(error), place, str(error).strip().replace("\n", " "))
