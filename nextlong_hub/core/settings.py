"""The base of every section of a recipe: strict, frozen, with validation errors in words."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from nextlong_hub.core.printable import did_you_mean

_LONGEST_INPUT = 200
"""Characters of a wrong value that a message shows."""
BYTES_FORMAT = 2
"""Raised whenever the same recipe starts to give other bytes; part of every fingerprint."""


class Section(BaseModel):
    """A group of choices; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset()
    """Fields left out of a dump while they are empty: recipes without them keep their fingerprint."""
    before: ClassVar[Mapping[str, Any]] = {}
    """Choices that older datasets were made with but do not name, where the default is another one now."""
    main_choice: ClassVar[str] = ""
    """The field that is meant where a recipe gives one word for the whole section: `interleave = "none"`."""

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = dump(self)
        return {key: value for key, value in values.items() if value or key not in self.left_out_when_empty}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """A validation error as one sentence a place: what came, what was needed, and the likely key meant."""
    sentences = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _keys_at(model, fault["loc"][:-1])
            hint = did_you_mean(str(fault["loc"][-1]), known)
            sentences.append(f"unknown key {place!r}; known here: {', '.join(known)}{hint}")
        elif fault["type"] == "missing":
            sentences.append(f"{place!r} is missing; add it")
        else:
            shown = "" if isinstance(fault["input"], Mapping) else f" = {_shortened(repr(fault['input']))}"
            given = f"{place}{shown}: " if place else ""
            sentences.append(given + fault["msg"].removeprefix("Value error, "))
    return "; ".join(sentences)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_INPUT else f"{text[:_LONGEST_INPUT]}…"


def _keys_at(model: type[BaseModel], path: Iterable[Any]) -> list[str]:
    """The field names of the section that `path` leads to."""
    for step in path:
        if step not in model.model_fields:  # a place in a list, a key of a table
            continue
        annotation = model.model_fields[step].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)


def with_tuples(value: Any) -> Any:
    """TOML arrays as tuples: strict models take no list where a tuple is declared."""
    if isinstance(value, list):
        return tuple(with_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: with_tuples(item) for key, item in value.items()}
    return value


def without_none(value: Any) -> Any:
    """TOML has no null: an unset choice is left out."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value]
    return value


def with_main_choices(values: Any, model: type[Section]) -> Any:
    """The values of `model`, with a section that is given as one word written out: see `Section.main_choice`."""
    if not isinstance(values, dict):
        return values
    sections = {
        name: kind
        for name, field in model.model_fields.items()
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ()))
        if isinstance(kind, type) and issubclass(kind, Section)
    }
    return {
        key: {sections[key].main_choice: value}
        if key in sections and sections[key].main_choice and isinstance(value, str)
        else value
        for key, value in values.items()
    }
