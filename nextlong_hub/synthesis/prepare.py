"""All that must stand before the first unit of a configuration can run: store, index, candidates, measure.

Shared by `pipeline`, which builds a folder, and by the `datasets` builder, which builds into a cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, written_aside
from nextlong_hub.corpus.ingest import read_corpus, store_identity_of
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.base import Executor, Task
from nextlong_hub.execution.progress import Stages
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.producer import Inputs
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval.tasks import _index, index_identity
from nextlong_hub.synthesis import sampling as plan
from nextlong_hub.tokenization import Frame
from nextlong_hub.tokenization.special_tokens import find_frames
from nextlong_hub.tokenization.tasks import Tokenising, measure_characters_per_token, shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One configuration, ready for its units."""

    recipe: Recipe
    inputs: Inputs
    store: ChunkStore
    index_folder: Path
    units_folder: Path
    receipts_folder: Path
    characters_per_token: float
    """Of the corpus, under the first tokenizer."""
    tokenising: tuple[Tokenising, ...]
    """For each tokenizer, the chunks it has tokenised."""
    more_characters_per_token: tuple[float, ...]
    """Under the other tokenizers."""
    frame: Frame
    answer_length: int
    """Hits asked for each meta-chunk."""
    eligible_documents: int
    not_eligible: dict[str, int]

    @property
    def units(self) -> int:
        """How many units there are in all."""
        return -(-self.eligible_documents // self.recipe.output.unit_documents)

    def retrieve_task(self, unit: int) -> Task:
        """The task that asks the retriever for unit `unit`."""
        return Task(
            stage="retrieve",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.retrieval.tasks:retrieve",
            inputs={"store": str(self.store.folder), "index": str(self.index_folder), "order": str(self.order_path)},
            output=str(self.units_folder / f"unit-{unit:05d}.answers.arrow"),
            parameters={
                **self._range(unit),
                "k": self.answer_length,
                "sample_characters": plan.sample_characters(
                    self.recipe, max(self.characters_per_token, *self.more_characters_per_token, 0.0)
                ),
            },
        )

    def synthesise_task(self, unit: int) -> Task:
        """The task that makes the rows of unit `unit` from its answers."""
        return Task(
            stage="synthesise",
            key=f"unit-{unit:05d}",
            function="nextlong_hub.synthesis.tasks:synthesise",
            inputs={
                "store": str(self.store.folder),
                "order": str(self.order_path),
                "answers": str(self.units_folder / f"unit-{unit:05d}.answers.arrow"),
                **{f"tokens-{number}": str(one.folder) for number, one in enumerate(self.tokenising)},
            },
            output=str(self.units_folder / f"unit-{unit:05d}.parquet"),
            parameters={
                **self._range(unit),
                "frame": [self.frame.bos, self.frame.eos],
                "tokenizers": [
                    {
                        "location": tokenizer.location,
                        "digest": tokenizer.digest,
                        "characters_per_token": characters_per_token,
                        "rounds": tokenising.rounds,
                    }
                    for tokenizer, characters_per_token, tokenising in zip(
                        self.inputs.tokenizers,
                        (self.characters_per_token, *self.more_characters_per_token),
                        self.tokenising,
                        strict=True,
                    )
                ],
            },
        )

    @property
    def order_path(self) -> Path:
        """The candidates in the order in which they are tried."""
        return self.units_folder / "order.npy"

    def meta_chunks(self, units: range) -> NDArray[np.int64]:
        """The chunks of the documents that some units extend."""
        size = self.recipe.output.unit_documents
        order = np.load(self.order_path, mmap_mode="r")[units.start * size : units.stop * size]
        first = self.store.first_chunk
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(first[d], first[d + 1]) for d in order)])

    def _range(self, unit: int) -> dict[str, Any]:
        start = unit * self.recipe.output.unit_documents
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "start": start,
            "stop": min(start + self.recipe.output.unit_documents, self.eligible_documents),
        }


def prepare(
    workspace: Workspace,
    recipe: Recipe,
    inputs: Inputs,
    executor: Executor,
    stages: Stages,
    earlier: Sequence[Prepared] = (),
) -> Prepared:
    """Read and cut the corpus, index it, and choose the candidates; whatever is there already is used again.

    Args:
        workspace: where finished work lies.
        recipe: the configuration.
        inputs: what it is made from.
        executor: where the work runs.
        stages: hears about it.
        earlier: configurations of this run that are prepared: what they share with this one is not checked again.

    Raises:
        DataError: the corpus cannot be read, or is too small.
        StorageError: no space, or no permission.
    """
    stores = {other.store.id: other.store for other in earlier}
    identity = store_identity_of(inputs.corpus, recipe)
    store = stores.get(identity) or read_corpus(workspace, recipe, inputs.corpus, executor, stages)
    index_folder = workspace.index(index_identity(store.id, recipe.retrieval))
    if index_folder not in {other.index_folder for other in earlier}:
        _index(workspace, store, recipe.retrieval, executor, stages)
    characters_per_token = measure_characters_per_token(store, inputs.tokenizer)
    more = tuple(measure_characters_per_token(store, other) for other in inputs.more_tokenizers)
    candidates = plan.choose_candidates(store, recipe, inputs.corpus.sources, characters_per_token, inputs.seed)
    frame = find_frames(recipe, inputs.tokenizers)
    identity = digest_of([recipe.fingerprint, store.id, inputs.tokenizer_digests, frame.bos, frame.eos, inputs.seed])
    before = [tokenising for other in earlier for tokenising in other.tokenising]
    prepared = Prepared(
        recipe=recipe,
        inputs=inputs,
        store=store,
        index_folder=index_folder,
        units_folder=workspace.units(recipe.name, identity),
        receipts_folder=workspace.receipts(identity),
        characters_per_token=characters_per_token,
        more_characters_per_token=more,
        tokenising=tuple(
            shared(Tokenising(workspace, store, tokenizer, recipe.interleave.separator), before)
            for tokenizer in inputs.tokenizers
        ),
        frame=frame,
        answer_length=plan.answer_length(store, recipe, max(characters_per_token, *more, 0.0)),
        eligible_documents=len(candidates.order),
        not_eligible=candidates.not_eligible,
    )
    with written_aside(prepared.order_path) as aside, aside.open("wb") as handle:
        np.save(handle, candidates.order)
    return prepared
