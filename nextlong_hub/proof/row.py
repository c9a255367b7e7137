"""Proves one row: chunks, order, text, tokens, scores, ranks, and that nothing better was passed over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nextlong_hub.proof.choices import Choices
from nextlong_hub.proof.choosing import (
    Rules,
    Surprise,
    passed_over,
    reference_count,
    take_again,
    uneven,
)
from nextlong_hub.proof.copies import Shingles, shingles
from nextlong_hub.proof.ranking import Ranking, as_float32, may_be
from nextlong_hub.proof.report import Finding
from nextlong_hub.proof.scores import Statistics
from nextlong_hub.proof.texts import Texts

Encode = Callable[[str], Sequence[int]]
"""The ids of a text, without special tokens, encoded in one go."""
Row = Mapping[str, Any]

_SURELY_ASKED = 64
"""Hits that are asked for each meta-chunk at the least, if the corpus has so many chunks."""
_SHOWN = 40
_NO_TOKENIZER = "the number of its tokens: give the tokenizer"
_GUARD = "what its guard on tokens passed over"
_ENDED = "where the answer to a meta-chunk ended that has fewer negatives than its share"
_UNTIED = "which negatives belong to which meta-chunk, as none are interleaved"
_APPROXIMATE = (
    "ranks, and that no better chunk was passed over: its search is approximate, or sees a part of the corpus"
)


class Prover:
    """Proves samples of one recipe against one corpus."""

    def __init__(
        self, choices: Choices, texts: Texts, statistics: Statistics | None, encode: Encode | None = None
    ) -> None:
        """Prepare to prove rows.

        Args:
            choices: those of the recipe.
            texts: the corpus, cut as the recipe says.
            statistics: of the corpus; its queries hold the chunks of all meta-documents. None where the scores are of
                another retriever.
            encode: the tokenizer; None where tokens are not counted.
        """
        self._choices = choices
        self._texts = texts
        self._statistics = statistics
        self._encode = encode

    def prove(self, row: Row) -> Finding:
        """Derive a row again, and compare."""
        finding = Finding()
        meta_chunks = self._texts.chunks_of(row["meta_document"])
        if not meta_chunks:
            finding.faults.append(f"the corpus has no document {row['meta_document']!r}")
            return finding
        numbers = [self._number(segment) for segment in row["segments"]]
        finding.faults += self._text_faults(row, numbers, finding)
        finding.faults += self._order_faults(row, numbers, meta_chunks)
        is_of_chunks = not finding.faults
        _prove_tokens(row, self._choices, self._encode, finding)
        if not is_of_chunks:
            return finding
        groups = self._groups(row["segments"], len(meta_chunks))
        if self._choices.may_repeat or groups is None:
            finding.open.append(f"how the retriever {self._choices.retriever} chose" if groups else _UNTIED)
        else:
            self._prove_negatives(row, groups, meta_chunks, finding)
        return finding

    def _number(self, segment: Row) -> int | None:
        """The number of a segment's chunk in the corpus; None where there is none."""
        chunks = self._texts.chunks_of(segment["document"])
        return chunks[segment["chunk"]] if 0 <= segment["chunk"] < len(chunks) else None

    def _text_faults(self, row: Row, numbers: Sequence[int | None], finding: Finding) -> Iterator[str]:
        """The text must be the chunks, with the separator between them, up to a place in the last."""
        text, separator = row["text"], self._choices.separator
        place = 0
        for index, (segment, number) in enumerate(zip(row["segments"], numbers, strict=True)):
            where = f"its segment at {segment['start']:,}"
            if number is None:
                yield f"{where} is {_named(segment)}, and by the rule of its cuts the document has no such chunk"
                return
            chunk = self._texts.chunk(number)
            end = place + len(chunk)
            if index == len(numbers) - 1:
                end = max(place, min(end, len(text)))
            there = text[segment["start"] : segment["end"]]
            if there != chunk[: end - place]:
                yield f"{where} is {_named(segment)}, which by the rule of its cuts {_difference(there, chunk)}"
                return
            is_joined = text.startswith(separator[: max(0, len(text) - end)], end)
            if not is_joined or (segment["start"], segment["end"]) != (place, end):
                yield (
                    f"{where} ends at {segment['end']:,}; chunks and separators put together begin it at {place:,} and "
                    f"end it at {end:,}"
                )
                return
            place = end + len(separator)
            finding.borders += 1
        if len(text) > place:
            yield f"its text has {len(text):,} characters, and its chunks end at {place:,}"

    def _order_faults(self, row: Row, numbers: Sequence[int | None], meta_chunks: range) -> Iterator[str]:
        """The meta-chunks must be those of the meta-document in order, all of them unless the cut may take them."""
        metas = [number for number, one in zip(numbers, row["segments"], strict=True) if one["role"] == "meta"]
        if metas != list(meta_chunks)[: len(metas)] or (self._choices.fill == "even" and len(metas) < len(meta_chunks)):
            yield (
                f"its meta-chunks are {len(metas):,}, and {row['meta_document']!r} has {len(meta_chunks):,} chunks by "
                "the rule of its cuts, which must be there in order"
            )
        roles = [segment["role"] for segment in row["segments"]]
        if roles[:1] != ["meta"]:
            yield "it does not begin with a meta-chunk"
        if not self._choices.is_interleaved and roles != sorted(roles):
            yield "its negatives do not lie behind all of its meta-chunks"

    def _groups(self, segments: Sequence[Row], meta_chunks: int) -> list[list[Row]] | None:
        """The negatives of each meta-chunk that is there; None where that cannot be told."""
        groups: list[list[Row]] = []
        if self._choices.is_interleaved:
            for segment in segments:
                if segment["role"] == "meta":
                    groups.append([])
                else:
                    groups[-1].append(segment)
            return groups
        for segment in segments:
            if segment["role"] == "negative":
                if not groups or segment["rank"] <= groups[-1][-1]["rank"]:
                    groups.append([])
                groups[-1].append(segment)
        return groups if len(groups) == meta_chunks else None

    def _prove_negatives(self, row: Row, groups: Sequence[Sequence[Row]], meta_chunks: range, finding: Finding) -> None:
        """Scores, ranks and choice, as far as the retriever is one that is known here."""
        chosen = [[self._known(segment) for segment in group] for group in groups]
        cache: dict[int, Shingles] = {}
        rules = Rules(
            self._choices,
            self._texts.barred,
            [self._shingles(chunk, cache) for chunk in meta_chunks],
            lambda chunk: self._shingles(chunk, cache),
        )
        finding.faults += self._admission_faults(groups, chosen, meta_chunks, rules)
        if self._statistics is None:
            finding.open.append(f"scores and choice of the retriever {self._choices.retriever}")
            return
        rankings = []
        for meta_chunk, group, own in zip(meta_chunks, groups, chosen, strict=False):
            said = {chunk: segment["score"] for chunk, segment in zip(own, group, strict=True)}
            rankings.append(Ranking(self._statistics.scores(meta_chunk), meta_chunks, said))
            finding.faults += self._score_faults(meta_chunk, group, own, rankings[-1])
            finding.scores += len(group)
        if not self._choices.is_whole:
            finding.open.append(_APPROXIMATE)
            return
        self._prove_own_ranks(row, groups, rankings, meta_chunks, finding)
        if not finding.faults:
            self._prove_choice(groups, chosen, rankings, rules, finding)
        if not finding.faults:
            self._prove_spread(meta_chunks, chosen, rankings, rules, finding)

    def _known(self, segment: Row) -> int:
        number = self._number(segment)
        assert number is not None  # noqa: S101  the text was compared with its chunk
        return number

    def _shingles(self, chunk: int, cache: dict[int, Shingles]) -> Shingles:
        if chunk not in cache:
            cache[chunk] = shingles(self._texts.chunk(chunk), self._choices.shingle_words)
        return cache[chunk]

    def _admission_faults(
        self, groups: Sequence[Sequence[Row]], chosen: Sequence[Sequence[int]], meta_chunks: range, rules: Rules
    ) -> Iterator[str]:
        """What speaks against a negative, whatever its score."""
        used: set[int] = set()
        for group, own in zip(groups, chosen, strict=True):
            for segment, chunk in zip(group, own, strict=True):
                objection = rules.objection(chunk, segment["rank"], used)
                if chunk in meta_chunks:
                    yield f"its negative at {segment['start']:,} is {_named(segment)}, of the meta-document itself"
                elif objection is not None:
                    yield f"its negative at {segment['start']:,}, {_named(segment)}, may not serve: {objection}"
                used.add(chunk)

    def _score_faults(
        self, meta_chunk: int, group: Sequence[Row], own: Sequence[int], ranking: Ranking
    ) -> Iterator[str]:
        """The score and the place that each negative has in the order of all chunks."""
        for segment, chunk in zip(group, own, strict=True):
            score = ranking.score(chunk)
            where = f"its negative at {segment['start']:,}, {_named(segment)},"
            if not may_be(segment["score"], score):
                yield (
                    f"{where} has the score {segment['score']:.6g}, and counted again the corpus gives "
                    f"{as_float32(score):.6g}"
                )
            elif self._choices.is_whole and ranking.ranks.get(chunk) != segment["rank"]:
                yield (
                    f"{where} has rank {segment['rank']:,}, and {ranking.ranks.get(chunk, 1) - 1:,} chunks of other "
                    f"documents come before it for chunk {self._texts.place(meta_chunk)[1]:,}"
                )

    def _prove_own_ranks(
        self,
        row: Row,
        groups: Sequence[Sequence[Row]],
        rankings: Sequence[Ranking],
        meta_chunks: range,
        finding: Finding,
    ) -> None:
        """Where the best other chunk of the document would stand; beyond what was asked for only that it is there."""
        metas = [segment for segment in row["segments"] if segment["role"] == "meta"]
        for segment, group, ranking, meta_chunk in zip(metas, groups, rankings, meta_chunks, strict=False):
            if "own_rank" not in segment:
                return
            others = [chunk for chunk in meta_chunks if chunk != meta_chunk]
            wanted = 0
            if others:
                wanted = 1 + ranking.before(max(others, key=lambda chunk: (ranking.value(chunk), -chunk)))
            said = segment["own_rank"]
            is_beyond = wanted > said > max(_SURELY_ASKED, *(one["rank"] for one in group), 0)
            if said != wanted and not is_beyond:
                finding.faults.append(
                    f"its meta-chunk at {segment['start']:,} has own_rank {said:,}, and the corpus gives {wanted:,}"
                )

    def _prove_choice(
        self,
        groups: Sequence[Sequence[Row]],
        chosen: Sequence[Sequence[int]],
        rankings: Sequence[Ranking],
        rules: Rules,
        finding: Finding,
    ) -> None:
        """Nothing better may have been passed over without a reason."""
        if self._choices.guard == "tokens":
            finding.open.append(_GUARD)
            return
        taken = take_again([ranking.chunks for ranking in rankings], chosen, rules, self._choices.fill)
        if taken.surprise is not None:
            finding.faults.append(self._told(taken.surprise, groups, rankings))
            return
        finding.passed_over.update({str(reason): count for reason, count in passed_over(taken).items()})

    def _told(self, surprise: Surprise, groups: Sequence[Sequence[Row]], rankings: Sequence[Ranking]) -> str:
        """A surprise in words."""
        segment, ranking = groups[surprise.meta_chunk][surprise.place], rankings[surprise.meta_chunk]
        where = f"its negative at {segment['start']:,} is {_named(segment)} with score {segment['score']:.6g}"
        if surprise.objection is not None:
            return f"{where}, which may not serve: {surprise.objection}"
        if surprise.wanted is None:
            return f"{where}, which is not the turn of its meta-chunk"
        document, chunk = self._texts.place(surprise.wanted)
        return (
            f"{where}, and chunk {chunk:,} of {document!r} with score {ranking.value(surprise.wanted):.6g}, rank "
            f"{ranking.ranks[surprise.wanted]:,}, was passed over without a reason"
        )

    def _prove_spread(
        self,
        meta_chunks: range,
        chosen: Sequence[Sequence[int]],
        rankings: Sequence[Ranking],
        rules: Rules,
        finding: Finding,
    ) -> None:
        """Each meta-chunk must have its share of the negatives, unless its answer ended."""
        counts = list(map(len, chosen))
        if self._choices.fill == "even":
            behind = uneven(counts)
        else:
            characters = sum(len(self._texts.chunk(chunk)) for chunk in meta_chunks)
            each = reference_count(self._choices, characters, len(meta_chunks))
            behind = [number for number, count in enumerate(counts[:-1]) if count < each]
            if max(counts) > each:
                finding.faults.append(f"a meta-chunk has {max(counts):,} negatives, and the formula gives {each:,}")
        used = {chunk for own in chosen for chunk in own}
        for number in behind:
            last = rankings[number].ranks[chosen[number][-1]] if chosen[number] else 0
            free = next(
                (
                    rank
                    for rank, chunk in enumerate(rankings[number].all_chunks(), 1)
                    if rank > last and rules.objection(chunk, rank, used) is None
                ),
                None,
            )
            if free is not None and free <= _SURELY_ASKED:
                finding.faults.append(
                    f"its meta-chunk {number:,} has fewer negatives than its share, {counts[number]:,}, and the chunk "
                    f"of rank {free:,} is free"
                )
                return
            if free is not None:
                finding.open.append(_ENDED)


def prove_piece(row: Row, text: str | None, special_tokens: int, encode: Encode | None) -> Finding:
    """Prove a row, or a document of one, that is a document of the corpus or a piece of one.

    Args:
        row: with `offset` where it does not begin with the document.
        text: of the document in the corpus; None where there is none.
        special_tokens: around it.
        encode: the tokenizer; None where tokens are not counted.
    """
    finding = Finding()
    offset = row.get("offset", 0)
    if text is None:
        finding.faults.append(f"the corpus has no document {row['meta_document']!r}")
    elif text[offset : offset + len(row["text"])] != row["text"]:
        finding.faults.append(f"its text is not what {row['meta_document']!r} holds from character {offset:,}")
    else:
        finding.borders = 1
        _count_tokens(row, special_tokens, encode, finding)
    return finding


def _prove_tokens(row: Row, choices: Choices, encode: Encode | None, finding: Finding) -> None:
    """The text must encode to its tokens, as many as the recipe says."""
    _count_tokens(row, choices.special_tokens, encode, finding)
    if row["token_count"] < choices.target_tokens:
        finding.faults.append(f"has {row['token_count']:,} tokens instead of {choices.target_tokens:,}")


def _count_tokens(row: Row, special_tokens: int, encode: Encode | None, finding: Finding) -> None:
    if encode is None:
        finding.open.append(_NO_TOKENIZER)
        return
    ids = list(encode(row["text"]))
    finding.encoded = True
    if len(ids) + special_tokens != row["token_count"]:
        finding.faults.append(f"its text encodes to {len(ids):,} tokens, token_count says {row['token_count']:,}")
    elif "input_ids" in row and ids not in _without_special(list(row["input_ids"]), special_tokens):
        finding.faults.append("its text does not encode to its input_ids")


def _without_special(ids: list[int], special_tokens: int) -> list[list[int]]:
    """What may be between the special tokens: one in front, one at the end, or one of each."""
    if special_tokens == 0:
        return [ids]
    return [ids[1:-1]] if special_tokens > 1 else [ids[1:], ids[:-1]]


def _named(segment: Row) -> str:
    return f"chunk {segment['chunk']:,} of {segment['document']!r}"


def _difference(there: str, chunk: str) -> str:
    """How a chunk differs from what stands in a row."""
    same = next((n for n, (one, other) in enumerate(zip(there, chunk, strict=False)) if one != other), None)
    if same is None:
        return f"has {len(chunk):,} characters, and the row holds {len(there):,} of them"
    wanted, came = chunk[same : same + _SHOWN], there[same : same + _SHOWN]
    return f"goes on with {wanted!r} from its character {same:,}, and the row with {came!r}"
