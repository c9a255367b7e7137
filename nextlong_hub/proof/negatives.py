"""Proves the negatives of one row: their scores, their ranks, and that nothing better was passed over."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nextlong_hub.proof.choices import Choices
from nextlong_hub.proof.choosing import Objection, Rules, Surprise, passed_over, reference_count, take_again, uneven
from nextlong_hub.proof.copies import Shingles, shingles
from nextlong_hub.proof.on_end import OnEnd
from nextlong_hub.proof.ranking import Ranking, as_float32, may_be
from nextlong_hub.proof.report import Finding
from nextlong_hub.proof.scores import Statistics
from nextlong_hub.proof.texts import Texts

Encode = Callable[[str], Sequence[int]]
"""The ids of a text, without special tokens, encoded in one go."""
Row = Mapping[str, Any]

_SURELY_ASKED = 64
"""Hits that are asked for each meta-chunk at the least, if the corpus has so many chunks."""
_NEAR = 16
"""Characters around the end of the last token in which an exact length is looked for."""
_GUARD = "what its guard on tokens passed over"
_ENDED = "where the answer to a meta-chunk ended that has fewer negatives than its share"
_APPROXIMATE = (
    "ranks, and that no better chunk was passed over: its search is approximate, or sees a part of the corpus"
)
_ON_END = (
    "that a better chunk repeats a few tokens on end: give the tokenizer, or the only one where it was made for several"
)
_NO_CUT = "that it could not end in a better chunk: give the tokenizer, or the only one where it was made for several"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What rows of one recipe are compared with."""

    choices: Choices
    texts: Texts
    """The corpus, cut as the recipe says."""
    statistics: Statistics | None
    """Of the corpus; its queries hold the chunks of all meta-documents. None where scores are another retriever's."""
    encode: Encode | None
    """The tokenizer; None where tokens are not counted."""

    def number(self, segment: Row) -> int | None:
        """The number of a segment's chunk in the corpus; None where there is none."""
        chunks = self.texts.chunks_of(segment["document"])
        return chunks[segment["chunk"]] if 0 <= segment["chunk"] < len(chunks) else None


class Negatives:
    """The negatives of one row, whose text is known to be that of its chunks."""

    def __init__(
        self, world: World, row: Row, groups: Sequence[Sequence[Row]], meta_chunks: range, finding: Finding
    ) -> None:
        """Prepare to prove them.

        Args:
            world: what they are compared with.
            row: the row.
            groups: the segments of the negatives of each meta-chunk that is there.
            meta_chunks: the numbers of all chunks of the meta-document.
            finding: what is found goes there.
        """
        self._world = world
        self._choices = world.choices
        self._texts = world.texts
        self._row = row
        self._groups = groups
        self._meta_chunks = meta_chunks
        self._finding = finding
        self._chosen = [[number for one in group if (number := world.number(one)) is not None] for group in groups]
        self._shingles: dict[int, Shingles] = {}
        self._on_end = OnEnd(
            self._choices.times_on_end,
            self._choices.longest_on_end,
            None if self._choices.is_for_several else world.encode,
        )
        self._on_end_of: dict[int, bool] = {}
        self._rules = Rules(
            world.choices,
            world.texts.barred,
            [self._shingles_of(chunk) for chunk in meta_chunks],
            self._shingles_of,
            self._repeats_on_end,
        )

    def prove(self) -> None:
        """Prove what can be, and tell what cannot."""
        finding = self._finding
        finding.faults += self._admission_faults()
        if self._world.statistics is None:
            finding.open.append(f"scores and choice of the retriever {self._choices.retriever}")
            return
        rankings = []
        for meta_chunk, group, own in zip(self._meta_chunks, self._groups, self._chosen, strict=False):
            said = {chunk: segment["score"] for chunk, segment in zip(own, group, strict=True)}
            rankings.append(Ranking(self._world.statistics.scores(meta_chunk), self._meta_chunks, said))
            finding.faults += self._score_faults(meta_chunk, group, own, rankings[-1])
            finding.scores += len(group)
        if not self._choices.is_whole:
            finding.open.append(_APPROXIMATE)
            return
        finding.faults += self._own_rank_faults(rankings)
        if not finding.faults:
            finding.faults += self._choice_faults(rankings)
        if not finding.faults:
            finding.faults += self._spread_faults(rankings)

    def _shingles_of(self, chunk: int) -> Shingles:
        if chunk not in self._shingles:
            self._shingles[chunk] = shingles(self._texts.chunk(chunk), self._choices.shingle_words)
        return self._shingles[chunk]

    def _repeats_on_end(self, chunk: int) -> bool:
        if chunk not in self._on_end_of:
            self._on_end_of[chunk] = self._on_end.holds(self._texts.chunk(chunk) + self._choices.separator)
        return self._on_end_of[chunk]

    def _admission_faults(self) -> Iterator[str]:
        """What speaks against a negative, whatever its score."""
        used: set[int] = set()
        for group, own in zip(self._groups, self._chosen, strict=True):
            for segment, chunk in zip(group, own, strict=True):
                objection = self._rules.objection(chunk, segment["rank"], used)
                if chunk in self._meta_chunks:
                    yield f"its negative at {segment['start']:,} is {named(segment)}, of the meta-document itself"
                elif objection is not None:
                    yield f"its negative at {segment['start']:,}, {named(segment)}, may not serve: {objection}"
                used.add(chunk)

    def _score_faults(
        self, meta_chunk: int, group: Sequence[Row], own: Sequence[int], ranking: Ranking
    ) -> Iterator[str]:
        """The score and the place that each negative has in the order of all chunks."""
        for segment, chunk in zip(group, own, strict=True):
            score = ranking.score(chunk)
            where = f"its negative at {segment['start']:,}, {named(segment)},"
            if not may_be(segment["score"], score):
                yield (
                    f"{where} has the score {segment['score']:.9g}, and counted again the corpus gives "
                    f"{as_float32(score):.9g}"
                )
            elif self._choices.is_whole and ranking.ranks.get(chunk) != segment["rank"]:
                yield (
                    f"{where} has rank {segment['rank']:,}, and {ranking.ranks.get(chunk, 1) - 1:,} chunks of other "
                    f"documents come before it for chunk {self._texts.place(meta_chunk)[1]:,}"
                )

    def _own_rank_faults(self, rankings: Sequence[Ranking]) -> Iterator[str]:
        """Where the best other chunk of the document would stand; beyond what was asked for only that it is there."""
        metas = [segment for segment in self._row["segments"] if segment["role"] == "meta"]
        for segment, group, ranking, own in zip(metas, self._groups, rankings, self._meta_chunks, strict=False):
            if "own_rank" not in segment:
                return
            others = [chunk for chunk in self._meta_chunks if chunk != own]
            wanted = 0
            if others:
                wanted = 1 + ranking.before(max(others, key=lambda chunk: (ranking.value(chunk), -chunk)))
            said = segment["own_rank"]
            is_beyond = wanted > said > max(_SURELY_ASKED, *(one["rank"] for one in group), 0)
            if said != wanted and not is_beyond:
                yield f"its meta-chunk at {segment['start']:,} has own_rank {said:,}, and the corpus gives {wanted:,}"

    def _choice_faults(self, rankings: Sequence[Ranking]) -> Iterator[str]:
        """Nothing better may have been passed over without a reason."""
        if self._choices.guard == "tokens":
            self._finding.open.append(_GUARD)
            return
        orders = [ranking.chunks for ranking in rankings]
        taken = take_again(orders, self._chosen, self._rules, self._choices.fill)
        while (missed := self._unfit(taken.surprise)) is not None:
            self._rules.unfit |= missed
            taken = take_again(orders, self._chosen, self._rules, self._choices.fill)
        if taken.surprise is not None:
            yield self._told(taken.surprise, rankings)
            return
        self._finding.passed_over.update({str(reason): count for reason, count in passed_over(taken).items()})

    def _unfit(self, surprise: Surprise | None) -> dict[int, Objection] | None:
        """The chunk that is missed, where it could not serve beside those that the row has; None where it could."""
        if surprise is None or surprise.wanted is None or surprise.objection is not None:
            return None
        if self._is_on_end_beside(surprise):
            return {surprise.wanted: Objection.ON_END}
        uncut = self._in_which_no_row_ends(surprise)
        return None if uncut is None else {uncut: Objection.NO_CUT}

    def _is_on_end_beside(self, surprise: Surprise) -> bool:
        """Whether the chunk that is missed holds, with what would stand beside it, too much on end, or might."""
        wanted = surprise.wanted
        if wanted is None:
            return False
        number, place, separator = surprise.meta_chunk, surprise.place, self._choices.separator
        before = self._chosen[number][place - 1] if place else self._meta_chunks[number]
        around = [before, wanted]
        if place == len(self._chosen[number]) - 1:
            around += self._meta_chunks[number + 1 : number + 2]
        text = separator.join(map(self._texts.chunk, around))
        if self._on_end.is_known or not self._on_end.may_hold(text):
            return self._on_end.holds(text)
        self._finding.open.append(_ON_END)
        return True

    def _in_which_no_row_ends(self, surprise: Surprise) -> int | None:
        """The chunk that is missed, where the row would have ended in it, and not with exactly its tokens."""
        wanted, last = surprise.wanted, len(self._groups) - 1
        if wanted is None or surprise.meta_chunk != last or self._choices.fill != "even":
            return None
        encode = self._world.encode
        if encode is None or self._choices.is_for_several:
            if surprise.place < len(self._groups[last]) - 1:
                return None
            self._finding.open.append(_NO_CUT)
            return wanted
        before = self._row["text"][: self._groups[last][surprise.place]["start"]]
        target = self._choices.target_tokens - self._choices.special_tokens
        return wanted if _never_reaches(before, self._texts.chunk(wanted), target, encode) else None

    def _told(self, surprise: Surprise, rankings: Sequence[Ranking]) -> str:
        """A surprise in words."""
        segment, ranking = self._groups[surprise.meta_chunk][surprise.place], rankings[surprise.meta_chunk]
        where = f"its negative at {segment['start']:,} is {named(segment)} with score {segment['score']:.6g}"
        if surprise.objection is not None:
            return f"{where}, which may not serve: {surprise.objection}"
        if surprise.wanted is None:
            return f"{where}, which is not the turn of its meta-chunk"
        document, chunk = self._texts.place(surprise.wanted)
        return (
            f"{where}, and chunk {chunk:,} of {document!r} with score {ranking.value(surprise.wanted):.6g}, rank "
            f"{ranking.ranks[surprise.wanted]:,}, was passed over without a reason"
        )

    def _spread_faults(self, rankings: Sequence[Ranking]) -> Iterator[str]:
        """Each meta-chunk must have its share of the negatives, unless its answer ended."""
        counts = list(map(len, self._chosen))
        if self._choices.fill == "even":
            behind = uneven(counts)
        else:
            characters = sum(len(self._texts.chunk(chunk)) for chunk in self._meta_chunks)
            each = reference_count(self._choices, characters, len(self._meta_chunks))
            behind = [number for number, count in enumerate(counts[:-1]) if count < each]
            if max(counts) > each:
                yield f"a meta-chunk has {max(counts):,} negatives, and the formula gives {each:,}"
        for number in behind:
            free = self._free(number, rankings[number])
            if free is not None and free <= _SURELY_ASKED and self._choices.guard == "off":
                yield (
                    f"its meta-chunk {number:,} has fewer negatives than its share, {counts[number]:,}, and the chunk "
                    f"of rank {free:,} is free"
                )
                return
            if free is not None:
                self._finding.open.append(_ENDED)

    def _free(self, number: int, ranking: Ranking) -> int | None:
        """The rank of the best chunk that a meta-chunk could have besides; None where there is none."""
        own = self._chosen[number]
        last = ranking.ranks[own[-1]] if own else 0
        used = {chunk for chosen in self._chosen for chunk in chosen}
        ranked = enumerate(ranking.all_chunks(), 1)
        return next((r for r, chunk in ranked if r > last and self._rules.objection(chunk, r, used) is None), None)


def named(segment: Row) -> str:
    """What a message calls the chunk of a segment."""
    return f"chunk {segment['chunk']:,} of {segment['document']!r}"


def _never_reaches(before: str, chunk: str, target: int, encode: Encode) -> bool:
    """Whether a text passes so many tokens in a chunk, and has exactly so many nowhere near."""

    def tokens(characters: int) -> int:
        return len(encode(before + chunk[:characters]))

    if not tokens(0) < target <= tokens(len(chunk)):
        return False
    crossing = bisect_left(range(len(chunk)), target, key=tokens)
    near = range(max(1, crossing - _NEAR), min(len(chunk), crossing + _NEAR) + 1)
    return target not in map(tokens, near)
