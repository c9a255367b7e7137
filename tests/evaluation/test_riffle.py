"""`riffle`: the rows of a pair are the same tokens in another order, and nothing is dropped in silence."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nextlong_hub as nl
from nextlong_hub import cli
from nextlong_hub.corpus.ingest import find_corpus, read_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.errors import ConflictError, CorpusTooSmallError, DataError, RecipeError
from nextlong_hub.evaluation.check import check_evaluation
from nextlong_hub.evaluation.items import Found, ItemMaker
from nextlong_hub.evaluation.left_out import LeftOut
from nextlong_hub.evaluation.settings import RiffleSettings
from nextlong_hub.execution.run import Run
from nextlong_hub.testing import make_documents, tiny_recipe
from nextlong_hub.tokenization import SpecialTokens, Tokenizer, load_tokenizer

TINY = {
    "tokenizer": "demo",
    "target_length": 512,
    "items": 4,
    "chunks": 3,
    "distances": (40, 90),
    "interferers": (0, 2),
    "settings": {"chunking.chunk_characters": 256},
}
"""A riffle of a second: 4 documents, each in 10 rows."""


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """All rows of a folder."""
    rows: list[dict[str, Any]] = pq.read_table(folder / "data").to_pylist()
    return rows


@pytest.fixture(scope="module")
def made(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished riffle; nobody may change it."""
    output = tmp_path_factory.mktemp("riffle") / "made"
    nl.riffle(corpus_file, output=output, **TINY)
    return output


def test_rows_of_a_pair_differ_in_their_order_alone(made: Path) -> None:
    """Same length, same tokens, same end; what stands between the chunks is as far as was asked for."""
    rows = rows_of(made)
    assert Counter(row["pair"] for row in rows) == {f"{item:05}/{level}": 5 for item in range(4) for level in (0, 2)}
    blocked = {row["pair"]: row for row in rows if row["condition"] == "blocked"}
    for row in rows:
        same = blocked[row["pair"]]
        assert len(row["input_ids"]) == row["token_count"] == 512
        assert sorted(row["input_ids"]) == sorted(same["input_ids"])
        assert row["targets"] == same["targets"]
        start = row["targets"][0]["start"]
        assert row["input_ids"][start:] == same["input_ids"][start:]
        assert row["interferers_between"] <= sum(one["role"] == "negative" for one in row["segments"])
        if row["condition"] == "riffled":
            assert min(row["between"]) >= row["distance"] > 0
        else:
            assert row["between"][0] == 0
            assert (row["between"][1] > 0) is (row["condition"] == "detached")


def test_an_answer_stands_once_in_the_document_and_once_at_the_end(made: Path) -> None:
    """Look-alikes carry rivals; the tokens of the answer spell it, and its distance is what lies between."""
    tokenizer = load_tokenizer("demo")
    for row in rows_of(made):
        chunk, answer = row["targets"]
        ids = np.array(row["input_ids"], np.int32)
        assert (answer["end"], row["text"].count(row["answer"])) == (512, 2)
        assert tokenizer.decode(ids[answer["start"] :]) == f" {row['answer']}"
        assert tokenizer.decode(ids[: answer["start"]]) == row["text"].removesuffix(f" {row['answer']}")
        last = row["segments"][-1]
        assert tokenizer.decode(ids[chunk["start"] : chunk["end"]]).rstrip() == row["text"][last["start"] : last["end"]]
        assert len(row["facts"]) == 1 + 2 * row["interferers"]
        assert len({fact["key"] for fact in row["facts"]}) == len(row["facts"])
        [said] = [fact for fact in row["facts"] if fact["value"] == row["answer"]]
        between = row["text"][said["end"] :].removesuffix(f" {row['answer']}")
        assert row["answer_distance"] == len(tokenizer.encode(between))


def test_every_character_came_from_the_corpus(made: Path, corpus_file: Path) -> None:
    """Segments name document, chunk and place; the document's chunks are its first ones, in order."""
    documents = {row["id"]: row["text"] for row in map(json.loads, corpus_file.read_text().splitlines())}
    for row in rows_of(made):
        for segment in row["segments"]:
            assert row["text"][segment["start"] : segment["end"]] in documents[segment["document"]]
            assert (segment["rank"] > 0) is (segment["role"] == "negative")
        own = [one for one in row["segments"] if one["role"] == "meta"]
        assert [one["chunk"] for one in own] == [0, 1, 2]
        assert {one["document"] for one in own} == {row["meta_document"]}
        assert row["meta_document"] not in {one["document"] for one in row["segments"] if one["role"] != "meta"}


def test_the_same_call_gives_the_same_rows(made: Path, corpus_file: Path, tmp_path: Path) -> None:
    """In another folder, too; what is there is kept; another seed gives other rows, and no questions none."""
    assert nl.riffle(corpus_file, output=tmp_path / "again", **TINY).is_unchanged is False
    for name in ("riffle.json", "README.md", "data/riffle/test-00000.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()
    assert nl.riffle(corpus_file, output=made, **TINY).is_unchanged
    with pytest.raises(ConflictError, match="settings differ"):
        nl.riffle(corpus_file, output=made, **TINY, seed=7)
    nl.riffle(corpus_file, output=tmp_path / "bare", **TINY, seed=7, questions=False)
    bare, asked = rows_of(tmp_path / "bare"), rows_of(made)
    assert [row["meta_document"] for row in bare] != [row["meta_document"] for row in asked]
    assert {(row["question"], row["answer"], row["answer_distance"], len(row["facts"])) for row in bare} == {
        ("", "", 0, 0)
    }
    assert {target["kind"] for row in bare for target in row["targets"]} == {"chunk"}
    assert {row["targets"][0]["end"] for row in bare} == {512}
    assert check_evaluation(tmp_path / "bare", load_tokenizer("demo")).faults == []


def test_every_document_is_accounted_for(tmp_path: Path) -> None:
    """What gave an item, what could not, and what was not needed are all documents together."""
    documents = [*make_documents(20), *make_documents(9, seed=1, paragraphs=(1, 1))]
    texts = {"world": [{"id": f"n{number}", "text": one.text} for number, one in enumerate(documents)]}
    report = nl.riffle(texts, output=tmp_path / "riffle", **{**TINY, "interferers": (0,)})
    assert report.items == 4
    assert report.left_out["too_few_chunks"] >= 9
    assert report.items + sum(report.left_out.values()) == 29
    record = json.loads((tmp_path / "riffle" / "riffle.json").read_text())
    assert (record["documents"], record["left_out"]) == (29, report.left_out)
    assert f"{report.left_out['too_few_chunks']} too" in (tmp_path / "riffle" / "README.md").read_text()


def test_documents_that_were_trained_on_are_left_out(corpus_file: Path, built: Path, tmp_path: Path) -> None:
    """They are told by their text, not by their ids; where all were, nothing is made.

    The last segment of a row may be less than half of its chunk.
    """
    trained = {one["document"] for row in pq.read_table(built / "data").to_pylist() for one in row["segments"][:-1]}
    report = nl.riffle(corpus_file, output=tmp_path / "one", apart_from=built, **{**TINY, "items": 40})
    items = {row["meta_document"] for row in rows_of(tmp_path / "one")}
    assert report.seen == {"dataset": report.left_out["seen"]}
    assert items
    assert not items & trained
    assert "left out" in (tmp_path / "one" / "README.md").read_text()
    with pytest.raises(CorpusTooSmallError, match=r"all .* documents that have chunks enough stand in"):
        nl.riffle(corpus_file, output=tmp_path / "two", apart_from=[built, tmp_path / "one"], **{**TINY, "items": 40})


def test_a_folder_is_one_thing(made: Path, built: Path, corpus_file: Path) -> None:
    """Rows to train on and rows to evaluate with never share a folder, and `verify` knows both."""
    with pytest.raises(ConflictError, match="to train on"):
        nl.riffle(corpus_file, output=built, **TINY)
    with pytest.raises(ConflictError, match="to evaluate with"):
        nl.build("64k", corpus=corpus_file, tokenizer="demo", output=made)
    assert cli.run(["verify", str(made), "--tokenizer", "demo", "--quiet"]) == 0
    assert cli.run(["verify", str(made), "--corpus", str(corpus_file), "--quiet"]) == 2


def test_a_change_is_found(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is missing, another record, another tokenizer, and a row whose end is another."""
    assert check_evaluation(tmp_path).faults[0][0] == "riffle.json"
    for name in ("riffle.json", "data/riffle/test-00000.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((made / name).read_bytes())
    assert check_evaluation(tmp_path).faults == []
    record = tmp_path / "riffle.json"
    content = record.read_text()
    record.write_text(content.replace('"seed": 42', '"seed": 43'))
    assert check_evaluation(tmp_path).faults[0][0] == "riffle.json"
    record.write_text(content)
    with (tmp_path / "data/riffle/test-00000.parquet").open("ab") as file:
        file.write(b"x")
    assert cli.run(["verify", str(tmp_path), "--quiet"]) == 3
    assert "size or sha256 is another" in capsys.readouterr().out


def test_a_damaged_folder_is_made_again(made: Path, corpus_file: Path, tmp_path: Path) -> None:
    """As it was, and without shards that an earlier run left behind."""
    nl.riffle(corpus_file, output=tmp_path / "riffle", **TINY)
    shard = tmp_path / "riffle" / "data" / "riffle" / "test-00000.parquet"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    assert nl.riffle(corpus_file, output=tmp_path / "riffle", **TINY).is_unchanged is False
    assert shard.read_bytes() == content
    assert check_evaluation(tmp_path / "riffle").faults == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"chunks": 1}, "chunks= is 1"),
        ({"distances": (90, 40)}, "the smallest first"),
        ({"interferers": (0, 0)}, "each once"),
        ({"interferers": "many"}, "give whole numbers"),
        ({"distances": (300,)}, "do not fit into rows of 512"),
        ({"recipe": "mix"}, "retrieves nothing itself"),
        ({"tokenizer": ["demo", "demo"]}, "one is needed"),
        ({"seed": -1}, "seed="),
    ],
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any], said: str, corpus_file: Path, tmp_path: Path) -> None:
    """Before anything is read, by a message that names the argument."""
    with pytest.raises(RecipeError, match=said):
        nl.riffle(corpus_file, output=tmp_path / "riffle", **{**TINY, **wrong})
    assert not (tmp_path / "riffle" / "data").exists()


def test_a_corpus_that_gives_nothing_says_why(corpus_file: Path, tmp_path: Path) -> None:
    """By reason; and a dataset without text cannot be compared."""
    with pytest.raises(CorpusTooSmallError, match="40 too_few_chunks"):
        nl.riffle(corpus_file, output=tmp_path / "riffle", **{**TINY, "chunks": 9, "distances": (4,)})
    with pytest.raises(CorpusTooSmallError, match=r"too_few_interferers|too_long"):
        nl.riffle(corpus_file, output=tmp_path / "riffle", **{**TINY, "interferers": (60,)})
    (tmp_path / "ids").mkdir()
    pq.write_table(pa.table({"input_ids": pa.array([[1, 2]], pa.list_(pa.int32()))}), tmp_path / "ids" / "rows.parquet")
    with pytest.raises(DataError, match="rows without text"):
        nl.riffle(corpus_file, output=tmp_path / "riffle", apart_from=tmp_path / "ids", **TINY)


def test_the_command_prints_what_was_made(
    corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table and as JSON, the second time from what is there."""
    arguments = [
        *("riffle", str(corpus_file), "--tokenizer", "demo", "--target-length", "512", "--items", "2", "--chunks", "2"),
        *("--distances", "40", "--interferers", "0,1", "--set", "chunking.chunk_characters=256", "--quiet"),
        *("--output", str(tmp_path / "riffle")),
    ]
    assert cli.run(arguments) == 0
    assert "Written to" in capsys.readouterr().out
    assert cli.run([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["items"], said["rows"], said["tokens"], said["is_unchanged"]) == (2, 12, 12 * 512, True)


@pytest.mark.slow
def test_load_dataset_reads_it(made: Path, tmp_path: Path) -> None:
    """Without a word of ours, and every column as it was written."""
    import datasets

    rows = datasets.load_dataset(str(made), split="test", cache_dir=str(tmp_path))
    assert rows.num_rows == 40
    assert rows[:] == {name: [row[name] for row in rows_of(made)] for name in rows.column_names}


@cache
def tokenizer() -> Tokenizer:
    """The embedded one."""
    return load_tokenizer("demo")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ChunkStore:
    """Documents with blanks, code and accents at the borders of their chunks."""
    folder = tmp_path_factory.mktemp("riffle-store")
    strange = [
        "  def f():\n\n\n    return 1\n",
        "\u00e9tude \u2014 na\u00efve\u2026\n\n",
        "!!!\n\n\n???   ",
        "\U0001f600 \u4f60\u597d ",
    ]
    documents = make_documents(24, paragraphs=(3, 6))
    rows = [
        {"id": one.id, "text": "\n".join(part + strange[n % 4] for part in one.text.split("\n"))}
        for n, one in enumerate(documents)
    ]
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = Run.quiet(folder / "work")
    found = find_corpus(run, [SourceSettings(name="world", path=str(path))])
    return read_corpus(run, found, tiny_recipe(chunking={"chunk_characters": 200}).reading)


@given(data=st.data())
@settings(max_examples=25)
def test_whatever_is_asked_for_a_pair_is_the_same_tokens(data: st.DataObject, store: ChunkStore) -> None:
    """The law: rows of a pair have one multiset of tokens, those of an item one target, all the exact length."""
    chunks = data.draw(st.integers(2, 4), "chunks")
    chosen = RiffleSettings(
        target_length=data.draw(st.integers(500, 800), "target length"),
        chunks=chunks,
        distances=tuple(sorted(data.draw(st.sets(st.integers(1, 90), min_size=1, max_size=2), "distances"))),
        interferers=tuple(sorted(data.draw(st.sets(st.integers(0, 2), min_size=1), "interferers"))),
        questions=data.draw(st.booleans(), "questions"),
        seed=data.draw(st.integers(0, 1000), "seed"),
    )
    bos = data.draw(st.sampled_from([None, 50256]), "bos")
    maker = ItemMaker(
        store=store,
        tokenizer=tokenizer(),
        special_tokens=SpecialTokens(bos=bos),
        settings=chosen,
        negatives=tiny_recipe().negatives,
        separator=data.draw(st.sampled_from(["\n", "\n\n"]), "separator"),
    )
    document = data.draw(st.integers(0, store.documents - 1), "document")
    own = range(*store.first_chunk[document : document + 2].tolist())
    assume(len(own) >= chunks)
    others = [chunk for chunk in range(store.chunks) if chunk not in own]
    answers = st.lists(st.sampled_from(others), min_size=6, max_size=9, unique=True)
    found = [Found(chunks=tuple(data.draw(answers)), scores=(1.0,) * 9) for _ in range(chunks - 1)]
    found = [Found(chunks=one.chunks, scores=one.scores[: len(one.chunks)]) for one in found]
    rows = maker.rows(3, document, found)
    if isinstance(rows, LeftOut):
        assert rows in (LeftOut.TOO_LONG, LeftOut.TOO_FEW_INTERFERERS, LeftOut.OTHER_TOKENS, LeftOut.NO_EXACT_CUT)
        return
    law(rows, chosen.target_length)
    assert rows[0]["input_ids"][0] == bos or bos is None


def law(rows: Sequence[dict[str, Any]], target_length: int) -> None:
    """What holds of the rows of every item."""
    first = rows[0]
    pairs: dict[str, list[int]] = {}
    for row in rows:
        ids = np.array(row["input_ids"])
        assert len(ids) == target_length
        assert pairs.setdefault(row["pair"], sorted(ids.tolist())) == sorted(ids.tolist())
        assert row["targets"] == first["targets"]
        assert row["condition"] != "riffled" or min(row["between"]) >= row["distance"]
        start = row["targets"][0]["start"]
        assert ids[start:].tolist() == np.array(first["input_ids"])[start:].tolist()
        encoded = tokenizer().encode(row["text"])
        assert encoded.tolist() == ids[len(ids) - len(encoded) :].tolist()
