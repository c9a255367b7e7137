"""What a worker does to synthesise: the answers of one unit, and the text they lead to, become rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import UnitCounts, write_samples
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.method.guard import PassedOver
from nextlong_hub.producer import RowSizes
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import UnitRange, read_answers
from nextlong_hub.synthesis.assemble import BuiltSample, SampleBuilder
from nextlong_hub.synthesis.known_chunks import TokenizerContext
from nextlong_hub.tokenization import SpecialTokens
from nextlong_hub.tokenization.tasks import CachedRounds, TokenizerReference


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerInput:
    """One tokenizer of a unit."""

    tokenizer: TokenizerReference
    cache: CachedRounds
    """Chunks it has tokenised before."""
    characters_per_token: float
    """Of the corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionCounts:
    """How the negatives of some samples were selected; see `manifest.SelectionRecord`."""

    passed_over: dict[str, int]
    relaxed: int
    cut_samples: int
    cut_meta_chunks: int

    @classmethod
    def of(cls, samples: Sequence[BuiltSample]) -> "SelectionCounts":
        """Those of samples."""
        passed_over = Counter[str]()
        for one in samples:
            passed_over.update({reason.value: number for reason, number in one.passed_over.items()})
        del passed_over[PassedOver.NEAR_DUPLICATE.value]  # counted by itself, and always
        return cls(
            passed_over=dict(sorted((+passed_over).items())),
            relaxed=sum(one.is_relaxed for one in samples),
            cut_samples=sum(one.cut_meta_chunks > 0 for one in samples),
            cut_meta_chunks=sum(one.cut_meta_chunks for one in samples),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisCounts(UnitCounts):
    """What became of the candidates of one unit."""

    near_duplicates: int
    """Retrieved chunks passed over as near-copies of a meta-chunk."""
    selection: SelectionCounts
    sizes: RowSizes


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesiseUnit(Task[SynthesisCounts]):
    """Turn the retriever's answers into rows: choose negatives, interleave, fit to the target length."""

    stage: ClassVar[str] = "synthesise"

    store: InputPath
    answers: InputPath
    unit: UnitRange
    recipe: Recipe
    special_tokens: SpecialTokens
    tokenizers: tuple[TokenizerInput, ...]

    def run(self) -> SynthesisCounts:
        """See `Task.run`."""
        builder = SampleBuilder(
            recipe=self.recipe,
            store=open_store(self.store),
            tokenizers=[
                TokenizerContext(
                    tokenizer=one.tokenizer.open(),
                    cache=one.cache.open(),
                    characters_per_token=one.characters_per_token,
                )
                for one in self.tokenizers
            ],
            special_tokens=self.special_tokens,
        )
        built = builder.synthesise(self.unit.documents(), read_answers(self.answers))
        samples = [one for one in built if isinstance(one, BuiltSample)]
        outcomes = [one.sample if isinstance(one, BuiltSample) else one for one in built]
        counts = write_samples(self.output, outcomes, self.recipe)
        return counts.extended(
            SynthesisCounts,
            near_duplicates=sum(one.passed_over[PassedOver.NEAR_DUPLICATE] for one in samples),
            selection=SelectionCounts.of(samples),
            sizes=RowSizes(
                target_length=self.recipe.target_length,
                rows=tuple((len(one.sample.text), *one.token_counts) for one in samples),
            ),
        )
