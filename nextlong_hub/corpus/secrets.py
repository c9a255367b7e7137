"""Secrets in the documents of a corpus: found while it is read, and masked, left out, kept or refused.

A mask is as long as what it hides. So the text of a document has its length and its places, whatever is masked: the
segments of rows of our own datasets stay right, and segments of new rows point into the corpus as it lies there. The
corpus itself is never written to; who reads it again by the same recipe masks the same characters.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from nextlong_hub.core.printable import counted
from nextlong_hub.errors import DataError, argument
from nextlong_hub.records import Document
from nextlong_hub.secret_scan import RULES, Secret, find_secrets, masked, may_hold_secret, title_of

OnSecret = Literal["mask", "drop", "keep", "fail"]
"""What becomes of a secret: as many `*` in its place, its document left out, nothing, or an error."""

FATES: Mapping[OnSecret, str] = {
    "mask": "masked, an asterisk for each character",
    "drop": "their documents were left out",
    "keep": "kept as they are",
    "fail": "refused",
}
"""What became of them, in words."""

_NONE: Mapping[str, int] = {}

SECRET_REASON = "secret"
"""Why a document is left out with `drop`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCounts:
    """The secrets in some documents."""

    kinds: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind, by its name."""
    documents: int = 0
    """How many documents hold one."""


def identity_of_scan(on_secret: OnSecret) -> list[object]:
    """What decides which texts a reading gives, as a part of an identity."""
    return ["secrets", on_secret, RULES]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedDocument:
    """One document, and the secrets that were found in it."""

    document: Document
    """As rows may hold it."""
    kinds: Mapping[str, int]
    """How many of each kind; empty where there are none."""
    is_left_out: bool = False


def scanned(document: Document, on_secret: OnSecret, place: str) -> ScannedDocument:
    """Look for secrets in a document: in its text, and in its id and source, which rows repeat.

    Args:
        document: As it was read.
        on_secret: What becomes of a secret.
        place: Where the document was read, for an error; of one without an id what it is called.

    Raises:
        DataError: it holds one, and `on_secret` is `fail`.
    """
    if not may_hold_secret(document.text) and not may_hold_secret(f"{document.id} {document.source}"):
        return ScannedDocument(document=document, kinds=_NONE)
    found = {name: find_secrets(getattr(document, name)) for name in ("text", "id", "source")}
    secrets = [secret for those in found.values() for secret in those]
    if not secrets:
        return ScannedDocument(document=document, kinds=_NONE)
    kinds = dict(sorted(Counter(secret.kind for secret in secrets).items()))
    clean = replace(
        document,
        text=masked(document.text, found["text"]),
        id=masked(document.id, found["id"]),
        source=masked(document.source, found["source"]),
    )
    if on_secret == "fail":
        raise DataError(
            f"{_place(place, clean)} holds {_first(found)}; remove it there, and revoke it if it is a real "
            f"one, or let {argument('on-secret', 'mask')} put asterisks in its place"
        )
    kept = document if on_secret == "keep" else clean
    return ScannedDocument(document=kept, kinds=kinds, is_left_out=on_secret == "drop")


def merged_secrets(parts: Iterable[SecretCounts]) -> SecretCounts:
    """The counts of several parts together."""
    kinds: Counter[str] = Counter()
    documents = 0
    for part in parts:
        kinds.update(part.kinds)
        documents += part.documents
    return SecretCounts(kinds=dict(sorted(kinds.items())), documents=documents)


def found_in_words(kinds: Mapping[str, int], documents: int) -> str:
    """How many secrets there are, and of which kinds: `3 secrets in 2 documents (2 GitHub tokens, 1 private key)`."""
    each = ", ".join(counted(number, title_of(name)) for name, number in kinds.items())
    return f"{counted(sum(kinds.values()), 'secret')} in {counted(documents, 'document')} ({each})"


def _place(place: str, document: Document) -> str:
    return f"{place}, document {document.id!r}," if document.id else place


def _first(found: Mapping[str, list[Secret]]) -> str:
    """The first secret in words, without what it says."""
    name, secret = next((name, those[0]) for name, those in found.items() if those)
    where = "" if name == "text" else f" of its {name}"
    return f"a secret ({title_of(secret.kind)}, at character {secret.spans[0][0]:,}{where})"
