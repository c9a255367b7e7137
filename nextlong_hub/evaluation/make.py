"""`riffle`: a corpus of held-out documents becomes a folder of rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nextlong_hub._version import __version__
from nextlong_hub.core.files import sha256_of, write_bytes
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus.ingest import FoundCorpus, find_corpus, read_corpus
from nextlong_hub.dataset.folder import CARD_NAME, EVALUATION_NAME, open_run, own_files
from nextlong_hub.dataset.shards import write_table
from nextlong_hub.errors import ConflictError, CorpusTooSmallError, argument
from nextlong_hub.evaluation.candidates import Candidates, Trained, without_seen
from nextlong_hub.evaluation.card import card_of
from nextlong_hub.evaluation.columns import SCHEMA
from nextlong_hub.evaluation.items import Found, ItemMaker
from nextlong_hub.evaluation.left_out import LeftOut
from nextlong_hub.evaluation.record import damaged_files, data_path, read_record, write_record
from nextlong_hub.evaluation.settings import RiffleRequest
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.progress import Progress
from nextlong_hub.execution.run import Run
from nextlong_hub.recipe import OutputSettings
from nextlong_hub.retrieval import Searcher, open_retriever, pin, settled
from nextlong_hub.retrieval.tasks import index_store, look_for_languages
from nextlong_hub.tokenization import Tokenizer, load_tokenizer
from nextlong_hub.tokenization.special_tokens import find_special_tokens

_DOCUMENTS_AT_ONCE = 16
_SPARE_HITS = 64
"""Asked for beyond the look-alikes of a gap: near-copies, and chunks that serve another gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiffleReport:
    """What was made."""

    folder: Path
    items: int
    rows: int
    tokens: int
    left_out: Mapping[str, int]
    """Documents that gave no item, by reason; `not_needed`: there were enough before them."""
    seen: Mapping[str, int]
    """By dataset that was trained on: documents that stand in it."""
    is_unchanged: bool
    """The folder held these rows already."""


def riffle(
    request: RiffleRequest, output: Path, *, executor: Executor | str = "inline", progress: Progress | None = None
) -> RiffleReport:
    """Make paired rows of held-out documents in a folder of its own.

    The same request gives the same rows. What is there is kept if it is what was asked for.

    Args:
        request: what to make.
        output: the folder.
        executor: where the corpus is read and indexed.
        progress: is told of each stage.

    Raises:
        RecipeError: a choice is wrong.
        CorpusTooSmallError: no document gives an item.
        DataError: the corpus, or a dataset that was trained on, cannot be read.
        ConflictError: `output` holds something else.
        AuthError, NetworkError, StorageError, WorkerError: see `pipeline.build`.
    """
    tokenizer = load_tokenizer(request.tokenizer)
    recipe = request.recipe.with_pinned_filters()
    recipe = recipe.model_copy(update={"retrieval": pin(recipe.retrieval)})
    trained = [Trained.of(where) for where in request.apart_from]
    with open_run(output, executor, progress, makes=EVALUATION_NAME) as run:
        found = find_corpus(run, request.sources)
        head = {
            "tool": "nextlong-hub",
            "kind": "riffle",
            "version": __version__,
            "settings": request.settings.to_json(),
            "recipe": recipe.public_values(),
            "corpus": {"digest": found.digest, "sources": [one.name for one in found.sources]},
            "tokenizer": {"name": _shown(tokenizer), "digest": tokenizer.digest},
            "apart_from": [{"name": one.name, "digest": one.digest} for one in trained],
        }
        finished = _finished(output, head)
        if finished is not None:
            return _report(output, finished, is_unchanged=True)
        store = read_corpus(run, found, recipe.reading)
        candidates = Candidates(store, request.settings)
        seen = without_seen(run, candidates, trained)
        retrieval = settled(recipe.retrieval, look_for_languages(run, store, recipe.retrieval))
        index = index_store(run, store, retrieval)
        maker = ItemMaker(
            store=store,
            tokenizer=tokenizer,
            special_tokens=find_special_tokens(tokenizer, bos=recipe.add_bos_token, eos=False),
            settings=request.settings,
            negatives=recipe.negatives,
            separator=recipe.interleave.separator,
        )
        items = _Items(run, maker, candidates, open_retriever(index, store, retrieval))
        writer = _Writer(run, recipe.output)
        with run.stage("riffle", request.settings.items, "items") as done:
            for rows in items:
                writer.add(pa.Table.from_pylist(rows, SCHEMA))
                done(1)
        writer.finish()
        left_out = dict(sorted(items.left_out.items()))
        if not items.made:
            raise CorpusTooSmallError(
                f"none of the {store.documents:,} documents gives an item ({listed(left_out)}); give other documents, "
                f"or lower {argument('chunks')}, {argument('distances')} or {argument('interferers')}, or raise "
                f"{argument('target-length')}"
            )
        content = {
            **head,
            "documents": store.documents,
            "skipped": dict(store.summary.skipped),
            "items": items.made,
            "rows": writer.rows,
            "tokens": writer.rows * request.settings.target_length,
            "left_out": left_out,
            "seen": seen,
            "files": writer.files,
        }
        write_bytes(output / CARD_NAME, card_of(content, _licences(found)).encode())
        write_record(output, content)
    return _report(output, content, is_unchanged=False)


def _finished(output: Path, head: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of the folder, where it is what was asked for, and whole.

    Raises:
        ConflictError: it is another.
    """
    content = read_record(output)
    if content is None:
        return None
    if changed := [key for key in head if content.get(key) != head[key]]:
        raise ConflictError(
            f"{output} holds another evaluation ({', '.join(changed)} differ); choose another {argument('output')}, or "
            "remove it"
        )
    return None if next(damaged_files(output, content), None) else content


def _report(output: Path, content: Mapping[str, Any], *, is_unchanged: bool) -> RiffleReport:
    return RiffleReport(
        folder=output,
        items=content["items"],
        rows=content["rows"],
        tokens=content["tokens"],
        left_out=content["left_out"],
        seen=content["seen"],
        is_unchanged=is_unchanged,
    )


def _shown(tokenizer: Tokenizer) -> str:
    """What a tokenizer is called where this machine's folders mean nothing."""
    return Path(tokenizer.name).name if Path(tokenizer.location).is_absolute() else tokenizer.name


def _licences(found: FoundCorpus) -> dict[str, str]:
    """What is said of the licence of each source; empty where nothing is."""
    return {
        source.name: source.license or ", ".join(one.license for one in found.stated.get(source.name, ()))
        for source in found.sources
    }


class _Items:
    """The rows of each document that gives an item, until there are enough."""

    def __init__(self, run: Run, maker: ItemMaker, candidates: Candidates, searcher: Searcher) -> None:
        self._run, self._maker, self._candidates, self._searcher = run, maker, candidates, searcher
        self.left_out: Counter[str] = Counter()
        self.made = 0

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        wanted = self._maker.settings.items
        order = self._candidates.order
        tried = 0
        for first in range(0, len(order), _DOCUMENTS_AT_ONCE):
            documents = order[first : first + _DOCUMENTS_AT_ONCE].tolist()
            for document, found in zip(documents, self._found(documents), strict=True):
                if self.made == wanted:
                    break
                tried += 1
                rows = self._maker.rows(self.made, document, found)
                if isinstance(rows, LeftOut):
                    self.left_out[rows.value] += 1
                    continue
                self.made += 1
                yield rows
            if self.made == wanted:
                break
        self.left_out["not_needed"] += len(order) - tried
        for reason, count in self._candidates.left_out.items():
            self.left_out[str(reason)] += count
        self.left_out = +self.left_out

    def _found(self, documents: Sequence[int]) -> Iterator[list[Found]]:
        """The retriever's answers to the chunks of each document but the last."""
        queries = [self._candidates.own(document)[:-1] for document in documents]
        k = _SPARE_HITS + max(self._maker.settings.chosen_interferers) * len(queries[0])
        hits = self._searcher.search(np.concatenate(queries), k)
        answers = iter(zip(hits.chunks, hits.scores, strict=True))
        for own in queries:
            yield [
                Found(chunks=tuple(chunks[chunks >= 0].tolist()), scores=tuple(scores[chunks >= 0].tolist()))
                for chunks, scores in (next(answers) for _ in own)
            ]


class _Writer:
    """Writes rows into shards, each when it is full; an item is never divided."""

    def __init__(self, run: Run, settings: OutputSettings) -> None:
        self._folder, self._settings = run.output, settings
        self._own = own_files(run.output, None, [EVALUATION_NAME])
        self._own.claim([CARD_NAME, EVALUATION_NAME])
        self._own.remove([EVALUATION_NAME])
        self._tables: list[pa.Table] = []
        self._bytes = 0
        self.rows = 0
        self.files: list[dict[str, Any]] = []

    def add(self, table: pa.Table) -> None:
        """Add the rows of one item."""
        self._tables.append(table)
        self._bytes += table.nbytes
        if self._bytes >= self._settings.shard_bytes:
            self._write()

    def finish(self) -> None:
        """Write what is left, and remove what an earlier run left behind."""
        if self._tables:
            self._write()
        self._own.remove(self._own.besides([CARD_NAME, *(file["path"] for file in self.files)]))

    def _write(self) -> None:
        table = pa.concat_tables(self._tables)
        name = data_path(len(self.files))
        self._own.claim([name])
        path = self._folder / name
        digest = write_table(path, table, self._settings)
        self.files.append(
            {
                "path": name,
                "sha256": sha256_of(path),
                "bytes": path.stat().st_size,
                "rows": table.num_rows,
                "rows_sha256": digest,
            }
        )
        self.rows += table.num_rows
        self._tables, self._bytes = [], 0
