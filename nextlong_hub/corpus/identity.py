"""Identity: the digest of a corpus, and the check that no two of its documents share an id."""

import bisect
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from nextlong_hub.core.files import read_checked_json, write_checked_json
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.reading import file_errors
from nextlong_hub.corpus.states import FileState, state_of
from nextlong_hub.errors import BadDocumentError

_FILES_AT_ONCE = 4
_IDS_AT_ONCE = 65_536
_CACHE = TypeAdapter(dict[str, FileState])


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Pieces that know what their files are."""

    pieces: tuple[Piece, ...]
    digest: str
    """The sha256, in hexadecimal, of everything they read and of how they read it."""


def identify(pieces: Sequence[Piece], cache: Path | None = None) -> Identified:
    """Hash the files of a corpus.

    The digest covers the bytes of local files under their names within their sources, the commits of Hub sources, the
    columns read and the limits of reading; neither where files lie nor how they
    are split.

    Args:
        pieces: The whole corpus, as `discover` gives it.
        cache: A JSON file that keeps each file's sha256 with its state, so that only files that may have changed are
            read again.

    Raises:
        DataError, StorageError: a file has gone, cannot be read, or is being changed.
    """
    local = sorted({path for piece in pieces if piece.revision is None for path in piece.files})
    states = _states_of_all(local, cache)
    identified = []
    entries = set()
    for piece in pieces:
        columns = piece.record_columns or (piece.text_column,)
        bound = () if piece.most is None else (repr(piece.most),)
        how = (piece.source, piece.format, *columns, piece.id_column, piece.id_prefix, *bound)
        where = (piece.config or "", piece.split) if piece.format == "hub" else ()
        names = piece.members or (piece.name,)
        if piece.revision is not None:
            entries |= {(*how, *where, name, piece.revision) for name in names}
        else:
            own = tuple(states[path] for path in piece.files)
            entries |= {(*how, name, state.sha256) for name, state in zip(names, own, strict=True)}
            piece = replace(piece, states=own)
        identified.append(piece)
    return Identified(pieces=tuple(identified), digest=hashlib.sha256(repr(sorted(entries)).encode()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedId:
    """A document whose id an earlier document has already."""

    id: str
    part: int
    """Number of the part it lies in."""
    document: int
    """Its number in that part, from 0."""
    first_part: int
    """Number of the part where the id came first."""
    first_document: int


def repeated_ids(parts: Sequence[pa.Array | pa.ChunkedArray]) -> Iterator[RepeatedId]:
    """Find, in corpus order, the documents whose id came before, in about 27 bytes of memory a document.

    Sorted 64-bit hashes are compared first, then the ids whose hashes are equal: `parts` is read twice and should be
    memory-mapped.

    Args:
        parts: The ids of each part's documents, in corpus order.
    """
    starts = [0, *accumulate(map(len, parts))]
    hashes = np.empty(starts[-1], np.uint64)
    for ids, start in zip(parts, starts, strict=False):
        for offset in range(0, len(ids), _IDS_AT_ONCE):
            block = ids.slice(offset, _IDS_AT_ONCE).to_pylist()
            hashes[start + offset : start + offset + len(block)] = _hashes(block)
    first_by_id: dict[str, tuple[int, int]] = {}
    for number in _with_equal_hashes(hashes).tolist():
        part = bisect.bisect_right(starts, number) - 1
        document = number - starts[part]
        identity = parts[part][document].as_py()
        first_part, first_document = first_by_id.setdefault(identity, (part, document))
        if (first_part, first_document) != (part, document):
            yield RepeatedId(
                id=identity, part=part, document=document, first_part=first_part, first_document=first_document
            )


def require_unique_ids(places: Sequence[str], parts: Sequence[pa.Array | pa.ChunkedArray]) -> None:
    """Refuse a corpus in which two documents have one id.

    Args:
        places: What errors call each part, for example `Piece.place`.
        parts: See `repeated_ids`.

    Raises:
        BadDocumentError: an id comes twice; of several, the first to be repeated.
    """
    for repeated in repeated_ids(parts):
        raise BadDocumentError(
            f"{places[repeated.part]}, document {repeated.document}",
            f"its id {repeated.id!r} is also that of document {repeated.first_document} of "
            f"{places[repeated.first_part]} (documents without text are not counted)",
            "make the ids unique, or name another id_column; one that does not exist numbers the rows",
        )


def _hashes(ids: Iterable[str]) -> NDArray[np.uint64]:
    """The same 64 bits for the same id. Shape: (ids,)."""
    joined = b"".join(hashlib.blake2b(identity.encode(), digest_size=8).digest() for identity in ids)
    return np.frombuffer(joined, np.uint64)


def _with_equal_hashes(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The ascending numbers of all documents that share their hash with another."""
    order = np.argsort(hashes, kind="stable")
    in_order = hashes[order]
    equals_next = in_order[:-1] == in_order[1:]
    is_shared = np.zeros(len(hashes), bool)
    is_shared[:-1] |= equals_next
    is_shared[1:] |= equals_next
    return np.sort(order[is_shared])


def _states_of_all(paths: Sequence[str], cache: Path | None) -> dict[str, FileState]:
    """Each file's state, from the cache where it is still the file that was hashed."""
    kept = _read_cache(cache) if cache else {}

    def state(path: str) -> FileState:
        with file_errors(path):
            known = kept.get(path)
            return known if known is not None and known.is_untouched(Path(path)) else state_of(Path(path))

    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        states = dict(zip(paths, pool.map(state, paths), strict=True))
    if cache and states != kept:
        write_checked_json(cache, {path: asdict(one) for path, one in states.items()})
    return states


def _read_cache(cache: Path) -> dict[str, FileState]:
    try:
        return _CACHE.validate_python(read_checked_json(cache))
    except ValidationError:  # of another version, or damaged: files are hashed anew
        return {}
