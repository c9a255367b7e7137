"""What an export format is: its properties, and one function that writes rows.

    FORMATS.names()    ("axolotl", "jsonl", "mds", …): no format is imported
    FORMATS["mds"]     its `ExportFormat`

This module imports no heavy library, so that `--help` can list the names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nextlong_hub.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nextlong_hub.exports.endings import Ending, EosRule
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
    ending: "Ending"
    """What is done at the end of each document."""
    tokenizer_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument:
    """A document as it is read back from an export."""

    input_ids: "NDArray[np.int32] | None" = None
    """None where the format is text. Shape: (tokens,)."""
    loss_mask: "NDArray[np.uint8] | None" = None
    """1 where the loss is taken; that of the first token does not count. None where the format has none. Shape:
    (tokens,)."""
    text: str = ""


Read = Callable[[Path], Iterator[ReadDocument]]
"""Reads all documents of a finished export.

Raises:
    ValueError, KeyError, IndexError, OSError: a file is not what the format says.
"""

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
    read: Read | None = None
    """Reads what `write` has written, so that an export proves itself; None: what is written is not proven."""
    tokens: Literal["always", "never", "where stored"]
    """Whether tokens are written; never: the trainer makes them from the text."""
    wants_text: bool
    takes_packed_rows: bool
    """False: each document of a packed row is exported as a row of its own."""
    takes_loss_mask: bool
    shard_bytes: int
    """Default size of a file in bytes; 0 for one file."""
    most_shard_bytes: int | None = None
    """The largest size from which a file may be closed, in bytes: what its index can count; None: any."""
    compressions: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    takes_sources_apart: bool = False
    token_bytes: Literal["by vocabulary", "by vocabulary or 4"] | None = None
    """How tokens get 2 or 4 bytes: by the size of the vocabulary; an unknown one is an error, or takes 4."""
    two_byte_vocabulary: int = 65_499
    """The largest vocabulary whose tokens have 2 bytes; by default Megatron-LM's, which leaves room for padding."""
    eos: "EosRule" = "keep"
    """How documents end unless it is asked otherwise."""
    eos_is_border: bool = False
    """Its reader takes every EOS for the end of a document."""
    shared_rows: str = ""
    """What to mind under context parallelism where documents share rows, as a sentence; empty where nothing."""
    aligned_rows: str = ""
    """The same where the documents are multiples of `{0}` tokens, which `{1}` devices can share; empty where that does
    not help."""
    tokens_dropped: int = 0
    """Tokens of each document that its reader drops when it shifts."""


FORMATS: Registry[ExportFormat] = Registry(
    kind="export format", files="exports/*.py", constant="FORMAT", group="nextlong_hub.exports"
)
