"""The base class of filters, the registry of them, and `open_filters`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nextlong_hub.core.registry import Registry
from nextlong_hub.core.settings import Section, explain, with_tuples
from nextlong_hub.corpus.evidence import Example
from nextlong_hub.errors import RecipeError
from nextlong_hub.records import Document


class Filter(Section, ABC):
    """Leaves documents out; its fields are its settings.

    Every worker opens the filter anew, and documents come in no fixed order: the result of `reject` must depend on the
    document and the settings only.
    """

    @abstractmethod
    def reject(self, document: Document) -> str | None:
        """Why a document is left out, or None to keep it.

        The reason is counted and published: a few words joined by `_`, the same for all documents of one kind.
        """

    def example(self, document: Document) -> Example | None:
        """What was found in a document that `reject` has just left out; None where the reason says all."""
        return None

    def remarks(self) -> Iterable[str]:
        """What it could not look at, a sentence each."""
        return ()

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

    def remarks(self) -> Iterator[str]:
        """What the filters could not look at."""
        for one in self.by_name.values():
            yield from one.remarks()

    @property
    def identity(self) -> list[Any]:
        """The name and identity of each filter; empty where there is none."""
        return [[name, one.identity] for name, one in self.by_name.items()]


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
