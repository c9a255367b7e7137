"""Which documents each configuration may extend: none is extended for two recipes that keep apart.

A document belongs to the recipe whose row took it first, and never changes hands: what was made stays when more is.

    Allotment    what the folder holds already, and what this run has made
    allot        before anything expensive: how many rows each recipe can have, or an error that says so

A rerun must give what is there, although others may have taken more documents since, or fewer. So the manifest names
what each configuration was kept apart from by a digest, and the work folder keeps the documents behind each digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nextlong_hub.core.files import read_checked_json, write_checked_json
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import ConfigRecord, TakenRecord
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.taken import Taken, digest_of_documents, merged, taken_by, taken_in_files
from nextlong_hub.errors import CorpusTooSmallError, DataError, argument
from nextlong_hub.execution.run import Run
from nextlong_hub.producer import Produced, RowPlan, producer_of
from nextlong_hub.recipe import Recipe, recorded_recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the manifest says of the rows of a recipe that an earlier run made."""

    rows: int
    is_all: bool
    """No document was left for more."""
    apart: Mapping[str, str]
    """Digests of the documents that they were kept apart from, by recipe."""


class Allotment:
    """Who has which documents: in the folder as it was found, and in what this run has made so far."""

    def __init__(self, run: Run, before: Manifest | None, recipes: Sequence[Recipe]) -> None:
        """Read what the folder holds.

        Args:
            run: of the folder.
            before: what stands there.
            recipes: what this run publishes.

        Raises:
            DataError: a file of a configuration that this run does not make again is damaged.
        """
        self._run = run
        self._configs = dict(before.configs) if before else {}
        self._again = {recipe.name for recipe in recipes}
        self._unknown: set[str] = set()
        self._standing = {
            name: self._taken_by_config(name, config)
            for name, config in self._configs.items()
            if any(producer_of(recipe).takes_documents for recipe in config.row_recipes.values())
        }

    def apart(self, recipe: Recipe, wanted: int | None, made: Mapping[str, Taken]) -> Taken:
        """What the rows of a recipe must leave alone, by the recipes that took it.

        What was recorded holds for a rerun that wants no more rows; otherwise all that others have now.

        Args:
            recipe: the one whose rows are to be made.
            wanted: how many; None where that is not known.
            made: what the recipes that this run has made take.
        """
        if not producer_of(recipe).keeps_apart(recipe):
            return {}
        now = self._now(recipe, made)
        recorded = self._recorded(recipe.name)
        before = self._documents(recorded.apart, now) if recorded else None
        if recorded is None or before is None:
            return now
        nothing_is_free = recorded.is_all and _together(before) <= _together(now)
        return before if (wanted is not None and wanted <= recorded.rows) or nothing_is_free else now

    def _now(self, recipe: Recipe, made: Mapping[str, Taken]) -> Taken:
        """What others have now: not the recipe itself, and not the ingredients that are made for it alone.

        Which of their rows it takes it knows itself; and what it held before is made again with them.
        """
        own = {name for name in recipe.ingredients if self._is_only_ingredient(name)}
        standing = [
            taken
            for name, taken in self._standing.items()
            if name != recipe.name
            and not (name in self._again and (name in made or recipe.name in self._ingredients_of(name)))
        ]
        now = merged([*standing, *(taken for name, taken in made.items() if name not in own)])
        now.pop(recipe.name, None)
        return now

    def _is_only_ingredient(self, name: str) -> bool:
        return name not in self._again and name not in self._configs

    def _ingredients_of(self, config: str) -> set[str]:
        """The recipes that are made for a standing configuration alone."""
        return {name for name in self._configs[config].mixture if self._is_only_ingredient(name)}

    def _taken_by_config(self, name: str, config: ConfigRecord) -> Taken:
        kept = {owner: self._kept(record.digest) for owner, record in config.taken.items()}
        known = {owner: documents for owner, documents in kept.items() if documents is not None}
        if kept and len(known) == len(kept):
            return known
        paths = [self._run.output / file.path for file in config.files]
        try:
            return taken_in_files(paths, packed=config.packing is not None)
        except DataError:
            if name in self._again:
                self._unknown.add(name)
                return {}
            raise

    def _recorded(self, name: str) -> Recorded | None:
        """What is known of an earlier run's rows: of a published configuration, else of a mixture's ingredient."""
        config = self._configs.get(name)
        if config is not None and config.taken and name in self._again - self._unknown:
            made = config.synthesis
            is_all = made is not None and made.candidates >= made.eligible_documents
            return Recorded(rows=config.rows, is_all=is_all, apart=config.apart)
        for mixture, record in self._configs.items():
            part = record.mixture.get(name)
            if part is not None and part.made and mixture in self._again - self._unknown:
                return Recorded(rows=part.made, is_all=False, apart=part.apart)
        return None

    def _documents(self, digests: Mapping[str, str], now: Taken) -> Taken | None:
        """The documents behind each digest; None where some are not known any more."""
        found = {}
        for owner, digest in digests.items():
            documents = self._kept(digest)
            if documents is None and digest_of_documents(now.get(owner, ())) == digest:
                documents = now[owner]
            if documents is None:
                return None
            found[owner] = documents
        return found

    def _kept(self, digest: str) -> frozenset[str] | None:
        content = read_checked_json(self._run.workspace.documents(digest))
        return None if content is None else frozenset(content)


def keep_documents(run: Run, taken: Taken) -> dict[str, str]:
    """The digest of the documents that each recipe took; the work folder then knows the documents by it.

    Raises:
        StorageError: no space, or no permission.
    """
    digests = {}
    for owner, documents in sorted(taken.items()):
        digests[owner] = digest_of_documents(documents)
        path = run.workspace.documents(digests[owner])
        if read_checked_json(path) is None:
            write_checked_json(path, sorted(documents))
    return digests


def taken_records(run: Run, produced: Produced) -> dict[str, TakenRecord]:
    """What the manifest says of the documents that the rows of a configuration take.

    Raises:
        DataError: a finished unit is damaged.
        StorageError: no space, or no permission.
    """
    recipes = [recorded_recipe(part.recipe) for part in produced.mixture.values()] or [produced.recipe]
    if not any(producer_of(recipe).takes_documents for recipe in recipes):
        return {}
    taken = taken_by(produced.rows)
    return {
        owner: TakenRecord(documents=len(taken[owner]), digest=digest)
        for owner, digest in keep_documents(run, taken).items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One recipe, and what its rows can be made of."""

    recipe: Recipe
    store: ChunkStore
    plan: RowPlan
    is_asked: bool
    """The number of rows was asked for."""


@dataclass(slots=True)
class _Allotted:
    """Rows that each recipe can have, and who has which documents then."""

    most: dict[str, int] = field(default_factory=dict)
    made: dict[str, Taken] = field(default_factory=dict)
    apart: dict[str, Taken] = field(default_factory=dict)


def allot(demands: Sequence[Demand], allotment: Allotment) -> dict[str, int]:
    """How many rows each recipe gets, if each document that it tries becomes a row.

    Args:
        demands: in the order in which the rows are made.
        allotment: what the folder holds.

    Raises:
        CorpusTooSmallError: a recipe cannot have the rows that it was asked for, or none at all.
    """
    done = _Allotted()
    for demand in demands:
        name, plan = demand.recipe.name, demand.plan
        apart = allotment.apart(demand.recipe, plan.wanted, done.made)
        taken = demand.store.document_numbers(pa.array(sorted(_together(apart)), pa.string()))
        free = plan.order[~np.isin(plan.order, taken)]
        done.most[name] = len(free)
        done.apart[name] = apart
        done.made[name] = {name: frozenset(demand.store.document_ids(free[: plan.wanted]))}
    for demand in demands:
        most = done.most[demand.recipe.name]
        if most < (demand.plan.wanted if demand.is_asked else 1):
            raise CorpusTooSmallError(_too_few(demand, demands, done))
    return {demand.recipe.name: min(demand.plan.wanted, done.most[demand.recipe.name]) for demand in demands}


def _too_few(demand: Demand, demands: Sequence[Demand], done: _Allotted) -> str:
    """Why a recipe cannot have its rows, how many each can have, and what to do."""
    name, plan = demand.recipe.name, demand.plan
    most = done.most[name]
    if not any(done.apart[name].values()):
        return (
            f"recipe {name}: {plan.wanted:,} samples were asked for, but only {most:,} documents can be extended "
            f"(not eligible: {listed(plan.not_eligible)}); ask for at most {most:,} samples or add documents"
        )
    others = ", ".join(sorted(done.apart[name]))
    asked = f"{plan.wanted:,} samples were asked for, but only {most:,}" if demand.is_asked else f"only {most:,}"
    can_have = ", ".join(
        f"{one.recipe.name} {min(one.plan.wanted, done.most[one.recipe.name]):,}"
        for one in demands
        if one.is_asked or one is demand
    )
    return (
        f"recipe {name}: {asked} of the {len(plan.order):,} documents that can be extended are left for it: others are "
        f"meta-documents of {others}, and no document is extended for two configurations; each can have so many "
        f"samples: {can_have}; ask for fewer with {argument('samples')}, add documents, or let configurations share "
        "documents "
        f"with {argument('set', 'meta_documents.choice=nested')}"
    )


def _together(taken: Taken) -> frozenset[str]:
    return frozenset[str]().union(*taken.values())
