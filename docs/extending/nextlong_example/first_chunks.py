"""A kind of recipe: each row is the first chunk of one document, whatever its length, up to that of a row.

producer = "first-chunks"
options = { fewest_tokens = 16 }
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from nextlong_hub.core.files import digest_of
from nextlong_hub.core.settings import Section
from nextlong_hub.corpus.store import ChunkStore, open_store
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.corpus_description import corpus_record
from nextlong_hub.dataset.write import PlainRows, outcome_record
from nextlong_hub.dataset.write_tasks import UnitCounts, write_samples
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.execution.run import Run
from nextlong_hub.producer import Produced, Producer, RowChecker, RowRequest, special_tokens_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Discarded, Reason, Sample, Segment
from nextlong_hub.synthesis.check import SampleChecker
from nextlong_hub.tokenization import Tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference, measure_characters_per_token


class Options(Section):
    """What such a recipe may set."""

    fewest_tokens: int = Field(default=1, ge=1)
    """Shorter first chunks give no row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFirstChunks(Task[UnitCounts]):
    """Write the rows of some documents."""

    stage: ClassVar[str] = "first-chunks"

    store: InputPath
    start: int
    """First document."""
    stop: int
    recipe: Recipe
    tokenizer: TokenizerReference

    def run(self) -> UnitCounts:
        """See `Task.run`."""
        store = open_store(self.store)
        rows = [self._row(store, number) for number in range(self.start, self.stop)]
        return write_samples(self.output, rows, self.recipe)

    def _row(self, store: ChunkStore, number: int) -> Sample | Discarded:
        identity, source = store.document(number)
        [text] = store.texts(np.array([store.first_chunk[number]])).values()
        tokenizer = self.tokenizer.open()
        ids = tokenizer.encode(text)
        special = special_tokens_of(self.recipe, [tokenizer])
        total = len(ids) + special.tokens
        is_short = len(ids) < Options.model_validate(self.recipe.options).fewest_tokens
        if is_short or total > self.recipe.target_length:
            reason = Reason.BELOW_TARGET if is_short else Reason.OVER_TARGET
            return Discarded(meta_document=identity, reason=reason, tokens=total)
        whole = Segment(
            role="meta", document=identity, chunk=0, start=0, end=len(text), tokens=len(ids), rank=0, score=0.0
        )
        return Sample(
            id=f"{self.recipe.name}/{identity}",
            text=text,
            input_ids=special.around(ids),
            meta_document=identity,
            source=source,
            segments=(whole,),
            truncated_tokens=0,
        )


class FirstChunkChecker(SampleChecker):
    """Checks rows of one segment."""

    may_be_shorter = True

    def shape_faults(self, row: Mapping[str, Any]) -> Iterator[str]:
        """See `RowChecker.shape_faults`."""
        return self.segment_faults(row)

    def corpus_faults(self, row: Mapping[str, Any], corpus: CorpusTexts) -> Iterator[str]:
        """See `RowChecker.corpus_faults`."""
        if corpus.texts([(row["meta_document"], 0)]) != [row["text"]]:
            yield "its text is not the first chunk of its document"


class FirstChunkProducer(Producer):
    """What it is called, what it takes, how its rows are made, and what checks them; the rest is the same for all."""

    name = "first-chunks"
    options = Options

    def produce(self, run: Run, request: RowRequest, store: ChunkStore, index: Path | None) -> Produced:
        """See `Producer.produce`: a task for each unit of documents."""
        recipe, tokenizer = request.recipe, request.inputs.tokenizer
        identity = digest_of([recipe.fingerprint, store.id, tokenizer.digest])
        folder = run.workspace.units(recipe.name, identity)
        tasks = [
            TakeFirstChunks(
                key=f"unit-{start:07d}",
                output=folder / f"unit-{start:07d}.parquet",
                store=store.folder,
                start=start,
                stop=min(start + recipe.output.unit_documents, store.documents),
                recipe=recipe,
                tokenizer=TokenizerReference.of(tokenizer),
            )
            for start in range(0, store.documents, recipe.output.unit_documents)
        ]
        receipts = run.map(recipe.name, tasks, identity)
        rows = PlainRows()
        rows.take(receipts)
        return Produced(
            recipe=recipe,
            rows=rows.finish(request.rows),
            outcome=outcome_record([receipt.counts for receipt in receipts], store.documents),
            corpus=corpus_record(request.inputs.corpus, store),
            characters_per_token=measure_characters_per_token(store, tokenizer),
            store=store,
        )

    def checker(self, recipe: Recipe, tokenizer: Tokenizer | None) -> RowChecker:
        """See `Producer.checker`."""
        return FirstChunkChecker(recipe, tokenizer)


PRODUCER = FirstChunkProducer()
