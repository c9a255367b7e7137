"""On demand or all at once: the rows are the same."""

from pathlib import Path

import pyarrow as pa
import pytest

from nextlong_hub.cli.arguments import BuildArguments, build_request
from nextlong_hub.corpus.given import as_sources
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset import shards
from nextlong_hub.errors import RecipeError
from nextlong_hub.load_dataset.on_demand import open_session
from nextlong_hub.pipeline import BuildRequest, build

SETTINGS = {"chunking.chunk_characters": 256, "output.unit_documents": 2}


def write_recipe(path: Path, target_length: int, *lines: str) -> Path:
    """A small recipe of the file's name."""
    path.write_text("\n".join((f'name = "{path.stem}"', f"target_length = {target_length}", *lines)))
    return path


@pytest.fixture
def recipes(tmp_path: Path) -> list[Path]:
    """Two small recipes."""
    return [write_recipe(tmp_path / "short.toml", 512), write_recipe(tmp_path / "long.toml", 1024)]


def published(output: Path, config: str) -> pa.Table:
    """The rows of a built configuration."""
    return pa.concat_tables(shards.read_table(path) for path in sorted((output / "data" / config).glob("*.parquet")))


def built(corpus_file: Path, recipe: Path, rows: int, output: Path) -> pa.Table:
    """What `build` publishes."""
    settings = [f"{key}={value}" for key, value in SETTINGS.items()]
    request: BuildRequest = build_request(
        BuildArguments(
            recipe_files=[str(recipe)],
            corpora=[str(corpus_file)],
            tokenizer="demo",
            samples=[str(rows)],
            settings=settings,
        )
    )
    build(request, output)
    return published(output, recipe.stem)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 5])
def test_a_session_gives_the_rows_of_a_build(rows: int, recipes: list[Path], corpus_file: Path, tmp_path: Path) -> None:
    """Unit by unit, the same rows in the same order, and as many as were asked for."""
    session = open_session(
        str(recipes[0]),
        corpus=str(corpus_file),
        tokenizer="demo",
        samples=rows,
        settings=SETTINGS,
        work=tmp_path / "work",
    )
    tables = [table for unit in session.units() for table in session.tables(unit)]
    expected = built(corpus_file, recipes[0], rows, tmp_path / "out")
    assert expected.num_rows == rows
    assert pa.concat_tables(tables).equals(expected)


@pytest.mark.slow
def test_a_session_gives_the_rows_of_a_mixture(corpus_file: Path, tmp_path: Path) -> None:
    """A mixture makes of its ingredients what it needs of them, and chooses as a build does."""
    settings = SETTINGS | {"target_length": 512}
    session = open_session(
        "subset", corpus=str(corpus_file), tokenizer="demo", samples=6, settings=settings, work=tmp_path / "work"
    )
    tables = [table for unit in session.units() for table in session.tables(unit)]
    arguments = BuildArguments(
        configs=["subset"],
        corpora=[str(corpus_file)],
        tokenizer="demo",
        samples=["6"],
        settings=[f"{key}={value}" for key, value in settings.items()],
    )
    build(build_request(arguments), tmp_path / "out")
    expected = published(tmp_path / "out", "subset")
    assert [identity.partition("/")[0] for identity in expected["id"].to_pylist()].count("64k") == 4
    assert pa.concat_tables(tables).equals(expected)


def test_two_sessions_are_equal_when_their_rows_are(recipes: list[Path], corpus_file: Path, tmp_path: Path) -> None:
    """The number of rows and the settings count, the way the corpus was named does not."""

    def session(corpus: object, **more: object) -> object:
        return open_session(
            str(recipes[0]), corpus=corpus, tokenizer="demo", work=tmp_path / "work", **{"samples": 3, **more}
        )

    one = session(str(corpus_file))
    assert one == session([corpus_file])
    assert one != session(corpus_file, samples=4)
    assert one != session(corpus_file, settings={"retrieval.k1": 1.0})


def test_sources_come_from_whatever_names_them(corpus_file: Path) -> None:
    """A path, a list, a mapping and settings; equal names are told apart."""
    assert [source.name for source in as_sources([str(corpus_file), corpus_file])] == [
        corpus_file.stem,
        f"{corpus_file.stem}-2",
    ]
    assert as_sources({"mine": str(corpus_file)}) == (SourceSettings(name="mine", path=str(corpus_file)),)
    with pytest.raises(RecipeError, match="corpus= holds something of type int; give a path"):
        as_sources([3])


def test_a_corpus_wants_a_tokenizer(corpus_file: Path, tmp_path: Path) -> None:
    """Nobody gets rows counted in the tokens of a model that was not named."""
    with pytest.raises(RecipeError, match=r"no tokenizer.*give tokenizer="):
        open_session("64k", corpus=str(corpus_file), work=tmp_path)
    with pytest.raises(RecipeError, match="samples = 0"):
        open_session("64k", samples=0, work=tmp_path)
