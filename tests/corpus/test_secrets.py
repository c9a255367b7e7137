"""Secrets in a corpus: every one is masked, left out, kept or refused, as the recipe says, and counted."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from building import build_command, make_request, read_rows
from synthetic_secrets import make_secret

from nextlong_hub.cli import run
from nextlong_hub.corpus import discover
from nextlong_hub.corpus.ingest import IngestCounts, IngestPiece, store_identity
from nextlong_hub.corpus.secrets import OnSecret, SecretCounts, merged_secrets, scanned
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore, finish_store
from nextlong_hub.dataset.manifest import Manifest, read_manifest, write_manifest
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.documents.import_rows import ImportRequest
from nextlong_hub.dry_run.sample import sample_corpus
from nextlong_hub.errors import DataError, NextLongError, RecipeError
from nextlong_hub.facade import build as build_by_keywords
from nextlong_hub.facade import fit as fit_by_keywords
from nextlong_hub.pipeline import build, fit, import_rows
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

TOKEN = make_secret("hugging_face", 1)
[BODY] = TOKEN.secret
MASKED = TOKEN.text.replace(BODY, "*" * len(BODY))
KEY = make_secret("private_key", 3)


def world() -> list[Document]:
    """Documents of which one holds a token over the border of two chunks, and one a private key and a token."""
    documents = make_documents(40)
    border = 256 - len(TOKEN.text) // 2
    held = {
        3: documents[3].text[:border] + TOKEN.text + " " + documents[3].text[border:],
        4: f"{documents[4].text}\n{KEY.text}\n{TOKEN.text}",
    }
    return [replace(one, text=held.get(number, one.text)) for number, one in enumerate(documents)]


def ingest(folder: Path, documents: list[Document], on_secret: OnSecret) -> tuple[IngestCounts, Mapping[str, str]]:
    """What one piece gives, and the texts of its documents put together from their chunks."""
    path = write_corpus(folder / "world.jsonl", documents)
    [piece] = discover([SourceSettings(name="world", path=str(path))])
    counts = IngestPiece.of(folder / "store", tiny_recipe(on_secret=on_secret).reading, piece, 0).run()
    store: ChunkStore = finish_store(folder / "store", [counts.part], "0123456789ab", counts.skipped)
    texts = store.texts(store.first_chunk[0] + range(store.chunks))
    return counts, {
        store.document(number)[0]: "".join(
            texts[chunk] for chunk in range(int(store.first_chunk[number]), int(store.first_chunk[number + 1]))
        )
        for number in range(store.documents)
    }


def test_masked_texts_are_as_long_as_they_were(tmp_path: Path) -> None:
    """Only what is secret changes, also where a chunk ends within it."""
    counts, texts = ingest(tmp_path, world(), "mask")
    assert counts.secrets == SecretCounts(kinds={"hugging_face": 2, "private_key": 1}, documents=2)
    assert counts.skipped == {}
    for document in world():
        text = texts[document.id]
        assert len(text) == len(document.text)
        assert all(new in (old, "*") for new, old in zip(text, document.text, strict=True))
        assert not any(part in text for part in (BODY, *KEY.secret))
    assert texts["d003"] == world()[3].text.replace(TOKEN.text, MASKED)


def test_documents_with_secrets_are_left_out(tmp_path: Path) -> None:
    """With `drop`, counted by the reason, and their secrets by kind."""
    counts, texts = ingest(tmp_path, world(), "drop")
    assert texts == {one.id: one.text for one in world() if one.id not in ("d003", "d004")}
    assert counts.skipped == {"secret": 2}
    assert counts.secrets == SecretCounts(kinds={"hugging_face": 2, "private_key": 1}, documents=2)


def test_kept_secrets_are_counted(tmp_path: Path) -> None:
    """With `keep` the texts are what was read."""
    counts, texts = ingest(tmp_path, world(), "keep")
    assert texts == {one.id: one.text for one in world()}
    assert counts.secrets.documents == 2


def test_a_secret_is_an_error_that_does_not_repeat_it(tmp_path: Path) -> None:
    """With `fail`: the file, the document, the kind and the place are named, and what to do."""
    with pytest.raises(DataError) as told:
        ingest(tmp_path, world(), "fail")
    place = 256 - len(TOKEN.text) // 2 + len(TOKEN.text) - len(BODY)
    assert "world.jsonl, document 'd003', holds a secret (Hugging Face token, at character" in str(told.value)
    assert f"character {place})" in str(told.value)
    assert BODY not in str(told.value)


def test_ids_and_sources_hold_no_secret_either() -> None:
    """Every row repeats them: a URL with its key is an id in many a corpus."""
    document = Document(id=f"https://example.org/?key={TOKEN.text}", text="nothing here", source=TOKEN.text)
    scan = scanned(document, "mask", "x.jsonl")
    assert (scan.document.id, scan.document.source) == (f"https://example.org/?key={MASKED}", MASKED)
    assert scan.kinds == {"hugging_face": 2}
    with pytest.raises(DataError, match="of its id") as told:
        scanned(document, "fail", "x.jsonl")
    assert BODY not in str(told.value)


def test_documents_that_are_left_out_for_another_reason_hold_no_secret_that_counts(tmp_path: Path) -> None:
    """What is counted was in documents that are there, or that are not there because of it."""
    path = write_corpus(tmp_path / "world.jsonl", [world()[3], world()[3]])
    [piece] = discover([SourceSettings(name="world", path=str(path))])
    reading = tiny_recipe(on_bad_document="skip").reading
    counts = IngestPiece.of(tmp_path / "store", reading, piece, 0).run()
    assert (counts.skipped, counts.secrets.documents) == ({"duplicate_id": 1}, 1)


def test_what_becomes_of_secrets_is_part_of_what_a_store_is_made_from() -> None:
    """Another choice reads the corpus anew."""
    ways: tuple[OnSecret, ...] = ("mask", "drop", "keep", "fail")
    assert len({store_identity("digest", ["here"], tiny_recipe(on_secret=way).reading) for way in ways}) == 4
    assert tiny_recipe().on_secret == "mask"


def test_counts_add_up() -> None:
    """By kind, in the order of their names."""
    one, two = SecretCounts(kinds={"npm": 1}, documents=1), SecretCounts(kinds={"aws": 2, "npm": 1}, documents=2)
    assert merged_secrets([one, two]) == SecretCounts(kinds={"aws": 2, "npm": 2}, documents=3)
    assert merged_secrets([]) == SecretCounts()


def test_a_sample_shows_secrets_before_anything_is_built(tmp_path: Path) -> None:
    """A dry run counts those that it meets once each, leaves out what is dropped, and stops where the build would."""
    path = write_corpus(tmp_path / "world.jsonl", world())
    pieces = discover([SourceSettings(name="world", path=str(path))])
    sample = sample_corpus(pieces, "fail")
    assert sample.secrets == SecretCounts(kinds={"hugging_face": 2, "private_key": 1}, documents=2)
    assert not any(BODY in text for text in sample.texts)
    assert len(sample_corpus(pieces, "fail", on_secret="drop").texts) == len(sample.texts) - 2
    with pytest.raises(DataError, match="holds a secret"):
        sample_corpus(pieces, "fail", on_secret="fail")


@pytest.mark.slow
def test_a_fitted_or_imported_text_is_masked_too(tmp_path: Path) -> None:
    """Unless it is to be kept; the manifest says what was found and what became of it."""
    source = SourceSettings(name="world", path=str(write_corpus(tmp_path / "world.jsonl", world())))
    wanted = FitRequest(source=source, tokenizer="demo", target_length=64, modes=frozenset({"truncate"}))
    masked = fit(wanted, tmp_path / "masked").manifest
    kept = fit(replace(wanted, on_secret="keep"), tmp_path / "kept").manifest
    imported = import_rows(ImportRequest(source=source, tokenizer="demo"), tmp_path / "imported").manifest
    for manifest in (masked, kept, imported):
        assert manifest.corpus.secrets is not None
        assert manifest.corpus.secrets.kinds == {"hugging_face": 2, "private_key": 1}
        assert manifest.corpus.sources[0].reading.secrets == manifest.corpus.secrets
    assert not any(BODY in row["text"] for row in read_rows(tmp_path / "imported", "imported"))
    assert [one.configs["64"].recipe["on_secret"] for one in (masked, kept)] == ["mask", "keep"]
    cards = [(tmp_path / name / "README.md").read_text("utf-8") for name in ("masked", "kept", "imported")]
    found = "Found 3 secrets in 2 documents (2 Hugging Face tokens, 1 private key): "
    assert [
        f"{found}{fate}." in card
        for fate, card in zip(
            ("masked, an asterisk for each character", "kept as they are", "masked, an asterisk for each character"),
            cards,
            strict=True,
        )
    ] == [True] * 3
    assert ["--on-secret keep" in card for card in cards] == [False, True, False]
    assert ["may be in the rows" in card for card in cards] == [False, True, False]


@pytest.mark.slow
def test_rows_that_are_kept_token_for_token_are_counted_and_never_masked(tmp_path: Path) -> None:
    """MDS shards: secrets in them are told, or refused; to mask one would change tokens."""
    source = SourceSettings(name="world", path=str(write_corpus(tmp_path / "world.jsonl", world())))
    fit(
        FitRequest(
            source=source, tokenizer="demo", target_length=2048, modes=frozenset({"truncate"}), on_secret="keep"
        ),
        tmp_path / "kept",
    )
    assert run(["export", str(tmp_path / "kept"), "mds", "--output", str(tmp_path / "mds")]) == 0
    shards = ImportRequest(source=SourceSettings(name="mds", path=str(tmp_path / "mds")), tokenizer="demo")
    manifest = import_rows(shards, tmp_path / "imported").manifest
    assert manifest.corpus.secrets is not None
    assert manifest.corpus.secrets.kinds == {"hugging_face": 2, "private_key": 1}
    assert manifest.configs["imported"].recipe["on_secret"] == "keep"
    assert "--on-secret" not in (tmp_path / "imported" / "README.md").read_text("utf-8")
    with pytest.raises(RecipeError, match="kept token for token, so that on_secret='mask' can change none"):
        import_rows(replace(shards, on_secret="mask"), tmp_path / "other")
    with pytest.raises(DataError, match="holds a secret"):
        import_rows(replace(shards, on_secret="fail"), tmp_path / "other")


@pytest.mark.slow
def test_python_callers_choose_as_the_command_line_does(tmp_path: Path) -> None:
    """`on_secret` is a keyword everywhere, and another word is refused with those that there are."""
    rows = [{"id": one.id, "text": one.text} for one in world()]
    fitted = fit_by_keywords(
        rows, tokenizer="demo", target=64, mode="truncate", output=tmp_path / "fit", on_secret="drop"
    )
    assert fitted.report.skipped == {"secret": 2}
    with pytest.raises(RecipeError, match="on_secret= is 'hide'; give one of mask, drop, keep, fail"):
        fit_by_keywords(rows, tokenizer="demo", target=64, output=tmp_path / "x", on_secret="hide")  # type: ignore[arg-type]
    with pytest.raises(NextLongError, match="on_secret"):
        build_by_keywords("64k", corpus=rows, tokenizer="demo", output=tmp_path / "y", on_secret="hide")


@pytest.mark.slow
def test_no_row_holds_a_secret_and_verify_reads_the_corpus_as_it_was_read(tmp_path: Path) -> None:
    """Rows, manifest, card and summary; the corpus, which still has the secrets, gives the rows again."""
    corpus = write_corpus(tmp_path / "world.jsonl", world())
    output = tmp_path / "out"
    assert run(build_command(corpus, output, tmp_path / "tiny.toml")) == 0
    manifest = read_manifest(output)
    assert manifest is not None
    assert manifest.configs["tiny"].recipe["on_secret"] == "mask"
    published = [path for path in output.rglob("*") if path.is_file() and ".work" not in path.parts]
    texts = [str(pq.read_table(path).to_pylist()) for path in published if path.suffix == ".parquet"]
    texts += [path.read_bytes().decode("latin-1") for path in published]
    assert not any(part in text for text in texts for part in (BODY, *KEY.secret))
    assert any("*" * len(BODY) in text for text in texts)
    sources = [SourceSettings(name="corpus", path=str(corpus))]
    report = verify(output, sources=sources, tokenizer="demo")
    assert (report.faults, report.remarks) == ((), ())
    content = json.loads((output / "manifest.json").read_text())
    del content["digest"]
    content["corpus"]["sources"][0]["reading"]["secrets"]["rules"] = 0
    write_manifest(output, Manifest.model_validate_json(json.dumps(content)))
    report = verify(output, sources=sources)
    assert "secrets were looked for by the rules of another version" in report.remarks[0]


@pytest.mark.slow
def test_without_a_secret_nothing_changes(tmp_path: Path) -> None:
    """The rows of a corpus that has none are the same bytes whatever would have become of them."""
    corpus = write_corpus(tmp_path / "world.jsonl", make_documents(40))
    digests = []
    for way in ("mask", "keep"):
        report = build(make_request(corpus, tiny_recipe(on_secret=way)), tmp_path / way)
        assert report.manifest.corpus.secrets is not None
        assert report.manifest.corpus.secrets.kinds == {}
        digests.append([file.sha256 for file in report.manifest.files])
    assert digests[0] == digests[1]
    card = (tmp_path / "mask" / "README.md").read_text("utf-8")
    assert "No access token and no private key was found in the documents that were read." in card
