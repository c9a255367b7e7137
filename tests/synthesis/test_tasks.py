"""Units of work: what a row is depends on its own document, never on its unit, its neighbours or its process."""

import json
import random
import shutil
from pathlib import Path

import nextlong_hub.builders
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import make_request, published, read_rows, read_texts

from nextlong_hub.corpus.ingest import IngestPiece
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset.config_record import SynthesisRecord
from nextlong_hub.documents.tasks import FitUnit
from nextlong_hub.errors import DataError
from nextlong_hub.execution.base import perform
from nextlong_hub.execution.inline import InlineExecutor
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.method import chunking
from nextlong_hub.pipeline import BuildReport, BuildRequest, build
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.tokenization import SpecialTokens
from nextlong_hub.tokenization.tasks import TokenizerReference
from nextlong_hub.verification import verify

GPT2 = Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2"


def record(report: BuildReport) -> SynthesisRecord:
    """How the tiny configuration came about."""
    found = report.manifest.configs["tiny"].synthesis
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("unit_documents", [1, 3, 40])
def test_the_size_of_units_does_not_change_a_row(
    unit_documents: int, built: Path, corpus_file: Path, tmp_path: Path
) -> None:
    """One document a unit, three, or all of them: the same rows."""
    recipe = tiny_recipe(output={"unit_documents": unit_documents})
    build(make_request(corpus_file, recipe), tmp_path / "dataset")
    assert read_rows(tmp_path / "dataset") == read_rows(built)


@pytest.mark.slow
def test_rows_fill_shards_and_row_groups_in_order(built: Path, corpus_file: Path, tmp_path: Path) -> None:
    """Small shards and row groups hold the same rows in the same order, each within its limit."""
    recipe = tiny_recipe(output={"shard_bytes": 10_000, "row_group_bytes": 5_000})
    build(make_request(corpus_file, recipe), tmp_path / "dataset")
    assert read_rows(tmp_path / "dataset") == read_rows(built)
    files = sorted((tmp_path / "dataset" / "data" / "tiny").iterdir())
    assert [file.name for file in files] == [f"train-{n:05d}-of-{len(files):05d}.parquet" for n in range(len(files))]
    assert len(files) > 2
    assert all(pq.ParquetFile(file).num_row_groups == pq.ParquetFile(file).metadata.num_rows for file in files)


def test_a_fixed_corpus_gives_a_fixed_number_of_rows(tmp_path: Path) -> None:
    """Chunks that are longer together than apart make drafts overfull: they are mended, and hardly one is given up.

    Each of them ends with spaces, which GPT-2 takes together at the end of a text and apart before another word: a row
    has some thirty tokens more than its parts; what it would gain by one token a try is never enough.
    """
    listed = "anchor tide sailor mast keel rudder lantern rope deck gull storm cargo captain reef hull wave ferry dock"
    chance = random.Random(2)

    def text() -> str:
        lines = (" ".join(chance.choices(listed.split(), k=9))[:58] for _ in range(chance.randint(15, 18)))
        return "".join(f"{line}   \n" for line in lines)

    documents = [Document(id=f"d{number}", text=text(), source="w") for number in range(24)]
    recipe = tiny_recipe(chunking={"chunk_characters": 64}, meta_documents={"maximum_share": 0.95})
    corpus = write_corpus(tmp_path / "corpus.jsonl", documents)
    done = record(build(make_request(corpus, recipe, rows=8), tmp_path / "dataset"))
    assert (done.candidates, done.kept, done.discarded) == (10, 9, {"no_exact_cut": 1})
    for row in read_rows(tmp_path / "dataset"):
        last = row["segments"][-1]
        assert (last["role"], last["end"]) == ("negative", len(row["text"]))
        assert last["start"] < last["end"]


@pytest.mark.parametrize("shard_bytes", [1, 2_000])
def test_no_shard_is_empty_however_long_a_row_is(shard_bytes: int, tmp_path: Path) -> None:
    """A row that is larger than a shard has one of its own; the first shard, too, holds a row."""
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(12))
    recipe = tiny_recipe(output={"shard_bytes": shard_bytes})
    report = build(make_request(corpus, recipe, rows=2), tmp_path / "dataset")
    files = report.manifest.configs["tiny"].files
    assert [file.rows for file in files] == [1, 1]
    assert [pq.read_metadata(tmp_path / "dataset" / file.path).num_rows for file in files] == [f.rows for f in files]


def test_a_row_without_room_for_negatives_is_not_tried(tmp_path: Path) -> None:
    """Documents longer than half a row, and documents of one chunk, are counted as not eligible."""
    corpus = write_corpus(
        tmp_path / "corpus.jsonl",
        [*make_documents(20), *make_documents(26, paragraphs=(9, 9))[20:], *make_documents(30, paragraphs=(1, 1))[26:]],
    )
    report = build(make_request(corpus, rows=4), tmp_path / "dataset")
    short = sum(len(text) <= 256 for text in read_texts(corpus).values())
    assert record(report).not_eligible == {
        "too_few_chunks": short,
        "too_long": 30 - short - record(report).eligible_documents,
    }
    assert record(report).not_eligible["too_long"] >= 6


@pytest.mark.slow
def test_reference_fill_keeps_only_what_reaches_the_target(corpus_file: Path, tmp_path: Path) -> None:
    """With an adjustment of 1.02 some candidates stay short: they are discarded, counted, and replaced by the next."""
    recipe = tiny_recipe(interleave={"fill": "reference", "adjustment": 1.02})
    report = build(make_request(corpus_file, recipe, rows=20), tmp_path / "dataset")
    done = record(report)
    assert done.discarded["below_target"] >= 3
    assert done.candidates == done.kept + sum(done.discarded.values())
    assert len(read_rows(tmp_path / "dataset")) == min(20, done.kept)


@pytest.mark.slow
def test_meta_chunks_that_a_cut_takes_are_counted(corpus_file: Path, tmp_path: Path) -> None:
    """As the paper lays rows out, some lack their last meta-chunks: the rows show it. Evenly filled rows lack none."""
    shared = {"choice": "nested"}
    layout = {"fill": "reference", "adjustment": 1.3}
    reference = tiny_recipe(name="reference", interleave=layout, meta_documents=shared)
    even_rows = tiny_recipe(meta_documents=shared)
    report = build(make_request(corpus_file, reference, even_rows, rows=40), tmp_path / "dataset")
    sizes = [chunking.cut(text, reference.chunking) for text in read_texts(corpus_file).values()]
    chunks = {name: len(own) for name, own in zip(read_texts(corpus_file), sizes, strict=True)}
    ends = {name: own[-1].end - own[-1].start for name, own in zip(read_texts(corpus_file), sizes, strict=True)}
    lacking = []
    for row in read_rows(tmp_path / "dataset", "reference"):
        metas = [segment for segment in row["segments"] if segment["role"] == "meta"]
        name = row["meta_document"]
        is_whole = len(metas) < chunks[name] or metas[-1]["end"] - metas[-1]["start"] == ends[name]
        lacking.append(chunks[name] - len(metas) + (not is_whole))
    found = report.manifest.configs["reference"].synthesis
    assert found is not None
    assert found.selection is not None
    assert found.kept == report.manifest.configs["reference"].rows
    assert (found.selection.cut_samples, found.selection.cut_meta_chunks) == (sum(map(bool, lacking)), sum(lacking))
    assert found.selection.cut_samples > 3
    even = record(report).selection
    assert even is not None
    assert (even.cut_samples, even.cut_meta_chunks, even.passed_over, even.relaxed) == (0, 0, {}, 0)
    card = (tmp_path / "dataset" / "README.md").read_text()
    assert f"`reference` {found.selection.cut_samples} of {found.kept} samples lack" in card


@pytest.mark.slow
@pytest.mark.parametrize("guard", ["shingles", "tokens"])
def test_the_guard_passes_over_and_relaxes_whatever_the_units(guard: str, tmp_path: Path) -> None:
    """In a corpus with every paragraph twice rows repeat less, no unit changes a row, and all left out is counted."""
    texts = [document.text.split("\n") for document in make_documents(30, seed=4)]
    again = [Document(id=f"a{n}", text="\n".join(reversed(own)), source="w") for n, own in enumerate(texts)]
    corpus = write_corpus(tmp_path / "corpus.jsonl", [*make_documents(30, seed=4), *again])
    made = {}
    for name, choice, unit_documents in (("off", "off", 2), ("on", guard, 2), ("units", guard, 7)):
        recipe = tiny_recipe(
            chunking={"chunk_characters": 128},
            negatives={"guard": choice, "first_rank": 2},
            output={"unit_documents": unit_documents},
        )
        report = build(make_request(corpus, recipe, rows=40), tmp_path / name)
        made[name] = report.manifest.configs["tiny"]
    assert read_rows(tmp_path / "on") == read_rows(tmp_path / "units") != read_rows(tmp_path / "off")
    assert made["on"].repeats == made["units"].repeats
    assert made["on"].repeats[0].near < made["off"].repeats[0].near
    assert made["on"].rows == made["off"].rows
    selection = made["on"].synthesis and made["on"].synthesis.selection
    assert selection is not None
    reason = {"shingles": "like_another_negative", "tokens": "repeats_the_row"}[guard]
    assert selection.passed_over.keys() == {"ranked_too_high", reason}
    assert all(rank != 1 for row in read_rows(tmp_path / "on") for rank in [s["rank"] for s in row["segments"]])
    assert verify(tmp_path / "on", sources=make_request(corpus).sources, tokenizer="demo").faults == ()


@pytest.mark.slow
def test_a_row_that_cannot_be_cut_gets_other_negatives(tmp_path: Path) -> None:
    """A cut that would fall into a blank line has no exact prefix; another last negative is taken instead."""
    recipe = tiny_recipe(
        interleave={"separator": "\n\n\n"}, chunking={"chunk_characters": 120, "minimum_characters": 0}
    )
    corpus = write_corpus(tmp_path / "corpus.jsonl", make_documents(40, seed=8))
    report = build(make_request(corpus, recipe, rows=30), tmp_path / "dataset")
    assert record(report).discarded.get("no_exact_cut", 0) == 0
    assert {row["token_count"] for row in read_rows(tmp_path / "dataset")} == {512}


@pytest.mark.slow
def test_a_tokenizer_that_changed_is_never_taken_for_the_old_one(corpus_file: Path, tmp_path: Path) -> None:
    """In one process, two builds with a tokenizer folder that changed in between each use what lies there then."""
    folder = Path(shutil.copytree(GPT2, tmp_path / "tokenizer"))
    request = make_request(corpus_file)
    request = BuildRequest(recipes=request.recipes, sources=request.sources, tokenizer=str(folder), rows=request.rows)
    build(request, tmp_path / "first")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["merges"] = content["model"]["merges"][:2000]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    build(request, tmp_path / "second")
    assert verify(tmp_path / "second", sources=request.sources, tokenizer=str(folder)).faults == ()
    assert read_rows(tmp_path / "first") != read_rows(tmp_path / "second")


@pytest.mark.slow
def test_a_tokenizer_that_changes_during_a_build_stops_it(tmp_path: Path) -> None:
    """A worker that finds another tokenizer than the driver had refuses to count with it."""
    task = FitUnit(
        key="unit-00000",
        output=tmp_path / "unit.parquet",
        store=store_of(make_request(write_world(tmp_path)), tmp_path).folder,
        start=0,
        stop=1,
        recipe=tiny_recipe(fit={"truncate": True, "discard": True}),
        tokenizer=TokenizerReference(location="demo", digest="0123456789ab"),
        special_tokens=SpecialTokens(),
    )
    with pytest.raises(DataError, match="had the digest 0123456789ab when this run started"):
        perform(task)
    assert not task.output.exists()


def write_world(folder: Path) -> Path:
    """A corpus of twelve documents."""
    return write_corpus(folder / "corpus.jsonl", make_documents(12))


def store_of(request: BuildRequest, folder: Path) -> ChunkStore:
    """The chunk store of a finished build."""
    build(BuildRequest(recipes=request.recipes, sources=request.sources, tokenizer="demo"), folder / "made")
    return ChunkStore(next((folder / "made" / ".work").glob("store-*")))


@pytest.mark.slow
def test_a_store_that_was_mended_is_opened_again(corpus_file: Path, tmp_path: Path) -> None:
    """Damaged and mended between two builds of one process, the chunk store is not read from its old mapped files."""
    build(make_request(corpus_file, rows=2), tmp_path / "dataset")
    offsets = next((tmp_path / "dataset").glob(".work/store-*/part-00000/chunk_offsets.npy"))
    content = bytearray(offsets.read_bytes())
    content[128 + 8 * 50] ^= 4
    with offsets.open("r+b") as handle:  # the same file, as a failing disk would have it
        handle.write(content)
    build(make_request(corpus_file, rows=8), tmp_path / "dataset")
    assert verify(tmp_path / "dataset", sources=make_request(corpus_file).sources, tokenizer="demo").faults == ()


def test_answers_hold_no_text(built: Path) -> None:
    """Between retrieval and assembly only chunk numbers and scores travel, one list for each meta-chunk."""
    for file in built.glob(".work/units-*/*.answers.arrow"):
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        assert table.schema.names == ["chunks", "scores", "likely", "own_rank"]
        assert [table.schema.field(name).type for name in ("chunks", "likely")] == [pa.list_(pa.int64()), pa.int32()]
        found = map(len, table["chunks"].to_pylist())
        assert all(1 <= rank <= hits + 1 for rank, hits in zip(table["own_rank"].to_pylist(), found, strict=True))
        assert table.num_rows > 2
        for chunks, scores in zip(table["chunks"].to_pylist(), table["scores"].to_pylist(), strict=True):
            order = sorted(zip([-score for score in scores], chunks, strict=True))
            assert [chunk for _, chunk in order] == chunks
            assert len(set(chunks)) == len(chunks) > 0


def test_receipts_are_small_and_tell_what_was_done(built: Path) -> None:
    """Below one kilobyte each; the candidates of all units add up to those of the manifest."""
    receipts = [json.loads(path.read_bytes())["value"] for path in built.glob(".work/receipts-*/*/*.json")]
    assert all(path.stat().st_size < 1024 for path in built.glob(".work/receipts-*/*/*.json"))
    made = [receipt["counts"] for receipt in receipts if receipt["stage"] == "synthesise"]
    assert sum(counts["kept"] for counts in made) == 8
    manifest = json.loads((built / "manifest.json").read_bytes())
    assert sum(counts["candidates"] for counts in made) == manifest["configs"]["tiny"]["synthesis"]["candidates"]


@pytest.mark.slow
def test_a_dataset_in_memory_is_a_corpus(
    corpus_file: Path, built: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """A `datasets.Dataset` gives the rows that its file gives, also with workers, which cannot see it."""
    from datasets import Dataset

    from nextlong_hub.corpus import memory_source

    texts = read_texts(corpus_file)
    dataset = Dataset.from_dict({"id": list(texts), "text": list(texts.values())})
    recipe = tiny_recipe()
    request = BuildRequest(
        recipes=(recipe,), sources=(memory_source(dataset, "corpus"),), tokenizer="demo", rows={"tiny": 8}
    )
    build(request, tmp_path / "dataset", executor=two_workers)
    assert read_rows(tmp_path / "dataset") == read_rows(built)
    before = published(tmp_path / "dataset")
    assert build(request, tmp_path / "dataset").unchanged
    assert published(tmp_path / "dataset") == before
    assert verify(tmp_path / "dataset", sources=request.sources, tokenizer="demo").faults == ()


def test_ingest_counts_what_it_reads(corpus_file: Path, tmp_path: Path) -> None:
    """One piece becomes one part of the store: documents, chunks, characters and bytes of the original texts."""
    from nextlong_hub.corpus import discover

    [piece] = discover([SourceSettings(name="corpus", path=str(corpus_file))])
    task = IngestPiece.of(tmp_path, tiny_recipe().reading, piece, 0)
    [receipt] = InlineExecutor().run([task])
    texts = read_texts(corpus_file).values()
    assert receipt.counts.part.documents == len(texts)
    assert receipt.counts.part.characters == sum(map(len, texts))
    assert receipt.counts.part.bytes == sum(len(text.encode()) for text in texts)
    assert receipt.counts.skipped == {}
    assert (tmp_path / "part-00000" / "text.bin").read_bytes() == "".join(texts).encode()
