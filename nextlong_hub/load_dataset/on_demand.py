"""Rows made on demand, for the `datasets` builder.

A session prepares a configuration once (store, index, candidates) in a work folder and then makes any unit's rows on
demand. Rows, their order and their number are those that `build` would publish in a folder with that configuration
alone: sessions know nothing of each other, so two configurations made on demand extend some of the same documents,
while `build` gives each its own (`meta_documents.choice`). To train on several, build one folder and load that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from nextlong_hub.core.files import digest_of
from nextlong_hub.corpus import DEMO
from nextlong_hub.corpus.given import as_sources
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import find_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.write import chosen_tables
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.run import Run
from nextlong_hub.pipeline import BuildRequest, make_rows, open_tokenizers, resolve
from nextlong_hub.producer import Inputs, RowRequest, RowStream, producer_of, rows_of_ingredients
from nextlong_hub.recipe import DEFAULT_SEED, Recipe, load_recipes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """One configuration that can give rows; it can be pickled, so that any process can make them."""

    request: BuildRequest
    """Of one recipe, as its producer resolved it."""
    inputs: Inputs
    """As they were found when the session was opened."""
    work: Path
    """Where finished work is kept between sessions and shared between processes."""

    @property
    def recipe(self) -> Recipe:
        """The configuration."""
        return self.request.recipes[0]

    @property
    def identity(self) -> str:
        """Digest of all that decides the rows: recipes, corpus, tokenizer, seed and number of rows."""
        recipes = [recipe.fingerprint for recipe in (self.recipe, *self.request.ingredients)]
        inputs = self.inputs
        rows = self.request.rows.get(self.recipe.name)
        return digest_of([recipes, inputs.corpus.digest, inputs.tokenizer.digest, inputs.seed, rows])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and (self.identity, self.work) == (other.identity, other.work)

    def __hash__(self) -> int:
        return hash((self.identity, self.work))

    def units(self) -> list[int]:
        """The numbers of the units that `tables` takes; rows that are made together are a single one."""
        stream = _stream_of(self)
        return list(range(stream.units())) if stream else [0]

    def tables(self, unit: int) -> Iterator[pa.Table]:
        """The rows of one unit, a row group at a time; the last unit replaces the rows that others lack."""
        stream = _stream_of(self)
        return stream.tables(unit) if stream else self._all()

    def _all(self) -> Iterator[pa.Table]:
        run = Run.quiet(self.work)
        with run.workspace.exclusive("prepare"):  # as a stream does: store and index are made by one process
            made = make_rows(run, self.request, self.inputs)
        yield from chosen_tables(self.recipe, made[self.recipe.name].rows, self.inputs.tokenizer)


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
        corpus: see `corpus.given.as_sources`; None takes the recipe's own, else the embedded demo corpus.
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
    rows = {} if samples is None else {recipe.name: samples}
    request = BuildRequest(
        recipes=(recipe,),
        ingredients=ingredients,
        sources=tuple(sources),
        tokenizer=tokenizer,
        seed=seed,
        rows=rows | rows_of_ingredients([recipe], ingredients, rows),
    )
    tokenizers = open_tokenizers(request)
    request = resolve(request, tokenizers[0])
    found = find_corpus(Run.quiet(work), request.sources)
    inputs = Inputs(corpus=found, tokenizers=tokenizers, seed=seed)
    return Session(request=request, inputs=inputs, work=work)


def work_folder(beside: str | Path) -> Path:
    """Where sessions keep finished work, beside cached datasets; the name is none that `datasets` looks for."""
    return Path(beside).expanduser() / "nextlong-hub-work"


@lru_cache(maxsize=8)
def _stream_of(session: Session) -> RowStream | None:
    """Once a process."""
    rows = session.request.rows.get(session.recipe.name)
    request = RowRequest(recipe=session.recipe, inputs=session.inputs, rows=rows)
    return producer_of(session.recipe).stream(Run.quiet(session.work), request)
