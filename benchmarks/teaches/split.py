"""The corpus, which of its documents are held out, and the tokenizer that is trained on the others."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from nextlong_hub.errors import DataError

RUN_DOCUMENTS = 32
"""Consecutive documents of one source that are held out together: neighbours resemble each other."""
RUNS = 8
HELD_RUN = 5
"""Of each eight runs of a source, the sixth is held out."""
BEGINNING = "<|endoftext|>"
"""The one special token: it stands before every document."""
_TRAINING_CHARACTERS = 24_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The documents of a Parquet file, numbered from 0."""

    ids: Sequence[str]
    texts: Sequence[str]
    sources: Sequence[str]


def read_corpus(file: Path) -> Corpus:
    """Read a Parquet file with the columns id, text and, if it has one, source.

    Raises:
        DataError: there is no such file, or it lacks a column.
    """
    if not file.is_file():
        raise DataError(f"there is no corpus {file}; give a Parquet file with the columns id, text and source")
    names = pq.read_schema(file).names
    if not {"id", "text"} <= set(names):
        raise DataError(f"{file} has the columns {', '.join(names)}; the benchmark needs id and text, and knows source")
    table = pq.read_table(file, columns=[name for name in ("id", "text", "source") if name in names])
    sources = table["source"].to_pylist() if "source" in names else ["corpus"] * table.num_rows
    return Corpus(ids=table["id"].to_pylist(), texts=table["text"].to_pylist(), sources=sources)


def held_out(sources: Iterable[str]) -> NDArray[np.bool_]:
    """Which documents are never trained on, told by their sources alone. Shape: (documents,)."""
    seen: Counter[str] = Counter()
    mask = []
    for source in sources:
        mask.append(seen[source] // RUN_DOCUMENTS % RUNS == HELD_RUN)
        seen[source] += 1
    return np.array(mask, bool)


def write_part(corpus: Corpus, documents: NDArray[np.int64], file: Path) -> None:
    """Write some documents as a corpus of their own, in the order given."""
    chosen = documents.tolist()
    table = pa.table(
        {
            "id": [corpus.ids[number] for number in chosen],
            "text": pa.array([corpus.texts[number] for number in chosen], pa.large_string()),
            "source": [corpus.sources[number] for number in chosen],
        }
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)


def train_tokenizer(texts: Sequence[str], vocabulary: int, folder: Path) -> Path:
    """Train a byte-level BPE in which a newline is always a token of its own.

    So the tokens of a joined row are exactly those of its chunks with newlines between them, and rows can be put
    together again from chunks that were encoded once.

    Returns:
        The file `tokenizer.json` in `folder`.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BEGINNING],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sample(texts), trainer)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tokenizer.json"
    tokenizer.save(str(file))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BEGINNING, "eos_token": BEGINNING}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return file


def _sample(texts: Sequence[str]) -> list[str]:
    """Texts in a seeded order, as many as a tokenizer is trained on."""
    chosen, characters = [], 0
    for number in np.random.default_rng(1).permutation(len(texts)).tolist():
        chosen.append(texts[number])
        characters += len(texts[number])
        if characters >= _TRAINING_CHARACTERS:
            break
    return chosen
