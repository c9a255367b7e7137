"""A dataset folder proves itself: every file, row and segment, and on request every character of the corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.engine import InlineExecutor
from nextlong_hub.files import sha256_of
from nextlong_hub.manifest import MANIFEST_NAME, ConfigRecord, FileRecord, Manifest, read_manifest
from nextlong_hub.preparation import Source, find_corpus, read_corpus
from nextlong_hub.progress import Progress, Silence, Stages
from nextlong_hub.recipe import Recipe
from nextlong_hub.shards import schema
from nextlong_hub.store import ChunkStore
from nextlong_hub.tokens import Tokenizer, load_tokenizer
from nextlong_hub.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as the manifest says."""

    place: str
    """File, and row where one is meant."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked and what was found."""

    faults: tuple[Fault, ...]
    files: int
    rows: int
    segments: int
    encoded_rows: int
    """Rows whose text was encoded again."""
    rebuilt_rows: int
    """Rows whose text was rebuilt from the corpus."""


def verify(
    folder: Path,
    *,
    sources: Sequence[Source] = (),
    tokenizer: str | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check a dataset folder against its manifest.

    Always: every file's size and sha256, schema, row and token counts, and that each row's segments tile its text. With
    `tokenizer` each text is encoded again and must give exactly the row's tokens. With `sources` each text is rebuilt
    from the corpus by its segments.

    Raises:
        DataError, RecipeError: the corpus or the tokenizer cannot be read.
    """
    stages = Stages(progress or Silence())
    check = _Check()
    manifest = read_manifest(folder)
    if manifest is None:
        check.fault(MANIFEST_NAME, "there is none: the folder is unfinished or was not made by nextlong-hub")
        return check.report()
    if tokenizer is not None:
        check.tokenizer = load_tokenizer(tokenizer)
        if check.tokenizer.digest != manifest.tokenizer.digest:
            check.fault(
                MANIFEST_NAME,
                f"made with tokenizer {manifest.tokenizer.digest}, but {tokenizer} is {check.tokenizer.digest}",
            )
    _check_stray_files(folder, manifest, check)
    with (
        TemporaryDirectory(prefix="nextlong-verify-") as scratch,
        stages.stage("verify", len(manifest.files), "files") as done,
    ):
        for config in manifest.configs.values():
            if sources:
                check.corpora = _read_corpora(Path(scratch), config, sources, manifest, check)
            seen: set[str] = set()
            for record in config.files:
                _check_file(folder, record, config, seen, check)
                done(1)
            if check.config_rows != config.rows:
                check.fault(MANIFEST_NAME, f"counts {config.rows:,} rows, but the files hold {check.config_rows:,}")
            check.config_rows = 0
    return check.report()


@dataclass(slots=True)
class _Check:
    """Counts and faults so far."""

    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    rows: int = 0
    config_rows: int = 0
    segments: int = 0
    encoded_rows: int = 0
    rebuilt_rows: int = 0
    tokenizer: Tokenizer | None = None
    corpora: dict[str, "_Corpus"] = field(default_factory=dict)
    """By recipe."""

    def fault(self, place: str, message: str) -> None:
        self.faults.append(Fault(place=place, message=message))

    def report(self) -> VerifyReport:
        return VerifyReport(
            faults=tuple(self.faults),
            files=self.files,
            rows=self.rows,
            segments=self.segments,
            encoded_rows=self.encoded_rows,
            rebuilt_rows=self.rebuilt_rows,
        )


class _Corpus:
    """Chunk texts by document id and number."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._numbers = {store.document(number)[0]: number for number in range(store.documents)}

    def texts(self, chunks: Sequence[tuple[str, int]]) -> list[str | None]:
        """The text of each (document, chunk); None where the corpus has no such chunk."""
        first = self._store.first_chunk
        numbers = [
            int(first[number]) + chunk
            if (number := self._numbers.get(document)) is not None and 0 <= chunk < first[number + 1] - first[number]
            else -1
            for document, chunk in chunks
        ]
        texts = self._store.texts(np.array([n for n in numbers if n >= 0], np.int64))
        return [texts.get(number) for number in numbers]


def _check_stray_files(folder: Path, manifest: Manifest, check: _Check) -> None:
    listed = {file.path for file in manifest.files}
    for path in sorted((folder / "data").rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in listed:
            check.fault(name, "is not in the manifest; remove it")


def _check_file(folder: Path, record: FileRecord, config: ConfigRecord, seen: set[str], check: _Check) -> None:
    path = folder / record.path
    check.files += 1
    if not path.is_file():
        check.fault(record.path, "is missing")
        return
    if path.stat().st_size != record.bytes:
        check.fault(record.path, f"has {path.stat().st_size:,} bytes instead of {record.bytes:,}")
        return
    found = sha256_of(path)
    if found != record.sha256:
        check.fault(record.path, f"its sha256 is {found} instead of {record.sha256}")
    rows = tokens = 0
    try:
        for place, row in _rows(path, record.path, config, check):
            rows += 1
            tokens += row["token_count"]
            if row["id"] in seen:
                check.fault(place, f"the id {row['id']!r} occurs twice")
            seen.add(row["id"])
            _check_row(place, row, config, check)
    except (OSError, pa.ArrowInvalid) as error:
        check.fault(record.path, f"cannot be read: {error}")
        return
    if (rows, tokens) != (record.rows, record.tokens):
        check.fault(
            record.path, f"holds {rows:,} rows, {tokens:,} tokens instead of {record.rows:,} and {record.tokens:,}"
        )
    check.rows += rows
    check.config_rows += rows


def _rows(path: Path, name: str, config: ConfigRecord, check: _Check) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its place, tokens as an array; nothing when the columns are not ours."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        wanted = schema(tokens=bool(config.recipe["tokens"]))
        if not file.schema_arrow.remove_metadata().equals(wanted):
            check.fault(name, f"has columns {file.schema_arrow.names} of other names or types than {wanted.names}")
            return
        number = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            rows = table.drop_columns([c for c in ("input_ids",) if c in table.column_names]).to_pylist()
            for index, row in enumerate(rows):
                if "input_ids" in table.column_names:
                    row["input_ids"] = table["input_ids"][index].values.to_numpy()
                yield f"{name}, row {number}", row
                number += 1


def _check_row(place: str, row: dict[str, Any], config: ConfigRecord, check: _Check) -> None:
    recipe = config.row_recipes.get(row["id"].partition("/")[0])
    if recipe is None:
        check.fault(place, f"the id {row['id']!r} names no recipe of this configuration")
        return
    may_be_shorter = recipe.fit is not None and not recipe.fit.discard
    if row["token_count"] != recipe.target_length and not (
        may_be_shorter and row["token_count"] < recipe.target_length
    ):
        check.fault(place, f"has {row['token_count']:,} tokens instead of {recipe.target_length:,}")
    if "input_ids" in row and len(row["input_ids"]) != row["token_count"]:
        check.fault(place, f"input_ids has {len(row['input_ids']):,} entries, token_count says {row['token_count']:,}")
    if check.tokenizer is not None:
        check.encoded_rows += 1
        encoded = check.tokenizer.encode(row["text"])
        if len(encoded) != row["token_count"]:
            check.fault(place, f"its text encodes to {len(encoded):,} tokens, token_count says {row['token_count']:,}")
        elif "input_ids" in row and not np.array_equal(encoded, row["input_ids"]):
            check.fault(place, "its text does not encode to its input_ids")
    for message in _segment_faults(row, recipe):
        check.fault(place, message)
    check.segments += len(row["segments"])
    if corpus := check.corpora.get(recipe.name):
        check.rebuilt_rows += 1
        _check_rebuilt(place, row, recipe, corpus, check)


def _segment_faults(row: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    """What is wrong with the order, the borders or the origin of a row's segments."""
    segments, text, separator = row["segments"], row["text"], recipe.interleave.separator
    if not segments:
        yield "has no segments"
        return
    if segments[0]["start"] != 0 or segments[0]["role"] != "meta":
        yield "does not begin with a meta-chunk at character 0"
    for one, other in pairwise(segments):
        if one["end"] < one["start"] or text[one["end"] : other["start"]] != separator:
            yield f"segments at {one['start']:,} and {other['start']:,} are not joined by the separator"
    if not 0 <= len(text) - segments[-1]["end"] <= len(separator):
        yield f"the last segment ends at {segments[-1]['end']:,}, the text at {len(text):,}"
    if segments[-1]["role"] != "negative" and recipe.interleave.fill == "even" and recipe.fit is None:
        yield "does not end with a negative"
    own = [s["chunk"] for s in segments if s["role"] == "meta"]
    origins = {s["document"] for s in segments if s["role"] == "meta"}
    if own != list(range(len(own))) or origins != {row["meta_document"]}:
        yield "its meta-chunks are not those of its meta-document, in order"
    negatives = [(s["document"], s["chunk"]) for s in segments if s["role"] == "negative"]
    if len(set(negatives)) != len(negatives):
        yield "a negative occurs twice"
    if row["meta_document"] in {document for document, _ in negatives}:
        yield "a negative comes from the meta-document"
    if any(s["rank"] < 1 or s["score"] <= 0 for s in segments if s["role"] == "negative"):
        yield "a negative has no rank or no score"
    counted = sum(s["tokens"] for s in segments)
    if not 0 <= row["token_count"] - counted <= len(segments) * max(1, len(separator.encode())):
        yield f"its segments count {counted:,} tokens of {row['token_count']:,}"


def _check_rebuilt(place: str, row: dict[str, Any], recipe: Recipe, corpus: _Corpus, check: _Check) -> None:
    texts = corpus.texts([(s["document"], s["chunk"]) for s in row["segments"]])
    for segment, text in zip(row["segments"], texts, strict=True):
        if text is None:
            check.fault(place, f"the corpus has no chunk {segment['chunk']} of document {segment['document']!r}")
            return
    rebuilt = recipe.interleave.separator.join(text or "" for text in texts)
    # What follows the last segment is the beginning of a separator.
    if (rebuilt + recipe.interleave.separator)[: len(row["text"])] != row["text"]:
        check.fault(place, "its text is not what its segments give when read from the corpus")


def _read_corpora(
    scratch: Path, config: ConfigRecord, sources: Sequence[Source], manifest: Manifest, check: _Check
) -> dict[str, _Corpus]:
    """Read the corpus anew for each recipe behind a configuration; equal choices share one reading."""
    workspace = Workspace(scratch)
    silent = Stages(Silence())
    found = find_corpus(workspace, sources, silent)
    if found.digest != manifest.corpus.digest:
        check.fault(
            MANIFEST_NAME, f"made from corpus {manifest.corpus.digest[:12]}, but the one given is {found.digest[:12]}"
        )
    return {
        name: _Corpus(read_corpus(workspace, recipe, found, InlineExecutor(memory=found.memory), silent))
        for name, recipe in config.row_recipes.items()
    }
