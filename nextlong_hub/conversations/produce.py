"""Conversations become documents under a chat template, in the seeded order, and documents share rows.

corpus ▶ parse ▶ layout ▶ tokens ▶ packing
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextlong_hub.conversations.assemble import ConversationBuilder
from nextlong_hub.conversations.check import ConversationChecker
from nextlong_hub.conversations.parse import record_columns
from nextlong_hub.conversations.tasks import ConversationCounts, ConverseUnit
from nextlong_hub.core.files import digest_of, written_aside
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus import DEMO, MemorySource, memory_source
from nextlong_hub.corpus.ingest import Source, read_corpus
from nextlong_hub.corpus.order import seeded_order
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.manifest import ConfigRecord, ConversationRecord
from nextlong_hub.dataset.write import PackedRows, outcome_record
from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.execution.run import Run
from nextlong_hub.method.settings import WHOLE_DOCUMENT
from nextlong_hub.producer import Checker, Evidence, Job, Pool, Produced, Producer, corpus_record, units_until
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import UnitRange
from nextlong_hub.tokenization import Tokenizer, find_template
from nextlong_hub.tokenization.tasks import TokenizerReference, measure_characters_per_token

_GUESSED_CHARACTERS_PER_TOKEN = 4
"""Tells how many units to run at a time when only some rows are wanted; never what is in a row."""


class ConversationProducer(Producer):
    """Rows are whole conversations under a chat template, packed, with a loss mask on the answers."""

    name = "conversations"
    reads = "conversations"
    unpredictable = (
        "are conversations, which are only rendered and packed; build them without --dry-run, with --samples 1 to see "
        "a first row"
    )

    def resolve(self, recipe: Recipe, tokenizer: Tokenizer) -> Recipe:
        """The recipe with its chat template written out: what is published must not depend on a file that may change.

        Raises:
            RecipeError: there is no template, or it cannot be used with this tokenizer.
            AuthError, NetworkError, StorageError: the tokenizer's files cannot be fetched or read.
        """
        settings = recipe.conversations
        if settings is None:
            raise RecipeError(f"recipe {recipe.name} has no section [conversations]; add one")
        template = find_template(settings.chat_template, settings.template_variables, tokenizer)
        chosen = {"chat_template": template.text, "template_variables": dict(template.variables)}
        resolved = recipe.model_copy(update={"conversations": settings.model_copy(update=chosen)})
        ConversationBuilder(resolved, tokenizer)  # a template that cannot be used is told before anything is read
        return resolved

    def sources(self, sources: Sequence[Source], recipes: Sequence[Recipe]) -> tuple[Source, ...]:
        """The sources, read as conversations.

        Raises:
            RecipeError: two recipes look for conversations in different columns; or only the embedded corpus is there.
        """
        wanted = {record_columns(recipe.conversations) for recipe in recipes if recipe.conversations}
        if len(wanted) > 1:
            raise RecipeError(
                "the recipes of this run look for conversations in different columns; build them apart, each into an "
                "--output of its own"
            )
        [columns] = wanted
        if any(isinstance(source, SourceSettings) and source.path == DEMO for source in sources):
            raise RecipeError(
                "the embedded corpus holds texts and no conversations; name a corpus of conversations and the "
                "tokenizer of the model you train: --corpus and --tokenizer, or corpus= and tokenizer="
            )
        return tuple(
            memory_source(source.dataset, source.name, id_column=source.id_column, record_columns=columns)
            if isinstance(source, MemorySource)
            else source.model_copy(update={"record_columns": columns})
            for source in sources
        )

    def read(self, run: Run, job: Job) -> ChunkStore:
        """The conversations of the corpus, each a chunk of its own."""
        return read_corpus(run, job.inputs.corpus, replace(job.recipe.reading, chunking=WHOLE_DOCUMENT))

    def produce(self, run: Run, job: Job, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`."""
        recipe, tokenizer = job.recipe, job.inputs.tokenizer
        identity = digest_of([recipe.fingerprint, store.id, tokenizer.digest, job.inputs.seed])
        measured = measure_characters_per_token(store, tokenizer)
        pool = Pool(store=store, sources=job.inputs.corpus.sources, characters_per_token=measured, seed=job.inputs.seed)
        tasks = _tasks(run, job, pool, identity)
        gathered = PackedRows(recipe)
        counts: list[ConversationCounts] = []

        def run_units(units: range) -> int:
            receipts = run.map(f"converse {recipe.name}", tasks[units.start : units.stop], identity)
            gathered.take(receipts)
            counts.extend(receipt.counts for receipt in receipts)
            return gathered.rows

        expected_rows = Fraction(store.summary.characters, _GUESSED_CHARACTERS_PER_TOKEN * recipe.target_length)
        units_until(job.rows, len(tasks), max(Fraction(1), expected_rows) / len(tasks), run_units)
        outcome = outcome_record(counts, store.documents)
        if not outcome.kept:
            raise CorpusTooSmallError(
                f"recipe {recipe.name}: none of {store.documents:,} conversations became a document "
                f"({listed(outcome.discarded)}); check the corpus, or set conversations.form and conversations.columns"
            )
        return Produced(
            recipe=recipe,
            rows=gathered.finish(job.rows),
            outcome=outcome,
            corpus=corpus_record(job.inputs.corpus, store),
            characters_per_token=measured,
            store=None,
            counts={"unanswered": sum(one.unanswered for one in counts)},
        )

    def describe(self, record: ConfigRecord, produced: Produced, folder: Path) -> ConfigRecord:
        """What is learnt from the conversations, counted in the published files."""
        messages: Counter[str] = Counter()
        learnt = 0
        for file in record.files:
            table = shards.read_table(folder / file.path, ["loss_mask", "segments"])
            learnt += int(pc.sum(pc.list_flatten(table["loss_mask"])).as_py() or 0)
            roles = pc.struct_field(pc.list_flatten(table["segments"]), "role")
            messages.update({entry["values"]: entry["counts"] for entry in pc.value_counts(roles).to_pylist()})
        spoken = ConversationRecord(
            messages=dict(sorted(messages.items())), learnt_tokens=learnt, unanswered=produced.counts["unanswered"]
        )
        return record.model_copy(update={"conversations": spoken})

    def checker(self, evidence: Evidence) -> Checker:
        """See `Producer.checker`."""
        return ConversationChecker(evidence)

    def candidates(self, recipe: Recipe, pool: Pool) -> NDArray[np.int64]:
        """See `Producer.candidates`: every conversation, in the seeded order."""
        return seeded_order(pool.store, np.arange(pool.store.documents), pool.sources, pool.seed)


PRODUCER = ConversationProducer()


def _tasks(run: Run, job: Job, pool: Pool, identity: str) -> list[ConverseUnit]:
    """The tasks of all units; the order of the conversations lies in a file."""
    folder = run.workspace.units(job.recipe.name, identity)
    with written_aside(folder / "order.npy") as aside, aside.open("wb") as handle:
        np.save(handle, PRODUCER.candidates(job.recipe, pool))
    size, documents = job.recipe.output.unit_documents, pool.store.documents
    return [
        ConverseUnit(
            key=f"unit-{unit:05d}",
            output=folder / f"unit-{unit:05d}.parquet",
            store=pool.store.folder,
            unit=UnitRange(order=folder / "order.npy", start=start, stop=min(start + size, documents)),
            recipe=job.recipe,
            tokenizer=TokenizerReference.of(job.inputs.tokenizer),
        )
        for unit, start in enumerate(range(0, documents, size))
    ]
