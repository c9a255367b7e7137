"""Samples of one length packed into rows of a longer one: eight 64k samples to a 512k row, in a tiny world."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import make_request, plain_tokenizer, published, read_rows

from nextlong_hub.cli.arguments import BuildArguments, build_request
from nextlong_hub.core.files import sha256_of
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.dataset.manifest import Manifest, read_manifest, write_manifest
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.dataset.shards import write_table
from nextlong_hub.dry_run.estimate import estimate
from nextlong_hub.errors import RecipeError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.load_dataset.on_demand import open_session
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import Recipe, load_recipe
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.verification import verify

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "recipes"

SHORT = tiny_recipe(name="short")
LONG = tiny_recipe(name="long", target_length=2048)
ONLY_SHORT = ({"recipe": "short", "share": 1.0},)
BOTH = ({"recipe": "short", "share": 2.0}, {"recipe": "long", "share": 1.0})


def packed(name: str, target_length: int, mixture: tuple[dict[str, Any], ...]) -> Recipe:
    """A mixture that packs its rows in short stretches, two rows or so to a shard, one to a row group."""
    output = {"shard_bytes": 40_000, "row_group_bytes": 20_000}
    return tiny_recipe(
        name=name,
        target_length=target_length,
        mixture=mixture,
        pack=True,
        packing={"window_tokens": 6000},
        output=output,
    )


RECIPES = (
    SHORT,
    LONG,
    packed("four", 2048, ONLY_SHORT),
    packed("both", 2048, BOTH),
    packed("loose", 1300, ONLY_SHORT),
    tiny_recipe(name="bare", target_length=2048, mixture=ONLY_SHORT, pack=True, tokens=False),
)


@pytest.fixture(scope="module")
def request_of_all(corpus_file: Path) -> BuildRequest:
    """Twenty-one short samples and three long ones, and what can be packed of them."""
    return make_request(corpus_file, *RECIPES, rows={"short": 21, "long": 3})


@pytest.fixture(scope="module")
def folder(request_of_all: BuildRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished dataset; nobody may change it."""
    output = tmp_path_factory.mktemp("packed") / "dataset"
    build(request_of_all, output)
    return output


def record(folder: Path, name: str) -> ConfigRecord:
    """What the manifest says of a configuration."""
    manifest = read_manifest(folder)
    assert manifest is not None
    return manifest.configs[name]


def test_four_samples_fill_a_row_exactly(folder: Path) -> None:
    """Four times 512 tokens are 2,048 in every row; the sample that would fill no row is not taken."""
    rows = read_rows(folder, "four")
    assert [row["token_count"] for row in rows] == [2048] * 5
    assert all(row["seq_lengths"] == [512] * 4 for row in rows)
    four = record(folder, "four")
    assert (four.rows, four.tokens, four.mixture["short"].rows) == (5, 5 * 2048, 20)
    assert four.packing is not None
    assert (four.packing.documents, four.packing.continued_documents, four.packing.fill) == (20, 0, 1.0)
    assert [row["id"] for row in rows] == [f"four/{number:06}" for number in range(5)]
    assert len(four.files) > 1, "numbered through all shards"


def test_documents_of_a_row_are_the_samples_they_were(folder: Path) -> None:
    """Taken apart, each is the row of its ingredient to the last segment, and encodes to its tokens by itself."""
    samples = {row["id"]: row for name in ("short", "long") for row in read_rows(folder, name)}
    documents = [
        document for name in ("four", "both", "loose") for row in read_rows(folder, name) for document in unpack(row)
    ]
    assert len(documents) > 50
    for document in documents:
        assert document.pop("offset") == 0
        assert document == samples[document["id"]]
        ids = plain_tokenizer().encode(document["text"], add_special_tokens=False).ids
        assert ids == document["input_ids"]


def test_a_long_sample_has_its_row_for_itself(folder: Path) -> None:
    """Two tokens of short samples for each of long ones, every row full, the kinds spread over the rows."""
    rows = read_rows(folder, "both")
    assert all(row["token_count"] == 2048 for row in rows)
    assert sorted(len(row["documents"]) for row in rows) == [1, 1, 4, 4, 4, 4]
    assert {row["documents"][0]["id"].partition("/")[0] for row in rows[:3]} == {"short", "long"}


def test_rows_are_not_padded(folder: Path) -> None:
    """Where samples do not fill a row, what is free stays free and the manifest says how much is not."""
    rows = read_rows(folder, "loose")
    assert {tuple(row["seq_lengths"]) for row in rows} == {(512, 512)}
    loose = record(folder, "loose")
    assert loose.packing is not None
    assert loose.packing.fill == pytest.approx(1024 / 1300, abs=1e-6)


def test_without_tokens_the_lengths_remain(folder: Path) -> None:
    """No `input_ids`, but everything that tells where documents begin."""
    assert pq.read_schema(next((folder / "data" / "bare").glob("*.parquet"))).equals(
        row_schema(tokens=False, packed=True)
    )
    assert [row["seq_lengths"] for row in read_rows(folder, "bare")] == [[512] * 4] * 5


def test_columns_of_packed_rows_by_name() -> None:
    """The published schema, spelled out."""
    documents = (
        "id: string, source: string, meta_document: string, offset: int32, start: int32, end: int32, tokens: int32, "
        "padding: int32"
    )
    assert [f"{field.name}: {field.type}" for field in row_schema(tokens=True, packed=True, masked=True)] == [
        "id: string",
        "text: large_string",
        "input_ids: list<item: int32>",
        "assistant_masks: list<item: int8>",
        "token_count: int32",
        "seq_lengths: list<item: int32>",
        f"documents: list<item: struct<{documents}>>",
        "segments: list<item: struct<role: string, document: string, chunk: int32, start: int32, end: int32, "
        "tokens: int32, rank: int32, score: float, own_rank: int32>>",
    ]


def test_a_packed_dataset_proves_itself(folder: Path, request_of_all: BuildRequest) -> None:
    """Against tokenizer and corpus; every document of every packed row is encoded and rebuilt."""
    report = verify(folder, sources=request_of_all.sources, tokenizer="demo")
    assert report.faults == ()
    assert report.rows == 21 + 3 + 5 + 6 + 10 + 5
    assert report.encoded_rows == report.rebuilt_rows == 21 + 3 + 20 + 18 + 20 + 20


def test_the_same_bytes_from_two_workers(
    folder: Path, corpus_file: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """Planning is done by one, packing by many."""
    request = make_request(corpus_file, SHORT, LONG, RECIPES[2], rows={"short": 21, "long": 3})
    build(request, tmp_path / "two", executor=two_workers)
    two, one = published(tmp_path / "two"), published(folder)
    packed_files = [name for name in two if name.startswith("data/four/")]
    assert len(packed_files) > 1
    assert [two[name] for name in packed_files] == [one[name] for name in packed_files]


def test_rows_that_are_asked_for_are_packed_rows(corpus_file: Path, tmp_path: Path) -> None:
    """`--samples four=2` makes eight short samples and no more, the estimate says so too; tokens count likewise."""
    recipe = tmp_path / "four.toml"

    recipe.write_text(packed("four", 524_288, ({"recipe": "64k", "share": 1.0},)).to_toml())
    arguments = BuildArguments(
        configs=[], recipe_files=[str(recipe)], corpora=[str(corpus_file)], tokenizer="demo", samples=["2"]
    )
    assert build_request(arguments).rows == {"four": 2, "64k": 16}
    arguments = replace(arguments, samples=[], tokens=["3M"])
    assert build_request(arguments).rows == {"four": 6, "64k": 48}
    request = make_request(corpus_file, RECIPES[2], rows={"four": 2, "short": 8})
    report = build(replace(request, ingredients=(SHORT,)), tmp_path / "out")
    assert report.missing_rows == {}
    assert [row["token_count"] for row in read_rows(tmp_path / "out", "four")] == [2048, 2048]
    [expected] = [one for one in estimate(replace(request, ingredients=(SHORT,))).configs if one.config == "four"]
    assert (expected.rows, expected.tokens, expected.problem) == (2, 4096, "")


def test_on_demand_the_rows_are_those_of_a_build(corpus_file: Path, tmp_path: Path) -> None:
    """What `load_dataset` builds row by row is what `build` publishes."""
    settings: dict[str, Any] = {"target_length": 512, "chunking.chunk_characters": 256, "packing.window_tokens": 1024}
    recipe = tmp_path / "four.toml"
    recipe.write_text(packed("four", 512, ({"recipe": "64k", "share": 1.0},)).to_toml())
    session = open_session(
        str(recipe), corpus=str(corpus_file), tokenizer="demo", samples=6, settings=settings, work=tmp_path / "work"
    )
    tables = [table for unit in session.units() for table in session.tables(unit)]
    arguments = BuildArguments(
        configs=[],
        recipe_files=[str(recipe)],
        corpora=[str(corpus_file)],
        tokenizer="demo",
        samples=["6"],
        settings=[f"{key}={value}" for key, value in settings.items()],
    )
    build(build_request(arguments), tmp_path / "out")
    assert pa.concat_tables(tables).to_pylist() == read_rows(tmp_path / "out", "four")
    assert len(read_rows(tmp_path / "out", "four")) == 6


def test_what_cannot_be_packed_is_refused(corpus_file: Path, tmp_path: Path) -> None:
    """A sample is never split, and a sample that fills its row needs no packing."""
    small = make_request(corpus_file, packed("small", 300, ONLY_SHORT), rows={"short": 2})
    with pytest.raises(RecipeError, match=r"a sample of short has 512 tokens and a packed row takes 300"):
        build(replace(small, ingredients=(SHORT,)), tmp_path / "out")
    with pytest.raises(ValueError, match="a synthesised sample fills a row by itself"):
        tiny_recipe(pack=True)
    with pytest.raises(ValueError, match="says twice what becomes of a document longer than a packed row"):
        tiny_recipe(pack=True, fit={"truncate": True, "discard": True})


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("512k-*.toml")), ids=lambda path: path.stem)
def test_the_example_recipes_fill_rows_of_512k(path: Path) -> None:
    """They are recipes, and what they pack divides their rows without rest."""
    recipe = load_recipe(str(path))
    lengths = [load_recipe(part.recipe).target_length for part in recipe.mixture]
    assert recipe.pack
    assert [recipe.target_length % length for length in lengths] == [0] * len(lengths)


Row = dict[str, Any]


def swap_first_two(row: Row) -> None:
    """The second document's tokens before the first's."""
    row["input_ids"] = row["input_ids"][512:1024] + row["input_ids"][:512] + row["input_ids"][1024:]


def move_a_border(row: Row) -> None:
    """A character changes its document."""
    row["documents"][0]["end"] += 1
    row["documents"][1]["start"] += 1


def leave_a_gap(row: Row) -> None:
    """A character has no document."""
    row["documents"][1]["start"] += 1


def miscount(row: Row) -> None:
    """Lengths that are not those of the documents."""
    row["seq_lengths"] = [511, 513, 512, 512]


def drop_a_document(row: Row) -> None:
    """One document less than there is text for."""
    del row["documents"][-1], row["seq_lengths"][-1]


def rename_the_row(row: Row) -> None:
    """A row of another place."""
    row["id"] = "four/000009"


def rename_a_document(row: Row) -> None:
    """A document that says it is another one's sample."""
    row["documents"][0]["meta_document"] = "d999"


def pretend_to_be_split(row: Row) -> None:
    """A sample that says it begins in the middle of its document."""
    row["documents"][0]["offset"] = 7


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (swap_first_two, "does not encode to its input_ids"),
        (move_a_border, "tokens"),
        (leave_a_gap, "its documents do not tile its text"),
        (miscount, "seq_lengths are not the tokens of its documents"),
        (drop_a_document, "its documents have 1,536 tokens together, token_count says 2,048"),
        (rename_the_row, "is not that of row 0 of 'four'"),
        (rename_a_document, "does not name its meta-document 'd999'"),
        (pretend_to_be_split, "but nothing was split"),
    ],
)
def test_a_packed_row_that_is_not_what_it_says_is_found(
    damage: Callable[[Row], None], message: str, folder: Path, tmp_path: Path
) -> None:
    """Even when whoever changed it has changed the sha256 in the manifest as well."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns(".work")))
    config = record(copy, "four")
    path = copy / config.files[0].path
    rows = pq.read_table(path).to_pylist()
    damage(rows[0])
    write_table(path, pa.Table.from_pylist(rows, row_schema(tokens=True, packed=True)), SHORT.output)
    first = config.files[0].model_copy(update={"sha256": sha256_of(path), "bytes": path.stat().st_size})
    manifest = read_manifest(copy)
    assert manifest is not None
    changed = config.model_copy(update={"files": (first, *config.files[1:])})
    write_manifest(copy, Manifest.model_validate({**dict(manifest), "configs": {**manifest.configs, "four": changed}}))
    faults = verify(copy, tokenizer="demo").faults
    assert faults
    assert any(message in fault.message for fault in faults), faults
    assert all(fault.place.startswith(config.files[0].path) or "four" in fault.message for fault in faults), faults
