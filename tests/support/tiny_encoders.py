"""A real encoder of model2vec, fitted to a few texts: words that stand in the same texts get vectors that are alike."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

_WORD = re.compile(r"\w+|[^\w\s]+")
_UNKNOWN = "[UNK]"
_PADDING = "[PAD]"


def save_encoder(folder: Path, texts: Sequence[str], *, dimension: int = 16, words: int = 2_000, seed: int = 0) -> Path:
    """Fit an encoder to `texts` by latent semantic analysis, and save it as model2vec does."""
    bags = [Counter(_WORD.findall(text.lower())) for text in texts]
    frequencies = Counter(word for bag in bags for word in bag)
    known = [word for word, _ in sorted(frequencies.items(), key=lambda one: (-one[1], one[0]))[:words]]
    places = {word: place for place, word in enumerate([_PADDING, _UNKNOWN, *known])}
    idf = np.array([0, 0, *(np.log(len(bags) / frequencies[word]) + 1e-3 for word in known)], np.float32)
    # Range finding by power iteration (Halko, Martinsson and Tropp, 2011): no library for sparse matrices is needed.
    rows, columns, weights = zip(
        *((row, places[word], 1 + np.log(times)) for row, bag in enumerate(bags) for word, times in bag.items()
          if word in places),
        strict=True,
    )  # fmt: skip
    rows, columns = np.array(rows), np.array(columns)
    weights = np.array(weights, np.float32) * idf[columns]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    by_word = np.argsort(columns, kind="stable")
    word_starts = np.flatnonzero(np.r_[True, np.diff(columns[by_word]) != 0])
    basis = np.random.default_rng(seed).normal(size=(len(places), dimension)).astype(np.float32)
    for _ in range(4):
        texts_side = np.zeros((len(bags), dimension), np.float32)
        texts_side[rows[starts]] = np.add.reduceat(basis[columns] * weights[:, None], starts, axis=0)
        words_side = np.zeros_like(basis)
        words_side[columns[by_word][word_starts]] = np.add.reduceat(
            (texts_side[rows] * weights[:, None])[by_word], word_starts, axis=0
        )
        basis = np.linalg.qr(words_side)[0].astype(np.float32)
    tokenizer = Tokenizer(WordLevel(places, unk_token=_UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    StaticModel(basis * idf[:, None], tokenizer, normalize=True).save_pretrained(folder)
    return folder
