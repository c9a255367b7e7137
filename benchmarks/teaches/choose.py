"""How the questions are chosen: by the package's own store, retriever and near-copy guard."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.items import Items
from benchmarks.teaches.record import ChunkPlaces, Span
from benchmarks.teaches.settings import Preset
from benchmarks.teaches.spans import Spans
from benchmarks.teaches.split import RUN_DOCUMENTS, Corpus, write_part
from nextlong_hub.corpus.ingest import find_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.run import Run
from nextlong_hub.method.near_duplicates import NearDuplicates, shingles_of
from nextlong_hub.method.settings import NegativeSettings
from nextlong_hub.producer import Inputs, RowRequest, producer_of
from nextlong_hub.recipe import load_recipe
from nextlong_hub.retrieval import Searcher, open_retriever
from nextlong_hub.tokenization import Tokenizer

_HITS_PER_CHUNK = 10
"""Hits asked for, as a multiple of the chunks that fill a row: many are near-copies, or short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Documents that questions are about."""

    name: str
    """`held` or `other`."""
    corpus: Corpus
    documents: NDArray[np.int64]
    """Their numbers in the corpus. Shape: (documents,)."""
    items: int
    """How many questions of each kind are asked about them."""
    seed: int
    run_documents: int | None = None
    """Consecutive documents that belong together; None: all of one source."""

    @classmethod
    def held(cls, corpus: Corpus, documents: NDArray[np.int64], preset: Preset) -> "Part":
        """The documents held out of the training corpus."""
        items = preset.questions.held_items
        return cls(name="held", corpus=corpus, documents=documents, items=items, seed=101, run_documents=RUN_DOCUMENTS)

    @classmethod
    def other(cls, corpus: Corpus, preset: Preset) -> "Part":
        """Another corpus."""
        documents = np.arange(len(corpus.texts))
        return cls(name="other", corpus=corpus, documents=documents, items=preset.questions.other_items, seed=102)


def choose_items(part: Part, preset: Preset, tokenizer: Tokenizer, work: Path) -> Items:
    """Choose the questions about one part.

    Args:
        part: what they are about.
        preset: how many, and how long.
        tokenizer: counts their tokens.
        work: where the part is kept as a corpus, with its store and index.

    Raises:
        CorpusTooSmallError: it has too little text for them.
    """
    chosen = _Chooser(part, preset, tokenizer, work).chosen()
    lengths = np.array(tokenizer.count([part.corpus.texts[number] for number in part.documents.tolist()]))
    windows = _windows(part, lengths, preset)
    return Items(
        far=Spans.of([one.far for one in chosen]),
        next=Spans.of([one.next for one in chosen]),
        unrelated=Spans.of([one.unrelated for one in chosen]),
        hard=Spans.of([span for one in chosen for span in one.hard]),
        hard_counts=np.array([len(one.hard) for one in chosen], np.int32),
        random=Spans.of([span for one in chosen for span in one.random]),
        random_counts=np.array([len(one.random) for one in chosen], np.int32),
        short=Spans.whole(part.corpus.texts, _long_enough(part, lengths, preset)),
        windows=Spans.joined([Spans.whole(part.corpus.texts, one.documents) for one in windows]),
        window_counts=np.array([len(one.documents) for one in windows], np.int32),
        window_skips=np.array([one.skip for one in windows], np.int32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One question: what stands far back, what follows it in its document, and what may stand between."""

    far: Span
    next: Span
    unrelated: Span
    hard: Sequence[Span]
    random: Sequence[Span]


class _Chooser:
    """Opens the store and the index of a part, and draws questions from it."""

    def __init__(self, part: Part, preset: Preset, tokenizer: Tokenizer, work: Path) -> None:
        self._part, self._preset, self._tokenizer = part, preset, tokenizer
        self._store, self._searcher = _open(part, preset, tokenizer, work)
        numbers = {part.corpus.ids[number]: number for number in part.documents.tolist()}
        self._places = ChunkPlaces.of(self._store, numbers)
        self._random = np.random.default_rng(part.seed)
        self._tokens = self._count_chunks()

    def chosen(self) -> list[_Item]:
        """As many questions as the part is to have."""
        queries = self._queries()
        wanted = _HITS_PER_CHUNK * self._preset.target_length / self._tokens.mean()
        hits = self._searcher.search(queries, min(self._store.chunks, math.ceil(wanted))).chunks
        items: list[_Item] = []
        for query, found in zip(queries.tolist(), hits, strict=True):
            hard = self._hard(query, found[found >= 0].tolist())
            if hard is not None and len(items) < self._part.items:
                items.append(self._item(query, hard))
        if len(items) < self._part.items:
            raise CorpusTooSmallError(
                f"only {len(items)} of {self._part.items} questions could be asked about the {self._part.name} part "
                f"of {self._store.documents:,} documents; give a larger corpus"
            )
        return items

    def _count_chunks(self) -> NDArray[np.int64]:
        """Tokens of each chunk, with a newline behind it. Shape: (chunks,)."""
        texts = self._store.texts(np.arange(self._store.chunks))
        return np.array(self._tokenizer.count([texts[chunk] for chunk in range(self._store.chunks)])) + 1

    def _queries(self) -> NDArray[np.int64]:
        """A chunk that is long enough, with one behind it that is, too, of documents in a seeded order."""
        far, behind = self._preset.questions.far_tokens, self._preset.questions.next_tokens
        first = self._store.first_chunk
        queries = []
        for document in self._random.permutation(np.flatnonzero(np.diff(first) >= 2)).tolist():
            chunk = int(self._random.integers(first[document], first[document + 1] - 1))
            if self._tokens[chunk] > far and self._tokens[chunk + 1] > behind + 1:
                queries.append(chunk)
        return np.array(queries[: 2 * self._part.items], np.int64)

    def _hard(self, query: int, found: Sequence[int]) -> list[int] | None:
        """The chunks most like it that are no near-copies of its document, a row of them; None where they are few."""
        own = self._own(query)
        settings = NegativeSettings()
        words = settings.shingle_words
        own_texts = self._store.texts(np.arange(own.start, own.stop)).values()
        near = NearDuplicates((shingles_of(text, words) for text in own_texts), settings)
        chosen, tokens = [], 0
        texts = self._store.texts(np.array(found, np.int64))
        for chunk in found:
            if shingles_of(texts[chunk], words) in near:
                continue
            chosen.append(chunk)
            tokens += int(self._tokens[chunk])
            if tokens >= self._preset.target_length:
                return chosen
        return None

    def _item(self, query: int, hard: Sequence[int]) -> _Item:
        taken = {*hard, *self._own(query)}
        random, tokens = [], 0
        while tokens < self._preset.target_length:
            random.append(self._other_chunk(taken))
            taken.add(random[-1])
            tokens += int(self._tokens[random[-1]])
        unrelated = self._other_chunk(taken, longer_than=self._preset.questions.far_tokens)
        return _Item(
            far=self._span(query),
            next=self._span(query + 1),
            unrelated=self._span(unrelated),
            hard=[self._span(chunk) for chunk in hard],
            random=[self._span(chunk) for chunk in random],
        )

    def _other_chunk(self, taken: Iterable[int], longer_than: int = 0) -> int:
        free = np.setdiff1d(np.flatnonzero(self._tokens > longer_than), np.array([*taken]))
        if not len(free):
            raise CorpusTooSmallError(f"the {self._part.name} part has too few chunks; give a larger corpus")
        return int(self._random.choice(free))

    def _own(self, chunk: int) -> range:
        """The chunks of its document."""
        document = int(self._store.document_of(np.array([chunk]))[0])
        return range(*self._store.first_chunk[document : document + 2].tolist())

    def _span(self, chunk: int) -> Span:
        return self._places.chunk(self._store, chunk)


def _open(part: Part, preset: Preset, tokenizer: Tokenizer, work: Path) -> tuple[ChunkStore, Searcher]:
    """The part as a corpus of its own, cut and indexed as the recipe of arm B says."""
    file = work / f"{part.name}.parquet"
    write_part(part.corpus, part.documents, file)
    recipe = load_recipe(str(preset.recipe_file))
    run = Run.quiet(work / part.name)
    found = find_corpus(run, [SourceSettings(name="corpus", path=str(file))])
    request = RowRequest(recipe=recipe, inputs=Inputs(corpus=found, tokenizers=(tokenizer,), seed=part.seed))
    producer = producer_of(recipe)
    store = producer.read(run, request)
    index = producer.index(run, request, store)
    if index is None:
        raise TypeError(f"recipe {recipe.name} retrieves nothing")
    return store, open_retriever(index, store, recipe.retrieval)


def _long_enough(part: Part, lengths: NDArray[np.int64], preset: Preset) -> NDArray[np.int64]:
    """Documents that fill a row of the base's length, evenly through the part."""
    long = part.documents[lengths >= preset.base_length]
    if not len(long):
        raise CorpusTooSmallError(
            f"no document of the {part.name} part has {preset.base_length:,} tokens; give longer documents"
        )
    return _evenly(long, preset.questions.short_documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Consecutive documents, and where in their tokens a window begins."""

    documents: NDArray[np.int64]
    skip: int


def _windows(part: Part, lengths: NDArray[np.int64], preset: Preset) -> list[_Window]:
    """Windows of consecutive documents as long as a row, evenly through the part."""
    found = []
    for run in _runs(part):
        ends = np.cumsum(lengths[run] + 1)  # a newline behind each
        for begin in range(0, int(ends[-1]) - preset.target_length + 1, preset.target_length):
            first = int(np.searchsorted(ends, begin, side="right"))
            last = int(np.searchsorted(ends, begin + preset.target_length, side="left"))
            before = int(ends[first - 1]) if first else 0
            found.append(_Window(documents=part.documents[run[first : last + 1]], skip=begin - before))
    if not found:
        raise CorpusTooSmallError(
            f"no run of consecutive documents of the {part.name} part has {preset.target_length:,} tokens; give a "
            "larger corpus"
        )
    return [found[number] for number in _evenly(np.arange(len(found)), preset.questions.windows).tolist()]


def _runs(part: Part) -> Iterator[NDArray[np.int64]]:
    """Places of consecutive documents of one source, at most as many as belong together."""
    sources = [part.corpus.sources[number] for number in part.documents.tolist()]
    first = 0
    for _, group in groupby(sources):
        last = first + len(list(group))
        step = part.run_documents or last - first
        for start in range(first, last, step):
            yield np.arange(start, min(start + step, last))
        first = last


def _evenly(values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most so many of the values, from the first to the last."""
    return values[np.unique(np.linspace(0, len(values) - 1, count).astype(np.int64))]
