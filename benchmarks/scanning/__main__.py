"""Print the processor time of hashing and of the secret scan, alone, and as shares of reading and of a build.

    python -m benchmarks.scanning --corpus texts.parquet --tokenizer ./llama3 [--samples 128]

Each is measured in turn, three times over; the least of three counts. All runs in this one process, compilation apart.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from nextlong_hub.corpus import discover, read
from nextlong_hub.corpus.ingest import find_corpus, read_corpus
from nextlong_hub.corpus.secrets import scanned
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.states import state_of
from nextlong_hub.execution.run import Run
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.recipe import load_recipe
from nextlong_hub.records import Document

ROUNDS = 3
RECIPE = "64k"
BATCH = 1000
"""Documents between two looks at the clock, which costs as much as a short document."""


def main() -> None:
    """Print one line for each of the four."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scanning", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--corpus", required=True, help="file whose texts are read")
    parser.add_argument("--tokenizer", required=True, help="folder or Hub name")
    parser.add_argument("--samples", type=int, default=128, help=f"rows of {RECIPE} in the build")
    arguments = parser.parse_args()
    source = SourceSettings(name="benchmark", path=arguments.corpus)
    request = BuildRequest(
        recipes=(load_recipe(RECIPE),),
        sources=(source,),
        tokenizer=arguments.tokenizer,
        rows={RECIPE: arguments.samples},
    )
    measured: dict[str, Callable[[], float]] = {
        "hash": lambda: hash_files(source),
        "scan": lambda: scan_texts(source),
        "read and cut": lambda: read_and_cut(source),
        f"build {arguments.samples} rows": lambda: build_rows(request),
    }
    build_rows(replace(request, rows={RECIPE: 1}))  # compiles
    rounds = [{name: measure() for name, measure in measured.items()} for _ in range(ROUNDS)]
    seconds = {name: min(one[name] for one in rounds) for name in measured}
    *parts, reading, whole = seconds
    print(f"{'':<16} {'seconds of CPU':>14} {f'of {reading}':>16} {f'of {whole}':>18}")
    for name in parts:
        shares = [seconds[name] / seconds[other] for other in (reading, whole)]
        print(f"{name:<16} {seconds[name]:>14.3f} {shares[0]:>16.2%} {shares[1]:>18.2%}")
    for name in (reading, whole):
        print(f"{name:<16} {seconds[name]:>14.2f}")


def hash_files(source: SourceSettings) -> float:
    """Seconds for the digests of the files."""
    files = [Path(file) for piece in discover([source]) for file in piece.files]
    started = time.process_time()
    for file in dict.fromkeys(files):
        state_of(file)
    return time.process_time() - started


def scan_texts(source: SourceSettings) -> float:
    """Seconds for the scan of all documents, which are fresh from the file, as a build scans them."""
    seconds = 0.0
    for piece in discover([source]):
        results = read(piece, "fail")
        while documents := [one for one in islice(results, BATCH) if isinstance(one, Document)]:
            started = time.process_time()
            for document in documents:
                scanned(document, "mask", piece.location)
            seconds += time.process_time() - started
    return seconds


def read_and_cut(source: SourceSettings) -> float:
    """Seconds from files to a chunk store, digests and scan included."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        run = Run.quiet(Path(folder))
        read_corpus(run, find_corpus(run, [source]), load_recipe(RECIPE).reading)
        return time.process_time() - started


def build_rows(request: BuildRequest) -> float:
    """Seconds for a whole build in this process."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        build(request, Path(folder) / "dataset")
        return time.process_time() - started


if __name__ == "__main__":
    main()
