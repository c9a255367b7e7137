"""The card of a dataset as a Python caller gets it: its text, shown as Markdown in a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextlong_hub.dataset.folder import CARD_NAME
from nextlong_hub.dataset.locate import DatasetLocation
from nextlong_hub.errors import DataError
from nextlong_hub.hub.files import read_card as read_published
from nextlong_hub.publish.commit import renew_card


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card; `str()` is its text."""

    text: str
    """With its YAML header."""
    path: Path | None
    """None of a dataset on the Hub."""
    pictures: tuple[str, ...] = ()
    """Paths in the dataset of the pictures that were drawn."""
    notes: tuple[str, ...] = ()
    """What was edited by hand and stays, and what the Hub would not display."""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Card of {len(self.text):,} characters{f' in {self.path}' if self.path else ''}"

    def _repr_markdown_(self) -> str:
        return self.text.split("\n---\n", 1)[-1] if self.text.startswith("---\n") else self.text


def write_card(folder: Path, *, plots: bool, values: Mapping[str, Any], force: bool = False) -> Card:
    """Write the card of a finished dataset folder, and give it.

    Raises:
        DataError, ConflictError, StorageError: see `renew_card`.
    """
    written = renew_card(folder, plots=plots, values=values, force=force)
    text = written.path.read_text(encoding="utf-8")
    return Card(text=text, path=written.path, pictures=written.pictures, notes=written.notes)


def read_card(location: DatasetLocation) -> Card:
    """The card of a dataset on the Hub.

    Raises:
        DataError: it has none.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    if location.folder is not None:
        raise DataError(f"{location.name} is a folder, whose card is written from what is in it")
    return Card(text=read_published(f"{location.root}/{CARD_NAME}"), path=None)
