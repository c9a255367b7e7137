"""An import from its source to the committed folder."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nextlong_hub._version import __version__
from nextlong_hub.core.files import digest_of, read_json
from nextlong_hub.corpus.ingest import FoundCorpus, Source, find_corpus, read_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.folder import locked, public_path
from nextlong_hub.dataset.manifest import (
    ConfigRecord,
    CorpusRecord,
    Manifest,
    SourceRecord,
    SynthesisRecord,
    TokenizerRecord,
)
from nextlong_hub.dataset.packing_plan import PackedPlan
from nextlong_hub.dataset.write import ChosenRows, file_rows, kept_rows, mean_row_bytes
from nextlong_hub.documents.mds_folder import find_shards, is_mds
from nextlong_hub.documents.tasks import unit_ranges
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.execution.base import Executor, Receipt, Task
from nextlong_hub.execution.open import make_executor
from nextlong_hub.execution.progress import NullProgress, Progress, Stages
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.method.settings import ChunkingSettings
from nextlong_hub.producer import Inputs
from nextlong_hub.publish.commit import commit, describe, published_before
from nextlong_hub.recipe import FitSettings, OutputSettings, Recipe
from nextlong_hub.tokenization import Frame, Tokenizer, control_tokens, load_tokenizer
from nextlong_hub.tokenization.tasks import measure_characters_per_token

_WHOLE_DOCUMENT = 2**31 - 1
"""Characters in a chunk: no document is longer, so each is a single one."""
_UNIT_DOCUMENTS = 1024
_UNIT_CHARACTERS = 4_194_304
_SHORTEST_TARGET = 8
"""Of a recipe; rows may be shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import brought in."""

    manifest: Manifest
    config: str
    """Name of the configuration it wrote."""
    rows: int
    documents: int
    tokens: int
    not_exact: int
    """Documents kept with their tokens, although their text does not encode to them."""
    outside_tokens: int
    """Tokens of MDS rows that belonged to no document, and were left out."""
    no_tokens: int
    """Texts that were left out, because the tokenizer finds no token in them."""
    skipped: dict[str, int]
    """Texts that could not be read, by reason."""
    bos: bool
    """Every document begins with the tokenizer's bos_token."""
    eos: bool
    """Every document ends with its eos_token."""


def import_rows(
    source: Source,
    *,
    tokenizer: str,
    output: Path,
    config: str = "imported",
    num_proc: int = 1,
    progress: Progress | None = None,
) -> ImportReport:
    """Bring a published long-context dataset into a dataset folder of ours, every row as it is.

    A folder with an MDS index is read row by row: its documents are decoded, and packed rows stay packed rows. Anything
    else is read as texts, one document a row. What made the texts is not known, so each document is one segment.

    Args:
        source: an MDS folder, or texts in any form that `build` reads.
        tokenizer: a folder, a Hub name, or `demo`; of MDS rows the one that made them.
        output: the new folder.
        config: what the configuration is called.
        num_proc: worker processes.
        progress: hears about the stages.

    Raises:
        DataError: the source cannot be read, is damaged, or holds nothing.
        RecipeError: the configuration's name cannot be used, or there is no such tokenizer.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
    """
    _recipe(config, _SHORTEST_TARGET)  # a name that cannot be used is told before anything is read
    loaded = load_tokenizer(tokenizer)
    stages = Stages(progress or NullProgress())
    with locked(output) as workspace, closing(make_executor(num_proc)) as executor:
        run = _Run(
            output=output, workspace=workspace, executor=executor, stages=stages, tokenizer=loaded, config=config
        )
        if isinstance(source, SourceSettings) and is_mds(Path(source.path)):
            return _import_mds(source, run)
        return _import_texts(source, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What both ways of importing work with."""

    output: Path
    workspace: Workspace
    executor: Executor
    stages: Stages
    tokenizer: Tokenizer
    config: str

    def tasks(self, stage: str, tasks: Sequence[Task], identity: str) -> list[Receipt]:
        """Run tasks that have no valid receipt; receipts in the tasks' order."""
        return self.stages.run(stage, "units", tasks, self.executor, self.workspace.receipts(identity))

    def parameters(self, recipe: Recipe, frame: Frame) -> dict[str, Any]:
        """What every task that makes rows is told."""
        return {
            "recipe": recipe.model_dump(mode="json"),
            "frame": [frame.bos, frame.eos],
            "tokenizer": self.tokenizer.location,
            "tokenizer_digest": self.tokenizer.digest,
        }


def _import_texts(source: Source, run: _Run) -> ImportReport:
    inputs = Inputs(corpus=find_corpus(run.workspace, [source], run.stages), tokenizer=run.tokenizer, seed=0)
    recipe = _recipe(run.config, _SHORTEST_TARGET)
    store = read_corpus(run.workspace, recipe, inputs.corpus, run.executor, run.stages)
    identity = digest_of(["import", run.config, store.id, run.tokenizer.digest])
    folder = run.workspace.units(run.config, identity)
    tasks = [
        Task(
            stage="import",
            key=f"unit-{number:05d}",
            function="nextlong_hub.documents.import_tasks:import_texts",
            inputs={"store": str(store.folder)},
            output=str(folder / f"unit-{number:05d}.parquet"),
            parameters={**run.parameters(recipe, Frame()), "start": start, "stop": stop},
        )
        for number, (start, stop) in enumerate(
            unit_ranges(store.document_characters, _UNIT_DOCUMENTS, _UNIT_CHARACTERS)
        )
    ]
    receipts = run.tasks("import", tasks, identity)
    if not kept_rows(receipts):
        raise DataError(f"none of {store.documents:,} texts has a token; there is nothing to import")
    longest = max(receipt.counts["longest_tokens"] for receipt in receipts)
    recipe = _recipe(run.config, longest)
    kept = published_before(run.output, run.workspace, inputs, [recipe])
    chosen = _plain_rows(receipts, _total(receipts, "kept"), _total(receipts, "no_tokens"))
    record = _file(recipe, chosen, receipts, run)
    manifest = describe(
        inputs,
        store,
        measure_characters_per_token(store, run.tokenizer),
        {**(kept.configs if kept else {}), recipe.name: record},
        "import",
        __version__,
    )
    commit(run.output, run.workspace, manifest)
    return _report(manifest, record, receipts, skipped=manifest.corpus.skipped)


def _import_mds(source: SourceSettings, run: _Run) -> ImportReport:
    shards = find_shards(Path(source.path))
    stamps = [(shard.to_json(), shard.path.stat().st_mtime_ns) for shard in shards]
    identity = digest_of(["import", run.config, stamps, run.tokenizer.digest])
    folder = run.workspace.units(run.config, identity)
    bos, eos = _control_ids(run.tokenizer)
    surveys = run.tasks(
        "survey",
        [
            Task(
                stage="survey",
                key=f"shard-{number:05d}",
                function="nextlong_hub.documents.import_tasks:survey",
                output=str(folder / f"shard-{number:05d}.json"),
                parameters={"shard": shard.to_json(), "bos": bos, "eos": eos},
            )
            for number, shard in enumerate(shards)
        ],
        identity,
    )
    if not _total(surveys, "documents"):
        raise DataError(f"the {len(shards):,} shards of {source.path} hold no document; there is nothing to import")
    frame = _frame(surveys, bos, eos)
    masked = any("mask" in shard.columns["names"] for shard in shards)
    packed = masked or any(receipt.counts["most_documents"] != 1 for receipt in surveys)
    longest = max(receipt.counts["longest_tokens"] for receipt in surveys)
    recipe = _recipe(run.config, longest, packed=packed, frame=frame)
    found = FoundCorpus(
        sources=(), pieces=(), digest=digest_of([receipt.counts["sha256"] for receipt in surveys]), memory={}
    )
    inputs = Inputs(corpus=found, tokenizer=run.tokenizer, seed=0)
    kept = published_before(run.output, run.workspace, inputs, [recipe])
    receipts = run.tasks(
        "import",
        [
            Task(
                stage="import",
                key=f"unit-{number:05d}",
                function="nextlong_hub.documents.import_tasks:import_shard",
                output=str(folder / f"unit-{number:05d}.parquet"),
                parameters={
                    **run.parameters(recipe, frame),
                    "shard": shard.to_json(),
                    "source": source.name,
                    "masked": masked,
                },
            )
            for number, shard in enumerate(shards)
        ],
        digest_of([identity, recipe.fingerprint]),
    )
    chosen = _packed_rows(surveys, receipts) if packed else _plain_rows(receipts, _total(receipts, "kept"), 0)
    record = _file(recipe, chosen, receipts, run)
    manifest = _describe_mds(inputs, receipts, {**(kept.configs if kept else {}), recipe.name: record})
    commit(run.output, run.workspace, manifest)
    return _report(manifest, record, receipts, outside_tokens=_total(surveys, "outside_tokens"))


def _recipe(name: str, longest_tokens: int, *, packed: bool = False, frame: Frame | None = None) -> Recipe:
    """The recipe of rows that are kept as they are; its target is the longest of them."""
    try:
        return Recipe(
            name=name,
            description="Imported rows, every one as it was",
            target_length=max(_SHORTEST_TARGET, longest_tokens),
            chunking=ChunkingSettings(chunk_characters=_WHOLE_DOCUMENT),
            output=OutputSettings(unit_documents=_UNIT_DOCUMENTS),
            fit=FitSettings(truncate=False, discard=False),
            pack=packed,
            add_bos_token=frame is not None and frame.bos is not None,
            add_eos_token=frame is not None and frame.eos is not None,
        )
    except ValueError as error:
        raise RecipeError(
            f"--config {name!r} is no name of a configuration; take letters, digits, '.', '_' and '-'"
        ) from error


def _control_ids(tokenizer: Tokenizer) -> tuple[int | None, int | None]:
    """The ids of the tokenizer's bos_token and eos_token, where it has them."""
    numbers = {token.content: number for number, token in tokenizer.added_tokens.items()}
    known = control_tokens(tokenizer)
    bos, eos = (numbers.get(known.get(kind, "")) for kind in ("bos_token", "eos_token"))
    return bos, eos


def _frame(surveys: Sequence[Receipt], bos: int | None, eos: int | None) -> Frame:
    """What every document stands between; a token that only some have is part of their texts."""
    documents = _total(surveys, "documents")
    begin, end = (_total(surveys, name) == documents for name in ("begin", "end"))
    if bos == eos and _total(surveys, "single_tokens"):
        end = end and not begin  # one token cannot be both
    return Frame(bos=bos if begin else None, eos=eos if end else None)


def _plain_rows(receipts: Sequence[Receipt], kept: int, no_tokens: int) -> ChosenRows:
    return ChosenRows(
        rows=tuple(kept_rows(receipts)),
        mean_row_bytes=mean_row_bytes(receipts),
        synthesis=_record(kept, no_tokens),
        mixture={},
    )


def _packed_rows(surveys: Sequence[Receipt], receipts: Sequence[Receipt]) -> ChosenRows:
    """The rows as they were packed, document by document."""
    places, counts, sizes = [], [], []
    for number, (survey, receipt) in enumerate(zip(surveys, receipts, strict=True)):
        rows = [(documents, tokens) for documents, tokens in read_json(Path(survey.output)) if documents]
        documents = sum(count for count, _ in rows)
        places.append(np.stack([np.full(documents, number), np.arange(documents)], axis=1))
        counts += [count for count, _ in rows]
        bytes_per_token = receipt.counts["row_bytes"] / max(1, sum(tokens for _, tokens in rows))
        sizes += [tokens * bytes_per_token for _, tokens in rows]
    packed = PackedPlan(
        units=tuple(receipt.output for receipt in receipts),
        places=np.concatenate(places).astype(np.int32),
        borders=np.cumsum([0, *counts]),
        row_bytes=np.array(sizes, np.float64),
    )
    record = _record(sum(counts), 0)
    return ChosenRows(rows=(), mean_row_bytes={}, synthesis=record, mixture={}, packed=packed)


def _record(kept: int, no_tokens: int) -> SynthesisRecord:
    return SynthesisRecord(
        eligible_documents=kept + no_tokens,
        not_eligible={},
        candidates=kept + no_tokens,
        kept=kept,
        discarded={"no_tokens": no_tokens} if no_tokens else {},
        truncated=0,
        truncated_tokens=0,
        queries=0,
        unanswered=0,
        recall=None,
        near_duplicates=0,
    )


def _file(recipe: Recipe, chosen: ChosenRows, receipts: Sequence[Receipt], run: _Run) -> ConfigRecord:
    record = file_rows(recipe, chosen, run.output, run.workspace, run.executor, run.stages)
    return record.model_copy(update={"not_exact": _total(receipts, "not_exact")})


def _describe_mds(inputs: Inputs, receipts: Sequence[Receipt], configs: dict[str, ConfigRecord]) -> Manifest:
    """The manifest of rows whose corpus nobody knows: their documents stand for it."""
    sources: dict[str, list[int]] = {}
    for receipt in receipts:
        for name, (documents, characters) in receipt.counts["sources"].items():
            counted = sources.setdefault(name, [0, 0])
            counted[0] += documents
            counted[1] += characters
    documents, characters = (sum(counts[place] for counts in sources.values()) for place in (0, 1))
    tokens = sum(receipt.counts["tokens"] for receipt in receipts)
    return Manifest(
        version=__version__,
        kind="import",
        seed=inputs.seed,
        corpus=CorpusRecord(
            digest=inputs.corpus.digest,
            documents=documents,
            chunks=documents,
            characters=characters,
            skipped={},
            sources=tuple(
                SourceRecord(name=name, path=name, license=None, weight=None, documents=counts[0], characters=counts[1])
                for name, counts in sorted(sources.items())
            ),
        ),
        tokenizer=TokenizerRecord(
            name=public_path(inputs.tokenizer.name),
            revision=inputs.tokenizer.revision,
            digest=inputs.tokenizer.digest,
            characters_per_token=characters / tokens,
        ),
        configs=configs,
    )


def _total(receipts: Sequence[Receipt], count: str) -> int:
    return sum(receipt.counts.get(count, 0) for receipt in receipts)


def _report(
    manifest: Manifest,
    record: ConfigRecord,
    receipts: Sequence[Receipt],
    *,
    outside_tokens: int = 0,
    skipped: dict[str, int] | None = None,
) -> ImportReport:
    return ImportReport(
        manifest=manifest,
        config=str(record.recipe["name"]),
        rows=record.rows,
        documents=record.packing.documents if record.packing else record.rows,
        tokens=record.tokens,
        not_exact=record.not_exact,
        outside_tokens=outside_tokens,
        no_tokens=_total(receipts, "no_tokens"),
        skipped=skipped or {},
        bos=bool(record.recipe["add_bos_token"]),
        eos=bool(record.recipe["add_eos_token"]),
    )
