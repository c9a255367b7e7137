"""No row holds what shares a run of words with a benchmark: such documents are left out, or their chunks barred."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

from pydantic import Field

from nextlong_hub.corpus.benchmark_runs import Benchmark, BenchmarkRuns, RunRules, find_benchmarks, open_runs
from nextlong_hub.corpus.evidence import Example
from nextlong_hub.corpus.filters.base import Barred, Filter
from nextlong_hub.errors import RecipeError
from nextlong_hub.records import ChunkSpan, Document

_REASON = "contaminated"


class Decontaminate(Filter):
    """Compares every document with every string of the rows of the benchmarks, in any column.

    Those to name are what the model is evaluated on: HELMET, RULER, LongBench v2 and Pro, MRCR, AA-LCR, or any other.
    Case, punctuation and forms of Unicode do not count: see `core.words`. A row without a run of so many words cannot
    be looked for.
    """

    against: tuple[Benchmark, ...] = Field(min_length=1)
    """Files, folders, globs, `hf://` addresses or datasets of the Hub, as a source's path or a table each."""
    action: Literal["drop", "bar"] = "drop"
    """`drop` leaves the document out. `bar` keeps it without the chunks that have a word of the run: they are in no
    row, and the document is not extended; one of which nothing is left, as of one chunk, is left out."""
    run_words: int = Field(default=13, ge=2, le=1000)
    """Neighbouring words that a document and a benchmark must share."""
    distinct_words: int = Field(default=8, ge=1, le=1000)
    """Fewest different words in them that are no numbers: runs of digits are found in texts that have nothing to do
    with each other."""

    def reject(self, document: Document) -> str | None:
        """See `Filter.reject`."""
        is_found = self.action == "drop" and self._runs().shared_with(document.text) is not None
        return _REASON if is_found else None

    def bar(self, document: Document, chunks: Sequence[ChunkSpan]) -> Barred | None:
        """See `Filter.bar`."""
        if self.action == "drop":
            return None
        found = self._runs().chunks_with(document.text, chunks)
        return Barred(reason=_REASON, chunks=found) if found else None

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

    def pinned(self) -> Self:
        """With the commits and digests of the benchmarks.

        Raises:
            RecipeError, DataError, StorageError, AuthError, NetworkError: see `find_benchmarks`.
        """
        return self.model_copy(update={"against": find_benchmarks(self.against).benchmarks})

    @property
    def published(self) -> Self:
        """See `Filter.published`."""
        return self.model_copy(update={"against": tuple(one.published for one in self.against)})

    def located(self, places: Sequence[str]) -> Self:
        """See `Filter.located`: benchmarks are known by what they are called where they are published.

        Raises:
            RecipeError: a place is none of a benchmark.
        """
        by_name = {one.published.path: one for one in self.against}
        given = {}
        for place in places:
            benchmark = Benchmark.model_validate(place)
            name = benchmark.published.path
            if name not in by_name:
                raise RecipeError(
                    f"{place} is no benchmark that this dataset was compared with; these are {', '.join(by_name)}"
                )
            given[name] = benchmark.path
        against = tuple(one.model_copy(update={"path": given.get(name, one.path)}) for name, one in by_name.items())
        return self.model_copy(update={"against": against})

    @property
    def identity(self) -> Any:
        """With the content of the benchmarks, wherever they lie; one whose digest is known need not be there."""
        settled = self if all(one.digest for one in self.against) else self.pinned()
        return settled.published.model_dump(mode="json")

    def _runs(self) -> BenchmarkRuns:
        return open_runs(self.against, RunRules(words=self.run_words, distinct=self.distinct_words))


FILTER = Decontaminate
