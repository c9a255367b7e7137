"""`nextlong-hub inspect`: a row can be read on any terminal, and nothing in it can harm one."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from building import make_request, published, read_rows, run_commands
from hostile import NEVER_SHOWN, hostile_documents
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub import cli
from nextlong_hub.explore.strip import bars
from nextlong_hub.explore.terminal_strip import META, NEGATIVES, strip_line, strip_lines
from nextlong_hub.pipeline import build
from nextlong_hub.records import Segment
from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.worlds import write_corpus

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset made of documents that attack whoever looks at them."""
    folder = tmp_path_factory.mktemp("hostile")
    corpus = write_corpus(folder / "corpus.jsonl", hostile_documents())
    build(make_request(corpus, rows=4), folder / "dataset")
    return folder / "dataset"


def inspect(*arguments: str | Path) -> str:
    """What the command prints into a pipe; it must end well and say nothing on stderr."""
    code, out, err = ask(*arguments)
    assert (code, err) == (0, "")
    return out


def ask(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command in this process: exit code, stdout, stderr."""
    with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
        code = cli.run(["inspect", *map(str, arguments)])
    return code, stdout.getvalue(), stderr.getvalue()


_ONE_AFTER_THE_OTHER = """
import json, sys
from nextlong_hub.cli import run
for arguments in json.loads(sys.argv[1]):
    assert run(["inspect", *arguments]) == 0
    print("NEXT", flush=True)
"""


def inspect_on_terminal(*questions: Sequence[str | Path], **environment: str) -> list[str]:
    """What the command prints on a terminal of 100 columns when it is given each of those arguments."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", _ONE_AFTER_THE_OTHER, json.dumps([[*map(str, words)] for words in questions])]
    variables = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=os.environ | variables | environment)
    os.close(theirs)
    received = io.BytesIO()
    try:
        while block := os.read(ours, 65536):
            received.write(block)
    except OSError:  # the other side has closed: this is how a terminal ends
        pass
    os.close(ours)
    assert process.wait() == 0
    *printed, rest = received.getvalue().decode().split("NEXT\r\n")
    assert (len(printed), rest) == (len(questions), "")
    return printed


def test_a_row_is_shown_with_its_strip_and_the_first_of_its_segments(built: Path) -> None:
    """The counts, the meta-document, a strip with the numbers of meta-chunks, and three negatives for each."""
    row = read_rows(built)[3]
    out = inspect(built, "tiny", "3")
    metas = [number for number, segment in enumerate(row["segments"]) if segment["role"] == "meta"]
    assert f"{row['id']}   row 3 of 8 in tiny" in out
    assert f"512 tokens, {len(row['text']):,} characters, {len(metas)} meta-chunks and" in out
    assert f"Meta-document {row['meta_document']} from corpus" in out
    assert out.count("█ meta ") == len(metas)
    for number in metas:
        assert f"▼{number}" in out
    assert out.count("  negative ") <= 3 * len(metas)
    assert "--all shows them" in out


@pytest.mark.parametrize("width", [60, 80, 120])
def test_headings_are_whole_however_narrow_the_terminal(
    width: int, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words are cut where there is no room; headings and numbers are not."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = inspect(built, "tiny", "3").splitlines()
    heading = next(line for line in lines if "rank" in line and "score" in line)
    assert heading.split() == ["#", "role", "rank", "score", "tokens", "document", "chunk", "begins"]
    assert max(map(len, lines[lines.index(heading) :][:4])) <= width


def test_all_segments_are_listed_when_asked_for(built: Path) -> None:
    """One line each, with rank, score, tokens, document and first words."""
    row = read_rows(built)[0]
    out = inspect(built, "tiny", "0", "--all")
    for number, segment in enumerate(row["segments"]):
        [line] = [line for line in out.splitlines() if re.match(rf" *{number}  ", line)]
        assert segment["document"] in line
        assert f" {segment['tokens']} " in line
        assert segment["role"] in line
        if segment["role"] == "negative":
            assert f" {segment['score']:.1f} " in line
        assert row["text"][segment["start"] : segment["end"]].split()[0] in line


def test_the_first_row_of_the_default_configuration_needs_no_more_words(built: Path) -> None:
    """CONFIG and ROW may be left out, and an id serves as ROW."""
    assert inspect(built) == inspect(built, "tiny", "0") == inspect(built, "tiny", read_rows(built)[0]["id"])


def test_a_segment_is_printed_in_full(built: Path) -> None:
    """Every character of it, and what it is; the last one by -1."""
    row = read_rows(built)[2]
    segment = row["segments"][1]
    out = inspect(built, "tiny", "2", "--segment", "1")
    assert out.endswith(f"\n\n{row['text'][segment['start'] : segment['end']]}\n")
    assert f"hard negative of rank {segment['rank']}, score {segment['score']:.2f}" in out
    assert f"Segment {len(row['segments']) - 1} of" in inspect(built, "tiny", "2", "--segment", "-1")


def test_why_names_the_shared_terms_and_that_they_add_up(built: Path) -> None:
    """The heaviest first, with weight and frequencies; both chunks where their words meet."""
    out = inspect(built, "tiny", "2", "--why", "1")
    facts = json.loads(inspect(built, "tiny", "2", "--why", "1", "--json"))
    assert f"the exact sum of {len(facts['terms'])} shared terms, with frequencies from the index" in out
    weights = [term["weight"] for term in facts["terms"]]
    assert weights == sorted(weights, reverse=True)
    assert facts["is_exact"] and facts["basis"] == "index"
    for term in facts["terms"][:10]:
        assert re.search(rf"^{term['term']} +{term['weight']:.2f} ", out, re.MULTILINE)
    assert "In the meta-chunk:" in out and "In the negative:" in out


def test_why_says_when_it_is_an_estimate_and_takes_a_corpus(dataset: Path, corpus_file: Path) -> None:
    """Without an index the word is said aloud; --corpus makes it exact."""
    (dataset / ".work").rename(dataset.parent / "gone")
    assert "ESTIMATED as" in inspect(dataset, "tiny", "2", "--why", "1")
    exact = inspect(dataset, "tiny", "2", "--why", "1", "--corpus", f"corpus={corpus_file}", "--quiet")
    assert "with frequencies from the corpus of" in exact


def test_json_is_one_object_a_program_can_read(built: Path) -> None:
    """The row without its text, and each segment with its first words; one segment with its text."""
    row = read_rows(built)[1]
    facts = json.loads(inspect(built, "tiny", "1", "--json"))
    assert (facts["id"], facts["row"], facts["rows"], facts["token_count"]) == (row["id"], 1, 8, 512)
    for number, (shown, segment) in enumerate(zip(facts["segments"], row["segments"], strict=True)):
        assert shown["segment"] == number
        assert {name: shown[name] for name in segment} == segment
    one = json.loads(inspect(built, "tiny", "1", "--segment", "1", "--json"))
    assert one["text"] == row["text"][one["start"] : one["end"]]


@pytest.mark.slow
def test_a_pushed_dataset_is_inspected_like_a_folder(built: Path) -> None:
    """Over HTTP, the row looks the same; why is an estimate, for an index is never pushed."""
    with LocalHub() as hub:
        hub.put("datasets", "tester/nextlong", published(built))
        row, why, missing = run_commands(
            ["inspect", "tester/nextlong", "tiny", "3"],
            ["inspect", "tester/nextlong", "tiny", "3", "--why", "1"],
            ["inspect", "tester/nextlong", "tiny", "--revision", "v9"],
            **hub.environment(),
        )
    assert row == (0, inspect(built, "tiny", "3"), "")
    assert why[::2] == (0, "") and "ESTIMATED" in why[1]
    assert missing[0] == 1
    assert "has no revision 'v9'" in missing[2]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nope"], 1, "no configuration 'nope'; it has: tiny"),
        (["tiny", "8"], 1, "has 8 rows, 0 to 7"),
        (["tiny", "nobody"], 1, "no row with the id 'nobody'"),
        (["tiny", "0", "--segment", "999"], 1, "segment 999 was asked for"),
        (["tiny", "0", "--why", "0"], 1, "is a meta-chunk"),
        (["tiny", "0", "--why", "1", "--segment", "1"], 2, "ask one at a time"),
    ],
)
def test_a_wrong_question_is_answered_in_one_line(built: Path, arguments: list[str], code: int, message: str) -> None:
    """What came and what there is, on stderr, with an exit code of its kind."""
    assert ask(built, *arguments)[:2] == (code, "")
    assert message in ask(built, *arguments)[2]


def test_a_pipe_gets_neither_colours_nor_blanks_at_line_ends(built: Path) -> None:
    """What is saved to a file is plain text, in lines of 120 columns at most."""
    for arguments in ([], ["--all"], ["--why", "1"]):
        lines = inspect(built, "tiny", "2", *arguments).splitlines()
        assert lines and all(line == line.rstrip() and len(line) <= 120 for line in lines)
        assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize("columns", [60, 72, 100])
def test_no_number_is_cut_on_a_narrow_terminal(built: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Headings and words give way; a score with digits missing would be another score."""
    monkeypatch.setenv("COLUMNS", str(columns))
    row = read_rows(built)[0]
    listed = [line for line in inspect(built, "tiny", "0", "--all").splitlines() if "negative  " in line]
    negatives = [segment for segment in row["segments"] if segment["role"] == "negative"]
    for line, segment in zip(listed, negatives, strict=True):
        assert len(line) <= columns
        assert {f"{segment['score']:.1f}", str(segment["tokens"]), str(segment["rank"])} <= set(line.split())
    terms = json.loads(inspect(built, "tiny", "0", "--why", "1", "--json"))["terms"]
    why = inspect(built, "tiny", "0", "--why", "1")
    assert all(f" {term['weight']:.2f} " in why and f" {term['idf']:.2f}" in why for term in terms[:10])


@pytest.mark.slow
def test_a_terminal_gets_colours_unless_it_asks_for_none(built: Path) -> None:
    """With NO_COLOR the same glyphs remain, and they alone tell meta-chunks from negatives."""
    [coloured] = inspect_on_terminal([built, "tiny", "2"])
    [plain] = inspect_on_terminal([built, "tiny", "2"], NO_COLOR="1")
    assert re.search(r"\x1b\[[0-9;]*38;[25]", coloured)
    assert not re.search(r"38;[25];", plain)
    assert _COLOUR.sub("", coloured) == _COLOUR.sub("", plain)
    assert max(map(len, _COLOUR.sub("", coloured).splitlines())) <= 100


@pytest.mark.slow
def test_hostile_words_are_inert_on_a_terminal(hostile: Path) -> None:
    """No escape but our own colours, nothing that reorders or hides, whatever is asked."""
    questions = ["", "--all", "--segment 0", "--segment 1", "--why 1"]
    printed = inspect_on_terminal(*([hostile, "tiny", "0", *question.split()] for question in questions))
    for question, out in zip(questions, (_COLOUR.sub("", one) for one in printed), strict=True):
        assert "\x1b" not in out, question
        assert not any(attack in out for attack in NEVER_SHOWN), question
        assert len(out) > 200, question


@pytest.mark.parametrize("question", ["", "--all", "--segment 1", "--why 1"])
def test_hostile_words_are_inert_in_a_pipe(hostile: Path, question: str) -> None:
    """A file is read on a terminal later: no escape at all, of any row."""
    for row in range(4):
        out = inspect(hostile, "tiny", str(row), *question.split())
        assert len(out) > 200
        assert not any(attack in out for attack in ("\x1b", *NEVER_SHOWN))


def test_what_was_hidden_is_shown_by_name(hostile: Path) -> None:
    """Escapes, overrides and controls leave a mark, so that a reader sees that they are there."""
    row = read_rows(hostile)[0]
    out = "".join(inspect(hostile, "tiny", "0", "--segment", str(number)) for number in range(len(row["segments"])))
    assert "␛[" in out and "⟨U+202E⟩" in out
    assert "<script>" in out  # harmless on a terminal, and not to be altered
    assert "[bold]rich[/bold]" in out  # what is markup to our library is text


def test_a_name_stays_on_its_line(hostile: Path) -> None:
    """An id with line breaks cannot pretend to be lines of ours."""
    rows = read_rows(hostile)
    [number] = [n for n, row in enumerate(rows) if "\n" in row["id"]][:1]
    for question in ("", "--segment 0", "--why 1"):
        assert "javascript" in inspect(hostile, "tiny", str(number), *question.split()).splitlines()[0]


segment_lists = st.lists(st.tuples(st.booleans(), st.integers(1, 900)), min_size=1, max_size=400)


@given(segment_lists, st.integers(20, 130))
def test_every_meta_chunk_is_seen_on_every_strip(parts: list[tuple[bool, int]], width: int) -> None:
    """Lines of equal width; a full block in every cell where a meta-chunk begins, and none where no meta-chunk is."""
    segments = [
        Segment(
            role="meta" if is_meta else "negative", document="d", chunk=0, start=0, end=0, tokens=tokens,
            rank=0 if is_meta else number + 1, score=0.0,
        )
        for number, (is_meta, tokens) in enumerate(parts)
    ]  # fmt: skip
    total = sum(tokens for _, tokens in parts)
    lines = list(strip_lines(bars(segments, total), width))
    cells = [glyph for line in lines[1::2] for glyph, _ in line]
    assert len(cells) % width == 0 and 1 <= len(cells) // width <= 4
    assert set(cells) <= {META, *NEGATIVES}
    before = 0
    for is_meta, tokens in parts:
        if is_meta:
            assert (
                cells[int(before / total * len(cells) + 1e-9)] == META
                or cells[int(before / total * len(cells))] == META
            )
        before += tokens
    assert (META in cells) == any(is_meta for is_meta, _ in parts)
    assert len(strip_line(bars(segments, total), width)) == width


def test_a_strip_on_paper() -> None:
    """Twenty cells of ten tokens: a meta-chunk of one cell, then negatives that sink with their rank."""
    made = [("meta", 10, 0), ("negative", 60, 1), ("negative", 60, 10), ("negative", 60, 100), ("meta", 10, 0)]
    segments = [
        Segment(role=role, document="d", chunk=0, start=0, end=0, tokens=tokens, rank=rank, score=0.0)  # type: ignore[arg-type]
        for role, tokens, rank in made
    ]
    marks, cells = strip_lines(bars(segments, 200), 20)
    assert marks[0][0] == "▼0                 ▼"
    assert "".join(glyph for glyph, _ in cells) == "█▆▆▆▆▆▆▅▅▅▅▅▅▂▂▂▂▂▂█"
