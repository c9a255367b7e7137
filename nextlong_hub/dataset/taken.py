"""Which documents of the corpus are taken: those that rows extend, or hold whole, by the recipe that made the row.

A row, or a document of a packed row, was made by the recipe that its `id` names before the slash. A mixture makes no
rows, so what it holds was taken by its ingredients.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nextlong_hub.core.files import digest_of
from nextlong_hub.dataset.shards import read_table
from nextlong_hub.dataset.write import ChosenRows, UnitRow

Taken = Mapping[str, frozenset[str]]
"""Ids of documents, by the name of the recipe whose rows extend or hold them."""


def taken_in_files(files: Iterable[Path], *, packed: bool) -> dict[str, frozenset[str]]:
    """What the rows of published files take.

    Args:
        files: of one configuration.
        packed: a row holds several documents.

    Raises:
        DataError: a file is damaged.
    """
    columns = ["documents"] if packed else ["id", "meta_document"]
    return _taken(read_table(path, columns) for path in files)


def taken_by(chosen: ChosenRows) -> dict[str, frozenset[str]]:
    """What the rows of finished units take.

    Raises:
        DataError: a unit is damaged.
    """
    return _taken(_tables(chosen))


def documents_of(chosen: ChosenRows) -> list[str]:
    """The document that each of some rows extends, in order; the rows are not packed.

    Raises:
        DataError: a unit is damaged.
    """
    return [document for table in _tables(chosen) for document in table["meta_document"].to_pylist()]


def token_counts(rows: Sequence[UnitRow]) -> list[int]:
    """Tokens of each of some rows of finished units.

    Raises:
        DataError: a unit is damaged.
    """
    counts: list[int] = []
    for unit, own in groupby(rows, key=itemgetter(0)):
        counts += read_table(unit, ["token_count"])["token_count"].take([row for _, row in own]).to_pylist()
    return counts


def merged(parts: Iterable[Taken]) -> dict[str, frozenset[str]]:
    """What several configurations take together."""
    together: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for part in parts:
        for owner, documents in part.items():
            together[owner] |= documents
    return dict(sorted(together.items()))


def digest_of_documents(documents: Iterable[str]) -> str:
    """Twelve hexadecimal digits that stand for a set of documents."""
    return digest_of(sorted(documents))


def _tables(chosen: ChosenRows) -> Iterable[pa.Table]:
    """Names and documents of the chosen rows; in order unless they were packed as they came."""
    if chosen.packed is None:
        for unit, rows in groupby(chosen.rows, key=itemgetter(0)):
            yield read_table(unit, ["id", "meta_document"]).take([row for _, row in rows])
        return
    places = chosen.packed.places
    for number in np.unique(places[:, 0]).tolist():
        rows_of_unit = np.sort(places[places[:, 0] == number, 1])
        yield read_table(chosen.packed.units[number], ["id", "meta_document"]).take(rows_of_unit)


def _taken(tables: Iterable[pa.Table]) -> dict[str, frozenset[str]]:
    taken: defaultdict[str, set[str]] = defaultdict(set)
    for table in tables:
        if "documents" in table.column_names:
            flat = pc.list_flatten(table["documents"])
            ids, documents = pc.struct_field(flat, "id"), pc.struct_field(flat, "meta_document")
        else:
            ids, documents = table["id"], table["meta_document"]
        for name, document in zip(ids.to_pylist(), documents.to_pylist(), strict=True):
            taken[name.partition("/")[0]].add(document)
    return {owner: frozenset(documents) for owner, documents in sorted(taken.items())}
