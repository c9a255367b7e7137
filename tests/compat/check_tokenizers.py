"""Try the newest pre-release of `tokenizers`, against the bound of pyproject.toml, and tell what breaks.

    python tests/compat/check_tokenizers.py                  # a minute; an environment of its own
    python tests/compat/check_tokenizers.py --keep ~/.venvs  # the environment is kept and used again
    python tests/compat/check_tokenizers.py --release 1.0.0rc3

The package is installed as it is, then the pre-release is put in the place of `tokenizers` without asking anybody. Each
probe runs in a process of its own, from what the package needs of the library to a build and its `verify`.

Exit codes: 0, nothing breaks, and the bound can go; 5, something does, which is told and is no failure of ours while
the bound stands; 1, it could not be tried.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from check_datasets_versions import build_wheel, pip, say

BREAKS = 5
NAMES = (
    *("Tokenizer.encode", "Tokenizer.encode_batch_fast", "Tokenizer.decode", "Tokenizer.from_str", "Tokenizer.to_str"),
    *("Tokenizer.get_vocab", "Tokenizer.get_vocab_size", "Tokenizer.get_added_tokens_decoder", "Tokenizer.model"),
    *("Tokenizer.normalizer", "Tokenizer.pre_tokenizer", "Tokenizer.post_processor"),
    "Tokenizer.encode_special_tokens",
    *("Tokenizer.no_truncation", "Tokenizer.no_padding", "Tokenizer.add_special_tokens", "AddedToken"),
    *("Encoding.ids", "Encoding.offsets"),
)
"""What the package takes from the library."""
TEXT = "Ein Löwe — 猫 and 64k of token\N{ZERO WIDTH JOINER}s.\n"
OPENED = "from nextlong_hub.tokenization import load_tokenizer; one = load_tokenizer('demo'); "
PROBES = {
    **{f"has {name}": f"import tokenizers; tokenizers.{name}" for name in NAMES},
    "transformers takes it": "import transformers; transformers.PreTrainedTokenizerFast",
    "a tokenizer opens": OPENED,
    "it gives the same ids": OPENED + f"assert one.encode({TEXT!r}).tolist() == {{ids}}",
    "a build": "from nextlong_hub.cli import run; import sys; "
    "sys.exit(run(['build', '64k', '--samples', '1', '--quiet', '--output', 'out']))",
    "its verify": "from nextlong_hub.cli import run; import sys; "
    "sys.exit(run(['verify', 'out', '--tokenizer', 'demo']))",
}
"""What is tried, and the code that ends with an exception or another code than 0 when it breaks."""


def main() -> int:
    """Try each probe."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keep", type=Path, help="folder for the environment to keep and to use again")
    parser.add_argument("--release", help="the release to try; default: the newest, pre-releases included")
    options = parser.parse_args()
    from nextlong_hub.tokenization import load_tokenizer

    ids = load_tokenizer("demo").encode(TEXT).tolist()
    with tempfile.TemporaryDirectory(prefix="nextlong-tokenizers-") as name:
        scratch = Path(name)
        try:
            python = prepare((options.keep or scratch) / "tokenizers", scratch, options.release)
        except subprocess.CalledProcessError as error:
            say(f"it could not be tried: {error}")
            return 1
        version = subprocess.run(
            [python, "-c", "import importlib.metadata as m; print(m.version('tokenizers'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        broken = 0
        for what, code in PROBES.items():
            fault = fault_of(python, code.replace("{ids}", repr(ids)), scratch)
            broken += fault is not None
            say(f"tokenizers {version}: {what}: {'works' if fault is None else f'BREAKS: {fault}'}")
    say(f"{len(PROBES) - broken} work, {broken} break: the bound {'can go' if not broken else 'stays'}")
    return BREAKS if broken else 0


def prepare(folder: Path, scratch: Path, release: str | None) -> Path:
    """An environment with the package, and the release in the place of its tokenizers; its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        pip(python, "install", str(build_wheel(scratch)))
    wanted = f"tokenizers=={release}" if release else "tokenizers"
    pip(python, "install", "--pre", "--upgrade", "--no-deps", wanted)
    return python


def fault_of(python: Path, code: str, folder: Path) -> str | None:
    """The last line that a probe says when it breaks; None when it does not."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.returncode:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1][:160] if said else f"exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit(main())
