"""What an export format is: its properties, and one function that writes rows.

    FORMATS.names()    ("axolotl", "jsonl", "mds", …): no format is imported
    FORMATS["mds"]     its `ExportFormat`

This module imports no heavy library, so that `--help` can list the names.
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
    """The resolved settings of an export; with the rows they determine the bytes."""

    name: str
    """Name of the exported configuration, for formats that store one."""
    pack_tokens: int | None
    """Length of the rows into which documents are packed; None leaves rows as they are."""
    shard_bytes: int
    """Size from which a file is closed, in bytes; 0 for formats of one file."""
    compression: Literal["zstd"] | None
    by_source: bool
    """Write one folder for each source."""
    hashes: tuple[str, ...]
    """Digests to store in the format's own index."""
    token_bytes: Literal[2, 4]
    """Bytes of one token, where the format has a choice."""
    masked: bool
    """The rows carry a loss mask."""
    tokenizer_name: str


Write = Callable[[Iterator["ExportRow"], "ExportWriter", ExportSettings], None]
"""Writes all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """A format in which a trainer reads rows."""

    name: str
    reader: str
    """The trainers that read it."""
    trainer_setting: str
    """The trainer's setting for the folder, which replaces `{0}`."""
    write: Write
    tokens: Literal["always", "never", "where stored"]
    """Whether tokens are written; never: the trainer makes them from the text."""
    wants_text: bool
    takes_packed_rows: bool
    """False: each document of a packed row is exported as a row of its own."""
    takes_loss_mask: bool
    shard_bytes: int
    """Default size of a file in bytes; 0 for one file."""
    compressions: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    takes_sources_apart: bool = False
    token_bytes: Literal["by vocabulary", "by vocabulary or 4"] | None = None
    """How tokens get 2 or 4 bytes: by the size of the vocabulary; an unknown one is an error, or takes 4."""


FORMATS: Registry[ExportFormat] = Registry(
    kind="export format", files="exports/*.py", constant="FORMAT", group="nextlong_hub.exports"
)
