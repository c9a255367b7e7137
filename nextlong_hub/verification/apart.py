"""Checks across configurations: what claims to be kept apart is, and the digests of the documents taken are right."""

from collections.abc import Mapping
from itertools import combinations

from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest
from nextlong_hub.dataset.taken import Taken, digest_of_documents, merged
from nextlong_hub.producer import producer_of
from nextlong_hub.recipe import Recipe
from nextlong_hub.verification.report import Check


def check_apart(found: Mapping[str, Taken], manifest: Manifest, check: Check) -> None:
    """Check the documents that rows take against what the manifest says of them.

    Args:
        found: the documents of each configuration whose files are sound, by the recipe that made the row.
        manifest: what the folder claims; older ones claim nothing.
        check: takes the faults.
    """
    claiming = {name: manifest.configs[name] for name in found if manifest.configs[name].taken}
    for name, config in claiming.items():
        _check_digests(name, config, found[name], check)
        if config.mixture:
            _check_once(name, found[name], check)
    together = merged(found[name] for name in claiming)
    recipes = {owner: recipe for config in claiming.values() for owner, recipe in config.row_recipes.items()}
    aparts: dict[str, list[Mapping[str, str]]] = {}
    for name, config in claiming.items():
        aparts.setdefault(name, []).append(config.apart)
        for part, record in config.mixture.items():
            aparts.setdefault(part, []).append(record.apart)
    for one, other in combinations(together, 2):
        shared = together[one] & together[other]
        if shared and (
            (_keeps_apart(recipes.get(one)) and _keeps_apart(recipes.get(other)))
            or any(apart.get(other) == digest_of_documents(together[other]) for apart in aparts.get(one, ()))
            or any(apart.get(one) == digest_of_documents(together[one]) for apart in aparts.get(other, ()))
        ):
            check.fault(
                MANIFEST_NAME,
                f"says that rows of {one!r} and {other!r} are kept apart, but both have {len(shared):,} documents, "
                f"such as {min(shared)!r}",
            )


def _keeps_apart(recipe: Recipe | None) -> bool:
    return recipe is not None and producer_of(recipe).keeps_apart(recipe)


def _check_digests(name: str, config: ConfigRecord, found: Taken, check: Check) -> None:
    said = {owner: (record.documents, record.digest) for owner, record in config.taken.items()}
    there = {owner: (len(documents), digest_of_documents(documents)) for owner, documents in found.items()}
    for owner in sorted(said.keys() | there.keys()):
        if said.get(owner) != there.get(owner):
            check.fault(
                MANIFEST_NAME,
                f"says that rows of {owner!r} in {name!r} take {_words(said.get(owner))}, but they take "
                f"{_words(there.get(owner))}",
            )


def _words(taken: tuple[int, str] | None) -> str:
    return "none" if taken is None else f"{taken[0]:,} documents of digest {taken[1]}"


def _check_once(name: str, found: Taken, check: Check) -> None:
    """No document stands in two rows of a mixture: the rows of one recipe have different ids, and so documents."""
    for one, other in combinations(sorted(found), 2):
        for document in sorted(found[one] & found[other])[:1]:
            check.fault(f"data/{name}", f"{document!r} is there twice, in rows of {one!r} and of {other!r}")
