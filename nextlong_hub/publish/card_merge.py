"""Merge the card of a folder with the one on the Hub: both may be edited by hand, and no edit is lost.

After a push both hold the same text, and the folder remembers it. While the Hub still has the remembered text, the
folder's card is the newer one. Otherwise the card on the Hub was edited there: the edit stays, and comes into the
folder with the next push. Generated text says `USER/NAME` in the folder, and on the Hub the name of the dataset there.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nextlong_hub.core.files import digest_of, write_bytes
from nextlong_hub.datacard import merge_card
from nextlong_hub.datacard.text import addressed, parse_card, unaddressed
from nextlong_hub.dataset.folder import CARD_NAME
from nextlong_hub.errors import DataError, NextLongError
from nextlong_hub.execution.workspace import WORK_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCard:
    """The card as it is published."""

    text: str
    """As it is in the folder after the push."""
    address: str
    """The dataset's name on the Hub."""
    notes: tuple[str, ...]
    """Parts that keep an edit instead of the generated text, one sentence each."""
    holds_ours: bool
    """Whether it holds all edits made by hand in the folder's card."""

    @property
    def on_the_hub(self) -> str:
        """The text as it is on the Hub."""
        return addressed(self.text, self.address)


def card_to_publish(folder: Path, name: str, ours: str, theirs: str | None) -> PublishedCard:
    """Merge the card of the folder with the one on the Hub.

    Args:
        folder: The dataset folder.
        name: `USER/NAME` on the Hub.
        ours: The card in the folder.
        theirs: The card on the Hub; None when there is none.

    Raises:
        DataError: the header of the card on the Hub is not YAML.
    """
    theirs = None if theirs is None else unaddressed(theirs, name)
    if theirs is None or theirs in (ours, _remembered(folder, name)):
        return PublishedCard(text=ours, address=name, notes=(), holds_ours=True)
    try:
        merged = merge_card(None, theirs, ours)
    except ValueError as error:
        raise DataError(f"the card of {name} on the Hub cannot be read: {error}; correct or remove it there") from error
    notes = [
        f"Somebody edited {part!r} in the card on the Hub, and it would read otherwise now; it stays as edited."
        for part in merged.conflicts
    ]
    holds_ours = all(words in merged.text for words in _words(ours))
    if not holds_ours:
        notes.append(
            f"What you wrote into {CARD_NAME} here is not published, because somebody has written into the card on the "
            "Hub since; write it there, or bring their words here."
        )
    return PublishedCard(text=merged.text, address=name, notes=tuple(notes), holds_ours=holds_ours)


def remember_card(folder: Path, name: str, ours: str, published: PublishedCard) -> None:
    """Write what was published into the folder, unless that would lose an edit there or cannot be written.

    Args:
        folder: The dataset folder.
        name: `USER/NAME` on the Hub.
        ours: The card in the folder when it was read.
        published: The card on the Hub now.
    """
    card = folder / CARD_NAME
    if not published.holds_ours or not (folder / WORK_NAME).is_dir():
        return
    with suppress(NextLongError, OSError):  # a folder without write permission is published all the same
        if published.text != ours and card.read_bytes() == ours.encode():
            write_bytes(card, published.text.encode())
        write_bytes(_memory(folder, name), published.text.encode())


def _words(card: str) -> list[str]:
    parts = parse_card(card)
    return [words for words in (parts.opening, *parts.asides.values()) if words.strip()]


def _remembered(folder: Path, name: str) -> str | None:
    with suppress(OSError):
        return _memory(folder, name).read_bytes().decode()
    return None


def _memory(folder: Path, name: str) -> Path:
    return folder / WORK_NAME / f"pushed-{digest_of(name)}.md"
