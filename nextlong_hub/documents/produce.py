"""The producer of the kind `documents`: whole documents, fitted to a length one by one or packed into shared rows."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from nextlong_hub.core.files import digest_of
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import read_corpus
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.corpus_description import corpus_record
from nextlong_hub.dataset.write import Gathered, PackedRows, PlainRows, outcome_record
from nextlong_hub.dataset.write_tasks import UnitCounts
from nextlong_hub.documents.check import DocumentChecker
from nextlong_hub.documents.fit import refuse_packed_rows, require_room, rows_of, whole_documents
from nextlong_hub.documents.tasks import FitUnit, unit_ranges
from nextlong_hub.errors import CorpusTooSmallError, argument
from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.waves import Goal, run_waves
from nextlong_hub.producer import (
    GUESSED_CHARACTERS_PER_TOKEN,
    Produced,
    Producer,
    RowChecker,
    RowPlan,
    RowRequest,
    encoding_stage,
    special_tokens_of,
)
from nextlong_hub.recipe import Recipe
from nextlong_hub.tokenization import Tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference, measure_characters_per_token

UNIT_CHARACTERS = 4_194_304
"""Most characters in a unit of several documents."""


class DocumentProducer(Producer):
    """Rows are whole documents, as `fit` and `import` write them."""

    name = "documents"
    not_estimated = "are whole documents, which are only fitted; build them without --dry-run"

    def resolve(self, recipe: Recipe, tokenizer: Tokenizer) -> Recipe:
        """The recipe as it is.

        Raises:
            RecipeError: its special tokens leave no room for text.
        """
        require_room(recipe, tokenizer)
        return recipe

    def sources(self, sources: Sequence[Source], recipes: Sequence[Recipe]) -> tuple[Source, ...]:
        """The sources; of a dataset folder of ours its rows, rather than all that lies in it.

        Raises:
            DataError: such a folder has several configurations.
        """
        return tuple(map(rows_of, sources))

    def read(self, run: Run, request: RowRequest) -> ChunkStore:
        """The documents of the corpus, each a chunk of its own.

        Raises:
            DataError: a file holds packed rows, or cannot be read.
        """
        refuse_packed_rows(request.inputs.corpus)
        return read_corpus(run, request.inputs.corpus, whole_documents(request.recipe))

    def stages(self, request: RowRequest, store: ChunkStore, plan: RowPlan | None) -> Sequence[ExpectedStage]:
        """See `Producer.stages`."""
        return [encoding_stage("fit", request, store)]

    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`."""
        recipe, tokenizer = request.recipe, request.inputs.tokenizer
        special = special_tokens_of(recipe, [tokenizer])
        identity = digest_of([recipe.fingerprint, store.id, tokenizer.digest, special.bos, special.eos])
        folder = run.workspace.units(recipe.name, identity)
        ranges = unit_ranges(store.document_characters, recipe.output.unit_documents, UNIT_CHARACTERS)
        tasks = [
            FitUnit(
                key=f"unit-{unit:05d}",
                output=folder / f"unit-{unit:05d}.parquet",
                store=store.folder,
                start=start,
                stop=stop,
                recipe=recipe,
                tokenizer=TokenizerReference.of(tokenizer),
                special_tokens=special,
            )
            for unit, (start, stop) in enumerate(ranges)
        ]
        gathered: Gathered = PackedRows(recipe) if recipe.pack else PlainRows()
        counts: list[UnitCounts] = []

        def make(units: range) -> list[Receipt[UnitCounts]]:
            return run.map("fit", tasks[units.start : units.stop], identity)

        def take(receipts: Sequence[Receipt[UnitCounts]]) -> int:
            gathered.take(receipts)
            counts.extend(receipt.counts for receipt in receipts)
            return gathered.rows

        rows_in_unit = Fraction(_expected_rows(request, store), len(tasks))
        run_waves(run, Goal(rows=request.rows, units=len(tasks), rows_in_unit=rows_in_unit), make, take)
        outcome = outcome_record(counts, store.documents)
        if not outcome.kept:
            raise CorpusTooSmallError(
                f"none of {store.documents:,} texts became a row of {recipe.target_length:,} tokens "
                f"({listed(outcome.discarded)}); choose a {'longer' if recipe.pack else 'shorter'} "
                f"{argument('target')}, or leave "
                f"discard out of {argument('mode')}"
            )
        return Produced(
            recipe=recipe,
            rows=gathered.finish(request.rows),
            outcome=outcome,
            corpus=corpus_record(request.inputs.corpus, store),
            characters_per_token=measure_characters_per_token(store, tokenizer),
            store=None,
            counts={"split": sum(one.split for one in counts)},
        )

    def describe(self, record: ConfigRecord, produced: Produced, folder: Path) -> ConfigRecord:
        """See `Producer.describe`: of imported rows, how many are not what their text encodes to."""
        return record.model_copy(update={"not_exact": produced.counts.get("not_exact", 0)})

    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """See `Producer.checker`."""
        return DocumentChecker(recipe, tokenizer)


def _expected_rows(request: RowRequest, store: ChunkStore) -> int:
    """About how many rows all documents give."""
    if not request.recipe.pack:
        return store.documents
    return max(1, store.summary.characters // (GUESSED_CHARACTERS_PER_TOKEN * request.recipe.target_length))


PRODUCER = DocumentProducer()
