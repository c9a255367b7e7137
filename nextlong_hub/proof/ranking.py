"""The order of chunks for one meta-chunk: by score, highest first, then by number. A score is a 32-bit float."""

import struct
from collections.abc import Mapping, Sequence

_ROUNDING = 1e-13
"""Two sums of the same terms in another order differ by less, as a share."""
_FLOAT = struct.Struct("<f")


def as_float32(value: float) -> float:
    """The nearest number that 32 bits hold."""
    return float(_FLOAT.unpack(_FLOAT.pack(value))[0])


def may_be(said: float, score: float) -> bool:
    """Whether a score as it is published can be this one: to the last bit, but where the last bit is open."""
    return said in (as_float32(score * (1 - _ROUNDING)), as_float32(score * (1 + _ROUNDING)))


class Ranking:
    """The chunks of other documents for one meta-chunk, from the best down to the worst that is of interest."""

    def __init__(self, scores: Sequence[float], own: range, said: Mapping[int, float]) -> None:
        """Put in order all that is at least as good as the worst of the chunks that were chosen.

        Args:
            scores: of all chunks, for the meta-chunk.
            own: the chunks of its document, which are no answer.
            said: the chunks that were chosen, with their scores as they are published.
        """
        self._scores = scores
        self._own = own
        self._said = {chunk: value for chunk, value in said.items() if may_be(value, scores[chunk])}
        lowest = min((self.value(chunk) for chunk in said), default=float("inf"))
        self.chunks = self._at_least(lowest)
        """Best first."""
        self.ranks = {chunk: rank for rank, chunk in enumerate(self.chunks, 1)}
        """From 1."""

    def score(self, chunk: int) -> float:
        """The score of a chunk as it was computed."""
        return self._scores[chunk]

    def value(self, chunk: int) -> float:
        """The score by which a chunk is placed."""
        return self._said.get(chunk, as_float32(self._scores[chunk]))

    def all_chunks(self) -> list[int]:
        """Every chunk that shares a term with the meta-chunk, best first."""
        return self._at_least(0.0)

    def before(self, other: int) -> int:
        """How many chunks come before one of the document itself; all that are found where it is not found itself."""
        value = self.value(other)
        count = 0
        for chunk, score in enumerate(self._scores):
            if score > 0 and chunk not in self._own:
                held = self._said.get(chunk) or as_float32(score)
                count += held > value or (held == value and chunk < other)
        return count

    def _at_least(self, lowest: float) -> list[int]:
        near = lowest * (1 - 1e-6)
        found = [chunk for chunk, score in enumerate(self._scores) if score >= near and score > 0]
        placed = [(-self.value(chunk), chunk) for chunk in found if chunk not in self._own]
        return [chunk for value, chunk in sorted(placed) if -value >= lowest]
