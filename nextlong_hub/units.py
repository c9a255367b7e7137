"""What a worker does: the functions that tasks name.

    ingest       pieces of a corpus                      ▶  one part of the chunk store
    retrieve     a range of meta-documents               ▶  the retriever's answers: chunk numbers and scores, no text
    synthesise   the answers, and the text they lead to  ▶  rows
    fit_rows     documents that are long already         ▶  rows
    copy_rows    rows of finished units                  ▶  one published Parquet shard

Each is pure: its output depends on the task's inputs and parameters and on nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub import chunking, corpus, shards
from nextlong_hub.engine import Task
from nextlong_hub.errors import DataError
from nextlong_hub.files import written_aside
from nextlong_hub.interleave import Piece, clip, interleave
from nextlong_hub.negatives import Candidate, NearDuplicates, ReadChunk, Selection, select_even, select_reference
from nextlong_hub.recipe import FitSettings, Recipe
from nextlong_hub.records import Discarded, Hits, Reason, Sample, Segment
from nextlong_hub.retrieval import open_retriever
from nextlong_hub.store import ChunkStore, PartWriter, store_stamp
from nextlong_hub.tokens import Fitted, Tokenizer, load_tokenizer

_ATTEMPTS = 8
_ANSWER_SCHEMA = pa.schema([("chunks", pa.list_(pa.int64())), ("scores", pa.list_(pa.float32()))])


def ingest(task: Task, memory: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read one piece of a corpus, cut each document, and write one part of the chunk store.

    Parameters: `recipe`, `piece`, and `held`: ids that an earlier part holds already. `memory` holds the datasets of
    sources that are no files.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    piece = corpus.Piece.from_json(task.parameters["piece"])
    held = set(task.parameters["held"])
    skipped: Counter[str] = Counter()
    with PartWriter(Path(task.output)) as part:
        for document in corpus.read(piece, recipe.on_bad_document, memory):
            if isinstance(document, corpus.Skipped):
                skipped[document.reason] += 1
            elif document.id in held:
                skipped["duplicate_id"] += 1
            else:
                if recipe.on_bad_document == "skip":
                    held.add(document.id)
                part.add(document, chunking.cut(document.text, recipe.chunking))
    return {**asdict(part.counts), "skipped": dict(sorted(skipped.items()))}


def retrieve(task: Task) -> dict[str, Any]:
    """Ask the retriever for every meta-chunk of a range of meta-documents.

    Parameters: `recipe`, `start`, `stop` (in the seeded order), `k`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    store = _open_store(task)
    documents = _documents(task)
    queries = np.concatenate([np.arange(store.first_chunk[d], store.first_chunk[d + 1]) for d in documents])
    retriever = open_retriever(Path(task.inputs["index"]), store, recipe.retrieval)
    hits = retriever.search(queries, task.parameters["k"])
    found = (hits.chunks >= 0).sum(axis=1)
    offsets = pa.array(np.cumsum([0, *found]), pa.int32())
    answers = pa.table(
        [
            pa.ListArray.from_arrays(offsets, pa.array(hits.chunks[hits.chunks >= 0])),
            pa.ListArray.from_arrays(offsets, pa.array(hits.scores[hits.chunks >= 0])),
        ],
        schema=_ANSWER_SCHEMA,
    )
    with written_aside(Path(task.output)) as aside, pa.ipc.new_file(str(aside), _ANSWER_SCHEMA) as writer:
        writer.write_table(answers)
    sample = Hits(chunks=hits.chunks[:1], scores=hits.scores[:1])
    return {
        "queries": len(queries),
        "unanswered": int((found == 0).sum()),
        "recall": retriever.recall(queries[:1], sample),
    }


def synthesise(task: Task) -> dict[str, Any]:
    """Turn the retriever's answers into rows: choose negatives, interleave, fit to the target length.

    Parameters: `recipe`, `start`, `stop`, `tokenizer`, `tokenizer_digest`, `characters_per_token`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    bench = _Bench(
        recipe=recipe,
        store=_open_store(task),
        tokenizer=_open_tokenizer(task),
        characters_per_token=task.parameters["characters_per_token"],
    )
    outcomes = bench.synthesise(_documents(task), _read_answers(Path(task.inputs["answers"])))
    return {**_write_rows(task, recipe, outcomes), "near_duplicates": bench.near_duplicates}


def fit_rows(task: Task) -> dict[str, Any]:
    """Fit whole documents to the target length, each becoming a row of a single segment.

    Parameters: `recipe`, `start`, `stop` (document numbers), `tokenizer`, `tokenizer_digest`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    store = _open_store(task)
    tokenizer = _open_tokenizer(task)
    texts = store.texts(np.arange(task.parameters["start"], task.parameters["stop"]))
    outcomes = [_fit_document(recipe, tokenizer, *store.document(number), text) for number, text in texts.items()]
    return _write_rows(task, recipe, outcomes)


def _fit_document(recipe: Recipe, tokenizer: Tokenizer, identity: str, source: str, text: str) -> Sample | Discarded:
    """One document, cut, left as it is, or discarded, as the recipe says."""
    modes = recipe.fit or FitSettings(truncate=True, discard=True)
    fitted = tokenizer.fit(text, recipe.target_length)
    total = fitted.total_tokens
    if isinstance(fitted, Fitted) and (total == recipe.target_length or modes.truncate):
        characters, input_ids = fitted.characters, fitted.input_ids
    elif total < recipe.target_length and not modes.discard:
        characters, input_ids = len(text), tokenizer.encode(text)
    else:
        reason = Reason.OVER_TARGET if isinstance(fitted, Fitted) else fitted.reason
        return Discarded(meta_document=identity, reason=reason, tokens=total)
    whole = Segment(
        role="meta", document=identity, chunk=0, start=0, end=characters, tokens=len(input_ids), rank=0, score=0.0
    )
    return Sample(
        id=f"{recipe.name}/{identity}",
        text=text[:characters],
        input_ids=input_ids,
        meta_document=identity,
        source=source,
        segments=(whole,),
        truncated_tokens=total - len(input_ids),
    )


def _write_rows(task: Task, recipe: Recipe, outcomes: Sequence[Sample | Discarded]) -> dict[str, Any]:
    """Write a unit's rows and count what became of its candidates."""
    samples = [outcome for outcome in outcomes if isinstance(outcome, Sample)]
    discarded = [outcome for outcome in outcomes if isinstance(outcome, Discarded)]
    table = shards.to_table(samples, tokens=recipe.tokens)
    shards.write_table(Path(task.output), table, recipe.output)
    return {
        "candidates": len(outcomes),
        "kept": len(samples),
        "discarded": dict(sorted(Counter(d.reason.value for d in discarded).items())),
        "truncated": sum(sample.truncated_tokens > 0 for sample in samples),
        "truncated_tokens": sum(sample.truncated_tokens for sample in samples),
        "row_bytes": sum(shards.row_sizes(table)),
    }


def copy_rows(task: Task) -> dict[str, Any]:
    """Copy rows of finished units into one published shard.

    Parameters: `recipe` and `rows`, a list of [unit file, [row, …]].
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    tables = [shards.read_table(Path(path)).take(rows) for path, rows in task.parameters["rows"]]
    table = pa.concat_tables(tables).select(shards.schema(tokens=recipe.tokens).names)
    shards.write_table(Path(task.output), table, recipe.output)
    return {"rows": table.num_rows, "tokens": sum(table["token_count"].to_pylist())}


@dataclass(slots=True, kw_only=True)
class _Draft:
    """One sample in the making."""

    document: int
    meta_chunks: NDArray[np.int64]
    meta_texts: list[str]
    meta_tokens: int
    answers: list[list[Candidate]]
    near_duplicates: NearDuplicates
    goal_tokens: int
    read: dict[int, ReadChunk] = field(default_factory=dict)
    banned: frozenset[int] = frozenset()
    selection: Selection | None = None


class _Bench:
    """Everything one unit needs at hand."""

    def __init__(self, *, recipe: Recipe, store: ChunkStore, tokenizer: Tokenizer, characters_per_token: float) -> None:
        self.near_duplicates = 0
        self._recipe = recipe
        self._store = store
        self._tokenizer = tokenizer
        self._characters_per_token = characters_per_token
        self._texts: dict[int, str] = {}
        self._tokens: dict[int, int] = {}

    def synthesise(self, documents: NDArray[np.int64], answers: Sequence[list[Candidate]]) -> list[Sample | Discarded]:
        """One outcome a document, in order; `answers` are those of all their meta-chunks, in order."""
        first = self._store.first_chunk
        chunks = [np.arange(first[d], first[d + 1]) for d in documents]
        self._gather(int(c) for document_chunks in chunks for c in document_chunks)
        remaining = iter(answers)
        drafts = [
            self._draft(int(document), own, [next(remaining) for _ in own])
            for document, own in zip(documents, chunks, strict=True)
        ]
        self._settle(drafts)
        return [self._finish(draft) for draft in drafts]

    def _draft(self, document: int, chunks: NDArray[np.int64], answers: list[list[Candidate]]) -> _Draft:
        texts = [self._texts[chunk] for chunk in chunks.tolist()]
        return _Draft(
            document=document,
            meta_chunks=chunks,
            meta_texts=texts,
            meta_tokens=sum(self._tokens[chunk] for chunk in chunks.tolist()),
            answers=answers,
            near_duplicates=NearDuplicates(texts, self._recipe.negatives),
            goal_tokens=self._recipe.target_length,
        )

    def _settle(self, drafts: Sequence[_Draft]) -> None:
        """Select for all drafts together, one pass over the corpus a round, until nothing is left to read."""
        unsettled = list(drafts)
        while unsettled:
            for draft in unsettled:
                draft.selection = self._select(draft)
            unsettled = [draft for draft in unsettled if draft.selection and draft.selection.unread]
            self._gather(chunk for draft in unsettled if draft.selection for chunk in draft.selection.unread)
            for draft in unsettled:
                for chunk in draft.selection.unread if draft.selection else ():
                    copy = self._texts[chunk] in draft.near_duplicates
                    draft.read[chunk] = ReadChunk(tokens=self._tokens[chunk], near_duplicate=copy)

    def _select(self, draft: _Draft) -> Selection:
        if self._recipe.interleave.fill == "even":
            return select_even(
                draft.answers, draft.meta_tokens, draft.goal_tokens, draft.read, self._estimate_tokens, draft.banned
            )
        return select_reference(
            draft.answers,
            draft.meta_tokens,
            sum(map(len, draft.meta_texts)),
            self._recipe.target_length,
            self._recipe.chunking.chunk_characters,
            self._recipe.interleave,
            draft.read,
            self._estimate_tokens,
            draft.banned,
        )

    def _finish(self, draft: _Draft) -> Sample | Discarded:
        """Fit a settled draft; where its text falls short or has no exact cut, choose again and retry."""
        target = self._recipe.target_length
        identity, source = self._store.document(draft.document)
        reason, reached = Reason.NO_EXACT_CUT, 0
        for _ in range(_ATTEMPTS):
            selection = draft.selection
            if selection is None or selection.exhausted:
                reason = Reason.TOO_FEW_NEGATIVES
                reached = selection.tokens if selection else 0
                break
            long_text = interleave(
                [self._piece(int(chunk)) for chunk in draft.meta_chunks],
                [[self._piece(c.chunk, c.rank, c.score) for c in followers] for followers in selection.negatives],
                self._recipe.interleave.separator,
            )
            fitted = self._tokenizer.fit(long_text.text, target)
            reason, reached = Reason.NO_EXACT_CUT, fitted.total_tokens
            if isinstance(fitted, Fitted):
                self.near_duplicates += selection.near_duplicates
                return Sample(
                    id=f"{self._recipe.name}/{identity}",
                    text=long_text.text[: fitted.characters],
                    input_ids=fitted.input_ids,
                    meta_document=identity,
                    source=source,
                    segments=clip(long_text.segments, fitted.characters, fitted.token_starts),
                    truncated_tokens=fitted.total_tokens - target,
                )
            reason = fitted.reason
            if reason is Reason.BELOW_TARGET:
                if self._recipe.interleave.fill == "reference":
                    break
                draft.goal_tokens += target - fitted.total_tokens
            else:
                draft.banned |= {selection.negatives[-1][-1].chunk}
            self._settle([draft])
        return Discarded(meta_document=identity, reason=reason, tokens=reached)

    def _piece(self, chunk: int, rank: int = 0, score: float = 0.0) -> Piece:
        document = int(self._store.document_of(np.array([chunk]))[0])
        return Piece(
            text=self._texts[chunk],
            document=self._store.document(document)[0],
            chunk=chunk - int(self._store.first_chunk[document]),
            rank=rank,
            score=score,
        )

    def _gather(self, chunks: Iterable[int]) -> None:
        """Read the text of chunks not read before, in one ascending pass, and count their tokens."""
        missing = np.array(sorted(set(chunks) - self._texts.keys()), np.int64)
        texts = self._store.texts(missing)
        separator = self._recipe.interleave.separator
        self._texts |= texts
        self._tokens |= zip(texts, self._tokenizer.count([text + separator for text in texts.values()]), strict=True)

    def _estimate_tokens(self, chunk: int) -> float:
        return float(self._store.chunk_characters[chunk]) / self._characters_per_token


def _documents(task: Task) -> NDArray[np.int64]:
    order: NDArray[np.int64] = np.load(task.inputs["order"], mmap_mode="r")
    return np.array(order[task.parameters["start"] : task.parameters["stop"]])


def _read_answers(path: Path) -> list[list[Candidate]]:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    return [
        [Candidate(chunk=c, rank=r, score=s) for r, (c, s) in enumerate(zip(chunks, scores, strict=True), 1)]
        for chunks, scores in zip(table["chunks"].to_pylist(), table["scores"].to_pylist(), strict=True)
    ]


def _open_store(task: Task) -> ChunkStore:
    """A worker serves many tasks of one build: it opens the store once, and anew when it was finished again since."""
    folder = Path(task.inputs["store"])
    return _store_of(folder, store_stamp(folder))


@lru_cache(maxsize=4)
def _store_of(folder: Path, stamp: tuple[int, int]) -> ChunkStore:
    return ChunkStore(folder)


def _open_tokenizer(task: Task) -> Tokenizer:
    return _tokenizer_of(task.parameters["tokenizer"], task.parameters["tokenizer_digest"])


@lru_cache(maxsize=4)
def _tokenizer_of(location: str, digest: str) -> Tokenizer:
    tokenizer = load_tokenizer(location)
    if tokenizer.digest != digest:
        raise DataError(
            f"the tokenizer {location} had the digest {digest} when this run started and has {tokenizer.digest} now; "
            "put the old files back, or start again with a new output folder"
        )
    return tokenizer
