"""The method from end to end: `build` reads like the paper, each line one stage.

corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest
corpus ▶ instruct ▶ tokens ▶ packing ▶ shards ▶ manifest        (conversations)
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from nextlong_hub._version import __version__
from nextlong_hub.conversations.produce import conversation_record, conversation_sources, converse, resolve_templates
from nextlong_hub.corpus.ingest import Source, find_corpus
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.folder import locked
from nextlong_hub.dataset.manifest import ConfigRecord, Manifest, PortabilityRecord
from nextlong_hub.dataset.write import file_rows
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.open import make_executor
from nextlong_hub.execution.progress import NullProgress, Progress, Stages, StageTime
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.producer import Inputs
from nextlong_hub.publish.commit import commit, describe, published_before
from nextlong_hub.recipe import DEFAULT_SEED, Recipe
from nextlong_hub.synthesis.mixture import choose_rows
from nextlong_hub.synthesis.portability import portability, sizes_of
from nextlong_hub.synthesis.prepare import prepare
from nextlong_hub.synthesis.produce import Made, synthesise
from nextlong_hub.tokenization import Tokenizer, load_tokenizer
from nextlong_hub.tokenization.special_tokens import find_frames
from nextlong_hub.tokenization.tasks import measure_characters_per_token

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
    """A folder, a Hub name, or `demo`; ids and token counts of rows are its."""
    seed: int = DEFAULT_SEED
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of a configuration; one that is not named gets about as many tokens as the corpus holds."""
    more_tokenizers: tuple[str, ...] = ()
    """Rows have at least the target length under these, too: exactly under the one that needs most text."""

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """All of them, each once, the one that counts first."""
        return tuple(dict.fromkeys((self.tokenizer, *self.more_tokenizers)))


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
    stages = Stages(progress or NullProgress())
    tokenizers = open_tokenizers(request)
    request = replace(
        request,
        sources=conversation_sources(request.sources, request.recipes),
        recipes=resolve_templates(request.recipes, tokenizers[0]),
    )
    with locked(output) as workspace, closing(make_executor(num_proc)) as executor:
        found = find_corpus(workspace, request.sources, stages)
        inputs = Inputs(corpus=found, tokenizer=tokenizers[0], seed=request.seed, more_tokenizers=tokenizers[1:])
        kept = published_before(output, workspace, inputs, request.recipes)
        fill = _converse if request.recipes[0].conversations else _synthesise
        content = fill(request, inputs, kept.portability if kept else (), output, workspace, executor, stages)
        configs = content.configs
        manifest = describe(
            inputs,
            content.store,
            content.characters_per_token,
            {**(kept.configs if kept else {}), **configs},
            "build",
            __version__,
            content.portability,
        )
        changed = commit(output, workspace, manifest)
    return BuildReport(
        manifest=manifest,
        times=stages.times,
        unchanged=not changed,
        missing_rows={
            name: request.rows[name] - config.rows
            for name, config in configs.items()
            if request.rows.get(name, 0) > config.rows
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What a run has put into the folder, and what it knows of it."""

    configs: dict[str, ConfigRecord]
    store: ChunkStore
    characters_per_token: float
    portability: tuple[PortabilityRecord, ...] = ()


def _synthesise(
    request: BuildRequest,
    inputs: Inputs,
    kept: tuple[PortabilityRecord, ...],
    output: Path,
    workspace: Workspace,
    executor: Executor,
    stages: Stages,
) -> _Content:
    """Long samples from short documents, and mixtures of them; `kept` is the table of what was there before."""
    made: dict[str, Made] = {}
    for recipe in recipes_to_make(request):
        earlier = [one.prepared for one in made.values()]
        prepared = prepare(workspace, recipe, inputs, executor, stages, earlier)
        made[recipe.name] = synthesise(prepared, request.rows.get(recipe.name), executor, stages)
    configs = {}
    sizes = {}
    for recipe in request.recipes:
        rows = choose_rows(recipe, made, request.rows.get(recipe.name), request.seed)
        configs[recipe.name] = file_rows(recipe, rows, output, workspace, executor, stages, prepared.store)
        sizes[recipe.name] = sizes_of(rows.rows, made, 1 + len(inputs.more_tokenizers))
    return _Content(
        configs=configs,
        store=prepared.store,
        characters_per_token=prepared.characters_per_token,
        portability=portability(inputs, sizes, kept),
    )


def _converse(
    request: BuildRequest,
    inputs: Inputs,
    kept: tuple[PortabilityRecord, ...],
    output: Path,
    workspace: Workspace,
    executor: Executor,
    stages: Stages,
) -> _Content:
    """Rows of whole conversations."""
    configs = {}
    for recipe in request.recipes:
        made = converse(workspace, recipe, inputs, request.rows.get(recipe.name), executor, stages)
        config = file_rows(recipe, made.chosen, output, workspace, executor, stages)
        spoken = conversation_record([output / file.path for file in config.files], made)
        configs[recipe.name] = config.model_copy(update={"conversations": spoken})
    return _Content(
        configs=configs,
        store=made.store,
        characters_per_token=measure_characters_per_token(made.store, inputs.tokenizer),
        portability=kept,
    )


def open_tokenizers(request: BuildRequest) -> tuple[Tokenizer, ...]:
    """The tokenizers of a request, those with the same content once, before anything else is done.

    Raises:
        RecipeError: one cannot be used, lacks a token that a recipe asks for, or does not go with a recipe.
        AuthError, NetworkError, StorageError: see `load_tokenizer`.
    """
    by_digest: dict[str, Tokenizer] = {}
    for name in request.tokenizers:
        tokenizer = load_tokenizer(name)
        by_digest.setdefault(tokenizer.digest, tokenizer)
    tokenizers = tuple(by_digest.values())
    for recipe in (*request.ingredients, *request.recipes):
        find_frames(recipe, tokenizers)
        if len(tokenizers) > 1 and recipe.pack:
            raise RecipeError(
                f"recipe {recipe.name!r} packs its rows, which are then full under one tokenizer only; name one "
                "--tokenizer, or set pack = false"
            )
    return tokenizers


def recipes_to_make(request: BuildRequest) -> list[Recipe]:
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
