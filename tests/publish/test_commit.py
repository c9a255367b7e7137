"""What a finished folder becomes when it is built into again: added to, completed, or left alone."""

import json
import shutil
from pathlib import Path

import nextlong_hub.builders
import pytest
from building import ROWS, build_command, make_request, published, read_rows, run_command

from nextlong_hub.dataset.folder import invalidate, locked, own_files
from nextlong_hub.dataset.manifest import read_manifest, write_manifest
from nextlong_hub.errors import ConflictError
from nextlong_hub.execution.progress import NullProgress
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify


class Listener(NullProgress):
    """Remembers what each stage had to do."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self._stage = ""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Note the stage's units; of a stage that comes in rounds, all of them."""
        self.totals[stage] = self.totals.get(stage, 0) + (total or 0)


@pytest.mark.slow
def test_more_rows_begin_with_the_same_rows(dataset: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The first eight rows stay, finished units are used again, and the bytes are those of sixteen rows at once."""
    first = read_rows(dataset)
    units = {path: path.stat().st_mtime_ns for path in dataset.glob(".work/units-*/unit-*")}
    assert len(units) == 2 * 4
    report = build(make_request(corpus_file, rows=2 * ROWS), dataset)
    assert not report.unchanged
    assert read_rows(dataset)[:ROWS] == first
    assert {path: path.stat().st_mtime_ns for path in units} == units
    build(make_request(corpus_file, rows=2 * ROWS), tmp_path / "at once")
    assert published(dataset) == published(tmp_path / "at once")


def test_fewer_rows_are_the_first_ones(dataset: Path, corpus_file: Path) -> None:
    """Asked for three rows, a folder of eight keeps the first three."""
    first = read_rows(dataset)
    build(make_request(corpus_file, rows=3), dataset)
    assert read_rows(dataset) == first[:3]
    assert verify(dataset).faults == ()


@pytest.mark.slow
def test_shards_of_an_earlier_state_are_removed(corpus_file: Path, tmp_path: Path) -> None:
    """Three shards become four of other names: the old ones, which a glob would still find, are gone."""
    recipe = tiny_recipe(output={"shard_bytes": 10_000})
    build(make_request(corpus_file, recipe, rows=6), tmp_path / "dataset")
    before = {path.name for path in (tmp_path / "dataset").rglob("*.parquet") if ".work" not in path.parts}
    build(make_request(corpus_file, recipe, rows=10), tmp_path / "dataset")
    manifest = read_manifest(tmp_path / "dataset")
    assert manifest is not None
    now = {file.path for file in manifest.files}
    assert len(now) > len(before) > 1
    assert {p.relative_to(tmp_path / "dataset").as_posix() for p in (tmp_path / "dataset" / "data").rglob("*.*")} == now
    assert verify(tmp_path / "dataset").faults == ()


@pytest.mark.slow
def test_a_configuration_can_be_added_later(dataset: Path, corpus_file: Path, tmp_path: Path) -> None:
    """The old rows stay as they are; corpus and index are used again; the bytes are those of building both at once."""
    other = tiny_recipe(name="other", target_length=300)
    shard = dataset / "data/tiny/train-00000-of-00001.parquet"
    stamp = shard.stat().st_mtime_ns
    build(make_request(corpus_file, other), dataset)
    assert shard.stat().st_mtime_ns == stamp
    assert len(list(dataset.glob(".work/store-*"))) == len(list(dataset.glob(".work/index-*"))) == 1
    build(make_request(corpus_file, tiny_recipe(), other), tmp_path / "at once")
    assert published(dataset) == published(tmp_path / "at once")
    assert verify(dataset, tokenizer="demo").faults == ()


@pytest.mark.parametrize("name", ["seed", "recipe", "corpus", "tokenizer"])
def test_other_inputs_are_refused_by_name(name: str, dataset: Path, corpus_file: Path, tmp_path: Path) -> None:
    """A finished dataset is never silently changed: the message says which input differs, and nothing is touched."""
    request = make_request(corpus_file)
    if name == "seed":
        request, words = make_request(corpus_file, seed=1), "seed: 42 there, 1 here"
    elif name == "recipe":
        request, words = make_request(corpus_file, tiny_recipe(retrieval={"k1": 1.0})), "recipe tiny: "
    elif name == "corpus":
        other = write_corpus(tmp_path / "corpus.jsonl", make_documents(41))
        request, words = make_request(other), "corpus: "
    else:
        request, words = with_other_tokenizer(request, tmp_path), "tokenizer: "
    before = published(dataset)
    with pytest.raises(ConflictError, match=f"made from other inputs \\({words}.*choose another output="):
        build(request, dataset)
    assert published(dataset) == before
    assert verify(dataset).faults == ()


def test_a_name_that_differs_in_capitals_only_is_refused(dataset: Path, corpus_file: Path, tmp_path: Path) -> None:
    """`Tiny` would lie in the folder of `tiny` on Windows and macOS: refused, in one run or in a later one."""
    before = published(dataset)
    with pytest.raises(ConflictError, match=r"'tiny' and 'Tiny' of .* differ in capitals only"):
        build(make_request(corpus_file, tiny_recipe(name="Tiny")), dataset)
    assert published(dataset) == before
    with pytest.raises(ConflictError, match=r"'tiny' and 'Tiny' of .* differ in capitals only"):
        build(make_request(corpus_file, tiny_recipe(), tiny_recipe(name="Tiny")), tmp_path / "at once")


def with_other_tokenizer(request: BuildRequest, tmp_path: Path) -> BuildRequest:
    """The same request under a tokenizer with one token more."""
    source = Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2" / "tokenizer.json"
    content = json.loads(source.read_text())
    content["added_tokens"].append({**content["added_tokens"][0], "id": 50257, "content": "<|more|>"})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tokenizer.json").write_text(json.dumps(content))
    return BuildRequest(
        recipes=request.recipes, sources=request.sources, tokenizer=str(tmp_path / "other"), rows=request.rows
    )


def test_a_foreign_folder_stays_untouched(corpus_file: Path, tmp_path: Path) -> None:
    """A folder with somebody's file in it is refused, and not even marked."""
    output = tmp_path / "mine"
    output.mkdir()
    (output / "thesis.tex").write_text("precious")
    with pytest.raises(ConflictError, match=r"already holds thesis\.tex and was not made by nextlong-hub"):
        build(make_request(corpus_file), output)
    assert [path.name for path in output.iterdir()] == ["thesis.tex"]


@pytest.mark.slow
def test_a_second_process_is_refused_at_once(corpus_file: Path, tmp_path: Path) -> None:
    """While one process writes a folder another leaves with exit code 6, whatever it was to build."""
    with locked(tmp_path / "dataset"):
        done = run_command(*build_command(corpus_file, tmp_path / "dataset", tmp_path / "tiny.toml"))
    assert done.returncode == 6
    assert "another process is writing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_left_before_its_mark_was_set_can_be_used(corpus_file: Path, tmp_path: Path) -> None:
    """A run killed in its first millisecond leaves an empty .work, or a mark without its name; neither is foreign."""
    work = tmp_path / "dataset" / ".work"
    work.mkdir(parents=True)
    (work / ".nextlong-hub.json.123.tmp").write_bytes(b"{")
    build(make_request(corpus_file, rows=1), tmp_path / "dataset")
    assert verify(tmp_path / "dataset").faults == ()
    assert not list(work.glob(".*.tmp"))


def test_what_a_killed_writer_leaves_among_the_published_files_goes(dataset: Path, corpus_file: Path) -> None:
    """Half-written files with temporary names are no part of the dataset; a file that somebody put there is kept."""
    before = published(dataset)
    for name in (".README.md.77.tmp", ".manifest.json.77.tmp", "recipes/.tiny.toml.77.tmp"):
        (dataset / name).write_bytes(b"half")
    (dataset / "data/tiny/.train-00000-of-00001.parquet.77.tmp").write_bytes(b"half")
    (dataset / "LICENSE").write_text("CC0")
    build(make_request(corpus_file), dataset)
    assert published(dataset) == {**before, "LICENSE": b"CC0"}


def test_a_card_edited_by_hand_stays_until_the_dataset_changes(dataset: Path, corpus_file: Path) -> None:
    """A rerun that changes nothing does not undo a person's work; verify accepts it while the header is right."""
    card = dataset / "README.md"
    card.write_text(card.read_text() + "\nThanks to everybody.\n")
    assert build(make_request(corpus_file), dataset).unchanged
    assert card.read_text().endswith("Thanks to everybody.\n")
    assert verify(dataset).faults == ()


def test_a_withdrawn_manifest_still_speaks_for_the_folder(dataset: Path, corpus_file: Path) -> None:
    """After a run that was interrupted while it published, other inputs are refused and nothing is forgotten."""
    whole = published(dataset)
    with locked(dataset) as workspace:
        invalidate(dataset, workspace)
    assert "manifest.json" not in published(dataset)
    with pytest.raises(ConflictError, match="seed: 42 there, 1 here"):
        build(make_request(corpus_file, seed=1), dataset)
    other = tiny_recipe(name="other", target_length=300)
    build(make_request(corpus_file, other, rows=2), dataset)
    manifest = read_manifest(dataset)
    assert manifest is not None
    assert list(manifest.configs) == ["other", "tiny"]
    assert published(dataset).items() >= {k: v for k, v in whole.items() if k.startswith("data/")}.items()
    assert verify(dataset).faults == ()


def test_a_configuration_left_half_published_is_asked_for_first(dataset: Path, corpus_file: Path) -> None:
    """When the interrupted run had already replaced files, only the same run can finish; another one says so."""
    with locked(dataset) as workspace:
        invalidate(dataset, workspace)
        own_files(dataset, None).claim(["data/tiny/train-00000-of-00002.parquet"])
    shutil.move(dataset / "data/tiny/train-00000-of-00001.parquet", dataset / "data/tiny/train-00000-of-00002.parquet")
    other = tiny_recipe(name="other", target_length=300)
    with pytest.raises(ConflictError, match=r"interrupted while it published 'tiny'.*build 'tiny' again first"):
        build(make_request(corpus_file, other), dataset)
    build(make_request(corpus_file), dataset)
    assert verify(dataset).faults == ()


def test_a_finished_folder_without_its_work_is_completed(dataset: Path, corpus_file: Path) -> None:
    """Whoever removes .work to save space can build again: everything is made anew, to the same bytes."""
    before = published(dataset)
    shutil.rmtree(dataset / ".work")
    assert build(make_request(corpus_file), dataset).unchanged or published(dataset) == before
    assert published(dataset) == before


@pytest.mark.slow
def test_nothing_published_names_a_folder_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus or tokenizer named by its path, by a pattern or from inside its folder is called by its last name."""
    home = tmp_path / "somebody" / "texts"
    write_corpus(home / "corpus.jsonl", make_documents(24))
    for number, path in enumerate((home, home / "*.jsonl", Path())):
        output = tmp_path / f"dataset-{number}"
        monkeypatch.chdir(home)
        build(make_request(path, rows=1), output)
        content = b"".join(published(output).values())
        assert b"somebody" not in content
        manifest = read_manifest(output)
        assert manifest is not None
        assert manifest.corpus.sources[0].path == ("texts/*.jsonl" if number == 1 else "texts")


def test_the_manifest_is_the_only_thing_that_makes_a_dataset(dataset: Path) -> None:
    """Without it the folder is unfinished; put back, it is the same dataset again."""
    manifest = read_manifest(dataset)
    assert manifest is not None
    (dataset / "manifest.json").unlink()
    [fault] = verify(dataset).faults
    assert fault.place == "manifest.json"
    write_manifest(dataset, manifest)
    assert verify(dataset).faults == ()


def test_files_of_people_stay_and_are_told(
    dataset: Path, corpus_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Below `data` too, whether the dataset changes or not; a folder behind a link is not touched."""
    (dataset / "data/mine").mkdir()
    theirs = [dataset / name for name in ("data/mine/precious.parquet", "data/.precious.1.tmp", "recipes/mine.toml")]
    for path in theirs:
        path.write_text("precious")
    for rows in (ROWS, 3):
        caplog.clear()
        build(make_request(corpus_file, rows=rows), dataset)
        assert "data/mine/precious.parquet, recipes/mine.toml; it is kept, and never pushed" in caplog.text
    (dataset / "data").rename(tmp_path / "big")
    (dataset / "data").symlink_to(tmp_path / "big")
    with pytest.raises(ConflictError, match="data is a symbolic link, and nothing is written through one"):
        build(make_request(corpus_file, rows=2), dataset)
    (dataset / "data").unlink()
    (tmp_path / "big").rename(dataset / "data")
    assert [path.read_text() for path in theirs] == ["precious"] * 3


def test_a_recipe_file_of_a_person_is_not_replaced(dataset: Path, corpus_file: Path) -> None:
    """A new configuration of that name is refused, and what stands stays whole."""
    (dataset / "recipes/other.toml").write_text("mine")
    with pytest.raises(ConflictError, match=r"holds recipes/other\.toml, not made by nextlong-hub.* move it away"):
        build(make_request(corpus_file, tiny_recipe(name="other", target_length=300)), dataset)
    assert (dataset / "recipes/other.toml").read_text() == "mine"
    assert (dataset / "manifest.json").is_file()
    assert verify(dataset).files == 1  # the manifest is there: nothing had begun


def test_what_is_removed_is_told(dataset: Path, corpus_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A shard that a killed run had written and the dataset does not have."""
    own_files(dataset, None).claim(["data/tiny/train-00007-of-00008.parquet"])
    (dataset / "data/tiny/train-00007-of-00008.parquet").touch()
    build(make_request(corpus_file), dataset)
    assert "as the dataset no longer has it: data/tiny/train-00007-of-00008.parquet" in caplog.text
    assert verify(dataset).faults == ()
