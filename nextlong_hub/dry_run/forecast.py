"""The rates behind a prediction: a sample of the corpus is built for real, and the outcome scaled up.

What can be measured in a few seconds is measured, under the real tokenizer and on this machine. What cannot is
estimated by the module that makes it: the store, the index, the answers, the token cache, the memory of a unit.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub.core.memory import driver_peak_bytes
from nextlong_hub.corpus import store
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.manifest import ConfigRecord, Manifest, SynthesisRecord
from nextlong_hub.dry_run.survey import Survey
from nextlong_hub.execution.workspace import WORK_NAME
from nextlong_hub.method import chunking
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import IndexSample, retriever_of
from nextlong_hub.retrieval.tasks import estimate_answer_bytes
from nextlong_hub.synthesis import sampling as plan
from nextlong_hub.synthesis.assemble import estimate_memory_bytes
from nextlong_hub.tokenization import cache, load_tokenizer

_TRIAL = "trial"
_TRIAL_TARGET = 8_192
"""Tokens of a trial row: time and bytes for each token hardly depend on the target length."""
_TRIAL_ROWS = 32
_TRIAL_SHARE = 1 / 6
"""Longest trial row, as a share of the sample's tokens."""
_SHORTEST_TARGET = 8
_DRIVER_BYTES = 110_000_000
"""Of memory: what the driver takes to keep receipts and to count what the finished files hold."""
_CLOSER_EACH_DOUBLING = 0.03
"""Share by which rows shrink on disk each time the corpus doubles, because closer negatives have more in common: as
measured between 2,000 and 51,000 documents."""
_LEAST_SHARE = 0.7
"""Below this share the rows are not expected to shrink."""
_COUNTED_TEXTS = 512


class _ProcessorTimes:
    """Hears about stages and keeps the processor's time, which a busy machine stretches less than the clock's."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._stage = ""
        self._started = 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self._stage = stage.removesuffix(f" {_TRIAL}")
        self._started = process_time()

    def advance(self, amount: int = 1) -> None:
        pass

    def finish(self) -> None:
        self.seconds[self._stage] += process_time() - self._started  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The sample, built for real."""

    manifest: Manifest
    target_length: int
    seconds: Mapping[str, float]
    """Processor time of each stage."""
    warm_up_seconds: float
    """Processor time that only the first run in a process costs."""
    tokenizer_bytes: int
    """Memory for the tokenizer."""
    grown_bytes: int
    """Memory for the tokenizer, the kernels, and a few small rows."""
    store: ChunkStore
    index_bytes: int
    token_bytes: int
    """On disk, of chunks tokenised once, under all tokenizers."""
    tokenizers: int
    chunk_counts: NDArray[np.int64]
    """Chunks of each document of the sample. Shape: (documents,)."""
    characters: NDArray[np.int64]
    """Shape: (documents,)."""

    @property
    def config(self) -> ConfigRecord:
        """What was built."""
        return self.manifest.configs[_TRIAL]

    @property
    def synthesis(self) -> SynthesisRecord:
        """How it was built."""
        record = self.config.synthesis
        if record is None:
            raise TypeError("a trial is no mixture")
        return record


def try_out(recipe: Recipe, seen: Survey, request: BuildRequest, folder: Path) -> Trial:
    """Build the sample twice: the first run compiles and fills caches, the second is measured."""
    before_bytes = driver_peak_bytes()
    folder.mkdir()
    pq.write_table(pa.table({"text": list(seen.texts)}), folder / "sample.parquet")
    counted = seen.texts[:: max(1, len(seen.texts) // _COUNTED_TEXTS)]
    characters_per_token = sum(map(len, counted)) / sum(load_tokenizer(request.tokenizer).count(counted))
    tokenizer_bytes = driver_peak_bytes() - before_bytes
    sample_tokens = sum(map(len, seen.texts)) / characters_per_token
    target_length = max(_SHORTEST_TARGET, min(recipe.target_length, _TRIAL_TARGET, int(sample_tokens * _TRIAL_SHARE)))
    small = recipe.model_copy(update={"name": _TRIAL, "target_length": target_length, "corpus": ()})
    times = (_ProcessorTimes(), _ProcessorTimes())
    peaks_bytes = []
    spans = [chunking.cut(text, recipe.chunking) for text in seen.texts]
    eligible = sum(len(own) >= recipe.meta_documents.minimum_chunks for own in spans)
    for number, (listener, rows) in enumerate(zip(times, (1, _TRIAL_ROWS), strict=True)):
        report = build(
            BuildRequest(
                recipes=(small,),
                sources=(SourceSettings(name="sample", path=str(folder / "sample.parquet")),),
                tokenizer=request.tokenizer,
                more_tokenizers=request.more_tokenizers,
                seed=request.seed,
                rows={_TRIAL: max(1, min(rows, eligible // 2))},
            ),
            folder / f"run-{number}",
            progress=listener,
        )
        peaks_bytes.append(driver_peak_bytes())
    work = folder / "run-1" / WORK_NAME
    return Trial(
        manifest=report.manifest,
        target_length=target_length,
        seconds=times[1].seconds,
        warm_up_seconds=max(0.0, times[0].seconds["index"] - times[1].seconds["index"]),
        tokenizer_bytes=tokenizer_bytes,
        grown_bytes=peaks_bytes[0] - before_bytes,
        store=ChunkStore(next(work.glob("store-*"))),
        index_bytes=sum(path.stat().st_size for path in next(work.glob("index-*")).rglob("*") if path.is_file()),
        token_bytes=sum(path.stat().st_size for path in work.glob("tokens-*/*.arrow")),
        tokenizers=len(report.manifest.portability),
        chunk_counts=np.array([len(own) for own in spans], np.int64),
        characters=np.array([len(text) for text in seen.texts], np.int64),
    )


class Forecast:
    """A trial, scaled up to the whole corpus."""

    def __init__(self, *, trial: Trial, seen: Survey, pieces: int, workers: int) -> None:
        self._trial = trial
        self._weights = np.array(seen.weights)
        self.documents = round(seen.documents)
        self.sampled_documents = len(seen.texts)
        self._workers = workers
        self._pieces = pieces
        self.sampled_bytes = sum(len(text.encode()) for text in seen.texts)
        self._text_bytes = seen.text_bytes
        # Ratios to bytes: a corpus' bytes are known, and chunks and characters follow them closely.
        weighted_bytes = sum(w * len(text.encode()) for w, text in zip(seen.weights, seen.texts, strict=True))
        self.chunks = round(seen.text_bytes * float(self._weights @ trial.chunk_counts) / weighted_bytes)
        self.characters = round(seen.text_bytes * float(self._weights @ trial.characters) / weighted_bytes)
        self.characters_per_token = trial.manifest.tokenizer.characters_per_token
        retrieval = Recipe.model_validate(trial.config.recipe).retrieval
        sample = IndexSample(chunks=trial.store.chunks, bytes=trial.index_bytes)
        self._search = retriever_of(retrieval).estimate(retrieval, sample, self.chunks)

    @property
    def tokens(self) -> int:
        """Of the whole corpus."""
        return round(self.characters / self.characters_per_token)

    @property
    def store_bytes(self) -> int:
        """Of the chunk store."""
        return store.estimate_bytes(self._text_bytes, self.chunks, self.documents)

    @property
    def index_bytes(self) -> int:
        """Of the retriever's index."""
        return self._search.index_bytes

    def token_bytes(self, tokens: int) -> int:
        """Of chunks tokenised once, for samples with so many tokens: each chunk at most, under every tokenizer.

        A little too much, since some chunks stand in several samples and others in none.
        """
        return cache.estimate_bytes(self._trial.tokenizers * min(tokens, self.tokens))

    def tokenising_seconds(self, tokens: int) -> float:
        """To tokenise them."""
        rate = self._trial.seconds["tokenise"] / max(1, self._trial.token_bytes)
        return rate * self.token_bytes(tokens) / self._workers

    @property
    def seconds(self) -> float:
        """To read, cut and index the corpus."""
        read = self._trial.seconds["read and cut"] * self._text_bytes / self.sampled_bytes
        index = self._trial.seconds["index"] * self.chunks / self._trial.store.chunks
        return read / min(self._workers, self._pieces) + index / min(self._workers, self._search.index_tasks)

    def eligible(self, recipe: Recipe) -> NDArray[np.bool_]:
        """Which documents of the sample can be extended. Shape: (documents,)."""
        limit = recipe.target_length * self.characters_per_token * recipe.meta_documents.maximum_share
        return ~self._too_few(recipe) & (self._trial.characters <= limit)

    def not_eligible(self, recipe: Recipe) -> dict[str, int]:
        """Documents of the corpus that cannot be extended, by reason."""
        too_few = self._too_few(recipe)
        too_long = ~too_few & ~self.eligible(recipe)
        return {"too_few_chunks": self._weigh(too_few), "too_long": self._weigh(too_long)}

    def eligible_documents(self, recipe: Recipe) -> int:
        """Documents of the corpus that can be extended."""
        return self._weigh(self.eligible(recipe))

    def kept_share(self, recipe: Recipe) -> float:
        """Share of the candidates that become a row."""
        if self.tokens < recipe.target_length:
            return 0.0
        if recipe.interleave.fill == "even":
            return 1.0
        # NExtLong App. D.1: k negatives for each of the p meta-chunks, whatever their real length.
        eligible = self.eligible(recipe)
        counts, own = self._trial.chunk_counts[eligible], self._trial.characters[eligible]
        goal = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
        each = np.ceil(np.maximum(0, goal - own) / (counts * recipe.chunking.chunk_characters))
        mean_characters = self.characters / self.chunks
        reached = (own + counts * each * mean_characters) / self.characters_per_token >= recipe.target_length
        weights = self._weights[eligible]
        return float(weights @ reached / weights.sum()) if weights.sum() else 0.0

    def queries(self, recipe: Recipe, candidates: int) -> float:
        """Meta-chunks of so many candidates."""
        eligible = self.eligible(recipe)
        weights = self._weights[eligible]
        mean = float(weights @ self._trial.chunk_counts[eligible] / weights.sum()) if weights.sum() else 0.0
        return candidates * mean

    def published_bytes(self, tokens: int) -> int:
        """Of rows with so many tokens."""
        doublings = math.log2(max(1.0, self.chunks / self._trial.store.chunks))
        share = max(_LEAST_SHARE, 1 - _CLOSER_EACH_DOUBLING * doublings)
        return round(tokens * share * sum(file.bytes for file in self._trial.config.files) / self._trial.config.tokens)

    def unit_bytes(self, recipe: Recipe, candidates: int) -> int:
        """Rows of finished units, and the answers they were made from."""
        kept = round(candidates * self.kept_share(recipe))
        hits = plan.answer_length(self._trial.store, recipe, self.characters_per_token)
        answers = estimate_answer_bytes(hits, self.queries(recipe, candidates))
        return self.published_bytes(kept * recipe.target_length) + answers

    def seconds_of(self, recipe: Recipe, candidates: int) -> float:
        """To retrieve for and synthesise so many candidates: a larger corpus slows a query, but not the rest."""
        synthesis = self._trial.synthesis
        query = self._trial.seconds["retrieve"] / max(1, synthesis.queries) * self._search.query_growth
        token = self._trial.seconds["synthesise"] / (synthesis.candidates * self._trial.target_length)
        units = -(-candidates // recipe.output.unit_documents)
        total = query * self.queries(recipe, candidates) + token * candidates * recipe.target_length
        return total / max(1, min(self._workers, units))

    def filing_seconds(self, tokens: int) -> float:
        """To write rows with so many tokens into published files."""
        return self._trial.seconds["write"] / self._trial.config.tokens * tokens

    @property
    def start_seconds(self) -> float:
        """What each process pays before its first unit, besides its imports."""
        return self._trial.warm_up_seconds

    @property
    def grown_bytes(self) -> int:
        """Memory of a process before its first unit, besides its imports."""
        return self._trial.grown_bytes

    @property
    def driver_bytes(self) -> int:
        """Memory of a process that leaves all units to others, besides its imports."""
        return self._trial.tokenizer_bytes + _DRIVER_BYTES

    def work_bytes(self, recipe: Recipe) -> int:
        """Memory of a process at work, besides: mapped index and text, the rows of a unit, the encoding of one."""
        return self.index_bytes + self.store_bytes + estimate_memory_bytes(recipe)

    def _too_few(self, recipe: Recipe) -> NDArray[np.bool_]:
        return self._trial.chunk_counts < recipe.meta_documents.minimum_chunks

    def _weigh(self, documents: NDArray[np.bool_]) -> int:
        """How many documents of the corpus a choice of the sample stands for."""
        return round(self.documents * float(self._weights @ documents) / float(self._weights.sum()))
