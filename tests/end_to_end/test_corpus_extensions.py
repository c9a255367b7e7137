"""Promises to those who add to the corpus stage: a format or a filter is one file, and an entry point is enough."""

import csv
import json
from pathlib import Path

import pytest
from building import ROWS, TINY_TOML, read_rows, run_commands
from plugins import install

from nextlong_hub.cli import run
from nextlong_hub.corpus import discover
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.ingest import store_identity
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

SOURCE = '''
    """Comma-separated values with a header, and a filter that goes by one of their columns."""

    import csv
    import io
    from dataclasses import replace

    from nextlong_hub.corpus.filters import Filter
    from nextlong_hub.corpus.formats import CorpusFormat
    from nextlong_hub.corpus.reading import open_any
    from nextlong_hub.corpus.rows import document_of_object
    from nextlong_hub.records import Document


    def read(piece):
        with io.TextIOWrapper(io.BufferedReader(open_any(piece.location)), encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines)):
                document = document_of_object(row, piece, "row", number)
                if isinstance(document, Document):
                    document = replace(document, metadata={"language": row["language"]})
                yield document


    class Language(Filter):
        """Keeps documents of some languages."""

        keep: tuple[str, ...]

        def reject(self, document):
            return None if document.metadata.get("language") in self.keep else "other_language"


    class Short(Filter):
        """Leaves out what has fewer characters."""

        characters: int = 1

        def reject(self, document):
            return "too_short" if len(document.text) < self.characters else None


    FORMAT = CorpusFormat(name="psv", suffixes=(".psv",), read=read)
'''
FILTERS = {"language": "Language", "short": "Short"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with a format `psv` and two filters."""
    groups = {"nextlong_hub.corpus_formats": {"psv": "FORMAT"}, "nextlong_hub.filters": FILTERS}
    return install(tmp_path / "site", "commas", SOURCE, groups)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Forty documents in two files of values with commas and line ends in them, every fifth in another language."""
    folder = tmp_path / "world"
    folder.mkdir()
    documents = make_documents(40)
    for part in range(2):
        with (folder / f"part-{part}.psv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "text", "language"])
            for number in range(20 * part, 20 * part + 20):
                rows.writerow([documents[number].id, documents[number].text, "en" if number % 5 else "de"])
    return folder


def command(name: str, corpus: Path, output: Path, *more: str) -> list[str]:
    """A build of eight rows, as it is typed."""
    recipe = output.with_name("tiny.toml")
    recipe.write_text(TINY_TOML)
    return [
        *(name, "--recipe", str(recipe), "--corpus", str(corpus), "--tokenizer", "demo"),
        *("--samples", str(ROWS), "--output", str(output), "--license", "cc0-1.0", "--quiet", *more),
    ]


@pytest.mark.slow
def test_a_format_of_another_package_is_built_from_and_verified(
    site: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same documents in another format are the same rows; verify reads them again, and a dry run samples them."""
    verify = ["verify", str(tmp_path / "out"), "--corpus", str(table), "--tokenizer", "demo", "--json"]
    built, verified, guessed = run_commands(
        command("build", table, tmp_path / "out"),
        verify,
        command("build", table, tmp_path / "none", "--dry-run", "--json"),
        PYTHONPATH=str(site),
    )
    assert (built[0], built[2]) == (0, "")
    assert verified[0] == 0, verified[2]
    assert json.loads(verified[1])["rebuilt_rows"] == ROWS
    assert guessed[0] == 0, guessed[2]
    assert not (tmp_path / "none").exists()
    write_corpus(tmp_path / "world.jsonl", make_documents(40))
    assert run(command("build", tmp_path / "world.jsonl", tmp_path / "lines")) == 0
    assert read_rows(tmp_path / "out") == read_rows(tmp_path / "lines") != []
    assert run(verify) != 0
    assert "*.psv, which no format reads: 2" in capsys.readouterr().err


@pytest.mark.slow
def test_what_a_filter_rejects_is_counted_and_told(site: Path, table: Path, tmp_path: Path) -> None:
    """Rejected documents are in no row; manifest and card count them under the filter's reason."""
    output = tmp_path / "out"
    settings = ("--set", 'filters.language.keep=["en", "fr"]')
    built, verified, refused = run_commands(
        command("build", table, output, *settings),
        ["verify", output, "--corpus", table, "--tokenizer", "demo", "--quiet"],
        command("build", table, tmp_path / "other", "--set", "filters.langage.keep=1"),
        PYTHONPATH=str(site),
    )
    assert (built[0], built[2]) == (0, "")
    manifest = read_manifest(output)
    assert manifest is not None and manifest.corpus.skipped == {"other_language": 8}
    assert "Left out: 8 documents (other language)." in (output / "README.md").read_text(encoding="utf-8")
    rejected = {document.id for document in make_documents(40)[::5]}
    met = {segment["document"] for row in read_rows(output) for segment in row["segments"]}
    assert met and not met & rejected
    assert verified[0] == 0, verified[1]
    assert refused[0] == 2
    assert "no filter 'langage'; there are: decontaminate, language, short (did you mean 'language'?)" in refused[2]


def test_files_of_another_format_get_names_as_ours_do(site: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery, ids and the error that says what was looked for know the new ending."""
    monkeypatch.syspath_prepend(site)
    pieces = discover([SourceSettings(name="world", path=str(table))])
    assert [(piece.format, piece.name, piece.id_prefix) for piece in pieces] == [
        ("psv", "part-0.psv", "part-0/"),
        ("psv", "part-1.psv", "part-1/"),
    ]
    (table / "empty").mkdir()
    with pytest.raises(DataError, match=r"looked for \*.arrow, .*, \*.psv "):
        discover([SourceSettings(name="world", path=str(table / "empty"))])


def test_two_formats_cannot_share_an_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them reads a file must not depend on what else is installed."""
    source = """
        from nextlong_hub.corpus.formats import CorpusFormat

        FORMAT = CorpusFormat(name="prose", suffixes=(".txt",), read=lambda piece: iter(()))
    """
    install(tmp_path, "prose", source, {"nextlong_hub.corpus_formats": {"prose": "FORMAT"}})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RecipeError, match=r"formats 'text' and 'prose' both read \*.txt; remove the package"):
        discover([SourceSettings(name="here", path=str(tmp_path))])


def test_filters_see_a_document_in_the_order_of_their_names(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reason counts, however the recipe orders its filters."""
    monkeypatch.syspath_prepend(site)
    [document] = make_documents(1)
    short, language = {"characters": 10**6}, {"keep": ("en",)}
    for settings in ({"short": short, "language": language}, {"language": language, "short": short}):
        filters = open_filters(settings)
        assert filters.reject(document) == "other_language"
        assert filters.identity == [["language", {"keep": ["en"]}], ["short", short]]
    assert open_filters({"short": short}).reject(document) == "too_short"
    assert open_filters({"short": {}}).reject(document) is None


def test_settings_of_a_filter_are_checked_like_those_of_a_recipe(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown key and a wrong value are named with their place."""
    monkeypatch.syspath_prepend(site)
    with pytest.raises(RecipeError, match=r"filters\.short: unknown key 'charcters'; known here: characters \(did you"):
        open_filters({"short": {"charcters": 3}})
    with pytest.raises(RecipeError, match=r"filters\.short: characters = 'x': Input should be a valid integer"):
        open_filters({"short": {"characters": "x"}})


def test_filters_are_part_of_what_a_chunk_store_is_made_from(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another setting reads the corpus anew; without filters the store has the identity that it always had."""
    monkeypatch.syspath_prepend(site)
    recipes = [tiny_recipe(), *(tiny_recipe(filters={"short": {"characters": n}}) for n in (1, 2))]
    assert len({store_identity("digest", ["here"], recipe.reading) for recipe in recipes}) == 3
    assert "filters" not in tiny_recipe().model_dump()
    assert open_filters({}).identity == []
