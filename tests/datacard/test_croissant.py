"""Promises of the Croissant file: what the manifest knows in the words of the RAI vocabulary, and nothing invented."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from nextlong_hub.cli import run
from nextlong_hub.datacard.croissant import CONFORMS_TO, UNKNOWN, make_croissant
from nextlong_hub.dataset.manifest import Manifest, read_manifest

ONE = {"dataCollection", "dataCollectionMissingData", "dataAnnotationProtocol"}
MANY = {
    *("dataCollectionType", "dataCollectionRawData", "dataPreprocessingProtocol", "machineAnnotationTools"),
    *("dataUseCases", "dataBiases", "dataLimitations", "personalSensitiveInformation"),
}
"""Properties of the vocabulary 1.0 by how often they may stand."""


@pytest.fixture
def manifest(built: Path) -> Manifest:
    """That of eight rows of a tiny world."""
    found = read_manifest(built)
    assert found is not None
    return found


def rai_of(values: dict[str, Any]) -> dict[str, Any]:
    """The properties of the vocabulary, by their names without the prefix."""
    return {name.removeprefix("rai:"): value for name, value in values.items() if name.startswith("rai:")}


def test_every_property_is_one_of_the_vocabulary(manifest: Manifest) -> None:
    """Texts where the specification has one, lists of texts where it has many, none of them empty."""
    values = make_croissant(manifest)
    assert values["@type"] == "sc:Dataset"
    assert values["conformsTo"] == list(CONFORMS_TO)
    rai = rai_of(values)
    assert rai.keys() == ONE | MANY
    assert all(isinstance(rai[name], str) and rai[name] for name in ONE)
    assert all(isinstance(text, str) and text for name in MANY for text in rai[name])
    assert json.loads(json.dumps(values)) == values


def test_it_says_what_the_manifest_says(manifest: Manifest) -> None:
    """Files with their digests, the corpus, the tokenizer, and how often the most used negative stands in rows."""
    values = make_croissant(manifest)
    assert [(file["contentUrl"], file["sha256"]) for file in values["distribution"]] == [
        (file.path, file.sha256) for file in manifest.files
    ]
    rai = rai_of(values)
    assert "40 documents (33,570 characters) of 1 existing source" in rai["dataCollection"]
    assert manifest.corpus.digest in rai["dataCollection"]
    assert manifest.tokenizer.digest in "".join(rai["dataPreprocessingProtocol"])
    segments = manifest.configs["tiny"].segments
    assert any(f"make up its {segments.negative:,} negatives" in text for text in rai["dataBiases"])


def test_nothing_is_invented(manifest: Manifest) -> None:
    """No address, creator or date; no licence and no language where no source states one, which is said instead."""
    values = make_croissant(manifest)
    assert not {*UNKNOWN, "license", "inLanguage", "version", "citeAs"} & values.keys()
    rai = rai_of(values)
    assert "no source states one" in rai["dataLimitations"]
    assert any("No source states its languages" in text for text in rai["dataBiases"])


def test_a_language_that_a_source_states_is_that_of_the_dataset(manifest: Manifest) -> None:
    """As its card has it."""
    [source] = manifest.corpus.sources
    corpus = manifest.corpus.model_copy(update={"sources": (source.model_copy(update={"languages": ("en", "nope!")}),)})
    assert make_croissant(manifest.model_copy(update={"corpus": corpus}))["inLanguage"] == ["en"]


def test_the_library_of_croissant_takes_it(manifest: Manifest) -> None:
    """Without an error; it recommends what only a person knows."""
    croissant = pytest.importorskip("mlcroissant")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of libraries that it uses
        found = croissant.Dataset(jsonld=make_croissant(manifest))
    assert found.metadata.data_biases


def test_the_command_prints_it_and_writes_nothing(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON on stdout, what is left out on stderr; options for the card do not go with it."""
    before = (built / "README.md").read_bytes()
    assert run(["card", str(built), "--format", "croissant-rai"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["@type"] == "sc:Dataset"
    assert "datePublished" in printed.err
    assert (built / "README.md").read_bytes() == before
    assert run(["card", str(built), "--format", "croissant-rai", "--check"]) == 2
