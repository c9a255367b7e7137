"""What every format is to the export: a few facts about it, and one function that writes rows.

    FORMATS.names()    ("axolotl", "jsonl", "mds", …): no format is imported
    FORMATS["mds"]     its `Format`

Importing this module costs nothing, so that `--help` can list the names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nextlong_hub.core.registry import Registry

if TYPE_CHECKING:
    from nextlong_hub.exports.export_rows import ExportRow
    from nextlong_hub.exports.writer import ExportWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What the user chose, defaults of the format filled in; it decides the bytes, with the rows."""

    name: str
    """What the exported configuration is called where the format asks for a name."""
    pack_tokens: int | None
    """Length of the rows into which documents are packed; None leaves rows as they are."""
    shard_bytes: int
    """Bytes from which a file is closed; 0 for formats of one file."""
    compression: Literal["zstd"] | None
    by_source: bool
    """A folder for each source."""
    hashes: tuple[str, ...]
    """Digests that the format's own index holds."""
    token_bytes: Literal[2, 4]
    """Of one token, where the format has a choice."""
    masked: bool
    """The rows carry a loss mask."""
    tokenizer_name: str


Write = Callable[[Iterator["ExportRow"], "ExportWriter", ExportSettings], None]
"""Write all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A form in which a trainer reads rows."""

    name: str
    reader: str
    """Who reads it."""
    trainer_setting: str
    """How the trainer is told where the folder lies, which stands for `{0}`."""
    write: Write
    tokens: Literal["always", "never", "where stored"]
    """Never: the trainer makes them from the text."""
    wants_text: bool
    takes_packed_rows: bool
    """False: each document of a packed row is exported as a row of its own."""
    takes_loss_mask: bool
    shard_bytes: int
    """Default; 0 where all goes into one file."""
    compressions: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    takes_sources_apart: bool = False
    token_bytes: Literal["by vocabulary", "by vocabulary or 4"] | None = None
    """Whether tokens take 2 or 4 bytes: decided by the vocabulary, which must be known, or 4 where it is not."""


FORMATS: Registry[Format] = Registry(
    kind="export format", files="exports/*.py", constant="FORMAT", group="nextlong_hub.exports"
)
