"""One document becomes the rows of one item: pieces are chosen, put in every order, and encoded.

The tokens of a text can depend on what stands before it. So each row is encoded as a whole, and an item whose pieces
have other tokens in one order than in another is left out: what is compared is the same tokens, not only the same text.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.evaluation.facts import drawn_fact, question, statement
from nextlong_hub.evaluation.pieces import Fact, Order, Piece, Pieces, Role, orders
from nextlong_hub.evaluation.settings import RiffleSettings
from nextlong_hub.method.near_duplicates import NearDuplicates, shingles_of
from nextlong_hub.method.settings import NegativeSettings
from nextlong_hub.tokenization import SpecialTokens, Tokenizer

_DRAWS_FOR_A_PIECE = 50
_CUTS_TRIED = 8
"""On each side of the first."""


class LeftOut(StrEnum):
    """Why a document gave no item."""

    TOO_FEW_CHUNKS = "too_few_chunks"
    """It has fewer than are taken of each document."""
    BARRED = "barred"
    """A filter bars one of them."""
    SEEN = "seen"
    """It stands in a dataset that was trained on."""
    BLANK = "blank"
    """One of its chunks is nothing but blanks."""
    TOO_LONG = "too_long"
    """Its chunks, with what must stand between them, are longer than a row."""
    TOO_FEW_INTERFERERS = "too_few_interferers"
    """The retriever found fewer look-alikes that are no near-copies."""
    TOO_FEW_OTHERS = "too_few_others"
    """The corpus has too few other chunks to fill a row."""
    NO_EXACT_CUT = "no_exact_cut"
    """No beginning of the first piece gives a row of exactly the length."""
    OTHER_TOKENS = "other_tokens"
    """A piece has other tokens in one order than in another."""
    NOT_APART = "not_apart"
    """The answer shares a token with what stands before it, or stands elsewhere in the row, too."""


class _Impossible(Exception):
    def __init__(self, reason: LeftOut) -> None:
        super().__init__(reason)
        self.reason = reason


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
        except _Impossible as error:
            return error.reason

    def _rows(self, item: int, document: int, found: Sequence[Found]) -> Iterator[dict[str, Any]]:
        one = _Document(self, document, found)
        ends: NDArray[np.int32] | None = None
        for level in self.settings.chosen_interferers:
            pieces = one.pieces(level)
            encoded = [_Encoded(order, pieces, self.tokenizer) for order in orders(pieces, self._distances)]
            if any(not np.array_equal(a, b) for row in encoded for a, b in zip(encoded[0].own, row.own, strict=True)):
                raise _Impossible(LeftOut.OTHER_TOKENS)
            last = encoded[0].own[len(pieces.front) + self.settings.chunks - 1]
            if ends is not None and not np.array_equal(ends, last):
                raise _Impossible(LeftOut.OTHER_TOKENS)
            ends = last
            for row in encoded:
                yield self._row(f"{item:05}", level, row, one)

    def _row(self, item: str, level: int, row: "_Encoded", one: "_Document") -> dict[str, Any]:
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
        self._asks_of = chance.randrange(self._settings.chunks - 1)
        self.asked: Fact | None = None
        if self._settings.questions:
            self.asked = drawn_fact(chance, "\n".join(self._texts.values()))

    def pieces(self, level: int) -> Pieces:
        """The pieces of the pair with so many look-alikes behind each chunk; the row is exactly as long as wanted.

        Raises:
            _Impossible: there are none.
        """
        chance = random.Random(f"{self._settings.seed}/{self.id}/{level}")
        used: set[int] = {*self._own}
        said = [self.asked] if self.asked else []
        meta = self._meta()
        gaps = [list(self._negatives(number, level, used, said, chance)) for number in range(len(meta) - 1)]
        widest = self._settings.chosen_distances[-1]
        room = self._maker.text_tokens - sum(piece.tokens for piece in (*meta, *(p for gap in gaps for p in gap)))
        for gap in gaps:
            while sum(piece.tokens for piece in gap) < widest:
                gap.append(self._random(used, chance))
                room -= gap[-1].tokens
            if room < 1:
                raise _Impossible(LeftOut.TOO_LONG)
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
            raise _Impossible(LeftOut.TOO_FEW_INTERFERERS)

    def _random(self, used: set[int], chance: random.Random) -> Piece:
        """Any chunk of another document that the retriever does not name for this one."""
        for _ in range(_DRAWS_FOR_A_PIECE):
            chunk = chance.randrange(self._store.chunks)
            if chunk not in used and chunk not in self._hits and self._serves(chunk):
                used.add(chunk)
                return self._piece("random", chunk)
        raise _Impossible(LeftOut.TOO_FEW_OTHERS)

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
            raise _Impossible(LeftOut.BLANK)
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
            tokens=self._maker.tokenizer.count([text + behind])[0],
            fact=fact,
        )

    def _read(self, chunks: Iterable[int]) -> None:
        wanted = [chunk for chunk in chunks if chunk not in self._texts]
        if wanted:
            self._texts |= self._store.texts(np.array(wanted, np.int64))

    def _cut(self, pieces: Pieces, used: set[int], chance: random.Random) -> Pieces:
        """The same pieces, the first one without as much of its beginning as the row is too long.

        Raises:
            _Impossible: the row has another length whatever is cut off.
        """
        tokenizer, wanted = self._maker.tokenizer, self._maker.text_tokens
        while True:
            text = "".join(piece.whole for piece in _blocked(pieces))
            ids, starts = tokenizer.encode_with_starts(text)
            surplus = len(ids) - wanted
            if surplus >= 0:
                break
            pieces = replace(pieces, front=(self._random(used, chance), *pieces.front))
        first, *others = pieces.front
        for step in sorted(range(-_CUTS_TRIED, _CUTS_TRIED + 1), key=lambda step: (abs(step), step)):
            if not 0 <= surplus + step < len(starts):
                continue
            at = int(starts[surplus + step])
            if at < len(first.text) and len(tokenizer.encode(text[at:])) == wanted:
                rest = replace(first, text=first.text[at:], offset=first.offset + at)
                return replace(pieces, front=(rest, *others))
        raise _Impossible(LeftOut.NO_EXACT_CUT)


def _blocked(pieces: Pieces) -> list[Piece]:
    return [*pieces.front, *(piece for gap in pieces.gaps for piece in gap), *pieces.meta]


class _Encoded:
    """One order of the pieces, encoded as a whole."""

    def __init__(self, order: Order, pieces: Pieces, tokenizer: Tokenizer) -> None:
        self.order = order
        everything = pieces.all
        self.pieces = [everything[place] for place in order.places]
        self.text = "".join(piece.whole for piece in self.pieces)
        self.ids, self._token_starts = tokenizer.encode_with_starts(self.text)
        lengths = list(accumulate(len(piece.whole) for piece in self.pieces))
        self.starts = [0, *lengths[:-1]]
        """First character of each piece."""
        self.ends = [start + len(piece.text) for start, piece in zip(self.starts, self.pieces, strict=True)]
        """One past the last character of its text."""
        self.borders: list[int] = [self.tokens_before(start) for start in self.starts]
        """First token of each piece."""
        for border, start in zip(self.borders, self.starts, strict=True):
            if start and (border == len(self.ids) or self._token_starts[border] != start):
                raise _Impossible(LeftOut.OTHER_TOKENS)
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
            _Impossible: no token does, or the answer stands in the row more than twice.
        """
        begin = len(self.text) - len(asked.value)
        token = self.tokens_before(begin - 1)
        if token == len(self.ids) or self._token_starts[token] > begin or self.text.count(asked.value) != 2:
            raise _Impossible(LeftOut.NOT_APART)
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
