"""Write a few documents in every format, put them through every command, and print what became of them.

    python -m benchmarks.formats --tokenizer ./qwen2

Of each file there are texts with an id and a `url`, one of them blank, and conversations with an id and a `category`.
A cell is `used+left out`, and then what is told: columns that are not used, files that are not read. A `!` marks a cell
in which the two do not add up to what was written, or something is not told. The tokenizer must have a chat template.
"""

import argparse
import bz2
import csv
import gzip
import io
import json
import logging
import lzma
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.documents.import_rows import ImportRequest
from nextlong_hub.errors import NextLongError
from nextlong_hub.pipeline import BuildRequest, build, fit, import_rows
from nextlong_hub.recipe import load_recipe

Rows = list[dict[str, Any]]
TEXTS, CONVERSATIONS = 12, 6
_WORDS = "river stone light water field cloud paper green morning winter letter engine harbour garden window valley"


def main() -> None:
    """Print one line for each format."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.formats", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--tokenizer", required=True, help="a tokenizer with a chat template")
    parser.add_argument("--format", choices=FORMATS, action="append", help="only these")
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    logging.disable()  # that no licence is stated is said by every build
    print(f"{TEXTS} texts and a blank one, {CONVERSATIONS} conversations; used+left out")
    print(f"{'format':<18}" + "".join(f"{command:<10}" for command in COMMANDS) + "told")
    faults = 0
    for name in arguments.format or FORMATS:
        cells, told = [], dict[str, None]()
        for command in COMMANDS:
            cell, said = outcome(name, command, arguments.tokenizer)
            cells.append(cell)
            told |= dict.fromkeys(said)
            faults += "!" in cell
        print(f"{name:<18}" + "".join(f"{cell:<10}" for cell in cells) + "; ".join(told), flush=True)
    sys.exit(bool(faults))


def outcome(name: str, command: str, tokenizer: str) -> tuple[str, list[str]]:
    """One cell of the table, and what was told."""
    is_chat = command == "instruct"
    write, has_columns = FORMATS[name]
    if is_chat and not has_columns:
        return "-", []
    rows = conversations() if is_chat else texts()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), rows)
        try:
            manifest = COMMANDS[command](SourceSettings(name="rows", path=path), tokenizer, Path(folder, "out"))
        except NextLongError as error:
            return "!", [f"{command}: {error}"[:150]]
    [source] = manifest.corpus.sources
    unused = [*source.reading.unused_columns, *(name for one in manifest.configs.values() for name in told_of(one))]
    said = [f"column {column}" for column in dict.fromkeys(unused)]
    said += [f"{one.reason}: {one.files}" for one in source.reading.left_out]
    said += [f"in archives {ending}: {times}" for ending, times in source.reading.unread_members.items()]
    said += ["rows without id"] if source.reading.numbered else []
    skipped = sum(manifest.corpus.skipped.values())
    is_right = source.documents + skipped == len(rows) and source.documents == (CONVERSATIONS if is_chat else TEXTS)
    is_told = not has_columns or ("category" if is_chat else "url") in unused
    return f"{source.documents}+{skipped}{'' if is_right and is_told else '!'}", said


def told_of(config: Any) -> list[str]:
    """Fields of conversations that are not used."""
    return [*config.conversations.unused] if config.conversations else []


def texts() -> Rows:
    """Texts of about a thousand words, and a blank one."""
    words = _WORDS.split()
    return [
        *(
            {
                "id": f"d{number}",
                "text": " ".join(words[(number * 7 + place * (place + number)) % 16] for place in range(1000)),
                "url": f"https://example.org/{number}",
            }
            for number in range(TEXTS)
        ),
        {"id": "blank", "text": " ", "url": "https://example.org"},
    ]


def conversations() -> Rows:
    """Questions with their answers."""
    return [
        {
            "id": f"c{number}",
            "messages": [
                {"role": "user", "content": f"What is {number} and {number}, in words?"},
                {"role": "assistant", "content": f"It is {2 * number}, since {number} and {number} are {2 * number}."},
            ],
            "category": "sums",
        }
        for number in range(CONVERSATIONS)
    ]


def run_build(source: SourceSettings, tokenizer: str, output: Path) -> Manifest:
    """Long rows of the texts."""
    recipe = load_recipe("64k", {"target_length": 4096})
    request = BuildRequest(recipes=(recipe,), sources=(source,), tokenizer=tokenizer, rows={"64k": 2})
    return build(request, output).manifest


def run_instruct(source: SourceSettings, tokenizer: str, output: Path) -> Manifest:
    """Packed rows of the conversations."""
    recipe = load_recipe("instruct", {"target_length": 1024})
    return build(BuildRequest(recipes=(recipe,), sources=(source,), tokenizer=tokenizer), output).manifest


def run_fit(source: SourceSettings, tokenizer: str, output: Path) -> Manifest:
    """The texts, cut."""
    modes = frozenset({"truncate"})
    return fit(FitRequest(source=source, tokenizer=tokenizer, target_length=512, modes=modes), output).manifest


def run_import(source: SourceSettings, tokenizer: str, output: Path) -> Manifest:
    """The texts as they are."""
    return import_rows(ImportRequest(source=source, tokenizer=tokenizer), output).manifest


COMMANDS: dict[str, Callable[[SourceSettings, str, Path], Manifest]] = {
    "build": run_build,
    "fit": run_fit,
    "import": run_import,
    "instruct": run_instruct,
}


def lines(rows: Rows) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def zstd(content: bytes) -> bytes:
    """Compress with Zstandard."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def in_bytes(name: str, write: Callable[[Rows], bytes]) -> Callable[[Path, Rows], str]:
    """The writer of one file, from what it holds."""

    def to(folder: Path, rows: Rows) -> str:
        (folder / name).write_bytes(write(rows))
        return str(folder / name)

    return to


def parquet(rows: Rows) -> bytes:
    """Parquet."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def binary(rows: Rows) -> bytes:
    """Parquet with bytes for strings, as some writers have it."""
    table = pa.Table.from_pylist(rows)
    columns = [pa.field(one.name, pa.binary() if one.type == pa.string() else one.type) for one in table.schema]
    sink = io.BytesIO()
    pq.write_table(table.cast(pa.schema(columns)), sink)
    return sink.getvalue()


def feather(rows: Rows) -> bytes:
    """Feather."""
    sink = io.BytesIO()
    pyarrow.feather.write_feather(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def separated(delimiter: str, rows: Rows) -> bytes:
    """CSV; what is no string stands there as JSON."""
    sink = io.StringIO(newline="")
    table = csv.DictWriter(sink, list(rows[0]), delimiter=delimiter)
    table.writeheader()
    for row in rows:
        table.writerow({name: held if isinstance(held, str) else json.dumps(held) for name, held in row.items()})
    return sink.getvalue().encode()


def zipped(rows: Rows) -> bytes:
    """Lines in an archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.jsonl", lines(rows))
    return sink.getvalue()


def saved(folder: Path, rows: Rows) -> str:
    """As `save_to_disk` writes it."""
    datasets.DatasetDict(train=datasets.Dataset.from_list(rows)).save_to_disk(str(folder / "saved"))
    return str(folder / "saved")


def plain(folder: Path, rows: Rows) -> str:
    """A file a text."""
    (folder / "texts").mkdir()
    for row in rows:
        (folder / "texts" / f"{row['id']}.txt").write_text(row["text"])
    return str(folder / "texts")


def web_dataset(rows: Rows) -> bytes:
    """A text and what is known of it, side by side."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for row in rows:
            for ending, content in (("txt", row["text"]), ("json", json.dumps({"url": row["url"]}))):
                member = tarfile.TarInfo(f"{row['id']}.{ending}")
                member.size = len(content.encode())
                archive.addfile(member, io.BytesIO(content.encode()))
    return sink.getvalue()


def mixed(folder: Path, rows: Rows) -> str:
    """A folder with rows in four formats, a card and a picture."""
    home = folder / "mixed"
    home.mkdir()
    writers = {"a.parquet": parquet, "b.jsonl.zst": lambda own: zstd(lines(own)), "c.json.gz": None, "d.csv": None}
    for number, name in enumerate(writers):
        own = rows[number::4]
        write = writers[name] or (partial(separated, ",") if name == "d.csv" else lambda own: gzip.compress(lines(own)))
        (home / name).write_bytes(write(own))
    (home / "README.md").write_text("---\nlicense: mit\n---\n")
    (home / "cover.png").write_bytes(b"\x89PNG")
    return str(home)


def cloned(folder: Path, rows: Rows) -> str:
    """A clone of a dataset of the Hub with a split that is held out."""
    home = folder / "clone"
    (home / "data").mkdir(parents=True)
    (home / "data/train-00000-of-00001.parquet").write_bytes(parquet(rows))
    (home / "data/test-00000-of-00001.parquet").write_bytes(parquet(rows[:2]))
    (home / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    return str(home)


def cached(folder: Path, rows: Rows) -> str:
    """A snapshot in the cache of the Hub, whose files are links."""
    blobs, snapshot = folder / "datasets--me--x/blobs", folder / "datasets--me--x/snapshots/abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (blobs / "1").write_bytes(lines(rows))
    (snapshot / "train.jsonl").symlink_to("../../blobs/1")
    return str(snapshot)


FORMATS: dict[str, tuple[Callable[[Path, Rows], str], bool]] = {
    "parquet": (in_bytes("x.parquet", parquet), True),
    "parquet, binary": (in_bytes("x.parquet", binary), True),
    "feather": (in_bytes("x.feather", feather), True),
    "save_to_disk": (saved, True),
    "jsonl": (in_bytes("x.jsonl", lines), True),
    "jsonl.gz": (in_bytes("x.jsonl.gz", lambda rows: gzip.compress(lines(rows))), True),
    "jsonl.zst": (in_bytes("x.jsonl.zst", lambda rows: zstd(lines(rows))), True),
    "jsonl.bz2": (in_bytes("x.jsonl.bz2", lambda rows: bz2.compress(lines(rows))), True),
    "jsonl.xz": (in_bytes("x.jsonl.xz", lambda rows: lzma.compress(lines(rows))), True),
    "json, array": (in_bytes("x.json", lambda rows: json.dumps(rows).encode()), True),
    "json, pretty": (in_bytes("x.json", lambda rows: "\n".join(json.dumps(r, indent=1) for r in rows).encode()), True),
    "json.gz": (in_bytes("x.json.gz", lambda rows: gzip.compress(lines(rows))), True),
    "csv": (in_bytes("x.csv", partial(separated, ",")), True),
    "csv.gz": (in_bytes("x.csv.gz", lambda rows: gzip.compress(separated(",", rows))), True),
    "tsv": (in_bytes("x.tsv", partial(separated, "\t")), True),
    "zip of jsonl": (in_bytes("x.zip", zipped), True),
    "tar, WebDataset": (in_bytes("x.tar", web_dataset), False),
    "txt": (plain, False),
    "mixed folder": (mixed, True),
    "clone of the Hub": (cloned, True),
    "cache of the Hub": (cached, True),
}
"""How each is written, and whether rows have columns."""

if __name__ == "__main__":
    main()
