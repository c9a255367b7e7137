"""What travels between the stages, in order of appearance.

    Document ▶ ChunkSpan ▶ TextBlock ▶ Hits ▶ Segment ▶ Sample | Discarded ▶ PackedRow
    Document ▶ Message ▶ Turn ▶ Segment ▶ PackedRow | Discarded                         (conversations)

Character counts are Unicode code points, as Python counts them; tokens are those of the recipe's tokenizer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text of a corpus, as it was read, but for its secrets."""

    id: str
    """Unique within the corpus."""
    text: str
    source: str
    """The named source it came from."""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What else its format knows of it, for filters to go by: a language, a licence. Not stored."""


Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks in a conversation."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, before any chat template."""

    role: Role
    content: str
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else the chat template is given of it, by the names that the template knows: tool calls, reasoning."""
    is_learnt: bool = True
    """Of an answer: whether it is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message's place in the text that a chat template makes of its conversation."""

    number: int
    """Number of the message in the conversation, from 0."""
    role: Role
    start: int
    """First character of its content in the text; what lies between two turns is the template's."""
    end: int
    """One past the last character."""
    is_learnt: bool = True
    """Of an answer: whether it is trained on."""


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """One chunk's place in its document."""

    start: int
    """First character, from 0."""
    end: int
    """One past the last character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """A run of consecutive chunks as UTF-8 bytes, memory-mapped: what the retriever's lexer reads."""

    first_chunk: int
    """Number in the corpus of the block's first chunk."""
    text: "NDArray[np.uint8]"
    """All chunks back to back. Shape: (bytes,)."""
    offsets: "NDArray[np.int64]"
    """Chunk i of the block is `text[offsets[i]:offsets[i + 1]]`. Shape: (chunks + 1,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """The best chunks for each query, in the total order (-score, chunk)."""

    chunks: "NDArray[np.int64]"
    """Chunk numbers in the corpus, padded with -1. Shape: (queries, k)."""
    scores: "NDArray[np.float32]"
    """The retriever's scores, padded with 0. Shape: (queries, k)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One chunk's span inside a sample's text: where each character came from.

    In a conversation it is the content of one message; text outside all segments is the chat template's.
    """

    role: Literal["meta", "negative", "system", "user", "assistant", "tool"]
    document: str
    """Id of the document the chunk belongs to."""
    chunk: int
    """Number of the chunk in that document, or of the message in that conversation, from 0."""
    start: int
    """First character in the sample's text. The separator before it belongs to no segment."""
    end: int
    """One past the last character; the last segment may end before its chunk does."""
    tokens: int
    """Tokens of the sample that begin inside this segment."""
    rank: int
    """0 for a meta-chunk; else the negative's place, from 1, in the retriever's answer to its meta-chunk: the last one
    before it. Where a recipe interleaves none, those of the first meta-chunk come before those of the second."""
    score: float
    """0 for a meta-chunk; else the retriever's score."""
    own_rank: int = 0
    """Of a meta-chunk: the place, from 1, that the best other chunk of its document has among all that the retriever
    found for it, those of other documents; at most one more than were asked for. 0 for a negative, where there is no
    other chunk, and where the retriever does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One synthesised long text: a single document for attention."""

    id: str
    text: str
    input_ids: "NDArray[np.int32]"
    """The tokens of `text`, between the special tokens that the recipe adds. Shape: (target_length,); longer where the
    rows are made for several tokenizers."""
    meta_document: str
    source: str
    """The meta-document's source."""
    segments: tuple[Segment, ...]
    truncated_tokens: int
    """Tokens of the untruncated text that were cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedDocument:
    """One document's place in a packed row; attention never leaves it."""

    id: str
    """Id of the document; of a sample, the sample's id."""
    source: str
    meta_document: str
    """Id of the document in the corpus; of a sample, of the document that it extends."""
    offset: int
    """Characters of that document before this text: 0 unless a document longer than a row was split."""
    start: int
    """First character in the row's text."""
    end: int
    """One past the last character. The next document begins there."""
    tokens: int
    """Its tokens in `input_ids`, special tokens and padding included."""
    padding: int = 0
    """Those of them, at its end, that are padding: they stand for no text, and no loss is taken on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRow:
    """Whole documents back to back in one training row, each with its own attention."""

    id: str
    text: str
    """The texts of the documents, with nothing between them."""
    input_ids: "NDArray[np.int32]"
    """Each document encoded by itself, concatenated. Shape: (tokens,)."""
    loss_mask: "NDArray[np.int8] | None"
    """1 where the loss is taken; None when it is taken everywhere. Shape: (tokens,)."""
    documents: tuple[PackedDocument, ...]
    segments: tuple[Segment, ...]
    """Of all documents; characters of the row's text."""
    template_inputs: tuple[str, ...] = ()
    """Of each conversation what else than its messages its chat template was given, as JSON; empty where that is
    nothing."""

    @classmethod
    def of(
        cls,
        sample: Sample,
        *,
        offset: int = 0,
        loss_mask: "NDArray[np.int8] | None" = None,
        template_inputs: str = "",
    ) -> "PackedRow":
        """A packed row of one document; `offset` is that of `PackedDocument`."""
        document = PackedDocument(
            id=sample.id,
            source=sample.source,
            meta_document=sample.meta_document,
            offset=offset,
            start=0,
            end=len(sample.text),
            tokens=len(sample.input_ids),
        )
        return cls(
            id=sample.id,
            text=sample.text,
            input_ids=sample.input_ids,
            loss_mask=loss_mask,
            documents=(document,),
            segments=sample.segments,
            template_inputs=(template_inputs,),
        )


class Reason(StrEnum):
    """Why a candidate gave no sample."""

    TOO_FEW_NEGATIVES = "too_few_negatives"
    """The retriever had no more admissible chunks before the target length was reached."""
    NEAR_DUPLICATES = "near_duplicates"
    """So many of them were near-copies of the meta-document that the others were too few."""
    BELOW_TARGET = "below_target"
    """The text stayed shorter than the target length (`fill = "reference"`)."""
    OVER_TARGET = "over_target"
    """The text was longer than the target length, and the recipe discards instead of truncating."""
    NO_EXACT_CUT = "no_exact_cut"
    """No prefix of the text has exactly the target length in tokens."""
    NO_TOKENS = "no_tokens"
    """The text has no token: its tokenizer leaves out every character of it."""
    UNPARSEABLE = "unparseable"
    """The row holds no conversation in a known form."""
    UNSUPPORTED = "unsupported"
    """A conversation with more than text, which the chat template cannot be given: calls of tools, parts of another
    type."""
    MEDIA = "media"
    """A conversation with images, sound or video."""
    NOTHING_LEARNT = "nothing_learnt"
    """Every answer of the conversation is marked as one not to be trained on."""
    EMPTY_TURN = "empty_turn"
    WRONG_ROLE_ORDER = "wrong_role_order"
    NO_ASSISTANT = "no_assistant"
    RESERVED_CHARACTER = "reserved_character"
    """A conversation with NUL, half of a surrogate pair, or a noncharacter from U+FDD0 to U+FDEF, which mark
    messages here."""
    REFUSED_BY_TEMPLATE = "refused_by_template"
    """The chat template raises an error: an unknown role, or an order that it does not allow."""
    MASK_UNLOCATABLE = "mask_unlocatable"
    """The chat template changes the content of messages, so the tokens of the answer cannot be located."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """A candidate that gave no sample, and why."""

    meta_document: str
    reason: Reason
    tokens: int
    """How many tokens it had reached."""
