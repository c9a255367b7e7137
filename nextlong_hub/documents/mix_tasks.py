"""What a worker does with the ordinary documents of a mix: each is encoded whole, or left out."""

from dataclasses import dataclass
from typing import ClassVar

from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import UnitCounts, write_samples
from nextlong_hub.documents.lineage import whole_segment
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Reason, Sample
from nextlong_hub.retrieval.tasks import UnitRange
from nextlong_hub.tokenization import SpecialTokens, Tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDocuments(Task[UnitCounts]):
    """Turn documents into rows of their own, to share rows later."""

    stage: ClassVar[str] = "take"

    store: InputPath
    """Each of its documents is one chunk."""
    unit: UnitRange
    recipe: Recipe
    most_tokens: int
    """Of a document, its special tokens included."""
    tokenizer: TokenizerReference
    special_tokens: SpecialTokens

    def run(self) -> UnitCounts:
        """See `Task.run`."""
        store, tokenizer = open_store(self.store), self.tokenizer.open()
        documents = self.unit.documents()
        texts = store.texts(store.first_chunk[documents])
        outcomes = [
            self._take(tokenizer, *store.document(number), texts[int(store.first_chunk[number])])
            for number in documents.tolist()
        ]
        return write_samples(self.output, outcomes, self.recipe)

    def _take(self, tokenizer: Tokenizer, identity: str, source: str, text: str) -> Sample | Discarded:
        text_ids = tokenizer.encode(text)
        input_ids = self.special_tokens.around(text_ids)
        if not len(text_ids) or len(input_ids) > self.most_tokens:
            reason = Reason.OVER_TARGET if len(text_ids) else Reason.NO_TOKENS
            return Discarded(meta_document=identity, reason=reason, tokens=len(text_ids))
        if self.recipe.repetition.found_in(input_ids):
            return Discarded(meta_document=identity, reason=Reason.REPEATED_ON_END, tokens=len(text_ids))
        return Sample(
            id=f"{self.recipe.name}/{identity}",
            text=text,
            input_ids=input_ids,
            meta_document=identity,
            source=source,
            segments=(whole_segment(identity, len(text), len(text_ids)),),
            truncated_tokens=0,
        )
