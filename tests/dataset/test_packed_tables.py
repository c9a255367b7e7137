"""Packed tables: leaving out the borders between documents gives what putting them together one by one would."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import int32s, names, samples

from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.packing_plan import PackedRange, Planner
from nextlong_hub.dataset.packing_tables import Padding, as_documents, merge
from nextlong_hub.dataset.schema import DOCUMENT_TYPE, row_schema
from nextlong_hub.dataset.shards import read_table, row_sizes, to_packed_table, to_table, write_table
from nextlong_hub.recipe import OutputSettings, Recipe
from nextlong_hub.records import PackedDocument, PackedRow, Sample, Segment

RECIPE = Recipe.model_validate(
    {"name": "p", "target_length": 10, "pack": True, "mixture": ({"recipe": "s", "share": 1.0},)}
)


def sound(sample: Sample) -> Sample:
    """A drawn sample whose segments lie in its text, one behind the other."""
    places = np.linspace(0, len(sample.text), len(sample.segments) + 1).astype(int).tolist()
    segments = tuple(
        Segment(
            role=s.role, document=s.document, chunk=s.chunk, start=a, end=b, tokens=s.tokens, rank=s.rank, score=s.score
        )
        for s, (a, b) in zip(sample.segments, pairwise(places), strict=True)
        if a < b
    )
    return Sample(
        id=sample.id,
        text=sample.text,
        input_ids=sample.input_ids,
        meta_document=sample.meta_document,
        source=sample.source,
        segments=segments,
        truncated_tokens=0,
    )


documents = samples.map(sound).filter(lambda sample: len(sample.text) > 0)

groupings = st.lists(st.lists(documents, min_size=1, max_size=3), min_size=1, max_size=4)
"""Rows of some documents each."""


def packed_by_hand(row: Sequence[Sample]) -> dict[str, Any]:
    """One packed row, document by document."""
    text, ids, places, segments = "", [], [], []
    for sample in row:
        own = {"id": sample.id, "source": sample.source, "meta_document": sample.meta_document, "offset": 0}
        end = len(text) + len(sample.text)
        places.append({**own, "start": len(text), "end": end, "tokens": len(sample.input_ids), "padding": 0})
        for segment in sample.segments:
            values = {name: getattr(segment, name) for name in Segment.__slots__}
            segments.append({**values, "start": segment.start + len(text), "end": segment.end + len(text)})
        text += sample.text
        ids += sample.input_ids.tolist()
    return {
        "text": text,
        "input_ids": ids,
        "token_count": len(ids),
        "seq_lengths": [len(sample.input_ids) for sample in row],
        "documents": places,
        "segments": segments,
    }


@pytest.mark.slow
@given(groupings, st.booleans(), st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_merged_tables_are_the_rows_packed_by_hand(rows: list[list[Sample]], tokens: bool, pieces: int) -> None:
    """Whatever the texts, with and without tokens, from one table or from several slices of it."""
    flat = [sample for row in rows for sample in row]
    table = as_documents(to_table(flat, tokens=True), tokens=tokens)
    if pieces:
        step = -(-len(flat) // pieces)
        table = pa.concat_tables([table.slice(start, step) for start in range(0, len(flat), step)])
    merged = merge(table, np.array([len(row) for row in rows]), [f"p/{number}" for number in range(len(rows))])
    assert merged.schema.equals(row_schema(tokens=tokens, packed=True))
    merged.validate(full=True)
    expected = [{"id": f"p/{number}", **packed_by_hand(row)} for number, row in enumerate(rows)]
    if not tokens:
        for row in expected:
            del row["input_ids"]
    assert merged.to_pylist() == expected


@given(groupings)
@settings(deadline=None, max_examples=30)
def test_unpacking_gives_the_documents_back(rows: list[list[Sample]]) -> None:
    """Packed and taken apart, every sample is what it was."""
    flat = [sample for row in rows for sample in row]
    merged = merge(
        as_documents(to_table(flat, tokens=True), tokens=True), np.array([*map(len, rows)]), ["x"] * len(rows)
    )
    unpacked = [document for row in merged.to_pylist() for document in unpack(row)]
    assert [document.pop("offset") for document in unpacked] == [0] * len(flat)
    assert unpacked == to_table(flat, tokens=True).to_pylist()


@given(groupings, st.integers(2, 9), st.booleans())
def test_padding_stands_behind_each_document_and_is_not_learnt(
    grouping: list[list[Sample]], multiple: int, is_masked: bool
) -> None:
    """The law of aligned rows: whole multiples, the documents as they were, nothing learnt behind them."""
    flat = [sample for row in grouping for sample in row]
    plain = as_documents(to_table(flat, tokens=True), tokens=True)
    if is_masked:  # as conversations have it: nothing is learnt here
        masks = pa.array([[0] * len(sample.input_ids) for sample in flat], pa.list_(pa.int8()))
        plain = plain.add_column(3, "assistant_masks", masks)
    padding = Padding(multiple=multiple, token=-1)
    table = as_documents(plain, tokens=True, padding=padding)
    merged = merge(table, np.array([len(row) for row in grouping]), [f"p/{n}" for n in range(len(grouping))])
    assert merged.schema.equals(row_schema(tokens=True, packed=True, masked=True))
    for row, samples_of_row in zip(merged.to_pylist(), grouping, strict=True):
        ids, mask = [], []
        for sample, document in zip(samples_of_row, row["documents"], strict=True):
            own = len(sample.input_ids)
            assert document["tokens"] % multiple == 0 and document["tokens"] - document["padding"] == own
            assert 0 <= document["padding"] < multiple
            ids += [*sample.input_ids.tolist(), *[-1] * document["padding"]]
            mask += [int(not is_masked)] * own + [0] * document["padding"]
        assert (row["input_ids"], row["assistant_masks"]) == (ids, mask)
        assert row["token_count"] == sum(row["seq_lengths"]) == len(ids)
        assert row["seq_lengths"] == [document["tokens"] for document in row["documents"]]
    unpacked = [document for row in merged.to_pylist() for document in unpack(row)]
    assert [document["input_ids"] for document in unpacked] == [sample.input_ids.tolist() for sample in flat]
    assert [document["token_count"] for document in unpacked] == [len(sample.input_ids) for sample in flat]


def test_documents_of_a_unit_of_before_have_no_padding() -> None:
    """A resumed run may find units whose documents lack the field."""
    ids = np.array([1], np.int32)
    sample = Sample(id="s/a", text="a", input_ids=ids, meta_document="a", source="s", segments=(), truncated_tokens=0)
    today = as_documents(to_table([sample], tokens=True), tokens=True)
    [documents] = today["documents"].to_pylist()
    before = pa.list_(pa.struct([field for field in DOCUMENT_TYPE if field.name != "padding"]))
    place = today.column_names.index("documents")
    older = today.set_column(place, "documents", pa.array([documents], before))
    assert as_documents(older, tokens=True).equals(today)


packed_rows = st.builds(
    PackedRow,
    id=names,
    text=names,
    input_ids=st.lists(int32s, max_size=9).map(lambda ids: np.array(ids, np.int32)),
    loss_mask=st.none(),
    documents=st.lists(
        st.builds(
            PackedDocument,
            **{name: names for name in ("id", "source", "meta_document")},
            **{name: int32s for name in ("offset", "start", "end", "tokens")},
        ),
        max_size=3,
    ).map(tuple),
    segments=st.just(()),
)


@given(st.lists(packed_rows, max_size=4), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=20)
def test_packed_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[PackedRow], tokens: bool, masked: bool
) -> None:
    """Through a file; a row without a mask is learnt everywhere where others have one."""
    path = tmp_path_factory.getbasetemp() / "packed.parquet"
    table = to_packed_table(rows, tokens=tokens, masked=masked)
    assert table.schema.equals(row_schema(tokens=tokens, packed=True, masked=masked))
    write_table(path, table, OutputSettings())
    assert read_table(path).equals(table)
    for row, kept in zip(rows, read_table(path).to_pylist(), strict=True):
        assert [tuple(document.values()) for document in kept["documents"]] == [
            tuple(getattr(document, field.name) for field in DOCUMENT_TYPE) for document in row.documents
        ]
        assert kept["seq_lengths"] == [document.tokens for document in row.documents]
        assert kept.get("assistant_masks", []) == [1] * len(row.input_ids) * masked
    assert row_sizes(table) == [len(row.text.encode()) + len(row.input_ids) * (4 * tokens + masked) for row in rows]


def test_documents_carry_every_field_of_the_record() -> None:
    """A field added to `records.PackedDocument` must be published too."""
    assert [field.name for field in DOCUMENT_TYPE] == list(PackedDocument.__slots__)


def unit_of(folder: Path, name: str, lengths: Sequence[int]) -> Path:
    """A finished unit of samples of these lengths, ten bytes of text each."""
    rows = [
        Sample(
            id=f"s/{name}{number}",
            text=f"{name}{number}".ljust(10),
            input_ids=np.full(length, number, np.int32),
            meta_document=f"{name}{number}",
            source="s",
            segments=(),
            truncated_tokens=0,
        )
        for number, length in enumerate(lengths)
    ]
    write_table(folder / f"{name}.parquet", to_table(rows, tokens=True), OutputSettings())
    return folder / f"{name}.parquet"


def test_a_plan_by_hand(tmp_path: Path) -> None:
    """Documents of two units share rows: 6 with 4, 9 with 1, and 5 alone."""
    planner = Planner(RECIPE.target_length, RECIPE.packing)
    planner.add_unit(unit_of(tmp_path, "a", [6, 9, 5]), 3 * 10 + 4 * 20)
    planner.add_unit(unit_of(tmp_path, "b", [1, 4]), 2 * 10 + 4 * 5)
    assert planner.rows == 2, "the emptiest of three may yet be filled"
    plan = planner.finish()
    assert plan.places.tolist() == [[0, 0], [1, 1], [0, 1], [1, 0], [0, 2]]
    assert plan.borders.tolist() == [0, 2, 4, 5]
    assert [unit.stem for unit in plan.units] == ["a", "b"]
    per_token = (110 / 20, 40 / 5)
    assert plan.row_bytes == pytest.approx([6 * per_token[0] + 4 * per_token[1], 9 * per_token[0] + per_token[1], 27.5])
    assert plan.shards(1) == [(0, 1), (1, 2), (2, 3)]
    assert plan.shards(130) == [(0, 2), (2, 3)]
    assert plan.shards(1000) == [(0, 3)]
    assert plan.units_of(2, 3) == {0: plan.units[0]}
    assert plan.range(1, 3, 70) == PackedRange(start=2, groups=((2,), (1,)), first_row=1)
    assert plan.range(1, 3, 1000) == PackedRange(start=2, groups=((2, 1),), first_row=1)


def test_chosen_rows_are_planned_like_whole_units(tmp_path: Path) -> None:
    """A mixture takes rows of its ingredients one by one; all of them are the unit."""
    unit = unit_of(tmp_path, "a", [6, 9, 5, 1, 4])
    whole, chosen = Planner(RECIPE.target_length, RECIPE.packing), Planner(RECIPE.target_length, RECIPE.packing)
    whole.add_unit(unit, 150)
    for row in range(5):
        chosen.add_rows(unit, [row], 30.0)
    assert chosen.finish().digest == whole.finish().digest
    first = Planner(RECIPE.target_length, RECIPE.packing)
    first.add_unit(unit, 150)
    assert first.finish(2).borders.tolist() == [0, 2, 4]


def test_nothing_is_planned_of_nothing(tmp_path: Path) -> None:
    """A unit whose candidates were all discarded gives no row."""
    planner = Planner(RECIPE.target_length, RECIPE.packing)
    planner.add_unit(unit_of(tmp_path, "a", []), 0)
    plan = planner.finish()
    assert (len(plan.places), len(plan.row_bytes), plan.shards(10)) == (0, 0, [])
