"""How a document ends: with the tokenizer's EOS or without, in the place of its last token or behind it.

    keep      as it is stored
    fit       its last token gives way to the EOS: T tokens stay T
    append    the EOS is put behind: T + 1 tokens, of which a trainer that shifts inside a row learns T

A document that ends with the EOS already is left as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.dataset import SplitReader
from nextlong_hub.dataset import best_fit as packing
from nextlong_hub.errors import DataError, RecipeError, argument
from nextlong_hub.exports.export_rows import ExportRow
from nextlong_hub.tokenization import EMBEDDED, Tokenizer, load_tokenizer
from nextlong_hub.tokenization.special_tokens import control_tokens

EosRule = Literal["keep", "fit", "append"]
EOS_RULES: tuple[EosRule, ...] = ("keep", "fit", "append")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is done at the end of each document."""

    rule: EosRule = "keep"
    eos: int | None = None
    """The id of the EOS; None where nothing is done."""
    is_border: bool = False
    """The reader finds the ends of documents by the EOS, so none may lie inside of one."""
    is_uniform: bool = False
    """Documents are multiples of a number of tokens and must stay so: one that ends with the EOS is treated as any."""


def find_eos(tokenizer: Tokenizer | None, split: SplitReader) -> int:
    """The id of the EOS of the tokenizer that is named, or that comes with this package and made the rows.

    Raises:
        RecipeError: which tokenizer it is cannot be known, or it has no EOS.
    """
    if tokenizer is None and split.manifest is not None and split.manifest.tokenizer.name == EMBEDDED:
        tokenizer = load_tokenizer(EMBEDDED)
    if tokenizer is None:
        raise RecipeError(
            f"the end of a document is marked by an EOS, whose id is not known of {split.where}; name the "
            f"tokenizer of its tokens with {argument('tokenizer')}, give {argument('eos-id')}, or leave documents as "
            f"they are with {argument('eos', 'keep')}"
        )
    text = control_tokens(tokenizer).get("eos_token")
    ids = {token.content: number for number, token in tokenizer.added_tokens.items()}
    if text not in ids:
        raise RecipeError(
            f"the tokenizer {tokenizer.name} names no eos_token, and the end of a document is marked by one; give "
            f"{argument('eos-id')}, or leave documents as they are with {argument('eos', 'keep')}"
        )
    return ids[text]


def end_documents(rows: Iterable[ExportRow], ending: Ending, count: Callable[[str], None]) -> Iterator[ExportRow]:
    """Give each document its end.

    Args:
        rows: of one document or several.
        ending: what to do; without an EOS the rows pass as they are.
        count: called with `eos_replacing` or `eos_appended` for each document that was given one.

    Raises:
        DataError: an EOS lies inside a document, and the reader would cut there.
    """
    if ending.eos is None:
        yield from rows
        return
    for row in rows:
        borders = packing.cu_seqlens(row.document_lengths).tolist()
        spans = list(pairwise(borders))
        masks = [None if row.loss_mask is None else row.loss_mask[start:end] for start, end in spans]
        ended = [
            _ended(row.input_ids[start:end], mask, ending, count)
            for (start, end), mask in zip(spans, masks, strict=True)
        ]
        if ending.is_border:
            _require_one_border(row, [ids for ids, _ in ended], ending.eos)
        documents = tuple(
            replace(document, tokens=len(ids)) for document, (ids, _) in zip(row.documents, ended, strict=True)
        )
        learnt = [mask for _, mask in ended if mask is not None]
        yield ExportRow(
            id=row.id,
            input_ids=np.concatenate([ids for ids, _ in ended]),
            loss_mask=np.concatenate(learnt) if learnt else None,
            documents=documents,
        )


def _ended(
    ids: NDArray[np.int32], mask: NDArray[np.uint8] | None, ending: Ending, count: Callable[[str], None]
) -> tuple[NDArray[np.int32], NDArray[np.uint8] | None]:
    """One document with its end. Shapes: (tokens,)."""
    if ending.rule == "keep" or (len(ids) and ids[-1] == ending.eos and not ending.is_uniform):
        return ids, mask
    kept = len(ids) - 1 if ending.rule == "fit" else len(ids)
    count("eos_replacing" if ending.rule == "fit" else "eos_appended")
    eos = np.array([ending.eos], np.int32)
    # What a chat template wrote has the end that is learnt; this one only parts documents.
    return np.concatenate([ids[:kept], eos]), None if mask is None else np.append(mask[:kept], np.uint8(0))


def _require_one_border(row: ExportRow, documents: list[NDArray[np.int32]], eos: int) -> None:
    for document, ids in zip(row.documents, documents, strict=True):
        places = np.flatnonzero(ids == eos)
        if not len(places) or places[0] != len(ids) - 1:
            came = f"at token {int(places[0]):,} of {len(ids):,}" if len(places) else "nowhere"
            raise DataError(
                f"the document {document.id!r} has the EOS (id {eos}) {came}, and this format's reader takes each EOS "
                f"for the end of a document; choose another format, or give {argument('eos', 'fit')} and, for chat "
                f"templates that end turns with it, another {argument('eos-id')}"
            )
