"""Why a document gives no item."""

from enum import StrEnum


class LeftOut(StrEnum):
    """Why a document gave no item."""

    TOO_FEW_CHUNKS = "too_few_chunks"
    """It has fewer than are taken of each document."""
    BARRED = "barred"
    """A filter bars one of them."""
    SEEN = "seen"
    """It stands in a dataset that was trained on."""
    BLANK = "blank"
    """One of its chunks is nothing but blanks."""
    TOO_LONG = "too_long"
    """Its chunks, with what must stand between them, are longer than a row."""
    TOO_FEW_INTERFERERS = "too_few_interferers"
    """The retriever found fewer look-alikes that are no near-copies."""
    TOO_FEW_OTHERS = "too_few_others"
    """The corpus has too few other chunks to fill a row."""
    NO_EXACT_CUT = "no_exact_cut"
    """No beginning of the first piece gives a row of exactly the length."""
    OTHER_TOKENS = "other_tokens"
    """A piece has other tokens in one order than in another."""
    NOT_APART = "not_apart"
    """The answer shares a token with what stands before it, or stands elsewhere in the row, too."""


class ImpossibleError(Exception):
    """A document gives no item; caught where its rows are made."""

    def __init__(self, reason: LeftOut) -> None:
        super().__init__(reason)
        self.reason = reason
