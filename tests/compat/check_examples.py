"""Look up the names that examples/trainers uses in each trainer's newest release, and at the head of its main.

    python tests/compat/check_examples.py                      # all; downloads wheels and fetches repositories
    python tests/compat/check_examples.py trl/sft_128k.py --keep ~/.venvs
    python tests/compat/check_examples.py --pinned             # commits of trainer_sources.py instead of heads

Nothing is installed or imported: names are looked up in the text of the sources. An import must lead to a file that has
the name; an option must be defined somewhere as an argument, a field or a key. What this finds is a name that is gone,
not one whose meaning changed.

Exit codes: 0, every name is there; 1, one is gone; 4, none is gone, and some source could not be had.
"""

import argparse
import ast
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from trainer_sources import GITHUB, check_out

EXAMPLES = Path(__file__).parents[2] / "examples" / "trainers"
NOT_HAD = 4


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Where the names of an example are defined."""

    package: str = ""
    """Of the newest release; empty: no release has them, or the example is for main only."""
    source: str = ""
    """Of its main, by the key of `SOURCES`; empty: the example is for releases only."""
    beside: tuple[str, ...] = ()
    """Other packages whose options it takes."""
    ours: tuple[str, ...] = ()
    """Names that are another's: the example makes them up, or the trainer passes them on to PyTorch."""


TRAINERS = {
    "trl/sft_128k.py": Trainer(package="trl", source="trl", beside=("transformers",)),
    "unsloth/sft_128k.py": Trainer(package="unsloth", source="unsloth", beside=("trl", "transformers")),
    "axolotl/128k.yaml": Trainer(package="axolotl", source="axolotl", beside=("transformers",)),
    "llama_factory/128k.yaml": Trainer(package="llamafactory", source="llama-factory", beside=("transformers",)),
    "ms_swift/train_128k.sh": Trainer(package="ms-swift", source="ms-swift", beside=("transformers",)),
    "torchtitan/nextlong_128k.py": Trainer(package="torchtitan"),
    "torchtitan/nextlong_128k_main.py": Trainer(source="torchtitan-main"),
    "olmo_core/dataset_64k.py": Trainer(package="ai2-olmo-core", source="olmo-core"),
    "megatron_bridge/dataset_128k.py": Trainer(source="megatron-bridge"),
    "automodel/128k.yaml": Trainer(package="nemo-automodel", source="automodel"),
    "litgpt/nextlong_data.py": Trainer(package="litdata", source="litdata", ours=("pin_memory",)),
    "maxtext/128k.yml": Trainer(source="maxtext"),
    "megatron/train_128k.sh": Trainer(source="megatron-lm", ours=("nproc_per_node",)),
    "nanotron/128k.yaml": Trainer(source="nanotron"),
    "skyrl/train_128k.sh": Trainer(source="skyrl"),
    "verl/nextlong_dataset.py": Trainer(package="verl", source="verl"),
}
"""By example. ProLong's script is not among them: its repository has had no change since 2024."""


def main() -> int:
    """Look up the names of the examples on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("examples", nargs="*", default=TRAINERS, help="files below examples/trainers; default: all")
    parser.add_argument("--keep", type=Path, help="folder for wheels and checkouts, to keep and to use again")
    parser.add_argument("--sources", default=GITHUB, help=f"where repositories are; default: {GITHUB}")
    parser.add_argument("--pinned", action="store_true", help="take the commits of trainer_sources.py")
    options = parser.parse_args()
    gone, missing = 0, 0
    with tempfile.TemporaryDirectory(prefix="nextlong-examples-") as name:
        kept = options.keep.resolve() if options.keep else Path(name)
        for example in options.examples:
            trainer = TRAINERS[example]
            for what, folder in places(trainer, kept, options):
                if folder is None:
                    missing += 1
                    say(f"{example}: {what}")
                    continue
                beside = [release(package, kept)[1] for package in trainer.beside]
                lost = sorted(names_gone(EXAMPLES / example, [folder, *filter(None, beside)], trainer.ours))
                gone += bool(lost)
                say(f"{example}: {what}: {'GONE: ' + ', '.join(lost) if lost else 'every name is there'}")
    say(f"{gone} with names that are gone, {missing} that could not be had")
    return 1 if gone else NOT_HAD if missing else 0


def places(trainer: Trainer, kept: Path, options: argparse.Namespace) -> Iterator[tuple[str, Path | None]]:
    """The release and the source of a trainer; None where it cannot be had, with the reason."""
    if trainer.package:
        yield release(trainer.package, kept)
    if trainer.source:
        got = check_out(trainer.source, kept / "sources", where=options.sources, newest=not options.pinned)
        if got.commit:
            yield f"main, {got.commit[:7]}", got.folder
        else:
            yield f"main could not be fetched: {got.reason}", None


@cache
def release(package: str, kept: Path) -> tuple[str, Path | None]:
    """The newest release of a package, unpacked and not installed."""
    folder = kept / "releases" / package
    if not folder.exists():
        with tempfile.TemporaryDirectory() as scratch:
            words = ("download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", scratch, package)
            done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
            wheels = list(Path(scratch).glob("*.whl"))
            if done.returncode or not wheels:
                return f"the release of {package} could not be had: {' '.join(done.stderr.split())[-200:]}", None
            with zipfile.ZipFile(wheels[0]) as wheel:
                wheel.extractall(folder)
    [info] = folder.glob("*.dist-info")
    return f"release {info.name.removesuffix('.dist-info').replace('-', ' ')}", folder


def names_gone(example: Path, folders: list[Path], ours: tuple[str, ...]) -> set[str]:
    """The names of an example that no folder has."""
    lost = {name for name in options_of(example) if name not in ours and not is_defined(name, tuple(folders))}
    if example.suffix == ".py":
        tree = ast.parse(example.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                root = node.module.partition(".")[0]
                if any(base_of(root, folder) for folder in folders):
                    lost |= {
                        f"{node.module}.{alias.name}"
                        for alias in node.names
                        if not any(has_name(node.module, alias.name, folder) for folder in folders)
                    }
    return lost


def options_of(example: Path) -> set[str]:
    """The options that a file of settings gives."""
    text = example.read_text("utf-8")
    if example.suffix in (".yaml", ".yml"):
        return set(keys_of(yaml.safe_load(text)))
    if example.suffix == ".sh":
        lines = [line.partition(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#")]
        block = "\n".join(lines).partition("arguments=(")[2].partition("\n)")[0]
        flags = re.findall(r"(?:^|\s)--([a-zA-Z][\w-]*)", block)
        assigned = re.findall(r"(?:^|\s)\"?([a-z_][\w.]*)=", block)
        return {flag.replace("-", "_") for flag in flags} | {one.rpartition(".")[2] for one in assigned}
    tree = ast.parse(text)
    imported = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in ("datasets", "torch")
        for alias in node.names
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).partition(".")[0] in imported:
            found |= {keyword.arg for keyword in node.keywords if keyword.arg}
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            found |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    return found - {"kw_only", "slots"}


def keys_of(value: Any) -> Iterator[str]:
    """Every key of nested settings."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield str(key)
            yield from keys_of(below)
    if isinstance(value, list):
        for one in value:
            yield from keys_of(one)


@cache
def is_defined(name: str, folders: tuple[Path, ...]) -> bool:
    """Whether the name is an argument, a field, a key or a flag somewhere."""
    flag = re.escape(name).replace("_", "[-_]")
    pattern = re.compile(rf"(?m)\b{re.escape(name)}\b\s*[:=]|[\"'](?:--)?{flag}[\"']|^\s*{re.escape(name)}\b\s*,?$")
    return any(pattern.search(text) for folder in folders for text in texts_of(folder))


@cache
def texts_of(folder: Path) -> tuple[str, ...]:
    """Its sources and settings."""
    files = (path for path in folder.rglob("*") if path.suffix in (".py", ".yml", ".yaml") and path.is_file())
    return tuple(path.read_text("utf-8", "replace") for path in files)


def base_of(root: str, folder: Path) -> Path | None:
    """Where a package lies in a checkout or an unpacked wheel."""
    return next((base for base in (folder, folder / "src") if (base / root).is_dir()), None)


def has_name(module: str, name: str, folder: Path) -> bool:
    """Whether a module is there, and names it."""
    base = base_of(module.partition(".")[0], folder)
    if base is None:
        return False
    path = base.joinpath(*module.split("."))
    files = [one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()]
    return any(re.search(rf"\b{re.escape(name)}\b", one.read_text("utf-8")) for one in files)


def say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
