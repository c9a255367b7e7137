"""Print one page of ratios from one run: our build beside a plain script, and beside a single pass of its tokenizer.

    python -m benchmarks.whole [--corpus texts.parquet] [--tokenizer ./llama3] [--samples 64k=64 128k=32] [--write]

Everything runs as a command of its own, in turn, round after round; of each the least CPU time counts, that of child
processes included. The first build has no compiled kernels and no verdict on the tokenizer: that is a fresh machine.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from nextlong_hub.recipe import load_recipe

HERE = Path(__file__).parent
PAGE = HERE.parent / "README.md"
START, END = "<!-- whole: begin -->\n", "<!-- whole: end -->\n"
_BUILTIN = Path(str(files("nextlong_hub.builders"))) / "demo"
_SMALL, _LARGE = ["64k=8", "128k=4"], ["64k=64", "128k=32"]
RETRIEVAL = ["--words", "stopped", "--engines", "ours", "bm25s", "tantivy", "--k", "300", "600", "2300"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one command took."""

    cpu_seconds: float
    """Of the process and its children."""
    wall_seconds: float
    peak_bytes: int
    """Resident memory of the largest process."""


def main() -> None:
    """Run everything and print the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=_BUILTIN / "corpus.parquet", help="Parquet file, column text")
    parser.add_argument("--tokenizer", type=Path, default=_BUILTIN / "gpt2", help="folder with a tokenizer.json")
    parser.add_argument("--samples", nargs="+", help=f"rows; default {_LARGE}, of the demo corpus {_SMALL}")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help=f"put the page into {PAGE.name}")
    chosen = parser.parse_args()
    samples = chosen.samples or (_SMALL if chosen.corpus.is_relative_to(_BUILTIN) else _LARGE)
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), chosen.corpus, chosen.tokenizer, samples, chosen.rounds)
    page = "\n".join([*heading(chosen.corpus, chosen.tokenizer, samples), *table(costs), ""])
    print(page, flush=True)
    size = 110_000 if chosen.corpus.stat().st_size > 10e6 else 1_000
    asked = [sys.executable, "-m", "benchmarks.retrieval", "--corpus", str(chosen.corpus), "--chunks", str(size)]
    answered = subprocess.run([*asked, *RETRIEVAL], check=True, stdout=subprocess.PIPE, text=True).stdout
    print(answered)
    if chosen.write:
        before, _, rest = PAGE.read_text("utf-8").partition(START)
        PAGE.write_text(before + START + page + answered + END + rest.partition(END)[2], "utf-8")


def measure(folder: Path, corpus: Path, tokenizer: Path, samples: list[str], rounds: int) -> dict[str, list[Cost]]:
    """The costs of every command, by its name."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HF_HOME": str(folder / "hub"),
        "TOKENIZERS_PARALLELISM": "false",  # on threads that wait for each other the same work costs twice the CPU
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])),
    }
    lengths = {name: load_recipe(name).target_length for name, _, _ in (one.partition("=") for one in samples)}
    wanted = [f"{lengths[name]}={rows}" for name, _, rows in (one.partition("=") for one in samples)]
    product = [sys.executable, "-m", "nextlong_hub"]
    inputs = ["--corpus", f"bench={corpus}", "--tokenizer", str(tokenizer)]
    asked = [part for one in samples for part in ("--samples", one)]
    output = folder / "dataset"

    def build() -> list[str]:
        subprocess.run(["rm", "-rf", str(output)], check=True)
        return [*product, "build", *lengths, *inputs, *asked, "--output", str(output), "--num-proc", "1"]

    def plain() -> list[str]:
        made = folder / "plain"
        made.mkdir(exist_ok=True)
        subprocess.run(["rm", "-rf", str(folder / "hub")], check=True)  # it would skip reading the corpus
        return [sys.executable, str(HERE / "plain.py"), str(corpus), str(tokenizer), str(made), *wanted]

    encode = [sys.executable, str(HERE / "encode.py"), str(tokenizer), str(output)]
    verify = [*product, "verify", str(output), *inputs]
    costs: dict[str, list[Cost]] = {"build, cold": [run(build(), environment)]}
    for _ in range(rounds):
        for name, command in (("build", build), ("plain script", plain)):
            costs.setdefault(name, []).append(run(command(), environment))
        for name, fixed in (("encode rows once", encode), ("verify", verify)):
            costs.setdefault(name, []).append(run(fixed, environment))
    return costs


def run(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a command to its end, quietly.

    Raises:
        SystemExit: it failed; its last words are shown.
    """
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said.read()[-2000:].decode()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(cpu_seconds=used.ru_utime + used.ru_stime, wall_seconds=wall, peak_bytes=used.ru_maxrss * unit)


def heading(corpus: Path, tokenizer: Path, samples: Iterable[str]) -> list[str]:
    """When, where and what."""
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors, load "
        f"{os.getloadavg()[0]:.1f}, Python {platform.python_version()}. Corpus {corpus.name} "
        f"({corpus.stat().st_size / 1e6:.1f} MB), tokenizer {tokenizer.name}, rows {' '.join(samples)}, one process.",
        "",
    ]


def table(costs: dict[str, list[Cost]]) -> list[str]:
    """The ratios, each with what it is made of."""
    least = {name: min(each, key=lambda cost: cost.cpu_seconds) for name, each in costs.items()}
    ours = least["build"]
    lines = ["| | CPU s | s by the clock | peak MB | beside the build |", "|---|---|---|---|---|"]
    for name, cost in least.items():
        ratio = f"{cost.cpu_seconds / ours.cpu_seconds:.2f}"
        figures = f"{cost.cpu_seconds:.1f} | {cost.wall_seconds:.1f} | {cost.peak_bytes / 1e6:,.0f}"
        lines.append(f"| {name} | {figures} | {ratio} |")
    return lines


if __name__ == "__main__":
    main()
