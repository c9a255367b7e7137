"""How much is read of a source: the order of its pieces, and what is left of its limit."""

import hashlib
from collections.abc import Sequence
from math import ceil

from nextlong_hub.corpus.pieces import Amount, Piece


def reading_order(pieces: Sequence[Piece], source: str) -> list[int]:
    """The numbers of a source's pieces in the order in which they are read.

    A fixed shuffle by their names: the first files of a large dataset are often its oldest, or of one kind.
    """
    own = [number for number, piece in enumerate(pieces) if piece.source == source]
    return sorted(own, key=lambda number: (_shuffled(pieces[number]), number))


def rest_of(most: Amount, documents: int, text_bytes: int) -> Amount | None:
    """What may still be read after so much; None when that was enough."""
    if most.is_reached(documents, text_bytes):
        return None
    if most.documents:
        return Amount(documents=most.documents - documents)
    return Amount(text_bytes=most.text_bytes - text_bytes)


def pieces_for(most: Amount | None, left: Amount | None, pieces: int) -> int:
    """About how many more pieces are needed, when so many have given what is not left any more."""
    if most is None or left is None:
        return 0
    wanted, missing = most.documents + most.text_bytes, left.documents + left.text_bytes
    return ceil(missing * pieces / max(1, wanted - missing))


def _shuffled(piece: Piece) -> bytes:
    return hashlib.blake2b(f"{piece.name}\0{piece.first_row}".encode(), digest_size=8).digest()
