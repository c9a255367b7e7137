"""The files beside the shards: recipes, card and pictures."""

from pathlib import Path

from nextlong_hub.core.ownership import OwnFiles
from nextlong_hub.datacard import is_whole, lists_files_of, pictures_of
from nextlong_hub.dataset.folder import CARD_NAME, recipe_files
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, is_as_written
from nextlong_hub.verification.report import Check


def check_companions(folder: Path, manifest: Manifest, check: Check) -> None:
    """Check the files beside the shards, and that no others are read as rows.

    Other files of people are theirs: they are told, and are no fault. A Parquet file in the folder of a configuration
    is one, because whoever reads that folder as a whole (`data/64k/*.parquet`, as the card shows it for polars and
    duckdb) reads it, too.
    """
    if not is_as_written((folder / MANIFEST_NAME).read_bytes()):
        check.fault(MANIFEST_NAME, "is not laid out as it was written; put the original back")
    recipes = {f"recipes/{name}.toml": content for name, content in recipe_files(manifest).items()}
    for name, content in recipes.items():
        path = folder / name
        if not path.is_file():
            check.fault(name, "is missing")
        elif path.read_bytes() != content:
            check.fault(name, "is not the recipe that the manifest holds; remove it and build again")
    _check_card(folder / CARD_NAME, manifest, check)
    ours = OwnFiles(folder, None, {file.path for file in manifest.files} | recipes.keys())
    read = {f"data/{name}" for name in manifest.configs}
    for name in (name for part in ("data", "recipes") for name in ours.foreign(part)):
        place, _, file = name.rpartition("/")
        if place in read and file.endswith(".parquet"):
            check.fault(name, "is not in the manifest, and is read with the rows; move it to another folder")
        else:
            check.foreign.append(name)


def _check_card(card: Path, manifest: Manifest, check: Check) -> None:
    """Check the configurations and files that `load_dataset` reads from the card, and its pictures."""
    if not card.is_file():
        check.fault(card.name, "is missing; build again to write it anew")
        return
    text = card.read_text(encoding="utf-8", errors="replace")
    if not lists_files_of(text, manifest):
        check.fault(card.name, "its header lists other files than the manifest; remove the card and build again")
    for name in pictures_of(text):
        if not is_whole(card.parent / name):
            check.fault(name, "is shown by the card, but missing or damaged; write the card again")
