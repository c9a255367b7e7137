"""Fills the token cache: chunks that samples are likely to need are tokenised once, for all samples.

A round holds chunks that the answers of some units name and that no earlier round of the run holds. Its name is a
digest of their numbers, so a run that is repeated makes the same rounds and finds their files. The cache may lack a
chunk: the worker that needs it then tokenises it.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.files import digest_of, write_array
from nextlong_hub.core.mapping import map_array
from nextlong_hub.corpus.store import ChunkStore, open_store
from nextlong_hub.execution.base import InputAddress, InputPath, Task
from nextlong_hub.execution.run import Run
from nextlong_hub.tokenization.cache import TokenCache, chunks_path, part_path, part_ranges, write_part
from nextlong_hub.tokenization.loading import reopen
from nextlong_hub.tokenization.tokenizer import Tokenizer

_MEASURED_CHUNKS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerReference:
    """A tokenizer as a field of a task."""

    location: InputAddress
    """Where its files lie: in the work folder where a copy of them is kept there, else `Tokenizer.location`."""
    digest: str
    """`Tokenizer.digest`, compared when a worker opens them."""

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "TokenizerReference":
        """The reference to an open tokenizer; where tasks run in this process, they use that one."""
        reference = cls(location=tokenizer.kept or tokenizer.location, digest=tokenizer.digest)
        _remember(reference.location, tokenizer)
        return reference

    def open(self) -> Tokenizer:
        """The tokenizer, opened once a process.

        Raises:
            DataError: its files have changed since the reference was made.
        """
        known = _opened.get((self.location, self.digest))
        return known or _remember(self.location, reopen(self.location, self.digest))


_opened: dict[tuple[str, str], Tokenizer] = {}
"""Those of this process that were asked for last, by place and digest."""
_MOST_OPENED = 4


def _remember(location: str, tokenizer: Tokenizer) -> Tokenizer:
    _opened[location, tokenizer.digest] = tokenizer
    while len(_opened) > _MOST_OPENED:
        del _opened[next(iter(_opened))]
    return tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkForm:
    """What decides how a chunk is tokenised, besides the tokenizer; see `Tokenizer.tokenise_chunks`."""

    separator: str
    longest_period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRounds:
    """The finished rounds of one token cache, as a field of a task."""

    rounds: tuple[InputPath, ...]
    """A folder for each, in order."""

    def open(self) -> TokenCache:
        """The cache, opened once a process."""
        return _cache_of(self)


_cache_of = lru_cache(maxsize=4)(lambda rounds: TokenCache(rounds.rounds))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokeniseCounts:
    """Counts of one part of a round."""

    chunks: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokeniseChunks(Task[TokeniseCounts]):
    """Tokenise some chunks of one round, each by itself, and write them as one part of the round."""

    stage: ClassVar[str] = "tokenise"
    noun: ClassVar[str] = "parts"

    store: InputPath
    chunks: InputPath
    """A `.npy` file: the numbers of the round's chunks, ascending."""
    tokenizer: TokenizerReference
    separator: str
    longest_period: int
    """See `Tokenizer.tokenise_chunks`."""
    start: int
    """First place in that list."""
    stop: int
    """One past the last place."""

    def run(self) -> TokeniseCounts:
        """See `Task.run`."""
        wanted = map_array(self.chunks)[self.start : self.stop]
        texts = open_store(self.store).texts(np.array(wanted))
        chunks = self.tokenizer.open().tokenise_chunks(list(texts.values()), self.separator, self.longest_period)
        write_part(self.output, chunks)
        return TokeniseCounts(chunks=len(chunks), tokens=sum(chunk.tokens for chunk in chunks))


class ChunkTokenizer:
    """Fills the token cache of one store, tokenizer and form, round by round."""

    def __init__(self, run: Run, store: ChunkStore, tokenizer: Tokenizer, form: ChunkForm) -> None:
        self._run = run
        self._identity = _identity(store, tokenizer, form)
        self.folder = run.workspace.tokens(self._identity)
        """Folder of the cache, named after the digest of what it is made from."""
        self._rounds: list[Path] = []
        self._store = store
        self._tokenizer = TokenizerReference.of(tokenizer)
        self._form = form
        self._done = np.zeros(0, np.int64)

    @property
    def rounds(self) -> CachedRounds:
        """The rounds finished so far, in order."""
        return CachedRounds(rounds=tuple(self._rounds))

    def tokenise(self, wanted: NDArray[np.int64]) -> None:
        """Tokenise those of `wanted` that no round holds yet, as one round; numbers may repeat and need no order.

        Raises:
            DataError: the tokenizer's files have changed since it was opened.
            StorageError: no space, or no permission.
            WorkerError: see `Executor.run`.
        """
        missing = np.setdiff1d(wanted, self._done)
        if not len(missing):
            return
        name = hashlib.sha256(missing.tobytes()).hexdigest()[:12]
        folder = self.folder / name
        chunks = chunks_path(folder)
        write_array(chunks, missing)
        if self._run.executor.workers == 1:
            self._tokenizer.open().expect(int(self._store.characters_of_each(missing).sum()))
        tasks = [
            TokeniseChunks(
                key=f"{name}-{number:05d}",
                output=part_path(folder, number),
                store=self._store.folder,
                chunks=chunks,
                tokenizer=self._tokenizer,
                separator=self._form.separator,
                longest_period=self._form.longest_period,
                start=start,
                stop=stop,
            )
            for number, (start, stop) in enumerate(part_ranges(len(missing)))
        ]
        self._run.map("tokenise", tasks, self._identity)
        self._rounds.append(folder)
        self._done = np.union1d(self._done, missing)


def chunk_tokenizer(run: Run, store: ChunkStore, tokenizer: Tokenizer, form: ChunkForm) -> ChunkTokenizer:
    """The `ChunkTokenizer` of these: one a run, so that no chunk is tokenised twice."""
    identity = _identity(store, tokenizer, form)
    return run.once(f"tokens-{identity}", lambda: ChunkTokenizer(run, store, tokenizer, form))


def _identity(store: ChunkStore, tokenizer: Tokenizer, form: ChunkForm) -> str:
    return digest_of([store.id, tokenizer.digest, form.separator, form.longest_period])


def measure_characters_per_token(store: ChunkStore, tokenizer: Tokenizer) -> float:
    """Characters per token of the corpus (E in the paper), from a fixed sample of evenly spaced chunks."""
    numbers = np.unique(np.linspace(0, store.chunks - 1, _MEASURED_CHUNKS).astype(np.int64))
    texts = list(store.texts(numbers).values())
    return sum(map(len, texts)) / max(1, sum(tokenizer.count(texts)))
