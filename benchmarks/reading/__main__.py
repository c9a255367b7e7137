"""Write the same texts in every format, read each file through, and print seconds and speed.

    python -m benchmarks.reading --corpus texts.parquet [--megabytes 64]

Ours is the whole way to documents, checks included; theirs is `datasets` with streaming, row by row, which neither
checks UTF-8 nor counts what is not read.
"""

import argparse
import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nextlong_hub.corpus import discover, read
from nextlong_hub.corpus.settings import SourceSettings

ROUNDS = 3
Rows = list[dict[str, str]]


def main() -> None:
    """Print one line for each format."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--corpus", default="demo", help="where texts are taken from")
    parser.add_argument("--file", choices=FILES, action="append", help="only these")
    parser.add_argument("--megabytes", type=int, default=32, help="of text in each file")
    arguments = parser.parse_args()
    rows = list(texts_of(arguments.corpus, arguments.megabytes * 1_000_000))
    size = sum(len(row["text"].encode()) for row in rows) / 1e6
    print(f"{len(rows):,} documents, {size:.0f} MB of text; best of {ROUNDS}")
    print(f"{'file':<16} {'on disk':>9} {'ours':>8} {'MB/s':>6} {'datasets':>9} {'MB/s':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.file or FILES:
            write, builder = FILES[name]
            path = Path(folder, name)
            write(path, rows)
            ours = best(lambda path=path: read_ours(path), len(rows))
            theirs = best(lambda path=path, builder=builder: read_theirs(path, builder), len(rows)) if builder else None
            beside = f"{theirs:>7.2f} s {size / theirs:>6.0f}" if theirs else f"{'-':>9} {'-':>6}"
            print(f"{name:<16} {path.stat().st_size / 1e6:>6.1f} MB {ours:>6.2f} s {size / ours:>6.0f} {beside}")
            path.unlink()


def texts_of(corpus: str, most_bytes: int) -> Iterator[dict[str, str]]:
    """Documents of a corpus, over again until there are enough."""
    pieces = discover([SourceSettings(name="benchmark", path=corpus)])
    size = number = 0
    while size < most_bytes:
        for piece in pieces:
            for document in read(piece, "fail"):
                text = getattr(document, "text", "")
                yield {"id": str(number), "text": text, "url": f"https://example.org/{number}"}
                number += 1
                size += len(text.encode())
                if size >= most_bytes:
                    return


def read_ours(path: Path) -> int:
    """Documents of a file."""
    pieces = discover([SourceSettings(name="benchmark", path=str(path))])
    return sum(1 for piece in pieces for _ in read(piece, "fail"))


def read_theirs(path: Path, builder: str) -> int:
    """Rows of a file, as `datasets` streams them."""
    import datasets

    return sum(1 for _ in datasets.load_dataset(builder, data_files=str(path), split="train", streaming=True))


def best(run: Callable[[], int], documents: int) -> float:
    """The shortest of several times, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - started)
        if found != documents:
            raise SystemExit(f"{found} documents were read, and there are {documents}")
    return min(seconds)


def lines(rows: Rows) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def zstd(content: bytes) -> bytes:
    """Compress with Zstandard."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def write_parquet(path: Path, rows: Rows) -> None:
    """As the Hub has it."""
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd", row_group_size=2000)


def write_arrow(path: Path, rows: Rows) -> None:
    """As `datasets` caches it."""
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, 1000)


def write_csv(path: Path, rows: Rows) -> None:
    """With a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["id", "text", "url"])
        table.writeheader()
        table.writerows(rows)


def write_tar(path: Path, rows: Rows) -> None:
    """WebDataset of texts."""
    with tarfile.open(path, "w") as archive:
        for row in rows:
            content = row["text"].encode()
            member = tarfile.TarInfo(f"{row['id']}.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_zip(path: Path, rows: Rows) -> None:
    """One file of lines."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("texts.jsonl", lines(rows))


FILES: dict[str, tuple[Callable[[Path, Rows], object], str]] = {
    "x.parquet": (write_parquet, "parquet"),
    "x.arrow": (write_arrow, "arrow"),
    "x.jsonl": (lambda path, rows: path.write_bytes(lines(rows)), "json"),
    "x.jsonl.gz": (lambda path, rows: path.write_bytes(gzip.compress(lines(rows), 6)), "json"),
    "x.jsonl.zst": (lambda path, rows: path.write_bytes(zstd(lines(rows))), "json"),
    "x.jsonl.bz2": (lambda path, rows: path.write_bytes(bz2.compress(lines(rows))), "json"),
    "x.jsonl.xz": (lambda path, rows: path.write_bytes(lzma.compress(lines(rows), preset=1)), "json"),
    "array.json": (lambda path, rows: path.write_text(json.dumps(rows, ensure_ascii=False)), "json"),
    "x.csv": (write_csv, "csv"),
    "x.tar": (write_tar, "webdataset"),
    "x.zip": (write_zip, "json"),
}
"""How each file is written, and the builder of `datasets` that reads it; empty where none does."""

if __name__ == "__main__":
    main()
