"""`python -m benchmarks.tokens --corpus FILE --tokenizer DIR…`: a table of yield, exactness and cost, as Markdown.

Every configuration is built for real, in this process and on one thread. In the same run, interleaved, the chunks that
its rows hold are encoded once each, and the rows as a whole, by `tokenizers` alone: ratios compare what was measured
seconds apart on the same machine.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.tokens.clocks import token_work
from nextlong_hub.corpus.ingest import find_corpus
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.execution.run import Run
from nextlong_hub.producer import Inputs, Produced, RowRequest, producer_of
from nextlong_hub.recipe import load_recipe
from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.tokenization.tasks import TokenizerReference

HEADER = (
    "| tokenizer | config | rows | candidates kept | exact rows | tokens | distinct chunks | reuse "
    "| tokens / CPU s | to chunks once | to rows whole |"
)


def main() -> None:
    """Build, measure, and print a line for each tokenizer and configuration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--tokenizer", required=True, nargs="+")
    parser.add_argument("--config", nargs="+", default=["64k", "128k", "512k"])
    parser.add_argument("--tokens", type=int, default=8_000_000, help="tokens of each configuration")
    parser.add_argument("--work", type=Path, help="where store and index are kept; else they are thrown away")
    options = parser.parse_args()
    print(HEADER)
    print("| --- | --- " + "| ---: " * 9 + "|")
    with TemporaryDirectory(prefix="nextlong-tokens-") as scratch:
        for name in options.tokenizer:
            for config in options.config:
                work = options.work or Path(scratch)
                print(_measure(work, options.corpus, name, config, options.tokens), flush=True)


def _measure(work: Path, corpus: str, name: str, config: str, tokens: int) -> str:
    tokenizer = load_tokenizer(name)
    recipe = load_recipe(config)
    run = Run.quiet(work)
    found = find_corpus(run, [SourceSettings(name="corpus", path=corpus)])
    inputs = Inputs(corpus=found, tokenizers=(tokenizer,), seed=42)
    request = RowRequest(recipe=recipe, inputs=inputs, rows=max(1, tokens // recipe.target_length))
    producer = producer_of(recipe)
    store = producer.read(run, request)
    index = producer.index(run, request, store)
    for finished in (*work.glob("units-*"), *work.glob("tokens-*")):
        shutil.rmtree(finished)  # of an earlier measurement, which nothing may be taken from
    # What a process pays once, for opening a tokenizer and proving its split points, is half a second at most.
    TokenizerReference.of(tokenizer).open().fit("what it keeps for later", 3)
    with token_work() as clock:
        produced = producer.produce(run, request, store, index)
    chunks, rows, segments = _texts(produced, store)
    backend = tokenizer.copy_backend()
    once = [_seconds(backend.encode_batch_fast, chunks) for _ in range(2)]
    whole = _seconds(backend.encode_batch, [row["text"] for row in rows])
    outcome = produced.own_outcome
    candidates, kept = outcome.candidates, outcome.kept
    exact = sum(
        len(row["input_ids"]) == recipe.target_length and tokenizer.encode(row["text"]).tolist() == row["input_ids"]
        for row in rows
    )
    # The build was measured with all its candidates, so it is compared with what encoding all of them would cost.
    share = kept / len(rows)
    total = sum(len(row["input_ids"]) for row in rows) * share
    print(f"{name} {config}: token work {clock.seconds:.2f} s, chunks once {once}, rows {whole:.2f} s", file=sys.stderr)
    return (
        f"| {Path(name).name} | {config} | {len(rows)} | {kept / candidates:.1%} | {exact / len(rows):.1%} "
        f"| {total:,.0f} | {len(chunks):,} | {segments / len(chunks):.2f} | {total / clock.seconds:,.0f} "
        f"| {clock.seconds / np.mean(once):.2f} | {clock.seconds / (whole * share):.2f} |"
    )


def _texts(produced: Produced, store: ChunkStore) -> tuple[list[str], list[dict[str, Any]], int]:
    """The chunks that all finished rows hold, each once; the rows asked for; and how many segments all rows have."""
    numbers = {store.document(number)[0]: number for number in range(store.documents)}
    wanted: list[int] = []
    for unit in produced.rows.mean_row_bytes:
        for segments in pq.read_table(unit, columns=["segments"])["segments"].to_pylist():
            wanted += [int(store.first_chunk[numbers[s["document"]]]) + s["chunk"] for s in segments]
    texts = list(store.texts(np.array(wanted)).values())
    rows = [pq.read_table(unit).slice(row, 1).to_pylist()[0] for unit, row in produced.rows.rows]
    return texts, rows, len(wanted)


def _seconds(encode: Callable[..., Any], texts: Sequence[str]) -> float:
    """Processor time of `tokenizers` for these texts, ids as arrays, on one thread."""
    started = process_time()
    for start in range(0, len(texts), 256):
        for encoding in encode(texts[start : start + 256], add_special_tokens=False):
            np.array(encoding.ids, np.int32)
    return process_time() - started


if __name__ == "__main__":
    main()
