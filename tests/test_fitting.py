"""`fit`: existing long texts become rows of exactly the target length, and every text is accounted for."""

import json
import shutil
from pathlib import Path

import pytest
from building import make_request, plain_tokenizer, published, read_rows, read_texts

from nextlong_hub.errors import ConflictError, CorpusTooSmallError, DataError, RecipeError
from nextlong_hub.fitting import FitReport, config_name, fit
from nextlong_hub.recipe import SourceSettings
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, write_corpus
from nextlong_hub.verification import verify

TARGET = 200


@pytest.fixture(scope="module")
def long_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty texts of 100 to 400 tokens, one of exactly 200, one whose 200th token cannot be cut behind, one strange."""
    documents = make_documents(40, seed=5, paragraphs=(2, 7))
    exact = plain_tokenizer().decode(plain_tokenizer().encode(documents[39].text + documents[38].text).ids[:TARGET])
    emoji = "🙂" * 200
    strange = "<|endoftext|> \r\n\u2028日本語 " * 60
    more = [Document(id=name, text=text, source="x") for name, text in (("ex", exact), ("em", emoji), ("st", strange))]
    return write_corpus(tmp_path_factory.mktemp("long") / "corpus.jsonl", [*documents, *more])


def run(source: Path, output: Path, *, truncate: bool = True, discard: bool = True, **more: int) -> FitReport:
    """Fit to 200 tokens under the embedded tokenizer."""
    settings = SourceSettings(name="corpus", path=str(source))
    return fit(
        settings, tokenizer="demo", target_length=TARGET, truncate=truncate, discard=discard, output=output, **more
    )


def count_tokens(text: str) -> int:
    """Tokens of a text, without our code."""
    return len(plain_tokenizer().encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("truncate", [True, False])
@pytest.mark.parametrize("discard", [True, False])
def test_every_text_is_kept_cut_or_discarded_as_the_modes_say(
    truncate: bool, discard: bool, long_texts: Path, tmp_path: Path
) -> None:
    """Longer texts are cut or discarded, shorter ones discarded or kept, and the counts add up to all texts."""
    report = run(long_texts, tmp_path / "fitted", truncate=truncate, discard=discard)
    texts = read_texts(long_texts)
    tokens = {name: count_tokens(text) for name, text in texts.items()}
    rows = {row["meta_document"]: row for row in read_rows(tmp_path / "fitted", "200")}
    wanted = {
        name
        for name, count in tokens.items()
        if count == TARGET or (count > TARGET and truncate) or (count < TARGET and not discard)
    }
    assert list(rows) == [name for name in texts if name in wanted], "in the order of the corpus"
    for name, row in rows.items():
        length = min(tokens[name], TARGET)
        assert texts[name].startswith(row["text"])
        assert row["token_count"] == count_tokens(row["text"]) == length
        assert row["text"] == texts[name] or tokens[name] > TARGET
        assert row["input_ids"] == plain_tokenizer().encode(row["text"], add_special_tokens=False).ids
        [segment] = row["segments"]
        assert (segment["start"], segment["end"], segment["tokens"]) == (0, len(row["text"]), length)
    cut = [name for name in wanted if tokens[name] > TARGET]
    assert (report.read, report.kept, report.rows) == (len(texts), len(rows), len(rows))
    assert report.read == report.kept + sum(report.discarded.values())
    assert report.truncated == len(cut)
    assert report.truncated_tokens == sum(tokens[name] - TARGET for name in cut)
    assert report.tokens == sum(row["token_count"] for row in rows.values())
    source = SourceSettings(name="corpus", path=str(long_texts))
    assert verify(tmp_path / "fitted", sources=[source], tokenizer="demo").faults == ()


@pytest.mark.parametrize("discard", [True, False])
def test_reasons_for_discards_are_counted(discard: bool, long_texts: Path, tmp_path: Path) -> None:
    """What is over or below the target is counted under that name, and nothing else is."""
    report = run(long_texts, tmp_path / "fitted", truncate=False, discard=discard)
    tokens = [count_tokens(text) for text in read_texts(long_texts).values()]
    expected = {"below_target": sum(count < TARGET for count in tokens) * discard}
    expected["over_target"] = sum(count > TARGET for count in tokens)
    assert report.discarded == {reason: count for reason, count in expected.items() if count}


def test_fit_resumes_and_is_the_same_for_any_number_of_workers(long_texts: Path, tmp_path: Path) -> None:
    """One worker, two workers, a rerun, and a run whose second unit was lost give the same bytes."""
    run(long_texts, tmp_path / "one")
    once = published(tmp_path / "one")
    run(long_texts, tmp_path / "two", num_proc=2)
    assert published(tmp_path / "two") == once
    run(long_texts, tmp_path / "one")
    assert published(tmp_path / "one") == once
    [unit] = (tmp_path / "one").glob(".work/units-*/unit-00001.parquet")
    unit.unlink()
    (tmp_path / "one" / "manifest.json").unlink()
    run(long_texts, tmp_path / "one")
    assert published(tmp_path / "one") == once


def test_samples_are_the_first_rows(long_texts: Path, tmp_path: Path) -> None:
    """With a limit the first rows are written, and the texts behind them are not even looked at."""
    report = run(long_texts, tmp_path / "few", samples=5)
    run(long_texts, tmp_path / "all")
    assert read_rows(tmp_path / "few", "200") == read_rows(tmp_path / "all", "200")[:5]
    assert report.rows == 5 <= report.kept < len(read_rows(tmp_path / "all", "200"))


def test_other_modes_into_the_same_folder_are_refused(long_texts: Path, tmp_path: Path) -> None:
    """A folder fitted with truncation does not silently become one without."""
    run(long_texts, tmp_path / "fitted")
    with pytest.raises(ConflictError, match="recipe 200: "):
        run(long_texts, tmp_path / "fitted", truncate=False)


def test_fit_takes_what_build_has_made(dataset: Path, tmp_path: Path) -> None:
    """Rows of 512 tokens are fitted to 200: our own datasets are datasets of long texts too."""
    shards = Path(shutil.copytree(dataset / "data" / "tiny", tmp_path / "rows"))
    report = run(shards, tmp_path / "fitted")
    # One has a blank line where it would have to be cut: 199 tokens before its second newline, 201 with a letter more.
    assert (report.read, report.rows, report.truncated, report.discarded) == (8, 7, 7, {"no_exact_cut": 1})


def test_nothing_that_fits_is_an_error(tmp_path: Path) -> None:
    """When every text is too short the reason and the remedies are named."""
    corpus = write_corpus(tmp_path / "short.jsonl", make_documents(5, paragraphs=(1, 1)))
    with pytest.raises(CorpusTooSmallError, match=r"none of 5 texts became a row of 200 tokens \(5 below_target\)"):
        run(corpus, tmp_path / "fitted")


def test_bad_input_is_named(tmp_path: Path) -> None:
    """A wrong column and a target below one are refused, each in its own words."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"content": "text"}) + "\n")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 1: has no text .*'content'"):
        run(tmp_path / "rows.jsonl", tmp_path / "fitted")
    source = make_request(tmp_path / "rows.jsonl").sources[0]
    with pytest.raises(RecipeError, match="must be at least"):
        fit(source, tokenizer="demo", target_length=0, truncate=True, discard=True, output=tmp_path / "other")


def test_names_of_configurations() -> None:
    """Whole multiples of 1,024 tokens are called by it, as long contexts are."""
    assert [config_name(tokens) for tokens in (131_072, 65_536, 1024, 1000)] == ["128k", "64k", "1k", "1000"]
