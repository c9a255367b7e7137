"""Write the same rows by each export and by the format's own writer, in turns, and print CPU seconds and ratios.

    python -m benchmarks.exports nextlong --config 128k --eos-id 128001

`theirs` writes rows that lie in memory. `ours` writes the same rows from memory, with the sha256 of each file and the
claim of its name. `whole` is `nextlong-hub export`: rows read from Parquet, digests of documents, files, and the files
read back; no tokenizer is opened, since the EOS is named. What the rounds share: the rows, the disk, and one process,
whose CPU time of all threads is counted.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.exports.writers import WRITERS, Rows
from nextlong_hub.dataset import open_split
from nextlong_hub.exports import FORMATS, ExportRequest, export
from nextlong_hub.exports.base import ExportFormat, ExportSettings
from nextlong_hub.exports.endings import end_documents
from nextlong_hub.exports.export_rows import read_rows, unpack
from nextlong_hub.exports.options import choose_settings
from nextlong_hub.exports.writer import ExportWriter


@dataclass
class Times:
    """Of one way to write."""

    cpu: list[float] = field(default_factory=list)
    """Seconds of CPU, one a round."""
    clock: list[float] = field(default_factory=list)
    """Seconds by the clock, one a round."""

    def run(self, work: Callable[[], object]) -> None:
        """Do it, and note how long it took."""
        begun, used = time.perf_counter(), time.process_time()
        work()
        self.cpu.append(time.process_time() - used)
        self.clock.append(time.perf_counter() - begun)


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.exports", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("dataset", type=Path, help="a dataset folder")
    parser.add_argument("--config", help="a configuration; default: 128k, else the first")
    parser.add_argument("--eos-id", type=int, default=0, help="the EOS, for the formats that end documents with it")
    parser.add_argument("--token-bytes", type=int, choices=(2, 4), default=4, help="where a format has the choice")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5; the median is shown")
    parser.add_argument("--only", action="append", choices=sorted(WRITERS), help="only these exports")
    options = parser.parse_args()
    left_out = []
    print(f"load {os.getloadavg()[0]:.1f}, {options.rounds} rounds")
    print("| export | own writer | theirs | ours | ours : theirs | whole | whole : theirs | by the clock |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.only or sorted(WRITERS):
        try:
            print(line(name, options), flush=True)
        except ImportError as error:
            left_out.append(f"{name}: {error}")
    print(f"load {os.getloadavg()[0]:.1f}")
    for reason in left_out:
        print(f"not run: {reason}", file=sys.stderr)
    return 0


def line(name: str, options: argparse.Namespace) -> str:
    """The row of the table for one export."""
    kind = FORMATS[name]
    request = ExportRequest(
        format=name,
        config=options.config,
        token_bytes=options.token_bytes if kind.token_bytes else None,
        eos_id=options.eos_id if kind.eos != "keep" else None,
    )
    with closing(open_split(options.dataset, options.config)) as split:
        settings = choose_settings(kind, request, split, None)
        rows = list(read_rows(split, tokens=kind.tokens != "never", text=kind.wants_text, encode_batch=None))
        rows = rows if kind.takes_packed_rows else list(unpack(rows))
        rows = list(end_documents(rows, settings.ending, lambda _: None))
    own, write = WRITERS[name]
    theirs, ours, whole = Times(), Times(), Times()
    with tempfile.TemporaryDirectory(prefix="nextlong-exports-") as scratch:
        write(rows, Path(scratch) / "warm", settings.token_bytes)
        for number in range(options.rounds):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            ways = [
                (theirs, lambda out: write(rows, out, settings.token_bytes)),
                (ours, lambda out: write_ours(kind, settings, rows, out)),
                (whole, lambda out: export(options.dataset, request, out)),
            ]
            for place in range(len(ways)):  # each way comes first in turn
                times, work = ways[(place + number) % len(ways)]
                times.run(lambda work=work, out=folder / str(place): work(out))  # type: ignore[misc]
            shutil.rmtree(folder)
    seconds = [statistics.median(times.cpu) for times in (theirs, ours, whole)]
    clock = " / ".join(f"{statistics.median(times.clock):.2f}" for times in (theirs, ours, whole))
    shown = [f"{one:.3f} s" for one in seconds]
    ratios = [f"{one / seconds[0]:.1f}" for one in seconds[1:]]
    return f"| `{name}` | {own} | {shown[0]} | {shown[1]} | {ratios[0]} | {shown[2]} | {ratios[1]} | {clock} |"


def write_ours(kind: ExportFormat, settings: ExportSettings, rows: Rows, folder: Path) -> None:
    """The files of an export, from rows in memory."""
    writer = ExportWriter(folder, {"format": kind.name})
    writer.begin()
    kind.write(iter(rows), writer, settings)
    writer.commit({})


if __name__ == "__main__":
    sys.exit(main())
