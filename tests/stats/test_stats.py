"""Statistics: every number of worlds small enough to count on paper, and laws against counting everything by hand."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import make_request, read_rows
from hypothesis import given
from hypothesis import strategies as st
from packed_rows import packed_row, write_packed

from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.dataset.schema import DOCUMENT_TYPE, SEGMENT_TYPE
from nextlong_hub.dataset.tally import gini
from nextlong_hub.errors import DataError
from nextlong_hub.pipeline import build
from nextlong_hub.recipe import Recipe
from nextlong_hub.stats import Bar, ConfigStats, ReusedChunk, measure, measure_folder, measure_tables
from nextlong_hub.stats.sketch import EXACT_VALUES, Sketch
from nextlong_hub.testing.worlds import tiny_recipe

ROW_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("token_count", pa.int32()),
        ("source", pa.string()),
        ("segments", pa.list_(SEGMENT_TYPE)),
    ]
)


def segments(*parts: tuple[str, str, int, int, int, float]) -> list[dict[str, Any]]:
    """Segments of 10 characters, 2 apart: role, document, chunk, tokens, rank, score."""
    return [
        {
            "role": role,
            "document": document,
            "chunk": chunk,
            "start": 12 * place,
            "end": 12 * place + 10,
            "tokens": tokens,
            "rank": rank,
            "score": score,
        }
        for place, (role, document, chunk, tokens, rank, score) in enumerate(parts)
    ]


THREE_ROWS = pa.table(
    {
        "id": ["a", "b", "c"],
        "token_count": [16, 11, 6],
        "source": ["web", "books", "web"],
        "segments": [
            segments(
                ("meta", "d0", 0, 3, 0, 0.0),
                ("negative", "d1", 0, 4, 1, 9.0),
                ("negative", "d2", 5, 2, 3, 4.0),
                ("meta", "d0", 1, 3, 0, 0.0),
                ("negative", "d3", 0, 2, 1, 8.0),
            ),
            segments(
                ("meta", "d4", 0, 5, 0, 0.0),
                ("meta", "d4", 1, 1, 0, 0.0),
                ("negative", "d1", 0, 4, 2, 2.0),
            ),
            segments(("meta", "d5", 0, 6, 0, 0.0)),
        ],
    },
    schema=ROW_SCHEMA,
)
"""16 = 3 + 4 + 2 + 3 + 2 and 2 between them; 11 = 5 + 1 + 4 and 1 between them; 6 are one document."""


def test_every_number_of_three_rows() -> None:
    """Counted on paper: rows, tokens, characters, segments, scores by rank, distances, reuse and sources."""
    stats = measure({"three": [THREE_ROWS]})["three"]
    assert (stats.rows, stats.tokens, stats.characters) == (3, 33, 58 + 34 + 10)
    assert stats.characters_per_token == round(102 / 33, 4)
    assert (stats.target_length, stats.bytes, stats.on_target, stats.over_target, stats.fill) == (None,) * 5
    assert (stats.packing, stats.conversations, stats.learnt_tokens, stats.outcome) == (None,) * 4
    assert stats.lengths is not None
    assert (stats.lengths.minimum, stats.lengths.mean, stats.lengths.maximum) == (6, 11, 16)
    assert stats.lengths.quantiles == {"5%": 6, "25%": 6, "50%": 11, "75%": 16, "95%": 16}
    assert stats.lengths.histogram == tuple(Bar(lower=n, upper=n, count=1) for n in (6, 11, 16))
    made_of = stats.segments
    assert made_of is not None
    assert (made_of.meta_chunks, made_of.negatives) == (5, 4)
    assert (made_of.meta_tokens, made_of.negative_tokens, made_of.other_tokens) == (18, 12, 3)
    assert made_of.negatives_per_meta_chunk is not None
    assert made_of.negatives_per_meta_chunk.histogram == (
        Bar(lower=0, upper=0, count=2),
        Bar(lower=1, upper=1, count=2),
        Bar(lower=2, upper=2, count=1),
    )
    assert made_of.scores is not None
    assert (made_of.scores.minimum, made_of.scores.mean, made_of.scores.maximum) == (2, 5.75, 9)
    by_rank = [
        (band.first_rank, band.last_rank, band.scores.count, band.scores.mean) for band in made_of.scores_by_rank
    ]
    assert by_rank == [(1, 1, 2, 8.5), (2, 2, 1, 2), (3, 3, 1, 4)]
    assert made_of.distance_tokens is not None
    assert made_of.distance_tokens.histogram == (Bar(lower=0, upper=0, count=1), Bar(lower=6, upper=6, count=1))
    assert made_of.distance_characters is not None
    assert made_of.distance_characters.quantiles["95%"] == 36 - 10
    assert made_of.distance_characters.minimum == 2
    reuse = made_of.reuse
    assert (reuse.distinct, reuse.largest) == (3, 2)
    assert reuse.gini == round((-2 * 1 + 0 * 1 + 2 * 2) / (3 * 4), 4)
    assert reuse.hubs[0] == ReusedChunk(document="d1", chunk=0, rows=2)
    assert [hub.rows for hub in reuse.hubs] == [2, 1, 1]
    links = stats.links
    assert links is not None
    assert (links.links.count, links.links.minimum, links.links.maximum) == (2, 1, 1)  # the third row is no sample
    assert (links.meta_percent.minimum, links.meta_percent.maximum) == (37.5, round(600 / 11, 4))
    assert links.difficulty is None
    assert {source.negative_tokens for source in stats.sources} == {None}
    sources = [(source.name, source.rows, source.meta_tokens) for source in stats.sources]
    assert sources == [("web", 2, 12), ("books", 1, 6)]


def documents(*parts: tuple[str, int, int, int]) -> list[dict[str, Any]]:
    """Documents of a packed row: source, start, end, tokens."""
    return [
        {
            "id": f"x{place}",
            "source": source,
            "meta_document": f"x{place}",
            "offset": 0,
            "start": start,
            "end": end,
            "tokens": tokens,
        }
        for place, (source, start, end, tokens) in enumerate(parts)
    ]


def test_documents_of_a_packed_row_are_kept_apart() -> None:
    """No distance is measured, and no negative counted, across the border of two documents."""
    table = pa.table(
        {
            "token_count": pa.array([12], pa.int32()),
            "documents": pa.array([documents(("web", 0, 24, 6), ("books", 24, 60, 6))], pa.list_(DOCUMENT_TYPE)),
            "segments": pa.array(
                [
                    segments(
                        ("meta", "d0", 0, 3, 0, 0.0),
                        ("negative", "d1", 0, 3, 1, 9.0),
                        ("negative", "d2", 0, 1, 1, 7.0),  # begins the second document: it follows no meta-chunk there
                        ("meta", "d3", 0, 2, 0, 0.0),
                        ("meta", "d3", 1, 3, 0, 0.0),
                    )
                ],
                pa.list_(SEGMENT_TYPE),
            ),
        }
    )
    stats = measure_tables("packed", [table])
    assert stats.characters == 60
    assert stats.packing is not None
    assert stats.packing.documents == 2
    assert stats.packing.documents_per_row.quantiles["50%"] == 2
    assert stats.packing.document_tokens.histogram == (Bar(lower=6, upper=6, count=2),)
    assert stats.segments is not None
    assert stats.segments.distance_tokens is not None
    assert (stats.segments.distance_tokens.count, stats.segments.distance_tokens.maximum) == (1, 0)
    assert stats.segments.negatives_per_meta_chunk is not None
    assert stats.segments.negatives_per_meta_chunk.mean == round(1 / 3, 4)
    assert [(s.name, s.rows, s.meta_tokens) for s in stats.sources] == [("books", 1, 5), ("web", 1, 3)]


def test_messages_are_no_negatives(tmp_path: Path) -> None:
    """Of conversations the messages and their tokens are counted by role, and the tokens on which the loss is taken."""
    table = pa.table(
        {
            "token_count": pa.array([10, 4], pa.int32()),
            "assistant_masks": pa.array([[0, 0, 0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 1, 1]], pa.list_(pa.int8())),
            "documents": pa.array(
                [documents(("web", 0, 40, 10)), documents(("web", 0, 30, 4))], pa.list_(DOCUMENT_TYPE)
            ),
            "segments": pa.array(
                [
                    segments(
                        ("system", "c", 0, 2, 0, 0.0), ("user", "c", 1, 1, 0, 0.0), ("assistant", "c", 2, 3, 0, 0.0)
                    ),
                    segments(("user", "e", 0, 1, 0, 0.0), ("assistant", "e", 1, 2, 0, 0.0)),
                ],
                pa.list_(SEGMENT_TYPE),
            ),
        }
    )
    stats = measure_tables("instruct", [table.slice(0, 1), table.slice(1, 1)])
    assert stats.segments is None
    assert stats.conversations is not None
    assert stats.conversations.messages == {"assistant": 2, "system": 1, "user": 2}
    assert stats.conversations.message_tokens == {"assistant": 5, "system": 2, "user": 2}
    assert stats.learnt_tokens == 5
    assert [(s.name, s.rows, s.meta_tokens) for s in stats.sources] == [("web", 2, 14)]
    folder = write_packed(
        tmp_path, [packed_row("r", [("ab", "web", [1, 2]), ("c", "web", [3])], [0, 1, 1])], masked=True
    )
    [stored] = measure(folder).configs
    assert (stored.learnt_tokens, stored.tokens, stored.characters) == (2, 3, 3)


def test_rows_without_segments_and_tables_without_rows(tmp_path: Path) -> None:
    """Text is read only to tell its length; where there is nothing to count there is None rather than a number."""
    table = pa.table({"text": ["añb", "c"], "input_ids": [[1, 2], [3]]})
    plain = measure_tables("plain", [table])
    assert (plain.rows, plain.tokens, plain.characters, plain.segments, plain.sources) == (2, 3, 4, None, ())
    pq.write_table(table, tmp_path / "one.parquet")
    [stored] = measure(tmp_path / "one.parquet").configs
    assert (stored.tokens, stored.characters) == (3, 4)
    empty = measure_tables("empty", [THREE_ROWS.slice(0, 0)])
    assert (empty.rows, empty.tokens, empty.characters_per_token) == (0, 0, 0.0)
    assert (empty.lengths, empty.segments, empty.packing, empty.sources) == (None, None, None, ())
    alone = measure_tables("alone", [THREE_ROWS.slice(2, 1)]).segments
    assert alone is not None
    assert (alone.scores, alone.scores_by_rank, alone.distance_tokens, alone.reuse.hubs) == (None, (), None, ())
    assert (alone.reuse.distinct, alone.reuse.largest, alone.reuse.chunks_by_uses) == (0, 0, None)


def test_damaged_rows_are_counted_as_far_as_they_go() -> None:
    """Nulls, and scores that are no numbers or beyond all sense, neither raise nor spoil the other numbers."""
    broken = segments(
        ("meta", "d0", 0, 3, 0, 0.0), ("negative", "d1", 0, 4, 1, math.nan), ("negative", "d2", 0, 1, 2, 3.0)
    )
    broken[1] |= {"document": None, "chunk": None, "tokens": None}
    broken.append(broken[2] | {"score": 3e38, "role": None})
    table = pa.table(
        {"token_count": pa.array([8, 2, None], pa.int32()), "source": ["s", None, "s"], "segments": [broken, None, []]},
        schema=ROW_SCHEMA.remove(0),
    )
    stats = measure_tables("broken", [table])
    assert (stats.rows, stats.tokens) == (3, 10)
    assert stats.segments is not None
    assert (stats.segments.meta_chunks, stats.segments.negatives) == (1, 2)
    assert stats.segments.scores is not None
    assert (stats.segments.scores.count, stats.segments.scores.mean) == (1, 3)


@pytest.mark.parametrize("columns", [["id", "text"], ["text", "segments"]])
def test_rows_that_do_not_tell_their_tokens_are_refused(tmp_path: Path, columns: Sequence[str]) -> None:
    """The message names the columns there are, the missing ones, and the command that counts tokens."""
    values: Mapping[str, pa.Array] = {
        "id": pa.array(["a"]),
        "text": pa.array(["b"]),
        "segments": pa.array([[]], pa.list_(SEGMENT_TYPE)),
    }
    pq.write_table(pa.table({name: values[name] for name in columns}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=f"columns {', '.join(columns)}; missing is `token_count` or `input_ids`.*fit"):
        measure(tmp_path)
    with pytest.raises(DataError, match="neither `token_count` nor `input_ids`"):
        measure({"x": [pa.table({"text": ["b"]})]})
    with pytest.raises(DataError, match="has no configuration 'y'; it has: default"):
        measure(tmp_path, ["y"])


def test_a_built_dataset_agrees_with_its_manifest_and_its_rows(built: Path) -> None:
    """Every count that the manifest has too is the same, and characters are those of the texts, which are not read."""
    manifest = read_manifest(built)
    assert manifest is not None
    record = manifest.configs["tiny"]
    stats = measure(built)["tiny"]
    rows = read_rows(built)
    assert stats == measure_folder(built, manifest)["tiny"]
    assert (stats.rows, stats.tokens, stats.on_target, stats.fill) == (record.rows, record.tokens, record.rows, 1.0)
    assert stats.characters == sum(len(row["text"]) for row in rows)
    assert stats.bytes == sum(file.bytes for file in record.files)
    assert stats.segments is not None
    assert record.synthesis is not None
    assert stats.outcome is not None
    assert (stats.segments.meta_chunks, stats.segments.negatives) == (record.segments.meta, record.segments.negative)
    assert stats.segments.reuse.distinct == record.segments.distinct_negatives
    assert stats.segments.reuse.largest == record.segments.largest_reuse
    assert stats.segments.reuse.gini == pytest.approx(record.segments.reuse_gini, abs=1e-4)
    assert stats.outcome.candidates == record.synthesis.candidates
    assert {s.name: s.negative_tokens for s in stats.sources} == record.segments.negative_tokens
    assert sum(record.segments.negative_tokens.values()) == stats.segments.negative_tokens > 0
    assert [one.name for one in measure(built).portability] == ["demo"]


@pytest.mark.slow
def test_a_mixture_is_held_against_the_targets_of_its_ingredients(corpus_file: Path, tmp_path: Path) -> None:
    """Short and long rows are on target each by its own recipe; packed ones are filled. Each has its own scores."""
    short, long = tiny_recipe(name="short", target_length=256), tiny_recipe(name="long")
    parts = [{"recipe": "short", "share": 1.0}, {"recipe": "long", "share": 1.0}]
    mixed = Recipe.model_validate({"name": "mixed", "target_length": 512, "mixture": parts})
    packed = Recipe.model_validate({"name": "packed", "target_length": 600, "mixture": parts[:1], "pack": True})
    build(make_request(corpus_file, short, long, mixed, packed, rows={"short": 5, "long": 2}), tmp_path / "out")
    stats = measure(tmp_path / "out", ["mixed", "packed"])
    both, together = stats.configs
    assert (both.target_length, both.on_target, both.over_target, both.fill) == (512, both.rows, 0, 1.0)
    assert both.lengths is not None
    assert (both.lengths.minimum, both.lengths.maximum) == (256, 512)
    assert (together.target_length, together.on_target) == (600, None)
    assert together.fill == round(2 * 256 / 600, 6)
    assert both.segments is not None and together.segments is not None
    by_recipe = {
        name: sum(band.scores.count for band in bands) for name, bands in both.segments.scores_by_recipe.items()
    }
    assert by_recipe.keys() == {"short", "long"}
    assert sum(by_recipe.values()) == both.segments.negatives
    assert together.segments.scores_by_recipe == {}
    assert together.packing is not None
    assert together.packing.documents == 2 * together.rows > 0


NUMBERS = st.lists(st.integers(0, 60) | st.integers(0, 10**9), min_size=1, max_size=120)


@given(values=NUMBERS, cuts=st.lists(st.integers(0, 120), max_size=4))
def test_distributions_are_exact_and_do_not_depend_on_batches(values: list[int], cuts: list[int]) -> None:
    """Quantiles are the smallest values that so many do not exceed, found by sorting; bars hold every value once."""
    sketch, whole = Sketch(), Sketch()
    whole.add(np.array(values))
    borders = sorted({0, *cuts, len(values)})
    for start, stop in pairwise(borders):
        sketch.add(np.array(values[start:stop], np.int64))
    counted = sketch.distribution()
    assert counted is not None
    assert counted == whole.distribution()
    ordered = sorted(values)
    for share in (5, 25, 50, 75, 95):
        expected = next(v for v in ordered if sum(other <= v for other in values) * 100 >= share * len(values))
        assert counted.quantiles[f"{share}%"] == expected
    assert (counted.count, counted.minimum, counted.maximum) == (len(values), ordered[0], ordered[-1])
    assert counted.mean == pytest.approx(sum(values) / len(values), abs=1e-4)
    assert len(counted.histogram) <= 48
    assert sum(bar.count for bar in counted.histogram) == len(values)
    for bar in counted.histogram:
        is_single = bar.lower == bar.upper
        assert bar.count == sum(v == bar.lower if is_single else bar.lower <= v < bar.upper for v in values) > 0


@pytest.mark.parametrize("shift", [0.0, -50.0])
def test_many_different_values_are_counted_in_narrow_bins(shift: float) -> None:
    """Beyond 4,096 different values quantiles are within 0.25 %, also of negative ones; the mean stays exact."""
    values = np.random.default_rng(7).gamma(2.0, 20.0, 50_000) + shift
    assert len(np.unique(values)) > EXACT_VALUES
    sketch, other = Sketch(), Sketch()
    for batch in np.array_split(values, 7):
        sketch.add(batch)
    other.add(values[::-1])
    counted = sketch.distribution()
    assert counted is not None
    assert counted == other.distribution()
    ordered = np.sort(values)
    for share in (5, 25, 50, 75, 95):
        exact = ordered[math.ceil(len(values) * share / 100) - 1]
        assert counted.quantiles[f"{share}%"] == pytest.approx(exact, rel=0.00251, abs=1e-4)
    assert counted.mean == pytest.approx(values.mean(), abs=1e-4)
    assert (counted.minimum, counted.maximum) == (round(ordered[0], 4), round(ordered[-1], 4))
    assert sum(bar.count for bar in counted.histogram) == len(values)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A few rows of segments, each beginning with a meta-chunk."""
    made = []
    for _ in range(draw(st.integers(1, 6))):
        parts: list[tuple[str, str, int, int, int, float]] = []
        for _ in range(draw(st.integers(1, 3))):
            parts.append(("meta", "own", len(parts), draw(st.integers(0, 9)), 0, 0.0))
            for rank in range(1, 1 + draw(st.integers(0, 4))):
                name = draw(st.sampled_from("uvw"))
                parts.append(("negative", name, draw(st.integers(0, 2)), draw(st.integers(0, 9)), rank, rank / 2))
        made.append(segments(*parts))
    counts = [sum(part["tokens"] for part in row) for row in made]
    names = [f"s{number % 2}" for number in range(len(made))]
    return pa.table(
        {"id": list(map(str, range(len(made)))), "token_count": counts, "source": names, "segments": made},
        schema=ROW_SCHEMA,
    )


@pytest.mark.slow
@given(table=tables(), size=st.integers(1, 6))
def test_distances_and_reuse_are_those_counted_row_by_row(table: pa.Table, size: int) -> None:
    """A loop over Python objects finds the same, and batches of any size give the same JSON."""
    stats = measure_tables("x", table.to_batches(max_chunksize=size))
    whole = measure({"x": [table]})
    assert json.dumps(measure({"x": table.to_batches(max_chunksize=size)}).to_json()) == json.dumps(whole.to_json())
    rows = table.to_pylist()
    uses = Counter((s["document"], s["chunk"]) for row in rows for s in row["segments"] if s["role"] == "negative")
    gaps = sorted(gap for row in rows for gap in gaps_of(row["segments"]))
    assert stats.segments is not None
    reuse = stats.segments.reuse
    assert (reuse.distinct, reuse.largest) == (len(uses), max(uses.values(), default=0))
    assert {(hub.document, hub.chunk): hub.rows for hub in reuse.hubs} == dict(uses)
    counted = stats.segments.distance_tokens
    assert (counted is None) == (not gaps)
    if counted is not None:
        assert (counted.count, counted.minimum, counted.maximum) == (len(gaps), gaps[0], gaps[-1])
        assert counted.median == gaps[(len(gaps) + 1) // 2 - 1]


def gaps_of(parts: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Tokens of the negatives between each meta-chunk and the next."""
    metas = [place for place, part in enumerate(parts) if part["role"] == "meta"]
    for here, there in pairwise(metas):
        yield sum(part["tokens"] for part in parts[here + 1 : there])


def test_gini_of_equal_and_of_unequal_uses() -> None:
    """0 when all are used alike; of 1, 1, 1 and 9 uses it is a half."""
    assert gini(np.array([3, 3, 3])) == 0.0
    assert gini(np.array([1, 1, 1, 9])) == 0.5
    assert gini(np.array([], np.int64)) == 0.0


def test_statistics_are_json(built: Path) -> None:
    """`to_json` holds nothing that JSON cannot say, and no number that it cannot read back."""
    content = measure(built).to_json()
    assert json.loads(json.dumps(content, allow_nan=False)) == json.loads(json.dumps(content))
    assert isinstance(measure(built)["tiny"], ConfigStats)
    with pytest.raises(KeyError, match="nowhere"):
        measure(built)["nowhere"]


def test_repeats_are_those_of_the_manifest_or_of_the_tokens(built: Path) -> None:
    """A dataset of ours, and its bare files with their tokens: the same; without tokens nobody knows."""
    told = measure(built)["tiny"].repeats
    files = pq.read_table(sorted((built / "data" / "tiny").glob("*.parquet")))
    assert measure({"tiny": files.to_batches()})["tiny"].repeats == told
    assert [(one.run_tokens, one.runs) for one in told] == [(8, 8 * 505), (32, 8 * 481)]
    assert measure({"tiny": files.drop_columns("input_ids").to_batches()})["tiny"].repeats == ()
    assert measure(built / "data" / "tiny").configs[0].repeats == told


def test_repeats_of_foreign_rows_on_paper(tmp_path: Path) -> None:
    """Nine equal tokens hold two runs of eight, the second a repeat; of two documents each counts by itself."""
    ids = pa.array([[7] * 9, None, [7] * 16], pa.list_(pa.int64()))
    [of_8] = measure_tables("x", [pa.table({"input_ids": ids})]).repeats
    assert (of_8.runs, of_8.near, of_8.farther, of_8.far) == (11, round(9 / 11, 6), 0, 0)
    packed = pa.table({"input_ids": ids, "seq_lengths": [[9], None, [8, 8]]})
    [of_8] = measure_tables("x", [packed]).repeats
    assert (of_8.runs, of_8.near) == (4, 0.25)
