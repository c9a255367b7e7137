"""Derive the licence of a dataset from the licences of its sources: the stricter one wins.

A row joins text of several sources, so it may only be used as all of them allow. Licences stand in groups, from no
condition at all to no changed versions. A licence of the first two groups gives way to any of a later one; of two that
both put conditions on the result, one wins only where it is known to cover the other. Anything else is `other`, and
the card says so: a program must not grant a permission that no source gives.

This is a table, not legal advice.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nextlong_hub.corpus.row_licences import BOTH
from nextlong_hub.dataset.corpus_record import SourceRecord
from nextlong_hub.errors import RecipeError, argument

_FREE = ("cc0-1.0", "pddl", "unlicense", "wtfpl")
_NOTICE = (
    *("isc", "zlib", "mit", "bsl-1.0", "ncsa", "postgresql", "bsd", "bsd-2-clause", "bsd-3-clause"),
    *("bsd-3-clause-clear", "afl-3.0", "ecl-2.0", "apache-2.0", "artistic-2.0", "ms-pl", "ofl-1.1", "openmdw-1.0"),
    *("cdla-permissive-1.0", "cdla-permissive-2.0", "c-uda", "etalab-2.0", "odc-by"),
    *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0"),
)
_SHARE_ALIKE = (
    *("mpl-2.0", "epl-1.0", "epl-2.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "lppl-1.3c", "eupl-1.1", "eupl-1.2"),
    *("gpl", "gpl-2.0", "gpl-3.0", "agpl-3.0", "osl-3.0", "gfdl", "cdla-sharing-1.0", "odbl"),
    *("cc-by-sa-3.0", "cc-by-sa-4.0"),
)
_NOT_COMMERCIAL = (
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
)
_NOT_CHANGED = ("cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0")
_SPECIAL = (
    *("cc", "openrail", "openrail++", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0"),
    *("bigcode-openrail-m", "h-research", "intel-research", "apple-ascl", "apple-amlr", "deepfloyd-if-license"),
    *("fair-noncommercial-research-license", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4"),
    *("grok2-community", "gemma", "unknown", "other"),
)
LICENCES = frozenset((*_FREE, *_NOTICE, *_SHARE_ALIKE, *_NOT_COMMERCIAL, *_NOT_CHANGED, *_SPECIAL))
"""The Hub's identifiers."""

_COVERS = (
    ("cc-by-sa-3.0", "cc-by-sa-4.0"),
    ("lgpl-2.1", "lgpl-3.0"),
    ("lgpl-3.0", "gpl-3.0"),
    ("gpl-3.0", "agpl-3.0"),
    ("mpl-2.0", "gpl-3.0"),
    ("eupl-1.1", "eupl-1.2"),
    *((f"cc-by-nc-{a}", f"cc-by-nc-{b}") for a, b in (("2.0", "3.0"), ("2.0", "4.0"), ("3.0", "4.0"))),
    *((f"cc-by-nc-{a}", f"cc-by-nc-sa-{b}") for a in ("2.0", "3.0", "4.0") for b in ("2.0", "3.0", "4.0")),
    *((f"cc-by-nc-sa-{a}", f"cc-by-nc-sa-{b}") for a, b in (("2.0", "3.0"), ("2.0", "4.0"), ("3.0", "4.0"))),
)
"""Of two licences that both put conditions: text under the first may become part of a work under the second."""

_OTHER_NAMES = {
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "cc0": "cc0-1.0",
    "apache2": "apache-2.0",
    "apache": "apache-2.0",
    "gfdl-1.3": "gfdl",
    "gfdl-1.2": "gfdl",
    "0bsd": "bsd",
    "mit license": "mit",
    "agpl-3.0-only": "agpl-3.0",
    "agpl-3.0-or-later": "agpl-3.0",
    "gpl-2.0-only": "gpl-2.0",
    "gpl-3.0-only": "gpl-3.0",
    "gpl-3.0-or-later": "gpl-3.0",
}
_ADDRESSES = tuple(
    (re.compile(rf"(?:https?://)?(?:www\.)?{pattern}"), name)
    for pattern, name in (
        (r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/.*)?", r"cc-\1-\2"),
        (r"creativecommons\.org/publicdomain/zero/1\.0(?:/.*)?", "cc0-1.0"),
        (r"creativecommons\.org/publicdomain/mark/1\.0(?:/.*)?", "public-domain"),
        (r"apache\.org/licenses/license-2\.0(?:\.txt|\.html)?", "apache-2.0"),
        (r"(?:choosealicense\.com|spdx\.org)/licenses/([a-z0-9.-]+?)(?:\.html)?/?", r"\1"),
        (r"opensource\.org/licenses?/([a-z0-9.-]+?)(?:-license)?(?:\.php)?/?", r"\1"),
    )
)
_PUBLIC_DOMAIN = "public-domain"
"""No licence at all: it gives way to every one, and the Hub has no identifier for it."""
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedLicence:
    """The licence entries of a card's header, and a warning."""

    licence: str
    """An identifier of the Hub."""
    name: str | None
    """Name of a licence that the Hub has no identifier for; else None."""
    warning: str | None
    """Why a person must decide; None where the sources are clear."""


def derive_licence(stated: Sequence[str | None]) -> DerivedLicence:
    """The licence of a mixture of texts under the licences `stated`; None is a source that states none."""
    stated = [one for said in stated for one in (_each_of(said) if said else [said])]
    if not stated or None in stated:
        missing = sum(licence is None for licence in stated)
        return _other(
            "not-stated" if missing == len(stated) else "partly-not-stated",
            "no source states one" if missing == len(stated) else "of some of the texts none is stated",
        )
    stated = [licence for licence in stated if _slug(_of_address(str(licence).lower())) != _PUBLIC_DOMAIN]
    if not stated:
        return DerivedLicence(licence="other", name=_PUBLIC_DOMAIN, warning=None)
    known = {licence: identifier_of(str(licence)) for licence in stated}
    unknown = [str(licence) for licence, identifier in known.items() if identifier is None]
    if unknown:
        return _other(
            _slug(unknown[0]) if len(set(stated)) == 1 else "several-licenses",
            f"the Hub has no identifier for {unknown[0]!r}",
        )
    identifiers = sorted({identifier for identifier in known.values() if identifier is not None})
    asking = [identifier for identifier in identifiers if _rank(identifier) >= len(_FREE) + len(_NOTICE)]
    strictest = max(asking or identifiers, key=_rank)
    uncovered = [one for one in asking if one != strictest and (one, strictest) not in _COVERS]
    if uncovered:
        return _other(
            "several-licenses",
            f"text under {uncovered[0]} and under {strictest} stands in the same rows, and neither is known to allow "
            "the other's conditions",
        )
    warning = None
    if strictest in _NOT_CHANGED:
        warning = f"{strictest} allows no changed versions, and rows are made of parts of documents"
    return DerivedLicence(licence=strictest, name=None, warning=warning)


def refuse_contradictions(sources: Iterable[SourceRecord]) -> None:
    """Make sure that no licence which a user states for a source asks for less than its data do.

    Raises:
        RecipeError: one asks for less, and the user does not insist on it.
    """
    for source in sources:
        said = _against(source) if not source.insisted else {}
        if not said:
            continue
        places = "; ".join(f"{license} in {' and '.join(where)}" for license, where in said.items())
        raise RecipeError(
            f"source {source.name!r}: the license is given as {source.license!r}, and its data say otherwise: "
            f"{places}; leave {argument('license')} out to have the stricter one, or insist on yours as "
            f'{argument("license", f"{source.license}!")} (in a recipe license = "{source.license}!"), and the card '
            "says so"
        )


def contradictions(source: SourceRecord) -> dict[str, list[str]]:
    """What the data of a source say of a licence that was insisted upon, and where; empty where they agree."""
    return _against(source) if source.insisted else {}


def _against(source: SourceRecord) -> dict[str, list[str]]:
    """The licences that the data state and that ask for more than that of the user, with their places."""
    said, license = source.said_by_data(), source.license
    if license is None or not _asks_for_more(list(said), license):
        return {}
    alone = {one: where for one, where in said.items() if _asks_for_more([one], license)}
    return alone or said


def _asks_for_more(said: Sequence[str], license: str) -> bool:
    """Whether texts under all of these may not be given away under one licence."""
    others = [one for one in said if not (_is_free(one) and _is_free(license))]
    alone, together = derive_licence([license]), derive_licence([license, *others])
    return (alone.licence, alone.name) != (together.licence, together.name)


def _each_of(said: str) -> list[str]:
    """The licences that all apply to a row: `mit AND gpl-3.0`."""
    return [one.strip(" ()") for one in said.split(BOTH)]


def _is_free(license: str) -> bool:
    return _slug(license) == _PUBLIC_DOMAIN or identifier_of(license) in _FREE


def identifier_of(stated: str) -> str | None:
    """The Hub's identifier for a licence in any common spelling; None when there is none that stands for terms."""
    plain = _of_address(" ".join(stated.lower().split()))
    plain = _OTHER_NAMES.get(plain, plain).replace("_", "-").replace(" ", "-")
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in LICENCES and plain not in ("unknown", "other", "cc") else None


def _of_address(plain: str) -> str:
    """A licence by the address of its text."""
    for pattern, name in _ADDRESSES:
        if match := pattern.fullmatch(plain):
            return match.expand(name)
    return plain


def _rank(identifier: str) -> int:
    order = (*_FREE, *_NOTICE, *_SHARE_ALIKE, *_NOT_COMMERCIAL, *_NOT_CHANGED, *_SPECIAL)
    return order.index(identifier)


def _other(name: str, warning: str) -> DerivedLicence:
    return DerivedLicence(licence="other", name=name, warning=warning)


def _slug(name: str) -> str:
    """A name as the Hub wants it: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:_LONGEST_NAME] or "unnamed"
