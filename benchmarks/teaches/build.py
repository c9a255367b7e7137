"""The rows of every arm, made by the package, and noted as spans and digests.

rows/            one dataset folder: a configuration for each arm made from samples, and the mixtures of B
documents-S/     a dataset folder for each seed S: whole documents, packed; arm B's own among them
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.teaches.arms import ARMS, SEEDS, Arm
from benchmarks.teaches.record import ChunkPlaces, record
from benchmarks.teaches.replay import RowTable, joined
from benchmarks.teaches.settings import Preset
from benchmarks.teaches.split import Corpus, write_part
from nextlong_hub.corpus.ingest import find_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.reader import open_split
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.errors import CorpusTooSmallError
from nextlong_hub.execution.run import Run
from nextlong_hub.pipeline import BuildRequest, build, fit
from nextlong_hub.producer import Inputs, RowRequest, producer_of
from nextlong_hub.recipe import Recipe, load_recipe
from nextlong_hub.tokenization import Tokenizer

_RESERVE = 1.03
"""Rows more than needed: a document that gives a sample in one arm may not in another."""


@dataclass(frozen=True, kw_only=True)
class ArmBuilder:
    """Builds the arms of one experiment below a folder."""

    preset: Preset
    corpus: Corpus
    trained: NDArray[np.int64]
    """Numbers of the documents that may be trained on. Shape: (documents,)."""
    tokenizer: Tokenizer
    folder: Path
    options: Mapping[str, Any]
    """Settings for every arm that takes them, such as where the embeddings of arm D are."""

    def tables(self, arms: Sequence[Arm]) -> dict[str, RowTable]:
        """The rows of these arms, by the name of the rows; the first half of each is for seed 0.

        Raises:
            CorpusTooSmallError: the corpus does not give enough rows.
            DataError, RecipeError, StorageError, WorkerError: see `pipeline.build`.
        """
        own = {arm.rows: ARMS[arm.rows] for arm in arms}
        samples = [arm for arm in own.values() if arm.made == "synthesis"]
        mixtures = [arm for arm in own.values() if arm.made == "mix"]
        if ARMS["B"] not in samples:
            samples.append(ARMS["B"])  # the others follow its documents
        self._build(samples, mixtures)
        read = {arm.name: self._record("rows", arm.name) for arm in (*samples, *mixtures)}
        made = _aligned(read, [arm.name for arm in samples if arm.same_documents], self.preset.rows)
        made |= {arm.name: _first(read[arm.name], self._rows(arm), arm.name) for arm in mixtures}
        made |= {arm.name: _first(read[arm.name], self._rows(arm), arm.name) for arm in samples if arm.name not in made}
        if "A" in own:
            made["A"] = joined([self._whole_documents(seed, made["B"]) for seed in range(SEEDS)])
        return {name: table for name, table in made.items() if name in own}

    def _rows(self, arm: Arm) -> int:
        """Rows that are trained on, for all seeds."""
        return self.preset.rows * max(one.passes for one in ARMS.values() if one.rows == arm.name)

    def _build(self, samples: Sequence[Arm], mixtures: Sequence[Arm]) -> None:
        recipes = [self._recipe(str(self.preset.recipe_file), arm) for arm in samples]
        common = {"target_length": self.preset.target_length, "add_bos_token": True, "mix.recipe": "B"}
        recipes += [self._recipe("mix", arm, common) for arm in mixtures]
        rows = {arm.name: int(self._rows(arm) * _RESERVE) + 2 for arm in (*samples, *mixtures)}
        request = BuildRequest(
            recipes=tuple(recipes), sources=(self._source,), tokenizer=self.tokenizer.location, rows=rows
        )
        build(request, self.folder / "rows")

    def _recipe(self, base: str, arm: Arm, common: Mapping[str, Any] | None = None) -> Recipe:
        chosen = {"retrieval.options": dict(self.options)} if arm.name == "D" else {}
        return load_recipe(base, {"name": arm.name, **(common or {}), **arm.settings, **chosen})

    @cached_property
    def _source(self) -> SourceSettings:
        file = self.folder / "train.parquet"
        write_part(self.corpus, self.trained, file)
        return SourceSettings(name="corpus", path=str(file))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {self.corpus.ids[number]: number for number in self.trained.tolist()}

    @cached_property
    def _places(self) -> ChunkPlaces:
        """Where the chunks of samples stand: the package cuts the corpus again, or finds it cut."""
        recipe = load_recipe(str(self.preset.recipe_file))
        run = Run.quiet(self.folder / "chunks")
        found = find_corpus(run, [self._source])
        inputs = Inputs(corpus=found, tokenizers=(self.tokenizer,), seed=0)
        store: ChunkStore = producer_of(recipe).read(run, RowRequest(recipe=recipe, inputs=inputs))
        return ChunkPlaces.of(store, self._numbers)

    def _record(self, dataset: str, config: str) -> RowTable:
        return record(open_split(self.folder / dataset, config), self._places)

    def _whole_documents(self, seed: int, extended: RowTable) -> RowTable:
        """Rows of whole documents: those that arm B extends for this seed, and others, in a seeded order."""
        rows = len(extended) // SEEDS
        own = extended.meta_document[seed * rows : (seed + 1) * rows].astype(np.int64)
        random = np.random.default_rng(12 + seed)
        others = random.permutation(np.setdiff1d(self.trained, extended.meta_document))
        wanted = rows * self.preset.target_length * self._characters_per_token * _RESERVE
        lengths = np.array([len(self.corpus.texts[number]) for number in (*own.tolist(), *others.tolist())])
        chosen = np.concatenate([own, others])[: int(np.searchsorted(np.cumsum(lengths), wanted)) + 1]
        name = f"documents-{seed}"
        file = self.folder / f"{name}.parquet"
        write_part(self.corpus, random.permutation(chosen), file)
        report = fit(
            FitRequest(
                source=SourceSettings(name="corpus", path=str(file)),
                tokenizer=self.tokenizer.location,
                target_length=self.preset.target_length,
                modes=frozenset({"pack"}),
                add_bos_token=True,
            ),
            self.folder / name,
        )
        table = self._record(name, report.config)
        wanted_first = np.argsort(~table.holds(own), kind="stable")
        return _first(table.take(np.sort(wanted_first[:rows])), rows, "A")

    @cached_property
    def _characters_per_token(self) -> float:
        """Of a sample of the documents that are trained on."""
        chosen = [self.corpus.texts[number] for number in self.trained[:: max(1, len(self.trained) // 1000)].tolist()]
        return sum(map(len, chosen)) / sum(self.tokenizer.count(chosen))


def _aligned(read: Mapping[str, RowTable], names: Iterable[str], rows: int) -> dict[str, RowTable]:
    """The rows of some arms, row i of each extending the same document, in the order of arm B."""
    places = {name: {number: row for row, number in enumerate(read[name].meta_document.tolist())} for name in names}
    common = [number for number in places["B"] if all(number in one for one in places.values())][:rows]
    if len(common) < rows:
        raise CorpusTooSmallError(
            f"only {len(common):,} documents give a row in each of the arms {', '.join(places)}, and {rows:,} are "
            "needed; give a larger corpus"
        )
    return {name: read[name].take(np.array([own[number] for number in common])) for name, own in places.items()}


def _first(table: RowTable, rows: int, name: str) -> RowTable:
    if len(table) < rows:
        raise CorpusTooSmallError(f"arm {name} has {len(table):,} rows, and {rows:,} are needed; give a larger corpus")
    return table.take(np.arange(rows))
