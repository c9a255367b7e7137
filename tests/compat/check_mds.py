"""Read our MDS exports with the real mosaicml-streaming, in a virtual environment of its own.

    python tests/compat/check_mds.py                     # a minute where PyTorch must be installed
    python tests/compat/check_mds.py --keep ~/.venvs     # the environment is kept and used again

mosaicml-streaming 0.13 cannot be installed beside today's huggingface_hub and transformers, and asks for the clients of
six clouds. Here it gets what reading and writing local files needs: PyTorch, NumPy, its digests and its compressions.
PyTorch is that of the system's Python where it has one, as after `make check-attention`: it runs on the CPU and spares
two gigabytes of CUDA.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from nextlong_hub.exports import ExportRequest, export
from nextlong_hub.records import PackedRow

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from check_attention import SYSTEM_PYTHON, has_torch
from packed_rows import packed_row, write_packed
from trainer_readers import read_mds

CHECKS = Path(__file__).with_name("mds_checks.py")
TORCH = "torch==1.13.1" if sys.version_info < (3, 12) else "torch"
REQUIREMENTS = ("xxhash==3.5.0", "zstd<2", "python-snappy", "Brotli", "tqdm", "catalogue", "filelock", "Pillow")
STREAMING = "mosaicml-streaming==0.13.0"

ROWS, ROW_TOKENS = 24, 3000


def main() -> int:
    """Make the exports, then have them read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keep", type=Path, help="folder for the environment to keep and to use again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nextlong-mds-") as name:
        scratch = Path(name)
        write_exports(scratch / "exports")
        python = prepare((options.keep or scratch) / "mosaicml-streaming")
        done = subprocess.run([python, "-W", "ignore", CHECKS, scratch / "exports"], cwd=scratch, check=False)
    return done.returncode


def write_exports(folder: Path) -> None:
    """Every variant of MDS; beside each the samples it holds, as the reader of our tests reads them."""
    rows = [make_row(number) for number in range(ROWS)]
    plain = write_packed(folder.with_name("plain"), rows)
    masked = write_packed(folder.with_name("masked"), rows, masked=True)
    variants: dict[str, tuple[Path, dict[str, Any]]] = {
        "one-shard": (plain, {}),
        "small-shards": (plain, {"shard_bytes": 50_000, "hashes": ("sha1",)}),
        "zstd": (plain, {"shard_bytes": 50_000, "compression": "zstd", "hashes": ("sha1", "sha256")}),
        "masked": (masked, {"shard_bytes": 50_000}),
        "packed-by-source": (plain, {"pack_tokens": 8_000, "by_source": True, "shard_bytes": 100_000}),
    }
    for name, (where, choices) in variants.items():
        report = export(where, ExportRequest(format="mds", **choices), folder / name)
        samples = list(read_mds(folder / name))
        if report.tokens != sum(len(row.input_ids) for row in rows) or len(samples) != report.rows:
            raise SystemExit(f"{name}: {report.rows} rows of {report.tokens} tokens were exported")
        (folder / f"{name}.json").write_text(json.dumps(samples))


def make_row(number: int) -> PackedRow:
    """Two documents of two sources, of lengths that differ from row to row, and a mask."""
    tokens = [(number * 7919 + place * 104_729) % 128_256 for place in range(ROW_TOKENS + number)]
    cut = 100 + 50 * number
    documents = [(f"{number}-a", "web", tokens[:cut]), (f"{number}-b", "books", tokens[cut:])]
    return packed_row(f"rows/{number}", documents, [place % 3 % 2 for place in range(len(tokens))])


def prepare(folder: Path) -> Path:
    """An environment with the reader; its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        requirements = REQUIREMENTS
        if has_torch(SYSTEM_PYTHON):
            make = [SYSTEM_PYTHON, "-m", "venv", "--without-pip", "--system-site-packages", folder]
            subprocess.run(make, check=True)
        else:
            venv.create(folder)
            requirements = (TORCH, "numpy<2", "typing_extensions", *REQUIREMENTS)
        pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, *requirements], check=True)
        subprocess.run([*pip, "--no-deps", STREAMING], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main())
