"""Reading a piece of any format: its documents, in order and in bounded memory."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import pyarrow as pa

from nextlong_hub.corpus import remote
from nextlong_hub.corpus.formats.base import FORMATS
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes, Skipped
from nextlong_hub.corpus.states import changed
from nextlong_hub.errors import DataError, StorageError
from nextlong_hub.hub.address import is_address
from nextlong_hub.hub.errors import hub_errors
from nextlong_hub.hub.files import open_file
from nextlong_hub.records import Document


def read(
    piece: Piece,
    on_bad_document: Literal["fail", "skip"],
    notes: ReadingNotes | None = None,
) -> Iterator[Document | Skipped]:
    """Read a piece: every document, and a `Skipped` for each that was left out.

    Documents without text are always left out; other bad documents only with `on_bad_document = "skip"`, and then the
    unreadable rest of a damaged file, or a damaged row group, is one `Skipped`.

    Args:
        piece: What to read.
        on_bad_document: Whether a bad document is an error.
        notes: Gets what is met and not used; complete when all is read.

    Raises:
        BadDocumentError: a document is bad, or a file damaged.
        DataError: a file is not there any more, changed since its digest was taken, or is a table without the columns
            it needs.
        RecipeError: no installed package has the format of the piece.
        StorageError: a file cannot be read for want of permission, or the disk fails.
        AuthError, NetworkError: the Hub refused or could not be reached.
    """
    with source_errors(piece):
        try:
            for result in _up_to_limit(
                piece, FORMATS[piece.format].read(piece), ReadingNotes() if notes is None else notes
            ):
                if isinstance(result, Document):
                    yield result
                elif on_bad_document == "skip" or result.reason is BadReason.EMPTY:
                    yield Skipped(result.reason.value, result.place)
                else:
                    raise result.as_error()
        except DataError:
            _require_unchanged(piece)  # a file that is being written looks damaged: its change is the reason to tell
            raise
        _require_unchanged(piece)


def _require_unchanged(piece: Piece) -> None:
    """Refuse what was read when a file is not any more the one whose digest was taken.

    Raises:
        DataError: a file was changed, replaced or removed.
    """
    for path, state in zip(piece.files, piece.states, strict=False):
        if not state.holds_for(Path(path)):
            raise changed(path)


def _up_to_limit(
    piece: Piece, results: Iterator[Document | BadDocument | ReadingNotes], notes: ReadingNotes
) -> Iterator[Document | BadDocument]:
    """The documents and faults of a piece, up to the most that is read of it; what readers note is kept."""
    kept: list[ReadingNotes] = []
    rows = documents = text_bytes = 0
    is_cut = False
    try:
        for result in results:
            if isinstance(result, ReadingNotes):
                kept.append(result)
                continue
            rows += 1
            yield result
            if piece.most is not None and isinstance(result, Document):
                documents += 1
                text_bytes += len(result.text.encode())
                is_cut = piece.most.is_reached(documents, text_bytes)
                if is_cut:
                    return
    finally:
        for one in kept:  # a reader that looks ahead has noted rows that are not read any more
            columns = {name: min(times, rows) for name, times in one.columns.items()} if is_cut else one.columns
            notes.add(columns, one.members, one.numbered)
            notes.read |= one.read


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Turn the operating system's faults around a local file of the corpus into ours.

    Raises:
        DataError: there is no such file.
        StorageError: it may not be read, or the disk fails.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"there is no file {error.filename or path}; it was named, or there when the corpus was listed: restore "
            "it, or run the command again without it"
        ) from error
    except OSError as error:
        if error.errno is None:
            raise
        raise StorageError(
            f"cannot read {error.filename or path}: {error.strerror}; make it readable for you, or leave it out"
        ) from error


def open_any(location: str) -> IO[bytes]:
    """Open a path or a URL for reading bytes."""
    if is_address(location):
        return open_file(location)
    if remote.is_url(location):
        return remote.open_url(location)
    if Path(location).is_dir():  # pyarrow's own error for this looks like that for damaged data
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), location)
    return pa.OSFile(location)  # type: ignore[no-any-return]


@contextmanager
def source_errors(piece: Piece) -> Iterator[None]:
    """Turn errors of the file system or the Hub around a piece into ours.

    Raises:
        DataError, StorageError: see `file_errors`.
        DataError, AuthError, NetworkError: see `hub.errors.hub_errors`.
    """
    if piece.format == "hub" or is_address(piece.location):
        with hub_errors(piece.location, revision=piece.revision):
            yield
    elif remote.is_url(piece.location):
        with remote.url_errors(piece.location):
            yield
    else:
        with file_errors(piece.location):
            yield
