"""An export proves itself: what was written is read back, and must hold the documents that went in.

    DocumentsDigest      collects documents on their way in, or as they are read back
    read_back            the digest of the documents in a finished folder
    check_export         the faults of a finished folder: its files, and the documents in them

Of a document counts what its format carries: the tokens or, of a format of text, the text; and of the loss mask what
stands behind the first token, on which no trainer can take a loss. The order does not count, since folders by source
hold documents in another one: digests of documents are summed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nextlong_hub.errors import DataError
from nextlong_hub.exports.base import FORMATS, ExportFormat, ReadDocument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.exports.writer import EXPORT_NAME, damaged_files

_MODULUS = 1 << 256


class DocumentsDigest:
    """Sums the sha256 of documents, in any order."""

    def __init__(self) -> None:
        self._sum = 0
        self.documents = 0

    def add(self, document: ReadDocument) -> None:
        """Add one document."""
        digest = hashlib.sha256()
        if document.input_ids is None:
            digest.update(b"text\0" + document.text.encode())
        else:
            ids = np.ascontiguousarray(document.input_ids, "<i4")
            digest.update(b"tokens\0" + len(ids).to_bytes(8, "little"))
            digest.update(ids.data)
            if document.loss_mask is not None:
                digest.update(np.ascontiguousarray(document.loss_mask[1:], np.uint8).data)
        self._sum = (self._sum + int.from_bytes(digest.digest(), "little")) % _MODULUS
        self.documents += 1

    def hexdigest(self) -> str:
        """The digest so far, in hexadecimal."""
        return f"{self._sum:064x}"


def documents_of(row: ExportRow, kind: ExportFormat) -> Iterator[ReadDocument]:
    """The documents of a row, as far as the format carries them."""
    place = 0
    for document in row.documents:
        if not len(row.input_ids):
            yield ReadDocument(text=document.text)
            continue
        span = slice(place, place + document.tokens)
        place += document.tokens
        ids = row.input_ids[span]
        mask = np.ones(len(ids), np.uint8) if row.loss_mask is None else row.loss_mask[span]
        yield ReadDocument(input_ids=ids, loss_mask=mask if kind.takes_loss_mask else None)


def read_back(folder: Path, kind: ExportFormat) -> DocumentsDigest | None:
    """The digest of the documents in the files of an export; None where the format has no reader.

    Raises:
        DataError: they cannot be read.
    """
    if kind.read is None:
        return None
    digest = DocumentsDigest()
    try:
        for document in kind.read(folder):
            digest.add(document)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise DataError(f"{folder} cannot be read back as {kind.name}: {' '.join(str(error).split())}") from error
    return digest


def check_export(folder: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The faults of the finished export whose manifest is `content`, each with its place.

    Raises:
        RecipeError: its format is not known here.
        DataError: its files have their digests and cannot be read all the same.
    """
    damaged = list(damaged_files(folder, content))
    yield from damaged
    if damaged or "documents_digest" not in content:
        return
    digest = read_back(folder, FORMATS[content["format"]])
    if digest is not None and digest.hexdigest() != content["documents_digest"]:
        yield (
            EXPORT_NAME,
            f"the {digest.documents:,} documents that are read back are not the {content['counts']['documents']:,} "
            "that were written",
        )
