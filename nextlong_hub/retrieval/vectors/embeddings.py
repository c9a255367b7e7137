"""Embeddings that the user brings: the chunks to embed go out, a vector for each comes back.

    export_chunks(sources, load_recipe("128k").reading, "chunks.parquet")
    …                                                       a model anywhere: `text` ▶ vectors, in the order of the rows
    save_embeddings("vectors.npy", vectors, "chunks.parquet")
    nextlong-hub build 128k --set retrieval.retriever=dense --set retrieval.options.embeddings=vectors.npy

Beside `vectors.npy` stands `vectors.json` with the digest of the chunks. A build compares it with its own chunks, so
that vectors of another corpus, or of one that was cut in another way, are refused.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, read_json, sha256_of, write_array, write_json, written_aside
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.ingest import find_corpus, read_corpus
from nextlong_hub.corpus.settings import ReadingSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.execution.progress import Progress, ProgressTracker
from nextlong_hub.execution.run import Run
from nextlong_hub.retrieval.vectors.grid import MOST_COMPONENTS

_METADATA_KEY = b"nextlong_chunks"
_CHUNK_SCHEMA = pa.schema([("document", pa.string()), ("chunk", pa.int32()), ("text", pa.large_string())])
_CHUNKS_TOGETHER = 8_192
_ROWS_TOGETHER = 65_536
_REMEDY = "write the chunks with export_chunks, embed those, and write the vectors with save_embeddings"


def export_chunks(
    sources: Sequence[Source], reading: ReadingSettings, path: Path | str, progress: Progress | None = None
) -> int:
    """Write the chunks of a corpus into a Parquet file, to be embedded elsewhere.

    Args:
        sources: the corpus, as it is named to a build.
        reading: how documents are read and cut: `load_recipe("128k").reading`.
        path: the file, with the columns `document`, `chunk` and `text`.
        progress: receives the progress of reading the corpus.

    Returns:
        How many chunks there are.

    Raises:
        DataError: the corpus cannot be read.
        StorageError: no space, or no permission.
    """
    with TemporaryDirectory(prefix="nextlong-chunks-") as scratch:
        run = Run.quiet(Path(scratch), None if progress is None else ProgressTracker(progress))
        store = read_corpus(run, find_corpus(run, sources), reading)
        schema = _CHUNK_SCHEMA.with_metadata({_METADATA_KEY: chunks_digest(store)})
        with written_aside(Path(path)) as aside, pq.ParquetWriter(aside, schema, compression="zstd") as writer:
            for start in range(0, store.chunks, _CHUNKS_TOGETHER):
                chunks = np.arange(start, min(start + _CHUNKS_TOGETHER, store.chunks))
                documents = store.document_of(chunks)
                texts = store.texts(chunks)
                columns = [
                    [store.document(number)[0] for number in documents.tolist()],
                    pa.array(chunks - store.first_chunk[documents], pa.int32()),
                    [texts[chunk] for chunk in chunks.tolist()],
                ]
                writer.write_table(pa.table(columns, schema=schema))
        return store.chunks


def save_embeddings(path: Path | str, vectors: NDArray[Any], chunks: Path | str) -> None:
    """Write the vectors of exported chunks as a build reads them: `path`, and beside it a `.json` with their digest.

    Args:
        path: a file that ends in `.npy`.
        vectors: one for each row of `chunks`, of any length but 0. Shape: (chunks, dimension).
        chunks: the file that `export_chunks` wrote.

    Raises:
        DataError: the vectors are not those of these chunks by their number, or hold NaN or infinity.
        RecipeError: the path does not end in `.npy`.
        StorageError: no space, or no permission.
    """
    path = Path(path)
    if path.suffix != ".npy":
        raise RecipeError(f"embeddings are written to a file that ends in .npy, and {path} came; rename it")
    file = pq.read_schema(chunks).metadata or {}
    if _METADATA_KEY not in file:
        raise DataError(f"{chunks} is no file of export_chunks; {_REMEDY}")
    rows = pq.read_metadata(chunks).num_rows
    if vectors.ndim == 2 and len(vectors) != rows:
        raise DataError(f"{len(vectors):,} vectors came, and {chunks} has {rows:,} chunks; give one for each, in order")
    _check(vectors, "the array")
    write_array(path, vectors)
    write_json(_sidecar(path), {"chunks": file[_METADATA_KEY].decode(), "rows": rows})


def chunks_digest(store: ChunkStore) -> str:
    """Digest of the texts of all chunks in order, and of where each ends: the same wherever the corpus was read."""
    texts, sizes = hashlib.sha256(), hashlib.sha256()
    for block in store.blocks(0, store.chunks):
        texts.update(np.ascontiguousarray(block.text).data)
        sizes.update(np.diff(block.offsets).astype("<i8").tobytes())
    return digest_of([texts.hexdigest(), sizes.hexdigest()])


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEmbeddings:
    """A file of embeddings that can be used."""

    path: Path
    rows: int
    chunks: str
    """Digest of the chunks that they are of."""
    digest: str
    """Of the vectors and of that."""

    def require(self, store: ChunkStore) -> None:
        """Make sure that they are those of the chunks of `store`.

        Raises:
            DataError: they are of other chunks.
        """
        own = chunks_digest(store)
        if own != self.chunks:
            raise DataError(
                f"{self.path} holds the embeddings of {self.rows:,} other chunks (digest {self.chunks}); this corpus, "
                f"as the recipe cuts it, has {store.chunks:,} (digest {own}); {_REMEDY}"
            )


def find_embeddings(name: str) -> FoundEmbeddings:
    """Look at a file of embeddings; every number is checked.

    Raises:
        RecipeError: there is no such file.
        DataError: it is no array of numbers with a row for each chunk, holds NaN or infinity, or nothing says which
            chunks it belongs to.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise RecipeError(f"there is no file {name} of embeddings; {_REMEDY}")
    vectors = open_embeddings(path)
    _check(vectors, str(path))
    told = read_json(_sidecar(path))
    if not isinstance(told, dict) or not {"chunks", "rows"} <= told.keys():
        raise DataError(
            f"{_sidecar(path)} is missing, which says of which chunks {path.name} holds the embeddings; {_REMEDY}"
        )
    if told["rows"] != len(vectors):
        raise DataError(
            f"{path} has {len(vectors):,} rows, and {_sidecar(path).name} tells of {told['rows']:,} chunks; {_REMEDY}"
        )
    digest = digest_of([sha256_of(path), told["chunks"]])
    return FoundEmbeddings(path=path, rows=len(vectors), chunks=str(told["chunks"]), digest=digest)


def open_embeddings(path: Path) -> NDArray[Any]:
    """Map a file of embeddings into memory.

    Raises:
        DataError: it is no `.npy` file.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is no .npy file of numbers ({error}); {_REMEDY}") from error


def first_not_finite(vectors: NDArray[Any]) -> int | None:
    """The first row with NaN or infinity; None when there is none."""
    for start in range(0, len(vectors), _ROWS_TOGETHER):
        bad = np.flatnonzero(~np.isfinite(vectors[start : start + _ROWS_TOGETHER]).all(axis=1))
        if len(bad):
            return start + int(bad[0])
    return None


def _check(vectors: NDArray[Any], what: str) -> None:
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not 1 <= vectors.shape[1] <= MOST_COMPONENTS:
        raise DataError(
            f"{what} has the shape {vectors.shape} and the type {vectors.dtype}; embeddings are floats of the shape "
            "(chunks, dimension)"
        )
    row = first_not_finite(vectors)
    if row is not None:
        raise DataError(f"{what} holds NaN or infinity in row {row:,}; embed that chunk again")


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".json")
