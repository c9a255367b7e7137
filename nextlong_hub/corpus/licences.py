"""What is said of a source beside its rows: of its licence, and of its languages.

A licence stands in the header of its card, in licence files, in its info; languages in that header alone.

What the rows say in a column `license` is counted when they are read (`origins`). What a user says can be insisted
upon: `mit!`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from nextlong_hub.corpus import remote
from nextlong_hub.corpus.endings import names_by_suffix, suffix_of
from nextlong_hub.corpus.in_memory import MemorySource
from nextlong_hub.corpus.listing import CARD, DEMO
from nextlong_hub.corpus.patterns import has_magic
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.splits import header_of
from nextlong_hub.hub.address import DatasetAddress, is_dataset_name
from nextlong_hub.hub.files import read_card, top_files

LICENCE_FILE = re.compile(r"(?:(?:un)?licen[cs]e|copying)(?:[-.].*)?", re.IGNORECASE)
"""The name of a file that holds the text of a licence."""

_INSISTED = "!"
_DATA = "data"
"""The folder of a dataset that holds its files, or a folder for each configuration."""
_READ_BYTES = 1 << 16
_NOT_SAID = frozenset({"not-stated", "partly-not-stated"})
"""Names that our own cards give a licence which nobody has stated."""
_KNOWN_BY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("cc-by-nc-nd-4.0", ("attribution-noncommercial-noderivatives 4.0",)),
    ("cc-by-nc-sa-4.0", ("attribution-noncommercial-sharealike 4.0",)),
    ("cc-by-nc-sa-3.0", ("attribution-noncommercial-sharealike 3.0",)),
    ("cc-by-nc-4.0", ("attribution-noncommercial 4.0",)),
    ("cc-by-nc-3.0", ("attribution-noncommercial 3.0",)),
    ("cc-by-nd-4.0", ("attribution-noderivatives 4.0",)),
    ("cc-by-sa-4.0", ("attribution-sharealike 4.0",)),
    ("cc-by-sa-3.0", ("attribution-sharealike 3.0",)),
    ("cc-by-4.0", ("attribution 4.0 international",)),
    ("cc-by-3.0", ("attribution 3.0",)),
    ("cc0-1.0", ("cc0 1.0 universal",)),
    ("agpl-3.0", ("gnu affero general public license", "version 3")),
    ("lgpl-3.0", ("gnu lesser general public license", "version 3")),
    ("lgpl-2.1", ("gnu lesser general public license", "version 2.1")),
    ("gpl-3.0", ("gnu general public license", "version 3, 29 june 2007")),
    ("gpl-2.0", ("gnu general public license", "version 2, june 1991")),
    ("gfdl", ("gnu free documentation license",)),
    ("apache-2.0", ("apache license", "version 2.0")),
    ("mpl-2.0", ("mozilla public license", "2.0")),
    ("odbl", ("open database license",)),
    ("odc-by", ("open data commons attribution license",)),
    ("pddl", ("public domain dedication", "open data commons")),
    ("cdla-permissive-2.0", ("community data license agreement", "permissive", "2.0")),
    ("cdla-permissive-1.0", ("community data license agreement", "permissive", "1.0")),
    ("cdla-sharing-1.0", ("community data license agreement", "sharing", "1.0")),
    ("unlicense", ("free and unencumbered software released into the public domain",)),
    ("bsd-3-clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("bsd-2-clause", ("redistribution and use in source and binary forms",)),
    ("mit", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    ("isc", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
)
"""Licences, those of more words first, by what stands at the beginning of their texts: in lower case, with one space
between words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedLicence:
    """A licence that is stated for the whole of a source."""

    license: str
    """As it is stated; of a licence file the Hub's identifier, or the name of the file where its text is not known."""
    where: str
    """The name of the file that states it, or `info` of a dataset in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedLanguage:
    """A language that a card says the texts of a source are in, as it says it: `en`."""

    language: str


Stated = StatedLicence | StatedLanguage


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What is stated for the whole of a source."""

    licences: tuple[StatedLicence, ...] = ()
    languages: tuple[str, ...] = ()
    """As its card has them; none is ever guessed."""


def insisted(license: str | None) -> tuple[str | None, bool]:
    """A licence as a user gives it, and whether the user insists on it, whatever the data say: `mit!`."""
    plain = None if license is None else license.strip().removesuffix(_INSISTED).strip()
    return plain or None, bool(plain) and license is not None and license.strip().endswith(_INSISTED)


def with_insistence(license: str | None, *, is_insisted: bool) -> str | None:
    """The opposite of `insisted`."""
    return f"{license}{_INSISTED}" if license and is_insisted else license


def stated_licences(source: SourceSettings | MemorySource) -> tuple[StatedLicence, ...]:
    """The licences among `statements_of`."""
    return statements_of(source).licences


def statements_of(source: SourceSettings | MemorySource) -> Statements:
    """What is stated for the whole of a source, as it was found.

    Raises:
        AuthError, NetworkError: see `read_card`.
    """
    found = dict.fromkeys(_stated(source))
    return Statements(
        licences=tuple(one for one in found if isinstance(one, StatedLicence)),
        languages=tuple(one.language for one in found if isinstance(one, StatedLanguage)),
    )


def _stated(source: SourceSettings | MemorySource) -> Iterable[Stated]:
    if isinstance(source, MemorySource):
        found: Iterable[Stated] = _of_info(source.rows)
    elif source.path == DEMO:
        found = ()
    elif remote.is_url(source.path):
        found = _by_url(source.path)
    else:
        address = DatasetAddress.parse(source.path)
        here = Path(source.path).expanduser()
        if address is not None:
            found = _on_hub(address.name, source.revision)
        elif here.exists():
            found = _in_folder(here) if here.is_dir() else ()
            found = [*found, *_above(here.parent if here.is_file() else here)]
        elif is_dataset_name(source.path):
            found = _on_hub(source.path, source.revision)
        else:
            found = _above(here.parent) if has_magic(source.path) and not has_magic(str(here.parent)) else ()
    return found


def licence_of_text(text: str) -> str | None:
    """The Hub's identifier of the licence that a text is; None of a text that is none of those known."""
    plain = " ".join(text[:_READ_BYTES].lower().split())
    return next((name for name, words in _KNOWN_BY if all(word in plain for word in words)), None)


def _in_folder(folder: Path) -> Iterator[Stated]:
    """The header of the card, and licence files; one of unknown text counts only where the card says nothing."""
    said = list(_of_header(_text(folder / CARD)))
    yield from said
    for path in sorted(folder.iterdir()):
        if LICENCE_FILE.fullmatch(path.name) and path.is_file():
            yield from _of_file(path.name, _text(path), has_other=_has_licence(said))


def _above(folder: Path) -> Iterator[Stated]:
    """The header of the card of the dataset that a folder is a part of: beside it, or above its `data`."""
    home = folder.resolve()
    for above in (home, home.parent):
        if above.name == _DATA:
            home = above.parent
    return _of_header(_text(home / CARD))


def _on_hub(name: str, commit: str | None) -> Iterator[Stated]:
    """The same of a dataset on the Hub."""
    root = DatasetAddress(name=name, revision=commit)
    return _of_files(top_files(name, commit), lambda file: read_card(f"{root}/{file}"))


def _by_url(url: str) -> Iterator[Stated]:
    """The same of a folder on another server; of files and patterns that of the folder they lie in.

    A web server is only asked about a folder: beside a file it may have anything.
    """
    plain = remote.without_query(url).rstrip("/")
    fixed = next((part for part in accumulate(plain.split("/"), "{}/{}".format) if has_magic(part)), plain)
    is_file = fixed != plain or suffix_of(plain, names_by_suffix(are_named=True))
    folder = fixed.rpartition("/")[0] if is_file else plain
    if is_file and remote.is_web(url):
        return iter(())
    return _of_files(remote.top_files(folder), lambda file: remote.read_text(f"{folder}/{file}", _READ_BYTES))


def _of_files(files: Sequence[str], text_of: Callable[[str], str]) -> Iterator[Stated]:
    """The header of the card among files elsewhere; licence files are fetched only where the card says nothing."""
    said = list(_of_header(text_of(CARD))) if CARD in files else []
    yield from said
    for file in files if not _has_licence(said) else ():
        if LICENCE_FILE.fullmatch(file):
            yield from _of_file(file, text_of(file), has_other=False)


def _of_file(name: str, text: str, *, has_other: bool) -> Iterator[Stated]:
    known = licence_of_text(text)
    if known or (text.strip() and not has_other):
        yield StatedLicence(license=known or f"see {name}", where=name)


def _has_licence(said: Iterable[Stated]) -> bool:
    return any(isinstance(one, StatedLicence) for one in said)


def _of_header(card: str) -> Iterator[Stated]:
    """What the header of a card says: licences, by a name of their own where they are none of the Hub's; languages."""
    header = header_of(card)
    given = header.get("license")
    own = header.get("license_name")
    for one in given if isinstance(given, list) else [given]:
        name = own if one == "other" and isinstance(own, str) else one
        if isinstance(name, str) and name.strip() and name not in _NOT_SAID:
            yield StatedLicence(license=name.strip(), where=CARD)
    spoken = header.get("language")
    for one in spoken if isinstance(spoken, list) else [spoken]:
        if isinstance(one, str) and one.strip():
            yield StatedLanguage(language=one.strip())


def _of_info(dataset: Any) -> Iterator[Stated]:
    stated = getattr(getattr(dataset, "info", None), "license", None)
    if isinstance(stated, str) and stated.strip():
        yield StatedLicence(license=stated.strip(), where="info")


def _text(path: Path) -> str:
    """The beginning of a file; empty where there is none, or none that may be read."""
    try:
        with path.open("rb") as file:
            return file.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
