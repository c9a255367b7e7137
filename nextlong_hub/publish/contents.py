"""The contents to publish: the files of a dataset folder, checked before anything is sent."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextlong_hub.core.files import sha256_of
from nextlong_hub.core.foreign import parse_json
from nextlong_hub.datacard import OUR_PICTURES, lint_card, pictures_of, preflight
from nextlong_hub.dataset.folder import CARD_NAME, recipe_files
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, read_manifest, require_manifest
from nextlong_hub.errors import DataError
from nextlong_hub.hub.changes import LocalFile
from nextlong_hub.publish.secrets import places_of_secrets

_DATA = ".parquet"
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The files of a dataset folder that matches its manifest and holds no secret."""

    folder: Path
    manifest: Manifest
    files: Mapping[str, LocalFile]
    """By path, in the order in which they are sent: data first, card and manifest last."""
    card: str
    """Text of the card, as it is in the folder."""
    warnings: tuple[str, ...]
    """Limits of the Hub's viewer that are exceeded."""

    def with_card(self, card: str) -> dict[str, LocalFile]:
        """The files with another card."""
        return {**self.files, CARD_NAME: _in_memory(CARD_NAME, card.encode())}


def read_contents(folder: Path, checked: Callable[[int], None]) -> Contents:
    """Read a dataset folder and check it without the Hub.

    Args:
        folder: A finished dataset folder.
        checked: Called with the number of files once they are checked.

    Raises:
        DataError: the folder holds no finished dataset; a file does not match the manifest, is a symbolic link, or
            holds what looks like a secret; or the Hub would reject the card.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(
            f"{folder} holds no finished dataset: there is no {MANIFEST_NAME} of nextlong-hub; run "
            "`nextlong-hub build` first, or name the folder it wrote"
        )
    records = published_files(folder)
    _refuse_links(folder, [record.path for record in records])
    _refuse_secrets(folder, [record.path for record in records])
    card = (folder / CARD_NAME).read_text(encoding="utf-8")
    faults = lint_card(card)
    if faults:
        raise DataError(f"the Hub would refuse {folder / CARD_NAME}: {'; '.join(faults)}; correct it and push again")
    checked(len(records))
    return Contents(
        folder=folder,
        manifest=manifest,
        files={
            record.path: LocalFile(
                path=record.path,
                size_bytes=record.bytes,
                sha256=record.sha256,
                source=folder / record.path if record.path.endswith(_DATA) else (folder / record.path).read_bytes(),
            )
            for record in records
        },
        card=card,
        warnings=tuple(preflight(folder, manifest)),
    )


def stale_files(previous: bytes | None, remote: Mapping[str, Any]) -> frozenset[str]:
    """Find the files that an earlier push put on the Hub: those its manifest lists, and the pictures of its card.

    Args:
        previous: The manifest on the Hub, of any version; None when there is none.
        remote: Everything on the branch, by path.
    """
    try:
        configs = list(parse_json(previous or b"null")["configs"].values())
        listed = {file["path"] for config in configs for file in config.get("files", ())}
        parts = [part for config in configs for part in (config, *config.get("mixture", {}).values())]
        listed |= {config["preview"]["file"]["path"] for config in configs if config.get("preview")}
        listed |= {f"recipes/{part['recipe']['name']}.toml" for part in parts}
    except (ValueError, TypeError, KeyError, AttributeError):  # of another tool
        return frozenset()
    return frozenset(path for path in remote if is_owned(path) and (path in listed or path.startswith("assets/")))


def _in_memory(path: str, content: bytes) -> LocalFile:
    sha256 = hashlib.sha256(content).hexdigest()
    return LocalFile(path=path, size_bytes=len(content), sha256=sha256, source=content)


def _refuse_links(folder: Path, paths: list[str]) -> None:
    for path in paths:
        steps = [folder / path, *(folder / path).parents]
        for step in steps[: steps.index(folder)]:
            if step.is_symlink():
                raise DataError(
                    f"{step} is a symbolic link, and what it points to need not be part of the dataset; put a copy in "
                    "its place and push again"
                )


def _refuse_secrets(folder: Path, paths: list[str]) -> None:
    places = places_of_secrets(folder, paths)
    if places:
        shown = "; ".join(places[:_SHOWN]) + (f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else "")
        raise DataError(
            f"what looks like an access token or a key would be published: {shown}; remove it there, and revoke it if "
            "it is a real one; nothing was sent"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """One file that belongs to a dataset."""

    path: str
    """Relative to the folder, with forward slashes."""
    sha256: str
    bytes: int
    """Size."""


def published_files(folder: Path) -> tuple[PublishedFile, ...]:
    """List exactly the files that belong to a finished dataset, data first, card and manifest last.

    From `assets/` these are the pictures that the card shows, added by hand or not. The manifest does not list them:
    the bytes of a picture depend on the version of the library that drew it, and its own must not.

    Raises:
        DataError: there is no manifest, or a file is missing or does not match it.
    """
    manifest = require_manifest(folder)
    published = [_published(folder, file.path, file.sha256) for file in manifest.files]
    for name, content in sorted(recipe_files(manifest).items()):
        published.append(_published(folder, f"recipes/{name}.toml", hashlib.sha256(content).hexdigest()))
    card = _published(folder, CARD_NAME)
    shown = pictures_of((folder / CARD_NAME).read_text(encoding="utf-8", errors="replace"))
    published += [_published(folder, path) for path in shown]
    return (*published, card, _published(folder, MANIFEST_NAME))


def is_owned(path: str) -> bool:
    """Whether a push may remove a file of that name when the dataset no longer has it."""
    folder, _, name = path.partition("/")
    return (
        path == MANIFEST_NAME
        or path in OUR_PICTURES
        or (folder == "data" and bool(name))
        or (folder == "recipes" and "/" not in name and name.endswith(".toml"))
    )


def is_data(path: str) -> bool:
    """Whether a file of that name is taken for rows, or for the recipe of rows."""
    return path.startswith(("data/", "recipes/"))


def _published(folder: Path, path: str, sha256: str | None = None) -> PublishedFile:
    place = folder / path
    if not place.is_file():
        raise DataError(f"{place} is missing; run the command that made the dataset again, or `nextlong-hub card`")
    found = sha256_of(place)
    if sha256 is not None and found != sha256:
        raise DataError(f"{place} is not what {MANIFEST_NAME} says; run the command that made the dataset again")
    return PublishedFile(path=path, sha256=found, bytes=place.stat().st_size)
