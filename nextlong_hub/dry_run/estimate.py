"""What a build will give and cost, before anything is written.

    corpus ▶ sample      how much there is, and a few thousand documents of it
           ▶ trial       those documents built into a temporary folder, which measures every rate on this machine
           ▶ estimator   the rates, scaled up to the whole corpus
           ▶ estimate    the rows, disk, memory and time of the run

Where a value is known to be too high or too low, the documentation of the function that gives it says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Literal

from nextlong_hub import corpus
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.memory import driver_peak_bytes
from nextlong_hub.corpus.in_memory import as_files
from nextlong_hub.corpus.left_out import FilesLeftOut
from nextlong_hub.corpus.secrets import OnSecret, SecretCounts
from nextlong_hub.corpus.telling import not_read
from nextlong_hub.dataset.config_record import StopWordsRecord
from nextlong_hub.documents.mix_rows import MixShape
from nextlong_hub.dry_run.estimator import Estimator
from nextlong_hub.dry_run.sample import ColumnsSeen, sample_corpus
from nextlong_hub.dry_run.trial import run_trial
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.pipeline import BuildRequest, recipes_to_make
from nextlong_hub.producer import producer_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis.mixture import flexible_rows, mixture_rows, samples_in_row
from nextlong_hub.synthesis.sampling import TAKEN

_LONGEST_START = 5.0
"""Seconds of start-up at most: the processor time of a longer process is not that of its imports."""


_STRICTEST_FIRST: tuple[OnSecret, ...] = ("fail", "drop", "mask", "keep")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigEstimate:
    """What is expected of one configuration."""

    config: str
    asked_rows: int | None
    """None: as many tokens as the corpus holds."""
    eligible_documents: int | None = None
    """Documents that can be extended; None for a mixture."""
    not_eligible: dict[str, int] = field(default_factory=dict)
    """Documents that cannot, by reason."""
    candidates: int | None = None
    """Meta-documents that will be tried; None for a mixture."""
    kept_share: float | None = None
    """Candidates that become a row; None for a mixture."""
    rows: int
    tokens: int
    links: float | None = None
    """Of a sample, on average; None where there is none, and for a mixture."""
    meta_percent: float | None = None
    """Tokens of meta-chunks in a hundred of a sample, on average."""
    published_bytes: int
    unit_bytes: int
    """Of finished units, in the folder of unfinished work."""
    seconds: float
    """Retrieval, synthesis and writing shards."""
    stop_words: StopWordsRecord | None = None
    """Which stop words follow the corpus, as the sample shows; None where the recipe names their languages."""
    problem: str
    """Why fewer rows than asked for are to be expected; empty when they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEstimate:
    """What is expected of a build."""

    sampled_documents: int
    sampled_bytes: int
    documents: int
    chunks: int
    characters: int
    tokens: int
    characters_per_token: float
    configs: tuple[ConfigEstimate, ...]
    store_bytes: int
    index_bytes: int
    token_bytes: int
    """Of chunks tokenised once for all samples."""
    ingredient_bytes: int
    """Units of recipes that only mixtures need."""
    driver_bytes: int
    """Peak memory of the process that is started."""
    worker_bytes: int
    """Peak memory of each worker process; 0 when there are none."""
    seconds: float
    """The whole run, by the clock on the wall of an otherwise idle machine."""
    left_out: Mapping[str, tuple[FilesLeftOut, ...]] = field(default_factory=dict)
    """Files that are not read, by the name of their source."""
    columns: Mapping[str, ColumnsSeen] = field(default_factory=dict)
    """What the rows looked at have, by the name of their source."""
    secrets: SecretCounts = field(default_factory=SecretCounts)
    """In the documents looked at."""
    on_secret: OnSecret = "mask"
    """What becomes of them."""

    @property
    def disk_bytes(self) -> int:
        """All that the output folder will hold at the end of the run."""
        parts = sum(config.published_bytes + config.unit_bytes for config in self.configs)
        return parts + self.store_bytes + self.index_bytes + self.token_bytes + self.ingredient_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """What imports have cost this process, and will cost each worker."""

    seconds: float
    bytes: int


def estimate(request: BuildRequest, *, workers: int = 1, progress: Progress | None = None) -> BuildEstimate:
    """Estimate what `build` would give and cost with the same request.

    Reads metadata and at most about 4,000 documents or 16 MB, and writes into a temporary folder only. The same request
    gives the same rows, bytes and tokens every time. Times and memory are measured anew, memory by growth: a process
    that has been larger before, such as a notebook's, hides some of it.

    Raises:
        DataError: the sample holds a document that `build` would refuse, or a remote source does not tell its size.
        CorpusTooSmallError: no document of the sample can be extended.
        RecipeError: the tokenizer cannot be used, or the rows of a configuration cannot be estimated.
    """
    start = _Start(seconds=min(process_time(), _LONGEST_START), bytes=driver_peak_bytes())
    stages = ProgressTracker(progress or NullProgress())
    needed = recipes_to_make(request)
    made = [recipe for recipe in needed if not recipe.ingredients]
    for recipe in needed:
        if reason := producer_of(recipe).not_estimated:
            raise RecipeError(
                f"a dry run predicts samples that are synthesised, and the rows of {recipe.name} {reason}"
            )
    with TemporaryDirectory(prefix="nextlong-estimate-") as scratch:
        with stages.stage("look at the corpus", None, "pieces"):
            settings, _ = as_files(request.sources, Path(scratch) / "memory")
            found = corpus.find(settings)
            limits = {one.settings.name: one.settings.most for one in found.sources if one.settings.most}
            sample = sample_corpus(found.pieces, _strictest(made), limits, _strictest_on_secret(made))
        left_out = {one.settings.name: one.left_out for one in found.sources if one.left_out}
        for one in found.sources:
            if one.remark:
                stages.note(f"{one.settings.name}: {one.remark}")
        for name, files in left_out.items():
            stages.note(f"{name}: {not_read(files)}")
        estimators: dict[str, Estimator] = {}
        kinds = {_kind(recipe): recipe for recipe in made}
        with stages.stage("build the sample", len(kinds), "trials") as done:
            for kind, recipe in kinds.items():
                trial = run_trial(recipe, sample, request, Path(scratch) / kind)
                estimators[kind] = Estimator(trial=trial, sample=sample, pieces=len(found.pieces), workers=workers)
                done(1)
        return replace(
            _assemble(request, made, estimators, workers, start),
            left_out=left_out,
            columns=sample.columns,
            secrets=sample.secrets,
            on_secret=_strictest_on_secret(made),
        )


def _kind(recipe: Recipe) -> str:
    """Recipes of one kind share the corpus store, the index, and the cost of a token."""
    apart = {"name", "description", "target_length", "corpus", "output"}
    return digest_of(recipe.model_dump(mode="json", exclude=apart))


def _strictest(recipes: Sequence[Recipe]) -> Literal["fail", "skip"]:
    return "fail" if any(recipe.on_bad_document == "fail" for recipe in recipes) else "skip"


def _strictest_on_secret(recipes: Sequence[Recipe]) -> OnSecret:
    return min((recipe.on_secret for recipe in recipes), key=_STRICTEST_FIRST.index)


def _assemble(
    request: BuildRequest,
    made: Sequence[Recipe],
    estimators: Mapping[str, Estimator],
    workers: int,
    start: _Start,
) -> BuildEstimate:
    estimates = _estimate_made(request, made, estimators)
    takers = [recipe for recipe in request.recipes if recipe.ingredients]
    for recipe in takers:
        guess = _estimate_mix if recipe.mix else _estimate_mixture
        estimates[recipe.name] = guess(recipe, made, estimates, estimators, request.rows)
    published = [recipe.name for recipe in request.recipes]
    ingredients = [estimates[recipe.name] for recipe in made if recipe.name not in published]
    every = list(estimators.values())
    work_bytes = start.bytes + max(f.grown_bytes for f in every)
    work_bytes += max(estimators[_kind(recipe)].work_bytes(recipe) for recipe in made)
    starts = start.seconds + max(estimator.start_seconds for estimator in every)
    sampled = {
        kind: sum(
            (estimates[recipe.name].candidates or 0) * recipe.target_length for recipe in made if _kind(recipe) == kind
        )
        for kind in estimators
    }
    seconds = sum(estimator.seconds for estimator in every) + sum(config.seconds for config in estimates.values())
    seconds += sum(estimators[kind].tokenising_seconds(tokens) for kind, tokens in sampled.items())
    return BuildEstimate(
        sampled_documents=every[0].sampled_documents,
        sampled_bytes=every[0].sampled_bytes,
        documents=every[0].documents,
        chunks=every[0].chunks,
        characters=every[0].characters,
        tokens=every[0].tokens,
        characters_per_token=every[0].characters_per_token,
        configs=tuple(estimates[name] for name in published),
        store_bytes=sum(estimator.store_bytes for estimator in every)
        + max([every[0].store_bytes for recipe in takers if recipe.mix], default=0),  # of whole documents
        index_bytes=sum(estimator.index_bytes for estimator in every),
        token_bytes=sum(estimators[kind].token_bytes(tokens) for kind, tokens in sampled.items()),
        ingredient_bytes=sum(config.unit_bytes for config in ingredients),
        driver_bytes=work_bytes if workers == 1 else start.bytes + max(f.driver_bytes for f in every),
        worker_bytes=work_bytes if workers > 1 else 0,
        seconds=seconds + starts * (2 if workers > 1 else 1),
    )


def _estimate_made(
    request: BuildRequest, made: Sequence[Recipe], estimators: Mapping[str, Estimator]
) -> dict[str, ConfigEstimate]:
    """What is expected of each recipe that makes rows: those that are made later leave alone what others have taken."""
    wanted = {
        recipe.name: request.rows.get(recipe.name)
        or max(1, round(estimators[_kind(recipe)].tokens / recipe.target_length))
        for recipe in made
    }
    most = {recipe.name: estimators[_kind(recipe)].eligible_documents(recipe) for recipe in made}
    within = {name: min(rows, most[name]) for name, rows in wanted.items()}
    wanted |= flexible_rows(request.recipes, request.ingredients, request.rows, within)
    estimates: dict[str, ConfigEstimate] = {}
    for recipe in made:
        demand = _Demand(recipe=recipe, wanted=wanted[recipe.name], asked=request.rows.get(recipe.name))
        others = [(other, estimates[other.name].rows) for other in made if other.name in estimates]
        if not producer_of(recipe).keeps_apart(recipe):
            others = []
        estimates[recipe.name] = _estimate_config(demand, estimators[_kind(recipe)], others)
    return estimates


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """Rows of one recipe that are to be made."""

    recipe: Recipe
    wanted: int
    asked: int | None
    """None where no number was asked for."""


def _estimate_config(demand: _Demand, estimator: Estimator, others: Sequence[tuple[Recipe, int]]) -> ConfigEstimate:
    """What is expected of one recipe; `others` are made before it, with their rows."""
    recipe, wanted = demand.recipe, demand.wanted
    taken = min(estimator.eligible_documents(recipe), estimator.taken(recipe, others))
    eligible = estimator.eligible_documents(recipe) - taken
    kept_share = estimator.kept_share(recipe)
    made = min(wanted, math.floor(eligible * kept_share))
    candidates = _candidates(recipe, wanted, kept_share, eligible)
    tokens = made * recipe.target_length
    links, meta_percent = estimator.links(recipe, made) if made else (None, None)
    return ConfigEstimate(
        config=recipe.name,
        asked_rows=demand.asked,
        eligible_documents=eligible,
        not_eligible={**estimator.not_eligible(recipe), **({TAKEN: taken} if taken else {})},
        candidates=candidates,
        kept_share=kept_share,
        rows=made,
        tokens=tokens,
        links=links,
        meta_percent=meta_percent,
        stop_words=estimator.stop_words,
        published_bytes=estimator.published_bytes(tokens),
        unit_bytes=estimator.unit_bytes(recipe, candidates),
        seconds=estimator.seconds_of(recipe, candidates) + estimator.writing_seconds(tokens),
        problem=_problem(demand, estimator, made, eligible, taken),
    )


def _candidates(recipe: Recipe, wanted: int, kept_share: float, eligible: int) -> int:
    """Meta-documents that are tried: whole units, until there are rows enough."""
    needed = math.ceil(wanted / kept_share) if kept_share else eligible
    return min(eligible, -(-needed // recipe.output.unit_documents) * recipe.output.unit_documents)


def _problem(demand: _Demand, estimator: Estimator, made: int, eligible: int, taken: int) -> str:
    recipe, asked = demand.recipe, demand.asked
    if estimator.tokens < recipe.target_length:
        return (
            f"the corpus holds about {estimator.tokens:,} tokens, and one row needs {recipe.target_length:,}; "
            "add documents or build a shorter configuration"
        )
    if taken and eligible < (asked or 1):
        return (
            f"only about {eligible:,} documents are left for it, as {taken:,} are extended by longer rows; ask for "
            "fewer of those, add documents, or let all share documents with --set meta_documents.choice=nested"
        )
    if asked is not None and asked > eligible:
        return (
            f"{asked:,} rows were asked for, but only about {eligible:,} documents can be extended; ask for fewer or "
            "add documents"
        )
    if asked is not None and made < asked:
        return f"{asked:,} rows were asked for, but only about {made:,} will reach the target length; add documents"
    return ""


def _estimate_mixture(
    recipe: Recipe,
    made: Sequence[Recipe],
    estimates: Mapping[str, ConfigEstimate],
    estimators: Mapping[str, Estimator],
    rows: Mapping[str, int],
) -> ConfigEstimate:
    """Rows of a mixture are rows of its ingredients, published once more."""
    asked = rows.get(recipe.name)
    targets = {one.name: one.target_length for one in made}
    parts = [estimates[part.recipe] for part in recipe.mixture]
    if min(part.rows for part in parts):
        counts = mixture_rows(recipe, targets, {part.config: part.rows for part in parts}, asked)
    else:
        counts = [0] * len(parts)
    made_rows = sum(
        -(-count // samples_in_row(recipe, part.config, targets[part.config]))
        for count, part in zip(counts, parts, strict=True)
    )
    tokens = sum(count * targets[part.config] for count, part in zip(counts, parts, strict=True))
    published = sum(
        round(part.published_bytes * count / part.rows) for count, part in zip(counts, parts, strict=True) if part.rows
    )
    estimator = estimators[_kind(next(one for one in made if one.name == parts[0].config))]
    problem = ""
    if asked is not None and made_rows < asked:
        problem = f"{asked:,} rows were asked for, but its ingredients give about {made_rows:,} in these shares"
    return ConfigEstimate(
        config=recipe.name,
        asked_rows=asked,
        rows=made_rows,
        tokens=tokens,
        published_bytes=published,
        unit_bytes=0,
        seconds=estimator.writing_seconds(tokens),
        problem=problem,
    )


def _estimate_mix(
    recipe: Recipe,
    made: Sequence[Recipe],
    estimates: Mapping[str, ConfigEstimate],
    estimators: Mapping[str, Estimator],
    rows: Mapping[str, int],
) -> ConfigEstimate:
    """Rows of a mix are samples of its ingredient, published once more, and the documents that no sample extends."""
    asked = rows.get(recipe.name)
    [ingredient] = [one for one in made if one.name in recipe.ingredients]
    part, estimator = estimates[ingredient.name], estimators[_kind(ingredient)]
    shape = MixShape.of(recipe, ingredient.target_length)
    others = [one for one in made if one != ingredient]
    taken = sum(estimators[_kind(one)].extended_tokens(one, estimates[one.name].rows) for one in others)
    whole = estimator.tokens_of_documents(shape.longest_document) - taken

    def left(samples: int) -> int:
        return whole - estimator.extended_tokens(ingredient, samples)

    mixed_rows = shape.rows_filled(shape.rows(part.rows, asked), left) if part.rows and left(1) > 0 else 0
    document_tokens = shape.room(mixed_rows) if mixed_rows else 0
    tokens = mixed_rows * shape.target_length
    problem = ""
    if not mixed_rows:
        problem = part.problem or "no document is left to stand beside its samples; add documents"
    elif asked is not None and mixed_rows < asked:
        problem = (
            f"{asked:,} rows were asked for, but there are samples and documents for about {mixed_rows:,}; ask for "
            "fewer, set mix.documents lower, or add documents"
        )
    return ConfigEstimate(
        config=recipe.name,
        asked_rows=asked,
        rows=mixed_rows,
        tokens=tokens,
        published_bytes=estimator.published_bytes(tokens),
        unit_bytes=estimator.published_bytes(document_tokens),
        seconds=estimator.tokenising_seconds(document_tokens) + estimator.writing_seconds(tokens + document_tokens),
        problem=problem,
    )
