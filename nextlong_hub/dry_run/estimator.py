"""A trial, scaled up to the whole corpus.

What the trial could not measure is estimated by the module that makes it: the bytes of the store, the index, the
answers and the token cache, and the memory of a unit.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.corpus import store
from nextlong_hub.dataset.config_record import StopWordsRecord
from nextlong_hub.dry_run.sample import CorpusSample
from nextlong_hub.dry_run.trial import Trial
from nextlong_hub.recipe import Recipe, recorded_recipe
from nextlong_hub.retrieval import IndexSample, retriever_of
from nextlong_hub.retrieval.tasks import estimate_answer_bytes
from nextlong_hub.synthesis.assemble import estimate_memory_bytes
from nextlong_hub.synthesis.sampling import answer_length
from nextlong_hub.tokenization import cache

_DRIVER_BYTES = 110_000_000
"""Of memory: what the driver takes to keep receipts and to count what the finished files hold."""
_CLOSER_EACH_DOUBLING = 0.03
"""Share by which rows shrink on disk each time the corpus doubles, because closer negatives have more in common: as
measured between 2,000 and 51,000 documents."""
_LEAST_SHARE = 0.7
"""Below this share the rows are not expected to shrink."""
_LOG_TIMES = (-50.0, 500.0)
_HALVINGS = 64


class Estimator:
    """A trial, scaled up to the whole corpus."""

    def __init__(self, *, trial: Trial, sample: CorpusSample, pieces: int, workers: int) -> None:
        self._trial = trial
        self._weights = np.array(sample.weights)
        self.documents = round(sample.documents)
        self.sampled_documents = len(sample.texts)
        self._workers = workers
        self._pieces = pieces
        self.sampled_bytes = sum(len(text.encode()) for text in sample.texts)
        self._text_bytes = sample.text_bytes
        # Scaled by bytes: those of a corpus are known, and chunks and characters follow them closely.
        weighted_bytes = sum(w * len(text.encode()) for w, text in zip(sample.weights, sample.texts, strict=True))
        self.chunks = round(sample.text_bytes * float(self._weights @ trial.chunk_counts) / weighted_bytes)
        self.characters = round(sample.text_bytes * float(self._weights @ trial.characters) / weighted_bytes)
        self.characters_per_token = trial.manifest.tokenizer.characters_per_token
        retrieval = recorded_recipe(trial.config.recipe).retrieval
        measured = IndexSample(chunks=trial.store.chunks, bytes=trial.index_bytes)
        self._search = retriever_of(retrieval).estimate(retrieval, measured, self.chunks)

    @property
    def stop_words(self) -> StopWordsRecord | None:
        """Which stop words follow the corpus, as the sample shows; None where the recipe names their languages."""
        return self._trial.synthesis.stop_words

    @property
    def tokens(self) -> int:
        """Of the whole corpus."""
        return round(self.characters / self.characters_per_token)

    @property
    def store_bytes(self) -> int:
        """Of the chunk store."""
        return store.estimate_bytes(self._text_bytes, self.chunks, self.documents)

    @property
    def index_bytes(self) -> int:
        """Of the retriever's index."""
        return self._search.index_bytes

    def token_bytes(self, tokens: int) -> int:
        """Of chunks tokenised once, for samples with so many tokens: each chunk at most, under every tokenizer.

        A little too much, since some chunks stand in several samples and others in none.
        """
        return cache.estimate_bytes(self._trial.tokenizers * min(tokens, self.tokens))

    def tokenising_seconds(self, tokens: int) -> float:
        """To tokenise them."""
        rate = self._trial.seconds["tokenise"] / max(1, self._trial.token_bytes)
        return rate * self.token_bytes(tokens) / self._workers

    @property
    def seconds(self) -> float:
        """To read, cut and index the corpus."""
        read = self._trial.seconds["read and cut"] * self._text_bytes / self.sampled_bytes
        index = self._trial.seconds["index"] * self.chunks / self._trial.store.chunks
        return read / min(self._workers, self._pieces) + index / min(self._workers, self._search.index_tasks)

    def eligible(self, recipe: Recipe) -> NDArray[np.bool_]:
        """Which documents of the sample can be extended. Shape: (documents,)."""
        limit = recipe.target_length * self.characters_per_token * recipe.meta_documents.maximum_share
        return ~self._too_few(recipe) & (self._trial.characters <= limit)

    def taken(self, recipe: Recipe, others: Iterable[tuple[Recipe, int]]) -> int:
        """Documents that can be extended, but that so many rows of each of some other recipes extend.

        Too few where those prefer documents of some lengths.
        """
        own = self.eligible(recipe)
        taken = 0.0
        for other, rows in others:
            theirs = self.eligible(other)
            both, all_of_theirs = float(self._weights @ (own & theirs)), float(self._weights @ theirs)
            taken += rows * both / all_of_theirs if all_of_theirs else 0
        return round(taken)

    def extended_tokens(self, recipe: Recipe, documents: int) -> int:
        """Tokens of so many documents that can be extended."""
        eligible = self.eligible(recipe)
        weights = self._weights[eligible]
        characters = float(weights @ self._trial.characters[eligible] / weights.sum()) if weights.sum() else 0.0
        return round(documents * characters / self.characters_per_token)

    def tokens_of_documents(self, most_tokens: int) -> int:
        """Tokens of all documents of the corpus that are not longer."""
        own = np.where(self._trial.characters <= most_tokens * self.characters_per_token, self._trial.characters, 0)
        share = float(self._weights @ own) / max(1.0, float(self._weights @ self._trial.characters))
        return round(self.tokens * share)

    def not_eligible(self, recipe: Recipe) -> dict[str, int]:
        """Documents of the corpus that cannot be extended, by reason."""
        too_few = self._too_few(recipe)
        too_long = ~too_few & ~self.eligible(recipe)
        return {"too_few_chunks": self._weigh(too_few), "too_long": self._weigh(too_long)}

    def eligible_documents(self, recipe: Recipe) -> int:
        """Documents of the corpus that can be extended."""
        return self._weigh(self.eligible(recipe))

    def kept_share(self, recipe: Recipe) -> float:
        """Share of the candidates that become a row."""
        if self.tokens < recipe.target_length:
            return 0.0
        if recipe.interleave.fill == "even":
            return 1.0
        # NExtLong App. D.1: k negatives for each of the p meta-chunks, not of their real length.
        eligible = self.eligible(recipe)
        counts, own = self._trial.chunk_counts[eligible], self._trial.characters[eligible]
        goal = recipe.target_length * recipe.interleave.characters_per_token * recipe.interleave.adjustment
        each = np.ceil(np.maximum(0, goal - own) / (counts * recipe.chunking.chunk_characters))
        mean_characters = self.characters / self.chunks
        reached = (own + counts * each * mean_characters) / self.characters_per_token >= recipe.target_length
        weights = self._weights[eligible]
        return float(weights @ reached / weights.sum()) if weights.sum() else 0.0

    def queries(self, recipe: Recipe, candidates: int) -> float:
        """Meta-chunks of so many candidates."""
        drawn = self._drawn(recipe, candidates)
        return candidates * float(drawn @ self._trial.chunk_counts / drawn.sum()) if drawn.sum() else 0.0

    def links(self, recipe: Recipe, candidates: int) -> tuple[float, float] | tuple[None, None]:
        """Links of a sample, and its meta-document's tokens in a hundred, on average over so many candidates.

        As if `linked` preferred no documents.
        """
        drawn = self._drawn(recipe, candidates)
        if not drawn.sum():
            return None, None
        links = float(drawn @ (self._trial.chunk_counts - 1) / drawn.sum())
        characters = float(drawn @ self._trial.characters / drawn.sum())
        return links, 100 * characters / self.characters_per_token / recipe.target_length

    def published_bytes(self, tokens: int) -> int:
        """Of rows with so many tokens."""
        doublings = math.log2(max(1.0, self.chunks / self._trial.store.chunks))
        share = max(_LEAST_SHARE, 1 - _CLOSER_EACH_DOUBLING * doublings)
        return round(tokens * share * sum(file.bytes for file in self._trial.config.files) / self._trial.config.tokens)

    def unit_bytes(self, recipe: Recipe, candidates: int) -> int:
        """Rows of finished units, and the answers they were made from."""
        kept = round(candidates * self.kept_share(recipe))
        hits = answer_length(self._trial.store, recipe, self.characters_per_token)
        answers = estimate_answer_bytes(hits, self.queries(recipe, candidates))
        return self.published_bytes(kept * recipe.target_length) + answers

    def seconds_of(self, recipe: Recipe, candidates: int) -> float:
        """To retrieve for and synthesise so many candidates: a larger corpus slows a query, but not the rest."""
        synthesis = self._trial.synthesis
        query = self._trial.seconds["retrieve"] / max(1, synthesis.queries) * self._search.query_growth
        token = self._trial.seconds["synthesise"] / (synthesis.candidates * self._trial.target_length)
        units = -(-candidates // recipe.output.unit_documents)
        total = query * self.queries(recipe, candidates) + token * candidates * recipe.target_length
        return total / max(1, min(self._workers, units))

    def writing_seconds(self, tokens: int) -> float:
        """To write rows with so many tokens into published files."""
        return self._trial.seconds["write"] / self._trial.config.tokens * tokens

    @property
    def start_seconds(self) -> float:
        """Of each process before its first unit, besides its imports."""
        return self._trial.warm_up_seconds

    @property
    def grown_bytes(self) -> int:
        """Memory of a process before its first unit, besides its imports."""
        return self._trial.grown_bytes

    @property
    def driver_bytes(self) -> int:
        """Memory of a process that leaves all units to others, besides its imports."""
        return self._trial.tokenizer_bytes + _DRIVER_BYTES

    def work_bytes(self, recipe: Recipe) -> int:
        """Memory of a process at work, besides: mapped index and text, the rows of a unit, the encoding of one."""
        return self.index_bytes + self.store_bytes + estimate_memory_bytes(recipe)

    def _drawn(self, recipe: Recipe, candidates: int) -> NDArray[np.float64]:
        """How many documents of the corpus, like each one of the sample, are among the first candidates.

        Drawn one after the other by the weights w, a document is among them with the chance 1 - exp(-w t), where t is
        what makes so many of them (Efraimidis and Spirakis draw by exponential times). Shape: (documents,).
        """
        eligible = self.eligible(recipe)
        links = np.where(eligible, self._trial.chunk_counts - 1, 0).astype(np.float64)
        sizes = links / max(1.0, links.max(initial=0.0))
        weights = np.where(eligible, sizes ** recipe.meta_documents.preference_at(recipe.target_length), 0.0)
        low, high = _LOG_TIMES
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            drawn = -np.expm1(-weights * math.exp(middle)) * self._weights
            low, high = (middle, high) if drawn.sum() < candidates else (low, middle)
        return np.asarray(drawn)

    def _too_few(self, recipe: Recipe) -> NDArray[np.bool_]:
        return self._trial.chunk_counts < recipe.meta_documents.minimum_chunks

    def _weigh(self, documents: NDArray[np.bool_]) -> int:
        """How many documents of the corpus a choice of the sample stands for."""
        return round(self.documents * float(self._weights @ documents) / float(self._weights.sum()))
