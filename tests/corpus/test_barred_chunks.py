"""Chunks that a filter bars: found by the words in them, kept in the store, and in no row."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import build_command, make_request, read_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from small_stores import spans

from nextlong_hub.cli import run
from nextlong_hub.core.words import word_digests, words_of
from nextlong_hub.corpus.benchmark_runs import BenchmarkRuns, BenchmarkText, RunRules
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.ingest import IngestPiece, store_identity
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore, SourceCounts, finish_store
from nextlong_hub.corpus.texts import CorpusTexts
from nextlong_hub.dataset.manifest import read_manifest, write_manifest
from nextlong_hub.method.chunking import cut
from nextlong_hub.pipeline import build
from nextlong_hub.producer import CandidatePool
from nextlong_hub.proof import parse_amount
from nextlong_hub.records import ChunkSpan, Document
from nextlong_hub.synthesis.sampling import answer_length, choose_candidates
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

RUN = "One day the old cafe closed its doors and nobody in town ever knew why"
PAIRS = RunRules(words=2, distinct=2)


def runs_of(text: str, rules: RunRules = PAIRS) -> BenchmarkRuns:
    """The runs of one text."""
    return BenchmarkRuns([BenchmarkText(item="0", text=text)], rules)


def test_a_chunk_is_barred_for_any_word_of_the_run() -> None:
    """Of four chunks the second ends with the first word of the pair, and the third begins with its second one."""
    chunks = ["a b c ", "d e ", "f g ", "h i"]
    assert runs_of("E F").chunks_with("".join(chunks), spans(chunks)) == {1, 2}
    assert runs_of("h i").chunks_with("".join(chunks), spans(chunks)) == {3}
    assert runs_of("e g").chunks_with("".join(chunks), spans(chunks)) == frozenset()


def test_a_border_within_a_word_hides_no_run() -> None:
    """A word that is cut belongs to the chunk that it starts in, and does not move those behind it."""
    chunks = ["one two thr", "ee four fi", "ve six seven"]
    text = "".join(chunks)
    assert runs_of("two three").chunks_with(text, spans(chunks)) == {0}
    assert runs_of("three four").chunks_with(text, spans(chunks)) == {0, 1}
    assert runs_of("six seven").chunks_with(text, spans(chunks)) == {2}


def test_what_chunks_leave_out_moves_nothing() -> None:
    """The newline between two chunks of the reference chunker is in neither."""
    text = "a b\nc d\ne f"
    assert runs_of("c d").chunks_with(text, [ChunkSpan(0, 3), ChunkSpan(4, 7), ChunkSpan(8, 11)]) == {1}


def test_a_border_before_a_combining_mark_cuts_no_word_off() -> None:
    """An accent that is a chunk of its own belongs to the word in front of it, and no chunk is left out of the run."""
    chunks = ["a", "\u0301", "a-", "a"]
    assert runs_of("\u00e1a a", RunRules(words=2, distinct=1)).chunks_with("".join(chunks), spans(chunks)) == {
        0,
        1,
        2,
        3,
    }


@settings(deadline=None)
@given(
    st.lists(st.text("ab \u00e9e\u0301\u00bd\u6f22\ufb03-", min_size=1, max_size=12), min_size=1, max_size=6), st.data()
)
def test_the_barred_chunks_are_those_that_the_words_start_in(chunks: list[str], data: st.DataObject) -> None:
    """Whatever is normalised, composed or cut: the same as counting the words in front of every border."""
    text = "".join(chunks)
    words = words_of(text)
    if len(words) < 2:
        return
    start = data.draw(st.integers(0, len(words) - 2))
    rules = RunRules(words=2, distinct=1)
    runs = runs_of(" ".join(words[start : start + 2]), rules)
    before = [len(word_digests(text[: span.start])) for span in spans(chunks)]
    own = [max(n for n, count in enumerate(before) if count <= word) for word in (start, start + 1)]
    if runs.shared_with(text) is not None:
        assert set(range(own[0], own[1] + 1)) <= runs.chunks_with(text, spans(chunks))


def test_a_record_is_barred_whole() -> None:
    """A string of a JSON object has no place in its text."""
    text = json.dumps({"a": RUN, "b": "x" * 300})
    chunks = [ChunkSpan(0, 100), ChunkSpan(100, len(text))]
    assert runs_of(RUN).chunks_with(text, chunks) == {0, 1}
    assert runs_of("not there").chunks_with(text, chunks) == frozenset()


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A benchmark of one row."""
    path = tmp_path / "bench.jsonl"
    path.write_text(json.dumps({"question": RUN}), "utf-8")
    return path


def settings_of(bench: Path, action: str = "bar") -> dict[str, Any]:
    """The filters of a recipe that decontaminates."""
    return {"decontaminate": {"against": [str(bench)], "action": action}}


def world() -> list[Document]:
    """Documents of which two hold the run behind their text, and one holds nothing else."""
    documents = make_documents(40)
    copied = [
        replace(one, text=f"{one.text}\n{RUN}.") if number in (3, 4) else one for number, one in enumerate(documents)
    ]
    return [*copied, replace(documents[0], id="only", text=RUN)]


def ingest(folder: Path, documents: list[Document], filters: dict[str, Any]) -> ChunkStore:
    """The store of some documents, read as the tiny recipe says."""
    from nextlong_hub.corpus import discover

    path = write_corpus(folder / "world.jsonl", documents)
    [piece] = discover([SourceSettings(name="world", path=str(path))])
    reading = tiny_recipe(filters=filters).reading
    counts = IngestPiece.of(folder / "store", reading, piece, 0).run()
    assert counts.skipped == {"contaminated": 1}
    source = SourceCounts(name="world", documents=counts.part.documents, characters=1, barred=counts.barred)
    return finish_store(folder / "store", [counts.part], "0123456789ab", counts.skipped, [source])


def test_the_store_knows_the_chunks(tmp_path: Path, bench: Path) -> None:
    """Those with the run, by hand; the document that has no other chunk is left out, the others are not extended."""
    documents = world()
    store = ingest(tmp_path, documents, settings_of(bench))
    expected = []
    for number, document in enumerate(documents[:40]):
        chunks = cut(document.text, tiny_recipe().chunking)
        expected += [(document.id, n) for n, one in enumerate(chunks) if "cafe" in document.text[one.start : one.end]]
        assert store.document(number)[0] == document.id
    assert len(expected) == 2
    assert store.summary.barred == {"contaminated": 2}
    assert store.barred_documents.tolist() == [3, 4]
    assert CorpusTexts(store).barred([("d000", 0), *expected, ("d003", 0)]) == expected
    pool = CandidatePool(
        store=store, sources=[SourceSettings(name="world", path="x")], characters_per_token=100.0, seed=1
    )
    chosen = choose_candidates(tiny_recipe(), pool)
    assert not {3, 4} & set(chosen.order.tolist())
    assert chosen.not_eligible["barred"] == 2
    assert answer_length(store, tiny_recipe(), 4.0) <= store.chunks


def test_without_barred_chunks_nothing_is_written(tmp_path: Path, bench: Path) -> None:
    """A store has the files that it always had, and a dropped document leaves none of its chunks."""
    documents = make_documents(5)
    dropped = ingest(tmp_path, [*documents, replace(documents[0], id="x", text=RUN)], settings_of(bench, "drop"))
    assert dropped.barred_chunks.tolist() == dropped.barred_documents.tolist() == []
    assert not list(dropped.folder.rglob("barred*"))
    assert dropped.documents == 5


def test_dropping_and_barring_are_two_stores(bench: Path) -> None:
    """What becomes of a hit is part of the identity of the store."""
    recipes = [tiny_recipe(filters=settings_of(bench, action)) for action in ("drop", "bar")]
    assert len({store_identity("digest", ["here"], recipe.reading) for recipe in recipes}) == 2


def test_only_one_of_the_two_answers(bench: Path) -> None:
    """`drop` rejects and bars nothing, `bar` rejects nothing."""
    document = Document(id="x", text=f"{RUN}\nmore", source="s")
    chunks = [ChunkSpan(0, len(RUN) + 1), ChunkSpan(len(RUN) + 1, len(document.text))]
    drop, bar = (open_filters(settings_of(bench, action)) for action in ("drop", "bar"))
    assert (drop.reject(document), bar.reject(document)) == ("contaminated", None)
    assert drop.bar(document, chunks).reasons == {}
    barred = bar.bar(document, chunks)
    assert barred.reasons == {0: "contaminated"}
    assert [(one.document, one.item) for one in barred.examples] == [("x", "bench/1")]


@pytest.mark.slow
def test_no_row_holds_a_barred_chunk(tmp_path: Path, bench: Path) -> None:
    """Rows, manifest and card of any number of workers; all that was barred is counted, and verify finds none."""
    corpus = write_corpus(tmp_path / "world.jsonl", world())
    files = []
    for workers in (1, 2):
        output = tmp_path / str(workers)
        more = ("--decontaminate", str(bench), "--contaminated", "bar")
        assert run(build_command(corpus, output, tmp_path / "tiny.toml", *more, workers=workers)) == 0
        files.append((output / "manifest.json").read_bytes())
    assert files[0] == files[1]
    rows = read_rows(output)
    assert not any("cafe" in row["text"] for row in rows)
    manifest = read_manifest(output)
    assert manifest is not None
    assert manifest.corpus.skipped == manifest.corpus.barred | {"contaminated": 1} == {"contaminated": 1}
    assert (manifest.corpus.barred, manifest.corpus.barred_documents) == ({"contaminated": 2}, 2)
    assert manifest.corpus.sources[0].reading.evidence.items == {"bench/1": 3}
    outcome = manifest.configs["tiny"].synthesis
    assert outcome is not None and outcome.not_eligible["barred"] == 2
    card = (output / "README.md").read_text("utf-8")
    assert "Barred from all rows: 2 chunks (contaminated), in 2 documents, which are not extended." in card
    sources = [SourceSettings(name="corpus", path=str(corpus))]
    report = verify(output, sources=sources, tokenizer="demo", benchmarks=[str(bench)], prove=parse_amount("all"))
    [proof] = report.proofs
    assert (report.faults, proof.proven) == ((), proof.of_rows)


@pytest.mark.slow
def test_verify_finds_a_barred_chunk(tmp_path: Path, bench: Path) -> None:
    """Rows that were made without the filter are not what a manifest with it says."""
    documents = make_documents(40)
    ubiquitous = [replace(one, text=f"{one.text}\n{RUN}.") for one in documents]
    corpus = write_corpus(tmp_path / "here.jsonl", ubiquitous)
    build(make_request(corpus, rows=2), tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    record = manifest.configs["tiny"]
    recipe = tiny_recipe(filters=settings_of(bench)).with_pinned_filters().public_values()
    changed = record.model_copy(update={"recipe": {**record.recipe, "filters": recipe["filters"]}})
    write_manifest(tmp_path / "out", manifest.model_copy(update={"configs": {"tiny": changed}}))
    sources = [SourceSettings(name="here", path=str(corpus))]
    faults = verify(tmp_path / "out", sources=sources, benchmarks=[str(bench)]).faults
    barred = [one for one in faults if "which a filter of its recipe bars" in one.message]
    held = sum(
        "cafe" in row["text"][s["start"] : s["end"]] for row in read_rows(tmp_path / "out") for s in row["segments"]
    )
    assert len(barred) >= held > 0
    assert all(one.place.startswith("data/tiny/") for one in barred)
