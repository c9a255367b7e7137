"""A folder becomes a finished dataset: what its manifest says, and the moment it is committed."""

import glob
import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from nextlong_hub.datacard import ASSETS, OUR_PICTURES, WrittenCard, is_described, pictures_of, write_card
from nextlong_hub.errors import ConflictError, DataError
from nextlong_hub.files import is_left_aside, sha256_of, storage_errors, write_bytes
from nextlong_hub.manifest import (
    MANIFEST_NAME,
    ConfigRecord,
    CorpusRecord,
    Manifest,
    PortabilityRecord,
    SourceRecord,
    TokenizerRecord,
    differences,
    read_manifest,
    write_manifest,
)
from nextlong_hub.preparation import Inputs
from nextlong_hub.recipe import Recipe
from nextlong_hub.store import ChunkStore
from nextlong_hub.workspace import CARD_NAME as CARD_NAME
from nextlong_hub.workspace import WORK_NAME, Workspace, is_placeholder, kept_manifest, locked, withdraw

_log = logging.getLogger(__name__)


def describe(
    inputs: Inputs,
    store: ChunkStore,
    characters_per_token: float,
    configs: Mapping[str, ConfigRecord],
    kind: Literal["build", "fit", "import"],
    version: str,
    portability: tuple[PortabilityRecord, ...] = (),
) -> Manifest:
    """The manifest of a dataset made from `inputs`."""
    summary = store.summary
    return Manifest(
        version=version,
        kind=kind,
        seed=inputs.seed,
        corpus=CorpusRecord(
            digest=inputs.corpus.digest,
            documents=summary["documents"],
            chunks=summary["chunks"],
            characters=summary["characters"],
            skipped=summary["skipped"],
            sources=tuple(
                SourceRecord(
                    name=source.name,
                    path=public_path(source.path),
                    license=source.license,
                    weight=source.weight,
                    documents=counts["documents"],
                    characters=counts["characters"],
                )
                for source, counts in zip(inputs.corpus.sources, summary["sources"], strict=True)
            ),
        ),
        tokenizer=TokenizerRecord(
            name=public_path(inputs.tokenizer.name),
            revision=inputs.tokenizer.revision,
            digest=inputs.tokenizer.digest,
            characters_per_token=characters_per_token,
        ),
        portability=portability,
        configs=dict(sorted(configs.items(), key=lambda item: (bool(item[1].mixture), _target(item[1]), item[0]))),
    )


def _target(config: ConfigRecord) -> int:
    return int(config.recipe["target_length"])


def public_path(path: str) -> str:
    """A path without the folders of this machine: what is published names the file, not where somebody keeps it.

    Of a pattern the part with wildcards is kept. Hub names and addresses are public as they are.
    """
    here = Path(path).expanduser()
    if here.exists():
        return here.name if here.name not in ("", "..") else here.resolve().name
    if glob.has_magic(path) and not path.startswith("hf://"):
        return Path(*dropwhile(lambda part: not glob.has_magic(part), here.parts)).as_posix()
    return path


def published_before(output: Path, workspace: Workspace, inputs: Inputs, recipes: Sequence[Recipe]) -> Manifest | None:
    """What the folder holds already: a finished dataset may be added to, never silently changed.

    Raises:
        ConflictError: it was made from other inputs, or by other recipes of the same names; or a run that was
            interrupted while it published has left a configuration unfinished that is none of `recipes`.
    """
    kept = kept_manifest(output, workspace)
    if kept is None:
        return None
    wanted = {
        "corpus": inputs.corpus.digest,
        "tokenizer": inputs.tokenizer.digest,
        "other tokenizers": inputs.tokenizer_digests[1:],
        "seed": inputs.seed,
        **{f"recipe {recipe.name}": recipe.fingerprint for recipe in recipes},
    }
    changes = differences(kept.inputs(), wanted)
    if changes:
        raise ConflictError(
            f"{output} holds a finished dataset made from other inputs ({'; '.join(changes)}); "
            "choose another --output, or remove that folder to build it anew"
        )
    if not (output / MANIFEST_NAME).is_file():
        _require_whole(
            output, {name: config for name, config in kept.configs.items() if f"recipe {name}" not in wanted}
        )
    return kept


def _require_whole(output: Path, configs: Mapping[str, ConfigRecord]) -> None:
    """Configurations that the withdrawn manifest names and nobody makes again now must be as it says."""
    for name, config in configs.items():
        for file in config.files:
            path = output / file.path
            if not path.is_file() or sha256_of(path) != file.sha256:
                raise ConflictError(
                    f"an earlier run was interrupted while it published {name!r} in {output}, and {file.path} is not "
                    f"what it was; build {name!r} again first, or along with this"
                )


def commit(output: Path, workspace: Workspace, manifest: Manifest) -> bool:
    """Make the dataset valid, unless it is so already, and remove what an earlier state of the folder left behind.

    While anything in the folder is not what a manifest says, there is no manifest: it is withdrawn first and written
    last. A card that was edited by hand stays as it is for as long as the manifest does, and the edits for longer.

    Args:
        output: the dataset folder, whose data is there.
        workspace: the work of this run.
        manifest: what is to be committed.

    Returns:
        Whether anything had to be written.
    """
    recipes = {output / "recipes" / f"{name}.toml": content for name, content in recipe_files(manifest).items()}
    leftovers = _leftovers(output, manifest)
    is_same = kept_manifest(output, workspace) == manifest
    card, withdrawn_card = output / CARD_NAME, workspace.withdrawn / CARD_NAME
    has_card = is_same and is_described(output) and not is_placeholder(card)
    is_whole = has_card and all(path.is_file() and path.read_bytes() == recipes[path] for path in recipes)
    if is_whole and not leftovers and (output / MANIFEST_NAME).is_file():
        return False
    withdraw(output, workspace)
    with storage_errors(output):
        for path in leftovers:
            path.unlink()
    for path, content in recipes.items():
        write_bytes(path, content)
    edited = withdrawn_card if is_placeholder(card) else card
    if has_card and edited == withdrawn_card:
        write_bytes(card, withdrawn_card.read_bytes())
    elif not has_card:
        for note in write_card(output, manifest, edited=edited).notes:
            _log.warning("%s", note)
    write_manifest(output, manifest)
    for name in (MANIFEST_NAME, CARD_NAME):
        (workspace.withdrawn / name).unlink(missing_ok=True)
    return True


def renew_card(folder: Path, *, plots: bool = True, values: Mapping[str, Any] | None = None) -> WrittenCard:
    """Write the card of a finished dataset again; see `datacard.write_card`.

    Raises:
        ConflictError: another process is writing the folder.
        DataError, StorageError: see `datacard.write_card`.
    """
    with locked(folder) if (folder / WORK_NAME).is_dir() else nullcontext():
        return write_card(folder, plots=plots, values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """One file that belongs to a dataset."""

    path: str
    """Relative to the folder, with forward slashes."""
    sha256: str
    bytes: int


def published_files(folder: Path) -> tuple[PublishedFile, ...]:
    """Exactly the files that belong to a finished dataset, data first, card and manifest last.

    Of `assets/` that is what the card shows: pictures of ours, and any that a person added. The manifest does not list
    them, for the bytes of a picture depend on the version of the library that drew it, and its own must not.

    Raises:
        DataError: there is no manifest, a file is missing, or is not what the manifest says.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise DataError(f"{folder} holds no {MANIFEST_NAME} of nextlong-hub; build it first, or name a finished folder")
    published = [_published(folder, file.path, file.sha256) for file in manifest.files]
    for name, content in sorted(recipe_files(manifest).items()):
        published.append(_published(folder, f"recipes/{name}.toml", hashlib.sha256(content).hexdigest()))
    card = _published(folder, CARD_NAME)
    shown = pictures_of((folder / CARD_NAME).read_text(encoding="utf-8", errors="replace"))
    published += [_published(folder, path) for path in shown]
    return (*published, card, _published(folder, MANIFEST_NAME))


def is_owned(path: str) -> bool:
    """Whether a file of that name is ours to remove once a dataset does not have it any more."""
    folder, _, name = path.partition("/")
    return (
        path == MANIFEST_NAME
        or path in OUR_PICTURES
        or (folder == "data" and bool(name))
        or (folder == "recipes" and "/" not in name and name.endswith(".toml"))
    )


def _published(folder: Path, path: str, sha256: str | None = None) -> PublishedFile:
    place = folder / path
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise DataError(f"{MANIFEST_NAME} of {folder} lists {path!r}, which lies outside; it was not written by us")
    if not place.is_file():
        raise DataError(f"{place} is missing; run the command that made the dataset again, or `nextlong-hub card`")
    found = sha256_of(place)
    if sha256 is not None and found != sha256:
        raise DataError(f"{place} is not what {MANIFEST_NAME} says; run the command that made the dataset again")
    return PublishedFile(path=path, sha256=found, bytes=place.stat().st_size)


def recipe_files(manifest: Manifest) -> dict[str, bytes]:
    """The resolved recipes behind a dataset, ingredients of its mixtures included, as TOML, by name."""
    recipes = [
        Recipe.model_validate(values)
        for config in manifest.configs.values()
        for values in (*(part.recipe for part in config.mixture.values()), config.recipe)
    ]
    return {recipe.name: recipe.to_toml().encode() for recipe in recipes}


def _leftovers(output: Path, manifest: Manifest) -> list[Path]:
    """Shards that the manifest does not name, and files in the middle of whose writing a process was killed."""
    published = {output / file.path for file in manifest.files}
    shards = [path for path in (output / "data").rglob("*.parquet") if path not in published]
    folders = (output.glob("*"), (output / "data").rglob("*"), *((output / n).glob("*") for n in ("recipes", ASSETS)))
    unfinished = [path for folder in folders for path in folder if path.is_file() and is_left_aside(path)]
    return sorted({*shards, *unfinished})
