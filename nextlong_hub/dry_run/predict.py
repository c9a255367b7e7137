"""What a build will give and cost, before anything is written.

    corpus ▶ survey    how much there is, and a few thousand documents of it
           ▶ trial     those documents built for real, into a folder that is thrown away: real chunker, real tokenizer,
                       real index, real rows, so that every rate is measured on this machine
           ▶ forecast  scaled up to the whole corpus and to the rows asked for

All of it is an estimate. Where it is known to lean to one side, the place says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Literal

from nextlong_hub import corpus
from nextlong_hub.core.files import digest_of
from nextlong_hub.core.memory import driver_peak_bytes
from nextlong_hub.corpus import MemorySource
from nextlong_hub.dry_run.forecast import Forecast, try_out
from nextlong_hub.dry_run.survey import survey
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.progress import NullProgress, Progress, Stages
from nextlong_hub.pipeline import BuildRequest, recipes_to_make
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis.mixture import mixture_rows, samples_in_row

_LONGEST_START = 5.0
"""Seconds of start-up to believe in: a notebook that predicts has done other things before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigPrediction:
    """What is expected of one configuration."""

    config: str
    asked_rows: int | None
    """None: as many tokens as the corpus holds."""
    eligible_documents: int | None
    """Documents that can be extended; None for a mixture."""
    not_eligible: dict[str, int]
    """Documents that cannot, by reason."""
    candidates: int | None
    """Meta-documents that will be tried; None for a mixture."""
    kept_share: float | None
    """Candidates that become a row; None for a mixture."""
    rows: int
    tokens: int
    published_bytes: int
    unit_bytes: int
    """Of finished units, in the folder of unfinished work."""
    seconds: float
    """Retrieval, synthesis and filing."""
    problem: str
    """Why fewer rows than asked for are to be expected; empty when they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What is expected of a build."""

    sampled_documents: int
    sampled_bytes: int
    documents: int
    chunks: int
    characters: int
    tokens: int
    characters_per_token: float
    configs: tuple[ConfigPrediction, ...]
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


def predict(request: BuildRequest, *, num_proc: int = 1, progress: Progress | None = None) -> Prediction:
    """Predict what `build` would do with the same request.

    Reads metadata and at most about 4,000 documents or 16 MB, and writes into a temporary folder only. The same request
    gives the same rows, bytes and tokens every time. Times and memory are measured anew, memory by growth: a process
    that has been larger before, such as a notebook's, hides some of it.

    Raises:
        DataError: the sample holds a document that `build` would refuse, or a remote source does not tell its size.
        CorpusTooSmallError: no document of the sample can be extended.
        RecipeError: the tokenizer cannot be used, or a configuration is made of conversations.
    """
    start = _Start(seconds=min(process_time(), _LONGEST_START), bytes=driver_peak_bytes())
    stages = Stages(progress or NullProgress())
    made = recipes_to_make(request)
    spoken = [recipe.name for recipe in made if recipe.conversations]
    if spoken:
        raise RecipeError(
            f"a dry run predicts samples that are synthesised, and the rows of {spoken[0]} are conversations, which "
            "are only rendered and packed; build them without --dry-run, with --samples 1 to see a first row"
        )
    with stages.stage("look at the corpus", None, "pieces"):
        pieces = corpus.discover(request.sources)
        memory = {source.name: source.dataset for source in request.sources if isinstance(source, MemorySource)}
        seen = survey(pieces, _strictest(made), memory)
    forecasts: dict[str, Forecast] = {}
    kinds = {_kind(recipe): recipe for recipe in made}
    with (
        stages.stage("build the sample", len(kinds), "trials") as done,
        TemporaryDirectory(prefix="nextlong-predict-") as scratch,
    ):
        for kind, recipe in kinds.items():
            trial = try_out(recipe, seen, request, Path(scratch) / kind)
            forecasts[kind] = Forecast(trial=trial, seen=seen, pieces=len(pieces), workers=num_proc)
            done(1)
    return _assemble(request, made, forecasts, num_proc, start)


def _kind(recipe: Recipe) -> str:
    """Recipes of one kind share the corpus store, the index, and the cost of a token."""
    apart = {"name", "description", "target_length", "corpus", "output"}
    return digest_of(recipe.model_dump(mode="json", exclude=apart))


def _strictest(recipes: Sequence[Recipe]) -> Literal["fail", "skip"]:
    return "fail" if any(recipe.on_bad_document == "fail" for recipe in recipes) else "skip"


def _assemble(
    request: BuildRequest,
    made: Sequence[Recipe],
    forecasts: Mapping[str, Forecast],
    workers: int,
    start: _Start,
) -> Prediction:
    predicted = {recipe.name: _predict_config(recipe, forecasts[_kind(recipe)], request.rows) for recipe in made}
    mixtures = [recipe for recipe in request.recipes if recipe.mixture]
    for recipe in mixtures:
        predicted[recipe.name] = _predict_mixture(recipe, made, predicted, forecasts, request.rows)
    published = [recipe.name for recipe in request.recipes]
    ingredients = [predicted[recipe.name] for recipe in made if recipe.name not in published]
    every = list(forecasts.values())
    work_bytes = start.bytes + max(f.grown_bytes for f in every)
    work_bytes += max(forecasts[_kind(recipe)].work_bytes(recipe) for recipe in made)
    starts = start.seconds + max(forecast.start_seconds for forecast in every)
    sampled = {
        kind: sum(
            (predicted[recipe.name].candidates or 0) * recipe.target_length for recipe in made if _kind(recipe) == kind
        )
        for kind in forecasts
    }
    seconds = sum(forecast.seconds for forecast in every) + sum(config.seconds for config in predicted.values())
    seconds += sum(forecasts[kind].tokenising_seconds(tokens) for kind, tokens in sampled.items())
    return Prediction(
        sampled_documents=every[0].sampled_documents,
        sampled_bytes=every[0].sampled_bytes,
        documents=every[0].documents,
        chunks=every[0].chunks,
        characters=every[0].characters,
        tokens=every[0].tokens,
        characters_per_token=every[0].characters_per_token,
        configs=tuple(predicted[name] for name in published),
        store_bytes=sum(forecast.store_bytes for forecast in every),
        index_bytes=sum(forecast.index_bytes for forecast in every),
        token_bytes=sum(forecasts[kind].token_bytes(tokens) for kind, tokens in sampled.items()),
        ingredient_bytes=sum(config.unit_bytes for config in ingredients),
        driver_bytes=work_bytes if workers == 1 else start.bytes + max(f.driver_bytes for f in every),
        worker_bytes=work_bytes if workers > 1 else 0,
        seconds=seconds + starts * (2 if workers > 1 else 1),
    )


def _predict_config(recipe: Recipe, forecast: Forecast, rows: Mapping[str, int]) -> ConfigPrediction:
    asked = rows.get(recipe.name)
    eligible = forecast.eligible_documents(recipe)
    kept_share = forecast.kept_share(recipe)
    wanted = asked or max(1, round(forecast.tokens / recipe.target_length))
    made = min(wanted, math.floor(eligible * kept_share))
    candidates = _candidates(recipe, wanted, kept_share, eligible)
    tokens = made * recipe.target_length
    return ConfigPrediction(
        config=recipe.name,
        asked_rows=asked,
        eligible_documents=eligible,
        not_eligible=forecast.not_eligible(recipe),
        candidates=candidates,
        kept_share=kept_share,
        rows=made,
        tokens=tokens,
        published_bytes=forecast.published_bytes(tokens),
        unit_bytes=forecast.unit_bytes(recipe, candidates),
        seconds=forecast.seconds_of(recipe, candidates) + forecast.filing_seconds(tokens),
        problem=_problem(recipe, forecast, asked, made, eligible),
    )


def _candidates(recipe: Recipe, wanted: int, kept_share: float, eligible: int) -> int:
    """Meta-documents that are tried: whole units, until there are rows enough."""
    needed = math.ceil(wanted / kept_share) if kept_share else eligible
    return min(eligible, -(-needed // recipe.output.unit_documents) * recipe.output.unit_documents)


def _problem(recipe: Recipe, forecast: Forecast, asked: int | None, made: int, eligible: int) -> str:
    if forecast.tokens < recipe.target_length:
        return (
            f"the corpus holds about {forecast.tokens:,} tokens, and one row needs {recipe.target_length:,}; "
            "add documents or build a shorter configuration"
        )
    if asked is not None and asked > eligible:
        return (
            f"{asked:,} rows were asked for, but only about {eligible:,} documents can be extended; ask for fewer or "
            "add documents"
        )
    if asked is not None and made < asked:
        return f"{asked:,} rows were asked for, but only about {made:,} will reach the target length; add documents"
    return ""


def _predict_mixture(
    recipe: Recipe,
    made: Sequence[Recipe],
    predicted: Mapping[str, ConfigPrediction],
    forecasts: Mapping[str, Forecast],
    rows: Mapping[str, int],
) -> ConfigPrediction:
    """Rows of a mixture are rows of its ingredients, published once more."""
    asked = rows.get(recipe.name)
    targets = {one.name: one.target_length for one in made}
    parts = [predicted[part.recipe] for part in recipe.mixture]
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
    forecast = forecasts[_kind(next(one for one in made if one.name == parts[0].config))]
    problem = ""
    if asked is not None and made_rows < asked:
        problem = f"{asked:,} rows were asked for, but its ingredients give about {made_rows:,} in these shares"
    return ConfigPrediction(
        config=recipe.name,
        asked_rows=asked,
        eligible_documents=None,
        not_eligible={},
        candidates=None,
        kept_share=None,
        rows=made_rows,
        tokens=tokens,
        published_bytes=published,
        unit_bytes=0,
        seconds=forecast.filing_seconds(tokens),
        problem=problem,
    )
