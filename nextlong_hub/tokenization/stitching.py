"""A long text under one tokenizer, put together from chunks that were tokenised before.

    chunk 1          separator          chunk 2                    chunk 3
    ──┬────────────────┬───   ─   ───┬──────────────────┬──   ─   ─┬───────
    ▲ window           ▲    window   ▲                  ▲  window  ▲
      │ core, known before │         │ core, known before │

A chunk's *core* lies between its first and its last safe split point (see `split_points`), so its tokens are the same
in every text. Only the *windows* between the cores, a few words each, are encoded here. Where a chunk has no safe split
point (Chinese without spaces under GPT-2, minified code), or none is proven for the tokenizer, windows grow, at the
worst to the whole text: that is slower, and gives the same tokens.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from nextlong_hub.tokenization.spellings import TokenSpans
from nextlong_hub.tokenization.split_points import SplitPoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACHES_CHARACTERS = (64, 256)
"""How far from the first guess a cut is sought; the farther reach only where the nearer one holds none."""
_WINDOW_CHARACTERS = 512
"""How much text before the guess is encoded to predict exact cuts, if no safe split point is that near."""
_TRIED_CUTS = 8
"""How many predicted cuts are checked on the text they end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkTokens:
    """A chunk under one tokenizer: all that holds in every text that contains it."""

    tokens: int
    """Of the chunk by itself, with the separator behind it."""
    first: int
    """Character at which the core begins; -1 when there is no core."""
    last: int
    """Character behind the core; -1 when there is none."""
    ids: "NDArray[np.int32]"
    """Of the core. Shape: (tokens of the core,)."""
    most_times: int = 1
    """How often on end a few tokens stand in the chunk by itself; see `method.periods`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEncoder:
    """The functions of a tokenizer by which `Stitched` encodes parts of a text."""

    split_points: SplitPoints
    encode: "Callable[[Sequence[str], bool], list[NDArray[np.int32]]]"
    """The ids of several parts of a text, of which the first is its beginning or not."""
    spans: "Callable[[str, NDArray[np.int32], bool], TokenSpans]"
    """Where the tokens of a part lie in it; the part is the beginning of a text or not."""
    spelled: "Callable[[str, NDArray[np.int32]], TokenSpans | None]"
    """The same for several parts at once, put together; None when the tokens do not spell them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A prefix of a text, encoded by itself."""

    characters: int
    input_ids: "NDArray[np.int32]"
    """Shape: (tokens,)."""
    chunk_tokens: tuple[int, ...]
    """Tokens that begin in each chunk, as far as it is kept; chunks behind the cut are left out."""


class Stitched:
    """All tokens of a long text, and of any prefix of it.

    Every result equals that of encoding the prefix by itself, from its first character.
    """

    def __init__(
        self, encoder: PartEncoder, text: str, spans: Sequence[tuple[int, int]], chunks: Sequence[ChunkTokens]
    ) -> None:
        """Put the tokens of `text` together.

        Args:
            encoder: encodes parts under the tokenizer.
            text: the whole text.
            spans: first character of each chunk and one past its last.
            chunks: the tokens of each.
        """
        self.text = text
        self._encoder = encoder
        self._spans = spans
        cores = [(span[0], chunk) for span, chunk in zip(spans, chunks, strict=True) if chunk.first >= 0]
        ends = [0, *(start + chunk.last for start, chunk in cores)]
        begins = [*(start + chunk.first for start, chunk in cores), len(text)]
        self._windows = [text[a:b] for a, b in zip(ends, begins, strict=True)]
        self._window_ids = encoder.encode(self._windows, True)
        self._core_tokens = [len(chunk.ids) for _, chunk in cores]
        self._window_starts = ends
        parts = [self._window_ids[0]]
        for ids, (_, chunk) in zip(self._window_ids[1:], cores, strict=True):
            parts += [chunk.ids, ids]
        self._ids = np.concatenate(parts) if len(parts) > 1 else parts[0]
        # Window, core, window …: each part begins at a safe split point, the first one with the text.
        self._part_characters = [place for pair in zip(ends, begins, strict=True) for place in pair]
        self._part_tokens = [0, *accumulate(map(len, parts))]
        self._last_cut: tuple[int, tuple[int, int, NDArray[np.int32]]] | None = None

    @property
    def total_tokens(self) -> int:
        """Of the whole text."""
        return len(self._ids)

    def end_of(self, token: int) -> int:
        """One past the last character that token number `token`, counted from 1, covers."""
        part = bisect_right(self._part_tokens, token - 1) - 1
        return self._part_characters[part] + int(self._part_spans(part).ends[token - 1 - self._part_tokens[part]])

    def count(self, characters: int) -> int:
        """Tokens of the first so many characters by themselves."""
        _, tokens, rest_ids = self._encode_to(characters)
        return tokens + len(rest_ids)

    def prefix(self, characters: int) -> "NDArray[np.int32]":
        """The ids of the first so many characters by themselves. Shape: (tokens,)."""
        _, tokens, rest_ids = self._encode_to(characters)
        return np.concatenate([self._ids[:tokens], rest_ids])

    def exact_cuts(self, target: int) -> Iterator[int]:
        """Lengths in characters of prefixes with exactly `target` tokens, the likeliest first.

        That is the end of the whole text's token number `target`, else the nearest to it; of two equally near the
        longer.
        """
        if target > self.total_tokens:
            return
        if target == self.total_tokens:
            yield len(self.text)
            return
        guess = self.end_of(target)
        if self.count(guess) == target:
            yield guess
        nearer = 0
        for reach in _REACHES_CHARACTERS:
            near = [cut for step in range(nearer + 1, reach + 1) for cut in (guess + step, guess - step)]
            yield from self._cuts_among([cut for cut in near if 0 < cut <= len(self.text)], guess, reach, target)
            nearer = reach

    def _cuts_among(self, near: list[int], guess: int, reach: int, target: int) -> Iterator[int]:
        """Those of `near` with exactly `target` tokens.

        From a near safe split point the counts are exact. Where there is none, only the last characters are encoded and
        the tokens before them are predicted from the guess, whose count is known; full counts check a few predicted
        cuts.
        """
        place, tokens = self._anchor(max(1, guess - reach))
        is_near = guess - place <= _WINDOW_CHARACTERS + 2 * reach
        start = place if is_near else max(0, guess - _WINDOW_CHARACTERS)
        near = [cut for cut in near if cut > start]
        if is_near:
            counts = self._count_from(start, near)
            yield from (cut for cut, count in zip(near, counts, strict=True) if tokens + count == target)
        elif reach == _REACHES_CHARACTERS[0]:
            last, *counts = self._count_from(start, [guess, *near])
            before = self.count(guess) - last
            likely = [cut for cut, count in zip(near, counts, strict=True) if before + count == target]
            yield from (cut for cut in likely[:_TRIED_CUTS] if self.count(cut) == target)

    def keep(self, characters: int) -> Kept:
        """The first so many characters: their ids, and how many tokens begin in each chunk."""
        kept = [(start, min(stop, characters)) for start, stop in self._spans if start < characters]
        borders = np.array(kept, np.int64).reshape(-1, 2)
        if characters == len(self.text):
            return self._kept(characters, self._ids, self._begun(borders))
        place, tokens, rest_ids = self._encode_to(characters)
        starts = self._encoder.spans(self.text[place:characters], rest_ids, place == 0).starts
        behind = tokens + np.searchsorted(starts, borders - place)
        begun = np.where(borders <= place, self._begun(np.minimum(borders, place)), behind)
        return self._kept(characters, np.concatenate([self._ids[:tokens], rest_ids]), begun)

    def _kept(self, characters: int, ids: "NDArray[np.int32]", begun: "NDArray[np.int64]") -> Kept:
        return Kept(characters=characters, input_ids=ids, chunk_tokens=tuple((begun[:, 1] - begun[:, 0]).tolist()))

    def _begun(self, borders: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """How many tokens of the whole text begin before each border of a chunk: all of them lie in windows."""
        window_starts = np.array(self._window_starts, np.int64)
        lengths = np.array([len(window) for window in self._windows], np.int64)
        offsets = np.cumsum(lengths) - lengths
        numbers = np.searchsorted(window_starts, borders, side="right") - 1
        inside = np.minimum(borders - window_starts[numbers], lengths[numbers])
        tokens_before = np.concatenate(([0], np.cumsum(self._core_tokens, dtype=np.int64)))
        begun: NDArray[np.int64] = np.searchsorted(self._starts_in_windows(), offsets[numbers] + inside)
        return begun + tokens_before[numbers]

    def _starts_in_windows(self) -> "NDArray[np.int64]":
        """First character of each token of the windows, in all windows put together."""
        spelled = self._encoder.spelled("".join(self._windows), np.concatenate(self._window_ids))
        if spelled is not None:
            return spelled.starts
        starts = [
            self._encoder.spans(window, ids, number == 0).starts
            for number, (window, ids) in enumerate(zip(self._windows, self._window_ids, strict=True))
        ]
        offsets = [0, *accumulate(map(len, self._windows))]
        return np.concatenate([own + offset for own, offset in zip(starts, offsets, strict=False)])

    def _part_spans(self, part: int) -> TokenSpans:
        text = self.text[self._part_characters[part] : self._part_characters[part + 1]]
        ids = self._ids[self._part_tokens[part] : self._part_tokens[part + 1]]
        return self._encoder.spans(text, ids, part == 0)

    def _encode_to(self, characters: int) -> "tuple[int, int, NDArray[np.int32]]":
        """The last safe split point before a cut, the tokens before it, and the ids between it and the cut."""
        if self._last_cut is None or self._last_cut[0] != characters:
            place, tokens = self._anchor(characters)
            (rest_ids,) = self._encoder.encode([self.text[place:characters]], place == 0)
            self._last_cut = characters, (place, tokens, rest_ids)
        return self._last_cut[1]

    def _anchor(self, characters: int) -> tuple[int, int]:
        """The last safe split point inside the first so many characters, 0 if there is none, and its tokens before."""
        part = max(0, bisect_right(self._part_characters, characters - 1) - 1)
        start = self._part_characters[part]
        found = self._encoder.split_points.last(self.text, start, characters)
        if found is None:
            return start, self._part_tokens[part]
        starts = self._part_spans(part).starts
        return found, self._part_tokens[part] + int(np.searchsorted(starts, found - start))

    def _count_from(self, start: int, stops: Sequence[int]) -> list[int]:
        """Tokens of the text from a safe split point, or from its beginning, up to each of `stops`."""
        parts = [self.text[start:stop] for stop in stops]
        if start == 0:
            return [len(self._encoder.encode([part], True)[0]) for part in parts]
        return [len(ids) for ids in self._encoder.encode(parts, False)]


def bounds(lengths: Sequence[int], separator_characters: int) -> list[tuple[int, int]]:
    """First character of each chunk and one past its last, when chunks of these lengths are joined."""
    places = [0, *accumulate(length + separator_characters for length in lengths)]
    return [(a, b - separator_characters) for a, b in pairwise(places)]
