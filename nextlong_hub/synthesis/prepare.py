"""What must be known before the first unit of a configuration runs: its candidates, its measures, and its folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, write_array
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.run import Run
from nextlong_hub.producer import CandidatePool, Inputs, special_tokens_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import RetrieveUnit, UnitRange, likely_chunks
from nextlong_hub.synthesis.sampling import answer_length, choose_candidates, sample_characters
from nextlong_hub.synthesis.tasks import SynthesiseUnit, TokenizerInput
from nextlong_hub.tokenization import SpecialTokens
from nextlong_hub.tokenization.tasks import (
    ChunkTokenizer,
    TokenizerReference,
    chunk_tokenizer,
    measure_characters_per_token,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One configuration, ready for its units."""

    recipe: Recipe
    inputs: Inputs
    store: ChunkStore
    index: Path
    units_folder: Path
    identity: str
    """Digest of all that decides the units; it names the folder of their receipts."""
    characters_per_token: tuple[float, ...]
    """Of the corpus, under each tokenizer."""
    chunk_tokenizers: tuple[ChunkTokenizer, ...]
    """One for each tokenizer."""
    special_tokens: SpecialTokens
    answer_length: int
    """Hits asked for each meta-chunk."""
    eligible_documents: int
    not_eligible: dict[str, int]

    @property
    def units(self) -> int:
        """How many units there are in all."""
        return -(-self.eligible_documents // self.recipe.output.unit_documents)

    @property
    def order_path(self) -> Path:
        """The candidates in the order in which they are tried."""
        return self.units_folder / "order.npy"

    def retrieve(self, unit: int) -> RetrieveUnit:
        """The task that asks the retriever for one unit."""
        return RetrieveUnit(
            key=f"unit-{unit:05d}",
            output=self._answers(unit),
            store=self.store.folder,
            index=self.index,
            unit=self._range(unit),
            settings=self.recipe.retrieval,
            k=self.answer_length,
            sample_characters=sample_characters(self.recipe, max(self.characters_per_token)),
        )

    def synthesise(self, unit: int) -> SynthesiseUnit:
        """The task that makes the rows of one unit from its answers."""
        return SynthesiseUnit(
            key=f"unit-{unit:05d}",
            output=self.units_folder / f"unit-{unit:05d}.parquet",
            store=self.store.folder,
            answers=self._answers(unit),
            unit=self._range(unit),
            recipe=self.recipe,
            special_tokens=self.special_tokens,
            tokenizers=tuple(
                TokenizerInput(
                    tokenizer=TokenizerReference.of(tokenizer), cache=chunks.rounds, characters_per_token=measured
                )
                for tokenizer, measured, chunks in zip(
                    self.inputs.tokenizers, self.characters_per_token, self.chunk_tokenizers, strict=True
                )
            ),
        )

    def needed_chunks(self, units: range, answers: Sequence[Path]) -> NDArray[np.int64]:
        """The chunks that the samples of some units are likely to be made of; they may repeat and have no order."""
        size = self.recipe.output.unit_documents
        order = np.load(self.order_path, mmap_mode="r")[units.start * size : units.stop * size]
        first = self.store.first_chunk
        meta_chunks = [np.arange(first[document], first[document + 1]) for document in order]
        likely = [likely_chunks(path, self.recipe.negatives.first_rank) for path in answers]
        return np.concatenate([np.zeros(0, np.int64), *meta_chunks, *likely])

    def _answers(self, unit: int) -> Path:
        return self.units_folder / f"unit-{unit:05d}.answers.arrow"

    def _range(self, unit: int) -> UnitRange:
        start = unit * self.recipe.output.unit_documents
        stop = min(start + self.recipe.output.unit_documents, self.eligible_documents)
        return UnitRange(order=self.order_path, start=start, stop=stop)


def prepare(run: Run, recipe: Recipe, inputs: Inputs, store: ChunkStore, index: Path) -> Prepared:
    """Measure the corpus and choose the candidates.

    Args:
        run: where finished work lies.
        recipe: the configuration.
        inputs: what it is made from.
        store: the cut corpus.
        index: the folder of its index.

    Raises:
        CorpusTooSmallError: no document can be extended.
        RecipeError: a tokenizer lacks a token that the recipe asks for.
        StorageError: no space, or no permission.
    """
    measured = tuple(measure_characters_per_token(store, tokenizer) for tokenizer in inputs.tokenizers)
    pool = CandidatePool(store=store, sources=inputs.corpus.sources, characters_per_token=measured[0], seed=inputs.seed)
    candidates = choose_candidates(recipe, pool)
    special = special_tokens_of(recipe, inputs.tokenizers)
    identity = digest_of(
        [recipe.fingerprint, store.id, inputs.tokenizer_digests, special.bos, special.eos, inputs.seed]
    )
    separator = recipe.interleave.separator
    prepared = Prepared(
        recipe=recipe,
        inputs=inputs,
        store=store,
        index=index,
        units_folder=run.workspace.units(recipe.name, identity),
        identity=identity,
        characters_per_token=measured,
        chunk_tokenizers=tuple(chunk_tokenizer(run, store, tokenizer, separator) for tokenizer in inputs.tokenizers),
        special_tokens=special,
        answer_length=answer_length(store, recipe, max(measured)),
        eligible_documents=len(candidates.order),
        not_eligible=candidates.not_eligible,
    )
    write_array(prepared.order_path, candidates.order)
    return prepared
