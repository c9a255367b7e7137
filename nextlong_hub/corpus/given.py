"""Sources from whatever a Python caller gives as a corpus: paths, Hub names, datasets, frames, lists, generators.

A string is a path, a glob or a name; in a list or from a generator it is a text where it reads like one. No message
quotes a string that may be a text.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from nextlong_hub.corpus.endings import names_by_suffix, suffix_of
from nextlong_hub.corpus.in_memory import MemorySource, Source, is_table, memory_source, noun_of, with_first
from nextlong_hub.corpus.naming import default_name
from nextlong_hub.corpus.remote import is_url
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.corpus.splits import TRAIN
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.hub.address import is_address

_KINDS = (
    "a path, glob or Hub name, a datasets.Dataset, IterableDataset or DatasetDict, a pandas or polars frame, a pyarrow "
    "Table, a list or generator of dicts or of texts, or a list or dict of several of these"
)
_LONGEST_PATH = 1024


def as_sources(corpus: object, *, split: str | None = None) -> tuple[Source, ...]:
    """Sources from what a Python caller gives.

    Args:
        corpus: paths, a dataset, a table, rows: see the message of the error; a mapping gives names to several.
        split: which split of a `DatasetDict` is read; None is `train`, or the only one.

    Raises:
        RecipeError: it is nothing of this, or several kinds at once.
    """
    sources: list[Source] = []
    for name, one in _named(corpus, split):
        if _is_iterator(one):
            [(_, one)] = _named(one, split)
        sources.append(_source(one, name, sources))
    if not sources:
        raise RecipeError(f"{argument('corpus')} is empty; give {_KINDS}")
    return tuple(sources)


def _named(corpus: Any, split: str | None) -> Iterator[tuple[str, Any]]:
    """The sources one by one, with their names; no name where the caller gives none."""
    if _is_dataset_dict(corpus):
        yield "", _split_of(corpus, split)
    elif isinstance(corpus, Mapping):
        if not all(isinstance(name, str) for name in corpus):
            raise RecipeError(f"{argument('corpus')} is a mapping with keys that are no names; give {_KINDS}")
        for name, one in corpus.items():
            yield name, _split_of(one, split) if _is_dataset_dict(one) else one
    elif isinstance(corpus, Sequence) and _are_several(corpus):
        yield from (("", _split_of(one, split) if _is_dataset_dict(one) else one) for one in corpus)
    elif _is_iterator(corpus):
        first, rows = with_first(corpus)
        if isinstance(first, os.PathLike) or (isinstance(first, str) and _likeness(first) == "path"):
            yield from (("", one) for one in rows)
        else:
            yield "", _Rows(rows=rows, kind=f"{type(corpus).__name__} of {noun_of(first)}")
    else:
        yield "", corpus


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """Rows of an iterator, which can be read once; the first of them was looked at."""

    rows: Iterable[Any]
    kind: str


def _source(one: Any, name: str, others: Sequence[Source]) -> Source:
    if isinstance(one, SourceSettings | MemorySource):
        return one
    if isinstance(one, str | os.PathLike):
        path = os.fspath(one)
        if not isinstance(path, str):
            path = os.fsdecode(path)
        if _likeness(path) == "text":
            raise RecipeError(
                f"{argument('corpus')} holds a string of {len(path):,} characters that reads like a text and names no "
                "file; give texts as a list of nothing else, and files by their paths"
            )
        return SourceSettings(name=name or _free(default_name(path), others), path=path)
    if isinstance(one, _Rows):
        return memory_source(one.rows, name or _free("memory", others), kind=one.kind)
    if is_table(one) or _are_rows(one):
        return memory_source(one, name or _free("memory", others))
    hint = "; call it, and give what it returns" if callable(one) else ""
    raise RecipeError(f"{argument('corpus')} holds something of type {type(one).__name__}{hint}; give {_KINDS}")


def _are_several(corpus: Sequence[Any]) -> bool:
    """Whether a sequence names several sources, and is not rows itself."""
    if isinstance(corpus, str | bytes | bytearray) or is_table(corpus):
        return False
    return not _are_rows(corpus)


def _are_rows(value: Any) -> bool:
    """Whether a value is a list of mappings or of texts, or another iterable of rows.

    Raises:
        RecipeError: it is texts and paths in one list.
    """
    if isinstance(value, set | frozenset):
        return True
    if not isinstance(value, Sequence):
        return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)
    if isinstance(value, str | bytes | bytearray) or not value:
        return False
    if all(isinstance(one, Mapping) and not _is_dataset_dict(one) for one in value):
        return True
    if not all(isinstance(one, str) for one in value):
        return False
    kinds = Counter(map(_likeness, value))
    if kinds["text"] and kinds["path"]:
        raise RecipeError(
            f"{argument('corpus')} is a list of {len(value):,} strings, {kinds['text']:,} of which read like texts and "
            f"{kinds['path']:,} like paths; give texts as dicts with a text each, and paths in a list of their own"
        )
    return kinds["text"] > 0


def _likeness(value: str) -> Literal["path", "word", "text"]:
    """What a string reads like: a path or address; a word, which may be a name; or a text."""
    if not value.strip() or "\n" in value or "\0" in value or len(value) > _LONGEST_PATH:
        return "text"
    here = os.path.expanduser(value)  # noqa: PTH111 (Path.expanduser fails where there is no such user)
    is_file_name = suffix_of(value, names_by_suffix(are_named=True))
    if os.path.lexists(here) or is_file_name or is_address(value) or is_url(value):
        return "path"
    return "word" if value.isascii() and not any(map(str.isspace, value)) else "text"


def _is_iterator(corpus: object) -> bool:
    return isinstance(corpus, Iterator) and not is_table(corpus)


def _is_dataset_dict(value: object) -> bool:
    """Whether a value is a mapping of splits of one dataset."""
    return isinstance(value, Mapping) and type(value).__name__ in ("DatasetDict", "IterableDatasetDict")


def _split_of(splits: Mapping[str, Any], split: str | None) -> Any:
    """The split that is read of a `DatasetDict`.

    Raises:
        RecipeError: there is no such split, or several and none is chosen.
    """
    wanted = split or (TRAIN if TRAIN in splits else next(iter(splits)) if len(splits) == 1 else None)
    if wanted is None or wanted not in splits:
        what = f"no split {wanted!r}" if wanted else f"no split {TRAIN!r}"
        raise RecipeError(
            f"{argument('corpus')} is a {type(splits).__name__} with {what}; its splits are {', '.join(splits)}; name "
            f"one with {argument('split')}"
        )
    return splits[wanted]


def _free(name: str, sources: Sequence[Source]) -> str:
    """The name, or the first of name-2, name-3, … that no source has yet."""
    taken = {source.name for source in sources}
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(candidate for candidate in numbered if candidate not in taken)
