"""Proves one row: its chunks and their order, its text, its tokens, and by `negatives` what was chosen."""

from collections.abc import Iterator, Sequence

from nextlong_hub.proof.choices import Choices
from nextlong_hub.proof.negatives import Encode, Negatives, Row, World, named
from nextlong_hub.proof.report import Finding
from nextlong_hub.proof.scores import Statistics
from nextlong_hub.proof.texts import Texts

_SHOWN = 40
_NO_TOKENIZER = "the number of its tokens: give the tokenizer"
_UNTIED = "which negatives belong to which meta-chunk, as none are interleaved"


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
        self._encode = encode
        self._world = World(choices=choices, texts=texts, statistics=statistics, encode=encode)

    def prove(self, row: Row) -> Finding:
        """Derive a row again, and compare."""
        finding = Finding()
        meta_chunks = self._texts.chunks_of(row["meta_document"])
        if not meta_chunks:
            finding.faults.append(f"the corpus has no document {row['meta_document']!r}")
            return finding
        numbers = [self._world.number(segment) for segment in row["segments"]]
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
            Negatives(self._world, row, groups, meta_chunks, finding).prove()
        return finding

    def _text_faults(self, row: Row, numbers: Sequence[int | None], finding: Finding) -> Iterator[str]:
        """The text must be the chunks, with the separator between them, up to a place in the last."""
        text, separator = row["text"], self._choices.separator
        place = 0
        for index, (segment, number) in enumerate(zip(row["segments"], numbers, strict=True)):
            where = f"its segment at {segment['start']:,}"
            if number is None:
                yield f"{where} is {named(segment)}, and by the rule of its cuts the document has no such chunk"
                return
            chunk = self._texts.chunk(number)
            end = place + len(chunk)
            if index == len(numbers) - 1:
                end = max(place, min(end, len(text)))
            there = text[segment["start"] : segment["end"]]
            if there != chunk[: end - place]:
                yield f"{where} is {named(segment)}, which by the rule of its cuts {_difference(there, chunk)}"
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


def _difference(there: str, chunk: str) -> str:
    """How a chunk differs from what stands in a row."""
    same = next((n for n, (one, other) in enumerate(zip(there, chunk, strict=False)) if one != other), None)
    if same is None:
        return f"has {len(chunk):,} characters, and the row holds {len(there):,} of them"
    wanted, came = chunk[same : same + _SHOWN], there[same : same + _SHOWN]
    return f"goes on with {wanted!r} from its character {same:,}, and the row with {came!r}"
