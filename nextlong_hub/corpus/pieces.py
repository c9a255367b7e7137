"""What travels through the corpus stage: pieces of a source, and the ways in which a document can be bad."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nextlong_hub.corpus.states import FileState
from nextlong_hub.errors import BadDocumentError, argument
from nextlong_hub.execution.paths import InputAddress

DATASETS = ("hub",)
"""Formats whose pieces are no files: a dataset on the Hub, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So many documents or so many bytes of text; one of the two is 0, and is then no bound."""

    documents: int = 0
    text_bytes: int = 0
    """Of UTF-8."""

    def is_reached(self, documents: int, text_bytes: int) -> bool:
        """Whether so much is enough."""
        return documents >= self.documents if self.documents else text_bytes >= self.text_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a source that can be read by itself; a field of the task that reads it."""

    source: str
    """Name of the source."""
    format: str
    """Name of its format in `corpus.formats.FORMATS`."""
    location: InputAddress
    """Absolute path, URL (of the Hub: at a fixed commit), or name of a Hub dataset; of a group of texts: their
    folder."""
    name: str
    """Name within its source, the same wherever the source lies: `books/part-7.jsonl`."""
    members: tuple[str, ...] = ()
    """Plain texts only: the files, relative to `location`; empty for all other formats."""
    row_groups: tuple[int, int] | None = None
    """Parquet only: first row group and one past the last; None for all."""
    first_row: int = 0
    """Rows of the file that come before this piece."""
    shard: tuple[int, int] | None = None
    """Hub datasets only: number of the shard, and of how many."""
    id_prefix: str = ""
    """Ids that the data does not give are `<id_prefix><row or line>`; of plain texts `<id_prefix><member>`."""
    text_column: str = "text"
    id_column: str = "id"
    record_columns: tuple[str, ...] = ()
    """When set, a document's text is a JSON object of those of these columns that its row has; see `SourceSettings`."""
    config: str | None = None
    """Configuration of a Hub dataset."""
    split: str = "train"
    """Split of a Hub dataset."""
    revision: str | None = None
    """Commit of a Hub source, or what a server says of a file's version; None for local
    files, whose bytes are their identity."""
    keeps_segments: bool = False
    """The segments that rows of our own datasets have are kept beside their texts."""
    most: Amount | None = None
    """Reading stops once so much is read; None reads all."""
    states: tuple[FileState, ...] = ()
    """What each of `files` was when the corpus was identified; empty before that, and for what is no local file."""
    query: str = ""
    """What follows the path in the URLs of its files, with its question mark. It may hold a password: no message shows
    it."""

    @property
    def place(self) -> str:
        """What an error calls it."""
        if self.row_groups:
            return f"{self.location}, row groups {self.row_groups[0]} to {self.row_groups[1] - 1}"
        if self.shard:
            return f"{self.location}, shard {self.shard[0]}"
        return f"{self.location}/{self.name} and what follows" if self.members else self.location

    @property
    def files(self) -> tuple[str, ...]:
        """Paths or URLs of the files it reads; none for a dataset."""
        if self.format in DATASETS:
            return ()
        return tuple(f"{self.location}/{member}{self.query}" for member in self.members) or (self.address,)

    @property
    def address(self) -> str:
        """Where it is opened: `location`, and what follows it in a URL."""
        return self.location + self.query


_MOST_NAMES = 200
"""Names counted one by one; those met later are counted together."""
OTHERS = "others"
"""What those are counted as."""


@dataclass(slots=True, kw_only=True)
class ReadingNotes:
    """What a reader met and made no document of; it is added up over a piece, and over a source."""

    columns: Counter[str] = field(default_factory=Counter)
    """Values that are not empty, of each column or field that is not used."""
    members: Counter[str] = field(default_factory=Counter)
    """Files within archives that are not read, by their ending."""
    numbered: int = 0
    """Rows without an id, which are called by their place."""
    read: set[tuple[str | None, ...]] = field(default_factory=set)
    """The columns or fields that documents were made of; rows of JSON may differ. None: the row has none."""

    @property
    def used(self) -> tuple[str, ...]:
        """The names of those columns, in their order."""
        return tuple(sorted({name for names in self.read for name in names if name}))

    def add(self, columns: Mapping[str, int], members: Mapping[str, int], numbered: int) -> None:
        """Add what another part of the source has."""
        add_named(self.columns, columns)
        add_named(self.members, members)
        self.numbered += numbered


def add_named(counts: Counter[str], more: Mapping[str, int]) -> None:
    """Add counts by name, the names in their order; past `_MOST_NAMES` of them they are added to `OTHERS`."""
    for name, times in more.items():
        counts[name if name in counts or len(counts) < _MOST_NAMES else OTHERS] += times


class BadReason(StrEnum):
    """Why a document was left out; these words are counted and do not change."""

    EMPTY = "empty"
    """No characters, or white space only: always left out, never an error."""
    INVALID_JSON = "invalid_json"
    TRUNCATED = "truncated"
    """The file ends too early: the rest of it is missing."""
    CORRUPT = "corrupt"
    """The file, or a row group of it, is damaged."""
    INVALID_UTF8 = "invalid_utf8"
    WRONG_TYPE = "wrong_type"
    MISSING_TEXT = "missing_text"
    MISSING_CONVERSATION = "missing_conversation"
    """The row has none of the columns that may hold a conversation."""
    NULL_TEXT = "null_text"
    LONE_SURROGATE = "lone_surrogate"
    """Half of a pair that stands for one character, such as JSON's `\\ud800`: no UTF-8 can hold it."""
    NUL_CHARACTER = "nul_character"
    TOO_LONG = "too_long"
    """A document, or the line, row, object or page that holds it, is too large to be read at once: most likely it is no
    text at all."""
    EXPANDS = "expands"
    """A packed file, or a row group, gives hundreds of times as many bytes as it takes: a decompression bomb."""


_SKIP = 'or set on_bad_document = "skip" to leave such documents out and count them'
_WORDS: dict[BadReason, tuple[str, str]] = {
    BadReason.EMPTY: ("holds no text", "remove it"),
    BadReason.INVALID_JSON: ("is not valid JSON", "mend the line"),
    BadReason.TRUNCATED: ("the file ends in the middle", "fetch or write the file again"),
    BadReason.CORRUPT: ("the file is damaged", "fetch or write the file again"),
    BadReason.INVALID_UTF8: ("is not UTF-8", "convert the file to UTF-8, for example with iconv"),
    BadReason.WRONG_TYPE: (
        "has the wrong type",
        "write the text as a string, and the id as a string or integer, or name other columns "
        f"({argument('text-column')}, "
        f"{argument('id-column')})",
    ),
    BadReason.MISSING_TEXT: ("has no text", f"name the one that holds the text with {argument('text-column')}"),
    BadReason.MISSING_CONVERSATION: (
        "has no conversation",
        "name the columns that hold it in the recipe's conversations.columns "
        f"({argument('set', 'conversations.columns')})",
    ),
    BadReason.NULL_TEXT: ("has null for its text", "remove the row"),
    BadReason.LONE_SURROGATE: ("holds half of a surrogate pair, which is no character", "replace it in the text"),
    BadReason.NUL_CHARACTER: ("holds a NUL character", "remove the character from the text"),
    BadReason.TOO_LONG: ("is too long to be read at once", "check that it is text, and split it"),
    BadReason.EXPANDS: (
        "expands to far more than text does",
        "check where the file comes from: this is how a decompression bomb looks; if it is what it should be, unpack "
        "it and name what it holds",
    ),
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document, or the rest of a file, that was left out."""

    reason: str
    """A value of `BadReason`."""
    place: str
    """File and line or row: `notes.jsonl, line 7`."""


@dataclass(frozen=True, slots=True)
class BadDocument:
    """What a format yields in place of a bad document; `read` decides whether it is an error."""

    reason: BadReason
    place: str
    detail: str = ""

    def as_error(self) -> BadDocumentError:
        """The error to raise where bad documents are not skipped."""
        words, remedy = _WORDS[self.reason]
        return BadDocumentError(self.place, f"{words} ({self.detail})" if self.detail else words, f"{remedy}, {_SKIP}")
