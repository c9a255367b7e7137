"""`fit`: an existing dataset of long texts becomes one whose rows have exactly the target length.

The published NExtLong files are the case in mind. Their authors advise to truncate what is too long after tokenization,
to discard what is short, and never to concatenate without a document mask.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nextlong_hub import __version__, plan
from nextlong_hub.engine import Executor, Receipt, Task, make_executor
from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.files import digest_of
from nextlong_hub.filing import ChosenRows, file_rows, mean_row_bytes
from nextlong_hub.manifest import Manifest, SynthesisRecord
from nextlong_hub.preparation import Inputs, Source, find_corpus, read_corpus
from nextlong_hub.progress import Progress, Silence, Stages
from nextlong_hub.publishing import commit, describe, published_before
from nextlong_hub.recipe import ChunkingSettings, FitSettings, OutputSettings, Recipe
from nextlong_hub.store import ChunkStore
from nextlong_hub.synthesis import count_discards, kept_rows, listed, units_until
from nextlong_hub.tokens import load_tokenizer
from nextlong_hub.workspace import Workspace, locked

_WHOLE_DOCUMENT = 2**31 - 1
"""Characters in a chunk: no document is longer, so each is a single one."""
_UNIT_DOCUMENTS = 16


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
    discarded: dict[str, int]
    rows: int
    tokens: int


def fit(
    source: Source,
    *,
    tokenizer: str,
    target_length: int,
    truncate: bool,
    discard: bool,
    output: Path,
    samples: int | None = None,
    num_proc: int = 1,
    progress: Progress | None = None,
) -> FitReport:
    """Write the texts of `source` into a new dataset folder, each at its target length.

    Args:
        source: where the texts are.
        tokenizer: a folder, a Hub name, or `demo`.
        target_length: in tokens.
        truncate: cut what is longer; otherwise it is discarded.
        discard: leave out what is shorter; otherwise it is kept as it is.
        output: the new folder.
        samples: stop at so many rows.
        num_proc: worker processes.
        progress: hears about the stages.

    Raises:
        DataError: the source cannot be read, or no text is left.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
    """
    if target_length < 1:
        raise RecipeError(f"the target length is {target_length}, but it must be at least 1 token")
    recipe = Recipe(
        name=config_name(target_length),
        description=f"Texts fitted to {target_length:,} tokens: longer {'cut' if truncate else 'discarded'}, "
        f"shorter {'discarded' if discard else 'kept'}",
        target_length=target_length,
        chunking=ChunkingSettings(chunk_characters=_WHOLE_DOCUMENT),
        output=OutputSettings(unit_documents=_UNIT_DOCUMENTS),
        fit=FitSettings(truncate=truncate, discard=discard),
    )
    stages = Stages(progress or Silence())
    loaded = load_tokenizer(tokenizer)
    with locked(output) as workspace, closing(make_executor(num_proc)) as executor:
        inputs = Inputs(corpus=find_corpus(workspace, [source], stages), tokenizer=loaded, seed=0)
        kept = published_before(output, workspace, inputs, [recipe])
        store = read_corpus(workspace, recipe, inputs.corpus, executor, stages)
        receipts = _fit_units(workspace, recipe, inputs, store, samples, executor, stages)
        done = _record(store, receipts)
        rows = kept_rows(receipts)
        if not rows:
            raise CorpusTooSmallError(
                f"none of {store.documents:,} texts became a row of {target_length:,} tokens "
                f"({listed(done.discarded)}); choose a shorter --target, or leave discard out of --mode"
            )
        chosen = ChosenRows(
            rows=tuple(rows[:samples]),
            mean_row_bytes=mean_row_bytes(receipts),
            synthesis=done,
            mixture={},
        )
        config = file_rows(recipe, chosen, output, workspace, executor, stages)
        manifest = describe(
            inputs,
            store,
            plan.measure_characters_per_token(store, inputs.tokenizer),
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
        discarded=done.discarded,
        rows=config.rows,
        tokens=config.tokens,
    )


def config_name(target_length: int) -> str:
    """What a configuration of that length is called: 131,072 is `128k`, 1,000 is `1000`."""
    return f"{target_length // 1024}k" if target_length % 1024 == 0 else str(target_length)


def _fit_units(
    workspace: Workspace,
    recipe: Recipe,
    inputs: Inputs,
    store: ChunkStore,
    samples: int | None,
    executor: Executor,
    stages: Stages,
) -> list[Receipt]:
    """Fit documents, a unit of them at a time, until there are rows enough."""
    identity = digest_of([recipe.fingerprint, store.id, inputs.tokenizer.digest])
    folder = workspace.units(recipe.name, identity)
    unit_documents = recipe.output.unit_documents

    def task_of(unit: int) -> Task:
        return Task(
            stage="fit",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.units:fit_rows",
            inputs={"store": str(store.folder)},
            output=str(folder / f"unit-{unit:05d}.parquet"),
            parameters={
                "recipe": recipe.model_dump(mode="json"),
                "start": unit * unit_documents,
                "stop": min((unit + 1) * unit_documents, store.documents),
                "tokenizer": inputs.tokenizer.location,
                "tokenizer_digest": inputs.tokenizer.digest,
            },
        )

    def run(units: range) -> list[Receipt]:
        return stages.run("fit", "units", [task_of(unit) for unit in units], executor, workspace.receipts(identity))

    return units_until(samples or store.documents, -(-store.documents // unit_documents), unit_documents, run)


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
