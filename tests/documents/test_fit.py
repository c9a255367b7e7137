"""`fit`: existing long texts become rows of exactly the target length, and every text is accounted for."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from building import plain_tokenizer, published, read_rows, read_texts, run_command
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from nextlong_hub import cli
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.best_fit import unpack
from nextlong_hub.documents.fit import FitRequest, Mode
from nextlong_hub.documents.tasks import unit_ranges
from nextlong_hub.errors import ConflictError, CorpusTooSmallError, DataError, RecipeError
from nextlong_hub.execution.local import LocalExecutor
from nextlong_hub.pipeline import FitReport, fit
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, write_corpus
from nextlong_hub.verification import verify

TARGET = 200
PACKED = "200-packed"


@pytest.fixture(scope="module")
def long_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty texts of 100 to 400 tokens, one of exactly 200, one whose 200th token cannot be cut behind, one strange."""
    documents = make_documents(40, seed=5, paragraphs=(2, 7))
    exact = plain_tokenizer().decode(plain_tokenizer().encode(documents[39].text + documents[38].text).ids[:TARGET])
    emoji = "🙂" * 200
    strange = "<|endoftext|> \r\n\u2028日本語 " * 60
    more = [Document(id=name, text=text, source="x") for name, text in (("ex", exact), ("em", emoji), ("st", strange))]
    return write_corpus(tmp_path_factory.mktemp("long") / "corpus.jsonl", [*documents, *more])


def run(
    source: Path | str, output: Path, modes: str = "truncate,discard", target: int = TARGET, **more: Any
) -> FitReport:
    """Fit to 200 tokens under the embedded tokenizer."""
    settings = SourceSettings(name="corpus", path=str(source))
    executor = more.pop("executor", "inline")
    wanted = {"source": settings, "tokenizer": "demo", "target_length": target}
    request = FitRequest(modes=frozenset(modes.split(",")) - {""}, **wanted | more)
    return fit(request, output, executor=executor)


def is_sound(folder: Path, source: Path, tokenizer: str = "demo") -> bool:
    """Whether the folder proves itself against tokenizer and corpus."""
    return not verify(folder, sources=[SourceSettings(name="corpus", path=str(source))], tokenizer=tokenizer).faults


def count_tokens(text: str) -> int:
    """Tokens of a text, without our code."""
    return len(plain_tokenizer().encode(text, add_special_tokens=False).ids)


@pytest.mark.slow
@pytest.mark.parametrize("truncate", [True, False])
@pytest.mark.parametrize("discard", [True, False])
def test_every_text_is_kept_cut_or_discarded_as_the_modes_say(
    truncate: bool, discard: bool, long_texts: Path, tmp_path: Path
) -> None:
    """Longer texts are cut or discarded, shorter ones discarded or kept, and the counts add up to all texts."""
    report = run(long_texts, tmp_path / "fitted", "truncate," * truncate + "discard" * discard)
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
    assert is_sound(tmp_path / "fitted", long_texts)


@pytest.mark.parametrize("discard", [True, False])
def test_reasons_for_discards_are_counted(discard: bool, long_texts: Path, tmp_path: Path) -> None:
    """What is over or below the target is counted under that name, and nothing else is."""
    report = run(long_texts, tmp_path / "fitted", "discard" * discard)
    tokens = [count_tokens(text) for text in read_texts(long_texts).values()]
    expected = {"below_target": sum(count < TARGET for count in tokens) * discard}
    expected["over_target"] = sum(count > TARGET for count in tokens)
    assert report.discarded == {reason: count for reason, count in expected.items() if count}


@pytest.fixture(scope="module")
def many_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many texts that they make two units, most of them short, some longer than 200 tokens."""
    documents = make_documents(1300, seed=3, paragraphs=(1, 1))
    longer = make_documents(20, seed=4, paragraphs=(5, 9))
    named = [Document(id=f"{place:04}", text=one.text, source="x") for place, one in enumerate([*longer, *documents])]
    return write_corpus(tmp_path_factory.mktemp("many") / "corpus.jsonl", named)


@pytest.mark.slow
@pytest.mark.parametrize("modes", ["truncate", "pack"])
def test_fit_resumes_and_is_the_same_for_any_number_of_workers(
    modes: str, many_texts: Path, two_workers: LocalExecutor, tmp_path: Path
) -> None:
    """One worker, two workers, a rerun, and a run whose second unit was lost give the same bytes."""
    run(many_texts, tmp_path / "one", modes)
    once = published(tmp_path / "one")
    run(many_texts, tmp_path / "two", modes, executor=two_workers)
    assert published(tmp_path / "two") == once
    run(many_texts, tmp_path / "one", modes)
    assert published(tmp_path / "one") == once
    [unit] = (tmp_path / "one").glob(".work/units-*/unit-00001.parquet")
    unit.unlink()
    (tmp_path / "one" / "manifest.json").unlink()
    run(many_texts, tmp_path / "one", modes)
    assert published(tmp_path / "one") == once


@pytest.mark.slow
@pytest.mark.parametrize(("modes", "config"), [("truncate", "200"), ("pack", PACKED)])
def test_samples_are_the_first_rows(modes: str, config: str, many_texts: Path, tmp_path: Path) -> None:
    """With a limit the first rows are written, and of texts that stand alone those behind them are not looked at."""
    report = run(many_texts, tmp_path / "few", modes, samples=5)
    everything = run(many_texts, tmp_path / "all", modes)
    assert read_rows(tmp_path / "few", config) == read_rows(tmp_path / "all", config)[:5]
    assert report.rows == 5
    assert report.read < everything.read == 1320 or modes == "pack"
    assert is_sound(tmp_path / "few", many_texts)


def test_other_modes_into_the_same_folder_are_refused(long_texts: Path, tmp_path: Path) -> None:
    """A folder fitted with truncation does not silently become one without."""
    run(long_texts, tmp_path / "fitted")
    with pytest.raises(ConflictError, match="recipe 200: "):
        run(long_texts, tmp_path / "fitted", "discard")


def test_fit_takes_what_build_has_made(dataset: Path, tmp_path: Path) -> None:
    """Rows of 512 tokens are fitted to 200: our own datasets are datasets of long texts too."""
    shards = Path(shutil.copytree(dataset / "data" / "tiny", tmp_path / "rows"))
    report = run(shards, tmp_path / "fitted")
    # One has a blank line where it would have to be cut: 199 tokens before its second newline, 201 with a letter more.
    assert (report.read, report.rows, report.truncated, report.discarded) == (8, 7, 7, {"no_exact_cut": 1})


@pytest.mark.slow
def test_a_dataset_folder_of_ours_is_a_source(dataset: Path, tmp_path: Path) -> None:
    """With one configuration the folder itself will do; its card and recipes are not taken for texts."""
    assert run(dataset, tmp_path / "folder").read == run(dataset / "data" / "tiny", tmp_path / "shards").read == 8
    assert read_rows(tmp_path / "folder", "200") == read_rows(tmp_path / "shards", "200")
    run(dataset / "data" / "tiny", tmp_path / "two")
    run(dataset / "data" / "tiny", tmp_path / "two", target=100)
    with pytest.raises(DataError, match=r"a dataset of 2 configurations; name one of 100, 200 with config="):
        run(tmp_path / "two", tmp_path / "out")
    with pytest.raises(DataError, match=r"has no configuration '300'; name one of 100, 200 with config="):
        run(f"{tmp_path / 'two'}:300", tmp_path / "out")
    assert run(f"{tmp_path / 'two'}:200", tmp_path / "out", target=100).read > 0


def test_packed_rows_are_no_texts(long_texts: Path, tmp_path: Path) -> None:
    """Fitting them again would let their documents see each other, so it is refused."""
    run(long_texts, tmp_path / "packed", "pack")
    with pytest.raises(DataError, match=r"holds packed rows.*take the texts that were packed"):
        run(tmp_path / "packed", tmp_path / "again", "truncate")


def test_nothing_that_fits_is_an_error(tmp_path: Path) -> None:
    """When every text is too short the reason and the remedies are named."""
    corpus = write_corpus(tmp_path / "short.jsonl", make_documents(5, paragraphs=(1, 1)))
    with pytest.raises(CorpusTooSmallError, match=r"none of 5 texts became a row of 200 tokens \(5 below_target\)"):
        run(corpus, tmp_path / "fitted")
    with pytest.raises(CorpusTooSmallError, match=r"\(5 over_target\); choose a longer target="):
        run(corpus, tmp_path / "packed", "pack,discard", target=10)


def test_bad_input_is_named(tmp_path: Path) -> None:
    """A wrong column, a target below one and modes that contradict each other are refused, each in its own words."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"content": "text"}) + "\n")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 1: has no text .*'content'"):
        run(tmp_path / "rows.jsonl", tmp_path / "fitted")
    with pytest.raises(RecipeError, match="must be at least 1 token"):
        run(tmp_path / "rows.jsonl", tmp_path / "other", target=0)
    with pytest.raises(RecipeError, match="pack with both truncate and discard says twice"):
        run(tmp_path / "rows.jsonl", tmp_path / "other", "pack,truncate,discard")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("tokens", "modes", "name"),
    [
        (131_072, {"truncate"}, "128k"),
        (65_536, {"pack"}, "64k-packed"),
        (1024, {"discard"}, "1k"),
        (1000, {"truncate"}, "1000"),
    ],
)
def test_names_of_configurations(tokens: int, modes: set[Mode], name: str) -> None:
    """Whole multiples of 1,024 tokens are called by it, as long contexts are; packed ones say so."""
    source = SourceSettings(name="corpus", path="texts")
    request = FitRequest(source=source, tokenizer="demo", target_length=tokens, modes=frozenset(modes))
    assert request.recipe.name == name


def test_units_are_bounded_by_documents_and_characters() -> None:
    """By hand: as many documents as fit, one that is too long alone, and every document once."""
    assert unit_ranges([5, 5, 5, 5], 9, 10) == [(0, 2), (2, 4)]
    assert unit_ranges([5, 50, 5, 5], 9, 10) == [(0, 1), (1, 2), (2, 4)]
    assert unit_ranges([1] * 5, 2, 10) == [(0, 2), (2, 4), (4, 5)]
    assert unit_ranges([], 2, 10) == []


def pieces_of(folder: Path, config: str = PACKED) -> dict[str, dict[int, dict[str, Any]]]:
    """The documents of packed rows by their text's name and offset; each row is checked to be what it says."""
    pieces: dict[str, dict[int, dict[str, Any]]] = {}
    for number, row in enumerate(read_rows(folder, config)):
        assert row["id"] == f"{config}/{number:06}"
        assert sum(row["seq_lengths"]) == row["token_count"] == len(row["input_ids"])
        assert "".join(piece["text"] for piece in unpack(row)) == row["text"]
        for piece in unpack(row):
            assert piece["offset"] not in pieces.setdefault(piece["meta_document"], {})
            pieces[piece["meta_document"]][piece["offset"]] = piece
    return pieces


def test_packed_texts_are_whole_or_split_into_full_pieces(long_texts: Path, tmp_path: Path) -> None:
    """Each piece encodes by itself to its tokens, the pieces of a text give it back, and no row is too long."""
    report = run(long_texts, tmp_path / "fitted", "pack")
    texts, rows, pieces = read_texts(long_texts), read_rows(tmp_path / "fitted", PACKED), pieces_of(tmp_path / "fitted")
    assert {name: "".join(own[offset]["text"] for offset in sorted(own)) for name, own in pieces.items()} == texts
    for name, own in pieces.items():
        for offset, piece in own.items():
            assert piece["input_ids"] == plain_tokenizer().encode(piece["text"], add_special_tokens=False).ids
            assert offset == max(own) or piece["token_count"] >= TARGET - 3, "only a text's last piece is not full"
            assert piece["id"] == f"{PACKED}/{name}" + f"@{offset}" * (offset > 0)
            [segment] = piece["segments"]
            assert (segment["start"], segment["end"]) == (0, len(piece["text"]))
    split = [name for name, text in texts.items() if count_tokens(text) > TARGET]
    assert (report.read, report.kept, report.truncated, report.split) == (len(texts), len(texts), 0, len(split))
    assert all(row["token_count"] <= TARGET for row in rows)
    assert report.discarded == {}
    assert report.packing is not None
    assert report.packing.documents == sum(map(len, pieces.values())) > len(rows) == report.rows
    assert report.packing.continued_documents == report.packing.documents - len(texts) > 0
    assert report.packing.fill == pytest.approx(report.tokens / (report.rows * TARGET), abs=1e-6)
    assert is_sound(tmp_path / "fitted", long_texts)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["truncate", "discard"])
def test_what_is_longer_than_a_packed_row_is_cut_or_left_out(mode: str, long_texts: Path, tmp_path: Path) -> None:
    """Shorter texts are all there, whole; longer ones are there up to a full row, or not at all, and are counted."""
    report = run(long_texts, tmp_path / "fitted", f"pack,{mode}")
    texts = read_texts(long_texts)
    tokens = {name: count_tokens(text) for name, text in texts.items()}
    longer = {name for name, count in tokens.items() if count > TARGET}
    pieces = pieces_of(tmp_path / "fitted")
    assert pieces.keys() == texts.keys() if mode == "truncate" else pieces.keys() == texts.keys() - longer
    assert all(own.keys() == {0} for own in pieces.values())
    assert all(pieces[name][0]["text"] == texts[name] for name in texts.keys() - longer)
    cut = {name: pieces[name][0] for name in longer & pieces.keys()}
    assert all(
        texts[name].startswith(piece["text"]) and piece["token_count"] >= TARGET - 3 for name, piece in cut.items()
    )
    assert report.truncated == len(cut)
    assert report.truncated_tokens == sum(tokens[name] - piece["token_count"] for name, piece in cut.items())
    assert report.discarded == ({} if mode == "truncate" else {"over_target": len(longer)})
    assert report.read == report.kept + sum(report.discarded.values()) == len(texts)
    assert is_sound(tmp_path / "fitted", long_texts)


def test_a_target_larger_than_the_corpus_packs_everything_into_one_row(many_texts: Path, tmp_path: Path) -> None:
    """Nothing is padded: the row is as long as its documents, in the order of the corpus."""
    report = run(many_texts, tmp_path / "fitted", "pack", target=1_000_000)
    [row] = read_rows(tmp_path / "fitted", "1000000-packed")
    assert [document["meta_document"] for document in row["documents"]] == list(read_texts(many_texts))
    assert report.tokens == row["token_count"] == sum(map(count_tokens, read_texts(many_texts).values()))


@pytest.mark.slow
@pytest.mark.parametrize(("bos", "eos"), [(True, False), (False, True), (True, True)])
def test_each_packed_document_stands_between_its_own_special_tokens(
    bos: bool, eos: bool, long_texts: Path, tmp_path: Path
) -> None:
    """They count in the target, begin and end every document, and are not in its text."""
    run(long_texts, tmp_path / "fitted", "pack", add_bos_token=bos, add_eos_token=eos)
    special = plain_tokenizer().token_to_id("<|endoftext|>")
    pieces = [piece for own in pieces_of(tmp_path / "fitted").values() for piece in own.values()]
    for piece in pieces:
        inner = plain_tokenizer().encode(piece["text"], add_special_tokens=False).ids
        assert piece["input_ids"] == [special] * bos + inner + [special] * eos
        assert piece["segments"][0]["tokens"] == len(inner)
    assert max(row["token_count"] for row in read_rows(tmp_path / "fitted", PACKED)) == TARGET
    assert is_sound(tmp_path / "fitted", long_texts)


@pytest.fixture
def forgetful_tokenizer(tmp_path: Path) -> str:
    """A tokenizer of words that leaves out every `z`; no token of its begins or ends a text."""
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "b": 2}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace("z", "")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    (tmp_path / "forgetful").mkdir()
    tokenizer.save(str(tmp_path / "forgetful" / "tokenizer.json"))
    return str(tmp_path / "forgetful")


@pytest.mark.parametrize("modes", ["pack", "truncate"])
def test_texts_without_a_token_are_counted(modes: str, forgetful_tokenizer: str, tmp_path: Path) -> None:
    """Blank texts are left out when the source is read, texts whose tokenizer leaves nothing of them when fitted."""
    texts = ["a b", "", " \n", "zz zz", "b", "z"]
    lines = "".join(json.dumps({"id": str(number), "text": text}) + "\n" for number, text in enumerate(texts))
    (tmp_path / "rows.jsonl").write_text(lines)
    report = run(tmp_path / "rows.jsonl", tmp_path / "fitted", modes, target=8, tokenizer=forgetful_tokenizer)
    assert (report.read, report.kept, report.discarded, report.skipped) == (4, 2, {"no_tokens": 2}, {"empty": 2})
    assert report.tokens == 3
    assert is_sound(tmp_path / "fitted", tmp_path / "rows.jsonl", forgetful_tokenizer)


def test_special_tokens_that_a_tokenizer_lacks_are_refused(
    forgetful_tokenizer: str, long_texts: Path, tmp_path: Path
) -> None:
    """Before anything is written; and so is a row that special tokens would fill."""
    with pytest.raises(RecipeError, match="has no bos_token"):
        run(long_texts, tmp_path / "fitted", "pack", tokenizer=forgetful_tokenizer, add_bos_token=True)
    assert not (tmp_path / "fitted").exists()


def test_a_bad_text_stops_a_fit_or_is_left_out(tmp_path: Path) -> None:
    """As a build does: named by file and line, or skipped and counted."""
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "text": "one text"}\n{"id": "2", "text": 7}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2"):
        run(tmp_path / "rows.jsonl", tmp_path / "fitted", "pack")
    report = run(tmp_path / "rows.jsonl", tmp_path / "skipped", "pack", on_bad_document="skip")
    assert (report.rows, report.skipped) == (1, {"wrong_type": 1})


@pytest.mark.slow
def test_packing_from_the_command_line(long_texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command packs, tells what became of every text, and what it wrote proves itself."""
    packed = str(tmp_path / "packed")
    command = ["fit", str(long_texts), "--tokenizer", "demo", "--target", "200", "--mode", "pack", "--output", packed]
    shown = run_command(*command, "--num-proc", "1", "--json")
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert (told["config"], told["read"], told["kept"]) == (PACKED, 43, 43)
    assert told["packing"] == told["manifest"]["configs"][PACKED]["packing"]
    assert "fit: " in shown.stderr, "a line of progress"
    assert cli.run([*command, "--num-proc", "1"]) == 0
    assert f"{told['packing']['fill']:.2%}" in capsys.readouterr().out
    assert cli.run(["verify", packed, "--tokenizer", "demo"]) == 0


def test_a_piece_is_looked_up_where_it_stood(long_texts: Path, tmp_path: Path) -> None:
    """With the corpus each piece is read again from its offset; one character changed late in a text is found."""
    run(long_texts, tmp_path / "fitted", "pack")
    name, text = max(read_texts(long_texts).items(), key=lambda item: count_tokens(item[1]))
    lines = long_texts.read_text(encoding="utf-8").split("\n")
    place = next(number for number, line in enumerate(lines) if json.loads(line)["id"] == name)
    lines[place] = json.dumps({"id": name, "text": f"{text[:-1]}#"})
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source = SourceSettings(name="corpus", path=str(tmp_path / "corpus.jsonl"))
    messages = [fault.message for fault in verify(tmp_path / "fitted", sources=[source]).faults]
    assert len(messages) == 2, "the corpus is another one, and one piece is not what it holds"
    assert any(f"its text is not what {name!r} holds from character" in message for message in messages), messages
