"""The card of a dataset folder: written, with edits made by hand kept, and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nextlong_hub.core.files import write_bytes
from nextlong_hub.core.ownership import OwnFiles
from nextlong_hub.datacard.header import lists_files_of
from nextlong_hub.datacard.limits import preflight
from nextlong_hub.datacard.lint import lint_card
from nextlong_hub.datacard.merging import MergedCard, merge_card
from nextlong_hub.datacard.pictures import OUR_PICTURES, is_whole, pictures_of
from nextlong_hub.datacard.rendering import GeneratedCard, generate_card
from nextlong_hub.datacard.text import format_card, parse_card
from nextlong_hub.dataset.folder import CARD_NAME, own_files
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, require_manifest
from nextlong_hub.errors import DataError
from nextlong_hub.execution.workspace import WORK_NAME

_GENERATED = "card.md"
"""The last generated card, in the folder's `.work`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCard:
    """A card as it lies in its folder."""

    path: Path
    pictures: tuple[str, ...]
    """Paths of its plots, relative to the folder."""
    notes: tuple[str, ...]
    """Warnings: edited parts that would be generated differently now, and an unclear licence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReport:
    """The result of checking a card, one sentence each."""

    faults: tuple[str, ...]
    """What the Hub would reject, and what does not match the data."""
    notes: tuple[str, ...]
    """Warnings that are no faults."""


def write_card(
    folder: Path,
    manifest: Manifest | None = None,
    *,
    edited: Path | None = None,
    plots: bool = True,
    values: Mapping[str, Any] | None = None,
    force: bool | None = None,
) -> WrittenCard:
    """Write the card of a dataset and its pictures; edits made by hand in the existing card are kept.

    Args:
        folder: a dataset folder, its data in place.
        manifest: what it holds; None reads it from the folder.
        edited: the card that may have been edited by hand; None takes the one in the folder.
        plots: draw pictures and show them.
        values: header keys set by the user; they stay when the card is written again.
        force: replace pictures that have the names of ours and are not; None where nobody can ask for it.

    Raises:
        DataError: the folder holds no dataset, a file is missing or damaged, or the header of its card is not YAML.
        ConflictError: a picture is to be written where a file is that is not ours, or behind a link.
        StorageError: the folder cannot be written.
    """
    manifest = manifest or require_manifest(folder)
    fresh = generate_card(folder, manifest, plots=plots)
    path, there = folder / CARD_NAME, edited or folder / CARD_NAME
    text, notes = fresh.text, list(fresh.warnings)
    before = _read(there) if there.is_file() else None
    own = _own_files(folder, manifest, before, force)
    own.claim(fresh.pictures)
    if before is not None:
        merged = _merged(folder, before, fresh)
        text = merged.text
        notes += [f"{_part(part)} of {path} {_EDITED}" for part in merged.conflicts]
    if values:
        card = parse_card(text)
        text = format_card(replace(card, header={**card.header, **values}))
    for name, content in fresh.pictures.items():
        write_bytes(folder / name, content)
    own.remove(sorted(OUR_PICTURES.difference(pictures_of(text))))
    write_bytes(path, text.encode())
    if (folder / WORK_NAME).is_dir():
        write_bytes(folder / WORK_NAME / _GENERATED, fresh.text.encode())
    return WrittenCard(path=path, pictures=tuple(fresh.pictures), notes=tuple(notes))


def _own_files(folder: Path, manifest: Manifest, card: str | None, force: bool | None) -> OwnFiles:
    """Which files of a dataset folder are ours, the generated pictures that its card shows among them.

    Where no run has kept names, as in a folder that was fetched from the Hub, all generated pictures are.
    """
    shown = OUR_PICTURES.intersection(pictures_of(card or ""))
    own = own_files(folder, manifest, shown, may_replace=force)
    return own if own.has_record else own_files(folder, manifest, OUR_PICTURES, may_replace=force)


def is_described(folder: Path) -> bool:
    """Whether there is a card, and every generated picture that it shows, undamaged."""
    path = folder / CARD_NAME
    return path.is_file() and all(
        is_whole(folder / name) for name in OUR_PICTURES.intersection(pictures_of(_read(path)))
    )


def check_card(folder: Path) -> CardReport:
    """Check the card of a dataset folder: by the Hub's rules, and against what is in the folder.

    Text written by hand is no fault. A generated part that was not edited and does not match the data is one.

    Raises:
        DataError: the folder holds no finished dataset, or a file of it is missing or damaged.
    """
    manifest = require_manifest(folder)
    path = folder / CARD_NAME
    if not path.is_file():
        return CardReport(faults=(f"{CARD_NAME} is missing; write it with `nextlong-hub card {folder}`",), notes=())
    text = _read(path)
    faults = [f"{CARD_NAME}: {fault}" for fault in lint_card(text)]
    notes = preflight(folder, manifest)
    shown = pictures_of(text)
    faults += [
        f"{name} is shown by {CARD_NAME} but missing or damaged" for name in shown if not is_whole(folder / name)
    ]
    if not faults and not lists_files_of(text, manifest):
        faults.append(f"{CARD_NAME}: `configs` lists other files than {MANIFEST_NAME}; write the card again")
    if not faults:
        fresh = generate_card(folder, manifest, plots=not OUR_PICTURES.isdisjoint(shown))
        merged = _merged(folder, text, fresh)
        stale = _differences(text, merged.text)
        faults += [f"{_part(part)} of {CARD_NAME} is not what the data give; write the card again" for part in stale]
        notes += [*fresh.warnings, *(f"{_part(part)} of {CARD_NAME} {_EDITED}" for part in merged.conflicts)]
    return CardReport(faults=tuple(faults), notes=tuple(notes))


_EDITED = (
    "was edited by hand and would read otherwise now; it stays as edited: remove the card and write it again to have "
    "all of it anew"
)


def _merged(folder: Path, theirs: str, fresh: GeneratedCard) -> MergedCard:
    """Merge the edits of the card `theirs` into the fresh card.

    The digests in a card show what was edited. Without them the card that was generated last, in `.work`, is compared.
    """
    remembered = folder / WORK_NAME / _GENERATED
    try:
        has_digests = bool(parse_card(theirs).digests)
        base = _read(remembered) if not has_digests and remembered.is_file() else None
        return merge_card(base, theirs, fresh.text)
    except ValueError as error:
        raise DataError(
            f"{folder / CARD_NAME}: {error}; correct it, or remove the file to have it written anew"
        ) from error


def _differences(before: str, after: str) -> list[str]:
    """Parts in which two cards differ: keys of the header, and sections with a `#` before their names."""
    parts = [
        {**card.header, **{f"#{name}": content for name, content in card.sections.items()}}
        for card in map(parse_card, (before, after))
    ]
    return [part for part in {**parts[0], **parts[1]} if parts[0].get(part) != parts[1].get(part)]


def _part(name: str) -> str:
    return f"The section {name[1:]!r}" if name.startswith("#") else f"The key {name!r}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
