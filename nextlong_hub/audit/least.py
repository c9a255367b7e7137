"""A sample of bounded size that does not depend on the order in which its members come: those of the least keys.

Keys are digests, so the sample is an even one. All that has one key is in it or is not: what shares a key is found
together, however large the corpus is.
"""

import hashlib
from collections.abc import Callable
from heapq import heappush, heapreplace
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Least(Generic[Value]):
    """The values of at most so many keys, the least of all."""

    def __init__(self, most: int, new: Callable[[], Value]) -> None:
        """Begin with none.

        Args:
            most: how many keys are kept.
            new: makes the value of a key when it first comes.
        """
        self._most = most
        self._new = new
        self._values: dict[int, Value] = {}
        self._negated: list[int] = []
        """A heap of the keys, each below zero: the first one is the greatest key."""
        self.is_whole = True
        """Whether every key that came is kept."""

    def get(self, key: int) -> Value | None:
        """The value of a key, to be changed in place; None where so many lesser keys came before."""
        if key in self._values:
            return self._values[key]
        if len(self._negated) == self._most:
            self.is_whole = False
            if key > -self._negated[0]:
                return None
            del self._values[-heapreplace(self._negated, -key)]
        else:
            heappush(self._negated, -key)
        value = self._values[key] = self._new()
        return value

    def values(self) -> list[Value]:
        """The values, in the order of their keys."""
        return [self._values[key] for key in sorted(self._values)]


def key_of(*words: str) -> int:
    """The key of some text: a digest of 64 bits."""
    content = "\0".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
