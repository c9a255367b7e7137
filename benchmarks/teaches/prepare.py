"""The first step: split the corpus, train a tokenizer, build the arms and choose the questions."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.teaches.arms import ARMS
from benchmarks.teaches.build import ArmBuilder
from benchmarks.teaches.choose import Part, choose_items
from benchmarks.teaches.riffled import make_riffle
from benchmarks.teaches.settings import Preset
from benchmarks.teaches.split import held_out, read_corpus, train_tokenizer
from benchmarks.teaches.world import World, sha256_of
from nextlong_hub.tokenization import load_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareRequest:
    """What to prepare, from what."""

    preset: Preset
    corpus: Path
    """A Parquet file: id, text, source."""
    other: Path | None
    """Another one, which is only asked about; best of another kind of text, long by nature."""
    arms: Sequence[str]
    dense: Mapping[str, Any]
    """Options of the retriever of arm D."""
    output: Path
    workers: int
    """Processes that build."""


def prepare(request: PrepareRequest) -> World:
    """Make the world of an experiment in `output/world`; finished work of an earlier call is used again.

    Raises:
        CorpusTooSmallError: the corpus does not give enough rows or questions.
        DataError, RecipeError, StorageError, WorkerError: see `pipeline.build`.
    """
    logging.getLogger("nextlong_hub").setLevel(logging.ERROR)  # of licences and cards, which matter where one publishes
    corpus = read_corpus(request.corpus)
    held = held_out(corpus.sources)
    trained = np.flatnonzero(~held)
    folder, work = request.output / "world", request.output / "work"
    file = work / "tokenizer" / "tokenizer.json"
    if not file.is_file():
        texts = [corpus.texts[number] for number in trained.tolist()]
        train_tokenizer(texts, request.preset.model.vocabulary, file.parent)
    tokenizer = load_tokenizer(str(file.parent))
    builder = ArmBuilder(
        preset=request.preset,
        corpus=corpus,
        trained=trained,
        tokenizer=tokenizer,
        folder=work,
        options=request.dense,
        executor=f"local:{request.workers}" if request.workers > 1 else "inline",
    )
    tables = builder.tables([ARMS[name] for name in request.arms])
    parts = [Part.held(corpus, np.flatnonzero(held), request.preset)]
    if request.other:
        parts.append(Part.other(read_corpus(request.other), request.preset))
    world = World(
        folder=folder,
        preset=request.preset,
        corpus=sha256_of(request.corpus),
        other=sha256_of(request.other) if request.other else "",
        rows=tuple(tables),
    )
    folder.mkdir(parents=True, exist_ok=True)
    world.tokenizer_file.write_bytes(file.read_bytes())
    for name, table in tables.items():
        table.save(world.rows_file(name))
    for part in parts:
        choose_items(part, request.preset, tokenizer, work).save(world.items_file(part.name))
    rows = make_riffle(work / "held.parquet", work / "rows", request.preset, file.parent, work / "riffle")
    world.riffle_file.write_bytes(rows.read_bytes())
    world.save()
    return world
