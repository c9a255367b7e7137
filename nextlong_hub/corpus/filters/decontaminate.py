"""Documents that hold a run of words of a benchmark are left out, and counted as `contaminated`."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from nextlong_hub.corpus.benchmark_runs import BenchmarkRuns, RunRules, find_benchmarks, open_runs
from nextlong_hub.corpus.evidence import Example
from nextlong_hub.corpus.filters.base import Filter
from nextlong_hub.records import Document


class Decontaminate(Filter):
    """Compares every document with every string of the rows of the benchmarks, in any column.

    Case, punctuation and forms of Unicode do not count: see `core.words`. A row without a run of so many words cannot
    be looked for.
    """

    against: tuple[str, ...] = Field(min_length=1)
    """Files, folders, globs, `hf://` addresses or datasets of the Hub, as a source's path."""
    run_words: int = Field(default=13, ge=2)
    """Neighbouring words that a document and a benchmark must share."""
    distinct_words: int = Field(default=8, ge=1)
    """Fewest different words in them that are no numbers: runs of digits are found in texts that have nothing to do
    with each other."""

    def reject(self, document: Document) -> str | None:
        """See `Filter.reject`."""
        return None if self._runs().shared_with(document.text) is None else "contaminated"

    def example(self, document: Document) -> Example | None:
        """The benchmark's item, and the run of words."""
        shared = self._runs().shared_with(document.text)
        return None if shared is None else Example(document=document.id, item=shared.item, words=shared.words)

    def remarks(self) -> Iterable[str]:
        """How many items are too short to be looked for."""
        runs = self._runs()
        if runs.too_short:
            yield (
                f"{runs.too_short:,} of {runs.items:,} benchmark items have no run of {self.run_words} words, "
                f"{self.distinct_words} of them different, and were not looked for"
            )

    @property
    def identity(self) -> Any:
        """With the content of the benchmarks."""
        return [self.model_dump(mode="json"), find_benchmarks(self.against).digest]

    def _runs(self) -> BenchmarkRuns:
        return open_runs(self.against, RunRules(words=self.run_words, distinct=self.distinct_words))


FILTER = Decontaminate
