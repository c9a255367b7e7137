"""`build`, `fit` and `import_rows`: from a corpus to a finished dataset folder.

corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ card ▶ manifest
         └── the producer of each recipe ─────────────────────┘

The comments beside the calls name the stages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from nextlong_hub.allotment import Allotment, Demand, allot, keep_documents, taken_records
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import find_corpus
from nextlong_hub.datacard.licences import refuse_contradictions
from nextlong_hub.dataset.config_record import PackingRecord
from nextlong_hub.dataset.corpus_description import source_records
from nextlong_hub.dataset.folder import open_run, refuse_foreign
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.taken import Taken, taken_by
from nextlong_hub.dataset.write import padding_of, with_outcome, write_rows
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.documents.import_rows import ImportRequest, import_source, require_name
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.execution.open import Where
from nextlong_hub.execution.progress import Progress, StageTime
from nextlong_hub.execution.run import Run
from nextlong_hub.outlook import Outlook
from nextlong_hub.producer import (
    Inputs,
    Produced,
    RowRequest,
    making_order,
    producer_of,
    special_tokens_of,
    with_options,
)
from nextlong_hub.publish.commit import commit, committed_manifest, describe, with_all_encoders
from nextlong_hub.recipe import DEFAULT_SEED, Recipe
from nextlong_hub.retrieval.ahead import warmed_ahead
from nextlong_hub.synthesis.mixture import flexible_rows
from nextlong_hub.synthesis.portability import portability
from nextlong_hub.synthesis.prepare import measure
from nextlong_hub.tokenization import Tokenizer, load_tokenizer
from nextlong_hub.tokenization.keeping import keep_files


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build, from what."""

    recipes: tuple[Recipe, ...]
    """What is published."""
    ingredients: tuple[Recipe, ...] = ()
    """Whose rows recipes among them take, unless they are published too: see `recipe.load_recipes`."""
    sources: tuple[Source, ...]
    tokenizer: str
    """A folder, a Hub name, or `demo`; it gives the ids and token counts of rows."""
    seed: int = DEFAULT_SEED
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of a configuration; one that is not named gets about as many tokens as the corpus holds."""
    more_tokenizers: tuple[str, ...] = ()
    """Rows have at least the target length under these, too; exactly that under the one that needs most text."""

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """All of them, each once; the first one counts the tokens of rows."""
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
    removed_rows: dict[str, int]
    """Rows that stood in the folder and that this run did not make again, by configuration: the rest stayed."""


def build(
    request: BuildRequest,
    output: Path,
    *,
    executor: Where = "inline",
    progress: Progress | None = None,
) -> BuildReport:
    """Build every configuration of `request` into the dataset folder `output`.

    The same request gives the same bytes with any executor and after any crash; finished units are used again.

    Args:
        request: what to build.
        output: the dataset folder.
        executor: where tasks run, or the address of one that is opened for this build: `local:8`; a `Place` says where
            unfinished work lies, too.
        progress: is told of each stage; None shows nothing.

    Raises:
        DataError: the corpus cannot be read or is too small.
        RecipeError: the recipes do not fit together.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
        WorkerError: a unit kept killing its worker.
    """
    refuse_foreign(output)  # before anything is fetched
    tokenizers = open_tokenizers(request)
    request = resolve(request, tokenizers[0])
    recipes = recipes_to_make(request)  # what does not go together is refused before anything is written
    searching = [recipe.retrieval for recipe in recipes if producer_of(recipe).takes_documents]
    with open_run(output, executor, progress) as run, warmed_ahead(searching):
        made = _make_dataset(run, request, tokenizers, "build")
        return BuildReport(
            manifest=made.manifest,
            times=run.progress.times,
            unchanged=not made.changed,
            missing_rows={
                name: wanted - made.manifest.configs[name].rows
                for name, wanted in request.rows.items()
                if name in made.produced and made.manifest.configs[name].rows < wanted
            },
            removed_rows=made.removed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Committed:
    """What a run has committed."""

    manifest: Manifest
    changed: bool
    produced: Mapping[str, Produced]
    """The configurations of this run, without ingredients."""
    removed: dict[str, int]
    """Rows fewer than stood there before, by configuration."""


def _make_dataset(
    run: Run, request: BuildRequest, tokenizers: tuple[Tokenizer, ...], kind: Literal["build", "fit"]
) -> _Committed:
    """From the corpus to the committed manifest."""
    keep_tokenizers(run, tokenizers)
    corpus = find_corpus(run, request.sources)  # corpus
    inputs = Inputs(corpus=corpus, tokenizers=tokenizers, seed=request.seed)
    before = committed_manifest(run, inputs, request.recipes)
    made = make_rows(run, request, inputs, before)  # chunking … tokens
    produced = {recipe.name: made[recipe.name] for recipe in request.recipes}
    return _commit(run, inputs, produced, before, kind)  # shards ▶ card ▶ manifest


def make_rows(run: Run, request: BuildRequest, inputs: Inputs, before: Manifest | None = None) -> dict[str, Produced]:
    """The rows of each recipe of a resolved request, ingredients included, in finished units.

    Args:
        run: where finished work lies.
        request: what to make.
        inputs: what it is made from.
        before: what stands in the folder, whose documents are taken.

    Raises:
        DataError, RecipeError, StorageError, WorkerError: see `build`.
        RecipeError: see `refuse_contradictions`.
    """
    refuse_contradictions(source_records(inputs.corpus))
    recipes = recipes_to_make(request)
    allotment = Allotment(run, before, request.recipes)
    demands = _demands(run, request, inputs)
    rows = {**request.rows, **allot(list(demands.values()), allotment)}
    _outlook(run, request, inputs, demands, rows, before).tell(run)
    made: dict[str, Produced] = {}
    taken: dict[str, Taken] = {}
    for recipe in recipes:
        producer = producer_of(recipe)
        apart = allotment.apart(recipe, rows.get(recipe.name), taken)
        wanted = RowRequest(recipe=recipe, inputs=inputs, rows=rows.get(recipe.name), made=made, apart=apart)
        store = producer.read(run, wanted)  # chunking
        refuse_contradictions(source_records(inputs.corpus, store.summary.sources))
        index = producer.index(run, wanted, store)  # retrieval
        produced = producer.produce(run, wanted, store, index)  # negatives ▶ interleave ▶ tokens
        made[recipe.name] = replace(produced, apart=keep_documents(run, apart))
        if producer.takes_documents:
            taken[recipe.name] = taken_by(produced.rows)
    return made


def _demands(run: Run, request: BuildRequest, inputs: Inputs) -> dict[str, Demand]:
    """What the rows of each recipe can be made of, for those that must share out the documents.

    Raises:
        DataError, RecipeError, StorageError, WorkerError: see `build`; the corpus is too small.
    """
    demands: dict[str, Demand] = {}
    for recipe in recipes_to_make(request):
        producer = producer_of(recipe)
        if recipe.ingredients or not producer.takes_documents:
            continue
        wanted = RowRequest(recipe=recipe, inputs=inputs, rows=request.rows.get(recipe.name))
        store = producer.read(run, wanted)
        plan = producer.plan(run, wanted, store)
        if plan is not None:
            demands[recipe.name] = Demand(recipe=recipe, store=store, plan=plan, is_asked=recipe.name in request.rows)
    wanted_rows = {name: min(demand.plan.wanted, len(demand.plan.order)) for name, demand in demands.items()}
    for name, needed in flexible_rows(request.recipes, request.ingredients, request.rows, wanted_rows).items():
        demands[name] = replace(demands[name], plan=replace(demands[name].plan, wanted=needed))
    return demands


def _outlook(
    run: Run,
    request: BuildRequest,
    inputs: Inputs,
    demands: Mapping[str, Demand],
    rows: Mapping[str, int],
    before: Manifest | None,
) -> Outlook:
    """What is known of the run by now; the corpus is read for every recipe that reads it itself."""
    recipes = recipes_to_make(request)
    requests = {one.name: RowRequest(recipe=one, inputs=inputs, rows=rows.get(one.name)) for one in recipes}
    stores = {one.name: producer_of(one).read(run, requests[one.name]) for one in recipes if not one.ingredients}
    return Outlook(
        inputs=inputs,
        published=request.recipes,
        requests=requests,
        stores=stores,
        demands=demands,
        characters_per_token=measure(run, next(iter(stores.values())), inputs.tokenizers)[0],
        before=before,
    )


def _commit(
    run: Run,
    inputs: Inputs,
    produced: Mapping[str, Produced],
    before: Manifest | None,
    kind: Literal["build", "fit", "import"],
) -> _Committed:
    """Write the files of each configuration, and declare the dataset finished; `before` is what it is added to."""
    configs = dict(before.configs) if before else {}
    for name, one in produced.items():
        record = write_rows(run, one.recipe, one.rows, inputs.tokenizers, one.store)  # shards
        record = with_outcome(record, one.outcome).model_copy(
            update={"mixture": dict(one.mixture), "apart": dict(one.apart), "taken": taken_records(run, one)}
        )
        configs[name] = producer_of(one.recipe).describe(record, one, run.output)
    table = portability(inputs, list(produced.values()), before.portability if before else ())
    manifest = with_all_encoders(describe(kind, inputs, [*produced.values()][-1], configs, table), before)
    changed = commit(run, manifest)  # card ▶ manifest
    standing = before.configs if before else {}
    fewer = {name: standing[name].rows - configs[name].rows for name in produced if name in standing}
    removed = {name: rows for name, rows in fewer.items() if rows > 0}
    return _Committed(manifest=manifest, changed=changed, produced=produced, removed=removed)


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
    request: FitRequest, output: Path, *, executor: Where = "inline", progress: Progress | None = None
) -> FitReport:
    """Write texts into a new dataset folder, each at its target length or packed into rows of it.

    Args:
        request: which texts, and what may be done to them.
        output: the new folder.
        executor: see `build`.
        progress: is told of each stage; None shows nothing.

    Raises:
        RecipeError: the target is below 1, or the modes contradict each other.
        DataError: the source cannot be read, or no text is left.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
    """
    recipe = request.recipe
    rows = {} if request.samples is None else {recipe.name: request.samples}
    wanted = BuildRequest(recipes=(recipe,), sources=(request.source,), tokenizer=request.tokenizer, seed=0, rows=rows)
    refuse_foreign(output)
    tokenizers = open_tokenizers(wanted)
    wanted = resolve(wanted, tokenizers[0])
    with open_run(output, executor, progress) as run:
        made = _make_dataset(run, wanted, tokenizers, "fit")
    produced, config = made.produced[recipe.name], made.manifest.configs[recipe.name]
    outcome = produced.own_outcome
    return FitReport(
        manifest=made.manifest,
        config=recipe.name,
        read=outcome.candidates,
        kept=outcome.kept,
        truncated=outcome.truncated,
        truncated_tokens=outcome.truncated_tokens,
        split=produced.counts["split"],
        discarded=outcome.discarded,
        skipped=made.manifest.corpus.skipped,
        rows=config.rows,
        tokens=config.tokens,
        packing=config.packing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

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
    request: ImportRequest,
    output: Path,
    *,
    executor: Where = "inline",
    progress: Progress | None = None,
) -> ImportReport:
    """Import a published long-context dataset into a new dataset folder, every row as it is.

    A folder with an MDS index is read row by row: its documents are decoded, and packed rows stay packed rows. Anything
    else is read as texts, one document a row.

    Args:
        request: what to import.
        output: the new folder.
        executor: see `build`.
        progress: is told of each stage; None shows nothing.

    Raises:
        DataError: the source cannot be read, is damaged, or holds nothing.
        RecipeError: the configuration's name cannot be used, or there is no such tokenizer.
        ConflictError: `output` holds something else, or was made from other inputs.
        StorageError: no space, or no permission.
    """
    require_name(request.config)
    refuse_foreign(output)
    tokenizer = load_tokenizer(request.tokenizer)
    with open_run(output, executor, progress) as run:
        keep_tokenizers(run, [tokenizer])
        imported = import_source(run, request, tokenizer)  # corpus ▶ tokens
        produced = imported.produced
        refuse_contradictions(produced.corpus.sources)
        before = committed_manifest(run, imported.inputs, [produced.recipe])
        made = _commit(run, imported.inputs, {request.config: produced}, before, "import")  # shards ▶ card ▶ manifest
    config = made.manifest.configs[request.config]
    return ImportReport(
        manifest=made.manifest,
        config=request.config,
        rows=config.rows,
        documents=config.packing.documents if config.packing else config.rows,
        tokens=config.tokens,
        not_exact=config.not_exact,
        outside_tokens=produced.counts["outside_tokens"],
        no_tokens=produced.counts["no_tokens"],
        skipped=made.manifest.corpus.skipped,
        bos=produced.recipe.add_bos_token,
        eos=produced.recipe.add_eos_token,
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
        special_tokens_of(recipe, tokenizers)
        padding_of(recipe, tokenizers[0])
        if len(tokenizers) > 1 and recipe.pack:
            raise RecipeError(
                f"recipe {recipe.name!r} packs its rows, which are then full under one tokenizer only; name one "
                f"{argument('tokenizer')}, or set pack = false"
            )
    return tokenizers


def keep_tokenizers(run: Run, tokenizers: Iterable[Tokenizer]) -> None:
    """Copy the files of tokenizers into the work folder, where the tasks of the run find them.

    Raises:
        StorageError: no space, or no permission.
    """
    for tokenizer in tokenizers:
        keep_files(tokenizer, run.workspace.tokenizers)


def resolve(request: BuildRequest, tokenizer: Tokenizer) -> BuildRequest:
    """The request with what its producers write out: recipes that depend on no file, sources as they are read.

    Raises:
        RecipeError: the recipes want different corpora, one does not go with the tokenizer, or a file that one names is
            missing or another one.
        DataError: such a file holds what cannot be used.
        AuthError, NetworkError, StorageError: such a file cannot be fetched.
    """
    reads = {recipe.name: producer_of(recipe).reads for recipe in request.recipes}
    for kind in sorted(set(reads.values()) - {"texts"}):
        own = ", ".join(name for name, read in reads.items() if read == kind)
        others = ", ".join(name for name, read in reads.items() if read != kind)
        if others:
            raise RecipeError(
                f"{own} is made from {kind} and {others} from texts, but one run has one corpus; build them apart, "
                f"each into an {argument('output')} of its own"
            )
    sources = producer_of(request.recipes[0]).sources(request.sources, request.recipes)
    recipes, ingredients = (
        tuple(producer_of(recipe).resolve(with_options(recipe), tokenizer).with_pinned_filters() for recipe in those)
        for those in (request.recipes, request.ingredients)
    )
    return replace(request, sources=sources, recipes=recipes, ingredients=ingredients)


def recipes_to_make(request: BuildRequest) -> list[Recipe]:
    """All recipes whose rows are needed, in the order in which they are made: see `making_order`.

    Raises:
        RecipeError: an ingredient is unknown, is made of others itself, or does not go with the recipe that takes it.
    """
    named = {recipe.name: recipe for recipe in (*request.ingredients, *request.recipes)}
    wanted = [recipe.name for recipe in request.recipes if not recipe.ingredients]
    for recipe in request.recipes:
        for name in recipe.ingredients:
            if name not in named:
                raise RecipeError(f"recipe {recipe.name}: {name!r} cannot be an ingredient: it is none of this run")
            wanted.append(name)
        producer_of(recipe).check_ingredients(recipe, [named[name] for name in recipe.ingredients])
    takers = [recipe.name for recipe in request.recipes if recipe.ingredients]
    return sorted((named[name] for name in dict.fromkeys([*wanted, *takers])), key=making_order)
