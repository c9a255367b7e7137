"""JSON that is not one object a line: an array of objects, or objects that are written over several lines.

The text is decoded as it comes, so that an array of any length takes the memory of its longest object.
"""

import codecs
import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from nextlong_hub.corpus.formats.base import Results
from nextlong_hub.corpus.formats.bounds import TOO_MANY_VALUES, has_too_many_values, more_than
from nextlong_hub.corpus.formats.damage import READ_ERRORS, damage_reason, is_damage
from nextlong_hub.corpus.pieces import BadDocument, BadReason, Piece, ReadingNotes
from nextlong_hub.corpus.rows import document_of_object, place_of, without_surrogates

NO_UTF8 = re.compile("[\udc80-\udcff]")
"""What bytes become that are no UTF-8, when they are decoded with `surrogateescape`."""
_decode = json.JSONDecoder().raw_decode
_SPACE = " \t\r\n"
_LONGEST_TOKEN = 12
"""Characters before the end of what is read so far in which a fault may be that more is to come: `\\ud83d\\ude00`."""


def begun(content: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a file, and all of them; a break before any is left for whoever reads on."""
    try:
        head = next(content, b"")
    except READ_ERRORS as error:
        return b"", _broken(error)
    return head, chain([head], content)


def are_lines(head: bytes) -> bool:
    """Whether a file that begins so holds one value a line."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith(b"["):
        return start[1:].lstrip()[:1] not in (b"{", b"]", b"")
    first, newline, _ = start.partition(b"\n")
    # A line that stops before a value or a bracket is complete goes on in the next one.
    return not (start.startswith(b"{") and newline and first.rstrip()[-1:] in b"{[,:")


def objects_of(content: Iterator[bytes], piece: Piece, notes: ReadingNotes, longest: int) -> Results:
    """Give the document of each object, numbered from 0; behind a fault in the JSON nothing can be read."""
    for number, value in enumerate(_values(_Text(content, longest))):
        place = place_of(piece, "object", number)
        if isinstance(value, _Fault):
            yield BadDocument(value.reason, place, value.detail)
        else:
            yield without_surrogates(document_of_object(value, piece, "object", number, notes), place)


class _Fault(NamedTuple):
    """Why a file cannot be read any further."""

    reason: BadReason
    detail: str


def _values(text: "_Text") -> Iterator[Any]:
    """The objects of a file in order; a `_Fault` where they end before the file does."""
    is_array = False
    while True:
        fault = text.skip(_SPACE + ",")
        if fault is None and text.is_at_end:
            fault = _Fault(BadReason.TRUNCATED, "the array is not closed") if is_array else None
            if fault is None:
                return
        if fault is not None:
            yield fault
            return
        if text.held[text.place] == ("]" if is_array else "["):
            is_array = not is_array
            text.place += 1
            continue
        value = text.value()
        yield value
        if isinstance(value, _Fault):
            return


class _Text:
    """The text of a file as far as it is read, from the place that is reached."""

    def __init__(self, content: Iterator[bytes], longest: int) -> None:
        self.held = ""
        self.place = 0
        self.has_ended = False
        self._content = content
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self.has_ended and self.place == len(self.held)

    def value(self) -> Any:
        """Go behind the value that stands here and give it, or the fault of the file."""
        while True:
            if has_too_many_values(self.held):
                return _Fault(BadReason.TOO_LONG, f"one object, {TOO_MANY_VALUES}")
            try:
                value, end = _decode(self.held, self.place)
            except json.JSONDecodeError as error:
                may_go_on = "Unterminated string" in error.msg or error.pos >= len(self.held) - _LONGEST_TOKEN
                if not may_go_on:
                    return _Fault(BadReason.INVALID_JSON, error.msg)
            except RecursionError as error:
                return _Fault(BadReason.INVALID_JSON, str(error))
            else:
                if end < len(self.held) or self.has_ended:
                    part = self.held[self.place : end]
                    self.place = end
                    is_damaged = not part.isascii() and NO_UTF8.search(part) is not None
                    return _Fault(BadReason.INVALID_UTF8, "the object is not UTF-8") if is_damaged else value
            if fault := self.more():
                return fault

    def skip(self, characters: str) -> _Fault | None:
        """Go on to the next character that is none of these; give the fault of the file, if it ends in one."""
        while True:
            while self.place < len(self.held) and self.held[self.place] in characters:
                self.place += 1
            if self.place < len(self.held) or self.has_ended:
                return None
            if fault := self.more():
                return fault

    def more(self) -> _Fault | None:
        """Read as much again as is held, at least a block; give the fault of the file, if it ends in one.

        No more is read than makes the longest object too long.
        """
        if self.has_ended:
            return _Fault(BadReason.TRUNCATED, "the file ends within an object")
        parts = [self.held[self.place :]]
        wanted = len(parts[0])
        if wanted > self._longest:
            return _Fault(BadReason.TOO_LONG, f"one object, {more_than(self._longest)}")
        self.place = 0
        got = 0
        try:
            while got == 0 or got < min(wanted, self._longest + 1 - wanted):
                block = next(self._content, b"")
                self.has_ended = not block
                parts.append(self._decoder.decode(block, final=not block))
                got += len(parts[-1])
                if self.has_ended:
                    break
        except READ_ERRORS as error:
            if not is_damage(error):
                raise
            return _Fault(damage_reason(error), str(error))
        self.held = "".join(parts)
        return None


def _broken(error: BaseException) -> Iterator[bytes]:
    raise error
    yield b""
