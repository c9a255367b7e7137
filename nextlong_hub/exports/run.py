"""Run an export: check, encode, pack, write."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub._version import __version__
from nextlong_hub.core.files import digest_of, sha256_of
from nextlong_hub.dataset import SplitReader, open_split
from nextlong_hub.dataset.spelled import spelled_sentence
from nextlong_hub.errors import DataError
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.exports.base import FORMATS, ExportFormat, ExportSettings
from nextlong_hub.exports.endings import end_documents
from nextlong_hub.exports.export_rows import EncodeBatch, ExportRow, pack, read_rows, unpack
from nextlong_hub.exports.options import ExportRequest, choose_settings, choose_tokenizer, open_tokenizer
from nextlong_hub.exports.proof import DocumentsDigest, documents_of, read_back
from nextlong_hub.exports.writer import ExportedFile, ExportWriter
from nextlong_hub.producer import special_tokens_of
from nextlong_hub.tokenization import SpecialTokens, Tokenizer

_COUNTS = ("rows", "documents", "tokens", "learned_tokens", "eos_replacing", "eos_appended")
_TWO_DEVICES = 4
"""Tokens of which a document must be a multiple for the fewest devices that can share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What an export wrote."""

    format: str
    config: str
    rows: int
    documents: int
    tokens: int
    """0 where the format has none."""
    learned_tokens: int
    """Tokens on which the loss is taken."""
    bytes: int
    files: tuple[ExportedFile, ...]
    folder: Path
    is_unchanged: bool
    """The folder held this finished export already."""
    documents_digest: str = ""
    """Of the documents that went in and were read back: see `proof`; empty where the format has no reader."""
    eos_replacing: int = 0
    """Documents whose last token gave way to the EOS."""
    eos_appended: int = 0
    """Documents behind which the EOS was put."""
    spelled: str = ""
    """Where only text was exported: which rows spell special tokens, and what to set; see `spelled_sentence`."""
    document_multiple: int = 0
    """The lengths of all documents, as the reader takes them, are multiples of so many tokens; 0 where that is not
    known."""
    shared_rows: str = ""
    """Where documents share rows: what to mind under context parallelism; empty where nothing."""


def export(
    where: str | Path,
    request: ExportRequest,
    output: Path,
    *,
    threads: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write one configuration of a dataset in the format of a trainer.

    The same rows and settings give the same bytes with any number of threads. A killed run can be started again; a
    finished export is left unchanged.

    Args:
        where: dataset folder, folder of Parquet files, or dataset on the Hub.
        request: the format and its settings.
        output: the new folder.
        threads: number of threads that encode texts.
        force: replace what is in the way: see `ExportWriter`.
        progress: receives the number of rows written.

    Raises:
        DataError: the dataset cannot be read, has no rows, or a row does not fit the format.
        RecipeError: there is no such format, or it does not support the request.
        ConflictError: `output` holds something else.
        StorageError: no space, or no permission.
    """
    kind = FORMATS[request.format]
    with closing(open_split(where, request.config)) as split:
        named = open_tokenizer(kind, request)
        tokenizer = choose_tokenizer(kind, named, split)
        settings = choose_settings(kind, request, split, named)
        has_tokens = _has_tokens(kind, split, encodes=tokenizer is not None)
        spelled = spelled_sentence(split.record) if split.record is not None and not has_tokens else ""
        head = {
            "version": __version__,
            "format": kind.name,
            "source": _source(split),
            "tokenizer": tokenizer.digest if tokenizer else None,
            "settings": asdict(settings) | {"hashes": list(settings.hashes)},
        }
        writer = ExportWriter(output, head, force=force)
        finished = writer.finished()
        if finished is not None:
            return _report(finished, output, is_unchanged=True, spelled=spelled)
        writer.begin()
        stages = ProgressTracker(progress or NullProgress())
        tally = _write(kind, settings, split, tokenizer, writer, threads, stages)
        proven = _prove(output, kind, tally.digest, stages)
    return _report(writer.commit(tally.counts, **proven), output, is_unchanged=False, spelled=spelled)


def _write(
    kind: ExportFormat,
    settings: ExportSettings,
    split: SplitReader,
    tokenizer: Tokenizer | None,
    writer: ExportWriter,
    threads: int,
    stages: ProgressTracker,
) -> "_Tally":
    """Write all rows and count them."""
    tally = _Tally(kind)
    encoder = _Encoder(tokenizer, _special_tokens(split, tokenizer), threads) if tokenizer else None
    with (
        closing(encoder) if encoder else nullcontext(),
        stages.stage(f"export {split.config}", len(split), "rows") as advance,
    ):
        encode = encoder.encode if encoder else None
        rows = end_documents(_rows(kind, settings, split, encode, advance), settings.ending, tally.count)
        kind.write(tally.counted(rows), writer, settings)
    if not tally.counts["rows"]:
        raise DataError(f"{split.config} of {split.where} has no rows, so there is nothing to export")
    return tally


class _Tally:
    """Counts rows, and digests their documents, on their way into the files."""

    def __init__(self, kind: ExportFormat) -> None:
        self._kind = kind
        self.counts = dict.fromkeys((*_COUNTS, "document_multiple"), 0)
        self.digest = DocumentsDigest()

    def count(self, name: str, number: int = 1) -> None:
        self.counts[name] += number

    def counted(self, rows: Iterable[ExportRow]) -> Iterator[ExportRow]:
        """The same rows."""
        for row in rows:
            learned = row.input_ids.size if row.loss_mask is None else np.count_nonzero(row.loss_mask)
            self.count("rows")
            self.count("documents", len(row.documents))
            self.count("tokens", len(row.input_ids))
            self.count("learned_tokens", int(learned))
            taken = (tokens - self._kind.tokens_dropped for tokens in row.document_lengths)
            self.counts["document_multiple"] = gcd(self.counts["document_multiple"], *taken)
            for document in documents_of(row, self._kind):
                self.digest.add(document)
            yield row


def _prove(folder: Path, kind: ExportFormat, written: DocumentsDigest, stages: ProgressTracker) -> dict[str, str]:
    """Read the files back; what the manifest says of their documents."""
    with stages.stage("read back", written.documents, "documents") as advance:
        read = read_back(folder, kind)
        advance(written.documents)
    if read is None:
        return {}
    if read.hexdigest() != written.hexdigest():
        raise DataError(
            f"{folder} holds other documents than were written to it ({read.documents:,} of {written.documents:,} were "
            "read back); the disk or the memory is faulty, or somebody else writes there: run the export again"
        )
    return {"documents_digest": read.hexdigest()}


class _Encoder:
    """Encodes texts in order, several at once."""

    def __init__(self, tokenizer: Tokenizer, special_tokens: SpecialTokens, threads: int) -> None:
        self._tokenizer = tokenizer
        self._special_tokens = special_tokens
        self._pool = ThreadPoolExecutor(threads)  # the tokenizer works outside the interpreter's lock

    def encode(self, texts: Sequence[str]) -> Iterable[NDArray[np.int32]]:
        """The tokens of each text, special tokens included."""
        return map(self._special_tokens.around, self._pool.map(self._tokenizer.encode, texts))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)


def _special_tokens(split: SplitReader, tokenizer: Tokenizer) -> SpecialTokens:
    """The special tokens around a document, by the recipe of its rows."""
    recipes = list(split.record.row_recipes.values()) if split.record else []
    return special_tokens_of(recipes[0], [tokenizer]) if recipes and tokenizer else SpecialTokens()


def _rows(
    kind: ExportFormat,
    settings: ExportSettings,
    split: SplitReader,
    encode_batch: EncodeBatch | None,
    advance: Callable[[int], None],
) -> Iterator[ExportRow]:
    """The rows, packed or unpacked as the format needs them."""
    has_tokens = _has_tokens(kind, split, encodes=encode_batch is not None)
    rows = _with_progress(read_rows(split, tokens=has_tokens, text=kind.wants_text, encode_batch=encode_batch), advance)
    if settings.pack_tokens:
        return pack(rows, split.config, settings.pack_tokens, by_source=settings.by_source)
    return rows if kind.takes_packed_rows else unpack(rows)


def _has_tokens(kind: ExportFormat, split: SplitReader, *, encodes: bool) -> bool:
    """Whether tokens are written."""
    return kind.tokens == "always" or (kind.tokens == "where stored" and (encodes or "input_ids" in split.columns))


def _with_progress(rows: Iterable[ExportRow], advance: Callable[[int], None]) -> Iterator[ExportRow]:
    for row in rows:
        yield row
        advance(1)


def _source(split: SplitReader) -> dict[str, Any]:
    """Identity of the rows: the digest of their files, or the commit on the Hub."""
    if split.record is not None:
        digests = [file.sha256 for file in split.record.files]
    elif split.folder is not None:
        digests = [sha256_of(split.folder / name) for name in split.files]
    else:
        digests = [split.commit or "", *split.files]
    return {"config": split.config, "files": digest_of(digests)}


def _shared_rows(kind: ExportFormat, counts: Mapping[str, int]) -> str:
    """What to mind where documents share rows; empty where none do."""
    if counts["documents"] <= counts["rows"]:
        return ""
    multiple = counts.get("document_multiple", 0)
    if kind.aligned_rows and multiple >= _TWO_DEVICES and multiple % 2 == 0:
        return kind.aligned_rows.format(f"{multiple:,}", f"{multiple // 2:,}")
    return kind.shared_rows


def _report(content: dict[str, Any], folder: Path, *, is_unchanged: bool, spelled: str) -> ExportReport:
    files = tuple(ExportedFile(**file) for file in content["files"])
    counts = content["counts"]
    return ExportReport(
        format=content["format"],
        config=content["source"]["config"],
        **counts,
        bytes=sum(file.bytes for file in files),
        documents_digest=content.get("documents_digest", ""),
        files=files,
        folder=folder,
        is_unchanged=is_unchanged,
        spelled=spelled,
        shared_rows=_shared_rows(FORMATS[content["format"]], counts),
    )
