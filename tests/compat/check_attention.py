"""Build a tiny packed row and a sample, and have PyTorch's attention prove that documents do not see each other.

    python tests/compat/check_attention.py             # uses a Python that has torch: this one, or the system's
    python tests/compat/check_attention.py --install   # installs Debian's python3-torch (CPU, 150 MB) if none has it

torch is no dependency of ours, and what the package registry offers for Linux is gigabytes of CUDA: Debian's package
runs on the CPU and belongs to the system's Python, so the checks themselves are `attention_model.py`, which imports
nothing of ours.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.best_fit import cu_seqlens, position_ids
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

MODEL = Path(__file__).with_name("attention_model.py")
SYSTEM_PYTHON = "/usr/bin/python3"
INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends", "python3-torch"]


def main() -> int:
    """Build, write the arrays, and run the model where torch is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--install", action="store_true", help="install Debian's python3-torch if no Python has torch")
    options = parser.parse_args()
    python = find_torch()
    if python is None and options.install and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "--quiet"], check=False)
        subprocess.run(INSTALL, check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        python = find_torch()
    if python is None:
        sys.stderr.write(f"No Python here has torch. On Debian: {' '.join(INSTALL)}, or run this with --install.\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="nextlong-attention-") as scratch:
        arrays = Path(scratch) / "arrays.npz"
        write_arrays(arrays, Path(scratch))
        return subprocess.run([python, str(MODEL), str(arrays)], check=False).returncode


def find_torch() -> str | None:
    """A Python that has torch: this one, or the system's."""
    return next(filter(has_torch, (sys.executable, SYSTEM_PYTHON)), None)


def has_torch(python: str) -> bool:
    """Whether there is such a Python, and it has torch."""
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return Path(python).exists() and not subprocess.run([python, "-c", find], capture_output=True).returncode


def write_arrays(path: Path, scratch: Path) -> None:
    """One packed row of four samples, and one sample with the tokens of its segments."""
    short = tiny_recipe(name="short", target_length=256)
    packed = tiny_recipe(name="packed", target_length=1024, mixture=({"recipe": "short", "share": 1.0},), pack=True)
    corpus = write_corpus(scratch / "corpus.jsonl", make_documents(40))
    request = BuildRequest(
        recipes=(packed,),
        ingredients=(short,),
        sources=(SourceSettings(name="world", path=str(corpus)),),
        tokenizer="demo",
        rows={"short": 4},
    )
    build(request, scratch / "dataset")
    [row] = pq.read_table(next((scratch / "dataset" / "data" / "packed").glob("*.parquet"))).to_pylist()
    end = row["documents"][0]["end"]
    np.savez(
        path,
        packed_input_ids=row["input_ids"],
        packed_cu_seqlens=cu_seqlens(row["seq_lengths"]),
        packed_position_ids=position_ids(row["seq_lengths"]),
        sample_input_ids=row["input_ids"][: row["seq_lengths"][0]],
        sample_segments=token_spans(row["text"][:end], [s for s in row["segments"] if s["end"] <= end]),
    )


def token_spans(text: str, segments: list[dict[str, object]]) -> list[tuple[int, int, bool]]:
    """First token of each segment, one past its last, and whether it is a meta-chunk, without any code of ours."""
    tokenizer = resources.files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json")
    offsets = Tokenizer.from_buffer(tokenizer.read_bytes()).encode(text, add_special_tokens=False).offsets
    starts = [start for start, _ in offsets]
    return [
        (*np.searchsorted(starts, [segment["start"], segment["end"]]).tolist(), segment["role"] == "meta")
        for segment in segments
    ]


if __name__ == "__main__":
    sys.exit(main())
