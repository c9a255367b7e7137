"""Imports: what others published becomes a folder of ours, token for token; nothing is claimed that is not known."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from building import plain_tokenizer, published, read_rows
from packed_rows import packed_row, write_packed

from nextlong_hub import cli
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.documents.import_rows import ImportRequest
from nextlong_hub.errors import ConflictError, DataError, RecipeError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.exports import ExportRequest, export, mds_layout
from nextlong_hub.pipeline import ImportReport, import_rows
from nextlong_hub.verification import verify

EOS = 50_256
"""GPT-2's `<|endoftext|>`, which is its bos_token too."""
TEXTS = ("The quick brown fox", " jumps over\n\nthe lazy dog.", "Ünïcödé 🙂 too")


def ids(text: str) -> list[int]:
    """The tokens of a text under the embedded tokenizer."""
    return list(plain_tokenizer().encode(text).ids)


def run(source: Path | str, output: Path, tokenizer: str = "demo", **choices: Any) -> ImportReport:
    """Import under the name `tiny`."""
    named = SourceSettings(name="there", path=str(source))
    executor = choices.pop("executor", "inline")
    request = ImportRequest(source=named, tokenizer=tokenizer, **{"config": "tiny", **choices})
    return import_rows(request, output, executor=executor)


def write_mds(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> Path:
    """One MDS shard of those rows, written without the exporter; `changes` go to its entry in the index."""
    encodings = {name: "str" if isinstance(value, str) else f"ndarray:{value.dtype}" for name, value in rows[0].items()}
    columns = mds_layout.columns_of(encodings)
    samples = [mds_layout.encode_sample(columns, row) for row in rows]
    settings = {"compression": None, "hashes": [], "size_limit": None}
    content = mds_layout.head_bytes(samples, mds_layout.config_bytes(columns, settings)) + b"".join(samples)
    folder.mkdir(parents=True)
    (folder / "shard.00000.mds").write_bytes(content)
    entry = {
        "samples": len(rows),
        "raw_data": {"basename": "shard.00000.mds", "bytes": len(content), "hashes": {}},
        "zip_data": None,
        **mds_layout.shard_config(columns, settings),
        **changes,
    }
    (folder / "index.json").write_text(json.dumps({"version": 2, "shards": [entry]}))
    return folder


def tokens(*numbers: int) -> np.ndarray[Any, Any]:
    """Tokens as ProLong stores them."""
    return np.array(numbers, np.uint32)


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices", [{}, {"compression": "zstd", "hashes": ("sha1",), "shard_bytes": 6000}, {"by_source": True}]
)
def test_an_exported_dataset_comes_back_token_for_token(choices: dict[str, Any], built: Path, tmp_path: Path) -> None:
    """MDS and back: the same tokens and texts in the same order, and the new folder is without fault."""
    export(built, ExportRequest(format="mds", **choices), tmp_path / "mds")
    report = run(tmp_path / "mds", tmp_path / "back")
    assert (report.rows, report.documents, report.tokens, report.not_exact) == (8, 8, 8 * 512, 0)
    before, after = read_rows(built), read_rows(tmp_path / "back")
    assert [(r["input_ids"], r["text"], r["source"]) for r in after] == [
        (r["input_ids"], r["text"], r["source"]) for r in before
    ]
    checked = verify(tmp_path / "back", tokenizer="demo")
    assert (checked.faults, checked.rows, checked.encoded_rows) == ((), 8, 8)


@pytest.mark.slow
def test_packed_rows_come_back_as_they_were_packed(built: Path, two_workers: LocalExecutor, tmp_path: Path) -> None:
    """Documents stay in their rows, whose borders are those of `indices`."""
    export(built, ExportRequest(format="mds", pack_tokens=1600, shard_bytes=7000), tmp_path / "mds")
    report = run(tmp_path / "mds", tmp_path / "back", executor=two_workers)
    assert (report.rows, report.documents) == (3, 8)
    after = read_rows(tmp_path / "back")
    assert [row["seq_lengths"] for row in after] == [[512] * 3, [512] * 3, [512] * 2]
    assert [t for row in after for t in row["input_ids"]] == [t for row in read_rows(built) for t in row["input_ids"]]
    assert verify(tmp_path / "back", tokenizer="demo").faults == ()


def test_a_loss_mask_comes_along(tmp_path: Path) -> None:
    """Masked rows keep their mask, document by document."""
    words = [ids(text) for text in TEXTS]
    rows = [
        packed_row(
            "r0", [("a", "web", words[0]), ("b", "web", words[1])], [0, 1] * ((len(words[0]) + len(words[1])) // 2)
        ),
        packed_row("r1", [("c", "web", words[2])], [1] * len(words[2])),
    ]
    folder = write_packed(tmp_path / "rows", rows, masked=True)
    export(folder, ExportRequest(format="mds"), tmp_path / "mds")
    run(tmp_path / "mds", tmp_path / "back")
    after = read_rows(tmp_path / "back")
    assert [row["assistant_masks"] for row in after] == [
        row.loss_mask.tolist() for row in rows if row.loss_mask is not None
    ]
    assert [row["text"] for row in after] == [TEXTS[0] + TEXTS[1], TEXTS[2]]


def test_every_row_of_texts_comes_in_whole(tmp_path: Path) -> None:
    """JSON Lines with `text`, as the authors publish them: a row each, whatever its length; the card says import."""
    lines = [json.dumps({"text": text}) for text in TEXTS]
    (tmp_path / "nextlong.jsonl").write_text("\n".join(lines) + "\n")
    report = run(tmp_path / "nextlong.jsonl", tmp_path / "out")
    assert (report.rows, report.not_exact, report.skipped) == (3, 0, {})
    rows = read_rows(tmp_path / "out")
    assert [row["text"] for row in rows] == list(TEXTS)
    assert [row["input_ids"] for row in rows] == [ids(text) for text in TEXTS]
    assert [[(s["role"], s["start"], s["end"]) for s in row["segments"]] for row in rows] == [
        [("meta", 0, len(text))] for text in TEXTS
    ]
    source = SourceSettings(name="there", path=str(tmp_path / "nextlong.jsonl"))
    checked = verify(tmp_path / "out", sources=[source], tokenizer="demo")
    assert (checked.faults, checked.rebuilt_rows) == ((), 3)
    assert report.manifest.kind == "import"
    assert report.manifest.corpus.sources[0].license is None


def test_tokens_around_every_document_belong_to_no_text(tmp_path: Path) -> None:
    """BOS and EOS of ProLong become the recipe's, and the texts are exact between them."""
    words = [[EOS, *ids(text), EOS] for text in TEXTS]
    spans = np.array([[0, len(words[0])], [len(words[0]), len(words[0]) + len(words[1])]], np.uint32)
    rows = [
        {"input_ids": tokens(*words[0], *words[1]), "indices": spans},
        {"input_ids": tokens(*words[2]), "indices": np.array([[0, len(words[2])]], np.uint32)},
    ]
    report = run(write_mds(tmp_path / "mds", rows), tmp_path / "out")
    assert (report.bos, report.eos, report.not_exact) == (True, True, 0)
    assert [row["text"] for row in read_rows(tmp_path / "out")] == [TEXTS[0] + TEXTS[1], TEXTS[2]]
    assert [row["input_ids"] for row in read_rows(tmp_path / "out")] == [words[0] + words[1], words[2]]
    assert verify(tmp_path / "out", tokenizer="demo").faults == ()


def test_what_is_not_exact_is_kept_and_counted(tmp_path: Path) -> None:
    """A control token inside, a split of another tokenizer: the tokens stay, the manifest admits how many there are."""
    odd = [ids("ab")[0:0] + [ids(c)[0] for c in "hello"], [*ids(TEXTS[0]), EOS, *ids(TEXTS[1])]]
    rows = [{"input_ids": tokens(*row)} for row in (*odd, ids(TEXTS[2]))]
    report = run(write_mds(tmp_path / "mds", rows), tmp_path / "out")
    assert (report.rows, report.not_exact) == (3, 2)
    found = read_rows(tmp_path / "out")
    assert [row["input_ids"] for row in found] == [*odd, ids(TEXTS[2])]
    assert [row["text"] for row in found] == ["hello", f"{TEXTS[0]}<|endoftext|>{TEXTS[1]}", TEXTS[2]]
    assert verify(tmp_path / "out", tokenizer="demo").faults == ()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["configs"]["tiny"]["not_exact"] == 2


def test_tokens_of_no_document_are_left_out_and_counted(tmp_path: Path) -> None:
    """What lies between the spans of `indices` no trainer sees, and an empty span is no document."""
    spans = np.array([[0, 2], [2, 2], [3, 5]], np.uint32)
    rows = [{"input_ids": tokens(*ids("a b c d e"))[:5], "indices": spans, "domain": "web"}]
    report = run(write_mds(tmp_path / "mds", rows), tmp_path / "out")
    assert (report.documents, report.tokens, report.outside_tokens) == (2, 4, 1)
    [row] = read_rows(tmp_path / "out")
    assert [(d["source"], d["tokens"]) for d in row["documents"]] == [("web", 2), ("web", 2)]


def test_nested_folders_without_a_merged_index(tmp_path: Path) -> None:
    """`proc00`, `proc01`, … are read in the order of their names, and rows are called after them."""
    for number, text in enumerate(TEXTS):
        write_mds(tmp_path / "mds" / f"proc{number:02d}", [{"input_ids": tokens(*ids(text))}])
    run(tmp_path / "mds", tmp_path / "out")
    rows = read_rows(tmp_path / "out")
    assert [row["id"] for row in rows] == [f"tiny/proc{number:02d}/shard.00000/000000" for number in range(3)]
    assert [row["text"] for row in rows] == list(TEXTS)
    assert [row["source"] for row in rows] == ["proc00", "proc01", "proc02"]


@pytest.mark.slow
def test_imports_are_the_same_for_any_number_of_workers_and_after_a_rerun(
    built: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """One worker, two, a rerun, and a run without its manifest give the same bytes."""
    export(built, ExportRequest(format="mds", shard_bytes=5000), tmp_path / "mds")
    run(tmp_path / "mds", tmp_path / "one")
    once = published(tmp_path / "one")
    run(tmp_path / "mds", tmp_path / "two", executor=two_workers)
    assert published(tmp_path / "two") == once
    (tmp_path / "one" / "manifest.json").unlink()
    run(tmp_path / "mds", tmp_path / "one")
    assert published(tmp_path / "one") == once


GOOD = {"input_ids": tokens(*ids(TEXTS[0]))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**GOOD, "indices": np.array([[0, 99]], np.uint32)}, "indices of row 0 overlap, or reach beyond its"),
        ({**GOOD, "indices": np.array([[2, 3], [0, 1]], np.uint32)}, "indices of row 0 overlap"),
        ({**GOOD, "indices": np.array([0, 1], np.uint32)}, r"have the shape \(2,\) instead of \(documents, 2\)"),
        ({**GOOD, "mask": np.ones(1, np.uint8)}, r"the mask of row 0 has the shape \(1,\)"),
        ({"input_ids": np.array([2**31], np.uint32)}, "input_ids of row 0 go from 2,147,483,648"),
        ({"input_ids": np.array([-1], np.int64)}, "input_ids of row 0 go from -1"),
        ({"input_ids": np.array([0.5], np.float32)}, "input_ids of row 0 are float32"),
        ({"input_ids": np.array([50_257], np.uint32)}, "a token 50,257, but the largest of demo is 50,256; name the"),
        ({"text": "no tokens"}, "has the columns text; rows of tokens need input_ids"),
    ],
)
def test_a_row_of_others_that_does_not_fit_together_is_named(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    """The shard and the row are told, and nothing is published."""
    with pytest.raises(DataError, match=message):
        run(write_mds(tmp_path / "mds", [row]), tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"raw_data": {"basename": "../x.mds", "bytes": 1, "hashes": {}}}, "a shard outside its folder"),
        ({"raw_data": {"basename": "/etc/passwd", "bytes": 1, "hashes": {}}}, "a shard outside its folder"),
        ({"raw_data": {"basename": "gone.mds", "bytes": 1, "hashes": {}}}, "gone.mds is missing, and the index"),
        ({"raw_data": {"basename": "shard.00000.mds", "bytes": 1, "hashes": {}}}, "bytes, and its index says 1"),
        ({"column_encodings": ["pkl"]}, "column input_ids is stored as 'pkl', which is not opened: it may run code"),
        ({"column_encodings": ["ndarray:uint64"]}, "does not fit its columns|are uint64"),
        ({"samples": 2}, "holds 1 samples, and its index says 2"),
        ({"format": "json"}, "a shard of format json"),
        ({"version": 1}, "is no index of MDS shards that can be read"),
        ({"column_names": []}, "is no index of MDS shards that can be read"),
    ],
)
def test_an_index_that_lies_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A stranger's index leads nowhere else, opens no pickles, and is compared with its files."""
    with pytest.raises(DataError, match=message):
        run(write_mds(tmp_path / "mds", [GOOD], **changes), tmp_path / "out")


def test_a_shard_that_claims_a_terabyte_is_refused(tmp_path: Path) -> None:
    """A packed shard is not given the room that its index asks for; an index that is nested without end is none."""
    folder = write_mds(tmp_path / "mds", [GOOD], compression="zstd")
    index = json.loads((folder / "index.json").read_text())
    [entry] = index["shards"]
    entry["zip_data"] = entry["raw_data"]
    entry["raw_data"] = entry["raw_data"] | {"bytes": 1 << 40}
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"has 1,099,511,627,776 bytes, packed or not, .*smaller size_limit"):
        run(folder, tmp_path / "out")
    (folder / "index.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"is no index of MDS shards that can be read .*nested too deeply"):
        run(folder, tmp_path / "out")


def test_damage_is_found_by_the_digests_of_the_index(built: Path, tmp_path: Path) -> None:
    """Where an index holds digests, a flipped bit is an error; a compressed shard that is cut is one anyway."""
    export(built, ExportRequest(format="mds", hashes=("sha1",)), tmp_path / "hashed")
    shard = tmp_path / "hashed" / "shard.00000.mds"
    content = bytearray(shard.read_bytes())
    content[-100] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"shard\.00000\.mds has another sha1 than its index says; fetch it anew"):
        run(tmp_path / "hashed", tmp_path / "out")
    export(built, ExportRequest(format="mds", compression="zstd"), tmp_path / "packed")
    [shard] = (tmp_path / "packed").glob("*.zstd")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be decompressed|does not fit its columns|outside the file"):
        run(tmp_path / "packed", tmp_path / "out2")


def test_other_compressions_are_read(built: Path, tmp_path: Path) -> None:
    """Shards that mosaicml wrote with gzip are read, too."""
    export(built, ExportRequest(format="mds"), tmp_path / "mds")
    index = json.loads((tmp_path / "mds" / "index.json").read_text())
    [entry] = index["shards"]
    raw = tmp_path / "mds" / "shard.00000.mds"
    packed = pa.compress(raw.read_bytes(), codec="gzip", asbytes=True)
    (tmp_path / "mds" / "shard.00000.mds.gz").write_bytes(packed)
    raw.unlink()
    entry |= {"compression": "gz:6", "zip_data": {"basename": "shard.00000.mds.gz", "bytes": len(packed), "hashes": {}}}
    (tmp_path / "mds" / "index.json").write_text(json.dumps(index))
    run(tmp_path / "mds", tmp_path / "out")
    assert [r["input_ids"] for r in read_rows(tmp_path / "out")] == [r["input_ids"] for r in read_rows(built)]


def test_nothing_to_import_is_told(tmp_path: Path) -> None:
    """An index without shards, rows without documents, and a name that is none."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "index.json").write_text('{"version": 2, "shards": []}')
    with pytest.raises(DataError, match=r"has an index\.json without shards; there is nothing to import"):
        run(tmp_path / "empty", tmp_path / "out")
    nothing = {**GOOD, "indices": np.array([[1, 1]], np.uint32)}
    with pytest.raises(DataError, match=r"the 1 shards of .* hold no document; there is nothing to import"):
        run(write_mds(tmp_path / "mds", [nothing]), tmp_path / "out2")
    with pytest.raises(RecipeError, match="config='a/b' is no name of a configuration"):
        run(tmp_path / "mds", tmp_path / "out3", config="a/b")


def test_an_import_adds_to_no_other_dataset(built: Path, dataset: Path, tmp_path: Path) -> None:
    """A folder that was built from a corpus is not silently mixed with imported rows."""
    export(built, ExportRequest(format="mds"), tmp_path / "mds")
    before = published(dataset)
    with pytest.raises(ConflictError, match="holds a finished dataset made from other inputs"):
        run(tmp_path / "mds", dataset, config="other")
    assert published(dataset) == before


def test_the_command_line_imports(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command, a table of what came in, and what to type next; a wrong tokenizer is exit code 2."""
    export(built, ExportRequest(format="mds"), tmp_path / "mds")
    arguments = ["import", str(tmp_path / "mds"), "--tokenizer", "demo", "--num-proc", "1", "--quiet"]
    assert cli.run([*arguments, "--output", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "imported" in shown
    assert f"nextlong-hub verify {tmp_path / 'out'}" in shown
    assert cli.run([*arguments, "--output", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["not_exact"], report["manifest"]["kind"]) == (8, 0, "import")
    assert cli.run([*arguments[:2], "--tokenizer", "./nowhere", "--output", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().out == ""
    shutil.rmtree(tmp_path / "out")


def test_texts_are_decontaminated_and_shards_are_not(tmp_path: Path) -> None:
    """A text with the words of a benchmark is left out and counted; a filter of rows of shards is refused."""
    words = "one day the old cafe closed its doors and nobody in town ever knew why"
    (tmp_path / "bench.txt").write_text(words, "utf-8")
    lines = [{"id": name, "text": text} for name, text in (("a", TEXTS[0]), ("b", f"{TEXTS[0]} {words.upper()}"))]
    (tmp_path / "texts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    filters = {"decontaminate": {"against": [str(tmp_path / "bench.txt")]}}
    report = run(tmp_path / "texts.jsonl", tmp_path / "out", filters=filters)
    assert (report.rows, report.skipped) == (1, {"contaminated": 1})
    [against] = report.manifest.configs["tiny"].recipe["filters"]["decontaminate"]["against"]
    assert against["path"] == "bench.txt"
    assert "--decontaminate bench.txt" in (tmp_path / "out" / "README.md").read_text("utf-8")
    shards = write_mds(tmp_path / "mds", [{"input_ids": np.array(ids(TEXTS[0]), np.uint32)}])
    with pytest.raises(RecipeError, match=r"rows are kept token for token, so that no filter \(decontaminate\)"):
        run(shards, tmp_path / "other", filters=filters)
