"""What a worker does to conversations: each becomes a document of its own, or is counted under the reason why not."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from nextlong_hub.conversations.assemble import BuiltConversation, ConversationBuilder
from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import PackableDocument, UnitCounts, write_documents
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import UnitRange
from nextlong_hub.tokenization.tasks import TokenizerReference


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationCounts(UnitCounts):
    """What became of the conversations of one unit."""

    unanswered: int
    """Conversations whose end was left out because no answer followed."""
    unused: dict[str, int]
    """Kept conversations with a field that nothing used, or that the chat template did not write, by its name."""
    not_learnt: int
    """Answers that are not trained on."""
    with_inputs: int
    """Kept conversations whose chat template was given more than words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderConversations(Task[ConversationCounts]):
    """Turn conversations into documents, a row each, to be packed later."""

    stage: ClassVar[str] = "converse"

    store: InputPath
    unit: UnitRange
    recipe: Recipe
    """Its chat template is written out."""
    tokenizer: TokenizerReference

    def run(self) -> ConversationCounts:
        """See `Task.run`."""
        builder = _builder_of(self.recipe, self.tokenizer)
        store = open_store(self.store)
        documents = self.unit.documents()
        records = store.texts(store.first_chunk[documents])  # each conversation is one chunk
        built = [
            builder.make(*store.document(number), records[int(store.first_chunk[number])])
            for number in documents.tolist()
        ]
        outcomes = [
            PackableDocument(rows=(one.row,), truncated_tokens=one.truncated_tokens)
            if isinstance(one, BuiltConversation)
            else one
            for one in built
        ]
        counts = write_documents(self.output, outcomes, self.recipe, masked=True, inputs=True)
        kept = [one for one in built if isinstance(one, BuiltConversation)]
        unused = Counter(name for one in kept for name in one.unused)
        return counts.extended(
            ConversationCounts,
            unanswered=sum(one.unanswered > 0 for one in kept),
            unused=dict(sorted(unused.items())),
            not_learnt=sum(one.not_learnt for one in kept),
            with_inputs=sum(one.has_inputs for one in kept),
        )


@lru_cache(maxsize=2)
def _builder_of(recipe: Recipe, tokenizer: TokenizerReference) -> ConversationBuilder:
    """A worker serves many tasks of one build: it opens the tokenizer and tries the template out once."""
    return ConversationBuilder(recipe, tokenizer.open())
