"""Rows made when somebody asks for them: what stands behind the `datasets` builder.

A session prepares a configuration once (store, index, candidates) in a work folder and then makes any unit's rows on
demand. Rows, their order and their number are those that `build` would publish.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import FileLock

from nextlong_hub.conversations.produce import conversation_sources, converse, resolve_templates
from nextlong_hub.core.files import digest_of, storage_errors
from nextlong_hub.corpus import DEMO, memory_source
from nextlong_hub.corpus.discovery import default_name
from nextlong_hub.corpus.ingest import Source, find_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset import shards
from nextlong_hub.dataset.packing_plan import PackedPlan
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.dataset.write import plan_rows
from nextlong_hub.dataset.write_tasks import packed_tables
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.local import InlineExecutor
from nextlong_hub.execution.progress import NullProgress, Stages
from nextlong_hub.execution.receipts import run_missing
from nextlong_hub.execution.workspace import Workspace
from nextlong_hub.producer import Inputs
from nextlong_hub.recipe import DEFAULT_SEED, Recipe, load_recipes
from nextlong_hub.synthesis import sampling as plan
from nextlong_hub.synthesis.mixture import choose_rows, ingredient_rows
from nextlong_hub.synthesis.prepare import Prepared, prepare
from nextlong_hub.synthesis.produce import Made, synthesise
from nextlong_hub.tokenization import load_tokenizer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """One configuration that can give rows; it travels to whichever process is to make them."""

    recipe: Recipe
    ingredients: tuple[Recipe, ...]
    inputs: Inputs
    """As they were found when the session was opened."""
    rows: int | None
    """How many rows in all; None gives about as many tokens as the corpus holds."""
    work: Path
    """Where finished work is kept between sessions and shared between processes."""

    @property
    def identity(self) -> str:
        """Digest of all that decides the rows: recipes, corpus, tokenizer, seed and number of rows."""
        recipes = [recipe.fingerprint for recipe in (self.recipe, *self.ingredients)]
        inputs = self.inputs
        return digest_of([recipes, inputs.corpus.digest, inputs.tokenizer.digest, inputs.seed, self.rows])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and (self.identity, self.work) == (other.identity, other.work)

    def __hash__(self) -> int:
        return hash((self.identity, self.work))

    def units(self) -> list[int]:
        """The numbers of the units that `tables` takes; a mixture is a single one, and so are packed conversations."""
        if self.recipe.mixture or self.recipe.conversations:
            return [0]
        return list(range(-(-self._wanted(_prepared(self, self.recipe)) // self.recipe.output.unit_documents)))

    def tables(self, unit: int) -> Iterator[pa.Table]:
        """The rows of one unit, a row group at a time; the last unit makes up for what others had to discard."""
        if self.recipe.mixture:
            yield from self._mixture()
            return
        if self.recipe.conversations:
            yield from self._conversations()
            return
        prepared = _prepared(self, self.recipe)
        if unit < len(self.units()) - 1:
            yield from self._row_groups(self._unit(prepared, unit))
            return
        missing = self._wanted(prepared) - sum(self._unit(prepared, earlier).num_rows for earlier in range(unit))
        while missing > 0 and unit < prepared.units:
            table = self._unit(prepared, unit).slice(0, missing)
            yield from self._row_groups(table)
            missing -= table.num_rows
            unit += 1

    def _wanted(self, prepared: Prepared) -> int:
        wanted = plan.wanted_rows(self.recipe, prepared.store, prepared.characters_per_token, self.rows)
        return min(wanted, prepared.eligible_documents)

    def _unit(self, prepared: Prepared, unit: int) -> pa.Table:
        """One unit's rows, made now unless another process has made them: two never work on the same unit."""
        with _lock(self.work, f"{prepared.units_folder.name}-{unit}"):
            for task in (prepared.retrieve_task(unit), prepared.synthesise_task(unit)):
                list(run_missing(InlineExecutor(), [task], prepared.receipts_folder))
        return shards.read_table(Path(task.output))

    def _mixture(self) -> Iterator[pa.Table]:
        made: dict[str, Made] = {}
        targets = {recipe.name: recipe.target_length for recipe in (*self.ingredients, self.recipe)}
        asked = {} if self.rows is None else {self.recipe.name: self.rows}
        needed = ingredient_rows([self.recipe], self.ingredients, targets, asked)
        for recipe in self.ingredients:
            prepared = _prepared(self, recipe)
            with _lock(self.work, prepared.units_folder.name):
                made[recipe.name] = synthesise(
                    prepared, needed.get(recipe.name), InlineExecutor(), Stages(NullProgress())
                )
        chosen = choose_rows(self.recipe, made, self.rows, self.inputs.seed)
        if self.recipe.pack:
            yield from self._packed(plan_rows(self.recipe, chosen))
            return
        for unit, row in chosen.rows:
            table = shards.read_table(Path(unit)).slice(row, 1)
            yield table.select(row_schema(tokens=self.recipe.tokens).names)

    def _conversations(self) -> Iterator[pa.Table]:
        workspace = Workspace(self.work)
        with _lock(self.work, f"conversations-{self.identity}"):
            made = converse(workspace, self.recipe, self.inputs, self.rows, InlineExecutor(), Stages(NullProgress()))
        if made.chosen.packed is not None:
            yield from self._packed(made.chosen.packed)

    def _packed(self, packed: PackedPlan) -> Iterator[pa.Table]:
        rows = len(packed.row_bytes)
        parameters = packed.range(0, rows, self.recipe.output.row_group_bytes)
        yield from packed_tables(self.recipe, packed.units_of(0, rows), packed.places, **parameters)

    def _row_groups(self, table: pa.Table) -> Iterator[pa.Table]:
        for start, stop in shards.row_groups(table, self.recipe.output.row_group_bytes):
            yield table.slice(start, stop - start)


def open_session(
    recipe_name: str,
    *,
    corpus: object = None,
    tokenizer: str | None = None,
    samples: int | None = None,
    seed: int = DEFAULT_SEED,
    settings: Mapping[str, Any] | None = None,
    work: Path,
) -> Session:
    """A session from what a caller of `load_dataset` gives.

    Args:
        recipe_name: a recipe that comes with the package, or a TOML file.
        corpus: see `as_sources`; None takes the recipe's own, else the embedded demo corpus.
        tokenizer: a folder or a Hub name; may be left out for the demo corpus only.
        samples: how many rows; None gives about as many tokens as the corpus holds.
        seed: of the order of meta-documents.
        settings: dotted recipe keys and their values: `{"retrieval.k1": 1.2}`.
        work: where finished work is kept.

    Raises:
        RecipeError: a setting is wrong, or there is no tokenizer.
    """
    (recipe,), ingredients = load_recipes([recipe_name], settings)
    sources: Sequence[Source] = as_sources(corpus) if corpus is not None else recipe.corpus or as_sources(DEMO)
    if tokenizer is None:
        if [source for source in sources if not isinstance(source, SourceSettings) or source.path != DEMO]:
            raise RecipeError(
                "a corpus was named but no tokenizer; rows are counted in its tokens: give tokenizer=, a folder or a "
                "Hub name such as the model's you train"
            )
        tokenizer = DEMO
    if samples is not None and samples < 1:
        raise RecipeError(f"samples = {samples}, but at least 1 is needed")
    loaded = load_tokenizer(tokenizer)
    sources = conversation_sources(sources, [recipe])
    [recipe] = resolve_templates([recipe], loaded)
    inputs = Inputs(
        corpus=find_corpus(Workspace(work), sources, Stages(NullProgress())),
        tokenizer=loaded,
        seed=seed,
    )
    return Session(recipe=recipe, ingredients=ingredients, inputs=inputs, rows=samples, work=work)


def work_folder(beside: str | Path) -> Path:
    """Where sessions keep finished work, beside cached datasets; the name is none that `datasets` looks for."""
    return Path(beside).expanduser() / "nextlong-hub-work"


def as_sources(corpus: object) -> list[Source]:
    """Sources from what a caller is likely to hold.

    Args:
        corpus: a path, glob or Hub name; a `datasets.Dataset` or `IterableDataset`; `SourceSettings`; a mapping of
            source names to these; or a sequence of any of them.

    Raises:
        RecipeError: it is nothing of the kind.
    """
    named = list(corpus.items()) if isinstance(corpus, Mapping) else [("", one) for one in _flattened(corpus)]
    sources: list[Source] = []
    for given, one in named:
        if isinstance(one, SourceSettings):
            sources.append(one)
        elif isinstance(one, str | Path):
            sources.append(SourceSettings(name=given or _free(default_name(str(one)), sources), path=str(one)))
        elif hasattr(one, "column_names"):
            sources.append(memory_source(one, given or _free("memory", sources)))
        else:
            raise RecipeError(
                f"corpus holds a {type(one).__name__}; give a path, a Hub name, a datasets.Dataset or a list of these"
            )
    return sources


def _free(name: str, sources: Sequence[Source]) -> str:
    """The name, or the first of name-2, name-3, … that no source has yet."""
    taken = {source.name for source in sources}
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(candidate for candidate in numbered if candidate not in taken)


def _flattened(corpus: object) -> Sequence[object]:
    return corpus if isinstance(corpus, list | tuple) else [corpus]


@lru_cache(maxsize=8)
def _prepared(session: Session, recipe: Recipe) -> Prepared:
    """Once a process; the lock makes the first process of several do the work."""
    with _lock(session.work, "prepare"):
        return prepare(Workspace(session.work), recipe, session.inputs, InlineExecutor(), Stages(NullProgress()))


def _lock(work: Path, name: str) -> FileLock:
    with storage_errors(work):
        work.mkdir(parents=True, exist_ok=True)
    return FileLock(work / f"{name}.lock")
