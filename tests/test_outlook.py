"""What a build says at once, before it works: only what matters, and only what is known by then."""

from pathlib import Path

import pytest
from building import make_request

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import ConflictError, CorpusTooSmallError
from nextlong_hub.execution.forecast import Forecast
from nextlong_hub.execution.progress import NullProgress
from nextlong_hub.pipeline import BuildReport, BuildRequest, build
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

pytestmark = pytest.mark.slow


class Heard(NullProgress):
    """Keeps what is told, and which stages there are."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.coming: list[str] = []
        self._forecast: Forecast | None = None

    def follow(self, forecast: Forecast) -> None:
        """See `Progress`."""
        self._forecast = forecast

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """See `Progress`."""
        self.stages.append(stage)
        if stage == "index" and self._forecast is not None:
            self.coming = [one.stage for one in self._forecast._coming]

    def note(self, text: str) -> None:
        """See `Progress`."""
        self.notes.append(text)


def heard(request: BuildRequest, output: Path) -> tuple[Heard, BuildReport]:
    """One build, and what it said."""
    listener = Heard()
    return listener, build(request, output, progress=listener)


def test_rows_that_a_rerun_removes_are_told_before_and_after(corpus_file: Path, tmp_path: Path) -> None:
    """Fewer rows are asked for than stand there; more, or as many, are no news."""
    first, report = heard(make_request(corpus_file, rows={"tiny": 6}), tmp_path / "out")
    assert (report.removed_rows, [note for note in first.notes if "removed" in note]) == ({}, [])
    fewer, report = heard(make_request(corpus_file, rows={"tiny": 2}), tmp_path / "out")
    assert report.removed_rows == {"tiny": 4}
    assert "tiny: 4 of the 6 rows that are there will be removed, as this run makes 2" in fewer.notes
    more, report = heard(make_request(corpus_file, rows={"tiny": 3}), tmp_path / "out")
    assert (report.removed_rows, [note for note in more.notes if "removed" in note]) == ({}, [])


def test_a_folder_that_is_not_ours_is_refused_before_a_tokenizer_is_sought(corpus_file: Path, tmp_path: Path) -> None:
    """What costs nothing to find is said first, and nothing is fetched for a run that cannot be."""
    (tmp_path / "notes.txt").write_text("mine")
    request = make_request(corpus_file)
    values = {field: getattr(request, field) for field in request.__slots__}
    with pytest.raises(ConflictError, match="already holds"):
        build(BuildRequest(**{**values, "tokenizer": str(tmp_path / "no-such-tokenizer")}), tmp_path)


def test_the_stages_that_come_are_those_that_were_expected(corpus_file: Path, tmp_path: Path) -> None:
    """In their order, for two configurations that share an index; the longest is made first."""
    short, long = tiny_recipe(name="short", target_length=300), tiny_recipe(name="long", target_length=600)
    listener, _ = heard(make_request(corpus_file, short, long, rows={"short": 3, "long": 2}), tmp_path / "out")
    begun = listener.stages[listener.stages.index("index") + 1 :]
    assert listener.coming == [
        *("retrieve long", "tokenise", "synthesise long", "retrieve short", "tokenise", "synthesise short"),
        *("write short", "write long"),
    ]
    assert list(dict.fromkeys(begun)) == list(dict.fromkeys(listener.coming))


def test_a_source_without_a_licence_is_named(corpus_file: Path, tmp_path: Path) -> None:
    """And one with a licence is not."""
    request = make_request(corpus_file, rows={"tiny": 2})
    [source] = request.sources
    assert isinstance(source, SourceSettings)
    for license, is_told in ((None, True), ("mit", False)):
        own = source.model_copy(update={"license": license})
        values = {field: getattr(request, field) for field in request.__slots__}
        listener, _ = heard(BuildRequest(**{**values, "sources": (own,)}), tmp_path / str(license))
        assert (
            any("no licence is stated" in note and note.startswith(source.name) for note in listener.notes) == is_told
        )


def test_rows_with_next_to_nothing_of_their_document_are_told_at_once(tmp_path: Path) -> None:
    """Short documents extended to long rows: what the card will say of them is known before retrieval."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(700))
    listener = Heard()
    thin = tiny_recipe(name="thin", target_length=80_000, chunking={"chunk_characters": 128})
    with pytest.raises(CorpusTooSmallError):
        build(make_request(corpus, thin, rows={"thin": 10_000}), tmp_path / "many", progress=listener)
    assert "retrieve thin" not in listener.stages and "index" not in listener.stages
    listener, _ = heard(make_request(corpus, thin, rows={"thin": 1}), tmp_path / "out")
    assert any(note.startswith("thin: a row holds") and "meta-document" in note for note in listener.notes)
