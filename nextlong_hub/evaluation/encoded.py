"""One order of pieces, encoded as a whole: where its pieces, targets, facts and segments lie."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.evaluation.facts import statement
from nextlong_hub.evaluation.left_out import ImpossibleError, LeftOut
from nextlong_hub.evaluation.pieces import Fact, Order, Piece, Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceTokens:
    """A text made of pieces, and its tokens."""

    text: str
    ids: NDArray[np.int32]
    """Shape: (tokens,)."""
    token_starts: NDArray[np.int64]
    """First character of each. Shape: (tokens,)."""
    spans: Sequence[tuple[int, int]]
    """First character of the text of each piece, and one past its last."""


class EncodedOrder:
    """One order of the pieces, encoded as a whole."""

    def __init__(self, order: Order, pieces: Pieces, encode: Callable[[Sequence[Piece]], PieceTokens]) -> None:
        self.order = order
        everything = pieces.all
        self.pieces = [everything[place] for place in order.places]
        encoded = encode(self.pieces)
        self.text, self.ids, self._token_starts = encoded.text, encoded.ids, encoded.token_starts
        self.starts = [start for start, _ in encoded.spans]
        """First character of each piece."""
        self.ends = [end for _, end in encoded.spans]
        """One past the last character of its text."""
        self.borders: list[int] = [self.tokens_before(start) for start in self.starts]
        """First token of each piece."""
        for border, start in zip(self.borders, self.starts, strict=True):
            if start and (border == len(self.ids) or self._token_starts[border] != start):
                raise ImpossibleError(LeftOut.OTHER_TOKENS)
        own = np.split(self.ids, self.borders[1:])
        by_place = sorted(zip(order.places, own, strict=True), key=lambda one: one[0])
        self.own: list[NDArray[np.int32]] = [ids for _, ids in by_place]
        """The tokens of each piece, in the order of `Pieces.all`."""

    def tokens_before(self, character: int) -> int:
        """How many tokens begin before a character."""
        return int(np.searchsorted(self._token_starts, character, side="left"))

    def answer_token(self, asked: Fact) -> int:
        """The first token of the answer: with it begins the space before it, or the answer itself.

        Raises:
            ImpossibleError: no token does, or the answer stands in the row more than twice.
        """
        begin = len(self.text) - len(asked.value)
        token = self.tokens_before(begin - 1)
        if token == len(self.ids) or self._token_starts[token] > begin or self.text.count(asked.value) != 2:
            raise ImpossibleError(LeftOut.NOT_APART)
        return token

    def facts(self) -> Iterator[Mapping[str, Any]]:
        """What is planted, and where."""
        for end, piece in zip(self.ends, self.pieces, strict=True):
            if piece.fact is not None:
                said = statement(piece.fact)
                start = end + piece.behind.index(said)
                yield {"key": piece.fact.key, "value": piece.fact.value, "start": start, "end": start + len(said)}

    def segments(self) -> Iterator[Mapping[str, Any]]:
        """Where each character came from."""
        for start, end, piece in zip(self.starts, self.ends, self.pieces, strict=True):
            yield {
                "role": piece.role,
                "document": piece.document,
                "chunk": piece.chunk,
                "offset": piece.offset,
                "start": start,
                "end": end,
                "tokens": self.tokens_before(end) - self.tokens_before(start),
                "rank": piece.rank,
                "score": piece.score,
            }
