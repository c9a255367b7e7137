"""`load_dataset("nextlong", ...)` reaches our builder, or the folder we built, and nothing else of `datasets` changes.

A stand-in takes the builder's place here: what is tested is who gets called with what. Each case runs in a fresh
interpreter, because a registration cannot be taken back.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import nextlong_hub

pytestmark = pytest.mark.slow

STAND_IN = """
import sys, types
def use_stand_in():
    module = types.ModuleType("nextlong_hub.builders.nextlong")
    sys.modules[module.__name__] = module
    exec(STAND_IN_BUILDER, module.__dict__)
STAND_IN_BUILDER = '''
from dataclasses import dataclass
import datasets
import pyarrow as pa

@dataclass(eq=False)
class Config(datasets.BuilderConfig):
    corpus: object = None

class NExtLong(datasets.ArrowBasedBuilder):
    BUILDER_CONFIG_CLASS = Config
    BUILDER_CONFIGS = [Config(name="64k"), Config(name="128k")]
    DEFAULT_CONFIG_NAME = "128k"

    def __init__(self, *args, data_files=None, **keywords):
        super().__init__(*args, data_files=data_files or None, **keywords)

    def _info(self):
        return datasets.DatasetInfo(features=datasets.Features({"from": datasets.Value("string")}))

    def _split_generators(self, dl_manager):
        return [datasets.SplitGenerator(name="train", gen_kwargs={"shards": [0, 1]})]

    def _generate_tables(self, shards):
        files = sorted(file for split in (self.config.data_files or {}).values() for file in split)
        names = [file.rpartition("/")[2] for file in files]
        origin = f"built {self.config.name} corpus={self.config.corpus} files={names} dir={self.config.data_dir}"
        for shard in shards:
            yield shard, pa.table({"from": [origin]})
'''
"""

BEFORE = "from nextlong_hub.load_dataset.register import register; register(); import datasets"
AFTER = "import datasets; from nextlong_hub.load_dataset.register import register; register()"


def run(code: str, *, folder: Path, imports: str = BEFORE, **environment: str) -> Any:
    """Run `code` in `folder` after the imports; its `answer` comes back as JSON."""
    script = "\n".join(
        [
            "import json, sys, warnings",
            "warnings.simplefilter('error', RuntimeWarning)",
            STAND_IN,
            imports,
            "if 'datasets' in sys.modules: use_stand_in(); datasets.disable_progress_bars()",
            textwrap.dedent(code),
            "print('ANSWER', json.dumps(answer))",
        ]
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / ".hf-home")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=os.environ | offline | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("ANSWER ")[2])


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A folder that holds `nextlong/`, finished by us, with the configurations 128k (default) and 512k."""
    nextlong = tmp_path / "nextlong"
    configs = ""
    for name in ("512k", "128k"):
        (nextlong / "data" / name).mkdir(parents=True)
        (nextlong / "data" / name / "train-00000-of-00001.jsonl").write_text(f'{{"from": "folder {name}"}}\n')
        configs += f"- config_name: {name}\n  data_files:\n  - split: train\n    path: data/{name}/train-*\n"
        configs += "  default: true\n" if name == "128k" else ""
    (nextlong / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    (nextlong / "manifest.json").write_text('{"tool": "nextlong-hub"}')
    return tmp_path


@pytest.mark.parametrize("imports", [BEFORE, AFTER], ids=["before datasets", "after datasets"])
def test_the_name_means_our_builder_whichever_is_imported_first(imports: str, tmp_path: Path) -> None:
    """Rows, streams, configuration names, builder arguments and input files arrive; stray files here do not leak in."""
    (tmp_path / "stray.csv").write_text("a\n1\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "one.txt").write_text("one")
    answer = run(
        """
        from datasets import load_dataset, load_dataset_builder
        from nextlong_hub.load_dataset.register import code_digest
        row = lambda *args, **keywords: load_dataset("nextlong", *args, split="train", **keywords)[0]["from"]
        answer = [
            row("128k"), row(), row("64k", corpus="mine"), row("64k", data_files="notes/one.txt"),
            row("64k", data_dir="notes"),
            next(iter(load_dataset("nextlong", "128k", split="train", streaming=True)))["from"],
            datasets.get_dataset_config_names("nextlong"), datasets.get_dataset_default_config_name("nextlong"),
            datasets.get_dataset_split_names("nextlong", "64k"), list(datasets.get_dataset_infos("nextlong")),
            load_dataset_builder("nextlong", "128k").hash == code_digest(),
            load_dataset("csv", data_files="stray.csv", split="train")["a"][:],
        ]
        """,
        folder=tmp_path,
        imports=imports,
    )
    built = "built 128k corpus=None files=[] dir=None"
    assert answer == [
        built,
        built,
        "built 64k corpus=mine files=[] dir=None",
        "built 64k corpus=None files=['one.txt'] dir=None",
        "built 64k corpus=None files=[] dir=notes",
        built,
        ["64k", "128k"],
        "128k",
        ["train"],
        ["64k", "128k"],
        True,
        [1],
    ]


@pytest.mark.parametrize("imports", [BEFORE, AFTER], ids=["before datasets", "after datasets"])
def test_our_finished_folder_is_read_unless_an_argument_asks_to_build(imports: str, finished: Path) -> None:
    """With ./nextlong finished by us the plain call reads it as `datasets` reads any folder; arguments build."""
    answer = run(
        """
        from datasets import load_dataset
        row = lambda path, *args, **keywords: load_dataset(path, *args, split="train", **keywords)[0]["from"]
        read = datasets.load_dataset_builder("nextlong", "512k")
        answer = [
            row("nextlong", "512k"), row("nextlong"), row("./nextlong", "512k"),
            row("nextlong", "512k", features=datasets.Features({"from": datasets.Value("large_string")})),
            read.cache_dir == datasets.load_dataset_builder("./nextlong", "512k").cache_dir,
            datasets.get_dataset_config_names("nextlong"), datasets.get_dataset_default_config_name("nextlong"),
            datasets.get_dataset_split_names("nextlong", "512k"),
            row("nextlong", "128k", corpus="mine"), row("nextlong", "128k", corpus=None),
            row("nextlong", "64k", data_dir="."),
            type(datasets.load_dataset_builder("nextlong", "64k", corpus="x")).__name__, row("nextlong"),
        ]
        """,
        folder=finished,
        imports=imports,
    )
    assert answer == [
        "folder 512k",
        "folder 128k",
        "folder 512k",
        "folder 512k",
        True,
        ["512k", "128k"],
        "128k",
        ["train"],
        "built 128k corpus=mine files=[] dir=None",
        "built 128k corpus=None files=[] dir=None",
        "built 64k corpus=None files=[] dir=.",
        "NExtLong",
        "folder 128k",
    ]


def test_a_folder_that_is_not_ours_is_left_alone(finished: Path) -> None:
    """Another tool's manifest, a broken one, a folder in its place, or none: the plain call builds."""
    answer = run(
        """
        from datasets import load_dataset
        import pathlib, shutil
        manifest = pathlib.Path("nextlong/manifest.json")
        answer = []
        for content in ('{"tool": "other"}', '["nextlong-hub"]', '{"tool": "nextlong-hub"', None):
            manifest.write_text(content) if content else (manifest.unlink(), manifest.mkdir())
            answer.append(load_dataset("nextlong", "128k", split="train")[0]["from"])
        shutil.rmtree("nextlong")
        answer.append(load_dataset("nextlong", "128k", split="train")[0]["from"])
        """,
        folder=finished,
    )
    assert answer == ["built 128k corpus=None files=[] dir=None"] * 5


def test_registering_is_light_and_registering_again_changes_nothing(tmp_path: Path) -> None:
    """It imports neither `datasets` nor any array library, waits as one finder, and is done once."""
    answer = run(
        """
        heavy = [name for name in ("datasets", "numpy", "pyarrow", "huggingface_hub", "hashlib") if name in sys.modules]
        ours = "nextlong_hub.load_dataset.register"
        finders = lambda: sum(type(finder).__module__ == ours for finder in sys.meta_path)
        register()
        answer = [heavy, finders()]
        import importlib.metadata, importlib.util
        importlib.invalidate_caches()
        answer.append(importlib.metadata.version("pytest") != "")
        answer.append(importlib.util.find_spec("datasets.load").name)  # found, but not run
        import datasets
        first = datasets.load.PackagedDatasetModuleFactory, datasets.load.load_dataset_builder
        register()
        again = datasets.load.PackagedDatasetModuleFactory, datasets.load.load_dataset_builder
        answer += [first == again, finders(), datasets.load.__loader__.get_source("datasets.load") is not None]
        """,
        folder=tmp_path,
        imports="import nextlong_hub; from nextlong_hub.load_dataset.register import register",
        COVERAGE_PROCESS_CONFIG="",  # what measures coverage imports hashlib itself
    )
    assert answer == [[], 1, True, "datasets.load", True, 0, True]


def test_a_datasets_release_we_do_not_fit_still_imports(tmp_path: Path) -> None:
    """When a name we change is missing, `datasets` works as without us, and a warning says what to do."""
    answer = run(
        """
        del datasets.load.PackagedDatasetModuleFactory
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import nextlong_hub
        answer = [str(warning.message) for warning in caught], "nextlong" in datasets.load._PACKAGED_DATASETS_MODULES
        """,
        folder=tmp_path,
        imports="import datasets",
    )
    messages, registered = answer
    assert len(messages) == 1
    assert "could not register with datasets" in messages[0]
    assert "nextlong_hub.load()" in messages[0]
    assert not registered


def test_the_digest_follows_everything_that_may_decide_bytes(tmp_path: Path) -> None:
    """A changed module, recipe or word list gives another digest; test helpers and prose do not.

    A running process keeps the one it began with.
    """
    package = tmp_path / "nextlong_hub"
    shutil.copytree(Path(nextlong_hub.__file__).parent, package)
    for folder in ("builders", "cards"):
        (package / folder).mkdir(exist_ok=True)
        (package / folder / "__init__.py").touch()
    code = "from nextlong_hub.load_dataset.register import code_digest; answer = code_digest()"

    def digest() -> str:
        return str(run(code, folder=tmp_path, imports="", PYTHONPATH=str(tmp_path)))

    seen = [digest()]
    for name in ("method/chunking.py", "retrieval/bm25/stopwords/en.txt", "builders/64k.toml", "builders/nextlong.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        with (package / name).open("a") as handle:
            handle.write("\n# changed\n")
        seen.append(digest())
    assert len(set(seen)) == 5
    for name in ("testing/faults.py", "cards/__init__.py", "builders/demo/readme.txt", "notes.md"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        with (package / name).open("a") as handle:
            handle.write("\n# changed\n")
    assert digest() == seen[-1]
    edited = """
        from pathlib import Path
        from nextlong_hub.load_dataset import register
        first = register.code_digest()
        Path(register.__file__).parents[1].joinpath("method/chunking.py").write_text("# edited while running")
        answer = first == register.code_digest()
    """
    assert run(edited, folder=tmp_path, imports="", PYTHONPATH=str(tmp_path))
