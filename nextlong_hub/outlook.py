"""What a build knows before it works: which stages come, and what people should hear now rather than at the end.

Everything here follows from the corpus that was read and from what was asked for; a dry run, which also builds a
sample, knows more.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextlong_hub.allotment import Demand
from nextlong_hub.core.printable import compact, size
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.corpus_description import source_records
from nextlong_hub.dataset.links import THICKER_ROWS, thin_rows
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.execution import usual
from nextlong_hub.execution.forecast import ExpectedStage
from nextlong_hub.execution.run import Run
from nextlong_hub.producer import Inputs, RowRequest, producer_of
from nextlong_hub.recipe import Recipe

_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of a run once its corpus is read and its rows are allotted."""

    inputs: Inputs
    published: Sequence[Recipe]
    requests: Mapping[str, RowRequest]
    """Of every recipe whose rows are made, in the order in which they are made; each with the rows that it gets."""
    stores: Mapping[str, ChunkStore]
    """The cut corpus of each recipe that has one before its rows are made."""
    demands: Mapping[str, Demand]
    """What rows can be made of, for recipes where that is known."""
    characters_per_token: float
    before: Manifest | None
    """What stands in the folder."""

    def tell(self, run: Run) -> None:
        """Tell the run which stages it will have, and people what matters to them."""
        run.progress.expect(self.stages())
        for sentence in (*self._removals(), *self._licences(), *self._amounts(), *self._space(run), *self._thin_rows()):
            run.note(sentence)

    def stages(self) -> list[ExpectedStage]:
        """Every stage from reading the corpus on, in order."""
        stores = {store.id: store for store in self.stores.values()}
        characters = sum(store.summary.characters for store in stores.values())
        stages = [ExpectedStage(stage="read and cut", seconds=usual.READ_SECONDS * characters)]
        indexed: set[str] = set()
        for name, request in self.requests.items():
            recipe, store = request.recipe, self.stores.get(name)
            if store is None:
                continue
            index = f"{store.id} {recipe.retrieval.model_dump_json()}"
            if producer_of(recipe).retrieves and index not in indexed:
                indexed.add(index)
                stages.append(ExpectedStage(stage="index", seconds=usual.INDEX_SECONDS * store.chunks))
            demand = self.demands.get(name)
            stages += producer_of(recipe).stages(request, store, demand.plan if demand else None)
        return stages + [
            ExpectedStage(stage=f"write {recipe.name}", seconds=usual.WRITE_SECONDS * self._tokens(recipe))
            for recipe in self.published
        ]

    def _tokens(self, recipe: Recipe) -> float:
        """About how many tokens the rows of a recipe will have."""
        rows, store = self.requests[recipe.name].rows, self.stores.get(recipe.name)
        if rows is not None:
            return float(rows * recipe.target_length)
        stores = [store] if store else list(self.stores.values())
        return max((one.summary.characters / self.characters_per_token for one in stores), default=0.0)

    def _removals(self) -> list[str]:
        """Rows that stand in the folder, and that this run will not make again."""
        told = []
        for recipe in self.published:
            rows = self.requests[recipe.name].rows
            config = self.before.configs.get(recipe.name) if self.before else None
            if config is not None and rows is not None and rows < config.rows:
                told.append(
                    f"{recipe.name}: {config.rows - rows:,} of the {config.rows:,} rows that are there will be "
                    f"removed, as this run makes {rows:,}"
                )
        return told

    def _licences(self) -> list[str]:
        """Sources of which no licence is known."""
        stores = list(self.stores.values())
        records = source_records(self.inputs.corpus, stores[0].summary.sources) if stores else []
        silent = [one.name for one in records if None in one.licences]
        if not silent:
            return []
        more = f" and {len(silent) - _NAMES_SHOWN:,} more" if len(silent) > _NAMES_SHOWN else ""
        return [
            f"{', '.join(silent[:_NAMES_SHOWN])}{more}: no licence is stated of its texts, and the card will say so; "
            "name it with --license"
        ]

    def _amounts(self) -> list[str]:
        """Packed rows that were asked for and that the corpus cannot fill; others are refused before this."""
        told = []
        for name, request in self.requests.items():
            recipe, store = request.recipe, self.stores.get(name)
            if store is None or name in self.demands or not recipe.pack or request.rows is None:
                continue
            tokens = store.summary.characters / self.characters_per_token
            if request.rows * recipe.target_length > tokens:
                told.append(
                    f"{name}: {request.rows:,} rows were asked for ({compact(request.rows * recipe.target_length)} "
                    f"tokens), and the corpus holds about {compact(tokens)} tokens"
                )
        return told

    def _space(self, run: Run) -> list[str]:
        """Too little room for what comes; what stands in the folder already needs none."""
        tokens = 0.0
        for name, request in self.requests.items():
            standing = self.before.configs.get(name) if self.before else None
            tokens += max(0.0, self._tokens(request.recipe) - (standing.tokens if standing else 0))
        retrieving = [store for name, store in self.stores.items() if producer_of(self.requests[name].recipe).retrieves]
        chunks = max((store.chunks for store in retrieving), default=0) if tokens and self.before is None else 0
        needed = usual.TOKEN_BYTES * tokens + usual.CHUNK_BYTES * chunks
        free = shutil.disk_usage(run.output).free
        if needed <= free:
            return []
        return [f"about {size(needed)} of disk are needed at {run.output}, and {size(free)} are free"]

    def _thin_rows(self) -> list[str]:
        """Samples that will hold next to nothing of the document that they extend."""
        told = []
        for name, demand in self.demands.items():
            rows = self.requests[name].rows or demand.plan.wanted
            if not producer_of(demand.recipe).retrieves or demand.recipe not in self.published:
                continue
            documents = demand.plan.order[:rows]
            chunks = np.diff(demand.store.first_chunk)[documents]
            tokens = demand.store.document_characters[documents] / self.characters_per_token
            percent = 100 * float(tokens.mean()) / demand.recipe.target_length
            if thin := thin_rows(float(chunks.mean()) - 1, percent):
                told.append(f"{name}: {thin}; {THICKER_ROWS}")
        return told
