"""What a real secret has beyond its look: it is random, and where its format has a checksum, that is right."""

import math
import re
import zlib
from collections import Counter

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_CHARACTERS = 6

_RUNS = "0123456789 abcdefghijklmnopqrstuvwxyz qwertyuiop asdfghjkl"
_RUN_CHARACTERS = 6
_PLACEHOLDER = re.compile(r"(.)\1{5}|example|sample|dummy|placeholder|redacted|secret|token|replace|changeme|insert")
"""In lower case. A random value of forty characters holds one of them once in a hundred thousand times."""

LEAST_BITS = 3.0
"""Entropy of a random value of 20 characters or more; of ten thousand none has less."""
LEAST_BITS_HEX = 2.5
"""The same of hexadecimal digits."""


def is_random(value: str, *, least_bits: float = LEAST_BITS) -> bool:
    """Whether a value may come from a random generator: it is no placeholder, and its characters are spread.

    Args:
        value: At least 20 characters.
        least_bits: What a character of it must have.
    """
    folded = value.lower()
    return not _PLACEHOLDER.search(folded) and not _has_run(folded) and entropy(value) >= least_bits


def is_mixed(value: str) -> bool:
    """Whether a value has small letters, capitals and digits, as nearly every long random one has."""
    return any(map(str.islower, value)) and any(map(str.isupper, value)) and any(map(str.isdigit, value))


def entropy(value: str) -> float:
    """Bits in a character, by how often each occurs in the value."""
    return -sum(times / len(value) * math.log2(times / len(value)) for times in Counter(value).values())


def has_checksum(value: str) -> bool:
    """Whether the last six characters of a value are the CRC-32 of those before, as GitHub and npm write it."""
    checksum = zlib.crc32(value[:-_CHECKSUM_CHARACTERS].encode())
    digits = ""
    while checksum:
        checksum, digit = divmod(checksum, len(_BASE62))
        digits = _BASE62[digit] + digits
    return value[-_CHECKSUM_CHARACTERS:] == digits.rjust(_CHECKSUM_CHARACTERS, "0")


def _has_run(folded: str) -> bool:
    """Whether neighbours of the alphabet, the digits or the keyboard stand in a row."""
    pieces = (folded[start : start + _RUN_CHARACTERS] for start in range(len(folded) - _RUN_CHARACTERS + 1))
    return any(piece in _RUNS for piece in pieces)
