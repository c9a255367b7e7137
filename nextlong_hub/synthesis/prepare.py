"""What must be known before the first unit of a configuration runs: its candidates, its measures, and its folders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, write_array
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.run import Run
from nextlong_hub.producer import CandidatePool, Inputs, RowRequest, special_tokens_of, taken_documents
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import FoundLanguages, settled
from nextlong_hub.retrieval.links import measure_likeness
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.tasks import RetrieveUnit, UnitRange, index_identity, likely_chunks, look_for_languages
from nextlong_hub.synthesis.sampling import answer_length, choose_candidates, sample_characters
from nextlong_hub.synthesis.tasks import SynthesiseUnit, TokenizerInput
from nextlong_hub.tokenization import SpecialTokens, Tokenizer
from nextlong_hub.tokenization.tasks import (
    ChunkForm,
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
    """Digest of all that decides the rows of a document; it names the folder of the units' receipts."""
    order: NDArray[np.int64]
    """The candidates in the order in which they are tried. Shape: (eligible documents,)."""
    characters_per_token: tuple[float, ...]
    """Of the corpus, under each tokenizer."""
    chunk_tokenizers: tuple[ChunkTokenizer, ...]
    """One for each tokenizer."""
    special_tokens: SpecialTokens
    retrieval: RetrievalSettings
    """Settled: they name the languages of the stop words."""
    languages: FoundLanguages | None
    """Of the corpus; None where the recipe names them, or the retriever has no stop words."""
    answer_length: int
    """Hits asked for each meta-chunk."""
    not_eligible: dict[str, int]

    @property
    def eligible_documents(self) -> int:
        """How many candidates there are."""
        return len(self.order)

    @property
    def units(self) -> int:
        """How many units there are in all."""
        return -(-self.eligible_documents // self.recipe.output.unit_documents)

    @property
    def order_path(self) -> Path:
        """A file with `order`, which has a name of its own for each set of documents that others have taken."""
        return self.units_folder / f"order-{_digest(self.order)}.npy"

    def retrieve(self, unit: int) -> RetrieveUnit:
        """The task that asks the retriever for one unit."""
        return RetrieveUnit(
            key=self._key(unit),
            output=self._answers(unit),
            store=self.store.folder,
            index=self.index,
            unit=self._range(unit),
            settings=self.retrieval,
            k=self.answer_length,
            sample_characters=sample_characters(self.recipe, max(self.characters_per_token)),
        )

    def synthesise(self, unit: int) -> SynthesiseUnit:
        """The task that makes the rows of one unit from its answers."""
        return SynthesiseUnit(
            key=self._key(unit),
            output=self.units_folder / f"{self._key(unit)}.parquet",
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
        order = self.order[units.start * size : units.stop * size]
        first = self.store.first_chunk
        meta_chunks = [np.arange(first[document], first[document + 1]) for document in order]
        likely = [likely_chunks(path, self.recipe.negatives.first_rank) for path in answers]
        return np.concatenate([np.zeros(0, np.int64), *meta_chunks, *likely])

    def _answers(self, unit: int) -> Path:
        return self.units_folder / f"{self._key(unit)}.answers.arrow"

    def _key(self, unit: int) -> str:
        """A unit is named by its documents, too, so that it is found again when others have taken those behind it."""
        range_ = self._range(unit)
        return f"unit-{unit:05d}-{_digest(self.order[range_.start : range_.stop])}"

    def _range(self, unit: int) -> UnitRange:
        start = unit * self.recipe.output.unit_documents
        stop = min(start + self.recipe.output.unit_documents, self.eligible_documents)
        return UnitRange(order=self.order_path, start=start, stop=stop)


def measure(run: Run, store: ChunkStore, tokenizers: Sequence[Tokenizer]) -> tuple[float, ...]:
    """Characters per token of the corpus under each tokenizer."""
    return tuple(
        run.once(
            f"characters-per-token-{store.id}-{tokenizer.digest}",
            partial(measure_characters_per_token, store, tokenizer),
        )
        for tokenizer in tokenizers
    )


def prepare(run: Run, request: RowRequest, store: ChunkStore, index: Path) -> Prepared:
    """Measure the corpus and choose the candidates.

    Args:
        run: where finished work lies.
        request: the rows that are to be made.
        store: the cut corpus.
        index: the folder of its index.

    Raises:
        CorpusTooSmallError: no document can be extended.
        RecipeError: a tokenizer lacks a token that the recipe asks for, or the retriever cannot compare chunks.
        StorageError: no space, or no permission.
    """
    recipe, inputs = request.recipe, request.inputs
    measured = measure(run, store, inputs.tokenizers)
    pool = CandidatePool(
        store=store,
        sources=inputs.corpus.sources,
        characters_per_token=measured[0],
        seed=inputs.seed,
        taken=taken_documents(request, store),
    )
    languages = look_for_languages(run, store, recipe.retrieval)
    retrieval = settled(recipe.retrieval, languages)
    likeness = None
    if recipe.meta_documents.choice == "linked":
        likeness = measure_likeness(run, store, index, retrieval, index_identity(store.id, retrieval))
    candidates = choose_candidates(recipe, pool, likeness)
    special = special_tokens_of(recipe, inputs.tokenizers)
    identity = digest_of(
        [recipe.fingerprint, store.id, inputs.tokenizer_digests, special.bos, special.eos, inputs.seed]
    )
    form = ChunkForm(separator=recipe.interleave.separator, longest_period=recipe.repetition.longest_tokens)
    prepared = Prepared(
        recipe=recipe,
        inputs=inputs,
        store=store,
        index=index,
        units_folder=run.workspace.units(recipe.name, identity),
        identity=identity,
        characters_per_token=measured,
        chunk_tokenizers=tuple(chunk_tokenizer(run, store, tokenizer, form) for tokenizer in inputs.tokenizers),
        special_tokens=special,
        retrieval=retrieval,
        languages=languages,
        answer_length=answer_length(store, recipe, max(measured)),
        order=candidates.order,
        not_eligible=candidates.not_eligible,
    )
    write_array(prepared.order_path, candidates.order)
    return prepared


def _digest(documents: NDArray[np.int64]) -> str:
    """Twelve hexadecimal digits that stand for document numbers in their order."""
    return hashlib.sha256(documents.astype("<i8").tobytes()).hexdigest()[:12]
