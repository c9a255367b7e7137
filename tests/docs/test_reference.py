"""Reference pages are written by the code, and nothing of it is left out."""

import json
import re
import tomllib
from pathlib import Path

import click
import jsonschema
import pytest

import nextlong_hub
from docs.hooks import reference
from nextlong_hub import cli
from nextlong_hub.dataset.manifest import manifest_bytes, require_manifest
from nextlong_hub.dataset.schema import COLUMNS
from nextlong_hub.recipe import load_recipe, recipe_names

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted({*(CHECKOUT / "docs" / "reference").glob("*.md"), CHECKOUT / "docs" / "how-to" / "evaluate.md"})


def test_every_insert_stands_on_one_page() -> None:
    """What the code can say of itself is said once."""
    marks = [mark for page in PAGES for mark in re.findall(r"<!-- insert: ([\w-]+) -->", page.read_text("utf-8"))]
    assert sorted(marks) == sorted(reference.INSERTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_filled(page: Path) -> None:
    """No mark is left, and the tables are whole: each of their lines has as many cells as its head."""
    text = reference.filled(page.read_text("utf-8"))
    assert "<!-- insert" not in text
    for table in re.findall(r"(?:^\|.*\|\n)+", text + "\n", re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_every_option_of_every_command_is_there() -> None:
    """Also those of commands that packages of others will add."""
    text = reference.commands()
    for command in cli.commands.commands.values():
        part = text.split(f"## `{command.name}`\n")[1].split("\n## ")[0]
        options = [name for option in command.params if isinstance(option, click.Option) for name in option.opts]
        assert [name for name in options if name not in part] == []


def test_every_key_of_every_recipe_is_there() -> None:
    """A resolved recipe has no key that the page does not name, in the section where it stands."""
    text = reference.recipe_keys()
    for name in recipe_names():
        for key, value in tomllib.loads(load_recipe(name).to_toml()).items():
            assert f"| `{key}` |" in text.split("\n## ")[0]
            section = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
            for inner in section if isinstance(section, dict) and key not in ("filters", "options") else ():
                part = re.split(rf"\n## `\[+{key}\]+`\n", text)[1].split("\n## ")[0]
                assert f"| `{inner}` |" in part, f"{key}.{inner}"


def test_every_key_has_a_meaning_or_needs_none() -> None:
    """Words are found under the fields of a model; where the code has none, its page has none."""
    words = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", reference.recipe_keys(), re.MULTILINE)
    assert dict(words)["target_length"].startswith("Tokens in every row.")
    assert sum(bool(meaning) for _, meaning in words) > len(words) // 2


def test_every_column_is_there() -> None:
    """With its type, in the order in which it is stored."""
    assert re.findall(r"^\| `(\w+)` \|", reference.columns(), re.MULTILINE) == [column.name for column in COLUMNS]


def test_every_public_name_is_there() -> None:
    """Each under its own heading."""
    found = re.findall(r"^::: nextlong_hub[\w.]*\.(\w+)$", reference.public_names(), re.MULTILINE)
    assert sorted(found) == sorted(getattr(nextlong_hub, name).__name__ for name in nextlong_hub.__all__)


def test_a_manifest_fits_the_published_schema(built: Path) -> None:
    """What a build writes is valid, and a key that the schema does not know is not."""
    schema = json.loads(reference.manifest_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    manifest = json.loads(manifest_bytes(require_manifest(built)))
    assert list(validator.iter_errors(manifest)) == []
    assert list(validator.iter_errors({**manifest, "colour": "blue"}))


def test_exit_codes_are_those_of_the_exceptions() -> None:
    """Every exception of ours stands in the row of its code."""
    rows = {row[0]: row[1] for row in re.findall(r"^\| (\d+) \|.*\| (.*) \|$", reference.exit_codes(), re.MULTILINE)}
    for kind in reference._with_subclasses(nextlong_hub.NextLongError):
        assert kind is nextlong_hub.NextLongError or f"`{kind.__name__}`" in rows[str(kind.exit_code)]
