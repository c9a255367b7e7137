"""How much a corpus holds, told from its metadata and a small sample, without reading it through.

    pieces ▶ strata                 one for each file or Parquet row group, with its documents and bytes
           ▶ picks, evenly spaced   in corpus order, so that the sample looks like the whole
           ▶ texts                  a few from each stratum picked, spread over it as far as its format allows

Nothing here is random: the same corpus gives the same sample.
"""

import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextlong_hub import corpus
from nextlong_hub.corpus.reading import open_any, source_errors
from nextlong_hub.errors import CorpusTooSmallError, DataError
from nextlong_hub.hub.files import open_dataset

MOST_DOCUMENTS = 4_000
MOST_BYTES = 16_000_000

_PICKS = 50
_READ_FOR_ONE = 8
"""Documents read, at most, for each that is kept: what lies between them is decoded for nothing."""
_MOST_LINE_FILES = 16
"""JSON Lines files that are measured in one source; the others are taken to be like them, byte for byte."""
_WINDOW_BYTES = 1 << 16
_WINDOWS = 96
_UNPACKED_BYTES = 256 << 20
"""Decompressed bytes looked at in one source: what is compressed can only be read from its beginning."""
_BLOCK_BYTES = 1 << 20
_LENGTH_BYTES = 4
"""Plain Parquet encoding puts so many bytes before each string."""

OnBadDocument = Literal["fail", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a corpus seems to hold."""

    documents: float
    text_bytes: float
    """Of UTF-8."""
    texts: tuple[str, ...]
    """The documents looked at, in corpus order."""
    weights: tuple[float, ...]
    """How many documents of the corpus each of them stands for. Shape: (texts,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stratum:
    """A part of the corpus whose size is known or measured."""

    documents: float
    text_bytes: float
    draw: Callable[[int], Iterable[str | None]]
    """About so many of its texts, spread over it; None for a document that is left out."""


def survey(pieces: Sequence[corpus.Piece], on_bad_document: OnBadDocument, memory: Mapping[str, Any]) -> Survey:
    """Look at an even sample of a corpus: at most about 4,000 documents and 16 MB.

    Args:
        pieces: the corpus.
        on_bad_document: whether a bad document in the sample is an error.
        memory: datasets held by the caller, by source name.

    Raises:
        DataError: a file is damaged or has not the columns it needs, or a remote source does not say how large it is.
        CorpusTooSmallError: there is no document with text.
    """
    lines: defaultdict[str, list[corpus.Piece]] = defaultdict(list)
    strata: list[_Stratum] = []
    for piece in pieces:
        if piece.format == "jsonl":
            lines[piece.source].append(piece)
        else:
            strata += _strata(piece, on_bad_document, memory)
    for files in lines.values():
        strata += _line_strata(files, on_bad_document)
    total = sum(stratum.documents for stratum in strata)
    picks = _pick([stratum.documents for stratum in strata])
    texts: list[str] = []
    weights: list[float] = []
    left_out = 0.0
    met = 0
    for number, times in sorted(picks.items()):
        stands_for = total * times / sum(picks.values())
        drawn, seen = _draw(strata[number], times)
        texts += drawn
        met += seen
        weights += [stands_for / seen] * len(drawn)
        left_out += stands_for * (1 - len(drawn) / max(1, seen))
    if not texts:
        raise CorpusTooSmallError("the corpus has no document with text; check the paths and text_column")
    if met >= round(total):  # nothing was left to guess
        text_bytes = sum(len(text.encode()) for text in texts)
        return Survey(documents=len(texts), text_bytes=text_bytes, texts=tuple(texts), weights=(1.0,) * len(texts))
    return Survey(
        documents=total - left_out,
        text_bytes=sum(stratum.text_bytes for stratum in strata),
        texts=tuple(texts),
        weights=tuple(weights),
    )


def _pick(documents: Sequence[float]) -> Counter[int]:
    """Strata at evenly spaced documents of the corpus, each with how often it was met."""
    spacing = sum(documents) / _PICKS
    picks: Counter[int] = Counter()
    end = 0.0
    for number, count in enumerate(documents):
        end += count
        while count and sum(picks.values()) < _PICKS and (sum(picks.values()) + 0.5) * spacing <= end:
            picks[number] += 1
    return picks


def _draw(stratum: _Stratum, times: int) -> tuple[list[str], int]:
    """The texts of one stratum, and how many documents were met for them."""
    texts: list[str] = []
    seen = size = 0
    for text in stratum.draw(MOST_DOCUMENTS // _PICKS * times):
        seen += 1
        if text is not None:
            texts.append(text)
            size += len(text.encode())
        if size >= MOST_BYTES // _PICKS * times:
            break
    return texts, seen


def _strata(piece: corpus.Piece, on_bad_document: OnBadDocument, memory: Mapping[str, Any]) -> Iterator[_Stratum]:
    def draw_from(part: corpus.Piece, documents: float) -> Callable[[int], Iterator[str | None]]:
        return lambda wanted: _spread(corpus.read(part, on_bad_document, memory), wanted, documents)

    with source_errors(piece):
        match piece.format:
            case "parquet":
                for part, documents, size in _row_groups(piece):
                    yield _Stratum(documents=documents, text_bytes=size, draw=draw_from(part, documents))
            case "arrow":
                yield _measure_arrow(piece)
            case "text":
                size = sum(_size(file) for file in piece.files)
                yield _Stratum(
                    documents=len(piece.members),
                    text_bytes=size,
                    draw=lambda wanted: _read_members(piece, wanted, on_bad_document),
                )
            case "hub" | "memory":
                rows = _rows_of_dataset(piece, memory)
                sample = [text for text in draw_from(piece, rows)(MOST_DOCUMENTS // _PICKS) if text is not None]
                mean = sum(len(text.encode()) for text in sample) / max(1, len(sample))
                yield _Stratum(documents=rows, text_bytes=rows * mean, draw=draw_from(piece, rows))


def _spread(results: Iterator[corpus.Skipped | Any], wanted: int, documents: float) -> Iterator[str | None]:
    """Every so-manieth text, as far as reading on is worth it."""
    step = max(1, min(_READ_FOR_ONE, int(documents / wanted)))
    for number, result in enumerate(results):
        if number >= wanted * step:
            return
        if number % step == 0:
            yield None if isinstance(result, corpus.Skipped) else result.text


def _row_groups(piece: corpus.Piece) -> Iterator[tuple[corpus.Piece, int, int]]:
    """Each row group with its rows and the bytes of its text: a Parquet file's footer knows both."""
    with open_any(piece.location) as handle:
        try:
            metadata = pq.read_metadata(handle)
        except (pa.ArrowInvalid, OSError):
            list(corpus.read(piece, "fail"))  # says what is wrong with the file
            raise
    first, stop = piece.row_groups or (0, metadata.num_row_groups)
    row = piece.first_row
    for number in range(first, stop):
        group = metadata.row_group(number)
        columns = (group.column(index) for index in range(group.num_columns))
        size = sum(one.total_uncompressed_size for one in columns if one.path_in_schema == piece.text_column)
        part = replace(piece, row_groups=(number, number + 1), first_row=row)
        yield part, group.num_rows, max(0, size - _LENGTH_BYTES * group.num_rows)
        row += group.num_rows


def _measure_arrow(piece: corpus.Piece) -> _Stratum:
    """An Arrow file, mapped into memory: only offsets are looked at, and the texts that are drawn."""
    next(corpus.read(piece, "skip"), None)  # a wrong column is better said in its words
    columns = [batch.column(piece.text_column) for batch in _arrow_batches(piece.location)]
    rows = sum(len(column) for column in columns)

    def draw(wanted: int) -> Iterator[str | None]:
        yield from (_usable(_value(columns, number)) for number in _evenly(rows, wanted))

    text_bytes = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns)
    return _Stratum(documents=rows, text_bytes=text_bytes, draw=draw)


def _arrow_batches(location: str) -> Iterator[Any]:
    handle = pa.memory_map(location)
    try:
        reader = pa.ipc.open_file(handle)
    except pa.ArrowInvalid:
        handle.seek(0)
        yield from pa.ipc.open_stream(handle)
    else:
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))


def _value(columns: Sequence[Any], number: int) -> Any:
    for column in columns:
        if number < len(column):
            return column[number].as_py()
        number -= len(column)
    return None


def _read_members(piece: corpus.Piece, wanted: int, on_bad_document: OnBadDocument) -> Iterator[str | None]:
    members = tuple(piece.members[number] for number in _evenly(len(piece.members), wanted))
    chosen = replace(piece, members=members)
    for result in corpus.read(chosen, on_bad_document):
        yield None if isinstance(result, corpus.Skipped) else result.text


def _line_strata(files: Sequence[corpus.Piece], on_bad_document: OnBadDocument) -> list[_Stratum]:
    """The JSON Lines files of one source, of which evenly spaced ones stand for all."""
    step = -(-len(files) // _MOST_LINE_FILES)
    chosen = files[step // 2 :: step]
    with source_errors(chosen[0]):
        sizes = {piece.location: _size(piece.location) for piece in files}
    scale = sum(sizes.values()) / max(1, sum(sizes[piece.location] for piece in chosen))
    return [_measure_lines(piece, on_bad_document, sizes[piece.location], len(chosen), scale) for piece in chosen]


def _measure_lines(
    piece: corpus.Piece, on_bad_document: OnBadDocument, size: int, files: int, scale: float
) -> _Stratum:
    """Documents and text of one JSON Lines file, `scale` times over, from some of its lines."""
    next(corpus.read(piece, on_bad_document), None)  # a wrong column or a damaged line is better said in its words
    ending = piece.location.rpartition(".")[2]
    kind = {"gz": "gzip", "zst": "zstd"}.get(ending)
    with source_errors(piece), open_any(piece.location) as handle:
        if kind is None:
            lines = _lines_in_windows(io.BufferedReader(handle), size, max(1, _WINDOWS // files))  # type: ignore[arg-type]
        else:
            lines, size = _lines_unpacked(handle, kind, size, _UNPACKED_BYTES // files)
    texts = [_text_of_line(line, piece.text_column) for line in lines]
    growth = scale * size / max(1, sum(len(line) for line in lines))

    def draw(wanted: int) -> Iterator[str | None]:
        yield from (texts[number] for number in _evenly(len(texts), wanted))

    return _Stratum(
        documents=growth * len(texts),
        text_bytes=growth * sum(len(text.encode()) for text in texts if text is not None),
        draw=draw,
    )


def _lines_in_windows(handle: io.BufferedReader, size: int, windows: int) -> list[bytes]:
    """Whole lines from evenly spaced places of a file; all of them when it is small."""
    if size <= windows * _WINDOW_BYTES:
        return [line for line in handle if line.strip()]
    lines = []
    for number in range(windows):
        handle.seek(size * number // windows)
        if number:
            handle.readline()  # the rest of the line we fell into
        taken = 0
        while taken < _WINDOW_BYTES and (line := handle.readline()):
            taken += len(line)
            if line.strip():
                lines.append(line)
    return lines


def _lines_unpacked(handle: Any, kind: str, size: int, most_bytes: int) -> tuple[list[bytes], int]:
    """Every so-manieth line of the beginning of a compressed file, and the bytes the file has once unpacked."""
    lines: list[bytes] = []
    stream = pa.CompressedInputStream(handle, kind)
    unpacked = number = 0
    step = 1
    rest = b""
    while unpacked < most_bytes and (block := stream.read(_BLOCK_BYTES)):
        unpacked += len(block)
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if number % step == 0 and line.strip():
                lines.append(line + b"\n")
            number += 1
        if sum(map(len, lines)) > MOST_BYTES:
            lines, step = lines[::2], step * 2
    return lines, size * unpacked // max(1, handle.tell())


def _text_of_line(line: bytes, text_column: str) -> str | None:
    try:
        return _usable(json.loads(line)[text_column])
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers below `count`, evenly spaced."""
    return [number * count // min(count, wanted) for number in range(min(count, wanted))]


def _usable(text: Any) -> str | None:
    return text if isinstance(text, str) and text and not text.isspace() else None


def _size(location: str) -> int:
    with open_any(location) as handle:
        return handle.seek(0, 2)


def _rows_of_dataset(piece: corpus.Piece, memory: Mapping[str, Any]) -> float:
    """Rows of a dataset, or of one shard of it."""
    if piece.is_local_memory:
        dataset = memory[piece.source]
        return float(dataset.num_rows) if hasattr(dataset, "num_rows") else float(sum(1 for _ in dataset))
    splits = open_dataset(piece.location, piece.config, piece.split, piece.revision).info.splits or {}
    if piece.split not in splits or not splits[piece.split].num_examples:
        raise DataError(
            f"{piece.location} does not say how many rows its split {piece.split!r} has, so nothing can be predicted; "
            "run without --dry-run, or name its files as hf://datasets/…"
        )
    shards = piece.shard[1] if piece.shard else 1
    return float(splits[piece.split].num_examples) / shards
