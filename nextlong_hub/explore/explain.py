"""Explain why a chunk became a hard negative: the terms it shares with the meta-chunk, and their weights.

Weights depend on how rare a term is in the corpus. In order of preference the frequencies are read from the index that
a build leaves in `.work`, counted in the corpus, or estimated from the given rows. The first two reproduce the stored
score exactly; an estimate is marked as one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import find_corpus, read_corpus, store_identity
from nextlong_hub.corpus.store import ChunkStore, PartWriter, finish_store
from nextlong_hub.dataset import Row, SplitReader
from nextlong_hub.errors import DataError
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.progress import NullProgress, Progress, ProgressTracker
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.workspace import WORK_NAME, Workspace
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import ChunkSpan, Document, Segment
from nextlong_hub.retrieval import (
    Explainer,
    Explanation,
    FoundLanguages,
    build_index,
    found_languages,
    open_retriever,
    retriever_of,
    score_name,
    settled,
)
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.tasks import index_identity, index_store

_NEEDED = ("id", "text", "segments")


class Basis(StrEnum):
    """Where the document frequencies of terms come from."""

    INDEX = "index"
    """The index of the build."""
    CORPUS = "corpus"
    """The corpus, read again."""
    ESTIMATE = "estimate"
    """The chunks of the given rows: an estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeExplanation:
    """The score of one hard negative, as shared terms and their weights."""

    row: str
    """Id of the row."""
    segment: int
    """Number of the segment in the row."""
    meta_segment: int
    """Number of the meta-chunk for which it was retrieved."""
    document: str
    chunk: int
    rank: int
    stored_score: float
    """The score in the row."""
    retrieval: RetrievalSettings
    """Settings with which it was retrieved."""
    basis: Basis
    explanation: Explanation

    @property
    def is_exact(self) -> bool:
        """Whether the weights add up to the stored score, as float32."""
        return bool(np.float32(self.explanation.score) == np.float32(self.stored_score))

    @property
    def score_name(self) -> str:
        """What the retriever calls its scores."""
        return score_name(self.retrieval)

    def passage(self, text: str, characters: int) -> list[tuple[str, float]]:
        """The passage of a text in which the heaviest terms are closest: see `Explainer.passage`."""
        weights = {term.term: term.weight for term in self.explanation.terms}
        return _explainer_of(self.retrieval).passage(text, weights, characters)


def explain_negative(
    split: SplitReader,
    row: Row,
    segment: int,
    *,
    sources: Sequence[Source] = (),
    progress: Progress | None = None,
) -> NegativeExplanation:
    """Explain the score of a hard negative.

    Args:
        split: The split that holds the row.
        row: The row, with its text and segments.
        segment: Number of the segment in the row.
        sources: The corpus to count in when there is no index.
        progress: Receives the progress of reading the corpus.

    Raises:
        DataError: there is no such segment, it is no negative, its retriever explains nothing, or the corpus is not the
            one the rows were made from.
        RecipeError: its retriever is not installed.
    """
    segments = row.segment_list
    negative, before = _require_negative(row, segments, segment)
    recipe = _recipe_of(split, row, negative)
    explainer = _explainer_of(recipe.retrieval)
    with _counted(split, row, recipe, sources, ProgressTracker(progress or NullProgress())) as counted:
        chunk = counted.number_of(segments[negative], split.where)
        retrieval = settled(recipe.retrieval, found_languages(counted.store, recipe.retrieval))
        explanations = {
            meta_segment: explainer.explain(
                counted.index,
                counted.store,
                retrieval,
                counted.number_of(segments[meta_segment], split.where),
                chunk,
            )
            for meta_segment in _found_for(segments, before, recipe)
        }
    stored = segments[negative].score
    meta_segment = min(explanations, key=lambda number: (abs(explanations[number].score - stored), number))
    return NegativeExplanation(
        row=row.id,
        segment=negative,
        meta_segment=meta_segment,
        document=segments[negative].document,
        chunk=segments[negative].chunk,
        rank=segments[negative].rank,
        stored_score=stored,
        retrieval=retrieval,
        basis=counted.basis,
        explanation=explanations[meta_segment],
    )


def _explainer_of(settings: RetrievalSettings) -> Explainer:
    explainer = retriever_of(settings).explainer
    if explainer is None:
        raise DataError(
            f"the retriever {settings.retriever!r} explains none of its scores; read the text of the segment instead"
        )
    return explainer


def _require_negative(row: Row, segments: Sequence[Segment], segment: int) -> tuple[int, int]:
    """The number of a negative, counted from the start, and of the meta-chunk before it."""
    count = len(segments)
    if not -count <= segment < count:
        raise DataError(f"segment {segment} was asked for, and row {row.id!r} has {count:,}: 0 to {count - 1:,}")
    number = segment % count
    if segments[number].role == "meta":
        negatives = (n for n, other in enumerate(segments) if other.role == "negative")
        nearest = min(negatives, key=lambda n: abs(n - number), default=None)
        remedy = "the row has no negatives" if nearest is None else f"ask for a negative, segment {nearest} for one"
        raise DataError(
            f"segment {number} of row {row.id!r} is a meta-chunk, which nothing was retrieved for; {remedy}"
        )
    return number, max(n for n in row.meta_chunks if n < number)


def _found_for(segments: Sequence[Segment], before: int, recipe: Recipe) -> list[int]:
    """The meta-chunks for one of which a negative was found: the last one `before` it, unless all of a text come first.

    The score tells for which: it is that of the chunk for this meta-chunk.
    """
    first = before
    if recipe.interleave.layout == "none":
        while first > 0 and segments[first - 1].role == "meta":
            first -= 1
        first = max(first, before - segments[before].chunk)
    return list(range(first, before + 1))


def _recipe_of(split: SplitReader, row: Row, segment: int) -> Recipe:
    """The recipe that made a segment, with the stop words that it used; the defaults where there is no manifest."""
    if split.record is None:
        return Recipe(name="defaults")
    start = row.segments["start"][segment].as_py()
    sample = next((document.id for document in row.document_list if document.start <= start < document.end), row.id)
    recipes = split.record.row_recipes
    recipe = recipes.get(sample.partition("/")[0]) or next(iter(recipes.values()))
    found = split.record.row_stop_words.get(recipe.name)
    languages = None if found is None else FoundLanguages(shares=found.shares, chunks=found.chunks)
    return recipe.model_copy(update={"retrieval": settled(recipe.retrieval, languages)})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Chunks and their term frequencies."""

    basis: Basis
    store: ChunkStore
    index: Path
    chunks_of: Mapping[str, Sequence[int]] | None = None
    """The chunks of each document that the store holds, in its order; None when it holds all."""

    def number_of(self, segment: Segment, where: str) -> int:
        """The number in the store of a segment's chunk."""
        document = self.store.document_number(segment.document)
        place = segment.chunk if self.chunks_of is None else self.chunks_of[segment.document].index(segment.chunk)
        if document is not None:
            first, stop = self.store.first_chunk[document : document + 2].tolist()
            if first + place < stop:
                return int(first + place)
        raise DataError(
            f"the corpus has no chunk {segment.chunk} of document {segment.document!r}, which {where} names; "
            "name the corpus that the rows were made from"
        )


@contextmanager
def _counted(
    split: SplitReader, row: Row, recipe: Recipe, sources: Sequence[Source], stages: ProgressTracker
) -> Iterator[_Counted]:
    """The best basis that is available; temporary files live as long as the block."""
    kept = None if sources else _left_by_build(split, recipe)
    if kept is not None:
        yield kept
        return
    with TemporaryDirectory(prefix="nextlong-explain-") as scratch:
        if sources:
            yield _from_corpus(Path(scratch), split, recipe, sources, stages)
        else:
            yield _from_rows(Path(scratch), split.neighbours(row.number, _NEEDED), recipe.retrieval)


def _left_by_build(split: SplitReader, recipe: Recipe) -> _Counted | None:
    """Store and index of the build in `.work`; None when they are missing or of another version."""
    if split.folder is None or split.manifest is None:
        return None
    corpus = split.manifest.corpus
    workspace = Workspace(split.folder / WORK_NAME)
    identity = store_identity(corpus.digest, [source.name for source in corpus.sources], recipe.reading)
    index = workspace.index(index_identity(identity, recipe.retrieval))
    try:
        store = ChunkStore(workspace.store(identity))
        open_retriever(index, store, recipe.retrieval)
    except DataError:
        return None
    return _Counted(basis=Basis.INDEX, store=store, index=index)


def _from_corpus(
    scratch: Path, split: SplitReader, recipe: Recipe, sources: Sequence[Source], stages: ProgressTracker
) -> _Counted:
    """Read and index the corpus again.

    Raises:
        DataError: it is not the one that the manifest names.
    """
    run = Run.quiet(scratch, stages)
    found = find_corpus(run, sources)
    if split.manifest is not None and found.digest != split.manifest.corpus.digest:
        raise DataError(
            f"{split.where} was made from corpus {split.manifest.corpus.digest[:12]}, and the one given is "
            f"{found.digest[:12]}; name the same files as the build did"
        )
    store = read_corpus(run, found, recipe.reading)
    return _Counted(basis=Basis.CORPUS, store=store, index=index_store(run, store, recipe.retrieval))


def _from_rows(scratch: Path, rows: Iterable[Row], settings: RetrievalSettings) -> _Counted:
    """Index the chunks that occur in rows, each once and as long as it occurs."""
    texts: dict[str, dict[int, str]] = {}
    for row in rows:
        for segment in row.segment_list:
            chunks = texts.setdefault(segment.document, {})
            chunks[segment.chunk] = max(chunks.get(segment.chunk, ""), row.text[segment.start : segment.end], key=len)
    chunks_of = {document: sorted(chunks) for document, chunks in sorted(texts.items())}
    with PartWriter(scratch / "store" / "part-00000") as part:
        for document, numbers in chunks_of.items():
            pieces = [texts[document][number] for number in numbers]
            ends = [0, *accumulate(map(len, pieces))]
            spans = [ChunkSpan(start, end) for start, end in pairwise(ends)]
            part.add(Document(id=document, text="".join(pieces), source=""), spans)
    store = finish_store(scratch / "store", [part.counts], "rows", {})
    build_index(store, settings, scratch / "index", InlineExecutor())
    return _Counted(basis=Basis.ESTIMATE, store=store, index=scratch / "index", chunks_of=chunks_of)
