"""What `load_dataset("nextlong", ...)` must do on every supported release of `datasets`, with the real builder.

Run by `check_datasets_versions.py` in an environment for each release, or by hand:

    NEXTLONG_IMPORT_ORDER=after pytest tests/compat/checks.py

NEXTLONG_IMPORT_ORDER is `before` (nextlong_hub is imported before datasets, the default), `after`, or `autoload`
(nextlong_hub is not imported at all, because `nextlong_hub.load_dataset.autoload.enable()` has been called in this
environment).
"""
# ruff: noqa: E402 - which import comes first is what is checked

import importlib
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HOME = tempfile.TemporaryDirectory(prefix="nextlong-checks-")
os.environ |= {
    "HF_HOME": _HOME.name,
    "HF_DATASETS_CACHE": f"{_HOME.name}/datasets",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
ORDER = os.environ.get("NEXTLONG_IMPORT_ORDER", "before")
if ORDER == "before":
    importlib.import_module("nextlong_hub")
import datasets

if ORDER == "after":
    importlib.import_module("nextlong_hub")
ALREADY_IMPORTED = "nextlong_hub" in sys.modules

import pytest
from datasets import load_dataset, load_dataset_builder

WORDS = (
    *("river", "stone", "harvest", "winter", "letter", "engine", "garden", "market", "signal", "bridge", "copper"),
    *("island", "lantern", "meadow", "needle", "orchard", "pepper", "quarry", "ribbon", "saddle", "timber", "violin"),
)
TARGET = 1024
ROWS = 6
UNIT = 2
SETTINGS = {"target_length": TARGET, "output.unit_documents": UNIT, "chunking.chunk_characters": 160}


def document(number: int) -> str:
    """A text of about 450 characters, unlike every other, in words that all share."""
    chosen = random.Random(number)
    return "\n".join(" ".join(chosen.choices(WORDS, k=7)) + "." for _ in range(9))


def write_corpus(path: Path, documents: int) -> Path:
    """A JSONL corpus of so many documents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"id": f"doc-{number}", "text": document(number)} for number in range(documents)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session", autouse=True)
def workplace() -> Iterator[Path]:
    """Every check runs in one folder, in which files lie about that are none of our business."""
    with tempfile.TemporaryDirectory(prefix="nextlong-workplace-") as folder:
        os.chdir(folder)
        Path("stray.csv").write_text("a,b\n1,2\n")
        Path("stray.jsonl").write_text('{"text": "stray"}\n')
        datasets.disable_progress_bars()
        yield Path(folder)
        os.chdir("/")


@pytest.fixture(scope="session")
def byte_tokenizer(workplace: Path) -> str:
    """A tokenizer folder in which every byte is a token: another tokenizer than the embedded one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder = workplace / "byte-tokenizer"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    return str(folder)


@pytest.fixture(scope="session")
def small(workplace: Path) -> dict[str, Any]:
    """Arguments for a build that takes a moment: three units of two rows of 1,024 tokens."""
    from importlib.resources import files

    return {
        "corpus": str(write_corpus(workplace / "corpus" / "notes.jsonl", 24)),
        "tokenizer": str(files("nextlong_hub.builders") / "demo" / "gpt2"),
        "samples": ROWS,
        "seed": 7,
        "settings": SETTINGS,
    }


@pytest.fixture(scope="session")
def built(small: dict[str, Any]) -> Any:
    """The small build, as everybody would make it."""
    return load_dataset("nextlong", "128k", split="train", **small)


@pytest.fixture
def stream(small: dict[str, Any]) -> Any:
    """The small build, streamed."""
    return load_dataset("nextlong", "128k", split="train", streaming=True, **small)


def folder_of(dataset: Any) -> Path:
    """Where `datasets` keeps a dataset."""
    return Path(dataset.cache_files[0]["filename"]).parent


def ids(rows: Any) -> list[str]:
    """The ids of rows."""
    return [row["id"] for row in rows]


def test_the_import_order_is_the_one_asked_for() -> None:
    """The checks below mean what they say."""
    assert ALREADY_IMPORTED
    assert "nextlong" in datasets.load._PACKAGED_DATASETS_MODULES


def test_importing_us_does_not_import_datasets() -> None:
    """`import nextlong_hub` costs nobody the seconds that `datasets` takes."""
    code = (
        "import sys, nextlong_hub; print(sorted({'datasets', 'numpy', 'pyarrow', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_rows_have_exactly_the_target_length(built: Any) -> None:
    """The plain build gives the rows asked for, each exactly on target."""
    assert built.num_rows == ROWS
    assert [len(row["input_ids"]) for row in built] == [TARGET] * ROWS
    assert built["token_count"][:] == [TARGET] * ROWS
    assert len(set(built["id"][:])) == ROWS


def test_the_call_without_arguments_builds_the_demo() -> None:
    """`load_dataset("nextlong")` is the 128k demo, whatever lies in the current folder."""
    demo = load_dataset("nextlong")["train"]
    assert demo.num_rows > 0
    assert set(demo["token_count"][:]) == {131_072}
    assert "stray" not in set(demo["source"][:])
    assert folder_of(demo) == folder_of(load_dataset("nextlong", "128k", split="train"))


def test_a_build_is_found_where_nextlong_hub_is_not_imported() -> None:
    """After one build of the demo, `datasets` alone finds it in its cache under the plain name."""
    rows = load_dataset("nextlong", "128k", split="train").num_rows
    code = (
        "import sys; from datasets import load_dataset; print(load_dataset('nextlong', '128k', split='train').num_rows)"
    )
    code += "; assert 'nextlong_hub' not in sys.modules"
    environment = os.environ | {"NEXTLONG_HUB_NO_AUTOLOAD": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{rows}\n"


def test_an_unknown_configuration_is_named() -> None:
    """The message lists those that there are."""
    with pytest.raises(ValueError, match="256k") as error:
        load_dataset("nextlong", "256k")
    assert "512k" in str(error.value)


def test_an_unknown_argument_is_named() -> None:
    """A misspelt argument is never ignored."""
    with pytest.raises(ValueError, match="corpsu"):
        load_dataset("nextlong", "128k", corpsu="notes.jsonl")


def test_a_wrong_setting_is_our_own_error(small: dict[str, Any]) -> None:
    """A misspelt recipe key is a RecipeError with a proposal, not a failure deep inside `datasets`."""
    from nextlong_hub.errors import RecipeError

    with pytest.raises(RecipeError, match="k1"):
        load_dataset("nextlong", "128k", **{**small, "settings": {"retrieval.kk1": 1.2}})


def test_a_missing_corpus_is_our_own_error(small: dict[str, Any]) -> None:
    """A path that is not there is named by us, before anything is built."""
    from nextlong_hub.errors import NextLongError

    with pytest.raises(NextLongError, match="nowhere"):
        load_dataset("nextlong", "128k", **{**small, "corpus": "./nowhere.jsonl"})


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"samples": ROWS - 1}, {"settings": SETTINGS | {"retrieval.k1": 0.5}}],
    ids=["seed", "samples", "settings"],
)
def test_another_argument_is_another_place_in_the_cache(
    change: dict[str, Any], small: dict[str, Any], built: Any
) -> None:
    """Nothing that decides rows may be forgotten when a build is looked up."""
    assert folder_of(load_dataset("nextlong", "128k", split="train", **small | change)) != folder_of(built)


def test_another_tokenizer_is_another_place_in_the_cache(
    small: dict[str, Any], built: Any, byte_tokenizer: str
) -> None:
    """Its rows are on target in its own tokens."""
    other = load_dataset("nextlong", "128k", split="train", **small | {"tokenizer": byte_tokenizer})
    assert folder_of(other) != folder_of(built)
    assert [len(text.encode()) for text in other["text"][:]] == [TARGET] * ROWS


def test_the_same_arguments_find_the_build_again(small: dict[str, Any], built: Any) -> None:
    """A second call rebuilds nothing."""
    before = [path.stat().st_mtime_ns for path in sorted(folder_of(built).iterdir())]
    again = load_dataset("nextlong", "128k", split="train", **small)
    assert folder_of(again) == folder_of(built)
    assert [path.stat().st_mtime_ns for path in sorted(folder_of(built).iterdir())] == before


def test_an_argument_at_its_default_is_no_other_build() -> None:
    """The default, spelt out, finds the build of the plain name."""
    plain = load_dataset_builder("nextlong", "128k")
    spelt_out = load_dataset_builder("nextlong", "128k", corpus=None, samples=None)
    assert plain.config_id == "128k"
    assert spelt_out.cache_dir == plain.cache_dir
    assert Path(plain.cache_dir).parts[-4:-1] == ("nextlong", "128k", "1.0.0")


def test_a_changed_corpus_is_another_place_in_the_cache(small: dict[str, Any], workplace: Path) -> None:
    """Same path, other content: never the old rows."""
    corpus = write_corpus(workplace / "growing.jsonl", 20)
    arguments = small | {"corpus": str(corpus)}
    before = folder_of(load_dataset("nextlong", "128k", split="train", **arguments))
    write_corpus(corpus, 21)
    assert folder_of(load_dataset("nextlong", "128k", split="train", **arguments)) != before


def test_the_work_folder_decides_nothing_but_the_place_of_the_work(
    small: dict[str, Any], built: Any, workplace: Path
) -> None:
    """Its contents appear there; the build is the same build."""
    builder = load_dataset_builder("nextlong", "128k", **small, work_dir=str(workplace / "work"))
    assert Path(builder.cache_dir) == folder_of(built)
    streamed = load_dataset(
        "nextlong", "128k", split="train", streaming=True, **small, work_dir=str(workplace / "work")
    )
    assert ids(streamed) == ids(built)
    assert any((workplace / "work").rglob("*"))


def test_data_files_and_data_dir_are_corpora(small: dict[str, Any], built: Any) -> None:
    """The two words that everybody knows from `load_dataset` name the corpus as well."""
    rest = {key: value for key, value in small.items() if key != "corpus"}
    by_file = load_dataset("nextlong", "128k", split="train", data_files=small["corpus"], **rest)
    by_folder = load_dataset("nextlong", "128k", split="train", data_dir=str(Path(small["corpus"]).parent), **rest)
    assert by_file["text"][:] == by_folder["text"][:] == built["text"][:]


def test_a_dataset_in_memory_is_a_corpus(small: dict[str, Any], built: Any) -> None:
    """What is loaded already need not be written to a file first."""
    corpus = datasets.Dataset.from_list([json.loads(line) for line in Path(small["corpus"]).read_text().splitlines()])
    made = load_dataset("nextlong", "128k", split="train", **small | {"corpus": corpus})
    assert made["text"][:] == built["text"][:]


def test_several_processes_give_the_same_rows(small: dict[str, Any], workplace: Path) -> None:
    """num_proc changes the time it takes and nothing else, even with all the work still to be done."""
    fresh = {**small, "seed": 9, "work_dir": str(workplace / "work-of-two")}
    made = load_dataset("nextlong", "128k", split="train", num_proc=2, **fresh)
    streamed = load_dataset("nextlong", "128k", split="train", streaming=True, **small | {"seed": 9})
    assert made["text"][:] == [row["text"] for row in streamed]


def test_a_split_can_be_sliced(small: dict[str, Any], built: Any) -> None:
    """As of any dataset."""
    assert ids(load_dataset("nextlong", "128k", split="train[2:4]", **small)) == ids(built)[2:4]


def test_the_inspecting_functions_answer() -> None:
    """Names of configurations and splits, the default, and features, without building."""
    assert datasets.get_dataset_config_names("nextlong") == ["64k", "128k", "512k", "subset", "mix", "instruct"]
    assert datasets.get_dataset_default_config_name("nextlong") == "128k"
    assert datasets.get_dataset_split_names("nextlong", "64k") == ["train"]
    assert list(datasets.get_dataset_infos("nextlong")) == ["64k", "128k", "512k", "subset", "mix", "instruct"]
    features = datasets.get_dataset_config_info("nextlong", "64k").features
    assert list(features) == ["id", "text", "input_ids", "token_count", "meta_document", "source", "segments"]


def test_the_builder_is_ours(small: dict[str, Any]) -> None:
    """`load_dataset_builder` gives the class that stands in the package."""
    builder = load_dataset_builder("nextlong", "128k", **small)
    assert (type(builder).__module__, type(builder).__name__) == ("nextlong_hub.builders.nextlong", "NExtLong")


def test_a_stream_gives_the_rows_of_the_build(stream: Any, built: Any) -> None:
    """The same rows in the same order, one shard a unit."""
    assert [row["text"] for row in stream] == built["text"][:]
    assert stream.num_shards == ROWS // UNIT


@pytest.mark.parametrize("taken", [1, UNIT, UNIT + 1, ROWS - 1])
def test_a_stream_resumes_exactly(taken: int, small: dict[str, Any], built: Any) -> None:
    """The state taken after any row leads to the next one, in a fresh stream."""
    first = load_dataset("nextlong", "128k", split="train", streaming=True, **small)
    rows = iter(first)
    seen = ids(next(rows) for _ in range(taken))
    state = first.state_dict()
    second = load_dataset("nextlong", "128k", split="train", streaming=True, **small)
    second.load_state_dict(state)
    assert seen + ids(second) == ids(built)


def test_a_stream_can_be_shuffled_and_sharded(stream: Any, built: Any) -> None:
    """Shuffling loses nothing; two shards are the whole without overlap."""
    assert sorted(ids(stream.shuffle(seed=3, buffer_size=4))) == sorted(ids(built))
    halves = [ids(stream.shard(num_shards=2, index=index)) for index in range(2)]
    assert all(halves)
    assert sorted(halves[0] + halves[1]) == sorted(ids(built))


def test_a_stream_has_arrow_tables(stream: Any) -> None:
    """Without a detour over Python objects."""
    table = next(iter(stream.with_format("arrow").iter(batch_size=UNIT)))
    assert table.num_rows == UNIT


def test_a_stream_takes_no_processes(small: dict[str, Any]) -> None:
    """`datasets` says so itself."""
    with pytest.raises(NotImplementedError):
        load_dataset("nextlong", "128k", streaming=True, num_proc=2, **small)


def test_a_forced_rebuild_gives_the_same_rows(small: dict[str, Any], built: Any) -> None:
    """Determinism, seen from `datasets`."""
    expected = built["text"][:]
    again = load_dataset("nextlong", "128k", split="train", download_mode="force_redownload", **small)
    assert again["text"][:] == expected


def test_features_can_be_overridden(small: dict[str, Any], built: Any) -> None:
    """Columns take the types asked for."""
    wanted = built.features.copy()
    wanted["text"] = datasets.Value("string")
    made = load_dataset("nextlong", "128k", split="train", features=wanted, **small)
    assert made.features["text"] == datasets.Value("string")
    assert made["text"][:] == built["text"][:]


def test_a_build_can_be_written_as_parquet(small: dict[str, Any], built: Any, workplace: Path) -> None:
    """`download_and_prepare` writes files that load by themselves."""
    load_dataset_builder("nextlong", "128k", **small).download_and_prepare(
        str(workplace / "parquet"), file_format="parquet"
    )
    read = load_dataset("parquet", data_files=str(workplace / "parquet" / "*.parquet"), split="train")
    assert read["text"][:] == built["text"][:]


def test_the_builder_travels_to_other_processes(small: dict[str, Any]) -> None:
    """Pickled and back, it means the same build."""
    builder = load_dataset_builder("nextlong", "128k", **small)
    assert pickle.loads(pickle.dumps(builder)).cache_dir == builder.cache_dir


def test_our_own_load_does_the_same(small: dict[str, Any], built: Any) -> None:
    """`nextlong_hub.load` needs no registration and finds the same build."""
    import nextlong_hub

    assert folder_of(nextlong_hub.load("128k", split="train", **small)) == folder_of(built)


def test_our_finished_folder_is_read_unless_an_argument_is_given(
    small: dict[str, Any], built: Any, monkeypatch: pytest.MonkeyPatch, workplace: Path
) -> None:
    """./nextlong with our manifest is what the plain name means; with an argument it is built as anywhere."""
    place = workplace / "with-folder"
    folder = place / "nextlong"
    (folder / "data" / "128k").mkdir(parents=True)
    built.select(range(2)).to_parquet(str(folder / "data" / "128k" / "train-00000-of-00001.parquet"))
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: 128k\n  data_files:\n  - split: train\n    path: data/128k/train-*\n---\n"
    )
    monkeypatch.chdir(place)
    assert datasets.get_dataset_config_names("nextlong") == ["64k", "128k", "512k", "subset", "mix", "instruct"]
    (folder / "manifest.json").write_text('{"tool": "nextlong-hub"}')
    assert ids(load_dataset("nextlong", "128k", split="train")) == ids(built)[:2]
    assert ids(load_dataset("nextlong", split="train", streaming=True)) == ids(built)[:2]
    assert datasets.get_dataset_config_names("nextlong") == ["128k"]
    assert ids(load_dataset("./nextlong", "128k", split="train")) == ids(built)[:2]
    assert ids(load_dataset("nextlong", "128k", split="train", **small)) == ids(built)


def test_the_other_names_mean_what_they_meant() -> None:
    """Other builders are none of our business: csv is still csv."""
    assert load_dataset("csv", data_files="stray.csv", split="train")["b"][:] == [2]
