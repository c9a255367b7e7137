"""Reference pages are written by the code that they describe, each time the site is built.

A page in `docs/reference` says what needs saying by hand, and a line `<!-- insert: NAME -->` stands where one of
`INSERTS` puts what it finds in the commands, the models, the columns or the errors. Nothing of it is committed.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import click
from pydantic import BaseModel

import nextlong_hub
from nextlong_hub import cli, errors
from nextlong_hub.core.settings import Section
from nextlong_hub.corpus.filters import FILTERS
from nextlong_hub.dataset.manifest import Manifest
from nextlong_hub.dataset.schema import COLUMNS, SEGMENT_TYPE, RowContents, RowKind, column_table
from nextlong_hub.evaluation.columns import COLUMNS as RIFFLE_COLUMNS
from nextlong_hub.recipe import Recipe
from nextlong_hub.retrieval import RETRIEVERS

SCHEMA_PAGE = "reference/manifest.schema.json"

_MARK = re.compile(r"^<!-- insert: ([\w-]+) -->$", re.MULTILINE)
_MOST_IN_A_CELL = 40
_KINDS = {
    RowKind.ANY: "every row",
    RowKind.SAMPLE: "a row that is one sample",
    RowKind.PACKED: "packed rows",
    RowKind.WITH_TOKENS: "`tokens = true`",
    RowKind.WITH_MASK: "conversations",
    RowKind.WITH_INPUTS: "conversations",
}

Schema = Mapping[str, Any]
"""A part of a JSON Schema."""


def on_files(files: Any, config: Any) -> Any:
    """Add the JSON Schema of the manifest as a file of the site."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, SCHEMA_PAGE, content=manifest_schema()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in what a page asks for; a name that is not there ends the build."""
    return filled(markdown)


def filled(markdown: str) -> str:
    """The text with each `<!-- insert: NAME -->` replaced.

    Raises:
        KeyError: there is nothing of that name.
    """
    return _MARK.sub(lambda found: INSERTS[found[1]](), markdown)


def commands() -> str:
    """Every command: how it is called, what it does, its options and examples."""
    return "\n\n".join(_command(command) for command in cli.commands.commands.values())


def recipe_keys() -> str:
    """Every key of a recipe, section by section."""
    top = _keys(Recipe, heading="")
    sections = [_keys(section, heading=f"## `{name}`") for name, section in _sections(Recipe)]
    return "\n\n".join([top, *sections])


def retriever_options() -> str:
    """The options of each retriever that has some."""
    shapes: dict[type[Section], list[str]] = {}
    for name in RETRIEVERS.names():
        shapes.setdefault(RETRIEVERS[name].options, []).append(name)
    return "\n\n".join(
        _keys(shape, heading=f"### {_listed([f'`{name}`' for name in names])}")
        for shape, names in shapes.items()
        if shape.model_fields
    )


def filter_keys() -> str:
    """The settings of each filter."""
    parts = []
    for name in FILTERS.names():
        parts.append(_keys(FILTERS[name], heading=f"### `filters.{name}`"))
        parts += [_keys(section, heading=f"#### `{key}`") for key, section in _sections(FILTERS[name])]
    return "\n\n".join(parts)


def columns() -> str:
    """Every column, its type, and which rows have it."""
    meanings = dict(column_table(RowContents(kinds=frozenset(RowKind), synthesised=True, score="BM25 `score`")))
    return _table(
        ("column", "type", "rows that have it", "what it holds"),
        ((f"`{one.name}`", f"`{_brief(one.type)}`", _KINDS[one.rows], meanings[one.name]) for one in COLUMNS),
    )


def riffle_columns() -> str:
    """Every column of rows to evaluate with, and its type."""
    return _table(
        ("column", "type", "what it holds"),
        ((f"`{one.name}`", f"`{_brief(one.type)}`", one.meaning) for one in RIFFLE_COLUMNS),
    )


def segment_fields() -> str:
    """The fields of a segment with their types."""
    return "\n".join(f"    {field.name:<10}{field.type}" for field in SEGMENT_TYPE)


def exit_codes() -> str:
    """Every exit code, and the exceptions that give it."""
    codes: dict[int, list[type[errors.NextLongError]]] = {}
    for kind in _with_subclasses(errors.NextLongError):
        codes.setdefault(kind.exit_code, []).append(kind)
    rows = [("0", "done", "")]
    for code, kinds in sorted(codes.items()):
        meanings = [_first_line(kind) for kind in kinds if kind is not errors.NextLongError]
        names = [f"`{kind.__name__}`" for kind in kinds if kind is not errors.NextLongError]
        rows.append((str(code), " ".join(meanings), ", ".join(names)))
    rows += [("130", "Stopped by Ctrl-C.", ""), ("143", "Stopped by SIGTERM, as a scheduler sends it.", "")]
    return _table(("code", "meaning", "exception in Python"), rows)


def manifest_keys() -> str:
    """The keys of the manifest, record by record."""
    records: dict[str, type[BaseModel]] = {}
    _collect(Manifest, records)
    return "\n\n".join(
        _keys(record, heading="" if record is Manifest else f"### `{name}`", is_recorded=True)
        for name, record in records.items()
    )


def manifest_schema() -> str:
    """The JSON Schema of `manifest.json`, with what each key means."""
    schema = Manifest.model_json_schema(mode="serialization")
    records: dict[str, type[BaseModel]] = {}
    _collect(Manifest, records)
    for name, record in records.items():
        place = schema if record is Manifest else schema["$defs"][name]
        for key, words in _meanings(record).items():
            if key in place["properties"]:
                place["properties"][key]["description"] = words
    schema["properties"]["digest"] = {"type": "string", "description": "Digest of all other keys."}
    schema["required"] = [*schema["required"], "digest"]
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def public_names() -> str:
    """What `nextlong_hub` gives, functions first."""
    things = [(name, getattr(nextlong_hub, name)) for name in nextlong_hub.__all__]
    functions = [name for name, thing in things if inspect.isfunction(thing)]
    classes = [name for name, thing in things if inspect.isclass(thing)]
    others = [name for name, _ in things if name not in functions and name not in classes]
    parts = [("Functions", functions), ("Classes", classes), ("Others", others)]
    return "\n\n".join(
        "\n\n".join([f"## {title}", *(f"::: {_home(name)}" for name in names)]) for title, names in parts if names
    )


INSERTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "recipe-keys": recipe_keys,
    "retriever-options": retriever_options,
    "filter-keys": filter_keys,
    "columns": columns,
    "riffle-columns": riffle_columns,
    "segment-fields": segment_fields,
    "exit-codes": exit_codes,
    "manifest-keys": manifest_keys,
    "public-names": public_names,
}


def _command(command: click.Command) -> str:
    context = click.Context(command, info_name=f"nextlong-hub {command.name}")
    usage = command.get_usage(context).removeprefix("Usage: ")
    rows = [
        (f"`{_cell(names)}`", _cell(words).replace("[", r"\["))
        for names, words in filter(None, (one.get_help_record(context) for one in command.params))
        if words
    ]
    parts = [f"## `{command.name}`", f"```text\n{usage}\n```", inspect.cleandoc(command.help or "").replace("\b\n", "")]
    parts.append(_table(("option", "what it does"), rows))
    examples = (command.epilog or "").partition("Examples:\n")[2]
    if examples:
        parts.append(f"```bash\n{textwrap.dedent(examples)}\n```")
    return "\n\n".join(parts)


def _keys(model: type[BaseModel], *, heading: str, is_recorded: bool = False) -> str:
    """A heading, what the model is for, and a table of its fields; what is recorded and not chosen has no defaults."""
    mode: Any = "validation" if issubclass(model, Section) else "serialization"
    schema = model.model_json_schema(mode=mode)
    meanings = _meanings(model)
    rows = [
        (
            f"`{name}`",
            _type(field, schema, links=is_recorded).replace("a section", f"[a section](#{name})"),
            _default(name, field, schema),
            _cell(meanings.get(name, "")),
        )
        for name, field in schema["properties"].items()
    ]
    if is_recorded:
        table = _table(("key", "value", "meaning"), ((key, value, words) for key, value, _, words in rows))
    else:
        table = _table(("key", "value", "default", "meaning"), rows)
    return "\n\n".join(filter(None, (heading, _first_line(model), table)))


def _sections(model: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    """The sections of a recipe, by name."""
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, Section):
                yield (f"[[{name}]]" if str(field.annotation).startswith("tuple") else f"[{name}]"), kind


def _collect(model: type[BaseModel], found: dict[str, type[BaseModel]]) -> None:
    """A model and all that its fields hold, in the order in which they are met."""
    found[model.__name__] = model

    def walk(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__name__ not in found:
            _collect(kind, found)
        for part in getattr(kind, "__args__", ()):
            walk(part)

    for field in model.model_fields.values():
        walk(field.annotation)


@cache
def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """What stands under each field of a model, inherited fields included."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind.__module__.startswith("nextlong_hub"):
            [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
            assert isinstance(body, ast.ClassDef)  # noqa: S101
            for field, below in zip(body.body, body.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    found[ast.unparse(field.target)] = " ".join(ast.literal_eval(below.value).split())
    return found


def _type(field: Schema, schema: Schema, *, links: bool) -> str:
    """A field's type in words: `integer, at least 1`."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(one, schema, links=links) for one in field["anyOf"]))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower()})" if links else "a section"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        items = field.get("items") or field.get("prefixItems", [{}])[0]
        return f"list of {_type(items, schema, links=links)}"
    if field.get("type") == "object":
        values = field.get("additionalProperties")
        return f"table of {_type(values, schema, links=links)}" if isinstance(values, dict) and values else "table"
    limits = [
        f"{words} {field[key]:,}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if key in field
    ]
    return ", ".join([field.get("type", "any"), *limits])


def _default(name: str, field: Schema, schema: Schema) -> str:
    if name in schema.get("required", ()):
        return "required"
    value = field.get("default")
    if value is None or isinstance(value, dict):
        return "-"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _brief(kind: Any) -> str:
    """An Arrow type; the fields of a long one are told elsewhere."""
    words = str(kind).replace("element: ", "").replace("item: ", "")
    return words if len(words) <= _MOST_IN_A_CELL else re.sub(r"struct<.*>(?=>)", "struct", words)


def _home(name: str) -> str:
    """The full name of a public thing, where it is defined."""
    thing = getattr(nextlong_hub, name)
    return f"{thing.__module__}.{thing.__qualname__}"


def _with_subclasses(kind: type[errors.NextLongError]) -> Iterator[type[errors.NextLongError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _with_subclasses(child)


def _first_line(kind: type) -> str:
    return (inspect.cleandoc(kind.__doc__ or "").splitlines() or [""])[0]


def _listed(words: list[str]) -> str:
    return " and ".join(words)


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
