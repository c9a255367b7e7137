"""A row as the data of a page: compressed JSON in Base64, which cannot contain a tag.

The text is stored once, cut at the borders of its segments, so that the page needs no character offsets (a browser
counts UTF-16 units, Python code points). Names are sanitized here, the text when it is displayed.
"""

import base64
import gzip
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite
from typing import Any

from nextlong_hub.core.printable import visible_line
from nextlong_hub.dataset import Row
from nextlong_hub.explore.strip import bars
from nextlong_hub.explore.summary import links_of
from nextlong_hub.records import PackedDocument, Segment


def encode(row: Row, score_name: str) -> str:
    """A row as Base64 of gzipped JSON: the same row gives the same characters."""
    text = json.dumps(describe(row, score_name), ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", "surrogatepass")
    return base64.b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode()


def describe(row: Row, score_name: str) -> dict[str, Any]:
    """A row as the page reads it; `score_name` is what its retriever calls its scores.

    `pieces` joined are exactly the row's text: what stands before the first segment, the first segment, what stands
    between it and the second, and so on to what follows the last. Lists of `segments` have one entry a segment; `parts`
    are the documents of a packed row.
    """
    parts = _parts(row)
    segments = [segment for part in parts for segment in part.segments]
    drawn = [bar for part in parts for bar in bars(part.segments, part.tokens)]
    before = [0, *accumulate(part.tokens for part in parts)]
    part_of = [number for number, part in enumerate(parts) for _ in part.segments]
    names = list(dict.fromkeys(segment.document for segment in segments))
    numbers = {name: number for number, name in enumerate(names)}
    return {
        "id": visible_line(row.id),
        "metaDocument": visible_line(row.meta_document),
        "source": visible_line(row.source),
        "tokens": row.token_count,
        "characters": len(row.text),
        "links": links_of(row, segments),
        "scoreName": visible_line(score_name),
        "documents": [visible_line(name) for name in names],
        "parts": [
            {"id": visible_line(part.id), "source": visible_line(part.source), "tokens": part.tokens}
            for part in parts
            if row.documents.num_rows
        ],
        "segments": {
            "part": part_of,
            "isMeta": [int(bar.is_meta) for bar in drawn],
            "document": [numbers[segment.document] for segment in segments],
            "chunk": [segment.chunk for segment in segments],
            "start": [segment.start for segment in segments],
            "end": [segment.end for segment in segments],
            "firstToken": [before[part] + bar.first_token for part, bar in zip(part_of, drawn, strict=True)],
            "tokens": [segment.tokens for segment in segments],
            "rank": [segment.rank for segment in segments],
            "score": [round(segment.score, 3) if isfinite(segment.score) else 0.0 for segment in segments],
            "ownRank": [segment.own_rank for segment in segments],
            "shade": [bar.shade for bar in drawn],
        },
        "pieces": _pieces(row.text, segments),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One document for attention: a whole sample, or one document of a packed row."""

    id: str
    source: str
    tokens: int
    segments: tuple[Segment, ...]


def _parts(row: Row) -> list[_Part]:
    documents = row.document_list or (
        PackedDocument(
            id=row.id,
            source=row.source,
            meta_document=row.meta_document,
            offset=0,
            start=0,
            end=len(row.text),
            tokens=row.token_count,
        ),
    )
    inside: list[list[Segment]] = [[] for _ in documents]
    starts = [document.start for document in documents]
    for segment in row.segment_list:
        inside[max(0, bisect_right(starts, segment.start) - 1)].append(segment)
    return [
        _Part(
            id=document.id, source=document.source, tokens=document.tokens, segments=tuple(own) or (_whole(document),)
        )
        for document, own in zip(documents, inside, strict=True)
    ]


def _whole(document: PackedDocument) -> Segment:
    """One segment over a whole text without segments, which an import brought in."""
    return Segment(
        role="meta",
        document=document.meta_document or document.id,
        chunk=0,
        start=document.start,
        end=document.end,
        tokens=document.tokens,
        rank=0,
        score=0.0,
    )


def _pieces(text: str, segments: Sequence[Segment]) -> list[str]:
    pieces = []
    place = 0
    for segment in segments:
        start = min(max(segment.start, place), len(text))
        end = min(max(segment.end, start), len(text))
        pieces += [text[place:start], text[start:end]]
        place = end
    return [*pieces, text[place:]]
