"""A sample of the corpus, built into a temporary folder: what can be measured in a few seconds is measured here.

The trial uses the real chunker, tokenizer and retriever, so that its rates are those of this machine.
"""

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
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import ConfigRecord, SynthesisRecord
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dry_run.sample import CorpusSample
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.progress import NullProgress
from nextlong_hub.execution.workspace import WORK_NAME
from nextlong_hub.method import chunking
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import on_sample, pin
from nextlong_hub.tokenization import load_tokenizer

_TRIAL = "trial"
_TRIAL_TARGET = 8_192
"""Tokens of a trial row: time and bytes for each token hardly depend on the target length."""
_NO_DOUBT = "cc0-1.0"
"""Stated of the sample, whose card nobody sees: what is known of the licences of the corpus is not in it."""
_TRIAL_ROWS = 32
_TRIAL_SHARE = 1 / 6
"""Longest trial row, as a share of the sample's tokens."""
_SHORTEST_TARGET = 8
_COUNTED_TEXTS = 512


class _ProcessorTimes(NullProgress):
    """A `Progress` that keeps the processor time of each stage, which other load changes less than the clock's."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._stage = ""
        self._started = 0.0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self._stage = stage.removesuffix(f" {_TRIAL}")
        self._started = process_time()

    def stop(self) -> None:
        self.seconds[self._stage] += process_time() - self._started  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The sample, built."""

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


def run_trial(recipe: Recipe, sample: CorpusSample, request: BuildRequest, folder: Path) -> Trial:
    """Build the sample twice: the first run compiles and fills caches, the second is measured.

    Args:
        recipe: what to build; its target is shortened to what the sample can fill.
        sample: of the corpus.
        request: names the tokenizers and the seed.
        folder: what to write into; it must not exist.

    Raises:
        DataError, RecipeError, StorageError, WorkerError: see `pipeline.build`.
    """
    before_bytes = driver_peak_bytes()
    folder.mkdir()
    path = folder / "sample.parquet"
    pq.write_table(pa.table({"text": list(sample.texts)}), path)
    counted = sample.texts[:: max(1, len(sample.texts) // _COUNTED_TEXTS)]
    characters_per_token = sum(map(len, counted)) / sum(load_tokenizer(request.tokenizer).count(counted))
    tokenizer_bytes = driver_peak_bytes() - before_bytes
    sample_tokens = sum(map(len, sample.texts)) / characters_per_token
    target_length = max(_SHORTEST_TARGET, min(recipe.target_length, _TRIAL_TARGET, int(sample_tokens * _TRIAL_SHARE)))
    small = recipe.model_copy(
        update={
            "name": _TRIAL,
            "target_length": target_length,
            "corpus": (),
            "retrieval": on_sample(pin(recipe.retrieval)),
        }
    )
    times = (_ProcessorTimes(), _ProcessorTimes())
    peaks_bytes = []
    spans = [chunking.cut(text, recipe.chunking) for text in sample.texts]
    eligible = sum(len(own) >= recipe.meta_documents.minimum_chunks for own in spans)
    for number, (listener, rows) in enumerate(zip(times, (1, _TRIAL_ROWS), strict=True)):
        try:
            report = build(
                BuildRequest(
                    recipes=(small,),
                    sources=(SourceSettings(name="sample", path=str(path), license=_NO_DOUBT),),
                    tokenizer=request.tokenizer,
                    more_tokenizers=request.more_tokenizers,
                    seed=request.seed,
                    rows={_TRIAL: max(1, min(rows, eligible // 2))},
                ),
                folder / f"run-{number}",
                progress=listener,
            )
        except CorpusTooSmallError as error:
            raise CorpusTooSmallError(
                f"recipe {recipe.name}: {len(sample.texts):,} documents with about {sample_tokens:,.0f} tokens gave no "
                f"row, not even of {target_length:,} tokens ({error.message}); add documents"
            ) from error
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
        characters=np.array([len(text) for text in sample.texts], np.int64),
    )
