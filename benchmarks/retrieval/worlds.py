"""The corpus of the benchmark: any files you have, cut, shuffled, and handed to every engine as the same words."""

import gzip
import hashlib
import html
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from nextlong_hub.corpus.store import ChunkStore, PartWriter, finish_store
from nextlong_hub.method.chunking import cut
from nextlong_hub.method.settings import ChunkingSettings
from nextlong_hub.records import Document
from nextlong_hub.retrieval.bm25.lexer import Lexer
from nextlong_hub.retrieval.settings import RetrievalSettings

_FEWEST_CHARACTERS = 200
_MARKUP = re.compile(r"(?is)<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>")
_BLANK = re.compile(r"[ \t\r]*\n\s*")


def documents(paths: list[Path]) -> Iterator[Document]:
    """Every document of Parquet files (columns id, text), text and HTML files, plain or gzipped, folders searched."""
    for path in paths:
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
        for file in files:
            yield from _documents_of(file)


def make_store(folder: Path, paths: list[Path], chunks: int) -> ChunkStore:
    """A store of about `chunks` chunks, or all there are: whole documents, each once, ordered by a hash of the text."""
    identity = f"benchmark-{chunks}-{hashlib.sha256(repr(sorted(map(str, paths))).encode()).hexdigest()[:12]}"
    home = folder / identity
    if (home / "store.json").is_file():
        return ChunkStore(home)
    distinct = {hashlib.md5(d.text.encode(), usedforsecurity=False).digest(): d for d in documents(paths)}
    total = 0
    with PartWriter(home / "part-00000") as part:
        for _, document in sorted(distinct.items()):
            spans = cut(document.text, ChunkingSettings())
            part.add(document, spans)
            total += len(spans)
            if total >= chunks:
                break
    return finish_store(home, [part.counts], identity, {})


def write_words(store: ChunkStore, settings: RetrievalSettings, path: Path) -> None:
    """Write each chunk's words on a line of its own, as our lexer sees them, for engines with other lexers."""
    lexed = Lexer(settings).lex(store.blocks(0, store.chunks), store.chunks)
    held = lexed.term_bytes.tobytes()
    starts = lexed.term_starts.tolist()
    words = [held[start:stop].decode() for start, stop in itertools.pairwise(starts)]
    first = 0
    with path.open("w", encoding="utf-8") as lines:
        for last in lexed.row_ends.tolist():
            row = np.repeat(lexed.terms[first:last], lexed.counts[first:last]).tolist()
            lines.write(" ".join([words[term] for term in row]) + "\n")
            first = last


def _documents_of(file: Path) -> Iterator[Document]:
    if file.suffix == ".parquet":
        if not {"id", "text"} <= set(pq.read_schema(file).names):
            return
        for batch in pq.ParquetFile(file).iter_batches(columns=["id", "text"]):
            for name, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True):
                yield Document(id=str(name), text=text, source="benchmark")
        return
    kinds = [suffix for suffix in file.suffixes if suffix != ".gz"]
    if not kinds or kinds[-1] not in {".html", ".htm", ".xhtml", ".xml", ".txt", ".md", ".rst"}:
        return
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    text = raw.decode("utf-8", "replace")
    if kinds[-1] in {".html", ".htm", ".xhtml", ".xml"}:
        text = html.unescape(_MARKUP.sub(" ", text))
    text = _BLANK.sub("\n", text).strip()
    if len(text) >= _FEWEST_CHARACTERS:
        yield Document(id=str(file), text=text, source="benchmark")
