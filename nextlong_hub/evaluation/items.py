"""One document becomes the rows of one item: pieces are chosen, put in every order, and encoded.

The tokens of a text can depend on what stands before it. So each row is encoded as a whole, and an item whose pieces
have other tokens in one order than in another is left out: what is compared is the same tokens, not only the same text.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.evaluation.encoded import EncodedOrder, PieceTokens
from nextlong_hub.evaluation.facts import drawn_fact, question, statement
from nextlong_hub.evaluation.left_out import ImpossibleError, LeftOut
from nextlong_hub.evaluation.pieces import Fact, Piece, Pieces, Role, orders
from nextlong_hub.evaluation.settings import RiffleSettings
from nextlong_hub.method.near_duplicates import NearDuplicates, shingles_of
from nextlong_hub.method.settings import NegativeSettings
from nextlong_hub.tokenization import SpecialTokens, Tokenizer
from nextlong_hub.tokenization.stitching import ChunkTokens

_DRAWS_FOR_A_PIECE = 50
_CUTS_TRIED = 8
"""On each side of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the retriever found for one chunk."""

    chunks: tuple[int, ...]
    """Numbers in the corpus, best first."""
    scores: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ItemMaker:
    """Makes the rows of documents of one corpus."""

    store: ChunkStore
    tokenizer: Tokenizer
    special_tokens: SpecialTokens
    settings: RiffleSettings
    negatives: NegativeSettings
    separator: str

    def rows(self, item: int, document: int, found: Sequence[Found]) -> list[dict[str, Any]] | LeftOut:
        """The rows of one document, pair by pair, or why there are none.

        Args:
            item: its number among all items.
            document: its number in the corpus.
            found: the retriever's answers to its chunks but the last.
        """
        try:
            return list(self._rows(item, document, found))
        except ImpossibleError as error:
            return error.reason

    def _rows(self, item: int, document: int, found: Sequence[Found]) -> Iterator[dict[str, Any]]:
        one = _Document(self, document, found)
        ends: NDArray[np.int32] | None = None
        for level in self.settings.chosen_interferers:
            pieces = one.pieces(level)
            blocked = EncodedOrder(next(orders(pieces, ())), pieces, one.encode)
            pieces = pieces.with_tokens(map(len, blocked.own))
            apart = [order for order in orders(pieces, self._distances) if order.condition != "blocked"]
            encoded = [blocked, *(EncodedOrder(order, pieces, one.encode) for order in apart)]
            if any(not np.array_equal(a, b) for row in encoded for a, b in zip(encoded[0].own, row.own, strict=True)):
                raise ImpossibleError(LeftOut.OTHER_TOKENS)
            last = encoded[0].own[len(pieces.front) + self.settings.chunks - 1]
            if ends is not None and not np.array_equal(ends, last):
                raise ImpossibleError(LeftOut.OTHER_TOKENS)
            ends = last
            for row in encoded:
                yield self._row(f"{item:05}", level, row, one)

    def _row(self, item: str, level: int, row: EncodedOrder, one: "_Document") -> dict[str, Any]:
        bos = int(self.special_tokens.bos is not None)
        meta = [place for place, piece in enumerate(row.pieces) if piece.role == "meta"]
        borders = row.borders
        targets = [{"kind": "chunk", "start": bos + borders[meta[-1]], "end": bos + row.tokens_before(row.ends[-1])}]
        answer_distance = 0
        if one.asked is not None:
            begin = row.answer_token(one.asked)
            targets.append({"kind": "answer", "start": bos + begin, "end": bos + len(row.ids)})
            planted = next(p for p, piece in zip(row.starts, row.pieces, strict=True) if piece.fact == one.asked)
            own = row.pieces[row.starts.index(planted)]
            answer_distance = begin - row.tokens_before(planted + len(own.text + own.behind.rstrip()))
        between = [borders[second] - borders[first + 1] for first, second in pairwise(meta)]
        inside = row.pieces[meta[0] : meta[-1]]
        return {
            "id": f"riffle/{item}/{level}/{row.order.condition}/{row.order.distance}",
            "item": int(item),
            "pair": f"{item}/{level}",
            "condition": row.order.condition,
            "distance": row.order.distance,
            "between": between,
            "interferers": level,
            "interferers_between": sum(piece.role == "negative" for piece in inside),
            "text": row.text,
            "input_ids": self.special_tokens.around(row.ids),
            "token_count": len(row.ids) + bos,
            "targets": targets,
            "question": "" if one.asked is None else question(one.asked),
            "answer": "" if one.asked is None else one.asked.value,
            "answer_distance": answer_distance,
            "facts": list(row.facts()),
            "meta_document": one.id,
            "source": one.source,
            "segments": list(row.segments()),
        }

    @property
    def _distances(self) -> tuple[int, ...]:
        return self.settings.chosen_distances

    @property
    def text_tokens(self) -> int:
        """Tokens of the text of each row."""
        return self.settings.target_length - self.special_tokens.tokens


class _Document:
    """One document: its chunks, its look-alikes, and what else may fill its rows."""

    def __init__(self, maker: ItemMaker, document: int, found: Sequence[Found]) -> None:
        self._maker, self._found = maker, found
        self._store, self._settings = maker.store, maker.settings
        self.id, self.source = maker.store.document(document)
        self._own = range(*maker.store.first_chunk[document : document + 2].tolist())
        self._texts: dict[int, str] = maker.store.texts(np.arange(self._own.start, self._own.stop))
        words = maker.negatives.shingle_words
        self._near = NearDuplicates((shingles_of(text, words) for text in self._texts.values()), maker.negatives)
        self._read([chunk for one in found for chunk in one.chunks])
        self._hits = {chunk for one in found for chunk in one.chunks}
        self._barred = {*maker.store.barred_chunks.tolist()}
        chance = random.Random(f"{self._settings.seed}/{self.id}")
        self._known: dict[str, ChunkTokens] = {}
        self._asks_of = chance.randrange(self._settings.chunks - 1)
        self.asked: Fact | None = None
        if self._settings.questions:
            self.asked = drawn_fact(chance, "\n".join(self._texts.values()))

    def pieces(self, level: int) -> Pieces:
        """The pieces of the pair with so many look-alikes behind each chunk; the row is exactly as long as wanted.

        Raises:
            ImpossibleError: there are none.
        """
        chance = random.Random(f"{self._settings.seed}/{self.id}/{level}")
        used: set[int] = {*self._own}
        said = [self.asked] if self.asked else []
        meta = self._meta()
        gaps = [list(self._negatives(number, level, used, said, chance)) for number in range(len(meta) - 1)]
        widest = self._settings.chosen_distances[-1]
        room = self._maker.text_tokens - sum(piece.tokens for piece in (*meta, *(p for gap in gaps for p in gap)))
        for gap in gaps:
            while sum(piece.tokens - 1 for piece in gap) < widest:
                gap.append(self._random(used, chance))
                room -= gap[-1].tokens
            if room < 1:
                raise ImpossibleError(LeftOut.TOO_LONG)
        front: list[Piece] = []
        while room > 0:
            front.insert(0, self._random(used, chance))
            room -= front[0].tokens
        made = Pieces(front=tuple(front), meta=tuple(meta), gaps=tuple(map(tuple, gaps)))
        return self._cut(made, used, chance)

    def _meta(self) -> list[Piece]:
        last = self._settings.chunks - 1
        found = []
        for number, chunk in enumerate(self._own[: last + 1]):
            if number == last:
                asked = f"{self._maker.separator}{question(self.asked)} {self.asked.value}" if self.asked else ""
                found.append(self._piece("meta", chunk, asked))
            else:
                found.append(self._piece("meta", chunk, fact=self.asked if number == self._asks_of else None))
        return found

    def _negatives(
        self, number: int, level: int, used: set[int], said: list[Fact], chance: random.Random
    ) -> Iterator[Piece]:
        """The look-alikes of one chunk, best first; each says what no other piece says."""
        left = level
        found = self._found[number]
        for rank, (chunk, score) in enumerate(zip(found.chunks, found.scores, strict=True), 1):
            if not left:
                return
            if chunk in used or not self._serves(chunk):
                continue
            used.add(chunk)
            left -= 1
            fact = None
            if self.asked is not None:
                fact = drawn_fact(chance, " ".join(f"{one.key} {one.value}" for one in said))
                said.append(fact)
            yield replace(self._piece("negative", chunk, fact=fact), rank=rank, score=score)
        if left:
            raise ImpossibleError(LeftOut.TOO_FEW_INTERFERERS)

    def _random(self, used: set[int], chance: random.Random) -> Piece:
        """Any chunk of another document that the retriever does not name for this one."""
        for _ in range(_DRAWS_FOR_A_PIECE):
            chunk = chance.randrange(self._store.chunks)
            if chunk not in used and chunk not in self._hits and self._serves(chunk):
                used.add(chunk)
                return self._piece("random", chunk)
        raise ImpossibleError(LeftOut.TOO_FEW_OTHERS)

    def _serves(self, chunk: int) -> bool:
        """Whether a chunk of another document may stand in a row: neither barred, nor blank, nor a near-copy."""
        self._read([chunk])
        text = self._texts[chunk]
        words = self._maker.negatives.shingle_words
        return chunk not in self._barred and bool(text.strip()) and shingles_of(text, words) not in self._near

    def _piece(self, role: Role, chunk: int, behind: str | None = None, fact: Fact | None = None) -> Piece:
        separator = self._maker.separator
        text = self._texts[chunk].strip()
        if not text:
            raise ImpossibleError(LeftOut.BLANK)
        if behind is None:
            behind = f"{separator}{statement(fact)}{separator}" if fact else separator
        document = int(self._store.document_of(np.array([chunk]))[0])
        return Piece(
            role=role,
            document=self._store.document(document)[0],
            chunk=chunk - int(self._store.first_chunk[document]),
            offset=self._texts[chunk].index(text[0]),
            text=text,
            behind=behind,
            tokens=self._count(text, behind),
            fact=fact,
        )

    def _count(self, text: str, behind: str) -> int:
        """Tokens of a piece by itself."""
        if behind == self._maker.separator:
            return self._known_tokens(text).tokens
        return self._maker.tokenizer.count([text + behind])[0]

    def _known_tokens(self, text: str) -> ChunkTokens:
        """The tokens of the text of a piece, as far as they are the same in every row."""
        if text not in self._known:
            [self._known[text]] = self._maker.tokenizer.tokenise_chunks([text], self._maker.separator)
        return self._known[text]

    def encode(self, pieces: Sequence[Piece]) -> PieceTokens:
        """The tokens of pieces that follow each other: those of their text as a whole."""
        text = "".join(piece.whole for piece in pieces)
        ends = [*accumulate(len(piece.whole) for piece in pieces)]
        spans = [(start, start + len(piece.text)) for start, piece in zip((0, *ends[:-1]), pieces, strict=True)]
        known = [self._known_tokens(piece.text) for piece in pieces]
        tokenizer = self._maker.tokenizer
        ids = tokenizer.stitch(text, spans, known).keep(len(text)).input_ids
        return PieceTokens(text=text, ids=ids, token_starts=tokenizer.starts(text, ids), spans=spans)

    def _read(self, chunks: Iterable[int]) -> None:
        wanted = [chunk for chunk in chunks if chunk not in self._texts]
        if wanted:
            self._texts |= self._store.texts(np.array(wanted, np.int64))

    def _cut(self, pieces: Pieces, used: set[int], chance: random.Random) -> Pieces:
        """The same pieces, the first one without as much of its beginning as the row is too long.

        Raises:
            ImpossibleError: the row has another length whatever is cut off.
        """
        wanted = self._maker.text_tokens
        while True:
            encoded = self.encode(_blocked(pieces))
            starts = encoded.token_starts
            surplus = len(starts) - wanted
            if surplus >= 0:
                break
            pieces = replace(pieces, front=(self._random(used, chance), *pieces.front))
        first, *others = pieces.front
        for step in sorted(range(-_CUTS_TRIED, _CUTS_TRIED + 1), key=lambda step: (abs(step), step)):
            if not 0 <= surplus + step < len(starts):
                continue
            at = int(starts[surplus + step])
            if at < len(first.text):
                rest = replace(first, text=first.text[at:], offset=first.offset + at)
                shorter = replace(pieces, front=(rest, *others))
                if len(self.encode(_blocked(shorter)).ids) == wanted:
                    return shorter
        raise ImpossibleError(LeftOut.NO_EXACT_CUT)


def _blocked(pieces: Pieces) -> list[Piece]:
    return [*pieces.front, *(piece for gap in pieces.gaps for piece in gap), *pieces.meta]
