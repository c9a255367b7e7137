"""The licence of a dataset follows from what its data say; what a user says against them is refused, or told."""

import json
from pathlib import Path
from typing import Any

import pytest
from building import tiny_recipe

from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.datacard.text import parse_card
from nextlong_hub.dataset.corpus_record import SourceRecord
from nextlong_hub.errors import RecipeError
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.testing.worlds import make_documents


def write_rows(folder: Path, *licences: str | None) -> Path:
    """Forty documents, half of them from `web`; their licences by turns."""
    folder.mkdir()
    with (folder / "rows.jsonl").open("w") as file:
        for number, document in enumerate(make_documents(40)):
            row: dict[str, Any] = {"id": document.id, "text": document.text, "source": "web" if number % 2 else "books"}
            license = licences[number % len(licences)]
            file.write(json.dumps(row | ({"license": license} if license else {})) + "\n")
    return folder


def card_of(folder: Path, output: Path, license: str | None = None) -> str:
    """The card of a tiny dataset made from a folder."""
    source = SourceSettings(name="notes", path=str(folder), license=license)
    build(BuildRequest(recipes=(tiny_recipe(),), sources=(source,), tokenizer="demo", rows={"tiny": 1}), output)
    return (output / "README.md").read_text()


@pytest.mark.slow
def test_the_stricter_of_what_rows_and_card_say_stands_in_the_header(tmp_path: Path) -> None:
    """And the table has what the rows name, with documents, characters and tokens of each."""
    folder = write_rows(tmp_path / "corpus", "CC-BY-NC-4.0", "MIT")
    card = card_of(folder, tmp_path / "a")
    assert parse_card(card).header["license"] == "cc-by-nc-4.0"
    sources = parse_card(card).sections["sources"]
    assert "CC-BY-NC-4.0, MIT |" in sources
    assert "| &emsp;books |  | 20 |" in sources and "| CC-BY-NC-4.0 |" in sources
    assert "not settled" not in sources
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n")
    card = card_of(folder, tmp_path / "b")
    assert parse_card(card).header["license"] == "cc-by-nc-sa-4.0"


@pytest.mark.slow
def test_rows_without_a_licence_are_not_settled_by_others(tmp_path: Path) -> None:
    """Unless something speaks for all of them."""
    folder = write_rows(tmp_path / "corpus", "CC0-1.0", None)
    header = parse_card(card_of(folder, tmp_path / "a")).header
    assert (header["license"], header["license_name"]) == ("other", "partly-not-stated")
    assert parse_card(card_of(folder, tmp_path / "b", "cc-by-4.0")).header["license"] == "cc-by-4.0"


@pytest.mark.slow
def test_a_licence_that_asks_for_less_is_refused_unless_it_is_insisted_upon(tmp_path: Path) -> None:
    """The refusal names what says otherwise; the card and the command that makes it again say that it was insisted."""
    folder = write_rows(tmp_path / "corpus", "CC-BY-NC-4.0", "MIT")
    with pytest.raises(
        RecipeError, match=r"given as 'mit', and its data say otherwise: CC-BY-NC-4.0 in 20 rows; leave"
    ):
        card_of(folder, tmp_path / "a", "mit")
    card = card_of(folder, tmp_path / "a", "mit!")
    assert parse_card(card).header["license"] == "mit"
    assert "mit was insisted upon for notes, and its data say CC-BY-NC-4.0 (20 rows)." in card
    assert 'license = "mit!"' in parse_card(card).sections["making"]
    assert "insisted" not in card_of(folder, tmp_path / "b", "cc-by-nc-4.0")


def test_a_card_is_believed_before_a_row_is_read(tmp_path: Path) -> None:
    """A contradiction of it is refused at once."""
    folder = write_rows(tmp_path / "corpus", None)
    (folder / "README.md").write_text("---\nlicense: gpl-3.0\n---\n")
    with pytest.raises(RecipeError, match=r"gpl-3.0 in README.md"):
        card_of(folder, tmp_path / "a", "cc-by-4.0")
    assert not list((tmp_path / "a").rglob("store.json"))


@pytest.mark.parametrize(
    ("license", "rows", "licences"),
    [
        (None, [], (None,)),
        ("mit", [], ("mit",)),
        (None, ["a", ""], ("a", None)),
        ("mit", ["a", ""], ("mit", "a")),
        (None, ["a"], ("a",)),
    ],
)
def test_all_licences_of_a_source(license: str | None, rows: list[str], licences: tuple[str | None, ...]) -> None:
    """Of rows without one none is known, unless one is stated for the whole source."""
    origins = [{"source": "", "license": one, "documents": 1, "characters": 1} for one in rows]
    record = SourceRecord.model_validate(
        {"name": "n", "path": "p", "license": license, "weight": None, "documents": 1, "characters": 1,
         "reading": {"origins": origins}}
    )  # fmt: skip
    assert record.licences == licences
