"""`fit`: an existing dataset becomes one whose rows have a target length, exactly or, packed, as nearly as they can.

The published NExtLong files are one case in mind: their authors advise to truncate what is too long after tokenization,
to discard what is short, and never to concatenate without a document mask. Short texts are the other: packed, they
share rows, each with its own attention.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from nextlong_hub._version import __version__
from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus.ingest import FoundCorpus, Source, find_corpus, read_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.folder import locked
from nextlong_hub.dataset.manifest import Manifest, PackingRecord, SynthesisRecord, read_manifest
from nextlong_hub.dataset.packing_plan import Planner
from nextlong_hub.dataset.write import ChosenRows, file_rows, kept_rows, mean_row_bytes
from nextlong_hub.documents.tasks import unit_ranges
from nextlong_hub.errors import CorpusTooSmallError, DataError, RecipeError
from nextlong_hub.execution.base import Receipt, Task
from nextlong_hub.execution.open import make_executor
from nextlong_hub.execution.progress import NullProgress, Progress, Stages
from nextlong_hub.execution.receipts import count_discards, listed
from nextlong_hub.method.settings import ChunkingSettings
from nextlong_hub.producer import Inputs
from nextlong_hub.publish.commit import commit, describe, published_before
from nextlong_hub.recipe import FitSettings, OutputSettings, Recipe
from nextlong_hub.tokenization import Frame, load_tokenizer
from nextlong_hub.tokenization.special_tokens import find_frames
from nextlong_hub.tokenization.tasks import measure_characters_per_token

Mode = Literal["truncate", "discard", "pack"]
"""What may be done to a text; see `fit`."""

_WHOLE_DOCUMENT = 2**31 - 1
"""Characters in a chunk: no document is longer, so each is a single one."""
_UNIT_DOCUMENTS = 1024
_UNIT_CHARACTERS = 4_194_304
_GUESSED_CHARACTERS_PER_TOKEN = 4
"""Tells how many units to run at a time when only some rows are wanted; never what is in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """What a fit did."""

    manifest: Manifest
    config: str
    """Name of the configuration it wrote."""
    read: int
    kept: int
    truncated: int
    truncated_tokens: int
    split: int
    """Texts longer than a packed row that became several documents."""
    discarded: dict[str, int]
    skipped: dict[str, int]
    """What was left out when the source was read, by reason; not among `read`."""
    rows: int
    tokens: int
    packing: PackingRecord | None
    """None unless texts share rows."""


def fit(
    source: Source,
    *,
    tokenizer: str,
    target_length: int,
    modes: frozenset[Mode] | set[Mode],
    output: Path,
    samples: int | None = None,
    add_bos_token: bool = False,
    add_eos_token: bool = False,
    on_bad_document: Literal["fail", "skip"] = "fail",
    num_proc: int = 1,
    progress: Progress | None = None,
) -> FitReport:
    """Write the texts of `source` into a new dataset folder, each at its target length or packed into rows of it.

    Without `pack` a text longer than the target is cut with `truncate`, else left out, and a shorter one left out with
    `discard`, else kept as it is. With `pack` a shorter one shares a row with others; one longer than a row is cut with
    `truncate`, left out with `discard`, and with neither split into documents that fill rows.

    Args:
        source: where the texts are; a dataset folder of ours with one configuration is one, too.
        tokenizer: a folder, a Hub name, or `demo`.
        target_length: in tokens; packed, of a row at most.
        modes: what may be done to a text.
        output: the new folder.
        samples: stop at so many rows.
        add_bos_token: put the tokenizer's `bos_token` before each document; it counts in the target.
        add_eos_token: put its `eos_token` behind each document, and behind each piece of a split one.
        on_bad_document: stop at a text that cannot be read, or leave it out and count it.
        num_proc: worker processes.
        progress: hears about the stages.

    Raises:
        RecipeError: the target is below 1, or the modes contradict each other.
        DataError: the source cannot be read, or no text is left.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
    """
    recipe = fit_recipe(target_length, modes).model_copy(
        update={
            "add_bos_token": add_bos_token,
            "add_eos_token": add_eos_token,
            "on_bad_document": on_bad_document,
        }
    )
    stages = Stages(progress or NullProgress())
    source = _rows_of(source)
    loaded = load_tokenizer(tokenizer)
    frame = find_frames(recipe, [loaded])
    if target_length <= frame.tokens:
        raise RecipeError(
            f"a row of {target_length} tokens has no room for text beside the {frame.tokens} special tokens asked for; "
            "choose a longer --target"
        )
    with locked(output) as workspace, closing(make_executor(num_proc)) as executor:
        inputs = Inputs(corpus=find_corpus(workspace, [source], stages), tokenizer=loaded, seed=0)
        _refuse_packed_rows(inputs.corpus)
        kept = published_before(output, workspace, inputs, [recipe])
        store = read_corpus(workspace, recipe, inputs.corpus, executor, stages)
        identity = digest_of([recipe.fingerprint, store.id, inputs.tokenizer.digest, frame.bos, frame.eos])
        receipts_folder = workspace.receipts(identity)
        receipts, chosen = _fit_units(
            recipe,
            store,
            _unit_tasks(workspace.units(recipe.name, identity), recipe, inputs, frame, store),
            samples,
            lambda tasks: stages.run("fit", "units", tasks, executor, receipts_folder),
        )
        done = _record(store, receipts)
        if not done.kept:
            raise CorpusTooSmallError(
                f"none of {store.documents:,} texts became a row of {target_length:,} tokens "
                f"({listed(done.discarded)}); choose a {'longer' if recipe.pack else 'shorter'} --target, or leave "
                "discard out of --mode"
            )
        config = file_rows(recipe, chosen, output, workspace, executor, stages)
        manifest = describe(
            inputs,
            store,
            measure_characters_per_token(store, inputs.tokenizer),
            {**(kept.configs if kept else {}), recipe.name: config},
            "fit",
            __version__,
        )
        commit(output, workspace, manifest)
    return FitReport(
        manifest=manifest,
        config=recipe.name,
        read=done.candidates,
        kept=done.kept,
        truncated=done.truncated,
        truncated_tokens=done.truncated_tokens,
        split=sum(receipt.counts.get("split", 0) for receipt in receipts),
        discarded=done.discarded,
        skipped=manifest.corpus.skipped,
        rows=config.rows,
        tokens=config.tokens,
        packing=config.packing,
    )


def fit_recipe(target_length: int, modes: frozenset[Mode] | set[Mode]) -> Recipe:
    """The recipe behind a fit; see `fit`.

    Raises:
        RecipeError: the target is below 1, or the modes contradict each other.
    """
    if target_length < 1:
        raise RecipeError(f"the target length is {target_length}, but it must be at least 1 token")
    if modes >= {"pack", "truncate", "discard"}:
        raise RecipeError(
            "pack with both truncate and discard says twice what becomes of a text longer than a row; choose "
            "pack,truncate to cut it, pack,discard to leave it out, or pack alone to split it"
        )
    longer = "cut" if "truncate" in modes else "discarded"
    description = f"longer {longer}, shorter {'discarded' if 'discard' in modes else 'kept'}"
    if "pack" in modes:
        longer = longer if modes & {"truncate", "discard"} else "split"
        description = f"shorter packed into rows, longer {longer}"
    return Recipe(
        name=config_name(target_length) + ("-packed" if "pack" in modes else ""),
        description=f"Texts fitted to {target_length:,} tokens: {description}",
        target_length=target_length,
        chunking=ChunkingSettings(chunk_characters=_WHOLE_DOCUMENT),
        output=OutputSettings(unit_documents=_UNIT_DOCUMENTS),
        fit=FitSettings(truncate="truncate" in modes, discard="discard" in modes),
        pack="pack" in modes,
    )


def config_name(target_length: int) -> str:
    """What a configuration of that length is called: 131,072 is `128k`, 1,000 is `1000`."""
    return f"{target_length // 1024}k" if target_length % 1024 == 0 else str(target_length)


def _rows_of(source: Source) -> Source:
    """The rows of a source that is a dataset folder of ours, rather than whatever else lies in that folder.

    Raises:
        DataError: the folder has several configurations.
    """
    if not isinstance(source, SourceSettings) or not Path(source.path).is_dir():
        return source
    manifest = read_manifest(Path(source.path))
    if manifest is None:
        return source
    if len(manifest.configs) > 1:
        folders = ", ".join(str(Path(source.path) / "data" / name) for name in manifest.configs)
        raise DataError(f"{source.path} is a dataset of {len(manifest.configs)} configurations; name one: {folders}")
    [name] = manifest.configs
    return source.model_copy(update={"path": str(Path(source.path) / "data" / name)})


def _refuse_packed_rows(corpus: FoundCorpus) -> None:
    """A packed row is no text: its documents stand back to back and must not see each other.

    Raises:
        DataError: a file of the corpus holds packed rows.
    """
    for path in dict.fromkeys(piece.location for piece in corpus.pieces if piece.format == "parquet"):
        try:
            names = pq.read_schema(path).names if Path(path).is_file() else []
        except (OSError, ValueError):
            continue  # whoever reads it says what is wrong with it
        if {"documents", "document_lengths"} <= set(names):
            raise DataError(
                f"{path} holds packed rows, several documents back to back in each; fit the texts they were packed from"
            )


class _Plain:
    """Every text is a row of its own."""

    def __init__(self) -> None:
        self._receipts: list[Receipt] = []

    @property
    def rows(self) -> int:
        return sum(receipt.counts["kept"] for receipt in self._receipts)

    def take(self, receipts: list[Receipt]) -> None:
        self._receipts += receipts

    def finish(self, samples: int | None, record: SynthesisRecord) -> ChosenRows:
        return ChosenRows(
            rows=tuple(kept_rows(self._receipts)[:samples]),
            mean_row_bytes=mean_row_bytes(self._receipts),
            synthesis=record,
            mixture={},
        )


class _Packed:
    """Texts share rows."""

    def __init__(self, recipe: Recipe) -> None:
        self._planner = Planner(recipe)

    @property
    def rows(self) -> int:
        return self._planner.rows

    def take(self, receipts: list[Receipt]) -> None:
        for receipt in receipts:
            self._planner.add_unit(receipt.output, receipt.counts["row_bytes"])

    def finish(self, samples: int | None, record: SynthesisRecord) -> ChosenRows:
        packed = self._planner.finish(samples)
        return ChosenRows(rows=(), mean_row_bytes={}, synthesis=record, mixture={}, packed=packed)


def _unit_tasks(folder: Path, recipe: Recipe, inputs: Inputs, frame: Frame, store: ChunkStore) -> list[Task]:
    """The tasks that fit all documents, a unit of them each, into `folder`."""
    ranges = unit_ranges(store.document_characters, recipe.output.unit_documents, _UNIT_CHARACTERS)
    return [
        Task(
            stage="fit",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.documents.tasks:fit_rows",
            inputs={"store": str(store.folder)},
            output=str(folder / f"unit-{unit:05d}.parquet"),
            parameters={
                "recipe": recipe.model_dump(mode="json"),
                "start": start,
                "stop": stop,
                "tokenizer": inputs.tokenizer.location,
                "tokenizer_digest": inputs.tokenizer.digest,
                "frame": [frame.bos, frame.eos],
            },
        )
        for unit, (start, stop) in enumerate(ranges)
    ]


def _fit_units(
    recipe: Recipe,
    store: ChunkStore,
    tasks: Sequence[Task],
    samples: int | None,
    run: Callable[[Sequence[Task]], list[Receipt]],
) -> tuple[list[Receipt], ChosenRows]:
    """Run units until there are rows enough: all of them, or some at a time where only some rows are wanted."""
    gathered = _Packed(recipe) if recipe.pack else _Plain()
    expected_rows = store.documents
    if recipe.pack:
        expected_rows = int(store.summary["characters"]) // (_GUESSED_CHARACTERS_PER_TOKEN * recipe.target_length)
    receipts: list[Receipt] = []
    while len(receipts) < len(tasks) and (samples is None or gathered.rows < samples):
        more = len(tasks)
        if samples is not None:
            more = math.ceil((samples - gathered.rows) * len(tasks) / max(1, expected_rows))
        own = tasks[len(receipts) : len(receipts) + more]
        done = run(own)
        gathered.take(done)
        receipts += done
    return receipts, gathered.finish(samples, _record(store, receipts))


def _record(store: ChunkStore, receipts: list[Receipt]) -> SynthesisRecord:
    total = {
        name: sum(receipt.counts[name] for receipt in receipts)
        for name in ("candidates", "kept", "truncated", "truncated_tokens")
    }
    return SynthesisRecord(
        eligible_documents=store.documents,
        not_eligible={},
        discarded=count_discards(receipts),
        queries=0,
        unanswered=0,
        recall=None,
        near_duplicates=0,
        **total,
    )
