"""Documents that hold a run of words of a benchmark are left out, and counted as `contaminated`."""

from typing import Any

from pydantic import Field

from nextlong_hub.corpus.benchmark_runs import RunRules, find_benchmarks, open_runs
from nextlong_hub.corpus.filters.base import Filter
from nextlong_hub.records import Document


class Decontaminate(Filter):
    """Compares every document with every string of the rows of the benchmarks, in any column.

    Case, punctuation and forms of Unicode do not count: see `core.words`. A row without a run of so many words cannot
    be looked for.
    """

    against: tuple[str, ...] = Field(min_length=1)
    """Files, folders, globs, `hf://` addresses or datasets of the Hub, as a source's path."""
    run_words: int = Field(13, ge=2)
    """Neighbouring words that a document and a benchmark must share."""
    distinct_words: int = Field(8, ge=1)
    """Fewest different words in them that are no numbers: runs of digits are found in texts that have nothing to do
    with each other."""

    def reject(self, document: Document) -> str | None:
        """See `Filter.reject`."""
        rules = RunRules(words=self.run_words, distinct=self.distinct_words)
        shared = open_runs(self.against, rules).shared_with(document.text)
        return None if shared is None else "contaminated"

    @property
    def identity(self) -> Any:
        """With the content of the benchmarks."""
        return [self.model_dump(mode="json"), find_benchmarks(self.against).digest]


FILTER = Decontaminate
