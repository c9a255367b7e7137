"""The method from end to end: `build` reads like the paper, each line one stage.

corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from nextlong_hub import __version__
from nextlong_hub.datacard import render_card
from nextlong_hub.engine import make_executor
from nextlong_hub.errors import ConflictError, RecipeError
from nextlong_hub.files import write_bytes
from nextlong_hub.filing import choose_rows, file_rows
from nextlong_hub.manifest import (
    ConfigRecord,
    CorpusRecord,
    Manifest,
    SourceRecord,
    TokenizerRecord,
    differences,
    read_manifest,
    write_manifest,
)
from nextlong_hub.preparation import Inputs, Prepared, Source, Stages, StageTime, find_corpus, prepare
from nextlong_hub.progress import Progress, Silence
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis import synthesise
from nextlong_hub.tokens import load_tokenizer
from nextlong_hub.workspace import locked

DEFAULT_SEED = 42

_Row = tuple[str, int]
"""A unit's file and a row in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build, from what."""

    recipes: tuple[Recipe, ...]
    """What is published."""
    ingredients: tuple[Recipe, ...] = ()
    """What mixtures among the recipes are made from, unless it is published too: see `recipe.load_recipes`."""
    sources: tuple[Source, ...]
    tokenizer: str
    """A folder, a Hub name, or `demo`."""
    seed: int = DEFAULT_SEED
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of a configuration; one that is not named gets about as many tokens as the corpus holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did."""

    manifest: Manifest
    times: tuple[StageTime, ...]
    unchanged: bool
    """The folder held exactly this dataset already."""
    missing_rows: dict[str, int]
    """Rows that were asked for but could not be made, by configuration."""


def build(request: BuildRequest, output: Path, *, num_proc: int = 1, progress: Progress | None = None) -> BuildReport:
    """Build every configuration of `request` into the dataset folder `output`.

    The same request gives the same bytes for any `num_proc`, after any crash, and finds finished units again.

    Raises:
        DataError: the corpus cannot be read or is too small.
        RecipeError: the recipes do not fit together.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
        WorkerError: a unit kept killing its worker.
    """
    stages = Stages(progress or Silence())
    with locked(output) as workspace, closing(make_executor(num_proc)) as executor:
        inputs = Inputs(
            corpus=find_corpus(workspace, request.sources, stages),
            tokenizer=load_tokenizer(request.tokenizer),
            seed=request.seed,
        )
        kept = read_manifest(output)
        _refuse_other_inputs(output, kept, request, inputs)
        made = {}
        for recipe in _synthesised(request):
            prepared = prepare(workspace, recipe, inputs, executor, stages)
            made[recipe.name] = synthesise(prepared, request.rows.get(recipe.name), executor, stages)
        configs = {}
        for recipe in request.recipes:
            rows = choose_rows(recipe, made, request.rows.get(recipe.name), request.seed)
            configs[recipe.name] = file_rows(recipe, rows, output, workspace, executor, stages)
        manifest = _describe(inputs, prepared, {**(kept.configs if kept else {}), **configs})
        if manifest != kept:
            _commit(output, manifest)
    return BuildReport(
        manifest=manifest,
        times=stages.times,
        unchanged=manifest == kept,
        missing_rows={
            name: request.rows[name] - config.rows
            for name, config in configs.items()
            if request.rows.get(name, 0) > config.rows
        },
    )


def _synthesised(request: BuildRequest) -> list[Recipe]:
    """The recipes whose rows must be made, ingredients of mixtures included."""
    named = {recipe.name: recipe for recipe in (*request.ingredients, *request.recipes)}
    wanted = [recipe.name for recipe in request.recipes if not recipe.mixture]
    for part in [part for recipe in request.recipes for part in recipe.mixture]:
        if part.recipe not in named or named[part.recipe].mixture:
            raise RecipeError(
                f"{part.recipe!r} cannot be an ingredient of a mixture: it is unknown or a mixture itself"
            )
        wanted.append(part.recipe)
    return [named[name] for name in dict.fromkeys(wanted)]


def _describe(inputs: Inputs, prepared: Prepared, configs: Mapping[str, ConfigRecord]) -> Manifest:
    summary = prepared.store.summary
    return Manifest(
        version=__version__,
        seed=inputs.seed,
        corpus=CorpusRecord(
            digest=inputs.corpus.digest,
            documents=summary["documents"],
            chunks=summary["chunks"],
            characters=summary["characters"],
            skipped=summary["skipped"],
            sources=tuple(
                SourceRecord(
                    name=source.name,
                    path=_public_path(source.path),
                    license=source.license,
                    weight=source.weight,
                    documents=counts["documents"],
                    characters=counts["characters"],
                )
                for source, counts in zip(inputs.corpus.sources, summary["sources"], strict=True)
            ),
        ),
        tokenizer=TokenizerRecord(
            name=_public_path(inputs.tokenizer.name),
            digest=inputs.tokenizer.digest,
            characters_per_token=prepared.characters_per_token,
        ),
        configs=dict(sorted(configs.items(), key=lambda item: (bool(item[1].mixture), _target(item[1]), item[0]))),
    )


def _target(config: ConfigRecord) -> int:
    return int(config.recipe["target_length"])


def _public_path(path: str) -> str:
    """A path without the folders of this machine: what is published names the file, not where somebody keeps it."""
    return Path(path).name if Path(path).exists() else path


def _refuse_other_inputs(output: Path, kept: Manifest | None, request: BuildRequest, inputs: Inputs) -> None:
    """A finished folder may be added to, never silently changed."""
    if kept is None:
        return
    wanted = {
        "corpus": inputs.corpus.digest,
        "tokenizer": inputs.tokenizer.digest,
        "seed": request.seed,
        **{f"recipe {recipe.name}": recipe.fingerprint for recipe in request.recipes},
    }
    changes = differences(kept.inputs(), wanted)
    if changes:
        raise ConflictError(
            f"{output} holds a finished dataset made from other inputs ({'; '.join(changes)}); "
            "choose another --output, or remove that folder to build it anew"
        )


def _commit(output: Path, manifest: Manifest) -> None:
    """Make the dataset valid, then remove what an earlier state of the folder left behind."""
    write_bytes(output / "README.md", render_card(manifest).encode())
    write_manifest(output, manifest)
    published = {output / file.path for file in manifest.files}
    for path in sorted((output / "data").rglob("*.parquet")):
        if path not in published:
            path.unlink()
