"""The columns of a row, and what each holds."""

from dataclasses import dataclass

import pyarrow as pa

_TARGET = pa.struct([("kind", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
_FACT = pa.struct([("key", pa.string()), ("value", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
_SEGMENT = pa.struct(
    [
        ("role", pa.string()),
        ("document", pa.string()),
        ("chunk", pa.int32()),
        ("offset", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
        ("rank", pa.int32()),
        ("score", pa.float32()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiffleColumn:
    """One column."""

    name: str
    type: pa.DataType
    meaning: str
    """In Markdown, without a full stop."""


COLUMNS = (
    RiffleColumn(name="id", type=pa.string(), meaning="name of the row"),
    RiffleColumn(
        name="item",
        type=pa.int32(),
        meaning="number of the document: all rows of an item end in the same target tokens, at the same positions",
    ),
    RiffleColumn(
        name="pair",
        type=pa.string(),
        meaning="rows of one pair are the same tokens in another order: compare losses within it",
    ),
    RiffleColumn(
        name="condition",
        type=pa.string(),
        meaning="`blocked`: the document's chunks side by side, all else before them. `riffled`: other chunks between "
        "each two of them. `detached`: the same other chunks, all of them before the last chunk, the ones before it "
        "side by side",
    ),
    RiffleColumn(
        name="distance",
        type=pa.int32(),
        meaning="tokens that stand at least between two neighbouring chunks of a riffled row, as asked for; in a "
        "detached row the same chunks lie between; 0 in a blocked one",
    ),
    RiffleColumn(
        name="between",
        type=pa.list_(pa.int32()),
        meaning="tokens that do stand between each two neighbouring chunks of the document",
    ),
    RiffleColumn(
        name="interferers",
        type=pa.int32(),
        meaning="look-alike chunks for each chunk of the document but the last, as asked for; the pairs of an item "
        "differ in it",
    ),
    RiffleColumn(
        name="interferers_between",
        type=pa.int32(),
        meaning="how many of them, in all, stand between the document's first chunk and its last; the others stand "
        "before the document",
    ),
    RiffleColumn(name="text", type=pa.large_string(), meaning="the whole text"),
    RiffleColumn(
        name="input_ids", type=pa.list_(pa.int32()), meaning="its tokens, `target_length` of them; no padding"
    ),
    RiffleColumn(name="token_count", type=pa.int32(), meaning="how many tokens there are"),
    RiffleColumn(
        name="targets",
        type=pa.list_(_TARGET),
        meaning="what is scored: `kind` (`chunk`: the document's last chunk; `answer`), `start` and `end`, positions "
        "in `input_ids`, `end` excluded",
    ),
    RiffleColumn(
        name="question",
        type=pa.string(),
        meaning="the beginning of a sentence that stands behind the last chunk, and that the answer completes; empty "
        "without questions",
    ),
    RiffleColumn(name="answer", type=pa.string(), meaning="what is right, to the character, without the space before"),
    RiffleColumn(
        name="answer_distance",
        type=pa.int32(),
        meaning="tokens from the end of the sentence that holds the answer to the answer; 0 without questions",
    ),
    RiffleColumn(
        name="facts",
        type=pa.list_(_FACT),
        meaning="sentences that were planted, in the order of the row: `key`, `value`, `start` and `end` in "
        "characters of `text`; one of them in the document, the others behind look-alike chunks",
    ),
    RiffleColumn(name="meta_document", type=pa.string(), meaning="id of the document"),
    RiffleColumn(name="source", type=pa.string(), meaning="where it came from"),
    RiffleColumn(
        name="segments",
        type=pa.list_(_SEGMENT),
        meaning="where the text came from: `role` (`meta`: the document; `negative`: a look-alike; `random`), "
        "`document` and `chunk` in the corpus, `offset` (characters of the chunk before it), `start` and `end` in "
        "characters of `text`, `tokens`, of a negative `rank` and `score`. Text in no segment is a separator, a "
        "planted sentence or the question",
    ),
)
"""All columns, in the order in which they are stored."""

SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])
