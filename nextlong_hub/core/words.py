"""What a word is, everywhere in this package: a run of letters and digits with the marks on them, in one normal form.

In scripts that put no space between words every character, with its marks, counts by itself.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.code_points import code_point_classes, normalise

_SMALL = {point: point | 0x20 for point in range(ord("A"), ord("Z") + 1)}


def word_digests(text: str) -> NDArray[np.uint64]:
    """A digest of each word of a text, in order; words of one normal form have one digest. Shape: (words,).

    Two different words of a text of a million words share one with a chance of about one in forty million.
    """
    return _words_in(_normal_points(text)).digests


def words_of(text: str) -> list[str]:
    """The words of a text, spelled in their normal form: those that `word_digests` gives digests of, in order."""
    points = _normal_points(text)
    words = _words_in(points)
    form = points.tobytes().decode("utf-32-le", "surrogatepass").translate(_SMALL)
    return [form[start:end] for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True)]


def run_digests(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """A digest of each run of so many neighbouring words, or other numbers. Shape: (max(0, words - length + 1),)."""
    from nextlong_hub.core.word_kernels import digest_runs

    digests = np.zeros(max(0, len(words) - length + 1), np.uint64)
    if len(digests):
        digest_runs(words, length, digests)
    return digests


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand in it as it is written: first character, and one past the last.

    An invisible character, which the normal form leaves out, ends a word here.
    """
    words = _words_in(_code_points(text))
    return list(zip(words.starts.tolist(), words.ends.tolist(), strict=True))


class _Words(NamedTuple):
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    digests: NDArray[np.uint64]


def _words_in(points: NDArray[np.uint32]) -> _Words:
    from nextlong_hub.core.word_kernels import find_words

    starts, ends = np.empty((2, len(points)), np.int64)
    digests = np.empty(len(points), np.uint64)
    count = find_words(points, code_point_classes(), starts, ends, digests)
    return _Words(starts[:count], ends[:count], digests[:count])


def _normal_points(text: str) -> NDArray[np.uint32]:
    """The normal form as code points, ASCII capitals left as they are unless something else must be normalised."""
    from nextlong_hub.core.word_kernels import needs_normalising

    points = _code_points(text)
    return _code_points(normalise(text)) if needs_normalising(points, code_point_classes()) else points


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
