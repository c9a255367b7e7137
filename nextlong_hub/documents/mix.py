"""The producer of the kind `mix`: samples of another recipe, and whole ordinary documents in the room they leave.

    samples       rows of the ingredient, which this run has made before
    documents     the corpus in its seeded order, without what is taken ▶ tokens
                  both ▶ which share a row ▶ packed rows

No document is there twice: what the samples extend is no ordinary document.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, write_array
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus.ingest import read_corpus
from nextlong_hub.corpus.order import seeded_order
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import ConfigRecord, IngredientRecord, SynthesisRecord
from nextlong_hub.dataset.packing_plan import DocumentList
from nextlong_hub.dataset.shards import read_table
from nextlong_hub.dataset.taken import documents_of
from nextlong_hub.dataset.write import ChosenRows, outcome_record
from nextlong_hub.dataset.write_tasks import UnitCounts
from nextlong_hub.documents.check import WholeDocumentChecker
from nextlong_hub.documents.mix_rows import MixShape, settings_of, share_rows
from nextlong_hub.documents.mix_tasks import TakeDocuments
from nextlong_hub.documents.produce import UNIT_CHARACTERS
from nextlong_hub.documents.tasks import unit_ranges
from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.waves import Goal, run_waves
from nextlong_hub.method.settings import WHOLE_DOCUMENT
from nextlong_hub.producer import (
    CandidatePool,
    Produced,
    Producer,
    RowChecker,
    RowPlan,
    RowRequest,
    encoding_stage,
    producer_of,
    special_tokens_of,
    taken_documents,
)
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import UnitRange
from nextlong_hub.synthesis.sampling import TAKEN
from nextlong_hub.tokenization import Tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference

_SHARED = ("tokens", "add_bos_token", "add_eos_token", "on_bad_document", "filters")
"""Choices that samples and documents of one row must have in common."""


class MixProducer(Producer):
    """Rows are samples of another recipe and whole ordinary documents."""

    name = "mix"
    takes_documents = True
    runs_out = "there are no more samples, or no more documents that are not taken, for its mix.documents"

    def check_ingredients(self, recipe: Recipe, ingredients: Sequence[Recipe]) -> None:
        """See `Producer.check_ingredients`.

        Raises:
            RecipeError: its rows are no samples with hard negatives, they do not fit, or are read in another way.
        """
        super().check_ingredients(recipe, ingredients)
        [ingredient] = ingredients
        if not producer_of(ingredient).retrieves:
            raise RecipeError(
                f"recipe {recipe.name}: the rows of {ingredient.name} are no samples with hard negatives; name a "
                "recipe of such samples as mix.recipe: 64k, 128k or 512k"
            )
        MixShape.of(recipe, ingredient.target_length)
        own, others = recipe.public_values(), ingredient.public_values()
        differing = [choice for choice in _SHARED if own.get(choice) != others.get(choice)]
        if differing:
            raise RecipeError(
                f"recipes {recipe.name} and {ingredient.name} share rows, but differ in {', '.join(differing)}; "
                "set these alike in both"
            )

    def ingredient_rows(self, recipe: Recipe, targets: Mapping[str, int], rows: int) -> Mapping[str, int]:
        """See `Producer.ingredient_rows`.

        Raises:
            RecipeError: samples and documents cannot share rows in this proportion.
        """
        name = settings_of(recipe).recipe
        return {name: MixShape.of(recipe, targets[name]).samples(rows)}

    def read(self, run: Run, request: RowRequest) -> ChunkStore:
        """The documents of the corpus, each a chunk of its own."""
        return read_corpus(run, request.inputs.corpus, replace(request.recipe.reading, chunking=WHOLE_DOCUMENT))

    def stages(self, request: RowRequest, store: ChunkStore, plan: RowPlan | None) -> Sequence[ExpectedStage]:
        """See `Producer.stages`."""
        return [encoding_stage(f"take {request.recipe.name}", request, store)]

    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`.

        Raises:
            CorpusTooSmallError: no document is left over.
        """
        recipe = request.recipe
        samples = request.made[settings_of(recipe).recipe]
        shape = MixShape.of(recipe, samples.recipe.target_length)
        found = _take_documents(run, request, store, shape)
        chosen = samples.rows.rows[: shape.samples(found.rows)]
        documents = found.documents
        for unit, row in chosen:
            documents.add_rows(unit, [row], samples.rows.mean_row_bytes[unit])
        rows = share_rows(shape, found.rows, found.lengths, recipe.packing.window_tokens)
        placed = np.concatenate(rows)
        placed = placed[placed < len(found.lengths)]
        return Produced(
            recipe=recipe,
            rows=ChosenRows(packed=documents.plan(rows)),
            outcome=found.outcome,
            corpus=samples.corpus,
            characters_per_token=samples.characters_per_token,
            store=store,
            mixture={
                samples.recipe.name: IngredientRecord(
                    rows=len(chosen),
                    tokens=len(chosen) * shape.sample_length,
                    made=len(chosen),
                    apart=dict(samples.apart),
                    stop_words=samples.outcome.stop_words if samples.outcome else None,
                    recipe=samples.recipe.public_values(),
                ),
                recipe.name: IngredientRecord(
                    rows=len(placed), tokens=int(found.tokens[placed].sum()), recipe=recipe.public_values()
                ),
            },
            sizes=samples.sizes,
        )

    def describe(self, record: ConfigRecord, produced: Produced, folder: Path) -> ConfigRecord:
        """See `Producer.describe`: the one segment of an ordinary document is no meta-chunk."""
        ordinary = record.mixture[produced.recipe.name].rows
        segments = record.segments.model_copy(update={"meta": record.segments.meta - ordinary})
        return record.model_copy(update={"segments": segments})

    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """What checks the ordinary documents; the samples are checked by the recipe that made them."""
        return WholeDocumentChecker(recipe, tokenizer)

    def candidates(self, recipe: Recipe, pool: CandidatePool) -> NDArray[np.int64]:
        """See `Producer.candidates`: every document in the seeded order, those that are taken included."""
        return seeded_order(pool.store, np.arange(pool.store.documents), pool.sources, pool.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """How many rows there are, and the documents that fill them."""

    rows: int
    documents: DocumentList
    lengths: NDArray[np.int64]
    """Tokens of a row that each takes, in their order. Shape: (documents,)."""
    tokens: NDArray[np.int64]
    """Tokens of each, without padding. Shape: (documents,)."""
    outcome: SynthesisRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """The documents of one finished unit."""

    receipt: Receipt[UnitCounts]
    lengths: NDArray[np.int64]
    """Tokens of each document that was kept. Shape: (documents,)."""
    sample: NDArray[np.int64]
    """The number of the sample that extends it, beyond any where none does. Shape: (documents,)."""


def _take_documents(run: Run, request: RowRequest, store: ChunkStore, shape: MixShape) -> _Found:
    """Encode documents in their order, until they fill the room beside the samples.

    Also those that samples extend are encoded: which samples there are follows from how many rows documents fill. What
    is found depends on the number of rows alone, not on how many were asked for before.

    Raises:
        CorpusTooSmallError: there is room, and no document is left for it.
    """
    samples = request.made[settings_of(request.recipe).recipe]
    number_of = {document: number for number, document in enumerate(documents_of(samples.rows))}
    rows = shape.rows(len(number_of), request.rows)
    taken = taken_documents(request, store)
    every = _order(request, store)
    order = every[~np.isin(every, taken)]
    tasks, identity = _tasks(run, request, store, order, shape)
    units: list[_Unit] = []

    def make(those: range) -> list[Receipt[UnitCounts]]:
        return run.map(f"take {request.recipe.name}", tasks[those.start : those.stop], identity)

    def take(receipts: Sequence[Receipt[UnitCounts]]) -> int:
        units.extend(_read_unit(receipt, number_of) for receipt in receipts)
        return _tokens_left(units, shape)(shape.samples(rows))

    tokens = int(store.document_characters[order].sum() / samples.characters_per_token)
    if tasks:
        tokens_in_unit = Fraction(max(1, tokens), len(tasks))
        run_waves(run, Goal(rows=shape.room(rows), units=len(tasks), rows_in_unit=tokens_in_unit), make, take)
    left = _tokens_left(units, shape)
    filled = shape.rows_filled(rows, left)
    if shape.room(rows) and not (shape.room(filled) and left(shape.samples(filled))):
        discarded = outcome_record([unit.receipt.counts for unit in units], 0).discarded
        raise CorpusTooSmallError(
            f"recipe {request.recipe.name}: of {store.documents:,} documents only {left(1):,} tokens are left to stand "
            f"beside samples, too few for one row ({listed({TAKEN: len(taken), **discarded})}); add documents, "
            f"or build {samples.recipe.name} alone"
        )
    return _found(shape, filled, units, eligible=len(order), taken=len(taken))


def _found(shape: MixShape, rows: int, units: Sequence[_Unit], *, eligible: int, taken: int) -> _Found:
    """The documents of the first units that are enough for so many rows, without those that samples extend."""
    samples, room = shape.samples(rows), shape.room(rows)
    documents = DocumentList(shape.align)
    lengths, tokens = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    counts: list[UnitCounts] = []
    extended = 0
    for unit in units:
        if sum(int(own.sum()) for own in lengths) >= room:
            break
        own = np.flatnonzero(unit.sample >= samples)
        row_bytes = unit.receipt.counts.row_bytes / max(1, unit.receipt.counts.kept)
        lengths.append(documents.add_rows(unit.receipt.output, own.tolist(), row_bytes).astype(np.int64))
        tokens.append(unit.lengths[own])
        counts.append(unit.receipt.counts)
        extended += len(unit.lengths) - len(own)
    told = outcome_record(counts, eligible - samples, not_eligible={TAKEN: taken + samples})
    outcome = told.model_copy(update={"candidates": told.candidates - extended, "kept": told.kept - extended})
    return _Found(
        rows=rows,
        documents=documents,
        lengths=np.concatenate(lengths),
        tokens=np.concatenate(tokens),
        outcome=outcome,
    )


def _tokens_left(units: Sequence[_Unit], shape: MixShape) -> Callable[[int], int]:
    """Tokens that documents in some units take, those apart that the first samples extend, by the number of samples."""
    sample = np.concatenate([np.zeros(0, np.int64), *(unit.sample for unit in units)])
    lengths = shape.taken(np.concatenate([np.zeros(0, np.int64), *(unit.lengths for unit in units)]))
    extended = np.cumsum(np.bincount(sample, lengths))  # by the samples up to each
    return lambda samples: int(lengths.sum() - (extended[min(samples, len(extended)) - 1] if len(extended) else 0))


def _read_unit(receipt: Receipt[UnitCounts], number_of: Mapping[str, int]) -> _Unit:
    table = read_table(receipt.output, ["meta_document", "token_count"])
    beyond = len(number_of)
    return _Unit(
        receipt=receipt,
        lengths=table["token_count"].to_numpy().astype(np.int64),
        sample=np.array([number_of.get(name, beyond) for name in table["meta_document"].to_pylist()], np.int64),
    )


def _order(request: RowRequest, store: ChunkStore) -> NDArray[np.int64]:
    """All documents in the order in which they are taken. Shape: (documents,)."""
    pool = CandidatePool(
        store=store,
        sources=request.inputs.corpus.sources,
        characters_per_token=request.made[settings_of(request.recipe).recipe].characters_per_token,
        seed=request.inputs.seed,
    )
    return PRODUCER.candidates(request.recipe, pool)


def _tasks(
    run: Run, request: RowRequest, store: ChunkStore, order: NDArray[np.int64], shape: MixShape
) -> tuple[list[TakeDocuments], str]:
    """The tasks of all units, and a digest of all that decides them; the order lies in a file."""
    recipe, tokenizer = request.recipe, request.inputs.tokenizer
    special = special_tokens_of(recipe, [tokenizer])
    content = hashlib.sha256(order.tobytes()).hexdigest()
    identity = digest_of([recipe.fingerprint, store.id, tokenizer.digest, special.bos, special.eos, content])
    folder = run.workspace.units(recipe.name, identity)
    path = folder / "order.npy"
    write_array(path, order)
    ranges = unit_ranges(store.document_characters[order], recipe.output.unit_documents, UNIT_CHARACTERS)
    tasks = [
        TakeDocuments(
            key=f"unit-{unit:05d}",
            output=folder / f"unit-{unit:05d}.parquet",
            store=store.folder,
            unit=UnitRange(order=path, start=start, stop=stop),
            recipe=recipe,
            most_tokens=shape.longest_document,
            tokenizer=TokenizerReference.of(tokenizer),
            special_tokens=special,
        )
        for unit, (start, stop) in enumerate(ranges)
    ]
    return tasks, identity


PRODUCER = MixProducer()
