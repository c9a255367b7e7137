"""What rows say of their language is read as they say it, the same in every format, and none is ever guessed."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextlong_hub.corpus import ReadingNotes, discover, memory_source, read
from nextlong_hub.corpus.ingest import find_corpus, read_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.execution.run import Run
from nextlong_hub.recipe import Recipe
from nextlong_hub.records import Document


def told(path: Path, **settings: str) -> tuple[list[str | None], dict[str, int]]:
    """The language of each document, and the columns that are not used."""
    notes = ReadingNotes()
    found = []
    for piece in discover([SourceSettings(name="s", path=str(path), **settings)]):
        for document in read(piece, "fail", notes):
            assert isinstance(document, Document)
            found.append(document.metadata.get("language"))
    return found, dict(notes.columns)


@pytest.mark.parametrize(
    ("row", "language", "unused"),
    [
        ({"language": "en"}, "en", {}),
        ({"lang": "eng_Latn", "language_score": 0.9}, "eng_Latn", {"language_score": 1}),
        ({"language": "en", "lang": "fi"}, "en", {"lang": 1}),
        ({"language": 7, "lang": "fi"}, "fi", {"language": 1}),
        ({"about": {"language": "en"}}, None, {"about": 1}),
        ({"score": 1}, None, {"score": 1}),
    ],
)
def test_where_a_row_states_its_language(
    tmp_path: Path, row: dict[str, Any], language: str | None, unused: dict[str, int]
) -> None:
    """In JSON and in tables: the first column of a usual name that holds strings."""
    whole = {"id": "a", "text": "words", **row}
    (tmp_path / "a.jsonl").write_text(json.dumps(whole) + "\n")
    pq.write_table(pa.Table.from_pylist([whole]), tmp_path / "b.parquet")
    with (tmp_path / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows([whole.keys(), whole.values()])
    assert told(tmp_path / "a.jsonl") == ([language], unused)
    assert told(tmp_path / "b.parquet") == ([language], unused)
    if all(isinstance(value, str) for value in row.values()):
        assert told(tmp_path / "c.csv") == ([language], unused)


def test_a_text_or_an_id_that_is_called_so_is_none(tmp_path: Path) -> None:
    """A corpus of names of languages, say."""
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "language": "Finnish"}) + "\n")
    assert told(tmp_path / "a.jsonl", text_column="language") == ([None], {})


def test_the_documents_of_a_source_are_counted_by_language(tmp_path: Path) -> None:
    """Rows in memory, too; those that say nothing are in no language."""
    rows = [
        {"text": f"words {number}", "language": language} for number, language in enumerate(["en", "fi", "en", None])
    ]
    run = Run.quiet(tmp_path)
    recipe = Recipe(name="any", target_length=512)
    store = read_corpus(run, find_corpus(run, [memory_source(rows, "m")]), recipe.reading)
    [source] = store.summary.sources
    assert source.languages == {"en": 2, "fi": 1}
