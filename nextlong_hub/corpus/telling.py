"""What is not read of a source, in words: for the terminal, and for whoever reads a manifest."""

from collections.abc import Iterable, Mapping, Sequence

from nextlong_hub.core.printable import counted
from nextlong_hub.corpus.left_out import FilesLeftOut
from nextlong_hub.corpus.secrets import FATES, OnSecret, found_in_words
from nextlong_hub.corpus.store import SourceCounts
from nextlong_hub.errors import argument

_MOST_NAMES = 6


def not_read(files: Sequence[FilesLeftOut]) -> str:
    """Files that are not read, by reason, with an example of each."""
    parts = [f"{one.reason}: {one.files:,} ({one.examples[0]}{', …' * (one.files > 1)})" for one in files]
    return f"not read: {'; '.join(parts)}"


def columns_seen(used: Sequence[str], unused: Sequence[str], members: Sequence[str]) -> str:
    """Which columns or fields are read, which are not, and which files within archives are not, as far as was seen."""
    parts = [f"read {', '.join(used)}"] if used else []
    parts += [f"not read {', '.join(unused)}"] if unused else []
    parts += [f"files in archives not read {', '.join(members)}"] if members else []
    return "; ".join(parts)


def notes_of(source: SourceCounts, on_secret: OnSecret) -> Iterable[str]:
    """What a source holds besides its texts, a sentence for each kind; `on_secret` says what became of secrets."""
    if source.secrets.kinds:
        yield f"{found_in_words(source.secrets.kinds, source.secrets.documents)}: {FATES[on_secret]}"
    if source.unused:
        yield f"columns not used: {_most(source.unused)}"
    if source.members:
        yield f"files in archives not read: {_most(source.members)}"
    if source.evidence.items:
        found = counted(sum(source.evidence.items.values()), "document")
        barred = sum(source.barred.values())
        fate = f"{counted(barred, 'chunk')} of them barred" if barred else "left out"
        yield f"{found} with words of a benchmark, {fate}: {_most(source.evidence.items)}"
    yield from source.evidence.remarks
    if source.numbered:
        yield (
            f"{counted(source.numbered, 'row')} without an id are called by their file and row; "
            f"{argument('id-column')} names a "
            "column of ids"
        )


def _most(counts: Mapping[str, int]) -> str:
    """The names with the highest counts."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    listed = ", ".join(f"{name} ({counts[name]:,})" for name in names[:_MOST_NAMES])
    return f"{listed}, and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else listed
