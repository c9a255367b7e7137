"""`survey`: what is in a corpus, from the command line and from Python, and as a page."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_secrets import make_secret

import nextlong_hub as nl
from nextlong_hub import cli
from nextlong_hub.audit.page.page import write_audit_page
from nextlong_hub.audit.read import audit
from nextlong_hub.audit.result import Bucket
from nextlong_hub.corpus.ingest import find_corpus, read_corpus
from nextlong_hub.corpus.settings import ReadingSettings, SourceSettings
from nextlong_hub.errors import ConflictError
from nextlong_hub.execution.run import Run
from nextlong_hub.method.settings import WHOLE_DOCUMENT

HOSTILE = "</title></style><script>alert(1)</script><b>{{7*7}}\x1b[31m\u202e"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Eight lines: two good documents, one again with its id, one with a secret, and four that are none."""
    rows = [
        {"id": "a", "text": "x" * 100, "note": "n"},
        {"id": "b", "text": "y " * 128},
        {"id": "a", "text": "x" * 100},
        {"id": "c", "text": make_secret("github", 1).text},
        {"id": "d", "text": "  "},
        {"id": "e", "text": None},
        {"id": "f"},
    ]
    path = tmp_path / "docs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    return path


def surveyed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    """What the command prints as JSON."""
    assert cli.run(["survey", *map(str, arguments), "--json", "--quiet"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_line_of_a_corpus_is_accounted_for(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Documents, what is left out by reason, secrets, ids that come twice, copies, and columns that are not read."""
    found = surveyed(capsys, corpus)
    [source] = found["sources"]
    assert (found["documents"], source["name"], source["documents"]) == (4, "docs", 4)
    assert source["left_out"] == {"empty": 1, "invalid_json": 1, "missing_text": 1, "null_text": 1}
    assert source["unused"] == {"note": 1}
    assert found["secrets"]["documents"] == 1
    assert found["repeated_ids"] == {"ids": 3, "documents": 1, "is_whole": True}
    assert found["copies"]["same"] == 1
    assert found["tokenizers"] == []
    assert sum(one["documents"] for one in found["characters"]["buckets"]) == 4


def test_python_gives_what_the_command_prints(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same values, of rows in memory, too, but for the name of their source and what only a file has."""
    assert json.loads(json.dumps(nl.survey(corpus).to_json())) == surveyed(capsys, corpus)
    held = nl.survey({"docs": [{"text": "x" * 8}, {"text": "y" * 9}]})
    assert held.characters.buckets == (Bucket(shortest=8, documents=2, total=17),)
    assert held.left_out == 0


def test_a_limit_bounds_what_is_read(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first documents, and what is bad before them."""
    found = surveyed(capsys, corpus, "--limit", "2docs")
    assert found["documents"] == 2
    assert found["sources"][0]["limit"] == "2docs"
    assert found["sources"][0]["left_out"] == {}


@settings(max_examples=6)
@given(documents=st.integers(1, 8))
def test_a_limit_reads_what_a_build_reads(documents: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same documents of several files: each is known by its length, a power of two."""
    folder = tmp_path_factory.mktemp("files")
    for file in range(3):
        texts = ["x" * (1 << (2 * file + row)) for row in range(2)]
        (folder / f"{file}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    source = SourceSettings(name="notes", path=str(folder), limit=f"{documents}docs")
    run = Run.quiet(tmp_path_factory.mktemp("work"))
    store = read_corpus(
        run, find_corpus(run, [source]), ReadingSettings(chunking=WHOLE_DOCUMENT, on_bad_document="fail")
    )
    built = [len(text) for text in store.texts(np.arange(store.chunks)).values()]
    found = [one.shortest for one in audit([source]).characters.buckets if one.documents]
    assert found == sorted(built)


@pytest.mark.slow
def test_repetition_and_yield_are_told_under_a_tokenizer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document of forty times one token would have a row masked; a corpus without two chunks gives no rows."""
    path = tmp_path / "docs.jsonl"
    rows = [{"id": "dull", "text": "a" + "\n" * 2 + " na" * 40}, {"id": "fine", "text": "one two three four"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    [one] = surveyed(capsys, path, "--tokenizer", "demo")["tokenizers"]
    assert one["name"] == "demo"
    assert one["lengths"]["total"] == sum(bucket["total"] for bucket in one["lengths"]["buckets"])
    assert one["repetition"]["documents"] == 1
    assert one["repetition"]["worst"] == [{"source": "docs", "id": "dull", "times": 40}]
    assert one["yields"] == []
    assert one["problem"]


def test_the_terminal_tells_all_of_it(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lengths by bucket, and a sentence for each thing that was found; progress is no part of it."""
    assert cli.run(["survey", str(corpus)]) == 0
    printed = capsys.readouterr()
    told = " ".join(printed.out.split())
    assert "64 to 127" in told
    assert "4 documents left out: 1 empty, 1 invalid json, 1 missing text, 1 null text;" in told
    assert "1 document with an id that came before" in told
    assert "1 (25.0%) have the text of an earlier one" in told
    assert "read" in printed.err


def test_a_corpus_without_documents_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is divided by nothing."""
    (tmp_path / "docs.jsonl").write_text('{"text": ""}\n')
    assert cli.run(["survey", str(tmp_path / "docs.jsonl"), "--tokenizer", "demo", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "0 documents" in printed
    assert "no document has a token" in printed


def test_a_page_holds_no_script_and_no_word_of_a_corpus_as_markup(tmp_path: Path) -> None:
    """Its policy allows its own style alone; the same survey gives the same bytes."""
    found = nl.survey({HOSTILE.replace("\x1b", "").replace("/", "|"): [{"text": "x", HOSTILE: 1}]})
    first = write_audit_page(found, tmp_path / "one.html")
    write_audit_page(found, tmp_path / "two.html")
    content = first.path.read_text(encoding="utf-8")
    assert (tmp_path / "two.html").read_text(encoding="utf-8") == content
    assert first.bytes == len(content.encode())
    assert "default-src 'none'; style-src 'sha256-" in content.replace("&#39;", "'")
    assert "<script" not in content
    assert "\x1b" not in content
    assert "\u202e" not in content
    assert "49" not in content.partition("</style>")[2]
    body = "<body>" + content.partition("<body>")[2].partition("</html>")[0]
    assert ElementTree.fromstring(body).tag == "body"


def test_a_page_replaces_pages_alone(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no page of ours is refused before the corpus is read, unless it is forced."""
    page = tmp_path / "notes.html"
    page.write_text("mine")
    with pytest.raises(ConflictError, match="no page"):
        nl.survey(tmp_path / "missing.jsonl", page=page)
    assert page.read_text() == "mine"
    assert cli.run(["survey", str(corpus), "--page", str(page), "--force", "--quiet"]) == 0
    assert f"Written to {page}" in " ".join(capsys.readouterr().out.split())
    assert nl.survey(corpus, page=page).documents == 4
