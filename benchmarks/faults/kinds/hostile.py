"""Hostile corpora, tokenizers, recipes and exports of others: a budget, and a line that names the culprit."""

import gzip
import json
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.faults import oracle
from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import CORPUS, DOCUMENTS, OUTPUT, build
from nextlong_hub.testing import make_documents, write_corpus

_SECONDS = 120.0
_DEMO = Path(__file__).parents[3] / "builders" / "demo" / "gpt2"


def _file(name: str, write: Callable[[Path, Trial], None], *more: str) -> Callable[[Trial], None]:
    """Build from a hostile file: it ends, and with one line if not well."""

    def inject(trial: Trial) -> None:
        path = trial.folder / name
        write(path, trial)
        trial.run(*build(name), *more)

    return inject


def _bytes(content: bytes) -> Callable[[Path, Trial], None]:
    def write(path: Path, trial: Trial) -> None:
        path.write_bytes(content)

    return write


def _long_line(path: Path, trial: Trial) -> None:
    with path.open("wb") as file:
        file.write(b'{"id": "a", "text": "')
        for _ in range(900):
            file.write(b"word " * 200_000)
        file.write(b'"}\n')


def _spaces(path: Path, trial: Trial) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"id": "a", "text": "')
        for _ in range(300):
            file.write(b" " * 10_000_000)


def _dictionary(path: Path, trial: Trial) -> None:
    """A few kB of Parquet that stand for 20 GB of text."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.array(["x" * 1_000_000])
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, dtype=np.int32)), texts)
    pq.write_table(pa.table({"text": column}), path, compression="zstd")


def _twice(path: Path, trial: Trial) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), path)


def _fuzzed(path: Path, trial: Trial) -> None:
    write_corpus(path, make_documents(60))
    content = bytearray(path.read_bytes())
    for _ in range(trial.chance.choice((1, 4, 64))):
        content[trial.chance.randrange(len(content))] = trial.chance.randrange(256)
    path.write_bytes(bytes(content[: trial.chance.choice((len(content), len(content) // 2))]))


def _folder(files: dict[str, str]) -> Callable[[Trial], None]:
    """Build from a folder that says of itself what is not so."""

    def inject(trial: Trial) -> None:
        for name, content in files.items():
            path = trial.folder / "saved" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        trial.refused(trial.run(*build("saved")))

    return inject


def _copies(trial: Trial) -> None:
    """Near-copies only: no row can be made, and that is said soon."""
    texts = [document.text for document in make_documents(12, paragraphs=(2, 2))]
    lines = (json.dumps({"id": f"{number}", "text": f"{texts[number % 12]} {number}"}) for number in range(6_000))
    trial.corpus.write_text("\n".join(lines), "utf-8")
    trial.run(*build(rows=600))


def _tokenizer(change: Callable[[dict[str, Any]], object]) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        folder = trial.folder / "tokenizer"
        folder.mkdir()
        for path in _DEMO.iterdir():
            if path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())
        path = folder / "tokenizer.json"
        values = json.loads(path.read_text("utf-8"))
        change(values)
        path.write_text(json.dumps(values), "utf-8")
        trial.run(*build(CORPUS, OUTPUT, "--tokenizer", "tokenizer"))

    return inject


def _big_id(values: dict[str, Any]) -> None:
    values["added_tokens"] = [
        {
            "id": 2**31,
            "content": "<big>",
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
    ]


def _multiplied(values: dict[str, Any]) -> None:
    steps = [{"type": "Replace", "pattern": {"String": letter}, "content": letter * 100} for letter in "eeee"]
    values["normalizer"] = {"type": "Sequence", "normalizers": steps}


def _regex(values: dict[str, Any]) -> None:
    pattern = {"Regex": "(x+x+)+y|(?:(?:a|aa|[a-z ])+)+$Z"}
    values["pre_tokenizer"] = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}


def _template(template: str) -> Callable[[Trial], None]:
    """A chat template that is a program."""

    def inject(trial: Trial) -> None:
        folder = trial.folder / "tokenizer"
        folder.mkdir()
        for path in _DEMO.iterdir():
            if path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())
        config = folder / "tokenizer_config.json"
        values = json.loads(config.read_text("utf-8")) if config.exists() else {}
        config.write_text(json.dumps({**values, "chat_template": template}), "utf-8")
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        turns = [{"role": "user", "content": "Say it. " * 9}, {"role": "assistant", "content": "It. " * 40}]
        lines = [json.dumps({"id": f"{number}", "messages": turns}) for number in range(8)]
        trial.corpus.write_text("\n".join(lines), "utf-8")
        chosen = ("--set", "target_length=512", "--num-proc", "1", "-q")
        trial.run("build", "instruct", "--corpus", CORPUS, "--tokenizer", "tokenizer", "--output", OUTPUT, *chosen)

    return inject


def _recipe(content: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        (trial.folder / "r.toml").write_text(content, "utf-8")
        words = ("--recipe", "r.toml", "--tokenizer", "demo", "--corpus", CORPUS, "--output", OUTPUT, "-q")
        trial.refused(trial.run("build", *words))

    return inject


_SHARD = {
    "column_encodings": ["ndarray"],
    "column_names": ["input_ids"],
    "column_sizes": [None],
    "compression": None,
    "format": "mds",
    "hashes": [],
    "raw_data": {"basename": "s.mds", "bytes": 1, "hashes": {}},
    "samples": 1,
    "size_limit": 1,
    "version": 2,
    "zip_data": None,
}
_MDS: dict[str, dict[str, Any]] = {
    "a number of encodings": {"column_encodings": 5},
    "an encoding that is null": {"column_encodings": [None]},
    "samples that are a word": {"samples": "x"},
    "10^18 samples": {"samples": 10**18},
    "a name of 300 characters": {"raw_data": {"basename": "b" * 300, "bytes": 1, "hashes": {}}},
    "a file outside": {"raw_data": {"basename": "../../corpus.jsonl", "bytes": 1, "hashes": {}}},
}


def _imported(index: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        folder = trial.folder / "mds"
        folder.mkdir()
        (folder / "index.json").write_text(index, "utf-8")
        words = ("import", "mds", "--tokenizer", "demo", "--output", OUTPUT, "-q", "--num-proc", "1")
        trial.refused(trial.run(*words))

    return inject


def _odd_texts(texts: Iterable[str]) -> Callable[[Trial], None]:
    """Texts, ids and names with what terminals and pages obey: nothing is raw, nothing is outside the folder."""

    def inject(trial: Trial) -> None:
        rows = [
            json.dumps({"id": f"../../{text[:20]}{document.id}", "text": f"{text} {document.text}"})
            for document, text in zip(make_documents(DOCUMENTS), cycle(texts), strict=False)
        ]
        trial.corpus.write_text("\n".join(rows), "utf-8")
        run = trial.run(*build())
        if run.code == 0:
            trial.run("view", OUTPUT, "-o", "page.html")
            if "<script>alert" in (trial.folder / "page.html").read_text("utf-8"):
                trial.says(Outcome.RAW, "the page has a script of the corpus")
            trial.run("inspect", OUTPUT)
            trial.find(oracle.unfinished(trial.output))

    return inject


FAULTS = (
    Fault(name="a line of 900 MB", inject=_file("long.jsonl", _long_line), hole=10, seconds=_SECONDS),
    Fault(name="3 GB of spaces in gzip", inject=_file("spaces.jsonl.gz", _spaces), hole=10, seconds=_SECONDS),
    Fault(
        name="20 GB behind a dictionary of Parquet", inject=_file("d.parquet", _dictionary), hole=10, seconds=_SECONDS
    ),
    Fault(name="near-copies only", inject=_copies, hole=10, seconds=_SECONDS),
    Fault(name="Parquet with text twice", inject=_file("twice.parquet", _twice), hole=8),
    Fault(name="fuzzed Parquet", inject=_file("fuzzed.parquet", _fuzzed), draws=True),
    Fault(name="fuzzed JSON Lines", inject=_file("fuzzed.jsonl", _fuzzed), draws=True),
    Fault(
        name="fuzzed JSON Lines, --on-bad-document skip",
        inject=_file("fuzzed.jsonl", _fuzzed, "--on-bad-document", "skip"),
        draws=True,
    ),
    Fault(name="deep JSON", inject=_file("deep.jsonl", _bytes(b'{"text": ' + b"[" * 90_000 + b"\n"))),
    Fault(name="NULs", inject=_file("nul.jsonl", _bytes(b"\x00" * 9_999))),
    Fault(name="an empty file", inject=_file("empty.jsonl", _bytes(b""))),
    Fault(name="half a surrogate", inject=_file("half.jsonl", _bytes(b'{"id": "a", "text": "\\ud800 word"}\n' * 60))),
    Fault(
        name="numbers beyond all bounds",
        inject=_file("big.jsonl", _bytes(b'{"text": 1e999, "id": 1' + b"0" * 6_000 + b"}\n")),
    ),
    *(
        Fault(name=f"a saved dataset, {name} is {content[:30]}", inject=_folder({name: content, **more}), hole=8)
        for name, content, more in (
            ("state.json", "[1]", {"dataset_info.json": "[]"}),
            ("state.json", '{"_data_files": 5}', {"dataset_info.json": "{}"}),
            ("state.json", '{"_data_files": [{"filename": "../corpus.jsonl"}]}', {"dataset_info.json": "{}"}),
            ("dataset_dict.json", '{"splits": 5}', {}),
            ("dataset_dict.json", "[" * 90_000, {}),
        )
    ),
    Fault(name="TOML nested 5,000 deep", inject=_recipe("a=" + "[" * 5_000 + "]" * 5_000), hole=8),
    Fault(name="a recipe called ../x", inject=_recipe('name = "../x"\ntarget_length = 512\n'), hole=8),
    *(
        Fault(
            name=f"MDS with {name}",
            inject=_imported(json.dumps({"version": 2, "shards": [{**_SHARD, **change}]})),
            hole=8,
        )
        for name, change in _MDS.items()
    ),
    Fault(name="MDS with deep JSON", inject=_imported("[" * 90_000 + "]" * 90_000), hole=8),
    Fault(name="a tokenizer with an id of 2^31", inject=_tokenizer(_big_id), hole=10, seconds=_SECONDS),
    Fault(name="a tokenizer that multiplies texts by 10^8", inject=_tokenizer(_multiplied), hole=10, seconds=_SECONDS),
    Fault(name="a tokenizer whose pattern has no end", inject=_tokenizer(_regex), hole=8, seconds=_SECONDS),
    *(
        Fault(name=f"a chat template: {template}", inject=_template(template), hole=10, seconds=_SECONDS)
        for template in (
            "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
            "{{ '{:>9999999999}'.format('x') }}",
            "{{ lipsum(n=10000000) }}",
            "{{ 'x' * 10000000000 }}",
            "{{ ''.__class__.__mro__ }}",
        )
    ),
    Fault(
        name="a separator of 100 kB",
        inject=_file(CORPUS, lambda path, trial: None, "--set", f"interleave.separator={'x' * 100_000}"),
        hole=10,
        seconds=_SECONDS,
    ),
    Fault(
        name="texts and ids of escapes, scripts and paths",
        inject=_odd_texts(
            ("\x1b[31mred", "<script>alert(1)</script>", "\u202etxt", "](javascript:x) | `<b>`", "\r\n---\n")
        ),
    ),
)
