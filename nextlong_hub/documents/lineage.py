"""What rows of our own datasets bring along when they are fitted or imported: segments, and who gave the scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextlong_hub.core.foreign import parse_json
from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dataset.manifest import MANIFEST_NAME, read_manifest
from nextlong_hub.errors import DataError
from nextlong_hub.records import Segment
from nextlong_hub.retrieval.settings import RetrievalSettings
from nextlong_hub.tokenization import Tokenizer

_ROLES = ("meta", "negative")


def segments_of(document: str, kept: str, text: str, tokenizer: Tokenizer, *, offset: int = 0) -> tuple[Segment, ...]:
    """The segments of a text: those that its row has already, cut to it, or all of it as one.

    Args:
        document: its id in the corpus, where it is one segment.
        kept: the segments of its row as JSON; empty where it has none.
        text: the row's text, or a part of it.
        tokenizer: counts the tokens that begin in each segment.
        offset: characters of the row before the text.
    """
    starts = tokenizer.encode_with_starts(text)[1]
    segments = _cut(parse_json(kept), offset, len(text), starts) if kept else ()
    return segments or (whole_segment(document, len(text), len(starts)),)


def retrieval_of(source: Source) -> RetrievalSettings:
    """By what the negatives of a source were found: what its manifest says, where it is a dataset of ours.

    The default where it is none, whose rows have no scores, or where several retrievers gave them.
    """
    path = Path(source.path).expanduser() if isinstance(source, SourceSettings) else Path()
    for folder in (path, *path.parents[:3]):  # the dataset, or data/<configuration>/<file> of it
        if (folder / MANIFEST_NAME).is_file():
            break
    else:
        return RetrievalSettings()
    try:
        manifest = read_manifest(folder)
    except DataError:
        return RetrievalSettings()
    configs = manifest.configs if manifest else {}
    own = [config for name, config in configs.items() if folder == path or name in path.relative_to(folder).parts]
    made = [recipe for config in own for recipe in config.row_recipes.values() if recipe.mix is None]
    used = [recipe.retrieval for recipe in made]
    return used[0] if used and used.count(used[0]) == len(used) else RetrievalSettings()


def whole_segment(document: str, characters: int, tokens: int) -> Segment:
    """All of a document's text as one segment."""
    return Segment(role="meta", document=document, chunk=0, start=0, end=characters, tokens=tokens, rank=0, score=0.0)


def _cut(kept: list[Mapping[str, Any]], offset: int, characters: int, starts: NDArray[np.int64]) -> tuple[Segment, ...]:
    """The segments that lie in a part of a row; nothing where they are not those of samples."""
    found = []
    for one in kept:
        if one["role"] not in _ROLES:
            return ()
        start, end = max(0, one["start"] - offset), min(characters, one["end"] - offset)
        if start < end:
            tokens = int(np.diff(np.searchsorted(starts, (start, end)))[0])
            found.append(Segment(**{**one, "start": start, "end": end, "tokens": tokens}))
    return tuple(found)
