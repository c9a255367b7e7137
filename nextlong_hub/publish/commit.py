"""Commit a dataset folder: make its manifest, and write it last, when everything else is in place."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from nextlong_hub._version import __version__
from nextlong_hub.core.config_names import ONE_FOLDER, same_folder
from nextlong_hub.core.files import remove, sha256_of, write_bytes
from nextlong_hub.core.ownership import listed_names
from nextlong_hub.corpus.naming import public_path
from nextlong_hub.datacard import WrittenCard, is_described, write_card
from nextlong_hub.dataset.config_record import ConfigRecord, PortabilityRecord, TokenizerRecord
from nextlong_hub.dataset.folder import (
    CARD_NAME,
    invalidate,
    is_placeholder,
    kept_manifest,
    locked,
    names_of,
    own_files,
    recipe_files,
)
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, differences, write_manifest
from nextlong_hub.errors import ConflictError, argument
from nextlong_hub.execution.run import Run
from nextlong_hub.execution.workspace import WORK_NAME
from nextlong_hub.producer import Inputs, Produced
from nextlong_hub.recipe import Recipe

_log = logging.getLogger(__name__)


def describe(
    kind: Literal["build", "fit", "import"],
    inputs: Inputs,
    produced: Produced,
    configs: Mapping[str, ConfigRecord],
    portability: tuple[PortabilityRecord, ...] = (),
) -> Manifest:
    """Make the manifest of a dataset.

    Args:
        kind: the command that made it.
        inputs: what it was made from.
        produced: any configuration of this run, for the record of the corpus.
        configs: all configurations of the dataset.
        portability: the table of tokenizers.
    """
    return Manifest(
        version=__version__,
        kind=kind,
        seed=inputs.seed,
        corpus=produced.corpus,
        tokenizer=TokenizerRecord(
            name=public_path(inputs.tokenizer.name),
            revision=inputs.tokenizer.revision,
            digest=inputs.tokenizer.digest,
            characters_per_token=produced.characters_per_token,
            encoders=inputs.tokenizer.engines(_characters(produced, configs)),
        ),
        portability=portability,
        configs=dict(sorted(configs.items(), key=lambda item: (bool(item[1].mixture), _target(item[1]), item[0]))),
    )


def with_all_encoders(manifest: Manifest, before: Manifest | None) -> Manifest:
    """The manifest with all programs that encoded what it names: where nothing is new, those that did it before."""
    if before is None:
        return manifest
    names = before.tokenizer.encoders
    if before == manifest.with_encoders(names):
        return before
    return manifest.with_encoders(dict.fromkeys((*names, *manifest.tokenizer.encoders)))


def _characters(produced: Produced, configs: Mapping[str, ConfigRecord]) -> int:
    """About how many characters are encoded for the rows."""
    return round(sum(config.tokens for config in configs.values()) * produced.characters_per_token)


def _target(config: ConfigRecord) -> int:
    return int(config.recipe["target_length"])


def committed_manifest(run: Run, inputs: Inputs, recipes: Sequence[Recipe]) -> Manifest | None:
    """The manifest of the dataset in the folder, which this run adds to; None when there is none.

    Raises:
        ConflictError: it was made from other inputs, or by other recipes of the same names; or two names differ in
            capitals only; or an interrupted commit left a configuration unfinished that is not in `recipes`.
    """
    output = run.output
    kept = kept_manifest(output, run.workspace)
    if two := same_folder([*(kept.configs if kept else ()), *(recipe.name for recipe in recipes)]):
        raise ConflictError(f"the configurations {two[0]!r} and {two[1]!r} of {output} {ONE_FOLDER}")
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
            f"choose another {argument('output')}, or remove that folder to build it anew"
        )
    if not (output / MANIFEST_NAME).is_file():
        _require_whole(
            output, {name: config for name, config in kept.configs.items() if f"recipe {name}" not in wanted}
        )
    return kept


def _require_whole(output: Path, configs: Mapping[str, ConfigRecord]) -> None:
    """Check configurations of an invalidated manifest that this run does not make again."""
    for name, config in configs.items():
        for file in config.published_files:
            path = output / file.path
            if not path.is_file() or sha256_of(path) != file.sha256:
                raise ConflictError(
                    f"an earlier run was interrupted while it published {name!r} in {output}, and {file.path} is not "
                    f"what it was; build {name!r} again first, or along with this"
                )


def commit(run: Run, manifest: Manifest) -> bool:
    """Commit a dataset, unless it is committed already, and remove our files of an earlier state, which is told.

    Files below `data` and `recipes` that are not ours are kept, and told.

    The manifest is invalidated first and written last, so that it exists only while the folder matches it. A card that
    was edited by hand stays unchanged while the manifest is the same; edits are kept when the card is generated again.

    Args:
        run: the run of the dataset folder, whose data is written.
        manifest: the manifest to commit.

    Returns:
        Whether anything had to be written.

    Raises:
        ConflictError: a file that is not ours has the name of one that is to be written, or a link leads to its folder.
        StorageError: no space, or no permission.
    """
    output, workspace = run.output, run.workspace
    kept = kept_manifest(output, workspace)
    own = own_files(output, kept)
    recipes = {output / "recipes" / f"{name}.toml": content for name, content in recipe_files(manifest).items()}
    published = names_of(manifest)
    own.remove_incomplete()
    leftovers = [name for name in own.besides(published) if name.startswith(("data/", "recipes/"))]
    _tell_foreign(output, [name for below in ("data", "recipes") for name in own.foreign(below)])
    is_same = kept == manifest
    card, invalidated_card = output / CARD_NAME, workspace.invalidated / CARD_NAME
    has_card = is_same and is_described(output) and not is_placeholder(card)
    is_whole = has_card and all(path.is_file() and path.read_bytes() == recipes[path] for path in recipes)
    if is_whole and not leftovers and (output / MANIFEST_NAME).is_file():
        return False
    own.claim(published)
    invalidate(output, workspace)
    if removed := own.remove(leftovers):
        _log.warning("removed from %s, as the dataset no longer has it: %s", output, listed_names(removed))
    for path, content in recipes.items():
        write_bytes(path, content)
    edited = invalidated_card if is_placeholder(card) else card
    if has_card and edited == invalidated_card:
        write_bytes(card, invalidated_card.read_bytes())
    elif not has_card:
        for note in write_card(output, manifest, edited=edited).notes:
            _log.warning("%s", note)
    write_manifest(output, manifest)
    for name in (MANIFEST_NAME, CARD_NAME):
        remove(workspace.invalidated / name)
    return True


def renew_card(
    folder: Path, *, plots: bool = True, values: Mapping[str, Any] | None = None, force: bool = False
) -> WrittenCard:
    """Write the card of a finished dataset again; see `datacard.write_card`.

    Raises:
        ConflictError: another process is writing the folder.
        DataError, StorageError: see `datacard.write_card`.
    """
    with locked(folder) if (folder / WORK_NAME).is_dir() else nullcontext():
        return write_card(folder, plots=plots, values=values, force=force)


def _tell_foreign(output: Path, names: Sequence[str]) -> None:
    if names:
        _log.warning(
            "%s holds what nextlong-hub did not make: %s; it is kept, and never pushed", output, listed_names(names)
        )
