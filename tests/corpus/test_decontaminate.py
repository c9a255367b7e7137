"""A document that holds a run of words of a benchmark is left out, and no other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import build_command
from hypothesis import given, settings
from hypothesis import strategies as st

from nextlong_hub.cli import run
from nextlong_hub.core.words import word_digests, words_of
from nextlong_hub.corpus.benchmark_runs import Benchmark, BenchmarkRuns, BenchmarkText, RunRules, open_runs
from nextlong_hub.corpus.filters import open_filters
from nextlong_hub.corpus.ingest import store_identity
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import BadDocumentError, DataError, RecipeError
from nextlong_hub.records import Document
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

RUN = "One day Caf\u00e9 Lumi\u00e8re closed its doors, and nobody in Stra\u00dfburg ever knew why."
"""Thirteen words and one more, in which accents and a letter that folds into two."""
THIRTEEN = RunRules(words=13, distinct=8)
TINY = st.lists(st.sampled_from(["a", "b", "c", "1", "22"]), max_size=12)


def runs_of(*texts: str, rules: RunRules = THIRTEEN) -> BenchmarkRuns:
    """The runs of some texts, which are called by their numbers."""
    return BenchmarkRuns([BenchmarkText(item=str(number), text=text) for number, text in enumerate(texts)], rules)


def counted_runs(words: list[str], rules: RunRules) -> list[tuple[str, ...]]:
    """The runs of some words, in order, that have enough different ones which are no numbers."""
    runs = [tuple(words[start : start + rules.words]) for start in range(len(words) - rules.words + 1)]
    return [run for run in runs if len({word for word in run if not word.isnumeric()}) >= rules.distinct]


@settings(deadline=None)
@given(st.lists(TINY, max_size=4), TINY, st.integers(2, 4), st.integers(1, 3))
def test_a_text_is_found_where_it_shares_a_run(
    texts: list[list[str]], document: list[str], words: int, distinct: int
) -> None:
    """The same as comparing every run of the text with every run of every benchmark, word by word."""
    rules = RunRules(words=words, distinct=distinct)
    known = {run for text in texts for run in counted_runs(text, rules)}
    expected = next((" ".join(run) for run in counted_runs(document, rules) if run in known), None)
    shared = runs_of(*map(" ".join, texts), rules=rules).shared_with(" ".join(document))
    assert (shared and shared.words) == expected
    if shared:
        first = next(n for n, text in enumerate(texts) if tuple(shared.words.split()) in counted_runs(text, rules))
        assert shared.item == str(first)


@given(st.text())
def test_words_are_spelled_as_they_are_digested(text: str) -> None:
    """One spelling for each digest, and texts of one digest have one spelling."""
    spelled = words_of(text)
    digests = word_digests(text).tolist()
    assert len(spelled) == len(digests)
    assert len(set(spelled)) == len(set(digests)) == len(set(zip(spelled, digests, strict=True)))


@pytest.mark.parametrize(
    "copy",
    [
        RUN,
        RUN.upper(),
        RUN.replace(" ", "\n -- "),
        RUN.replace("\u00e9", "e\u0301").replace("\u00e8", "e\u0300"),
        RUN.replace("One", "\uff2f\uff4e\uff45").replace("\u00df", "ss"),
        RUN.replace("doors", "do\u00ador\u200ds"),
        f"Before it, {RUN} After it.",
    ],
)
def test_no_form_hides_a_copy(copy: str) -> None:
    """Case, punctuation, composed, full-width and invisible characters do not count."""
    shared = runs_of("something else", RUN).shared_with(copy)
    assert shared is not None
    assert (shared.item, shared.words) == ("1", " ".join(words_of(RUN)[:13]))


def test_one_word_less_is_no_run() -> None:
    """Thirteen words are a run, twelve are none."""
    words = words_of(RUN)[:13]
    assert len(words) == 13
    assert runs_of(RUN).shared_with(" ".join(words[:12])) is None
    assert runs_of(RUN).shared_with(" ".join([*words[:12], "other"])) is None
    assert runs_of(RUN).shared_with(" ".join(words)) is not None


def test_digits_raise_no_alarm() -> None:
    """Numbers and words that come again are no different words."""
    digits = " ".join(map(str, range(40)))
    assert runs_of(digits).shared_with(digits) is None
    assert runs_of("a b c d e f g " * 4).shared_with("a b c d e f g " * 4) is None
    assert runs_of("a b c d e f g h 1 2 3 4 5").shared_with("A, b c d e f g h 1 2 3 4 5!") is not None


def test_a_record_is_its_strings() -> None:
    """The line ends that JSON writes as letters hide no copy in a conversation."""
    record = json.dumps({"messages": [{"role": "user", "content": RUN.replace(" ", "\n")}]})
    assert runs_of(RUN).shared_with(record) is not None
    assert runs_of("messages role user content " + RUN).shared_with(record) is not None


def test_short_items_are_counted() -> None:
    """What has no run cannot be looked for."""
    runs = runs_of("too short", RUN, "1 " * 20)
    assert (runs.items, runs.too_short) == (3, 2)


def runs_in(path: str) -> BenchmarkRuns:
    """The runs of a benchmark."""
    return open_runs([Benchmark.model_validate(path)], THIRTEEN)


ROW: dict[str, Any] = {"id": 7, "turns": [{"role": "user", "content": RUN}], "n": 1.5}


def write_rows(folder: Path, form: str) -> Path:
    """A benchmark of two rows, of which the second holds the run."""
    rows = [{"id": 6, "turns": [{"role": "user", "content": "short"}], "n": 0.5}, ROW]
    path = folder / f"bench.{form}"
    if form == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form == "csv":
        path.write_text(f'id,question\n6,short\n7,"{RUN}"\n', "utf-8")
    elif form == "json":
        path.write_text(json.dumps(rows), "utf-8")
    elif form == "txt":
        path.write_text(RUN, "utf-8")
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "jsonl", "txt"])
def test_every_column_of_every_format_is_looked_at(tmp_path: Path, form: str) -> None:
    """Strings within lists and objects, too; whatever the columns are called."""
    filters = open_filters({"decontaminate": {"against": [str(write_rows(tmp_path, form))]}})
    assert filters.reject(Document(id="x", text=f"See: {RUN}", source="s")) == "contaminated"
    assert filters.reject(Document(id="y", text="a text of its own " * 9, source="s")) is None


def test_what_a_benchmark_holds_is_part_of_the_identity(tmp_path: Path) -> None:
    """A changed file is read anew, in the same process, too."""
    path = write_rows(tmp_path, "txt")
    settings = {"decontaminate": {"against": [str(path)]}}
    before = open_filters(settings).identity
    document = Document(id="x", text=RUN, source="s")
    assert open_filters(settings).reject(document) == "contaminated"
    assert open_filters(settings).identity == before
    path.write_text("nothing of that kind", "utf-8")
    assert open_filters(settings).identity != before
    assert open_filters(settings).reject(document) is None


def test_a_benchmark_is_checked_whole_or_not_at_all(tmp_path: Path) -> None:
    """One that is not there, or cannot be read, is an error; so is none."""
    path = tmp_path / "bench.jsonl"
    with pytest.raises(DataError, match=r"bench\.jsonl"):
        open_filters({"decontaminate": {"against": [str(path)]}}).identity  # noqa: B018
    path.write_text('{"a": "b"}\n{"a": \n', "utf-8")
    with pytest.raises(BadDocumentError, match="line 2"):
        open_filters({"decontaminate": {"against": [str(path)]}}).reject(Document(id="x", text="x", source="s"))
    with pytest.raises(RecipeError, match="against"):
        open_filters({"decontaminate": {"against": []}})


def test_a_benchmark_is_named_with_its_digest_and_without_folders(tmp_path: Path) -> None:
    """What is published is the same wherever the file lies, and reads the same again; another content is refused."""
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(write_rows(tmp_path / name, "jsonl"))
    recipes = [tiny_recipe(filters={"decontaminate": {"against": [str(path)]}}).with_pinned_filters() for path in paths]
    published = recipes[0].public_values()["filters"]
    [benchmark] = published["decontaminate"]["against"]
    assert benchmark.keys() == {"path", "digest"}
    assert (benchmark["path"], len(benchmark["digest"])) == ("bench.jsonl", 64)
    assert recipes[1].public_values()["filters"] == published
    assert recipes[0].fingerprint == recipes[1].fingerprint
    assert len({store_identity("x", ["s"], recipe.reading) for recipe in recipes}) == 1
    recorded = tiny_recipe(filters=published)
    assert recorded.fingerprint == recipes[0].fingerprint
    assert recorded.with_filters_at([str(paths[1])]).with_pinned_filters().fingerprint == recorded.fingerprint
    paths[1].write_text('{"a": "b"}\n', "utf-8")
    with pytest.raises(RecipeError, match="has the digest"):
        recorded.with_filters_at([str(paths[1])]).with_pinned_filters()
    with pytest.raises(
        RecipeError, match=r"is no benchmark that this dataset was compared with; these are bench\.jsonl"
    ):
        recorded.with_filters_at([str(tmp_path / "other.jsonl")])


def test_a_benchmark_may_be_written_as_a_table(tmp_path: Path) -> None:
    """In a recipe and, as text, on a command line; a path that contradicts it is refused."""
    folder = tmp_path / "bench"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps({"q": f"{split} {RUN}"}), "utf-8")
    ways = [f"{folder}@test", {"path": str(folder), "split": "test"}, f'{{path = "{folder}", split = "test"}}']
    assert (
        len(
            {open_filters({"decontaminate": {"against": [way]}}).identity[0][1]["against"][0]["digest"] for way in ways}
        )
        == 1
    )
    document = Document(id="x", text=f"test {RUN}", source="s")
    example = open_filters({"decontaminate": {"against": [ways[1]]}}).example(document)
    assert example is not None and example.words.startswith("test one day")
    for wrong, message in (
        (f'{{path = "{folder}"', "no table of TOML"),
        ({"path": f"{folder}@test", "split": "train"}, "name one"),
    ):
        with pytest.raises(RecipeError, match=message):
            open_filters({"decontaminate": {"against": [wrong]}})


def test_all_splits_and_configurations_are_looked_at(tmp_path: Path) -> None:
    """A benchmark is compared whole unless a part of it is named."""
    files = {"easy/test.jsonl": "easy", "hard/test.jsonl": "hard", "hard/validation.jsonl": "valid"}
    for name, word in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"q": f"{word} {RUN}"}), "utf-8")
    configs = [f"- config_name: {name}\n  data_dir: {name}\n" for name in ("easy", "hard")]
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n", "utf-8")
    found = {
        named: [
            word
            for word in files.values()
            if runs_in(f"{tmp_path}{named}").shared_with(f"{word} {RUN.rpartition(' ')[0]}").words.startswith(word)
        ]
        for named in ("", ":hard", ":hard@test", "@test")
    }
    assert found == {
        "": ["easy", "hard", "valid"],
        ":hard": ["hard", "valid"],
        ":hard@test": ["hard"],
        "@test": ["easy", "hard"],
    }


@pytest.mark.slow
def test_what_is_contaminated_is_told(tmp_path: Path) -> None:
    """Manifest and card say how many documents were left out, for which item and words; for any number of workers."""
    documents = make_documents(50)
    copied = [replace(one, text=f"{one.text} {RUN}") for one in documents[3:5]]
    for part in range(2):
        write_corpus(tmp_path / "world" / f"{part}.jsonl", [copied[part], *documents[20 * part + 5 : 20 * part + 25]])
    bench = write_rows(tmp_path, "jsonl")
    files = []
    for workers in ("1", "2"):
        output = tmp_path / workers
        more = ("--decontaminate", str(bench), "--num-proc", workers)
        assert run(build_command(tmp_path / "world", output, tmp_path / "tiny.toml", *more)) == 0
        files.append((output / "manifest.json").read_bytes())
    assert files[0] == files[1]
    manifest = read_manifest(tmp_path / "1")
    assert manifest is not None and manifest.corpus.skipped == {"contaminated": 2}
    [source] = manifest.corpus.sources
    assert source.reading.evidence.items == {"bench/2": 2}
    assert [one.document for one in source.reading.evidence.examples] == [one.id for one in copied]
    assert source.reading.evidence.examples[0].words == " ".join(words_of(RUN)[:13])
    assert source.reading.evidence.remarks[0].startswith("1 of 2 benchmark items have no run of 13 words")
    card = (tmp_path / "1" / "README.md").read_text("utf-8")
    assert "**Decontaminated against `bench.jsonl`, and nothing else.**" in card and "Not decontaminated" not in card
    assert str(tmp_path) not in card + (tmp_path / "1" / "manifest.json").read_text("utf-8")
    assert "Left out: 2 documents (contaminated)" in card
    assert "2 documents with words of items of benchmarks: `bench/2` (2)" in card
