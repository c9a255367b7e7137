"""The index on disk: a vector for each chunk, in parts of a fixed range of chunks.

    index.json                      the commit point: id, dimension, and each file's name, size and sha256
    <id>/vectors-00000.npy          int16 (chunks, dimension)     in steps: see `grid`
    <id>/centres.npy, clusters.faiss     only for approximate search: see `clusters`

Parts do not depend on the number of workers. Two bytes a component: 512 bytes a chunk for 256 components.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, read_json, sweep, write_array, write_json
from nextlong_hub.core.mapping import map_array
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.execution.base import Executor, InputAddress, InputPath, Receipt, Task
from nextlong_hub.execution.receipts import run_missing
from nextlong_hub.retrieval.base import OnReceipt
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.retrieval.vectors.embeddings import find_embeddings, first_not_finite, open_embeddings
from nextlong_hub.retrieval.vectors.encoders import find_encoder, open_encoder
from nextlong_hub.retrieval.vectors.grid import to_grid
from nextlong_hub.retrieval.vectors.options import VectorOptions

Options = TypeVar("Options", bound=VectorOptions)

VECTOR_FORMAT = 1
"""Raised whenever the same vectors start to give other index bytes."""
CHUNKS_IN_A_PART = 4_096
SAMPLE = "sample"
"""In place of a digest: the first of the user's embeddings stand in for those of a sample of the corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorCounts:
    """What one part holds."""

    chunks: int
    dimension: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillVectors(Task[VectorCounts]):
    """The vectors of one range of chunks."""

    stage: ClassVar[str] = "vectors"
    noun: ClassVar[str] = "parts"

    store: InputPath
    encoder: InputAddress = ""
    """Where it is; empty with embeddings."""
    digest: str
    """Of the encoder."""
    embeddings: InputPath | None = None
    start: int
    """First chunk."""
    stop: int

    def run(self) -> VectorCounts:
        """See `Task.run`.

        Raises:
            DataError: the encoder gives NaN or infinity.
        """
        if self.embeddings is not None:
            vectors = open_embeddings(self.embeddings)[self.start : self.stop]
        else:
            texts = ChunkStore(self.store).texts(np.arange(self.start, self.stop))
            vectors = open_encoder(self.encoder, self.digest)([text for _, text in sorted(texts.items())])
            bad = first_not_finite(vectors)
            if bad is not None:
                raise DataError(
                    f"the encoder {self.encoder} gives NaN or infinity for chunk {self.start + bad:,} of the corpus; "
                    "use another encoder, or leave that document out"
                )
        write_array(self.output, to_grid(vectors))
        return VectorCounts(chunks=len(vectors), dimension=vectors.shape[1])


def pin_with(shape: type[VectorOptions]) -> Callable[[RetrievalSettings], RetrievalSettings]:
    """The `Retriever.pin` of a retriever with options of that shape.

    A folder or file of this machine is then named by the last part of its path: the rest is nobody's business.
    """

    def pin(settings: RetrievalSettings) -> RetrievalSettings:
        options = shape.model_validate(settings.options)
        if options.digest == SAMPLE:
            return settings
        option = "encoder" if options.encoder else "embeddings"
        given = settings.place_of(option)
        found = find_encoder(given) if options.encoder else find_embeddings(given)
        if options.digest not in ("", found.digest):
            raise RecipeError(
                f"{given} has the digest {found.digest}, and the recipe asks for {options.digest}; put the old files "
                "back, or take retrieval.options.digest out of the recipe"
            )
        pinned = options.model_copy(update={"digest": found.digest}).model_dump(exclude_none=True)
        settings = settings.model_copy(update={"options": pinned})
        place = Path(given).expanduser()
        return settings.with_place(option, place.resolve()) if place.exists() else settings

    return pin


def on_sample_with(shape: type[VectorOptions]) -> Callable[[RetrievalSettings], RetrievalSettings]:
    """The `Retriever.on_sample` of a retriever with options of that shape."""

    def on_sample(settings: RetrievalSettings) -> RetrievalSettings:
        if not shape.model_validate(settings.options).embeddings:
            return settings
        return settings.model_copy(update={"options": {**settings.options, "digest": SAMPLE}})

    return on_sample


def settled(settings: RetrievalSettings, shape: type[Options]) -> Options:
    """The options of a retriever, pinned unless they are, with the places of the files that they name.

    Raises:
        RecipeError, DataError, AuthError, NetworkError, StorageError: see `base.pin`.
    """
    if not settings.options.get("digest"):
        settings = pin_with(shape)(settings)
    options = shape.model_validate(settings.options)
    option = "encoder" if options.encoder else "embeddings"
    return options.model_copy(update={option: settings.place_of(option)})


def identity_of(store: ChunkStore, options: VectorOptions, more: Sequence[Any] = ()) -> str:
    """The id of the index of `store` with settled options; `more` is what else decides its bytes."""
    return digest_of([VECTOR_FORMAT, store.id, options.digest, *more])


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """One build of an index: where it is made, by whom, and who is told."""

    folder: Path
    identity: str
    executor: Executor
    on_receipt: OnReceipt | None

    @property
    def home(self) -> Path:
        """Where the files of the index are put."""
        return self.folder / self.identity

    @property
    def is_done(self) -> bool:
        """Whether the folder holds this index."""
        summary = read_json(self.folder / "index.json")
        return isinstance(summary, dict) and summary.get("id") == self.identity

    def run(self, tasks: Sequence[Task[Any]]) -> list[Receipt[Any]]:
        """Run tasks that have not been finished before; receipts in the order of the tasks."""
        receipts = {}
        for receipt in run_missing(self.executor, tasks, self.home / "receipts"):
            receipts[receipt.key] = receipt
            if self.on_receipt is not None:
                self.on_receipt(receipt)
        return [receipts[task.key] for task in tasks]

    def finish(self, store: ChunkStore, receipts: Sequence[Receipt[Any]]) -> None:
        """Declare the index complete, and remove what it does not need."""
        dimension = max((one.counts.dimension for one in receipts if isinstance(one.counts, VectorCounts)), default=0)
        files = [{"name": one.output.name, "bytes": one.bytes, "sha256": one.sha256} for one in receipts]
        write_json(
            self.folder / "index.json",
            {"id": self.identity, "store": store.id, "chunks": store.chunks, "dimension": dimension, "files": files},
        )
        sweep(self.home / "receipts")
        for entry in self.folder.iterdir():
            if re.fullmatch("[0-9a-f]{12}", entry.name) and entry.name != self.identity:
                sweep(entry)


def fill_vectors(store: ChunkStore, options: VectorOptions, building: Building) -> list[Receipt[VectorCounts]]:
    """Make the vectors of all chunks; what a killed build has finished is used.

    Raises:
        DataError: the embeddings are of other chunks, or an encoder gives NaN or infinity.
        RecipeError: the encoder is missing, or cannot be opened.
        WorkerError: see `Executor.run`.
        StorageError: no space is left.
    """
    encoder, embeddings = "", None
    if options.encoder:
        encoder = find_encoder(options.encoder).location
    else:
        embeddings = Path(options.embeddings).expanduser().resolve()
        if options.digest != SAMPLE:
            find_embeddings(options.embeddings).require(store)
    return building.run(
        [
            FillVectors(
                key=f"vectors-{number:05d}",
                output=building.home / f"vectors-{number:05d}.npy",
                store=store.folder,
                encoder=encoder,
                digest=options.digest,
                embeddings=embeddings,
                start=start,
                stop=min(start + CHUNKS_IN_A_PART, store.chunks),
            )
            for number, start in enumerate(range(0, store.chunks, CHUNKS_IN_A_PART))
        ]
    )


class Vectors:
    """The vectors of a finished index, memory-mapped."""

    def __init__(self, folder: Path, identity: str) -> None:
        """Open the index in `folder`.

        Raises:
            DataError: there is none, or it was made from something else, or a file is missing or cut short.
        """
        summary = read_json(folder / "index.json")
        if not isinstance(summary, dict) or summary.get("id") != identity:
            came = f"index {summary['id']}" if isinstance(summary, dict) and "id" in summary else "no finished index"
            raise DataError(
                f"{folder} holds {came}, and this corpus and these retrieval settings need index {identity}; run the "
                "build again to make it"
            )
        for file in summary["files"]:
            path = folder / identity / file["name"]
            if not path.is_file() or path.stat().st_size != file["bytes"]:
                raise DataError(
                    f"{path} is missing or cut short, and the index needs its {file['bytes']} bytes; remove {folder} "
                    "and run the build again"
                )
        self.home = folder / identity
        self.chunks: int = summary["chunks"]
        self.dimension: int = summary["dimension"]
        self._names = [file["name"] for file in summary["files"] if file["name"].startswith("vectors-")]

    @cached_property
    def parts(self) -> list[NDArray[np.int16]]:
        """All parts in order. Shape of each: (chunks, dimension)."""
        return [map_array(self.home / name) for name in self._names]

    def of(self, chunks: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of some chunks, in steps. Shape: (chunks, dimension)."""
        gathered = np.zeros((len(chunks), self.dimension), np.float32)
        part_of = chunks // CHUNKS_IN_A_PART
        for part in np.unique(part_of).tolist():
            own = part_of == part
            gathered[own] = self.parts[part][chunks[own] - part * CHUNKS_IN_A_PART]
        return gathered

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """All vectors in order, a part at a time, each with the number of its first chunk."""
        for number, part in enumerate(self.parts):
            yield number * CHUNKS_IN_A_PART, part.astype(np.float32)
