"""What a worker does: the functions that tasks name.

    ingest       pieces of a corpus                      ▶  one part of the chunk store
    retrieve     a range of meta-documents               ▶  the retriever's answers: chunk numbers and scores, no text
    tokenise     chunks that samples are likely to need  ▶  their tokens, once for all samples
    synthesise   the answers, and the text they lead to  ▶  rows

Each is pure: its output depends on the task's inputs and parameters and on nothing else. `fitting_units` and
`filing_units` hold the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub import chunking, corpus, plan, shards
from nextlong_hub.engine import Task
from nextlong_hub.files import written_aside
from nextlong_hub.negatives import Candidate
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Hits, Sample
from nextlong_hub.retrieval import open_retriever
from nextlong_hub.store import ChunkStore, PartWriter, store_stamp
from nextlong_hub.tokens import Frame, Tokenizer, TokenShelf, reopen
from nextlong_hub.tokens.shelf import write_part
from nextlong_hub.units.assembly import Bench, Made, Ruler

_ANSWER_SCHEMA = pa.schema(
    [("chunks", pa.list_(pa.int64())), ("scores", pa.list_(pa.float32())), ("likely", pa.int32())]
)
"""For each query its hits, best first, and how many of them a sample is likely to need."""


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

    Parameters: `recipe`, `start`, `stop` (in the seeded order), `k`, `sample_characters`.
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    store = open_store(task)
    documents = _documents(task)
    queries = np.concatenate([np.arange(store.first_chunk[d], store.first_chunk[d + 1]) for d in documents])
    retriever = open_retriever(Path(task.inputs["index"]), store, recipe.retrieval)
    hits = retriever.search(queries, task.parameters["k"])
    found = (hits.chunks >= 0).sum(axis=1)
    offsets = pa.array(np.cumsum([0, *found]), pa.int32())
    likely = plan.likely_hits(
        hits.chunks, np.diff(store.first_chunk)[documents], store, task.parameters["sample_characters"]
    )
    answers = pa.table(
        [
            pa.ListArray.from_arrays(offsets, pa.array(hits.chunks[hits.chunks >= 0])),
            pa.ListArray.from_arrays(offsets, pa.array(hits.scores[hits.chunks >= 0])),
            pa.array(likely, pa.int32()),
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


def tokenise(task: Task) -> dict[str, Any]:
    """Tokenise some chunks of one round, each by itself, for all samples they will stand in.

    Parameters: `tokenizer`, `tokenizer_digest`, `separator`, `start`, `stop` (places in the list of the round).
    """
    wanted = np.load(task.inputs["chunks"], mmap_mode="r")[task.parameters["start"] : task.parameters["stop"]]
    texts = open_store(task).texts(np.array(wanted))
    chunks = open_tokenizer(task).tokenise_chunks(list(texts.values()), task.parameters["separator"])
    write_part(Path(task.output), chunks)
    return {"chunks": len(chunks), "tokens": sum(chunk.tokens for chunk in chunks)}


def likely_chunks(answers: Path) -> NDArray[np.int64]:
    """The chunks in a unit's answers that its samples are likely to need, without order."""
    table = pa.ipc.open_file(pa.memory_map(str(answers))).read_all().combine_chunks()
    if not table.num_rows:
        return np.zeros(0, np.int64)
    lists = table["chunks"].chunk(0)
    offsets = lists.offsets.to_numpy()
    ranks = np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    likely = np.repeat(table["likely"].to_numpy(), np.diff(offsets))
    return lists.values.to_numpy()[ranks < likely]  # type: ignore[no-any-return]


def synthesise(task: Task) -> dict[str, Any]:
    """Turn the retriever's answers into rows: choose negatives, interleave, fit to the target length.

    Parameters: `recipe`, `start`, `stop`, `frame`, and `tokenizers`: for each `location`, `digest`,
    `characters_per_token`, and the `rounds` on its shelf in the input `tokens-0`, `tokens-1`, ….
    """
    recipe = Recipe.model_validate(task.parameters["recipe"])
    bos, eos = task.parameters["frame"]
    rulers = [
        Ruler(
            tokenizer=tokenizer_of(one["location"], one["digest"]),
            shelf=_shelf_of(Path(task.inputs[f"tokens-{number}"]), tuple(one["rounds"])),
            characters_per_token=one["characters_per_token"],
        )
        for number, one in enumerate(task.parameters["tokenizers"])
    ]
    bench = Bench(recipe=recipe, store=open_store(task), rulers=rulers, frame=Frame(bos=bos, eos=eos))
    made = bench.synthesise(_documents(task), _read_answers(Path(task.inputs["answers"])))
    outcomes = [one.sample if isinstance(one, Made) else one for one in made]
    sizes = [[len(one.sample.text), *one.token_counts] for one in made if isinstance(one, Made)]
    return {**write_samples(task, recipe, outcomes), "near_duplicates": bench.near_duplicates, "sizes": sizes}


def write_samples(task: Task, recipe: Recipe, outcomes: Sequence[Sample | Discarded]) -> dict[str, Any]:
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


def _documents(task: Task) -> NDArray[np.int64]:
    order: NDArray[np.int64] = np.load(task.inputs["order"], mmap_mode="r")
    return np.array(order[task.parameters["start"] : task.parameters["stop"]])


def _read_answers(path: Path) -> list[list[Candidate]]:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    return [
        [Candidate(chunk=c, rank=r, score=s) for r, (c, s) in enumerate(zip(chunks, scores, strict=True), 1)]
        for chunks, scores in zip(table["chunks"].to_pylist(), table["scores"].to_pylist(), strict=True)
    ]


def open_store(task: Task) -> ChunkStore:
    """A worker serves many tasks of one build: it opens the store once, and anew when it was finished again since."""
    folder = Path(task.inputs["store"])
    return _store_of(folder, store_stamp(folder))


@lru_cache(maxsize=4)
def _store_of(folder: Path, stamp: tuple[int, int]) -> ChunkStore:
    return ChunkStore(folder)


def open_tokenizer(task: Task) -> Tokenizer:
    """The tokenizer of a task, which must be the one that its driver opened."""
    return tokenizer_of(task.parameters["tokenizer"], task.parameters["tokenizer_digest"])


tokenizer_of = lru_cache(maxsize=4)(reopen)
_shelf_of = lru_cache(maxsize=4)(TokenShelf)
