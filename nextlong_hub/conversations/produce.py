"""Conversations become the rows of a configuration: read, put into the seeded order, run as units, packed.

corpus ▶ instruct ▶ tokens ▶ packing ▶ shards
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from nextlong_hub.conversations import record_columns
from nextlong_hub.conversations.assemble import ChatBench
from nextlong_hub.core.files import digest_of, written_aside
from nextlong_hub.corpus import MemorySource, memory_source
from nextlong_hub.corpus.discovery import DEMO
from nextlong_hub.corpus.ingest import FoundCorpus, Source, read_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.manifest import ConversationRecord, SynthesisRecord
from nextlong_hub.dataset.packing_plan import Planner
from nextlong_hub.dataset.write import ChosenRows
from nextlong_hub.errors import CorpusTooSmallError, RecipeError
from nextlong_hub.execution.base import Executor, Receipt, Task
from nextlong_hub.execution.progress import Stages
from nextlong_hub.execution.receipts import count_discards, listed
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.method.settings import ChunkingSettings
from nextlong_hub.producer import Inputs
from nextlong_hub.recipe import Recipe
from nextlong_hub.synthesis import sampling as plan
from nextlong_hub.tokenization import Tokenizer, find_template

_WHOLE_CONVERSATION = 2**31 - 1
"""Characters in a chunk: no conversation is longer, so each is a single one."""
_GUESSED_CHARACTERS_PER_TOKEN = 4
"""Tells how many units to run at a time when only some rows are wanted; never what is in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversed:
    """The rows of a configuration of conversations, ready to be filed."""

    store: ChunkStore
    chosen: ChosenRows
    unanswered: int
    """Conversations whose end was left out because no answer followed."""


def resolve_templates(recipes: Sequence[Recipe], tokenizer: Tokenizer) -> tuple[Recipe, ...]:
    """The recipes with their chat templates written out: what is published must not depend on a file that may change.

    Raises:
        RecipeError: recipes of conversations and of texts were named together; there is no template, or it cannot be
            used with this tokenizer.
        AuthError, NetworkError, StorageError: the tokenizer's files cannot be fetched or read.
    """
    spoken = [recipe.name for recipe in recipes if recipe.conversations]
    others = [recipe.name for recipe in recipes if not recipe.conversations]
    if spoken and others:
        raise RecipeError(
            f"{', '.join(spoken)} is made from conversations and {', '.join(others)} from texts, but one run has one "
            "corpus; build them apart, each into an --output of its own"
        )
    resolved = []
    for recipe in recipes:
        if recipe.conversations is not None:
            settings = recipe.conversations
            template = find_template(settings.chat_template, settings.template_variables, tokenizer)
            chosen = {"chat_template": template.text, "template_variables": dict(template.variables)}
            recipe = recipe.model_copy(update={"conversations": settings.model_copy(update=chosen)})
            ChatBench(recipe, tokenizer)  # a template that cannot be used is told before anything is read
        resolved.append(recipe)
    return tuple(resolved)


def conversation_sources(sources: Sequence[Source], recipes: Sequence[Recipe]) -> tuple[Source, ...]:
    """The sources, read as conversations where the recipes are made from them.

    Raises:
        RecipeError: two recipes look for conversations in different columns; or only the embedded corpus is there.
    """
    wanted = {record_columns(recipe.conversations) for recipe in recipes if recipe.conversations}
    if not wanted:
        return tuple(sources)
    if len(wanted) > 1:
        raise RecipeError(
            "the recipes of this run look for conversations in different columns; build them apart, each into an "
            "--output of its own"
        )
    [columns] = wanted
    if any(isinstance(source, SourceSettings) and source.path == DEMO for source in sources):
        raise RecipeError(
            "the embedded corpus holds texts and no conversations; name a corpus of conversations and the tokenizer of "
            "the model you train: --corpus and --tokenizer, or corpus= and tokenizer="
        )
    read: list[Source] = []
    for source in sources:
        if isinstance(source, MemorySource):
            again = memory_source(source.dataset, source.name, id_column=source.id_column, record_columns=columns)
            read.append(again)
        else:
            read.append(source.model_copy(update={"record_columns": columns}))
    return tuple(read)


def converse(
    workspace: Workspace, recipe: Recipe, inputs: Inputs, rows: int | None, executor: Executor, stages: Stages
) -> Conversed:
    """Make the documents of a configuration and plan which of them share a row.

    Args:
        workspace: where finished work lies.
        recipe: the configuration, its chat template resolved.
        inputs: what it is made from.
        rows: how many are wanted; None takes every conversation.
        executor: where the units run.
        stages: hears about them.

    Raises:
        DataError: the corpus cannot be read.
        CorpusTooSmallError: no conversation gave a document.
        StorageError: no space, or no permission.
    """
    store = read_conversations(workspace, recipe, inputs.corpus, executor, stages)
    identity = digest_of([recipe.fingerprint, store.id, inputs.tokenizer.digest, inputs.seed])
    folder = workspace.units(recipe.name, identity)
    order = plan.seeded_order(store, np.arange(store.documents), inputs.corpus.sources, inputs.seed)
    with written_aside(folder / "order.npy") as aside, aside.open("wb") as handle:
        np.save(handle, order)
    tasks = _tasks(folder, recipe, inputs, store)
    planner = Planner(recipe)
    receipts: list[Receipt] = []
    while len(receipts) < len(tasks) and (rows is None or planner.rows < rows):
        own = tasks[len(receipts) :]
        if rows is not None:
            expected = int(store.summary["characters"]) / (_GUESSED_CHARACTERS_PER_TOKEN * recipe.target_length)
            own = own[: math.ceil((rows - planner.rows) * len(tasks) / max(1.0, expected))]
        done = stages.run(f"converse {recipe.name}", "units", own, executor, workspace.receipts(identity))
        for receipt in done:
            planner.add_unit(receipt.output, receipt.counts["row_bytes"])
        receipts += done
    record = _record(store, receipts)
    if not record.kept:
        raise CorpusTooSmallError(
            f"recipe {recipe.name}: none of {store.documents:,} conversations became a document "
            f"({listed(record.discarded)}); check the corpus, or set conversations.form and conversations.columns"
        )
    chosen = ChosenRows(rows=(), mean_row_bytes={}, synthesis=record, mixture={}, packed=planner.finish(rows))
    return Conversed(store=store, chosen=chosen, unanswered=sum(receipt.counts["unanswered"] for receipt in receipts))


def read_conversations(
    workspace: Workspace, recipe: Recipe, found: FoundCorpus, executor: Executor, stages: Stages
) -> ChunkStore:
    """The conversations of a corpus, each a chunk of its own.

    Raises:
        DataError, StorageError: see `preparation.read_corpus`.
    """
    whole = recipe.model_copy(update={"chunking": ChunkingSettings(chunk_characters=_WHOLE_CONVERSATION)})
    return read_corpus(workspace, whole, found, executor, stages)


def conversation_record(files: Sequence[Path], conversed: Conversed) -> ConversationRecord:
    """What the published files hold, counted in them."""
    messages: Counter[str] = Counter()
    learnt = 0
    for file in files:
        table = shards.read_table(file, ["loss_mask", "segments"])
        learnt += int(pc.sum(pc.list_flatten(table["loss_mask"])).as_py() or 0)
        roles = pc.struct_field(pc.list_flatten(table["segments"]), "role")
        messages.update({entry["values"]: entry["counts"] for entry in pc.value_counts(roles).to_pylist()})
    return ConversationRecord(
        messages=dict(sorted(messages.items())), learnt_tokens=learnt, unanswered=conversed.unanswered
    )


def _tasks(folder: Path, recipe: Recipe, inputs: Inputs, store: ChunkStore) -> list[Task]:
    size = recipe.output.unit_documents
    return [
        Task(
            stage="converse",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.conversations.tasks:converse",
            inputs={"store": str(store.folder), "order": str(folder / "order.npy")},
            output=str(folder / f"unit-{unit:05d}.parquet"),
            parameters={
                "recipe": recipe.model_dump(mode="json"),
                "start": unit * size,
                "stop": min((unit + 1) * size, store.documents),
                "tokenizer": inputs.tokenizer.location,
                "tokenizer_digest": inputs.tokenizer.digest,
            },
        )
        for unit in range(-(-store.documents // size))
    ]


def _record(store: ChunkStore, receipts: Sequence[Receipt]) -> SynthesisRecord:
    counted = ("candidates", "kept", "truncated", "truncated_tokens")
    total = {name: sum(receipt.counts[name] for receipt in receipts) for name in counted}
    return SynthesisRecord(
        eligible_documents=store.documents,
        not_eligible={},
        discarded=count_discards(receipts),
        queries=0,
        unanswered=0,
        recall=None,
        near_duplicates=0,
        **total,
    )
