"""What configurations claim of their documents is checked: digests, that none is shared, and that older ones open."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import make_request

from nextlong_hub.datacard import generate_card
from nextlong_hub.dataset.folder import recipe_files
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, require_manifest, write_manifest
from nextlong_hub.dataset.proportions import uneven_proportions
from nextlong_hub.dataset.taken import taken_in_files
from nextlong_hub.pipeline import build
from nextlong_hub.recipe import recorded_recipe
from nextlong_hub.stats import measure
from nextlong_hub.testing.worlds import tiny_recipe
from nextlong_hub.verification import verify
from nextlong_hub.verification.apart import check_apart
from nextlong_hub.verification.report import Check

pytestmark = pytest.mark.slow

SHORT = tiny_recipe(name="short", target_length=600)
LONG = tiny_recipe(name="long", target_length=1200)
BOTH = tiny_recipe(
    name="both", target_length=1200, mixture=({"recipe": "short", "share": 1.0}, {"recipe": "long", "share": 1.0})
)


@pytest.fixture(scope="module")
def apart(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two configurations and a mixture of them; nobody may change it."""
    output = tmp_path_factory.mktemp("apart") / "dataset"
    build(make_request(corpus_file, SHORT, LONG, BOTH, rows={"short": 5, "long": 2}), output)
    return output


Found = dict[str, dict[str, frozenset[str]]]


def found_in(folder: Path) -> Found:
    """The documents of each configuration, as its files tell them."""
    manifest = require_manifest(folder)
    return {
        name: taken_in_files([folder / file.path for file in config.files], packed=False)
        for name, config in manifest.configs.items()
    }


def faults(found: Found, manifest: Manifest) -> list[str]:
    """What is said of them."""
    check = Check()
    check_apart(found, manifest, check)
    return [f"{fault.place}: {fault.message}" for fault in check.faults]


def test_what_was_built_is_apart(apart: Path) -> None:
    """Nothing is said of it, and the whole verification finds nothing."""
    assert faults(found_in(apart), require_manifest(apart)) == []
    assert verify(apart).faults == ()


def share(found: Found) -> None:
    """Give the long rows a document of the short ones."""
    found["long"]["long"] = (found["long"]["long"] - {min(found["long"]["long"])}) | {min(found["short"]["short"])}


def repeat(found: Found) -> None:
    """Give the mixture's long rows a document of its short ones."""
    found["both"]["long"] = found["both"]["long"] | {min(found["both"]["short"])}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (share, r"rows of 'long' and 'short' are kept apart, but both have 1 documents, such as 'd\d+'"),
        (share, r"says that rows of 'long' in 'long' take 2 documents of digest \w+, but they take 2 documents"),
        (repeat, r"data/both: 'd\d+' is there twice, in rows of 'long' and of 'short'"),
        (lambda found: found["both"].pop("long"), r"rows of 'long' in 'both' take 2 documents .*, but they take none"),
    ],
)
def test_what_is_not_apart_is_told(edit: Callable[[Found], object], said: str, apart: Path) -> None:
    """A shared document, one that a mixture holds twice, and documents of another digest."""
    found = found_in(apart)
    edit(found)
    assert any(re.search(said, fault) for fault in faults(found, require_manifest(apart)))


def test_a_forged_digest_fails_the_verification(dataset: Path) -> None:
    """A manifest whose own digest matches, but that tells other documents than its rows."""
    manifest = require_manifest(dataset)
    config = manifest.configs["tiny"]
    record = config.taken["tiny"].model_copy(update={"digest": "0123456789ab"})
    forged = {"tiny": config.model_copy(update={"taken": {"tiny": record}})}
    write_manifest(dataset, manifest.model_copy(update={"configs": forged}))
    [fault] = verify(dataset).faults
    assert fault.place == MANIFEST_NAME and "of digest 0123456789ab, but they take 8 documents" in fault.message


def nested(manifest: Manifest, *, apart: bool) -> Manifest:
    """The manifest, its long rows made by a nested recipe, and its short rows not kept apart from them or so."""
    short, long = manifest.configs["short"], manifest.configs["long"]
    recipe = {**long.recipe, "meta_documents": {**long.recipe["meta_documents"], "choice": "nested"}}
    configs = {
        "short": short if apart else short.model_copy(update={"apart": {}}),
        "long": long.model_copy(update={"recipe": recipe}),
    }
    return manifest.model_copy(update={"configs": configs})


def test_nested_rows_claim_nothing(apart: Path) -> None:
    """Only what was kept apart from just the documents that a nested configuration has must be so."""
    found = {name: dict(taken) for name, taken in found_in(apart).items() if name != "both"}
    found["short"]["short"] |= {min(found["long"]["long"])}
    shared = "rows of 'long' and 'short' are kept apart"
    assert any(shared in fault for fault in faults(found, nested(require_manifest(apart), apart=True)))
    assert not any(shared in fault for fault in faults(found, nested(require_manifest(apart), apart=False)))


def older(values: dict[str, Any]) -> dict[str, Any]:
    """What an older version would have written."""
    for config in values["configs"].values():
        for key in ("taken", "apart"):
            config.pop(key)
        for part in config["mixture"].values():
            for key in ("made", "apart", "tokens"):
                part.pop(key)
        for recipe in (config["recipe"], *(part["recipe"] for part in config["mixture"].values())):
            recipe["meta_documents"] = {"minimum_chunks": 2, "maximum_share": 0.5}
            recipe["chunking"].pop("minimum_characters")
    return values


def test_an_older_dataset_opens_and_claims_nothing(corpus_file: Path, tmp_path: Path) -> None:
    """It is verified, measured and gets a card; its recipes were nested, and their files stay as they are."""
    folder = tmp_path / "dataset"
    build(make_request(corpus_file, SHORT, LONG, BOTH, rows={"short": 5, "long": 2}), folder)
    values = older(json.loads((folder / MANIFEST_NAME).read_bytes()))
    manifest = Manifest.model_validate({key: value for key, value in values.items() if key != "digest"})
    recipe = recorded_recipe(manifest.configs["short"].recipe)
    assert (recipe.meta_documents.choice, recipe.chunking.minimum_characters) == ("nested", 0)
    files = recipe_files(manifest)
    assert b"choice" not in files["short"] and b"minimum_chunks = 2" in files["short"]
    for name, content in files.items():
        (folder / "recipes" / f"{name}.toml").write_bytes(content)
    write_manifest(folder, manifest)
    assert verify(folder).faults == ()
    assert measure(folder)["short"].rows == 5
    assert "This makes it again, byte for byte" in generate_card(folder, manifest, plots=False).text


def test_real_proportions_and_their_reason(apart: Path) -> None:
    """Four short rows and two long ones are one to one; three are not, and the reason is told where there is one."""
    config = require_manifest(apart).configs["both"]
    assert {name: (part.rows, part.tokens, part.made) for name, part in config.mixture.items()} == {
        "short": (4, 2400, 5),
        "long": (2, 2400, 2),
    }
    assert uneven_proportions(config) == ""

    def with_short(rows: int, made: int) -> str:
        short = config.mixture["short"].model_copy(update={"rows": rows, "tokens": 600 * rows, "made": made})
        return uneven_proportions(
            config.model_copy(update={"rows": rows + 2, "mixture": {**config.mixture, "short": short}})
        )

    assert with_short(3, 3) == (
        "0.75 : 1 by tokens instead of 1 : 1, because long rows come whole and only 3 rows of short were made"
    )
    assert with_short(3, 9) == (
        "0.75 : 1 by tokens instead of 1 : 1, because long rows come whole and 5 rows cannot be shared out otherwise"
    )
