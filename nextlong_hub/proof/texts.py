"""The documents of a corpus in a temporary file of their own, and where their chunks lie in it.

In memory are 24 bytes a chunk, and the id of each document.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from nextlong_hub.proof.borders import borders
from nextlong_hub.proof.choices import Cutting


class Texts:
    """Documents in the order in which they are added; chunks are numbered through all of them, from 0."""

    def __init__(self, cutting: Cutting) -> None:
        self._cutting = cutting
        self._file = TemporaryFile(prefix="nextlong-proof-")  # noqa: SIM115  closed by __exit__
        self._starts = array("q")
        self._ends = array("q")
        self._document_bytes = array("q", [0])
        self._first_chunks = array("q", [0])
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self.barred: set[int] = set()
        """Chunks that no row may hold."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def chunks(self) -> int:
        """Chunks of all documents."""
        return len(self._starts)

    def add(self, document: str, text: str, barred: Iterable[int] = ()) -> None:
        """Add a document, and cut it.

        Args:
            document: its id.
            text: as it was read.
            barred: the chunks of it that no row may hold, by their numbers in it.
        """
        self.barred.update(self.chunks + number for number in barred)
        place, done = self._document_bytes[-1], 0
        for start, end in borders(text, self._cutting):
            place += self._file.write(text[done:start].encode())
            self._starts.append(place)
            place += self._file.write(text[start:end].encode())
            self._ends.append(place)
            done = end
        place += self._file.write(text[done:].encode())
        self._document_bytes.append(place)
        self._first_chunks.append(self.chunks)
        self._numbers.setdefault(document, len(self._ids))
        self._ids.append(document)

    def chunks_of(self, document: str) -> range:
        """The numbers of a document's chunks; empty where there is no such document."""
        number = self._numbers.get(document)
        return range(0) if number is None else range(*self._first_chunks[number : number + 2])

    def text_of(self, document: str) -> str | None:
        """The whole text of a document; None where there is no such document."""
        number = self._numbers.get(document)
        return None if number is None else self._between(*self._document_bytes[number : number + 2])

    def chunk(self, number: int) -> str:
        """The text of a chunk."""
        return self._between(self._starts[number], self._ends[number])

    def place(self, number: int) -> tuple[str, int]:
        """The document of a chunk, and the chunk's number in it."""
        document = bisect_right(self._first_chunks, number) - 1
        return self._ids[document], number - self._first_chunks[document]

    def _between(self, start: int, end: int) -> str:
        self._file.seek(start)
        return self._file.read(end - start).decode()
