"""The columns of a published row: one table, which everything that makes, reads, checks or describes rows asks.

    COLUMNS         name, type, the kinds of row that have it, and its meaning
    row_schema      the columns of one configuration, as Arrow wants them
    kinds_of        which kinds of row a table holds, told by its columns
    column_table    names and meanings, as the card and README print them
    current_names   the names that columns have today, of those that a file has

A new column is an entry of `COLUMNS`. Its values are those of the record's field of the same name; `shards` computes
the values of other columns, `packing_tables` those of merged rows. A column is renamed by giving its earlier name in
`earlier`: all that reads files of rows asks `current_names`, and knows today's name alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

LOSS_MASK = "assistant_masks"
"""The column with the loss mask: the name by which TRL makes labels of it."""
DOCUMENT_LENGTHS = "seq_lengths"
"""The column with the tokens of each document: the name by which TRL keeps them apart."""

SEGMENT_TYPE = pa.struct(
    [
        ("role", pa.string()),
        ("document", pa.string()),
        ("chunk", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
        ("rank", pa.int32()),
        ("score", pa.float32()),
        ("own_rank", pa.int32()),
    ]
)
"""One chunk's span inside a row: `records.Segment`, field by field, where the meaning of each is documented."""

LATER_FIELDS = frozenset({"own_rank", "padding"})
"""Fields of segments and documents that older datasets lack; they are read as 0."""

DOCUMENT_TYPE = pa.struct(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("meta_document", pa.string()),
        ("offset", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
        ("padding", pa.int32()),
    ]
)
"""One document's place in a packed row: `records.PackedDocument`, field by field."""


class RowKind(StrEnum):
    """A property of the rows of a configuration on which it depends whether they have a column."""

    ANY = "any row"
    SAMPLE = "one document"
    PACKED = "several documents"
    WITH_TOKENS = "with token ids"
    WITH_MASK = "with a loss mask"
    WITH_INPUTS = "with more than words for a chat template"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowContents:
    """What the rows of a dataset hold, as far as the meaning of a column depends on it."""

    kinds: frozenset[RowKind]
    """Of the rows of all its configurations."""
    synthesised: bool = False
    """Some segments are hard negatives."""
    conversations: bool = False
    """Some rows are conversations under a chat template."""
    imported: bool = False
    """The tokens were published elsewhere."""
    framing: str = ""
    """The special tokens around each document, in words; empty where there are none."""
    earlier: frozenset[str] = frozenset()
    """Columns, by their names of today, that the files have by earlier names."""
    score: str = ""
    """The column `score` with the name of what it holds, where there are hard negatives: BM25 `score`."""

    def stored_name(self, name: str) -> str:
        """The name by which the files have a column."""
        return next((one.earlier for one in COLUMNS if one.name == name and name in self.earlier), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the published rows."""

    name: str
    type: pa.DataType
    rows: RowKind = RowKind.ANY
    """The rows that have it."""
    meaning: str | Callable[[RowContents], str]
    """What it holds, in Markdown without a full stop; a function where that differs between datasets."""
    field: str = ""
    """The field of a `Row` that holds it; empty where that has the column's name."""
    earlier: str = ""
    """The name that older datasets have for it; empty where it was never renamed."""
    per_token: bool = False
    """Its lists have an entry for each token of the row."""
    dictionary: tuple[str, ...] = ()
    """Parquet paths of its values that repeat: they are stored as a dictionary."""

    @property
    def is_list(self) -> bool:
        """Whether a value is a list: of numbers, or of structs."""
        return bool(pa.types.is_list(self.type))

    @property
    def struct(self) -> pa.StructType | None:
        """The type of the entries of its lists where they have fields; else None."""
        return self.type.value_type if self.is_list and pa.types.is_struct(self.type.value_type) else None


def _text(contents: RowContents) -> str:
    packed = "; of a packed row its documents back to back, with nothing between them"
    return "the whole text" + (packed if RowKind.PACKED in contents.kinds else "")


def _input_ids(contents: RowContents) -> str:
    if contents.conversations:
        return "its tokens, with the control tokens that the chat template writes"
    if contents.framing:
        return f"its tokens, with {contents.framing} around each document"
    return "its tokens, as they were published" if contents.imported else "its tokens, without any special token"


def _meta_document(contents: RowContents) -> str:
    return "id of the document" + (" that was extended" if contents.synthesised else "")


def _segments(contents: RowContents) -> str:
    roles = "user, assistant, …" if contents.conversations else "meta or negative" if contents.synthesised else "meta"
    ranked = (
        f", of a negative its `rank` and {contents.score}, of a meta-chunk its `own_rank`: the place that the best "
        "other chunk of its document has among those of other documents, from 1; 0 where it is unknown"
    )
    return (
        f"where each character came from: `role` ({roles}), `document` and `chunk` in the corpus, `start` and `end` in "
        f"characters of `text`, `tokens` (those that begin in a separator or are special belong to no segment: "
        f"together with the segments' they are `token_count`)"
        f"{ranked if contents.synthesised else '; `rank`, `score` and `own_rank` are 0'}"
    )


COLUMNS = (
    Column(name="id", type=pa.string(), meaning="name of the row, unique in its configuration"),
    Column(name="text", type=pa.large_string(), meaning=_text),
    Column(name="input_ids", type=pa.list_(pa.int32()), rows=RowKind.WITH_TOKENS, per_token=True, meaning=_input_ids),
    Column(
        name=LOSS_MASK,
        field="loss_mask",
        earlier="loss_mask",
        type=pa.list_(pa.int8()),
        rows=RowKind.WITH_MASK,
        per_token=True,
        meaning="1 for each token on which the loss is taken, else 0",
    ),
    Column(name="token_count", type=pa.int32(), meaning="how many tokens there are"),
    Column(
        name=DOCUMENT_LENGTHS,
        earlier="document_lengths",
        type=pa.list_(pa.int32()),
        rows=RowKind.PACKED,
        meaning="packed rows: tokens of each document, in order; what attention must keep apart",
    ),
    Column(
        name="documents",
        type=pa.list_(DOCUMENT_TYPE),
        rows=RowKind.PACKED,
        dictionary=("documents.list.element.source",),
        meaning="packed rows: of each document `id`, `source` and `meta_document` (its name in the corpus), `offset` "
        "(its first character there), `start` and `end` (in characters of `text`), `tokens`, and how many of these, at "
        "its end, are `padding`",
    ),
    Column(
        name="template_inputs",
        type=pa.list_(pa.string()),
        rows=RowKind.WITH_INPUTS,
        meaning="of each conversation what else than its messages the chat template was given, as JSON: `tools`, "
        "`variables`, calls of tools and reasoning in `messages`, and the answers that are `not_learnt`; empty where "
        "there is nothing",
    ),
    Column(
        name="meta_document",
        type=pa.string(),
        rows=RowKind.SAMPLE,
        dictionary=("meta_document",),
        meaning=_meta_document,
    ),
    Column(
        name="source",
        type=pa.string(),
        rows=RowKind.SAMPLE,
        dictionary=("source",),
        meaning="where that document came from",
    ),
    Column(
        name="segments",
        type=pa.list_(SEGMENT_TYPE),
        dictionary=("segments.list.element.role", "segments.list.element.document"),
        meaning=_segments,
    ),
)
"""All columns, in the order in which they are stored."""

TOKEN_COLUMNS = tuple(column.name for column in COLUMNS if column.per_token)
"""Names of the columns with an entry for each token: by far the longest lists."""

_TOLD_BY = {
    "input_ids": RowKind.WITH_TOKENS,
    LOSS_MASK: RowKind.WITH_MASK,
    DOCUMENT_LENGTHS: RowKind.PACKED,
    "template_inputs": RowKind.WITH_INPUTS,
}
"""The one column that tells a kind: a kind may get further columns, and older datasets lack those."""

_TODAY = {column.earlier: column.name for column in COLUMNS if column.earlier}
"""The names of columns by those that they had."""


def row_schema(*, tokens: bool, packed: bool = False, masked: bool = False, inputs: bool = False) -> pa.Schema:
    """The columns of the rows of one configuration.

    Args:
        tokens: there is `input_ids`.
        packed: a row holds several documents: `documents` and `seq_lengths` in place of `meta_document`, `source`.
        masked: there is `assistant_masks`.
        inputs: there is `template_inputs`.
    """
    kinds = {RowKind.ANY, RowKind.PACKED if packed else RowKind.SAMPLE}
    kinds |= {RowKind.WITH_TOKENS} if tokens else set()
    kinds |= {RowKind.WITH_MASK} if masked else set()
    kinds |= {RowKind.WITH_INPUTS} if inputs else set()
    return pa.schema([(column.name, column.type) for column in COLUMNS if column.rows in kinds])


def current_names(names: Sequence[str]) -> list[str]:
    """The names that columns of these names have today, in their order.

    Those that no column of ours ever had stay as they are, and so does an earlier name beside the one of today.
    """
    return [name if _TODAY.get(name, name) in names else _TODAY.get(name, name) for name in names]


def stored_names(names: Sequence[str]) -> dict[str, str]:
    """The names under which a file with columns of these names has them, by those of today."""
    return dict(zip(current_names(names), names, strict=True))


def with_current_names(schema: pa.Schema) -> pa.Schema:
    """The same columns by the names that they have today."""
    names = current_names(schema.names)
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])


def is_laid_out(found: pa.Schema, wanted: pa.Schema) -> bool:
    """Whether a file has the columns that are wanted, but for fields that older datasets lack."""
    is_known = all(
        own in (wanted.field(field.name).type.value_type if field.name in wanted.names else ())
        for field in found
        if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type)
        for own in field.type.value_type
    )
    return is_known and bool(without_later_fields(found).equals(without_later_fields(wanted)))


def without_later_fields(schema: pa.Schema) -> pa.Schema:
    """The columns as the oldest datasets have them."""
    return pa.schema(
        [
            pa.field(
                field.name, pa.list_(pa.struct([own for own in field.type.value_type if own.name not in LATER_FIELDS]))
            )
            if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type)
            else field
            for field in schema
        ]
    )


def kinds_of(names: Iterable[str]) -> frozenset[RowKind]:
    """The kinds of row that a table with columns of these names holds."""
    kinds = {RowKind.ANY, *(_TOLD_BY[name] for name in current_names([*names]) if name in _TOLD_BY)}
    return frozenset(kinds if RowKind.PACKED in kinds else kinds | {RowKind.SAMPLE})


def column_table(contents: RowContents) -> list[tuple[str, str]]:
    """Name and meaning of each column that rows of these kinds have, in Markdown."""
    return [
        (
            contents.stored_name(column.name),
            column.meaning if isinstance(column.meaning, str) else column.meaning(contents),
        )
        for column in COLUMNS
        if column.rows in contents.kinds
    ]
