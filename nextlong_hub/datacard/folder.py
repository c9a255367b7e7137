"""The card of a dataset folder: written, kept when people edit it, and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nextlong_hub.datacard.header import lists_files_of
from nextlong_hub.datacard.limits import preflight
from nextlong_hub.datacard.lint import lint_card
from nextlong_hub.datacard.merging import merge_card
from nextlong_hub.datacard.pictures import OUR_PICTURES, pictures_of
from nextlong_hub.datacard.rendering import generate_card
from nextlong_hub.datacard.text import format_card, parse_card
from nextlong_hub.errors import DataError
from nextlong_hub.files import storage_errors, write_bytes
from nextlong_hub.manifest import MANIFEST_NAME, Manifest, read_manifest

CARD_NAME = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCard:
    """A card as it lies in its folder."""

    path: Path
    pictures: tuple[str, ...]
    """What was drawn for it, relative to the folder."""
    notes: tuple[str, ...]
    """What a person should hear: edited parts that would read otherwise now, and doubts about the licence."""


def write_card(
    folder: Path,
    manifest: Manifest | None = None,
    *,
    plots: bool = True,
    values: Mapping[str, Any] | None = None,
) -> WrittenCard:
    """Write the card of a dataset and its pictures; what people have written into the card that is there is kept.

    Args:
        folder: a dataset folder, its data in place.
        manifest: what it holds; None reads it from the folder.
        plots: draw pictures and show them.
        values: keys of the header as a person wants them; they stay when the card is written again.

    Raises:
        DataError: the folder holds no dataset, a file is missing or damaged, or the header of its card is not YAML.
        StorageError: the folder cannot be written.
    """
    fresh = generate_card(folder, manifest or _manifest_of(folder), plots=plots)
    path = folder / CARD_NAME
    text, notes = fresh.text, list(fresh.warnings)
    try:
        if path.is_file():
            merged = merge_card(None, path.read_text(encoding="utf-8", errors="replace"), fresh.text)
            text = merged.text
            notes += [
                f"{part!r} in {path} was edited by hand and would read otherwise now; it stays as edited: remove the "
                "card and write it again to have all of it anew"
                for part in merged.conflicts
            ]
    except ValueError as error:
        raise DataError(f"{path}: {error}; correct it, or remove the file to have it written anew") from error
    if values:
        card = parse_card(text)
        text = format_card(replace(card, header={**card.header, **values}))
    for name, content in fresh.pictures.items():
        write_bytes(folder / name, content)
    with storage_errors(folder):
        for name in OUR_PICTURES.difference(pictures_of(text)):
            (folder / name).unlink(missing_ok=True)
    write_bytes(path, text.encode("utf-8", "backslashreplace"))
    return WrittenCard(path=path, pictures=tuple(fresh.pictures), notes=tuple(notes))


def is_described(folder: Path) -> bool:
    """Whether there is a card, and every picture of ours that it shows."""
    path = folder / CARD_NAME
    if not path.is_file():
        return False
    shown = pictures_of(path.read_text(encoding="utf-8", errors="replace"))
    return all((folder / name).is_file() for name in OUR_PICTURES.intersection(shown))


def check_card(folder: Path) -> list[str]:
    """What the Hub would refuse about a dataset folder's card and files, or not show, one sentence each.

    Raises:
        DataError: the folder holds no dataset of ours.
    """
    manifest = _manifest_of(folder)
    path = folder / CARD_NAME
    if not path.is_file():
        return [f"{CARD_NAME} is missing; write it with `nextlong-hub card {folder}`"]
    text = path.read_text(encoding="utf-8", errors="replace")
    faults = [f"{CARD_NAME}: {fault}" for fault in lint_card(text)]
    if not faults and not lists_files_of(text, manifest):
        faults.append(f"{CARD_NAME}: `configs` lists other files than {MANIFEST_NAME}; write the card again")
    faults += [
        f"{name} is shown by {CARD_NAME} but missing" for name in pictures_of(text) if not (folder / name).is_file()
    ]
    return [*faults, *preflight(folder)]


def _manifest_of(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder} holds no {MANIFEST_NAME} of nextlong-hub; build it first, or name a finished folder")
    return manifest
