"""The base class of filters, the registry of them, and `open_filters`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from nextlong_hub.core.registry import Registry
from nextlong_hub.core.settings import Section, explain, with_tuples
from nextlong_hub.corpus.evidence import Example
from nextlong_hub.errors import RecipeError
from nextlong_hub.records import ChunkSpan, Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Chunks of a document that no row may hold."""

    reason: str
    """As of a document that is left out."""
    chunks: frozenset[int]
    """Their numbers in the document; at least one."""


class Filter(Section, ABC):
    """Leaves documents out, or bars chunks of them; its fields are its settings.

    Every worker opens the filter anew, and documents come in no fixed order: the result of `reject` must depend on the
    document and the settings only.
    """

    @abstractmethod
    def reject(self, document: Document) -> str | None:
        """Why a document is left out, or None to keep it.

        The reason is counted and published: a few words joined by `_`, the same for all documents of one kind.
        """

    def bar(self, document: Document, chunks: Sequence[ChunkSpan]) -> Barred | None:
        """Which chunks of a document that is kept no row may hold; None for none.

        The document is then not extended. One all of whose chunks are barred is left out for that reason.
        """
        return None

    def example(self, document: Document) -> Example | None:
        """What was found in a document that was just left out or barred in part; None where the reason says all."""
        return None

    def remarks(self) -> Iterable[str]:
        """What it could not look at, a sentence each."""
        return ()

    def pinned(self) -> Self:
        """The same settings with everything written out that would otherwise depend on files, such as their digests.

        Raises:
            RecipeError: a file is not the one that the settings name.
            DataError, StorageError, AuthError, NetworkError: a file cannot be read.
        """
        return self

    @property
    def published(self) -> Self:
        """The same settings as a manifest holds them: without the folders of this machine."""
        return self

    def located(self, places: Sequence[str]) -> Self:
        """The settings of a manifest with files where they lie on this machine.

        Args:
            places: their paths, as they are typed; a file without one is where the settings say.
        """
        return self

    @property
    def identity(self) -> Any:
        """JSON value of everything that decides the results of `reject`; when it changes, the corpus is read anew.

        A filter that reads files, or whose rules have changed, adds their digest or a version to its settings.
        """
        return self.model_dump(mode="json")


FILTERS: Registry[type[Filter]] = Registry(
    kind="filter", files="corpus/filters/*.py", constant="FILTER", group="nextlong_hub.filters"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters of one recipe."""

    by_name: Mapping[str, Filter]
    """In the order of their names, in which they are applied."""

    def reject(self, document: Document) -> str | None:
        """The reason of the first filter that leaves a document out; None when all keep it."""
        return next((reason for one in self.by_name.values() if (reason := one.reject(document)) is not None), None)

    def example(self, document: Document) -> Example | None:
        """What the filter that left a document out found in it."""
        return next((one.example(document) for one in self.by_name.values() if one.reject(document) is not None), None)

    def bar(self, document: Document, chunks: Sequence[ChunkSpan]) -> "BarredChunks":
        """What all filters bar of a document that they keep."""
        by_chunk: dict[int, str] = {}
        examples = []
        for one in self.by_name.values():
            found = one.bar(document, chunks)
            if found is not None:
                by_chunk = dict.fromkeys(found.chunks, found.reason) | by_chunk
                examples += [example] if (example := one.example(document)) else []
        return BarredChunks(reasons=dict(sorted(by_chunk.items())), examples=tuple(examples[:1]))

    def located(self, places: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The settings of each filter, as `Filter.located`."""
        return {name: one.located(places).model_dump(mode="json") for name, one in self.by_name.items()}

    def pinned(self) -> dict[str, dict[str, Any]]:
        """The settings of each filter, as `Filter.pinned`."""
        return {name: one.pinned().model_dump(mode="json") for name, one in self.by_name.items()}

    def remarks(self) -> Iterator[str]:
        """What the filters could not look at."""
        for one in self.by_name.values():
            yield from one.remarks()

    @property
    def identity(self) -> list[Any]:
        """The name and identity of each filter; empty where there is none."""
        return [[name, one.identity] for name, one in self.by_name.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarredChunks:
    """What filters bar of one document."""

    reasons: Mapping[int, str]
    """Of each barred chunk, by its number in the document: that of the first filter that bars it."""
    examples: tuple[Example, ...]
    """What the first filter with something to show found; at most one."""


def published_settings(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings of filters as a manifest holds them; those that cannot be opened here stay as they are."""

    def of(name: str) -> dict[str, Any]:
        try:
            return _open(name, settings[name]).published.model_dump(mode="json")
        except RecipeError:
            return dict(settings[name])

    return {name: of(name) for name in settings}


def open_filters(settings: Mapping[str, Mapping[str, Any]]) -> Filters:
    """The filters that a recipe names.

    Args:
        settings: those of each filter, by its name.

    Raises:
        RecipeError: there is no filter of that name, or it has not such settings.
    """
    return Filters(by_name={name: _open(name, settings[name]) for name in sorted(settings)})


def _open(name: str, settings: Mapping[str, Any]) -> Filter:
    kind = FILTERS[name]
    try:
        return kind.model_validate(with_tuples(settings))  # those of a task were JSON
    except ValidationError as error:
        raise RecipeError(f"filters.{name}: {explain(error, kind)}") from error
