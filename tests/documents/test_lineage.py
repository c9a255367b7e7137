"""Rows of our own datasets stay what they are when they are fitted or imported: segments, scores, ids, licence."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from building import make_request

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.datacard.text import parse_card
from nextlong_hub.dataset.manifest import require_manifest
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.documents.import_rows import ImportRequest
from nextlong_hub.errors import DataError
from nextlong_hub.pipeline import build, fit, import_rows
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.verification import verify

SPAN = ("start", "end", "tokens")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """All rows of a dataset, in order."""
    return [row for file in sorted((folder / "data").rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def source_of(folder: Path) -> SourceSettings:
    """A dataset folder as a source."""
    return SourceSettings(name="rows", path=str(folder))


def origin(segment: dict[str, Any]) -> dict[str, Any]:
    """What a segment is, wherever it stands."""
    return {name: value for name, value in segment.items() if name not in SPAN}


@pytest.fixture(scope="module")
def licensed(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose card has a licence; nobody may change it."""
    output = tmp_path_factory.mktemp("licensed") / "dataset"
    request = make_request(corpus_file)
    sources = tuple(source.model_copy(update={"license": "cc-by-sa-4.0"}) for source in request.sources)
    build(type(request)(recipes=request.recipes, sources=sources, tokenizer="demo", rows={"tiny": 3}), output)
    return output


def test_an_import_of_ours_is_the_same_rows(licensed: Path, tmp_path: Path) -> None:
    """Texts, tokens, segments with their scores, and the licence; a row is called after the one that it was."""
    import_rows(ImportRequest(source=source_of(licensed), tokenizer="demo"), tmp_path / "out")
    before, after = rows_of(licensed), rows_of(tmp_path / "out")
    for name in ("text", "input_ids", "source", "segments"):
        assert [row[name] for row in after] == [row[name] for row in before]
    assert [row["meta_document"] for row in after] == [row["id"] for row in before]
    assert parse_card((tmp_path / "out/README.md").read_text()).header["license"] == "cc-by-sa-4.0"
    sources = [SourceSettings(name="rows", path=str(licensed / "data/tiny"))]
    assert verify(tmp_path / "out", sources=sources, tokenizer="demo").faults == ()


@pytest.mark.slow
@pytest.mark.parametrize("modes", [{"truncate"}, {"pack"}])
def test_a_fit_of_ours_keeps_the_segments_that_are_left(modes: set[Any], licensed: Path, tmp_path: Path) -> None:
    """Whole ones as they were; the last one ends where the text was cut, and the next piece goes on with it."""
    request = FitRequest(source=source_of(licensed), tokenizer="demo", target_length=200, modes=frozenset(modes))
    fit(request, tmp_path / "out")
    before = {row["id"]: row for row in rows_of(licensed)}
    after = rows_of(tmp_path / "out")
    assert {segment["role"] for row in after for segment in row["segments"]} == {"meta", "negative"}
    for row in after:
        texts = {row["text"][s["start"] : s["end"]] for s in row["segments"]}
        assert all(any(text in old["text"] for old in before.values()) for text in texts)
    if modes == {"truncate"}:
        for row in after:
            old = before[row["meta_document"]]
            kept = row["segments"]
            assert [origin(one) for one in kept] == [origin(one) for one in old["segments"][: len(kept)]]
            assert kept[:-1] == old["segments"][: len(kept) - 1]
            assert kept[-1]["end"] == min(len(row["text"]), old["segments"][len(kept) - 1]["end"])
    sources = [SourceSettings(name="rows", path=str(licensed / "data/tiny"))]
    assert verify(tmp_path / "out", sources=sources, tokenizer="demo").faults == ()
    assert parse_card((tmp_path / "out/README.md").read_text()).header["license"] == "cc-by-sa-4.0"


@pytest.mark.slow
def test_packed_rows_of_ours_are_not_imported_as_texts(licensed: Path, tmp_path: Path) -> None:
    """Their documents would see each other."""
    request = FitRequest(source=source_of(licensed), tokenizer="demo", target_length=600, modes=frozenset({"pack"}))
    fit(request, tmp_path / "packed")
    with pytest.raises(DataError, match="holds packed rows"):
        import_rows(ImportRequest(source=source_of(tmp_path / "packed"), tokenizer="demo"), tmp_path / "out")


def test_a_column_of_that_name_that_is_none_of_ours_is_told(tmp_path: Path) -> None:
    """As any other column that is not used."""
    path = tmp_path / "speech.jsonl"
    path.write_text('{"id": "a", "text": "one two three", "segments": [{"start": 0.0, "end": 1.5}]}\n')
    report = import_rows(
        ImportRequest(source=SourceSettings(name="s", path=str(path)), tokenizer="demo"), tmp_path / "o"
    )
    assert report.manifest.corpus.sources[0].reading.unused_columns == {"segments": 1}
    assert len(rows_of(tmp_path / "o")[0]["segments"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "data/tiny"])
def test_scores_keep_their_name(part: str, corpus_file: Path, tmp_path: Path) -> None:
    """A fit or an import of rows calls their scores as the retriever that gave them does."""
    recipe = tiny_recipe()
    recipe = recipe.model_copy(update={"retrieval": recipe.retrieval.model_copy(update={"retriever": "random"})})
    build(make_request(corpus_file, recipe, rows=2), tmp_path / "made")
    source = source_of(tmp_path / "made" / part)
    fit(
        FitRequest(source=source, tokenizer="demo", target_length=200, modes=frozenset({"truncate"})),
        tmp_path / "fitted",
    )
    import_rows(ImportRequest(source=source, tokenizer="demo"), tmp_path / "imported")
    for name in ("fitted", "imported"):
        [config] = require_manifest(tmp_path / name).configs.values()
        assert config.score_name == "random number"
        card = (tmp_path / name / "README.md").read_text()
        assert "random number" in card
        assert "BM25" not in card
