"""A dataset folder proves itself: every file, row and segment, and on request every character of the corpus.

What a check can find depends on what it is given. The folder alone proves that nothing was damaged since the manifest
was written. With the tokenizer and the corpus it proves that the rows are what the manifest says they are, even to a
reader who trusts neither: whoever changes a row can also change its sha256.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub import plan
from nextlong_hub.conversation_faults import conversation_faults
from nextlong_hub.conversing import conversation_sources, read_conversations
from nextlong_hub.datacard import lists_files_of
from nextlong_hub.engine import InlineExecutor
from nextlong_hub.errors import DataError
from nextlong_hub.files import sha256_of
from nextlong_hub.manifest import MANIFEST_NAME, ConfigRecord, FileRecord, Manifest, manifest_bytes, read_manifest
from nextlong_hub.packed_faults import name_faults, packed_faults, piece_faults
from nextlong_hub.packing import unpack
from nextlong_hub.portability import Size, reach
from nextlong_hub.preparation import Source, find_corpus, find_frames, read_corpus
from nextlong_hub.progress import Progress, Silence, Stages
from nextlong_hub.publishing import CARD_NAME, recipe_files
from nextlong_hub.recipe import ConversationSettings, Recipe, SourceSettings
from nextlong_hub.row_faults import CorpusTexts, corpus_faults, segment_faults, token_faults
from nextlong_hub.shards import schema
from nextlong_hub.tokens import Frame, Tokenizer, load_tokenizer
from nextlong_hub.units.chat_assembly import ChatBench
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
    tokenizer: str | Sequence[str] | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check a dataset folder against its manifest.

    Always: the manifest's own digest, every shard's size and sha256, the recipes, the files that the card names, the
    schema, row and token counts, and that each row's segments tile its text. With `tokenizer` each text is encoded
    again, in one go, and must give exactly the row's tokens and each segment's count of them. Of several tokenizers
    that the dataset was made for, the others must find at least the target length; the manifest's portability table
    must be right about each that is given. With `sources` each segment is read
    again from the corpus. With both, the rows must also be in the seeded order of their meta-documents.

    Not checked is what only a second retrieval could tell: the value of a score, and that no better negative existed.
    The card may be edited by hand, apart from the list of files that `load_dataset` reads.

    Raises:
        DataError, RecipeError: the corpus or the tokenizer cannot be read.
    """
    stages = Stages(progress or Silence())
    check = _Check()
    try:
        manifest = read_manifest(folder)
    except DataError as error:
        check.fault(MANIFEST_NAME, str(error))
        return check.report()
    if manifest is None:
        check.fault(MANIFEST_NAME, "there is none: the folder is unfinished or was not made by nextlong-hub")
        return check.report()
    _open_tokenizers([tokenizer] if isinstance(tokenizer, str) else tokenizer or (), manifest, check)
    _check_companions(folder, manifest, check)
    with (
        TemporaryDirectory(prefix="nextlong-verify-") as scratch,
        stages.stage("verify", len(manifest.files), "files") as done,
    ):
        for name, config in manifest.configs.items():
            check.recipe, check.recipes = Recipe.model_validate(config.recipe), config.row_recipes
            check.frames = {}
            if sources:
                check.corpora = _read_corpora(Path(scratch), config, sources, manifest, check)
            rows: list[_Found] = []
            first_row = 0
            for record in config.files:
                _check_file(folder, record, config, first_row, rows, check)
                first_row += record.rows
                done(1)
            _check_config(name, config, rows, manifest, check)
            _check_portability(name, config, manifest, check)
    return check.report()


class _Found(NamedTuple):
    """One document that a row holds; a row that is not packed is one."""

    id: str
    meta_document: str
    row: int
    """Number of the row in its configuration."""


@dataclass(slots=True)
class _Check:
    """Counts and faults so far."""

    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    rows: int = 0
    segments: int = 0
    encoded_rows: int = 0
    rebuilt_rows: int = 0
    not_exact: int = 0
    """Documents of one configuration whose text does not encode to their tokens, where the manifest admits some."""
    tokenizer: Tokenizer | None = None
    """The one whose ids the rows hold."""
    others: tuple[Tokenizer, ...] = ()
    """Others, under which rows must reach their target length, too."""
    made_for: int = 1
    """Tokenizers that the dataset was made for."""
    sizes: defaultdict[str, list[Size]] = field(default_factory=lambda: defaultdict(list))
    """Of the samples of one configuration, by the digest of a tokenizer."""
    recipe: Recipe | None = None
    """Of the configuration that is being checked."""
    recipes: dict[str, Recipe] = field(default_factory=dict)
    """Behind its rows, by the name before the slash in a row's id."""
    corpora: dict[str, CorpusTexts] = field(default_factory=dict)
    """By recipe."""
    frames: dict[str, Frame] = field(default_factory=dict)
    """What the ids of its rows stand between, by recipe."""
    benches: dict[str, ChatBench] = field(default_factory=dict)
    """What renders and encodes conversations, by recipe."""
    is_same_corpus: bool = False
    """Whether `corpora` were read from what the manifest says the rows were made from."""

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


def _open_tokenizers(names: Sequence[str], manifest: Manifest, check: _Check) -> None:
    """Open the tokenizers to check with; one that the dataset was not made with is a fault, and used nevertheless."""
    check.made_for = max(1, len(manifest.portability))
    known = {record.digest for record in manifest.portability}
    for name in names:
        found = load_tokenizer(name)
        if found.digest in known - {manifest.tokenizer.digest}:
            check.others += (found,)
            continue
        check.tokenizer = found
        if found.digest != manifest.tokenizer.digest:
            check.fault(MANIFEST_NAME, f"made with tokenizer {manifest.tokenizer.digest}, but {name} is {found.digest}")


def _check_companions(folder: Path, manifest: Manifest, check: _Check) -> None:
    """Everything published beside the shards, and nothing that nobody published."""
    if (folder / MANIFEST_NAME).read_bytes() != manifest_bytes(manifest):
        check.fault(MANIFEST_NAME, "is not laid out as it was written; put the original back")
    recipes = {f"recipes/{name}.toml": content for name, content in recipe_files(manifest).items()}
    for name, content in recipes.items():
        path = folder / name
        if not path.is_file():
            check.fault(name, "is missing")
        elif path.read_bytes() != content:
            check.fault(name, "is not the recipe that the manifest holds; remove it and build again")
    _check_card(folder / CARD_NAME, manifest, check)
    listed = {file.path for file in manifest.files} | recipes.keys()
    for part in ("data", "recipes"):
        for path in sorted((folder / part).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in listed:
                check.fault(name, "is not in the manifest; remove it")


def _check_card(card: Path, manifest: Manifest, check: _Check) -> None:
    """What `load_dataset` reads of the card: configurations and their files."""
    if not card.is_file():
        check.fault(card.name, "is missing; build again to write it anew")
    elif not lists_files_of(card.read_text(encoding="utf-8", errors="replace"), manifest):
        check.fault(card.name, "its header lists other files than the manifest; remove the card and build again")


def _check_file(
    folder: Path, record: FileRecord, config: ConfigRecord, first_row: int, rows: list[_Found], check: _Check
) -> None:
    """One shard; the documents of its rows are added to `rows`. What is damaged is not looked into."""
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
        return
    count = tokens = 0
    try:
        for place, row in _rows(path, record.path, config, check):
            for where, document in _documents(place, row, config, first_row + count, check):
                rows.append(_Found(document["id"], document["meta_document"], first_row + count))
                _check_row(where, document, config, check)
            count += 1
            tokens += row["token_count"]
    except (OSError, ValueError, pa.ArrowException) as error:
        check.fault(record.path, f"cannot be read: {error}")
    if (count, tokens) != (record.rows, record.tokens):
        check.fault(
            record.path, f"holds {count:,} rows, {tokens:,} tokens instead of {record.rows:,} and {record.tokens:,}"
        )
    check.rows += count


def _rows(path: Path, name: str, config: ConfigRecord, check: _Check) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its place, tokens as an array; nothing when the columns are not ours."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        wanted = schema(
            tokens=bool(config.recipe["tokens"]),
            packed=config.packing is not None,
            masked=config.conversations is not None,
        )
        if not file.schema_arrow.remove_metadata().equals(wanted):
            check.fault(name, f"has columns {file.schema_arrow.names} of other names or types than {wanted.names}")
            return
        number = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            if any(column.null_count for column in table.columns):
                check.fault(name, f"row group {group} holds nulls")
                return
            long = [column for column in ("input_ids", "loss_mask") if column in table.column_names]
            rows = table.drop_columns(long).to_pylist()
            for index, row in enumerate(rows):
                row |= {column: table[column][index].values.to_numpy() for column in long}
                yield f"{name}, row {number}", row
                number += 1


def _documents(
    place: str, row: dict[str, Any], config: ConfigRecord, number: int, check: _Check
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of a row with their places: the row itself, or those of a packed row that can be taken apart."""
    if config.packing is None or check.recipe is None:
        yield place, row
        return
    messages = list(packed_faults(row, check.recipe, number))
    for message in messages:
        check.fault(place, message)
    if not messages:
        yield from ((f"{place}, document {n}", document) for n, document in enumerate(unpack(row)))


def _check_config(name: str, config: ConfigRecord, rows: Sequence[_Found], manifest: Manifest, check: _Check) -> None:
    """What only all rows of a configuration together can show: counts, repeats, order."""
    kind, counted = ("documents", config.packing.documents) if config.packing else ("rows", config.rows)
    if not any(fault.place.startswith(f"data/{name}/") for fault in check.faults) and len(rows) != counted:
        check.fault(MANIFEST_NAME, f"counts {counted:,} {kind} of {name!r}, but its files hold {len(rows):,}")
    if check.tokenizer is not None and check.not_exact != config.not_exact:
        check.fault(
            f"data/{name}",
            f"{check.not_exact:,} of its documents do not encode to their input_ids, and the manifest admits "
            f"{config.not_exact:,}",
        )
    check.not_exact = 0
    seen: set[str] = set()
    for identity, _, _ in rows:
        if identity in seen:
            check.fault(f"data/{name}", f"the id {identity!r} occurs twice")
        seen.add(identity)
    _check_order(name, config, rows, manifest, check)


def _check_order(name: str, config: ConfigRecord, rows: Sequence[_Found], manifest: Manifest, check: _Check) -> None:
    """Rows come in the seeded order of their meta-documents; those of a mixture are merged in proportion.

    Packing changes the order, but not within a row.
    """
    makers = [found.id.partition("/")[0] for found in rows]
    if config.mixture:
        counts = [part.rows for part in config.mixture.values()]
        names = list(config.mixture)
        wanted = [names[part] for part in plan.merge_in_proportion(counts, counts).tolist()]
        if config.packing:  # a row that could not be taken apart is a fault already
            makers_differ = len(makers) == len(wanted) and sorted(makers) != sorted(wanted)
        else:
            makers_differ = makers != wanted
        if makers_differ:
            check.fault(f"data/{name}", "the rows of its ingredients are not merged in proportion")
    if check.tokenizer is None or not check.is_same_corpus:
        return
    for recipe_name, corpus in check.corpora.items():
        places = _places(config.row_recipes[recipe_name], corpus, manifest, check.tokenizer)
        own = [found for maker, found in zip(makers, rows, strict=True) if maker == recipe_name]
        strangers = [found.meta_document for found in own if found.meta_document not in places]
        if strangers:
            check.fault(f"data/{name}", f"{strangers[0]!r} is no document that {recipe_name!r} could extend")
            continue
        ordered = [
            (places[one.meta_document] < places[other.meta_document]) or one.meta_document == other.meta_document
            if config.packing
            else places[one.meta_document] < places[other.meta_document]
            for one, other in pairwise(own)
            if config.packing is None or one.row == other.row
        ]
        if not all(ordered):
            what = "the documents of a row" if config.packing else "its rows"
            check.fault(f"data/{name}", f"{what} are not in the seeded order of their meta-documents")


def _places(recipe: Recipe, corpus: CorpusTexts, manifest: Manifest, tokenizer: Tokenizer) -> dict[str, int]:
    """Where each document that may be extended stands in the order; for `fit`, in the corpus."""
    if recipe.fit is not None:
        return corpus.numbers
    sources = [SourceSettings(name=s.name, path=s.name, weight=s.weight) for s in manifest.corpus.sources]
    characters_per_token = plan.measure_characters_per_token(corpus.store, tokenizer)
    if recipe.conversations is not None:
        order = plan.seeded_order(corpus.store, np.arange(corpus.store.documents), sources, manifest.seed)
    else:
        order = plan.choose_candidates(corpus.store, recipe, sources, characters_per_token, manifest.seed).order
    return {corpus.store.document(number)[0]: place for place, number in enumerate(order.tolist())}


def _check_row(place: str, row: dict[str, Any], config: ConfigRecord, check: _Check) -> None:
    recipe = check.recipes.get(row["id"].partition("/")[0])
    if recipe is None:
        check.fault(place, f"the id {row['id']!r} names no recipe of this configuration")
        return
    for message in name_faults(row, recipe):
        check.fault(place, message)
    if recipe.conversations is not None:
        _check_conversation(place, row, recipe, check)
        return
    may_be_shorter = recipe.pack or (recipe.fit is not None and not recipe.fit.discard)
    may_be_longer = check.made_for > 1
    if row["token_count"] != recipe.target_length and not (
        may_be_shorter if row["token_count"] < recipe.target_length else may_be_longer
    ):
        check.fault(place, f"has {row['token_count']:,} tokens instead of {recipe.target_length:,}")
    if "input_ids" in row and len(row["input_ids"]) != row["token_count"]:
        check.fault(place, f"input_ids has {len(row['input_ids']):,} entries, token_count says {row['token_count']:,}")
    if check.tokenizer is not None:
        if recipe.name not in check.frames:
            check.frames[recipe.name] = find_frames(recipe, [check.tokenizer])
        messages = list(token_faults(row, check.tokenizer, check.frames[recipe.name]))
        check.not_exact += bool(messages) and config.not_exact > 0
        for message in messages if not config.not_exact else ():
            check.fault(place, message)
    _check_sizes(place, row, recipe, check)
    for message in segment_faults(row, recipe):
        check.fault(place, message)
    check.segments += len(row["segments"])
    if corpus := check.corpora.get(recipe.name):
        check.rebuilt_rows += 1
        for message in piece_faults(row, corpus) if recipe.pack else corpus_faults(row, recipe, corpus):
            check.fault(place, message)


def _check_conversation(place: str, row: dict[str, Any], recipe: Recipe, check: _Check) -> None:
    """One conversation of a packed row."""
    settings = recipe.conversations or ConversationSettings()
    corpus = check.corpora.get(recipe.name)
    bench = None
    if check.tokenizer is not None:
        bench = check.benches.get(recipe.name) or ChatBench(recipe, check.tokenizer)
        check.benches[recipe.name] = bench
    for message in conversation_faults(row, settings, bench, corpus):
        check.fault(place, message)
    check.segments += len(row["segments"])
    check.encoded_rows += bench is not None
    check.rebuilt_rows += corpus is not None


def _check_sizes(place: str, row: dict[str, Any], recipe: Recipe, check: _Check) -> None:
    """How long a sample is under each tokenizer: long enough, and no longer than the hungriest of them demands."""
    framing = recipe.add_bos_token + recipe.add_eos_token
    check.encoded_rows += check.tokenizer is not None or bool(check.others)
    counts = {other.digest: len(other.encode(row["text"])) + framing for other in check.others}
    for other in check.others:
        if counts[other.digest] < recipe.target_length:
            check.fault(
                place,
                f"has {counts[other.digest]:,} tokens under {other.name} instead of at least {recipe.target_length:,}",
            )
    if check.tokenizer is not None:
        counts[check.tokenizer.digest] = row["token_count"]
    if 1 < check.made_for == len(counts) and min(counts.values()) > recipe.target_length:
        check.fault(place, f"has more than {recipe.target_length:,} tokens under every tokenizer it was made for")
    for digest, tokens in counts.items():
        size = Size(characters=len(row["text"]), tokens=tokens, target_length=recipe.target_length)
        check.sizes[digest].append(size)


def _check_portability(name: str, config: ConfigRecord, manifest: Manifest, check: _Check) -> None:
    """What the table says of a configuration under the tokenizers at hand."""
    damaged = any(f"{fault.place}/".startswith(f"data/{name}/") for fault in check.faults)
    for record in manifest.portability:
        if (
            record.digest in check.sizes
            and not damaged
            and record.configs.get(name) != reach(check.sizes[record.digest])
        ):
            check.fault(MANIFEST_NAME, f"its portability table is wrong about {name!r} under {record.name}")
    check.sizes.clear()


def _read_corpora(
    scratch: Path, config: ConfigRecord, sources: Sequence[Source], manifest: Manifest, check: _Check
) -> dict[str, CorpusTexts]:
    """Read the corpus anew for each recipe behind a configuration; equal choices share one reading."""
    workspace = Workspace(scratch)
    silent = Stages(Silence())
    recipes = config.row_recipes
    found = find_corpus(workspace, conversation_sources(sources, list(recipes.values())), silent)
    check.is_same_corpus = found.digest == manifest.corpus.digest
    if not check.is_same_corpus:
        check.fault(
            MANIFEST_NAME, f"made from corpus {manifest.corpus.digest[:12]}, but the one given is {found.digest[:12]}"
        )
    return {
        name: CorpusTexts(
            (read_conversations if recipe.conversations else read_corpus)(
                workspace, recipe, found, InlineExecutor(memory=found.memory), silent
            )
        )
        for name, recipe in recipes.items()
    }
