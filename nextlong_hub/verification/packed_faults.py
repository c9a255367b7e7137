"""Faults of a packed row: its documents must tile its text, its tokens and its mask."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from nextlong_hub.dataset.config_record import PackingRecord
from nextlong_hub.dataset.schema import DOCUMENT_LENGTHS, LOSS_MASK, TOKEN_COLUMNS
from nextlong_hub.recipe import Recipe


def packed_faults(row: Mapping[str, Any], recipe: Recipe, number: int, packing: PackingRecord) -> Iterator[str]:
    """Faults in the layout of a row's documents; `best_fit.unpack` can unpack a row without any.

    Args:
        row: the row by column, token columns as arrays.
        recipe: the recipe of its configuration.
        number: its position in the configuration, from 0.
        packing: what the manifest says of its padding.
    """
    documents, lengths = row["documents"], row[DOCUMENT_LENGTHS]
    if row["id"] != f"{recipe.name}/{number:06d}":
        yield f"the id {row['id']!r} is not that of row {number:,} of {recipe.name!r}"
    if not documents:
        yield "has no documents"
    if [document["tokens"] for document in documents] != lengths:
        yield f"{DOCUMENT_LENGTHS} are not the tokens of its documents"
    if min(lengths, default=1) < 1 or sum(lengths) != row["token_count"]:
        yield f"its documents have {sum(lengths):,} tokens together, token_count says {row['token_count']:,}"
    if row["token_count"] > recipe.target_length:
        yield f"has {row['token_count']:,} tokens, more than {recipe.target_length:,}"
    for name in TOKEN_COLUMNS:
        if name in row and len(row[name]) != row["token_count"]:
            yield f"{name} has {len(row[name]):,} entries, token_count says {row['token_count']:,}"
    if LOSS_MASK in row and not np.isin(row[LOSS_MASK], (0, 1)).all():
        yield f"{LOSS_MASK} holds other values than 0 and 1"
    yield from _padding_faults(row, packing)
    borders = [0, *(document["end"] for document in documents)]
    starts = [document["start"] for document in documents]
    if starts != borders[:-1] or borders[-1] != len(row["text"]) or any(a >= b for a, b in pairwise(borders)):
        yield "its documents do not tile its text"
    ends = [segment["end"] for segment in row["segments"]]
    if ends != sorted(ends) or any(end > len(row["text"]) for end in ends):
        yield "its segments are not in the order of its text"


def _padding_faults(row: Mapping[str, Any], packing: PackingRecord) -> Iterator[str]:
    """Faults in how many tokens its documents take, and in what stands behind them."""
    lengths = np.array([document["tokens"] for document in row["documents"]], np.int64)
    padding = np.array([document.get("padding", 0) for document in row["documents"]], np.int64)
    multiple = max(1, packing.align)
    if np.any(lengths % multiple):
        yield f"its documents have lengths that are no multiples of {multiple:,}"
    if np.any((padding < 0) | (padding >= multiple)):
        yield f"its documents have padding of {padding.min():,} to {padding.max():,} tokens, not under {multiple:,}"
    elif padding.any():
        ids, mask = (np.asarray(row.get(name, ())) for name in ("input_ids", LOSS_MASK))
        behind = np.repeat(np.cumsum(lengths), padding) - 1
        behind -= np.arange(len(behind)) - np.repeat(np.cumsum(padding) - padding, padding)
        if min(len(ids), len(mask)) < lengths.sum():
            yield "has padding, and fewer ids or a shorter mask than tokens"
        elif np.any(ids[behind] != packing.padding_id):
            yield f"its padding is other than the token {packing.padding_id}"
        elif mask[behind].any():
            yield "the loss is taken on its padding"
