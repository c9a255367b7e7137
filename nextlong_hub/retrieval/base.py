"""What a retriever defines, and the two calls that use one: build an index once, open it in any process.

A retriever is a folder here, or a module of another package, that defines `RETRIEVER`, a `Retriever`.
Compiled kernels are imported when something is built or opened, not before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import ValidationError

from nextlong_hub.core.registry import Registry
from nextlong_hub.core.settings import Section, explain
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.base import Executor, Receipt
from nextlong_hub.records import Hits
from nextlong_hub.retrieval.explanation import Explainer
from nextlong_hub.retrieval.languages import FoundLanguages
from nextlong_hub.retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNNAMED_SCORE = "score"
"""Name of scores where no recipe names the retriever."""


class Searcher(Protocol):
    """An opened index: finds, for chunks of the corpus, the chunks of other documents most like them."""

    def search(self, queries: "NDArray[np.int64]", k: int, *, threads: int = 1) -> Hits:
        """The k best chunks for each query, which is itself a chunk number of the store.

        Chunks of the query's own document are left out (but see `Retriever.repeats_own`), and so are chunks that the
        retriever does not count as found.
        The order is total: score, highest first, then chunk number; a retriever that measures distances negates them.
        The answer is the same for any number of threads and shards and any split of the queries into calls. Shape of
        `queries`: (queries,).
        """
        ...

    def recall(self, queries: "NDArray[np.int64]", hits: Hits) -> float | None:
        """How much of the exact answer to `queries` an approximate answer holds; None when the search is exact anyway.

        The share of the exact answer's places that are filled with scores at least as high as its last: a chunk that
        ties is as good an answer. It costs an exact search, so callers pass a sample of the queries.
        """
        ...


@runtime_checkable
class Scorer(Protocol):
    """A searcher that can also score chunks it is given; a retriever may do without.

    By it the chunks of one document are compared with each other: see `links`.
    """

    def score(self, queries: "NDArray[np.int64]", chunks: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """The score of given chunks for each query, to the last bit the one that `search` orders them by.

        Of any document, the query itself included. Minus infinity where `search` would not count the chunk as found,
        and where its number is -1. Shapes: (queries,), (queries, n) and (queries, n).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A retriever in words, for the card; plain text on one line."""

    method: str
    """What takes the place of the paper's embeddings: "with … to find the negatives"."""
    ranking: str
    """What ranked which chunks: "For each meta-chunk, …"."""
    nature: str = ""
    """What a user must know of such negatives, as a title; empty where there is no such thing."""
    advice: str = ""
    """The sentences behind that title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSample:
    """The index of a sample of the corpus, as it was measured."""

    chunks: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCost:
    """What an index and its searches are expected to cost."""

    index_bytes: int
    index_tasks: int
    """Tasks of the index that can run at the same time."""
    query_growth: float
    """Time of a query, as a multiple of that in the sample."""


def in_proportion(settings: RetrievalSettings, sample: IndexSample, chunks: int) -> SearchCost:
    """The cost of one task, and of searches that read every chunk: both grow with the number of chunks."""
    growth = chunks / sample.chunks
    return SearchCost(index_bytes=round(sample.bytes * growth), index_tasks=1, query_growth=growth)


class NoOptions(Section):
    """The options of a retriever that has none."""


OnReceipt = Callable[[Receipt[Any]], None]


def _as_it_is(settings: RetrievalSettings) -> RetrievalSettings:
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Retriever:
    """One way to find hard negatives."""

    score_name: str
    """Name of its scores in tables, plots and on the card: `BM25 score`."""
    build: Callable[[ChunkStore, RetrievalSettings, Path, Executor, OnReceipt | None], None]
    """See `build_index`."""
    open: Callable[[Path, ChunkStore, RetrievalSettings], Searcher]
    """See `open_retriever`."""
    describe: Callable[[RetrievalSettings], Description]
    accepts_score: Callable[[float], bool] = isfinite
    """Whether a chunk that was found can have this score."""
    explainer: Explainer | None = None
    """None: its scores cannot be taken apart."""
    estimate: Callable[[RetrievalSettings, IndexSample, int], SearchCost] = in_proportion
    """Takes the index of a sample and the number of chunks of the corpus."""
    options: type[Section] = NoOptions
    """The shape of `RetrievalSettings.options`."""
    pin: Callable[[RetrievalSettings], RetrievalSettings] = _as_it_is
    """See `pin`."""
    on_sample: Callable[[RetrievalSettings], RetrievalSettings] = _as_it_is
    """See `on_sample`."""
    find_languages: Callable[[ChunkStore], FoundLanguages] | None = None
    """See `found_languages`. None: it knows no stop words."""
    is_cold: Callable[[], bool] | None = None
    """Whether its first use on this machine will cost something that can be done before, by `warm`. None: never."""
    warm: Callable[[], None] | None = None
    """Does that; see `ahead`."""
    is_control: bool = False
    """Its rows are there to compare others with and not to train on; card, statistics and verification say so."""
    repeats_own: bool = False
    """It answers with chunks of the query's own document, as often as they are needed. The rules that no negative is of
    the meta-document, a near-copy of it, or twice in a row do not hold then."""


RETRIEVERS: Registry[Retriever] = Registry(
    kind="retriever", files="retrieval/*/__init__.py", constant="RETRIEVER", group="nextlong_hub.retrievers"
)


def retriever_of(settings: RetrievalSettings) -> Retriever:
    """The retriever that the settings name.

    Raises:
        RecipeError: there is none of that name, or its package cannot be imported.
    """
    return RETRIEVERS[settings.retriever]


def resolved(settings: RetrievalSettings) -> RetrievalSettings:
    """The settings with all options of the retriever written out, so that nothing depends on later defaults.

    Raises:
        RecipeError: there is no such retriever, or it has no such option, or not with that value.
    """
    shape = retriever_of(settings).options
    try:
        options = shape.model_validate(settings.options).model_dump(exclude_none=True)
    except ValidationError as error:
        raise RecipeError(f"options of the retriever {settings.retriever!r}: {explain(error, shape)}") from error
    return settings.model_copy(update={"options": options})


def score_name(settings: RetrievalSettings) -> str:
    """Name of the scores, also where the retriever is not installed."""
    retriever = _installed(settings.retriever)
    return f"{settings.retriever} score" if retriever is None else retriever.score_name


def accepts_score(settings: RetrievalSettings, score: float) -> bool:
    """Whether a chunk that was found can have this score; any finite one where the retriever is not installed."""
    retriever = _installed(settings.retriever)
    return isfinite(score) if retriever is None else retriever.accepts_score(score)


def describe(settings: RetrievalSettings) -> Description:
    """The retriever in words, also where it is not installed."""
    retriever = _installed(settings.retriever)
    if retriever is None:
        name = f"the retriever {settings.retriever}"
        return Description(method=f"{name} in place of embeddings", ranking=f"{name} ranked the chunks of the corpus")
    return retriever.describe(settings)


def is_control(settings: RetrievalSettings) -> bool:
    """See `Retriever.is_control`; no where the retriever is not installed."""
    retriever = _installed(settings.retriever)
    return retriever is not None and retriever.is_control


def repeats_own(settings: RetrievalSettings) -> bool:
    """See `Retriever.repeats_own`; no where the retriever is not installed."""
    retriever = _installed(settings.retriever)
    return retriever is not None and retriever.repeats_own


def pin(settings: RetrievalSettings) -> RetrievalSettings:
    """The settings with the digests of all files that they name, which are checked: the start of every build.

    Raises:
        RecipeError: a file or package is missing, or a file is not the one whose digest the settings hold.
        DataError: a file holds what cannot be used.
        AuthError, NetworkError, StorageError: a file of the Hub cannot be fetched.
    """
    return retriever_of(settings).pin(settings)


def on_sample(settings: RetrievalSettings) -> RetrievalSettings:
    """What takes the place of pinned settings in a dry run, where a sample of the corpus is searched.

    Raises:
        RecipeError: there is no such retriever.
    """
    return retriever_of(settings).on_sample(settings)


def found_languages(store: ChunkStore, settings: RetrievalSettings) -> FoundLanguages | None:
    """The languages of a corpus whose stop words are left out; None where the recipe names them, or nothing uses them.

    Raises:
        RecipeError: there is no such retriever, or a chunk is too long.
    """
    find = retriever_of(settings).find_languages
    return find(store) if find is not None and settings.stop_words == "auto" else None


def settled(settings: RetrievalSettings, languages: FoundLanguages | None) -> RetrievalSettings:
    """The settings with the stop words of the languages that were found in the corpus, as if the recipe named them."""
    return settings if languages is None else settings.model_copy(update={"stop_words": tuple(languages.shares)})


@cache
def _installed(name: str) -> Retriever | None:
    """The retriever of that name; None where it is not installed."""
    try:
        return RETRIEVERS[name]
    except RecipeError:
        return None


def build_index(
    store: ChunkStore,
    settings: RetrievalSettings,
    folder: Path,
    executor: Executor,
    on_receipt: OnReceipt | None = None,
) -> None:
    """Build the index of `store` in `folder`, or return at once when the finished index there is the right one.

    The index becomes visible as a whole. A build that was killed continues where it stopped. The bytes are the same for
    any number of workers.

    Args:
        store: The chunks to search.
        settings: The recipe's retrieval section.
        folder: The index's own folder; made when missing.
        executor: Where the work runs.
        on_receipt: Called with each task's receipt.

    Raises:
        RecipeError: there is no such retriever, a language has no list of stop words, or a chunk is too long.
        WorkerError: see `Executor.run`.
        StorageError: no space is left.
    """
    settings = settled(settings, found_languages(store, settings))
    retriever_of(settings).build(store, settings, folder, executor, on_receipt)


def open_retriever(folder: Path, store: ChunkStore, settings: RetrievalSettings) -> Searcher:
    """Open the finished index in `folder`, memory-mapped where the retriever can.

    Raises:
        DataError: there is none, or it was made from another store or with other settings.
        RecipeError: there is no such retriever.
    """
    settings = settled(settings, found_languages(store, settings))
    return retriever_of(settings).open(folder, store, settings)
