"""What a worker does to synthesise: the answers of one unit, and the text they lead to, become rows."""

from dataclasses import dataclass
from typing import ClassVar

from nextlong_hub.corpus.store import open_store
from nextlong_hub.dataset.write_tasks import UnitCounts, write_samples
from nextlong_hub.execution.base import InputPath, Task
from nextlong_hub.producer import RowSizes
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import UnitRange, read_answers
from nextlong_hub.synthesis.assemble import BuiltSample, SampleBuilder, TokenizerContext
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
class SynthesisCounts(UnitCounts):
    """What became of the candidates of one unit."""

    near_duplicates: int
    """Retrieved chunks passed over as near-copies of a meta-chunk."""
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
        outcomes = [one.sample if isinstance(one, BuiltSample) else one for one in built]
        counts = write_samples(self.output, outcomes, self.recipe)
        return counts.extended(
            SynthesisCounts,
            near_duplicates=builder.near_duplicates,
            sizes=RowSizes(
                target_length=self.recipe.target_length,
                rows=tuple((len(one.sample.text), *one.token_counts) for one in built if isinstance(one, BuiltSample)),
            ),
        )
