"""What a worker does to conversations: each becomes a document of its own, or is counted under the reason why not."""

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
        counts = write_documents(self.output, outcomes, self.recipe, masked=True)
        unanswered = sum(one.unanswered > 0 for one in built if isinstance(one, BuiltConversation))
        return counts.extended(ConversationCounts, unanswered=unanswered)


@lru_cache(maxsize=2)
def _builder_of(recipe: Recipe, tokenizer: TokenizerReference) -> ConversationBuilder:
    """A worker serves many tasks of one build: it opens the tokenizer and tries the template out once."""
    return ConversationBuilder(recipe, tokenizer.open())
