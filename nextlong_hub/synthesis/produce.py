"""The producer of the kind `synthesis`: retrieval ▶ tokens ▶ negatives ▶ interleave, unit by unit.

A unit is a fixed range of candidates in the seeded order. A candidate that gives no sample is replaced by the next one,
so units are run until there are enough rows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import SelectionRecord
from nextlong_hub.dataset.corpus_description import corpus_record
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.dataset.shards import read_table, row_groups
from nextlong_hub.dataset.stop_words import stop_words_record
from nextlong_hub.dataset.write import PlainRows, outcome_record
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution import usual
from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.waves import Goal, run_waves
from nextlong_hub.producer import (
    CandidatePool,
    Produced,
    Producer,
    RowChecker,
    RowPlan,
    RowRequest,
)
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import IndexSample, pin, retriever_of
from nextlong_hub.retrieval.tasks import RetrieveCounts, index_store
from nextlong_hub.synthesis.check import SampleChecker
from nextlong_hub.synthesis.outcome import PoorYield, why_none, why_so_few
from nextlong_hub.synthesis.prepare import Prepared, measure, prepare
from nextlong_hub.synthesis.sampling import choose_candidates, require_tokens, wanted_rows
from nextlong_hub.synthesis.tasks import SelectionCounts, SynthesisCounts
from nextlong_hub.tokenization import Tokenizer


class SynthesisProducer(Producer):
    """Rows are meta-chunks with hard negatives between them (NExtLong §3)."""

    name = "synthesis"
    retrieves = True
    title = "NExtLong samples of"
    tags = ("nextlong", "hard-negatives", "synthetic")

    takes_documents = True

    def keeps_apart(self, recipe: Recipe) -> bool:
        """See `Producer.keeps_apart`."""
        return recipe.meta_documents.choice != "nested"

    def plan(self, run: Run, request: RowRequest, store: ChunkStore) -> RowPlan:
        """See `Producer.plan`."""
        recipe, inputs = request.recipe, request.inputs
        measured = measure(run, store, inputs.tokenizers)
        require_tokens(recipe, store, inputs.tokenizers, measured)
        pool = CandidatePool(
            store=store, sources=inputs.corpus.sources, characters_per_token=measured[0], seed=inputs.seed
        )
        found = choose_candidates(recipe, pool)
        wanted = wanted_rows(recipe, store, measured[0], request.rows)
        return RowPlan(wanted=wanted, order=found.order, not_eligible=found.not_eligible)

    def stages(self, request: RowRequest, store: ChunkStore, plan: RowPlan | None) -> Sequence[ExpectedStage]:
        """See `Producer.stages`."""
        if plan is None:
            return ()
        recipe, rows = request.recipe, request.rows or plan.wanted
        tokens = rows * recipe.target_length
        queries = int(np.diff(store.first_chunk)[plan.order[:rows]].sum())
        known = IndexSample(chunks=usual.QUERY_CHUNKS, bytes=usual.QUERY_CHUNKS * usual.CHUNK_BYTES)
        growth = retriever_of(recipe.retrieval).estimate(recipe.retrieval, known, store.chunks).query_growth
        costs = {
            f"retrieve {recipe.name}": usual.QUERY_SECONDS * growth * queries,
            "tokenise": usual.TOKENISE_SECONDS * tokens * len(request.inputs.tokenizers),
            f"synthesise {recipe.name}": usual.SYNTHESISE_SECONDS * tokens,
        }
        return [ExpectedStage(stage=stage, seconds=seconds) for stage, seconds in costs.items()]

    def resolve(self, recipe: Recipe, tokenizer: Tokenizer) -> Recipe:
        """See `Producer.resolve`: the files that the retriever reads are found, and their digests written out."""
        return recipe.model_copy(update={"retrieval": pin(recipe.retrieval)})

    def index(self, run: Run, request: RowRequest, store: ChunkStore) -> Path:
        """See `Producer.index`."""
        return index_store(run, store, request.recipe.retrieval)

    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`; each round of units is retrieved for, tokenised and synthesised before the next."""
        prepared = prepare(run, request, store, index or self.index(run, request, store))
        wanted = _wanted(prepared, request.rows)
        gathered = PlainRows()
        answers: list[Receipt[RetrieveCounts]] = []
        made: list[Receipt[SynthesisCounts]] = []
        told = PoorYield(request.recipe)

        def make(units: range) -> list[Receipt[SynthesisCounts]]:
            answered = run.map(
                f"retrieve {request.recipe.name}", [prepared.retrieve(unit) for unit in units], prepared.identity
            )
            needed = prepared.needed_chunks(units, [receipt.output for receipt in answered])
            for chunks in prepared.chunk_tokenizers:
                chunks.tokenise(needed)
            synthesised = run.map(
                f"synthesise {request.recipe.name}", [prepared.synthesise(unit) for unit in units], prepared.identity
            )
            answers.extend(answered)
            told.look(run, [receipt.counts for receipt in synthesised], wanted)
            return synthesised

        def take(synthesised: Sequence[Receipt[SynthesisCounts]]) -> int:
            made.extend(synthesised)
            gathered.take(synthesised)
            return gathered.rows

        gave_up = run_waves(run, _goal(prepared, wanted), make, take)
        del answers[len(made) :]  # of units that ran ahead and were not needed
        outcome = outcome_record(
            [receipt.counts for receipt in made],
            prepared.eligible_documents,
            not_eligible=prepared.not_eligible,
            queries=sum(receipt.counts.queries for receipt in answers),
            unanswered=sum(receipt.counts.unanswered for receipt in answers),
            recall=_mean_recall(answers),
            near_duplicates=sum(receipt.counts.near_duplicates for receipt in made),
            selection=_selection([receipt.counts.selection for receipt in made]),
            stop_words=stop_words_record(prepared.languages),
        )
        if gave_up:
            outcome = outcome.model_copy(update={"given_up": prepared.eligible_documents - outcome.candidates})
        if not outcome.kept:
            raise CorpusTooSmallError(why_none(request.recipe, outcome, store.documents))
        if gave_up:
            run.note(why_so_few(request.recipe, outcome, store.documents))
        return Produced(
            recipe=request.recipe,
            rows=gathered.finish(wanted),
            outcome=outcome,
            corpus=corpus_record(request.inputs.corpus, store),
            characters_per_token=prepared.characters_per_token[0],
            store=store,
            sizes={receipt.output: receipt.counts.sizes for receipt in made},
        )

    def stream(self, run: Run, request: RowRequest) -> "UnitStream":
        """See `Producer.stream`."""
        with run.workspace.exclusive("prepare"):
            store = self.read(run, request)
            prepared = prepare(run, request, store, self.index(run, request, store))
        return UnitStream(run=run, prepared=prepared, wanted=_wanted(prepared, request.rows))

    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """See `Producer.checker`."""
        return SampleChecker(recipe, tokenizer)

    def candidates(self, recipe: Recipe, pool: CandidatePool) -> NDArray[np.int64]:
        """See `Producer.candidates`."""
        return choose_candidates(recipe, pool).order

    def has_known_order(self, recipe: Recipe) -> bool:
        """See `Producer.has_known_order`: how alike chunks are is known to an index only."""
        return recipe.meta_documents.choice != "linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStream:
    """See `producer.RowStream`."""

    run: Run
    prepared: Prepared
    wanted: int
    """Rows in all."""

    def units(self) -> int:
        """See `RowStream.units`."""
        return -(-self.wanted // self.prepared.recipe.output.unit_documents)

    def tables(self, unit: int) -> Iterator[pa.Table]:
        """See `RowStream.tables`.

        Raises:
            CorpusTooSmallError: the last unit is asked for, and no candidate gives a row.
        """
        if unit < self.units() - 1:
            if self._is_reached(unit):
                yield from self._row_groups(self._table(unit))
            return
        made: list[SynthesisCounts] = []
        missing = self.wanted
        for number, counts in self._until_given_up():
            made.append(counts)
            if number >= unit:
                yield from self._row_groups(self._table(number).slice(0, missing))
            missing -= counts.kept
            if missing <= 0 and number >= unit - 1:
                break
        if missing == self.wanted:
            eligible = self.prepared.eligible_documents
            untried = eligible - sum(one.candidates for one in made)
            outcome = outcome_record(made, eligible, given_up=untried)
            raise CorpusTooSmallError(why_none(self.prepared.recipe, outcome, self.prepared.store.documents))

    def _until_given_up(self) -> Iterator[tuple[int, SynthesisCounts]]:
        """All units in order, up to the one at which the rows are given up."""
        goal = _goal(self.prepared, self.wanted)
        candidates = kept = 0
        for unit in range(self.prepared.units):
            if goal.is_hopeless(candidates, kept):
                return
            counts = self._unit(unit).counts
            yield unit, counts
            candidates += counts.candidates
            kept += counts.kept

    def _is_reached(self, unit: int) -> bool:
        """Whether it is not given up before a unit: only as many earlier ones are looked at as it takes to know."""
        goal, size = _goal(self.prepared, self.wanted), self.prepared.recipe.output.unit_documents
        kept = 0
        for earlier in range(unit):
            if not goal.is_hopeless(unit * size, kept):
                return True
            kept += self._unit(earlier).counts.kept
            if goal.is_hopeless((earlier + 1) * size, kept):
                return False
        return True

    def _table(self, unit: int) -> pa.Table:
        return read_table(self._unit(unit).output, row_schema(tokens=self.prepared.recipe.tokens).names)

    def _unit(self, unit: int) -> Receipt[SynthesisCounts]:
        """One unit, made now unless it is there; a lock keeps two processes from making the same one."""
        prepared = self.prepared
        with self.run.workspace.exclusive(f"{prepared.units_folder.name}-{unit}"):
            self.run.map("retrieve", [prepared.retrieve(unit)], prepared.identity)
            [made] = self.run.map("synthesise", [prepared.synthesise(unit)], prepared.identity)
        return made

    def _row_groups(self, table: pa.Table) -> Iterator[pa.Table]:
        for start, stop in row_groups(table, self.prepared.recipe.output.row_group_bytes):
            yield table.slice(start, stop - start)


def _goal(prepared: Prepared, wanted: int) -> Goal:
    """So many rows, unless hardly any candidate gives one."""
    tries, size = prepared.recipe.meta_documents.tries_for_a_row, prepared.recipe.output.unit_documents
    return Goal(rows=wanted, units=prepared.units, rows_in_unit=size, patience=tries, unit_candidates=size)


def _wanted(prepared: Prepared, rows: int | None) -> int:
    """How many rows to make: fewer than were asked for where there are not so many candidates."""
    wanted = wanted_rows(prepared.recipe, prepared.store, prepared.characters_per_token[0], rows)
    return min(wanted, prepared.eligible_documents)


def _selection(counts: Sequence[SelectionCounts]) -> SelectionRecord:
    """What the manifest tells of the selection in all units."""
    passed_over = sum((Counter(one.passed_over) for one in counts), Counter[str]())
    return SelectionRecord(
        passed_over=dict(sorted(passed_over.items())),
        relaxed=sum(one.relaxed for one in counts),
        cut_samples=sum(one.cut_samples for one in counts),
        cut_meta_chunks=sum(one.cut_meta_chunks for one in counts),
    )


def _mean_recall(answers: Sequence[Receipt[RetrieveCounts]]) -> float | None:
    """Mean over one query of each unit; None when retrieval is exact."""
    measured = [receipt.counts.recall for receipt in answers if receipt.counts.recall is not None]
    return round(sum(measured) / len(measured), 4) if measured else None


PRODUCER = SynthesisProducer()
