"""A dataset on the Hub, by its name: each of its shards is streamed."""

from collections.abc import Iterator, Sequence

from nextlong_hub.corpus.formats.base import CorpusFormat, Results, Stratum, TextsOf
from nextlong_hub.corpus.formats.measuring import stratum_of_rows
from nextlong_hub.corpus.formats.rows_of_dataset import read_dataset
from nextlong_hub.corpus.pieces import Piece
from nextlong_hub.corpus.reading import source_errors
from nextlong_hub.errors import DataError
from nextlong_hub.hub.files import open_dataset


def read(piece: Piece) -> Results:
    """Stream one shard."""
    index, shards = piece.shard or (0, 1)
    rows = open_dataset(piece.location, piece.config, piece.split, piece.revision)
    yield from read_dataset(rows.shard(num_shards=shards, index=index), piece)


def measure(pieces: Sequence[Piece], texts_of: TextsOf) -> Iterator[Stratum]:
    """The number of rows is the one that the repository states.

    Raises:
        DataError: it states none.
        AuthError, NetworkError: the Hub refused or could not be reached.
    """
    for piece in pieces:
        with source_errors(piece):
            rows = _rows_of_shard(piece)
        yield stratum_of_rows(piece, rows, texts_of)


def _rows_of_shard(piece: Piece) -> float:
    splits = open_dataset(piece.location, piece.config, piece.split, piece.revision).info.splits or {}
    if piece.split not in splits or not splits[piece.split].num_examples:
        raise DataError(
            f"{piece.location} does not say how many rows its split {piece.split!r} has, so nothing can be predicted; "
            "run without --dry-run, or name its files as hf://datasets/…"
        )
    shards = piece.shard[1] if piece.shard else 1
    return float(splits[piece.split].num_examples) / shards


FORMAT = CorpusFormat(name="hub", suffixes=(), read=read, measure=measure)
