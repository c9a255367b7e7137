"""What pages name and readers have: a Hub with the datasets and tokenizers of the pages, and the files of a reader."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import AddedToken, Tokenizer

from nextlong_hub.testing import LocalHub

CHECKOUT = Path(__file__).parents[2]
BENCHMARK = [
    {"question": "Which opcode rewinds the cursor to the first entry of the table or index, as SQLite says it?"}
]

_SESSION = """
import contextlib, io, json, os, sys, traceback

sys.path.insert(0, sys.argv[1])
from thrift import be_thrifty
from nextlong_hub.cli import run

be_thrifty()
answers, sys.stdout = sys.stdout, sys.stderr
names = {}
for line in sys.stdin:
    order = json.loads(line)
    os.chdir(order["folder"])
    printed, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        try:
            if "arguments" in order:
                code = run(order["arguments"])
            else:
                page = names.setdefault(order["folder"], {"__name__": "__main__"})
                exec(compile(order["python"], "the page", "exec"), page)
        except BaseException:
            code = -1
            traceback.print_exc()
    answer = {"code": code, "printed": printed.getvalue(), "errors": errors.getvalue()}
    print(json.dumps(answer), file=answers, flush=True)
"""


class PageSession:
    """A process that runs the blocks of pages; it stays open, since loading the libraries takes seconds."""

    def __init__(self, hub: LocalHub) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SESSION, str(Path(__file__).parent)],
            env=os.environ | hub.environment() | {"COLUMNS": "120"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def run(self, folder: Path, **order: Any) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `arguments` of nextlong-hub, or of a text of `python`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"folder": str(folder), **order}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["printed"], answer["errors"]


def fill_hub(hub: LocalHub) -> None:
    """Put the datasets and tokenizers there that pages name."""
    edu, cosmopedia = parquet(documents(6)), parquet(documents(6, first=1))
    config = "configs:\n- config_name: {}\n  data_files: {}\n"
    size = "- config_name: {}\n  splits:\n  - name: train\n    num_examples: {}\n"
    hub.put(
        "datasets",
        "HuggingFaceFW/fineweb-edu",
        {
            "README.md": f"---\nlicense: odc-by\n{config.format('sample-10BT', 'sample/10BT/*')}---\n",
            "sample/10BT/000.parquet": edu,
        },
    )
    folders = {"fineweb-edu-dedup": edu, "cosmopedia-v2": cosmopedia}
    configs = "".join(config.format(name, f"{name}/*").removeprefix("configs:\n") for name in folders)
    sizes = "".join(size.format(name, pq.read_metadata(BytesIO(content)).num_rows) for name, content in folders.items())
    card = f"---\nlicense: odc-by\nconfigs:\n{configs}dataset_info:\n{sizes}---\n"
    shards = {f"{name}/train-00000.parquet": content for name, content in folders.items()}
    hub.put("datasets", "HuggingFaceTB/smollm-corpus", {"README.md": card, **shards})
    talks = [{"uuid": f"m{number}", "conversations": shared(number)} for number in range(60)]
    hub.put("datasets", "Magpie-Align/Magpie-Llama-3.3-Pro-1M-v0.1", {"data/train-0.parquet": parquet(talks)})
    splits = (
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train_sft\n    path: data/train_sft-*\n---\n"
    )
    chats = [
        {"prompt": said(number)[0]["content"], "prompt_id": f"u{number}", "messages": said(number)}
        for number in range(60)
    ]
    hub.put(
        "datasets", "HuggingFaceH4/ultrachat_200k", {"README.md": splits, "data/train_sft-0.parquet": parquet(chats)}
    )
    hub.put("datasets", "THUDM/LongBench-v2", {"data.jsonl": lines(BENCHMARK)})
    tokenizer = {
        path.name: path.read_bytes() for path in Path(str(files("nextlong_hub.builders") / "demo" / "gpt2")).iterdir()
    }
    hub.put("models", "meta-llama/Llama-3.1-8B", tokenizer)
    hub.put(
        "models",
        "meta-llama/Llama-3.1-8B-Instruct",
        {"tokenizer.json": chat_tokenizer(), "tokenizer_config.json": tokenizer["tokenizer_config.json"]},
    )
    hub.put("models", "Qwen/Qwen3-8B", {**tokenizer, "tokenizer.json": fewer_merges()})
    hub.put("datasets", "somebody/nextlong", {"README.md": "Notes of somebody.\n"})


def fill_folder(folder: Path) -> None:
    """Lay down the files that pages call the reader's own, and the examples of a checkout."""
    (folder / "wikipedia").mkdir(parents=True)
    (folder / "wikipedia" / "000.parquet").write_bytes(parquet(documents(5)))
    (folder / "web").mkdir()
    (folder / "web" / "000.parquet").write_bytes(parquet(documents(1)))
    (folder / "docs.jsonl").write_text(lines(documents(6)), encoding="utf-8")
    (folder / "notes.jsonl.zst").write_bytes(
        pa.compress(lines(documents(10, first=2)).encode(), codec="zstd", asbytes=True)
    )
    (folder / "evaluation.jsonl").write_text(lines(BENCHMARK), encoding="utf-8")
    (folder / "faq.jsonl").write_text(
        lines([{"question": a["content"], "answer": b["content"]} for a, b in map(said, range(30))])
    )
    shutil.copytree(CHECKOUT / "examples" / "recipes", folder / "examples" / "recipes")


@cache
def _demo() -> tuple[dict[str, str], ...]:
    content = files("nextlong_hub.builders").joinpath("demo/corpus.parquet").read_bytes()
    return tuple(pq.read_table(BytesIO(content), columns=["id", "text"]).to_pylist())


def documents(every: int, *, first: int = 0) -> list[dict[str, str]]:
    """Documents of the embedded corpus, one of so many."""
    return list(_demo()[first::every])


def said(number: int) -> list[dict[str, str]]:
    """A conversation of two turns."""
    text = _demo()[number * 7]["text"]
    return [{"role": "user", "content": f"Tell me of {text[:40]}"}, {"role": "assistant", "content": text}]


def shared(number: int) -> list[dict[str, str]]:
    """The same in the form of ShareGPT."""
    return [
        {"from": {"user": "human", "assistant": "gpt"}[turn["role"]], "value": turn["content"]} for turn in said(number)
    ]


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a Parquet file."""
    file = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def lines(rows: list[dict[str, Any]]) -> str:
    """Rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _embedded() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json").read_bytes()
    )
    return content


def fewer_merges() -> str:
    """The embedded tokenizer with half of its merges: another one, under which a text has more tokens."""
    content = _embedded()
    content["model"]["merges"] = content["model"]["merges"][:20_000]
    return json.dumps(content)


def chat_tokenizer() -> str:
    """The embedded tokenizer with the control tokens of Llama 3."""
    tokenizer = Tokenizer.from_str(json.dumps(_embedded()))
    names = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names])
    return str(tokenizer.to_str())


def running() -> Iterator[PageSession]:
    """A session with everything around it, for a fixture."""
    with LocalHub(user="me", organizations=["somebody"]) as hub:
        fill_hub(hub)
        with PageSession(hub) as session:
            yield session
