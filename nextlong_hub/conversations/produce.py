"""The producer of the kind `conversations`: documents under a chat template, in the seeded order, that share rows.

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
from nextlong_hub.conversations.forms.base import FORMS
from nextlong_hub.conversations.parse import record_columns, settings_of, what_is_in
from nextlong_hub.conversations.tasks import ConversationCounts, RenderConversations
from nextlong_hub.core.files import digest_of, write_array
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus import DEMO
from nextlong_hub.corpus.in_memory import Source, with_settings
from nextlong_hub.corpus.ingest import read_corpus
from nextlong_hub.corpus.order import seeded_order
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.config_record import ConfigRecord, ConversationRecord
from nextlong_hub.dataset.corpus_description import corpus_record
from nextlong_hub.dataset.schema import LOSS_MASK
from nextlong_hub.dataset.write import PackedRows, outcome_record
from nextlong_hub.errors import CorpusTooSmallError, RecipeError, argument
from nextlong_hub.execution.base import Receipt
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.waves import Goal, run_waves
from nextlong_hub.method.settings import WHOLE_DOCUMENT
from nextlong_hub.producer import (
    GUESSED_CHARACTERS_PER_TOKEN,
    CandidatePool,
    Produced,
    Producer,
    RowChecker,
    RowPlan,
    RowRequest,
    encoding_stage,
)
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Reason
from nextlong_hub.retrieval.tasks import UnitRange
from nextlong_hub.tokenization import Tokenizer, find_template, template_name
from nextlong_hub.tokenization.tasks import TokenizerReference, measure_characters_per_token


class ConversationProducer(Producer):
    """Rows are whole conversations under a chat template, packed, with a loss mask on the answers."""

    name = "conversations"
    reads = "conversations"
    title = "Packed conversations of"
    tags = ("conversational",)
    not_estimated = (
        "are conversations, which are only rendered and packed; build them without --dry-run, with "
        f"{argument('samples', 1)} to see "
        "a first row"
    )

    def resolve(self, recipe: Recipe, tokenizer: Tokenizer) -> Recipe:
        """The recipe with its chat template written out: what is published must not depend on a file that may change.

        Raises:
            RecipeError: there is no template, or it cannot be used with this tokenizer.
            AuthError, NetworkError, StorageError: the tokenizer's files cannot be fetched or read.
        """
        settings = settings_of(recipe)
        template = find_template(settings.chat_template, settings.template_variables, tokenizer)
        chosen = {"chat_template": template.text, "template_variables": dict(template.variables)}
        resolved = recipe.model_copy(update={"conversations": settings.model_copy(update=chosen)})
        ConversationBuilder(resolved, tokenizer)  # refuse a template that cannot be used before anything is read
        return resolved

    def sources(self, sources: Sequence[Source], recipes: Sequence[Recipe]) -> tuple[Source, ...]:
        """The sources, read as conversations.

        Raises:
            RecipeError: a recipe has no section `[conversations]`, two look for conversations in different columns, or
                the embedded corpus is named, which has none.
        """
        wanted = {record_columns(settings_of(recipe)) for recipe in recipes}
        if len(wanted) > 1:
            raise RecipeError(
                "the recipes of this run look for conversations in different columns; build them apart, each into an "
                f"{argument('output')} of its own"
            )
        [columns] = wanted
        if any(isinstance(source, SourceSettings) and source.path == DEMO for source in sources):
            raise RecipeError(
                "the embedded corpus holds texts and no conversations; name a corpus of conversations and the "
                f"tokenizer of the model you train: {argument('corpus')} and {argument('tokenizer')}"
            )
        return tuple(with_settings(source, record_columns=columns) for source in sources)

    def read(self, run: Run, request: RowRequest) -> ChunkStore:
        """The conversations of the corpus, each a chunk of its own."""
        return read_corpus(run, request.inputs.corpus, replace(request.recipe.reading, chunking=WHOLE_DOCUMENT))

    def stages(self, request: RowRequest, store: ChunkStore, plan: RowPlan | None) -> Sequence[ExpectedStage]:
        """See `Producer.stages`."""
        return [encoding_stage(f"converse {request.recipe.name}", request, store)]

    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`."""
        recipe, tokenizer = request.recipe, request.inputs.tokenizer
        identity = digest_of([recipe.fingerprint, store.id, tokenizer.digest, request.inputs.seed])
        measured = measure_characters_per_token(store, tokenizer)
        pool = CandidatePool(
            store=store, sources=request.inputs.corpus.sources, characters_per_token=measured, seed=request.inputs.seed
        )
        tasks = _tasks(run, request, pool, identity)
        gathered = PackedRows(recipe)
        counts: list[ConversationCounts] = []

        def make(units: range) -> list[Receipt[ConversationCounts]]:
            return run.map(f"converse {recipe.name}", tasks[units.start : units.stop], identity)

        def take(receipts: Sequence[Receipt[ConversationCounts]]) -> int:
            gathered.take(receipts)
            counts.extend(receipt.counts for receipt in receipts)
            return gathered.rows

        expected_rows = Fraction(store.summary.characters, GUESSED_CHARACTERS_PER_TOKEN * recipe.target_length)
        rows_in_unit = max(Fraction(1), expected_rows) / len(tasks)
        run_waves(run, Goal(rows=request.rows, units=len(tasks), rows_in_unit=rows_in_unit), make, take)
        outcome = outcome_record(counts, store.documents)
        if not outcome.kept:
            first = store.texts(np.zeros(1, np.int64))[0]
            remedies = [words for reason, words in _REMEDIES.items() if reason.value in outcome.discarded]
            raise CorpusTooSmallError(
                f"recipe {recipe.name}: none of {store.documents:,} conversations became a document "
                f"({listed(outcome.discarded)}); {', or '.join(['check the corpus', *remedies])}; "
                f"{what_is_in(first, settings_of(recipe))}"
            )
        with_inputs = sum(one.with_inputs for one in counts)
        chosen = gathered.finish(request.rows)
        return Produced(
            recipe=recipe,
            rows=chosen if with_inputs else replace(chosen, left_out=("template_inputs",)),
            outcome=outcome,
            corpus=corpus_record(request.inputs.corpus, store),
            characters_per_token=measured,
            store=None,
            counts={
                "unanswered": sum(one.unanswered for one in counts),
                "not_learnt": sum(one.not_learnt for one in counts),
                "with_inputs": with_inputs,
            },
            said={"template": template_name(settings_of(recipe).chat_template, tokenizer)},
            unused=dict(sorted(sum((Counter(one.unused) for one in counts), Counter()).items())),
        )

    def describe(self, record: ConfigRecord, produced: Produced, folder: Path) -> ConfigRecord:
        """See `Producer.describe`: messages and learnt tokens, counted in the published files."""
        messages: Counter[str] = Counter()
        learnt = 0
        for file in record.files:
            table = shards.read_table(folder / file.path, [LOSS_MASK, "segments"])
            learnt += int(pc.sum(pc.list_flatten(table[LOSS_MASK])).as_py() or 0)
            roles = pc.struct_field(pc.list_flatten(table["segments"]), "role")
            messages.update({entry["values"]: entry["counts"] for entry in pc.value_counts(roles).to_pylist()})
        conversations = ConversationRecord(
            messages=dict(sorted(messages.items())),
            learnt_tokens=learnt,
            unused=dict(produced.unused),
            **produced.counts,
            **produced.said,
        )
        return record.model_copy(update={"conversations": conversations})

    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """See `Producer.checker`."""
        return ConversationChecker(recipe, tokenizer)

    def candidates(self, recipe: Recipe, pool: CandidatePool) -> NDArray[np.int64]:
        """See `Producer.candidates`: every conversation, in the seeded order."""
        return seeded_order(pool.store, np.arange(pool.store.documents), pool.sources, pool.seed)


_REMEDIES = {
    Reason.UNPARSEABLE: f"set conversations.form ({', '.join(FORMS)}) and conversations.columns",
    Reason.UNSUPPORTED: "name a model's own template that writes calls of tools as conversations.chat_template",
    Reason.MEDIA: "leave out what is about images, sound or video, which no row can hold",
    Reason.OVER_TARGET: "set a longer target_length",
}
"""What may help where no conversation is kept, by the reasons why."""

PRODUCER = ConversationProducer()


def _tasks(run: Run, request: RowRequest, pool: CandidatePool, identity: str) -> list[RenderConversations]:
    """The tasks of all units; the order of the conversations lies in a file."""
    folder = run.workspace.units(request.recipe.name, identity)
    order = folder / "order.npy"
    write_array(order, PRODUCER.candidates(request.recipe, pool))
    size, documents = request.recipe.output.unit_documents, pool.store.documents
    return [
        RenderConversations(
            key=f"unit-{unit:05d}",
            output=folder / f"unit-{unit:05d}.parquet",
            store=pool.store.folder,
            unit=UnitRange(order=order, start=start, stop=min(start + size, documents)),
            recipe=request.recipe,
            tokenizer=TokenizerReference.of(request.inputs.tokenizer),
        )
        for unit, start in enumerate(range(0, documents, size))
    ]
