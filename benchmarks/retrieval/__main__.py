"""Run `python -m benchmarks.retrieval --corpus PATH … --chunks N …`; see `benchmarks/RETRIEVAL.md`."""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.engines import Answers, Remote, World
from benchmarks.retrieval.worlds import make_store, write_words
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.retrieval.settings import RetrievalSettings

_WORDS = {"all": (), "stopped": ("en",)}
_DEMO = Path(__file__).parents[2] / "builders" / "demo" / "corpus.parquet"
_SLOW_QUERIES = 2
_LARGEST_DOCUMENT = 16
_TIE = 1e-5


def main() -> None:
    """Measure every world, one after the other, and print a row for each engine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval")
    parser.add_argument(
        "--corpus",
        nargs="+",
        type=Path,
        default=[_DEMO],
        help="Parquet, text or HTML files, or folders of them; default: the demo corpus, too small to show much",
    )
    parser.add_argument("--chunks", nargs="+", type=int, default=[10_000, 50_000, 107_000, 200_000])
    parser.add_argument("--k", nargs="+", type=int, default=[300, 600, 2300])
    parser.add_argument("--words", nargs="+", choices=list(_WORDS), default=list(_WORDS))
    parser.add_argument("--engines", nargs="+", default=["ours", "bm25s", "tantivy", "rank-bm25", "memory sum"])
    parser.add_argument("--queries", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where stores and indexes are kept; default: a temporary folder")
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        rows: list[dict[str, Any]] = []
        for chunks in chosen.chunks:
            store = make_store(folder, chosen.corpus, chunks)
            for words in chosen.words:
                rows += measure_world(store, words, folder, chosen)
                if chosen.json:
                    chosen.json.write_text(json.dumps(rows, indent=2) + "\n")
            if store.chunks < chunks:
                print(f"\nThe corpus ends at {store.chunks:,} chunks; add to --corpus for larger worlds.")
                break


def measure_world(store: ChunkStore, words: str, folder: Path, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Start every engine on one store, then ask them in turn, round after round."""
    settings = RetrievalSettings(stop_words=_WORDS[words])
    line_file = folder / f"{store.id}-{words}.words"
    if not line_file.exists():
        write_words(store, settings, line_file)
    world = World(
        store=store.folder,
        words=line_file,
        settings=settings,
        folder=folder / f"{store.id}-{words}.index",
        spare=_LARGEST_DOCUMENT,
    )
    engines = [Remote(name, world) for name in chosen.engines]
    rows = []
    for k in chosen.k:
        queries = draw_queries(store, chosen.queries)
        rows += measure_questions(store, words, engines, queries, k, chosen.rounds, with_slow=k == chosen.k[0])
    growth = growth_with_queries(store, engines, chosen.k[0])
    peaks = {engine.name: engine.close() for engine in engines}
    for row in rows:
        row["peak_mb"] = round(peaks[row["engine"]] / 1e6)
    show(rows)
    print(f"\nOurs, k = {chosen.k[0]}, CPU ms a query for batches of " + ", ".join(growth))
    return rows


def growth_with_queries(store: ChunkStore, engines: list[Remote], k: int) -> list[str]:
    """What a query of ours costs in batches of several sizes, as text."""
    return [
        f"{batch:,}: {engine.search(queries, k).cpu_seconds * 1000 / len(queries):.3f}"
        for engine in engines
        if engine.name == "ours"
        for batch in (1, 16, 64, 256, 1024)
        for queries in [draw_queries(store, batch)]
    ]


def draw_queries(store: ChunkStore, number: int) -> NDArray[np.int64]:
    """Some chunks of documents small enough that asking for a few hits more makes up for the own document."""
    sizes = np.diff(store.first_chunk)
    small = np.flatnonzero(np.repeat(sizes <= _LARGEST_DOCUMENT, sizes))
    drawn = np.random.default_rng(0).choice(small, min(number, len(small)), replace=False)
    return np.sort(drawn).astype(np.int64)


def measure_questions(
    store: ChunkStore,
    words: str,
    engines: list[Remote],
    queries: NDArray[np.int64],
    k: int,
    rounds: int,
    *,
    with_slow: bool,
) -> list[dict[str, Any]]:
    """Ask each engine the same questions in turn; medians over the rounds, one round before them to warm up.

    rank-bm25 answers a few queries once, `with_slow`: it needs seconds for each, whatever k is.
    """
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    answers: dict[str, Answers] = {}
    few = queries[:: max(1, len(queries) // _SLOW_QUERIES)][:_SLOW_QUERIES]
    for round_number in range(rounds + 1):
        for engine in engines:
            slow = engine.name == "rank-bm25"
            if slow and (round_number or not with_slow):
                continue
            asked = few if slow else queries
            measured = engine.search(asked, k)
            if round_number or slow:
                times[engine.name].append(measured.cpu_seconds * 1000 / len(asked))
            answers[engine.name] = measured.answers
    ours = next((engine for engine in engines if engine.name == "ours"), None)
    truth = answers.get("ours")
    rows = []
    for engine in engines:
        if not times[engine.name]:
            continue
        row: dict[str, Any] = {"chunks": store.chunks, "words": words, "k": k, "engine": engine.name}
        row["cpu_ms"] = statistics.median(times[engine.name])
        row["low"], row["high"] = min(times[engine.name]), max(times[engine.name])
        row["index_s"] = engine.index_cpu_seconds
        if engine.name == "memory sum":
            row["gb_per_cpu_s"] = answers[engine.name][0][0] / 1e9 / (row["cpu_ms"] * len(queries) / 1000)
        elif truth is not None and engine.name in ("bm25s", "tantivy") and ours is not None:
            row["recall"] = recall(store, ours, queries, truth, answers[engine.name])
        elif engine is ours:
            row["bytes_per_chunk"] = engine.call("bytes_per_chunk", queries)
            row["gb_per_cpu_s"] = row["bytes_per_chunk"] * store.chunks / 1e6 / row["cpu_ms"]
        rows.append(row)
    return rows


def recall(store: ChunkStore, ours: Remote, queries: NDArray[np.int64], truth: Answers, answers: Answers) -> float:
    """Share of the places filled with a chunk whose exact score reaches the exact k-th; ties are as good.

    Raises:
        SystemExit: the other engine found a better chunk than ours did, so ours would not be exact.
    """
    true_scores, scores = ours.call("scores", queries, truth), ours.call("scores", queries, answers)
    good = wanted = 0
    for row, query in enumerate(queries.tolist()):
        document = store.document_of(np.array([query]))[0]
        found = answers[row]
        other = (found < store.first_chunk[document]) | (found >= store.first_chunk[document + 1])
        places = int((truth[row] >= 0).sum())
        last = true_scores[row][:places].min(initial=np.inf)
        if places == len(truth[row]) and (scores[row][other & ~np.isin(found, truth[row])] > last).any():
            raise SystemExit(f"query {query}: a chunk better than the {places}-th was missed")
        good += int((scores[row][other][:places] >= last * (1 - _TIE)).sum())
        wanted += places
    return good / max(1, wanted)


def show(rows: list[dict[str, Any]]) -> None:
    """Print one world's rows as a Markdown table; ratios are to ours."""
    print(f"\n{rows[0]['chunks']:,} chunks, {rows[0]['words']} words\n")
    print("| k | engine | CPU ms a query | [low, high] | ratio to ours | recall | index CPU s | peak MB | GB/CPU-s |")
    print("|---|---|---|---|---|---|---|---|---|")
    base = {row["k"]: row["cpu_ms"] for row in rows if row["engine"] == "ours"}
    for row in rows:
        ratio = "" if row["engine"] == "memory sum" else f"{row['cpu_ms'] / base.get(row['k'], np.nan):,.1f}"
        recalled = f"{row['recall']:.4f}" if "recall" in row else ""
        speed = f"{row['gb_per_cpu_s']:.1f}" if "gb_per_cpu_s" in row else ""
        if "bytes_per_chunk" in row:
            speed += f" ({row['bytes_per_chunk']:.1f} B a chunk)"
        times = f"{row['cpu_ms']:,.3f} | [{row['low']:,.3f}, {row['high']:,.3f}]"
        resources = f"{row['index_s']:.1f} | {row['peak_mb']:,}"
        print(f"| {row['k']} | {row['engine']} | {times} | {ratio} | {recalled} | {resources} | {speed} |", flush=True)


if __name__ == "__main__":
    main()
