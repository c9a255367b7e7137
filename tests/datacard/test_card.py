"""The card of a dataset folder: true, complete, loadable, and safe with whatever a corpus holds."""

import ast
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from building import make_request, published
from card_blocks import trl_lines
from datasets import DatasetInfo, load_dataset, load_dataset_builder
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from earlier_folders import name_as_before
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

import nextlong_hub
from nextlong_hub.cli import run
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.datacard import check_card, lint_card, rendering, write_card
from nextlong_hub.datacard.pictures import PLOT_NAMES
from nextlong_hub.datacard.text import parse_card
from nextlong_hub.dataset.folder import invalidate, locked
from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.errors import ConflictError, DataError
from nextlong_hub.exports import FORMATS
from nextlong_hub.pipeline import BuildRequest, build, fit
from nextlong_hub.publish.commit import renew_card
from nextlong_hub.publish.contents import is_owned, published_files
from nextlong_hub.recipe import Ingredient
from nextlong_hub.stats import measure, plots
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.verification import verify

GOLDEN = Path(__file__).parent / "golden" / "card.md"
SHARD = "data/tiny/train-00000-of-00001.parquet"
DRAWN = ("scores", "distances", "reuse")
"""Pictures of the tiny dataset; its rows are all on target, from one source, and no candidate was discarded."""
SECTIONS = ["overview", "loading", "training", "statistics", "repeats", "sample", "making", "sources", "citation"]


def card_of(folder: Path) -> str:
    """The text of a folder's card."""
    return (folder / "README.md").read_text(encoding="utf-8")


def header_of(folder: Path) -> dict[str, Any]:
    """The YAML of a folder's card, read by nobody's code but PyYAML's."""
    header: dict[str, Any] = yaml.safe_load(card_of(folder).split("---\n")[1])
    return header


def section(folder: Path, name: str) -> str:
    """One generated section of a folder's card."""
    return parse_card(card_of(folder)).sections[name]


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """`nextlong-hub` in this process: exit code, output and messages."""

    def run_here(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run_here


@pytest.fixture(scope="module")
def mixed(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two configurations and a packed mixture of them."""
    output = tmp_path_factory.mktemp("mixed") / "dataset"
    long = tiny_recipe(name="long", target_length=1024)
    parts = (Ingredient(recipe="tiny", share=1), Ingredient(recipe="long", share=1))
    subset = tiny_recipe(name="packed", target_length=1024, mixture=parts, pack=True)
    build(make_request(corpus_file, tiny_recipe(), long, subset, rows={"tiny": 6, "long": 3}), output)
    return output


def test_the_card_of_a_tiny_world_is_this_one(built: Path) -> None:
    """Read through by hand once, every number, sentence, table and command; but for digests, sizes and the version."""
    manifest = read_manifest(built)
    assert manifest is not None
    text = card_of(built).replace(manifest.version, "VERSION")
    text = re.sub(r"\b[0-9a-f]{12,}\b", "DIGEST", text)
    text = re.sub(r"(_bytes|_size): \d+", r"\1: BYTES", re.sub(r"\d+\.\d&nbsp;kB", "SIZE", text))
    assert text == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_card_says_what_the_manifest_says(mixed: Path) -> None:
    """Rows, tokens and bytes of every configuration, each in its line of the first table."""
    manifest = read_manifest(mixed)
    assert manifest is not None and len(manifest.configs) == 3
    table = section(mixed, "overview")
    for name, config in manifest.configs.items():
        [line] = [line for line in table.splitlines() if line.startswith(f"| `{name}`")]
        size = sum(file.bytes for file in config.files)
        assert (
            f" {config.rows:,} |" in line
            and f" {config.tokens:,} |" in line
            and f" {size / 1000:.1f}&nbsp;kB |" in line
        )
    assert list(parse_card(card_of(mixed)).sections) == SECTIONS


def test_the_pictures_are_those_that_tell_something(mixed: Path, built: Path) -> None:
    """Files with the names that the card links, and no others: none where all rows are alike."""
    assert list(plots.PLOTS) == list(PLOT_NAMES)
    drawn = [name for name in PLOT_NAMES if plots.tells(name, measure(mixed))]
    assert {"scores", "reuse"} <= set(drawn)
    assert {path.stem for path in (mixed / "assets").iterdir()} == set(drawn)
    assert re.findall(r"!\[[^\]]+\]\(assets/(\w+)\.png\)", card_of(mixed)) == drawn
    assert {path.stem for path in (built / "assets").iterdir()} == set(DRAWN)


@pytest.mark.parametrize("name", ["tiny", "packed"])
def test_the_documented_columns_are_those_of_the_rows(name: str, mixed: Path) -> None:
    """Names in the table, for rows of one sample and packed ones; every field of `segments` and `documents`."""
    table = section(mixed, "loading").split("| column | what it holds |")[1]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    schema = pq.read_schema(next((mixed / "data" / name).iterdir()))
    assert set(schema.names) <= rows.keys()
    for column in {"segments", "documents"} & set(schema.names):
        fields = [field.name for field in schema.field(column).type.value_type]
        assert set(fields) <= set(re.findall(r"`(\w+)`", rows[column]))


@pytest.mark.parametrize("which", ["one", "several"])
def test_datasets_reads_the_header_as_it_is_meant(which: str, built: Path, mixed: Path) -> None:
    """Configurations, their files, the default, features, counts and sizes, by the library's own reading."""
    folder = built if which == "one" else mixed
    data = DatasetCard(card_of(folder)).data
    infos = DatasetInfosDict.from_dataset_card_data(data)
    configs = MetadataConfigs.from_dataset_card_data(data)
    manifest = read_manifest(folder)
    assert manifest is not None
    assert set(infos) == set(configs) == set(manifest.configs)
    assert configs.get_default_config_name() == next(iter(manifest.configs))
    assert isinstance(data.dataset_info, list) == (which == "several")
    for name, config in manifest.configs.items():
        info: DatasetInfo = infos[name]
        assert configs[name]["data_files"] == [{"split": "train", "path": [file.path for file in config.files]}]
        assert info.splits["train"].num_examples == config.rows
        assert info.download_size == sum(file.bytes for file in config.files)
        assert info.dataset_size == info.splits["train"].num_bytes > info.download_size
        assert info.features.arrow_schema.equals(pq.read_schema(folder / config.files[0].path), check_metadata=False)


def test_the_built_folder_loads(mixed: Path, tmp_path: Path) -> None:
    """Every configuration, whole with its counts checked and as a stream, with the features that the header states."""
    rows = {name: pq.read_table(mixed / "data" / name).num_rows for name in ("tiny", "long", "packed")}
    for name, count in rows.items():
        loaded = load_dataset(str(mixed), name, split="train", cache_dir=str(tmp_path), verification_mode="all_checks")
        assert loaded.num_rows == count > 0
        assert loaded.features == load_dataset_builder(str(mixed), name, cache_dir=str(tmp_path)).info.features
        stream = load_dataset(str(mixed), name, split="train", streaming=True)
        assert [row["id"] for row in stream] == loaded["id"][:]


def test_the_header_is_one_the_hub_takes(mixed: Path) -> None:
    """By our rules; nothing is stated that nobody knows."""
    header = header_of(mixed)
    assert lint_card(card_of(mixed)) == []
    assert (header["license"], header["license_name"], header["size_categories"]) == ("other", "not-stated", ["n<1K"])
    assert "language" not in header and "source_datasets" not in header
    assert header["pretty_name"] == "NExtLong samples of 512 and 1K tokens"


@pytest.mark.slow
def test_licence_and_sources_are_those_of_the_corpus(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """The stricter licence in the header, both in the table, no warning; weights and licences are in the command."""
    recipe = tiny_recipe()
    other = write_corpus(tmp_path / "more.jsonl", make_documents(50, seed=5)[40:])
    request = make_request(corpus_file, recipe, rows=2)
    sources = tuple(
        SourceSettings(name=name, path=str(path), license=licence, weight=weight)
        for name, path, licence, weight in (("a", corpus_file, "CC0-1.0", None), ("b", other, "CC-BY-SA-4.0", 2.5))
    )
    build(type(request)(recipes=(recipe,), sources=sources, tokenizer="demo", rows={"tiny": 2}), tmp_path / "out")
    assert header_of(tmp_path / "out")["license"] == "cc-by-sa-4.0"
    table = section(tmp_path / "out", "sources")
    assert "| a | `corpus.jsonl` | 40 |" in table and "CC0-1.0" in table and "CC-BY-SA-4.0" in table
    assert "not settled" not in table
    shutil.copy(corpus_file, tmp_path)
    shutil.copytree(tmp_path / "out" / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    [[_, *arguments]] = commands_in(section(tmp_path / "out", "making"))
    code, _, errors = command(*arguments, "--num-proc", "1", "--quiet")
    assert (code, errors) == (0, "")
    assert published(tmp_path / "again") == published(tmp_path / "out")


HOSTILE = (
    "<script>alert(1)</script> | `x` {{ 7*7 }} {% raw %}\n---\nlicense: mit\n---\n```\n"
    "<!-- nextlong:auto:end sample -->\n"
    "![x](http://e.org/x.png) [y](javascript:z) \u202e\x1b[31m </details> <img src=x onerror=y> $x$ &lt;"
)


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_a_hostile_corpus_does_nothing_on_the_card(tmp_path: Path) -> None:
    """Ids, texts, a source's name and licence, and a description: Markdown, HTML, YAML, Jinja and ANSI in each."""
    documents = [
        type(document)(id=f"{document.id} {HOSTILE}", text=f"{HOSTILE} {document.text}", source="world")
        for document in make_documents(24)
    ]
    corpus = write_corpus(tmp_path / "we|ird `{{ 7*7 }}` <b>.jsonl", documents)
    recipe = tiny_recipe(description=HOSTILE)
    request = make_request(corpus, recipe, rows=2)
    source = SourceSettings(name=f"name {HOSTILE}", path=str(corpus), license=HOSTILE)
    build(type(request)(recipes=(recipe,), sources=(source,), tokenizer="demo", rows={"tiny": 2}), tmp_path / "out")
    text = card_of(tmp_path / "out")
    assert lint_card(text) == []
    assert set(header_of(tmp_path / "out")) == {
        *(
            "pretty_name",
            "license",
            "license_name",
            "annotations_creators",
            "task_categories",
            "tags",
            "size_categories",
            "configs",
        ),
        "dataset_info",
    }
    assert list(parse_card(text).sections) == SECTIONS
    assert not {"\u202e", "\x1b", "49"} & set(re.findall(r"[\u202e\x1b]|\b49\b", text))
    html = MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2])
    page = Tags(html)
    assert page.found <= set(
        [
            "h1",
            "h2",
            "h3",
            "p",
            "em",
            "a",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "pre",
            "strong",
            "ul",
            "ol",
            "li",
            "img",
            "details",
            "summary",
            "b",
            "wbr",
        ]
    )
    known = r"assets/\w+\.png|#sources|https://arxiv\.org/abs/2501\.12766|recipes/tiny\.toml"
    assert [link for link in page.links if not re.fullmatch(known, link)] == []
    assert html.count("alert(1)") == text.count("alert(1)") >= 4


def commands_in(text: str) -> list[list[str]]:
    """The command of the section that tells how the rows were made."""
    [block] = re.findall(r"```sh\n(.*?)\n```", text, re.DOTALL)
    return [shlex.split(line) for line in block.replace("\\\n", " ").split("\n")]


def test_the_command_on_the_card_makes_the_same_rows(
    mixed: Path, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """Run in a copy of the repository with the source's file beside it: the same bytes, and so the same manifest."""
    copy = tmp_path / "copy"
    shutil.copytree(mixed, copy, ignore=shutil.ignore_patterns(".work", "data"))
    shutil.copy(corpus_file, copy)
    monkeypatch.chdir(copy)
    [[name, *arguments]] = commands_in(section(mixed, "making"))
    assert name == "nextlong-hub"
    code, _, errors = command(*arguments, "--num-proc", "1", "--quiet")
    assert code == 0, errors
    assert published(copy / "again") == published(mixed)


@pytest.mark.slow
def test_the_commands_on_the_card_follow_the_runs(
    corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """Built one after the other, the shorter first, two commands give the same bytes; grown since, none promises to."""
    short, long = (tiny_recipe(name=name, target_length=target) for name, target in (("short", 600), ("long", 1200)))
    folder = tmp_path / "dataset"
    build(make_request(corpus_file, short, rows=4), folder)
    build(make_request(corpus_file, long, rows=2), folder)
    making = section(folder, "making")
    assert "This makes it again, byte for byte" in making
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".work", "data"))
    shutil.copy(corpus_file, copy)
    monkeypatch.chdir(copy)
    commands = commands_in(making)
    assert [arguments[arguments.index("--samples") + 1] for arguments in commands] == ["short=4", "long=2"]
    for _, *arguments in commands:
        assert command(*arguments, "--num-proc", "1", "--quiet")[0] == 0
    assert published(copy / "again") == published(folder)
    build(make_request(corpus_file, short, rows=6), folder)
    making = section(folder, "making")
    assert "byte for byte" not in making and "shares the documents out anew" in making
    assert len(commands_in(making)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("modes", [{"truncate"}, {"pack"}])
def test_the_command_on_the_card_of_fitted_texts_makes_them_again(
    modes: set[Any], corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """Cut, and packed; the card speaks of fitted texts and of nothing that was synthesised."""
    source = SourceSettings(name="corpus", path=str(corpus_file))
    fit(FitRequest(source=source, tokenizer="demo", target_length=200, modes=frozenset(modes)), tmp_path / "out")
    text = card_of(tmp_path / "out")
    assert "brought to one length" in text and "meta-chunk" not in text and "NExtLong samples" not in text
    assert check_card(tmp_path / "out").faults == ()
    shutil.copy(corpus_file, tmp_path)
    monkeypatch.chdir(tmp_path)
    [[_, *arguments]] = commands_in(section(tmp_path / "out", "making"))
    code, _, errors = command(*arguments, "--num-proc", "1", "--quiet")
    assert code == 0, errors
    assert published(tmp_path / "again") == published(tmp_path / "out")


def test_the_python_on_the_card_runs(
    mixed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every block a reader copies, with the folder in the place of the Hub; positions and borders of a packed row."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    blocks = re.findall(r"```python\n(.*?)```", card_of(mixed), re.DOTALL)
    readable = [block for block in blocks if "polars" not in block and "trl" not in block]
    assert len(blocks) == 5 and len(readable) == 3
    names: dict[str, Any] = {"row": pq.read_table(mixed / "data" / "packed").to_pylist()[0]}
    for block in readable:
        exec(block.replace("USER/NAME", str(mixed)), names)
        names["row"] = pq.read_table(mixed / "data" / "packed").to_pylist()[0]
    assert "512" in capsys.readouterr().out
    assert names["cu_seqlens"][-1] == len(names["position_ids"]) == names["row"]["token_count"]
    assert names["position_ids"].count(0) == len(names["row"]["seq_lengths"]) > 1


def test_the_lines_for_trl_say_what_keeps_rows_whole(mixed: Path, built: Path) -> None:
    """`check_trainers.py` runs these very lines; what it puts in for USER/NAME and MODEL stands where it must."""
    for folder, apart in ((mixed, [True]), (built, [])):
        lines = ast.parse(trl_lines(card_of(folder)))
        calls = {ast.unparse(call.func): call for call in ast.walk(lines) if isinstance(call, ast.Call)}
        settings = {one.arg: ast.literal_eval(one.value) for one in calls["SFTConfig"].keywords}
        assert (settings["max_length"], settings["packing"]) == (None, False)
        assert [settings[name] for name in ("padding_free",) if name in settings] == apart
        text = [ast.literal_eval(one.value) for one in calls["SFTTrainer"].keywords if one.arg == "model"]
        assert [*text, ast.literal_eval(calls["load_dataset"].args[0])] == ["MODEL", "USER/NAME"]


def test_the_card_of_an_older_folder_names_the_columns_that_it_has(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines run, and TRL, which would not know those names, is not offered the rows as they are."""
    folder = Path(shutil.copytree(mixed, tmp_path / "older"))
    name_as_before(folder)
    write_card(folder)
    text = card_of(folder)
    assert "`document_lengths`" in text and "seq_lengths" not in text and "SFTTrainer" not in text
    [block] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "cu_seqlens" in block]
    names: dict[str, Any] = {"row": pq.read_table(folder / "data" / "packed").to_pylist()[0]}
    exec(block, names)
    assert names["cu_seqlens"][-1] == names["row"]["token_count"]
    found = [*nextlong_hub.open(folder, "packed").load().column_names]
    assert "seq_lengths" in found and "document_lengths" not in found
    assert verify(folder).faults == ()
    found, wanted = (replace(measure(one)["packed"], bytes=None) for one in (folder, mixed))
    assert found == wanted


def test_trainers_are_told_what_the_examples_say() -> None:
    """Every format is in the table, and every setting the card names is one that the trainers' examples name, too."""
    root = Path(__file__).parents[2]
    examples = (root / "examples" / "trainers" / "README.md").read_text(encoding="utf-8")
    card = (root / "cards" / "dataset_card.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in card.splitlines() if re.match(r"\| [^|]+ \| `[\w-]+` \|", line)]
    assert {row[1].strip("`") for row in rows} == set(FORMATS)
    settings = {setting for row in rows for setting in re.findall(r"`([\w-]+)", row[2])}
    assert len(settings) > 8
    assert {setting for setting in settings if setting not in examples} == set()


def test_a_large_dataset_from_few_sources_warns(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the authors' 4 billion tokens, here set to 4,000; below it, nothing is said."""
    assert "This dataset has more than 4 billion tokens" not in card_of(dataset)
    monkeypatch.setattr(rendering, "_MANY_TOKENS", 4_000)
    renew_card(dataset)
    assert "This dataset has more than 4 billion tokens from 1 source.**" in card_of(dataset)


def test_a_fresh_card_passes_and_a_person_may_write(dataset: Path, command: Command) -> None:
    """Words outside the sections, keys and an edited section are no fault, and stay when the card is written again."""
    assert command("card", dataset, "--check")[:2] == (
        0,
        f"The card of {dataset} says what is there, and the Hub will take it as it is.\n",
    )
    text = (
        card_of(dataset)
        .replace("## Sources", "## My sources")
        .replace("pretty_name: NExt", "gated: true\npretty_name: My NExt")
    )
    (dataset / "README.md").write_text(f"{text}\nThanks to everybody.\n")
    assert command("card", dataset, "--check", "--json")[0] == 0
    code, out, _ = command("card", dataset, "--language", "en", "--json")
    assert (code, json.loads(out)["pictures"]) == (0, [f"assets/{name}.png" for name in DRAWN])
    renew_card(dataset)
    assert header_of(dataset)["language"] == ["en"] and header_of(dataset)["gated"] is True
    assert header_of(dataset)["pretty_name"].startswith("My NExtLong")
    assert card_of(dataset).endswith("Thanks to everybody.\n") and "## My sources" in card_of(dataset)
    assert verify(dataset).faults == ()


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda text: text.replace("license: other", "license: free"), "README.md: unknown license 'free'"),
        (lambda text: text.replace("license_name: not-stated\n", ""), "needs license_name"),
        (lambda text: text.replace(SHARD, "data/tiny/other.parquet"), "`configs` lists other files than manifest.json"),
        (
            lambda text: text.replace("assets/scores", "assets/mine"),
            "assets/mine.png is shown by README.md but missing",
        ),
        (
            lambda text: text.replace("num_examples: 8", "num_examples: 9"),
            "The key 'dataset_info' of README.md is not what",
        ),
        (lambda text: "# Hello\n", "has no YAML header"),
    ],
)
def test_a_card_that_lies_is_named(edit: Any, fault: str, dataset: Path, command: Command) -> None:
    """By the Hub's rules or by the data: exit code 3, one line a fault, and nothing is written."""
    (dataset / "README.md").write_text(edit(card_of(dataset)))
    before = published(dataset)
    code, out, _ = command("card", dataset, "--check")
    assert code == 3 and fault in out and "has 1 fault" in out
    assert published(dataset) == before


@pytest.mark.slow
def test_the_card_of_another_state_is_named(dataset: Path, corpus_file: Path, tmp_path: Path) -> None:
    """A card generated for five rows does not pass for eight, section by section; written again, it does."""
    build(make_request(corpus_file, rows=5), tmp_path / "five")
    shutil.copy(tmp_path / "five" / "README.md", dataset)
    stale = " ".join(check_card(dataset).faults)
    assert all(
        f"The section {name!r} of README.md is not what the data give" in stale for name in ("overview", "making")
    )
    renew_card(dataset)
    assert check_card(dataset).faults == ()


def test_a_card_without_pictures(dataset: Path, command: Command) -> None:
    """Those that were there go, a person's own stays, and the check does not ask for them."""
    shutil.copy(dataset / "assets" / "scores.png", dataset / "assets" / "logo.png")
    (dataset / "README.md").write_text(card_of(dataset) + "\n![logo](assets/logo.png)\n")
    assert command("card", dataset, "--no-plots")[0] == 0
    assert [path.name for path in (dataset / "assets").iterdir()] == ["logo.png"]
    assert check_card(dataset).faults == ()
    assert [file.path for file in published_files(dataset)] == [
        *(SHARD, "recipes/tiny.toml", "assets/logo.png", "README.md", "manifest.json")
    ]


def test_no_dataset_no_card(tmp_path: Path, command: Command) -> None:
    """A folder without a manifest is refused by name; options that contradict each other are a mistake in use."""
    code, _, errors = command("card", tmp_path)
    assert code == 1 and "holds no manifest.json of nextlong-hub" in errors
    assert command("card", tmp_path, "--check", "--no-plots")[0] == 2


def test_a_folder_that_is_being_written_is_left_alone(dataset: Path) -> None:
    """The card waits for nobody: a second writer is refused."""
    with locked(dataset), pytest.raises(ConflictError, match="another process is writing"):
        renew_card(dataset)


def test_a_copy_without_work_can_have_its_card_written(dataset: Path) -> None:
    """As it comes from the Hub: nothing is put beside the published files."""
    shutil.rmtree(dataset / ".work")
    before = published(dataset)
    renew_card(dataset)
    assert published(dataset) == before
    assert not (dataset / ".work").exists()


def test_digests_that_somebody_took_out_are_remembered(dataset: Path) -> None:
    """Without the comment below the header, the card of last time in `.work` still tells what was edited."""
    text = re.sub(r"<!-- nextlong:auto .*-->\n", "", card_of(dataset)).replace("## Sources", "## My sources")
    (dataset / "README.md").write_text(text)
    assert renew_card(dataset).notes[:1] != ()
    assert "## My sources" in card_of(dataset)
    assert "<!-- nextlong:auto " in card_of(dataset)
    assert check_card(dataset).faults == ()


def test_edits_outlive_a_change_of_the_data(dataset: Path, corpus_file: Path) -> None:
    """More rows: what was generated is renewed, what a person wrote is there still."""
    text = card_of(dataset).replace("## Citation", "## How to cite")
    (dataset / "README.md").write_text(f"{text}\nThanks.\n")
    build(make_request(corpus_file, rows=10), dataset)
    assert "| `tiny` (default) | 10 |" in card_of(dataset)
    assert "## How to cite" in card_of(dataset) and card_of(dataset).endswith("Thanks.\n")
    assert check_card(dataset).faults == ()


def test_a_folder_without_its_manifest_says_so(dataset: Path, corpus_file: Path) -> None:
    """While data are replaced another card is there, which load_dataset cannot use; then the old one, edits too."""
    (dataset / "README.md").write_text(card_of(dataset) + "\nThanks.\n")
    before = published(dataset)
    with locked(dataset) as workspace:
        invalidate(dataset, workspace)
    assert "This dataset is unfinished" in card_of(dataset)
    with pytest.raises((FileNotFoundError, ValueError)):
        load_dataset(str(dataset), "tiny")
    with pytest.raises(DataError, match="holds no manifest"):
        renew_card(dataset)
    build(make_request(corpus_file), dataset)
    assert published(dataset) == before
    assert not list((dataset / ".work" / "withdrawn").iterdir())


@pytest.mark.parametrize("stage", ["card", "stub", "manifest"])
def test_a_death_between_withdrawing_and_committing_loses_no_words(
    stage: str, dataset: Path, corpus_file: Path
) -> None:
    """Killed after the card was moved, after another took its place, or before the manifest came: all is back."""
    (dataset / "README.md").write_text(card_of(dataset) + "\nThanks.\n")
    before = published(dataset)
    with locked(dataset) as workspace:
        invalidate(dataset, workspace)
    kept = dataset / ".work" / "withdrawn"
    if stage == "manifest":
        shutil.copy(kept / "README.md", dataset)
    else:
        (kept / "manifest.json").replace(dataset / "manifest.json")
        if stage == "card":
            (dataset / "README.md").unlink()
    build(make_request(corpus_file), dataset)
    assert published(dataset) == before


def test_what_belongs_to_a_dataset(dataset: Path) -> None:
    """In the order to send it, with the manifest's digests; nothing else, whatever lies around."""
    (dataset / "notes.txt").write_text("mine")
    (dataset / "assets" / "old.png").write_bytes(b"\x89PNG")
    files = published_files(dataset)
    assert [file.path for file in files] == [
        *(SHARD, "recipes/tiny.toml"),
        *(f"assets/{name}.png" for name in DRAWN),
        *("README.md", "manifest.json"),
    ]
    for file in files:
        assert (dataset / file.path).stat().st_size == file.bytes
    for path, message in (("assets/reuse.png", "is missing"), (SHARD, "is not what manifest.json says")):
        content = (dataset / path).read_bytes()
        (dataset / path).unlink() if "missing" in message else (dataset / path).write_bytes(content[:-1] + b"?")
        with pytest.raises(DataError, match=message):
            published_files(dataset)
        (dataset / path).write_bytes(content)
    (dataset / "manifest.json").unlink()
    with pytest.raises(DataError, match="holds no manifest"):
        published_files(dataset)


@pytest.mark.parametrize(
    ("path", "owned"),
    [
        ("data/tiny/train-00000-of-00001.parquet", True),
        ("recipes/tiny.toml", True),
        ("assets/scores.png", True),
        ("manifest.json", True),
        ("assets/logo.png", False),
        ("recipes/notes/tiny.toml", False),
        ("README.md", False),
        ("LICENSE", False),
        (".gitattributes", False),
        ("data", False),
        ("", False),
    ],
)
def test_what_may_be_removed_when_it_is_stale(path: str, owned: bool) -> None:
    """Only what we put there."""
    assert is_owned(path) == owned


def test_a_rerun_that_changes_nothing_draws_nothing(dataset: Path, corpus_file: Path) -> None:
    """Card and pictures keep their time of writing."""
    stamps = {path: path.stat().st_mtime_ns for path in (dataset / "README.md", *(dataset / "assets").iterdir())}
    assert len(stamps) == 1 + len(DRAWN)
    assert build(make_request(corpus_file), dataset).unchanged
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_pictures_of_people_stay(dataset: Path, tmp_path: Path) -> None:
    """A card is not written through a link, and over no picture but one of ours."""
    (dataset / "assets").rename(tmp_path / "ours")
    (tmp_path / "outside").mkdir()
    (dataset / "assets").symlink_to(tmp_path / "outside")
    with pytest.raises(ConflictError, match="assets is a symbolic link, and nothing is written through one"):
        write_card(dataset)
    assert list((tmp_path / "outside").iterdir()) == []
    (dataset / "assets").unlink()
    (tmp_path / "ours").rename(dataset / "assets")
    picture = min((dataset / "assets").glob("*.png"))
    write_card(dataset, plots=False)
    assert not picture.exists()
    picture.write_text("a photograph")
    with pytest.raises(ConflictError, match=rf"holds assets/{re.escape(picture.name)}, not made by nextlong-hub"):
        write_card(dataset)
    assert picture.read_text() == "a photograph"
    with pytest.raises(ConflictError, match=r"move it away, or give .*force.* to replace it"):
        write_card(dataset, force=False)
    write_card(dataset, force=True)
    assert picture.read_bytes() != b"a photograph"


def test_languages_are_said_as_sources_state_them(tmp_path: Path) -> None:
    """In a card, row by row, or in a field that is not read; a language of few rows stands in the text alone."""
    documents = make_documents(200)
    extras = {
        "told": lambda number: {},
        "rows": lambda number: {"lang": "de" if number == 0 else "fi" if number % 2 else "en"},
        "silent": lambda number: {"about": {"language": "fr"}},
    }
    for name, extra in extras.items():
        rows = [
            {"id": f"{name} {one.id}", "text": f"{name} {one.text}", **extra(number)}
            for number, one in enumerate(documents)
        ]
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "told" / "README.md").write_text("---\nlanguage: [en, English]\nlicense: mit\n---\n")
    sources = tuple(SourceSettings(name=name, path=str(tmp_path / name)) for name in extras)
    request = BuildRequest(recipes=(tiny_recipe(),), sources=sources, tokenizer="demo", rows={"tiny": 2})
    build(request, tmp_path / "out")
    assert header_of(tmp_path / "out")["language"] == ["fi", "en"]
    assert (
        "Languages, as the sources state them: rows (by row: `fi` 100, `en` 99, `de` 1 of 200 documents), told (`en`, "
        "`English`). silent states none, and none was guessed."
    ) in section(tmp_path / "out", "sources")
