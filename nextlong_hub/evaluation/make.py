"""`riffle`: a corpus of held-out documents becomes a folder of rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextlong_hub._version import __version__
from nextlong_hub.core.files import digest_of, sha256_of, write_bytes
from nextlong_hub.core.printable import listed
from nextlong_hub.corpus.ingest import FoundCorpus, find_corpus, read_corpus
from nextlong_hub.corpus.store import ChunkStore
from nextlong_hub.dataset import open_splits
from nextlong_hub.dataset.folder import CARD_NAME, EVALUATION_NAME, open_run, own_files
from nextlong_hub.dataset.shards import write_table
from nextlong_hub.errors import ConflictError, CorpusTooSmallError, DataError, argument
from nextlong_hub.evaluation.card import card_of
from nextlong_hub.evaluation.columns import SCHEMA
from nextlong_hub.evaluation.held_out import RUN_WORDS, HeldOut
from nextlong_hub.evaluation.items import Found, ItemMaker, LeftOut
from nextlong_hub.evaluation.record import damaged_files, data_path, read_record, write_record
from nextlong_hub.evaluation.settings import RiffleRequest, RiffleSettings
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.progress import Progress
from nextlong_hub.execution.run import Run
from nextlong_hub.method.order import seeded_keys
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
    trained = [_Trained.of(where) for where in request.apart_from]
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
        candidates = _Candidates(store, request.settings)
        seen = _seen(run, candidates, trained)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trained:
    """A dataset that was trained on."""

    where: str
    name: str
    digest: str
    """Of the files that its manifest names, else its commit; empty where it has neither."""

    @classmethod
    def of(cls, where: str) -> "_Trained":
        """Look at one.

        Raises:
            DataError: it is no dataset, or its rows have no text.
        """
        splits = open_splits(where)
        for split in splits:
            with closing(split):
                if "text" not in split.columns:
                    raise DataError(
                        f"{where} has rows without text, so that it cannot be told which documents stand in it; give "
                        f"the dataset with its column text to {argument('apart-from')}"
                    )
        manifest = splits[0].manifest
        digest = digest_of([file.sha256 for file in manifest.files]) if manifest else splits[0].commit or ""
        return cls(where=where, name=Path(where).name if Path(where).exists() else where, digest=digest)

    def texts(self) -> Iterator[str]:
        """The text of every row of every configuration."""
        for split in open_splits(self.where):
            with closing(split):
                for batch in split.batches(["text"]):
                    yield from (text for text in batch["text"].to_pylist() if text)


class _Candidates:
    """The documents that have chunks enough, in a seeded order."""

    def __init__(self, store: ChunkStore, settings: RiffleSettings) -> None:
        self.store, self.chunks = store, settings.chunks
        numbers = np.arange(store.documents)
        enough = np.diff(store.first_chunk) >= settings.chunks
        barred = np.isin(numbers, store.barred_documents)
        self.left_out = Counter(
            {LeftOut.TOO_FEW_CHUNKS: int((~enough).sum()), LeftOut.BARRED: int((enough & barred).sum())}
        )
        left = numbers[enough & ~barred]
        self.order: NDArray[np.int64] = left[np.lexsort((left, seeded_keys(left, settings.seed)))]

    def own(self, document: int) -> NDArray[np.int64]:
        """The numbers of the chunks that are taken of a document."""
        first = int(self.store.first_chunk[document])
        return np.arange(first, first + self.chunks)

    def leave(self, documents: frozenset[int]) -> None:
        """Leave out documents that were trained on."""
        self.left_out[LeftOut.SEEN] += len(documents)
        self.order = self.order[~np.isin(self.order, np.array(sorted(documents), np.int64))]


def _seen(run: Run, candidates: _Candidates, trained: Sequence[_Trained]) -> dict[str, int]:
    """How many candidates stand in each dataset; they are left out.

    Raises:
        CorpusTooSmallError: all of them do.
    """
    counts: dict[str, int] = {}
    all_seen: frozenset[int] = frozenset()
    if not trained:
        run.note(f"no dataset was named with {argument('apart-from')}: that these documents are held out is not checked")
    for one in trained:
        texts = {document: list(_texts(candidates, document)) for document in candidates.order.tolist()}
        held_out = HeldOut(texts)
        with run.stage("compare", None, "rows") as done:
            for text in one.texts():
                held_out.look([text])
                done(1)
        seen = held_out.seen()
        counts[one.name] = len(seen)
        all_seen |= seen
        if seen:
            run.note(f"{len(seen):,} of {len(candidates.order):,} documents stand in {one.name}, and are left out")
    if all_seen and len(all_seen) == len(candidates.order):
        raise CorpusTooSmallError(
            f"all {len(all_seen):,} documents that have chunks enough stand in {', '.join(counts)}: half of the runs of "
            f"{RUN_WORDS} words of one of their chunks do; give documents that were not trained on"
        )
    candidates.leave(all_seen)
    return counts


def _texts(candidates: _Candidates, document: int) -> Iterator[str]:
    yield from candidates.store.texts(candidates.own(document)).values()


class _Items:
    """The rows of each document that gives an item, until there are enough."""

    def __init__(self, run: Run, maker: ItemMaker, candidates: _Candidates, searcher: Searcher) -> None:
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
