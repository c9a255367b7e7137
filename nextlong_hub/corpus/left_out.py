"""What a source holds and no reader takes: counted by reason, with the first names as examples."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

_MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesLeftOut:
    """Files that are left out for one reason."""

    reason: str
    """What they are, in words: `files of the split 'test'`."""
    files: int
    examples: tuple[str, ...]
    """The first of their names, in order."""


@dataclass(slots=True)
class LeftOut:
    """Collects the files of one source that are left out."""

    _names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Leave out one file, or a folder that is not entered."""
        self._names.setdefault(reason, []).append(name)

    def counts(self) -> Mapping[str, int]:
        """Files by reason."""
        return Counter({reason: len(names) for reason, names in sorted(self._names.items())})

    def records(self) -> tuple[FilesLeftOut, ...]:
        """What is left out, by reason in the order of the words."""
        return tuple(
            FilesLeftOut(reason=reason, files=len(names), examples=tuple(sorted(names)[:_MOST_EXAMPLES]))
            for reason, names in sorted(self._names.items())
        )
