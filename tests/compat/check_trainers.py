"""Read every export with its trainer's own reader, in a virtual environment of its own, and train two steps on it.

    python tests/compat/check_trainers.py                       # all; installs about 6 GB, fetches six repositories
    python tests/compat/check_trainers.py trl --keep ~/.venvs   # one; environment and checkouts are kept and used again
    python tests/compat/check_trainers.py --newest              # sources at the head of their main
    python tests/compat/check_trainers.py --write               # results go into docs/reference/readers.json

No GPU is needed. The trainers disagree about the releases of each other's libraries: what is installed is TRL with all
it asks for, and the others without, as far as reading data needs. A reader that no release has comes as source, fetched
by git at the commit that trainer_sources.py names; `--sources` names another place than GitHub, with places for {owner}
and {name}. One that cannot be fetched is told, and counts as not run.

Exit codes: 0, all passed; 1, one failed; 4, none failed, and some could not be fetched.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.documents.fit import FitRequest, Mode
from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.pipeline import BuildRequest, build, fit
from nextlong_hub.recipe import Recipe
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.tokenization import load_tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import readers_page
from card_blocks import trl_lines
from chat_worlds import CHATML, chat_recipe, tokenizer_of
from packed_rows import packed_row, write_packed
from trainer_sources import GITHUB, check_out
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent
EXAMPLES = Path(__file__).parents[2] / "examples" / "trainers"
INSTALLED = {
    "mds": ("mds", "mosaicml-streaming"),
    "trl": ("trl", "trl"),
    "axolotl": ("axolotl", "axolotl"),
    "llama_factory": ("text", "llamafactory"),
    "torchtitan": ("text", "torchtitan"),
    "megatron": ("megatron", "megatron-core"),
    "nanotron": ("nanotron", "datatrove"),
    "olmo": ("olmo", "ai2-olmo-core"),
    "litdata": ("litdata", "litdata"),
    "numpy": ("numpy", "numpy"),
    "jsonl": ("jsonl", "datasets"),
}
"""By reader: the export, and the package."""
FETCHED = {
    "torchtitan_main": ("torchtitan", "torchtitan-main"),
    "maxtext": ("olmo", "maxtext"),
    "skyrl": ("skyrl", "skyrl"),
    "verl": ("skyrl", "verl"),
    "megatron_bridge": ("megatron-bridge", "megatron-bridge"),
    "nanogpt": ("nanogpt", "automodel"),
    "automodel_megatron": ("megatron", "automodel"),
}
"""By reader: the export, and the source."""
LOADED = {"trl_rows": "trl", "context_parallel": "torch"}
"""Checks of rows without an export, and the package."""
WHOLE = ("torch", "trl", "datatrove", "megatron-core", "peft", "tyro", "omegaconf", "einops", "torchdata", "av", "fire")
LIBRARIES = (
    *(*WHOLE, "cached-path", "addict", "spmd_types", "art", "colorama", "tensorboard", "humanize"),
    *("grain", "loguru", "pybind11", "tensordict", "python-snappy", "zstd", "Brotli", "catalogue"),
)
ALONE = (
    *("llamafactory", "torchtitan", "axolotl", "torchaudio", "posthog", "distro", "numba", "llvmlite"),
    *("ai2-olmo-core", "bettermap", "dataclass-extensions", "importlib-resources"),
    *("litdata", "lightning-utilities", "tifffile", "obstore", "mosaicml-streaming", "torchvision"),
)

EOS = 50_256
"""That of the embedded tokenizer, `<|endoftext|>`."""
SENTENCES = ("The quick brown fox jumps over the lazy dog.", "A stitch in time saves nine.", "Still waters run deep.")
NOT_FETCHED = 4


def main() -> int:
    """Check the readers named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = (*INSTALLED, *FETCHED, *LOADED)
    parser.add_argument("readers", nargs="*", default=known, help="readers to check; default: all")
    parser.add_argument("--keep", type=Path, help="folder for environment and checkouts, to keep and to use again")
    parser.add_argument("--sources", default=GITHUB, help=f"where repositories are; default: {GITHUB}")
    parser.add_argument("--newest", action="store_true", help="take the head of main of each source")
    parser.add_argument("--write", action="store_true", help="write the results into the documentation")
    options = parser.parse_args()
    records: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="nextlong-trainers-") as name:
        scratch = Path(name)
        write_exports(scratch / "exports")
        write_datasets(scratch / "rows")
        kept = options.keep.resolve() if options.keep else scratch
        python = prepare(kept / "trainers")
        for reader in options.readers:
            records[reader] = check(reader, python, scratch, kept / "sources", options)
            sys.stdout.write(f"{reader}: {readers_page.told(records[reader])}\n")
            sys.stdout.flush()
    if options.write:
        readers_page.write(records)
    results = [record["result"] for record in records.values()]
    counts = {result: results.count(result) for result in ("passed", "failed", "not fetched")}
    sys.stdout.write(", ".join(f"{count} {result}" for result, count in counts.items()) + "\n")
    return 1 if counts["failed"] else NOT_FETCHED if counts["not fetched"] else 0


def check(
    reader: str, python: Path, scratch: Path, sources: Path, options: argparse.Namespace
) -> dict[str, Any]:  # fmt: skip
    """The record of one reader: the export, the version, and what came of it."""
    words: list[str | Path] = ["trainer_checks.py", reader, scratch / "exports", EXAMPLES]
    record: dict[str, Any] = {"date": f"{datetime.now(UTC):%Y-%m-%d}"}
    if reader in FETCHED:
        form, source = FETCHED[reader]
        got = check_out(source, sources, where=options.sources, newest=options.newest)
        record |= {"export": form, "version": f"main, {got.commit[:7]}"}
        if not got.commit:
            return record | {"version": "", "result": "not fetched", "how": got.reason}
        words = ["source_checks.py", *words[1:], got.folder]
    elif reader in LOADED:
        words = ["row_checks.py", reader, scratch / "rows"]
        record |= {"version": f"{LOADED[reader]} {version_of(LOADED[reader], python)}"}
    else:
        form, package = INSTALLED[reader]
        record |= {"export": form, "version": f"{package} {version_of(package, python)}"}
    done = subprocess.run(
        [python, "-W", "ignore", HERE / words[0], *words[1:]],
        cwd=scratch,
        env=os.environ | {"HF_HOME": str(scratch / "home"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return record | {"result": "failed", "how": " ".join(done.stderr.split())[-600:]}
    return record | {"result": "passed"} | json.loads(done.stdout.splitlines()[-1])


def version_of(package: str, python: Path) -> str:
    """The release that is installed there."""
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def write_exports(folder: Path) -> None:
    """Packed rows in every form, rows of one length for readers of windows, conversations, and what they hold."""
    tokenizer = load_tokenizer("demo")
    texts = [f"{number}: {sentence} {number}" for number in range(4) for sentence in SENTENCES]
    documents = [(text, "web", tokenizer.encode(text).tolist()) for text in texts]
    packed = [documents[start : start + 3] for start in range(0, len(documents), 3)]
    shortest = min(len(tokens) for _, _, tokens in documents)
    even = [[one] for one in documents if len(one[2]) == shortest]
    for kind, rows in (("packed", packed), ("even", even)):
        write_packed(folder / kind, [packed_row(f"{kind}/{number}", row) for number, row in enumerate(rows)])
    masked = [
        packed_row(f"masked/{number}", row, [place % 3 % 2 for _, _, tokens in row for place in range(len(tokens))])
        for number, row in enumerate(packed)
    ]
    write_packed(folder / "masked", masked, masked=True)
    for name, rows_of, choices in (
        *((form, "packed", {}) for form in ("mds", "trl", "axolotl", "text", "megatron", "jsonl")),
        ("olmo", "packed", {"token_bytes": 2, "eos_id": EOS}),
        ("torchtitan", "packed", {"eos_id": EOS}),
        ("nanogpt", "packed", {"token_bytes": 2, "eos_id": EOS}),
        ("skyrl", "masked", {}),
        ("megatron-bridge", "masked", {"eos_id": EOS}),
        ("numpy", "masked", {"token_bytes": 2}),
        ("even-text", "even", {}),
        ("even-megatron", "even", {}),
        ("even-nanotron", "even", {"token_bytes": 2}),
        ("even-olmo", "even", {"token_bytes": 2, "eos_id": EOS}),
        ("even-litdata", "even", {"eos_id": EOS}),
        ("even-nanogpt", "even", {"token_bytes": 2, "eos_id": EOS}),
        ("even-nanogpt4", "even", {"token_bytes": 4, "eos_id": EOS}),
    ):
        form = name.removeprefix("even-").removesuffix("4")
        export(folder / rows_of, ExportRequest(format=form, **choices), folder / name)  # type: ignore[arg-type]
    expected = {
        kind: [[tokens for _, _, tokens in row] for row in rows] for kind, rows in (("packed", packed), ("even", even))
    }
    (folder / "expected.json").write_text(json.dumps(expected))
    (folder / "documents.json").write_text(json.dumps([tokens for _, _, tokens in documents]))
    info = folder / "text" / "dataset_info.json"
    info.write_text(json.dumps({"nextlong_128k": next(iter(json.loads(info.read_text()).values()))}))
    shutil.copytree(str(files("nextlong_hub.builders").joinpath("demo/gpt2")), folder / "tokenizer")


def write_datasets(folder: Path) -> None:
    """A dataset of each kind of row, with a card whose lines for TRL lie beside it, and its tokenizer."""
    corpus = write_corpus(folder / "documents.jsonl", make_documents(40))
    talks = folder / "talks.jsonl"
    turns = [{"from": "human", "value": "What is {0} + 1?"}, {"from": "gpt", "value": "It is one more than {0}."}]
    talks.write_text("".join(json.dumps({"conversations": turns}).replace("{0}", str(n)) + "\n" for n in range(20)))
    chat = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer_of("chatml").copy_backend(), chat_template=CHATML, eos_token="<|im_end|>"
    )
    chat.save_pretrained(folder / "chat")
    demo = str(files("nextlong_hub.builders").joinpath("demo/gpt2"))
    packed = tiny_recipe(name="packed", target_length=2048, mixture=({"recipe": "tiny", "share": 1.0},), pack=True)
    for name, recipe, ingredients, source, tokenizer in (
        ("plain", tiny_recipe(target_length=2048), (), corpus, demo),
        ("packed", packed, (tiny_recipe(),), corpus, demo),
        ("instruct", chat_recipe("auto"), (), talks, str(folder / "chat")),
    ):
        write_dataset(folder / name, recipe, ingredients, source, tokenizer)
    source = SourceSettings(name="world", path=str(corpus), license="cc0-1.0")
    modes: frozenset[Mode] = frozenset({"pack"})
    fit(FitRequest(source=source, tokenizer=demo, target_length=2048, modes=modes, align=4), folder / "aligned")


def write_dataset(folder: Path, recipe: Recipe, ingredients: tuple[Recipe, ...], corpus: Path, tokenizer: str) -> None:
    """One dataset of at most four rows."""
    request = BuildRequest(
        recipes=(recipe,),
        ingredients=ingredients,
        sources=(SourceSettings(name="world", path=str(corpus), license="cc0-1.0"),),
        tokenizer=tokenizer,
        rows={recipe.name: 4},
    )
    build(request, folder)
    (folder / "trl.py.txt").write_text(trl_lines((folder / "README.md").read_text(encoding="utf-8")))
    shutil.copytree(tokenizer, folder / "tokenizer")


def prepare(folder: Path) -> Path:
    """An environment with the trainers; its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, *LIBRARIES], check=True)
        subprocess.run([*pip, "--no-deps", *ALONE], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main())
