"""Read every export with the packages of its trainer, in a virtual environment of its own.

    python tests/compat/check_trainers.py                       # all; installs about 6 GB
    python tests/compat/check_trainers.py trl --keep ~/.venvs   # one; the environment is kept and used again

No GPU is needed. The trainers disagree about the releases of each other's libraries: what is installed is TRL with all
it asks for, and the others without, as far as reading data needs. What that covers: examples/trainers/README.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from importlib.resources import files
from pathlib import Path

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.documents.fit import FitRequest, Mode
from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.pipeline import BuildRequest, build, fit
from nextlong_hub.recipe import Recipe
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus
from nextlong_hub.tokenization import load_tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from card_blocks import trl_lines
from chat_worlds import CHATML, chat_recipe, tokenizer_of
from packed_rows import packed_row, write_packed
from transformers import PreTrainedTokenizerFast

CHECKS = Path(__file__).with_name("trainer_checks.py")
EXAMPLES = Path(__file__).parents[2] / "examples" / "trainers"
TRAINERS = (
    "trl",
    "trl_rows",
    "context_parallel",
    "axolotl",
    "llama_factory",
    "torchtitan",
    "megatron",
    "nanotron",
    "olmo",
)
WHOLE = ("torch", "trl", "datatrove", "megatron-core", "peft", "tyro", "omegaconf", "einops", "torchdata", "av", "fire")
LIBRARIES = (*WHOLE, "cached-path", "addict", "spmd_types", "art", "colorama", "tensorboard", "humanize")
ALONE = (
    *("llamafactory", "torchtitan", "axolotl", "torchaudio", "posthog", "distro", "numba", "llvmlite"),
    *("ai2-olmo-core", "bettermap", "dataclass-extensions", "importlib-resources"),
)

EOS = 50_256
"""That of the embedded tokenizer, `<|endoftext|>`."""
SENTENCES = ("The quick brown fox jumps over the lazy dog.", "A stitch in time saves nine.", "Still waters run deep.")


def main() -> int:
    """Check the trainers named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trainers", nargs="*", default=TRAINERS, help="trainers to check; default: all")
    parser.add_argument("--keep", type=Path, help="folder for the environment to keep and to use again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nextlong-trainers-") as name:
        scratch = Path(name)
        write_exports(scratch / "exports")
        write_datasets(scratch / "exports" / "rows")
        python = prepare((options.keep or scratch) / "trainers")
        environment = os.environ | {"HF_HOME": str(scratch / "home")}
        failed = [
            trainer
            for trainer in options.trainers
            if subprocess.run(
                [python, "-W", "ignore", CHECKS, trainer, scratch / "exports", EXAMPLES],
                cwd=scratch,
                env=environment,
                check=False,
            ).returncode
        ]
    sys.stdout.write(f"{len(options.trainers) - len(failed)} passed, {len(failed)} failed\n")
    return 1 if failed else 0


def write_exports(folder: Path) -> None:
    """Packed rows in every form, rows of one length for readers of windows, and what they hold."""
    tokenizer = load_tokenizer("demo")
    texts = [f"{sentence} {number}" for number in range(4) for sentence in SENTENCES]
    documents = [(text, "web", tokenizer.encode(text).tolist()) for text in texts]
    packed = [documents[start : start + 3] for start in range(0, len(documents), 3)]
    shortest = min(len(tokens) for _, _, tokens in documents)
    even = [[one] for one in documents if len(one[2]) == shortest]
    for kind, rows in (("packed", packed), ("even", even)):
        write_packed(folder / kind, [packed_row(f"{kind}/{number}", row) for number, row in enumerate(rows)])
    for form in ("trl", "axolotl", "text", "megatron"):
        export(folder / "packed", ExportRequest(format=form), folder / form)
    export(folder / "packed", ExportRequest(format="olmo", token_bytes=2, eos_id=EOS), folder / "olmo")
    for form in ("text", "nanotron"):
        token_bytes = 2 if form == "nanotron" else None
        export(folder / "even", ExportRequest(format=form, token_bytes=token_bytes), folder / f"even-{form}")
    expected = {
        kind: [[tokens for _, _, tokens in row] for row in rows] for kind, rows in (("packed", packed), ("even", even))
    }
    (folder / "expected.json").write_text(json.dumps(expected))
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
