"""verify finds every single fault: damage by its digests, and edits that mend the digests by the rows themselves."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from building import make_request, published, read_rows

from nextlong_hub.core.files import sha256_of
from nextlong_hub.dataset.manifest import Manifest, read_manifest, write_manifest
from nextlong_hub.dataset.row_digest import digest_rows
from nextlong_hub.dataset.schema import row_schema
from nextlong_hub.pipeline import build
from nextlong_hub.recipe import Ingredient
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import VerifyReport, verify

SHARD = "data/tiny/train-00000-of-00001.parquet"


def everything(dataset: Path, corpus_file: Path) -> VerifyReport:
    """Verify with corpus and tokenizer."""
    return verify(dataset, sources=make_request(corpus_file).sources, tokenizer="demo")


def test_a_sound_dataset_has_no_fault(built: Path, corpus_file: Path) -> None:
    """Everything is counted that was checked."""
    rows = read_rows(built)
    report = everything(built, corpus_file)
    [contents] = report.contents
    assert (contents.config, contents.rows, contents.tokens, contents.shared_share) == ("tiny", 8, 8 * 512, None)
    assert replace(report, contents=()) == VerifyReport(
        faults=(),
        files=1,
        rows=len(rows),
        segments=sum(len(row["segments"]) for row in rows),
        encoded_rows=len(rows),
        encoded_twice=0,
        rebuilt_rows=len(rows),
    )


def header_of(card: bytes | bytearray) -> Any:
    """What YAML makes of a card's header; None where it makes nothing of it."""
    try:
        return yaml.safe_load(bytes(card).split(b"---\n")[1])
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


@pytest.mark.slow
def test_a_flipped_byte_in_any_published_file_is_found(dataset: Path) -> None:
    """At 150 places of the manifest and of the card's list of files, and at 30 of each file that has a digest."""
    for name, content in published(dataset).items():
        first, stop = 0, len(content)
        if name == "README.md":
            first, stop = content.index(b"configs:"), content.index(b"parquet") + len("parquet")
        places = 150 if name in ("README.md", "manifest.json") else 30
        for place in range(first, stop, max(1, (stop - first) // places)):
            damaged = bytearray(content)
            damaged[place] ^= 1 << (place % 8)
            (dataset / name).write_bytes(damaged)
            found = verify(dataset)
            faults = found.faults
            if name == "README.md" and header_of(damaged) == header_of(content):
                continue  # `true` and `True`, and a change of no meaning
            if found.rewritten:  # the bit was in the name of the program that wrote the file: told, with that name
                assert [one.partition(" ")[0] for one in found.rewritten] == [name]
                continue
            assert faults, (name, place, bytes(damaged[max(0, place - 20) : place + 20]))
            assert {fault.place for fault in faults} <= {name, "manifest.json"}
        (dataset / name).write_bytes(content)
    assert verify(dataset).faults == ()


@pytest.mark.parametrize("name", ["README.md", "manifest.json", SHARD, "recipes/tiny.toml"])
def test_a_missing_file_is_found(name: str, dataset: Path) -> None:
    """Whichever published file is gone is named."""
    (dataset / name).unlink()
    assert [fault.place for fault in verify(dataset).faults] == [name]


@pytest.mark.parametrize("name", ["data/tiny/train-00000-of-00002.parquet", "data/tiny/mine.parquet"])
def test_a_file_that_is_read_with_the_rows_is_a_fault(name: str, dataset: Path) -> None:
    """`data/tiny/*.parquet`, as the card shows it for polars and duckdb, reads a stray Parquet file there, too."""
    (dataset / name).write_bytes((dataset / SHARD).read_bytes())
    [fault] = verify(dataset).faults
    assert (fault.place, fault.message.split(";")[0]) == (name, "is not in the manifest, and is read with the rows")


@pytest.mark.parametrize("name", ["data/mine/precious.parquet", "data/a.csv", "data/tiny/notes", "recipes/mine.toml"])
def test_a_file_of_a_person_that_nobody_reads_as_rows_is_told(name: str, dataset: Path) -> None:
    """It is theirs: neither the card's list of files nor the folder of a configuration leads to it."""
    (dataset / name).parent.mkdir(exist_ok=True)
    (dataset / name).write_bytes((dataset / SHARD).read_bytes())
    report = verify(dataset)
    assert (report.faults, report.foreign) == ((), (name,))


@pytest.mark.slow
def test_load_dataset_reads_the_files_of_the_manifest_alone(dataset: Path, tmp_path: Path) -> None:
    """The card lists files, not patterns: a stray Parquet file, wherever it lies below `data/`, adds no row."""
    datasets = pytest.importorskip("datasets")
    rows = verify(dataset).rows
    for name in ("data/mine/precious.parquet", "data/tiny/mine.parquet"):
        (dataset / name).parent.mkdir(exist_ok=True)
        (dataset / name).write_bytes((dataset / SHARD).read_bytes())
    assert datasets.load_dataset(str(dataset), split="train", cache_dir=str(tmp_path / "cache")).num_rows == rows


def test_a_fault_costs_one_line_each(dataset: Path) -> None:
    """A damaged shard is one fault: its rows are not looked into, and not missed in the count either."""
    content = bytearray((dataset / SHARD).read_bytes())
    content[100] ^= 1
    (dataset / SHARD).write_bytes(content)
    [fault] = verify(dataset).faults
    assert fault.message.startswith("its sha256 is ")


def test_another_corpus_is_named(dataset: Path, tmp_path: Path) -> None:
    """Rows cannot be rebuilt from another corpus, and the report says first that it is another one."""
    other = write_corpus(tmp_path / "corpus.jsonl", make_documents(40, seed=9))
    faults = everything(dataset, other).faults
    assert faults[0].message.startswith("made from corpus ")
    assert any("is not what the corpus holds there" in fault.message for fault in faults)


def test_another_tokenizer_is_named(dataset: Path, tmp_path: Path) -> None:
    """A tokenizer that cuts differently gives other tokens, and the report says first that it is another one."""
    words = {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}
    parts = dict.fromkeys(["truncation", "padding", "normalizer", "post_processor", "decoder"])
    content = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": words, **parts}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    faults = verify(dataset, tokenizer=str(tmp_path)).faults
    assert faults[0].message.startswith("made with tokenizer ")
    assert any("its text encodes to" in fault.message for fault in faults)


Edit = Callable[[list[dict[str, Any]]], object]


def rows_digest(path: Path) -> str:
    """The digest of the rows of a shard."""
    return digest_rows([pq.read_table(path)])


def rewrite(dataset: Path, edit: Edit) -> None:
    """Change rows as a careful forger does: the manifest gets the new size, sha256 and counts, and its own digest."""
    rows = read_rows(dataset)
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, row_schema(tokens=True)), dataset / SHARD)
    manifest = read_manifest(dataset)
    assert manifest is not None
    content = manifest.model_dump(mode="json")
    config, [file] = content["configs"]["tiny"], content["configs"]["tiny"]["files"]
    file |= {"sha256": sha256_of(dataset / SHARD), "bytes": (dataset / SHARD).stat().st_size, "rows": len(rows)}
    file |= {"tokens": sum(row["token_count"] for row in rows), "rows_sha256": rows_digest(dataset / SHARD)}
    config |= {"rows": file["rows"], "tokens": file["tokens"]}
    write_manifest(dataset, Manifest.model_validate(content))


def swap_words(rows: list[dict[str, Any]]) -> None:
    """Two neighbouring characters of the third row's text."""
    text = rows[2]["text"]
    place = next(i for i in range(700, len(text)) if text[i] != text[i + 1] and text[i : i + 2].isalpha())
    rows[2]["text"] = text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def cut_text(rows: list[dict[str, Any]]) -> None:
    """The last character, with the segment's end brought into line."""
    rows[0]["text"] = rows[0]["text"][:-1]
    rows[0]["segments"][-1]["end"] = min(rows[0]["segments"][-1]["end"], len(rows[0]["text"]))


def move_border(rows: list[dict[str, Any]]) -> None:
    """A segment border to another newline, so that the segments still tile the text."""
    for row in rows:
        for one, other in zip(row["segments"], row["segments"][1:], strict=False):
            place = row["text"].find("\n", one["start"] + 1, one["end"])
            if place > 0:
                one["end"], other["start"] = place, place + 1
                return
    raise AssertionError("no segment holds a newline")


def move_token(rows: list[dict[str, Any]]) -> None:
    """One token from a segment to the next."""
    rows[1]["segments"][2]["tokens"] += 1
    rows[1]["segments"][3]["tokens"] -= 1


def swap_meta_chunks(rows: list[dict[str, Any]]) -> None:
    """The numbers of two meta-chunks."""
    meta = [segment for segment in rows[0]["segments"] if segment["role"] == "meta"]
    meta[0]["chunk"], meta[1]["chunk"] = meta[1]["chunk"], meta[0]["chunk"]


def negatives_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The row's negatives."""
    return [segment for segment in row["segments"] if segment["role"] == "negative"]


def swap_ranks(rows: list[dict[str, Any]]) -> None:
    """The ranks of two neighbouring negatives."""
    row = next(row for row in rows if row["segments"][1]["role"] == row["segments"][2]["role"] == "negative")
    one, other = row["segments"][1:3]
    one["rank"], other["rank"] = other["rank"], one["rank"]


EDITS: dict[str, Edit] = {
    "text": swap_words,
    "text cut": cut_text,
    "a border": move_border,
    "a token": lambda rows: rows[3]["input_ids"].__setitem__(77, 11),
    "token count": lambda rows: rows[3].update(token_count=511),
    "tokens of segments": move_token,
    "meta-chunks": swap_meta_chunks,
    "a document": lambda rows: negatives_of(rows[0])[0].update(document="d039"),
    "a chunk": lambda rows: negatives_of(rows[0])[0].update(chunk=negatives_of(rows[0])[0]["chunk"] + 9),
    "a role": lambda rows: negatives_of(rows[0])[0].update(role="meta"),
    "a rank": swap_ranks,
    "a rank of 0": lambda rows: negatives_of(rows[5])[0].update(rank=0),
    "a negative score": lambda rows: negatives_of(rows[5])[0].update(score=-1.0),
    "an own rank": lambda rows: negatives_of(rows[5])[0].update(own_rank=1),
    "an own rank below 0": lambda rows: rows[5]["segments"][0].update(own_rank=-1),
    "a start": lambda rows: rows[4]["segments"][1].update(start=rows[4]["segments"][1]["start"] + 1),
    "the end": lambda rows: rows[4]["segments"][-1].update(end=rows[4]["segments"][-1]["end"] + 1),
    "a segment less": lambda rows: rows[0]["segments"].pop(3),
    "no segments": lambda rows: rows[0].update(segments=[]),
    "id": lambda rows: rows[0].update(id="tiny/d999"),
    "recipe": lambda rows: rows[0].update(id="huge/" + rows[0]["meta_document"]),
    "meta-document": lambda rows: rows[0].update(meta_document="d999"),
    "source": lambda rows: rows[0].update(source="elsewhere"),
    "order": lambda rows: rows.reverse(),
    "two rows swapped": lambda rows: rows.insert(4, rows.pop(3)),
    "a row twice": lambda rows: rows.append(rows[0]),
    "null": lambda rows: rows[0].update(text=None),
}


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edited_row_is_found_even_under_a_matching_sha256(edit: Edit, dataset: Path, corpus_file: Path) -> None:
    """Tokenizer, corpus and seed prove a row; the manifest is not what they are compared with."""
    rewrite(dataset, edit)
    faults = everything(dataset, corpus_file).faults
    assert faults
    assert all(fault.place.startswith("data/tiny") for fault in faults), faults


def test_an_unchanged_row_passes_the_forger(dataset: Path, corpus_file: Path) -> None:
    """The edits are found for what they change: written again without one, the rows are sound."""
    rewrite(dataset, len)
    assert everything(dataset, corpus_file).faults == ()


@pytest.mark.parametrize("change", ["drop a column", "another type", "no Parquet"])
def test_a_shard_of_another_shape_is_found(change: str, dataset: Path) -> None:
    """Columns, types and format are checked before any row."""
    table = pq.read_table(dataset / SHARD)
    if change == "drop a column":
        pq.write_table(table.drop_columns(["source"]), dataset / SHARD)
    elif change == "another type":
        pq.write_table(table.set_column(3, "token_count", table["token_count"].cast(pa.int64())), dataset / SHARD)
    else:
        (dataset / SHARD).write_bytes(b"PAR1 no more PAR1")
    manifest = read_manifest(dataset)
    assert manifest is not None
    content = manifest.model_dump(mode="json")
    size = (dataset / SHARD).stat().st_size
    content["configs"]["tiny"]["files"][0] |= {"sha256": sha256_of(dataset / SHARD), "bytes": size}
    content["configs"]["tiny"]["files"][0]["rows_sha256"] = ""
    write_manifest(dataset, Manifest.model_validate(content))
    words = "cannot be read" if change == "no Parquet" else "of other names or types than"
    assert words in verify(dataset).faults[0].message


@pytest.mark.parametrize("made_by", ["another version", "the same version"])
def test_a_file_that_another_writer_wrote_anew_is_told_and_no_fault(made_by: str, dataset: Path) -> None:
    """Equal rows in other bytes are told where another program wrote them; the same one gives the same bytes."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    if made_by == "another version":
        content = manifest.model_dump(mode="json")
        content["configs"]["tiny"]["files"][0]["writer"] = "parquet-cpp-arrow version 1.0.0"
        write_manifest(dataset, Manifest.model_validate(content))
    pq.write_table(pq.read_table(dataset / SHARD), dataset / SHARD, compression="gzip", row_group_size=1)
    report = verify(dataset)
    if made_by == "another version":
        assert report.faults == ()
        [told] = report.rewritten
        assert told.startswith(f"{SHARD} (parquet-cpp-arrow version ")
    else:
        assert report.rewritten == ()
        assert [fault.place for fault in report.faults] == [SHARD]


def test_rows_that_another_writer_changed_are_a_fault(dataset: Path) -> None:
    """Another writer is no excuse for another row."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    content = manifest.model_dump(mode="json")
    content["configs"]["tiny"]["files"][0]["writer"] = "parquet-cpp-arrow version 1.0.0"
    write_manifest(dataset, Manifest.model_validate(content))
    rows = read_rows(dataset)
    swap_words(rows)
    pq.write_table(pa.Table.from_pylist(rows, row_schema(tokens=True)), dataset / SHARD)
    assert verify(dataset).faults[0].place == SHARD


def test_a_digest_of_rows_that_is_another_is_a_fault(dataset: Path) -> None:
    """The digest of rows is checked also where the file's own digest is right."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    content = manifest.model_dump(mode="json")
    content["configs"]["tiny"]["files"][0]["rows_sha256"] = "0" * 64
    write_manifest(dataset, Manifest.model_validate(content))
    [fault] = verify(dataset).faults
    assert fault.message.startswith("the digest of its rows is ")


def test_counts_of_the_manifest_are_checked(dataset: Path) -> None:
    """A manifest that counts other rows or tokens than the files hold is at fault, whoever computed its digest."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    for key, value in (("rows", 9), ("tokens", 1)):
        content = manifest.model_dump(mode="json")
        content["configs"]["tiny"]["files"][0][key] = value
        write_manifest(dataset, Manifest.model_validate(content))
        assert "instead of" in verify(dataset).faults[0].message
    content = manifest.model_dump(mode="json")
    content["configs"]["tiny"]["rows"] = 9
    write_manifest(dataset, Manifest.model_validate(content))
    assert [fault.message for fault in verify(dataset).faults] == ["counts 9 rows of 'tiny', but its files hold 8"]


@pytest.mark.slow
def test_the_order_of_a_mixture_is_checked(corpus_file: Path, tmp_path: Path) -> None:
    """Rows of its ingredients alternate in proportion, each in its own seeded order."""
    short, long = tiny_recipe(name="short", target_length=256), tiny_recipe(name="long")
    parts = (Ingredient(recipe="short", share=1), Ingredient(recipe="long", share=1))
    mixed = tiny_recipe(name="tiny", mixture=parts)
    request = make_request(corpus_file, short, long, mixed, rows={"short": 8, "long": 4, "tiny": 12})
    build(request, tmp_path / "dataset")
    assert everything(tmp_path / "dataset", corpus_file).faults == ()
    for edit in (lambda rows: rows.sort(key=lambda row: row["id"]), lambda rows: rows.reverse()):
        forged = Path(shutil.copytree(tmp_path / "dataset", tmp_path / f"forged-{id(edit)}"))
        rewrite(forged, edit)
        assert {fault.place for fault in everything(forged, corpus_file).faults} == {"data/tiny"}


def test_a_folder_without_a_manifest_is_a_fault(tmp_path: Path) -> None:
    """Unfinished, empty and foreign folders are told from finished ones."""
    [fault] = verify(tmp_path).faults
    assert (fault.place, "unfinished" in fault.message) == ("manifest.json", True)


def test_repeats_that_the_rows_do_not_have_are_found(dataset: Path) -> None:
    """One repeat more in a manifest that is otherwise sound; a manifest that counts none is sound."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    record = manifest.configs["tiny"]
    of_8, of_32 = record.repeats
    for repeats, faults in (((of_8.model_copy(update={"far": of_8.far + 1}), of_32), 1), ((), 0)):
        changed = manifest.model_copy(update={"configs": {"tiny": record.model_copy(update={"repeats": repeats})}})
        write_manifest(dataset, changed)
        found = verify(dataset).faults
        assert [fault.message[:35] for fault in found] == ["counts other repeats of 'tiny' than"] * faults


def test_repeats_of_rows_without_tokens_are_counted_with_the_tokenizer(corpus_file: Path, tmp_path: Path) -> None:
    """Without `input_ids` the manifest counts them, too, and a tokenizer is enough to check it."""
    recipe = tiny_recipe(tokens=False)
    build(make_request(corpus_file, recipe, rows=3), tmp_path / "dataset")
    manifest = read_manifest(tmp_path / "dataset")
    assert manifest is not None
    record = manifest.configs["tiny"]
    assert record.repeats[0].runs == 3 * 505
    assert verify(tmp_path / "dataset", tokenizer="demo").faults == ()
    other = record.model_copy(update={"repeats": record.repeats[::-1]})
    write_manifest(tmp_path / "dataset", manifest.model_copy(update={"configs": {"tiny": other}}))
    assert verify(tmp_path / "dataset").faults == ()
    assert len(verify(tmp_path / "dataset", tokenizer="demo").faults) == 1
