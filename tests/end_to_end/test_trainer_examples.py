"""Every form has settings for its trainer, and they keep a sample whole."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

from nextlong_hub.exports import FORMATS
from nextlong_hub.exports.text import dataset_name

TRAINERS = Path(__file__).parents[2] / "examples" / "trainers"
README = (TRAINERS / "README.md").read_text(encoding="utf-8")
TABLE = [line.split(" | ") for line in README.splitlines() if line.startswith("| ") and "`" in line.split(" | ")[1]]


def test_every_format_is_in_the_table_with_how_it_was_checked() -> None:
    """The table is the promise: none is missing, and each says run, read, or format checked only."""
    assert {row[1].strip("`") for row in TABLE} == set(FORMATS)
    for row in TABLE:
        assert row[4].startswith(("run with the real trainer", "read by the real reader", "format checked only")), row


def test_the_files_of_the_table_are_there() -> None:
    """Every link leads to a file."""
    links = re.findall(r"\]\(([\w./]+)\)", README)
    assert len(links) == len(TABLE) - 1
    assert [link for link in links if not (TRAINERS / link).is_file()] == []


@pytest.mark.parametrize("path", sorted(TRAINERS.rglob("*.*")), ids=lambda path: path.name)
def test_the_export_that_an_example_names_is_one_there_is(path: Path) -> None:
    """The command at the top of each file names a format and a folder that the settings then use."""
    text = path.read_text(encoding="utf-8")
    commands = re.findall(r"nextlong-hub export nextlong (\w+) --config \S+ .*?--output (\S+)", text)
    assert path.name == "README.md" or commands
    for name, folder in commands:
        assert name in FORMATS
        assert text.count(folder) > 1


def test_settings_keep_a_sample_whole() -> None:
    """No packing that cuts, no truncation below 131,072 tokens, no masks inside a sample."""
    axolotl = yaml.safe_load((TRAINERS / "axolotl" / "128k.yaml").read_text())
    assert (axolotl["sequence_len"], axolotl["sample_packing"]) == (131_072, False)
    assert axolotl["datasets"][0]["type"] is None
    factory = yaml.safe_load((TRAINERS / "llama_factory" / "128k.yaml").read_text())
    assert (factory["cutoff_len"], factory["packing"], factory["stage"]) == (131_072, False, "pt")
    assert factory["dataset"] == dataset_name("128k")
    nanotron = yaml.safe_load((TRAINERS / "nanotron" / "128k.yaml").read_text())
    assert nanotron["tokens"]["sequence_length"] == 131_071
    for script in ("prolong", "megatron"):
        lines = (TRAINERS / script / "train_128k.sh").read_text().splitlines()
        words = shlex.split("\n".join(line for line in lines if not line.lstrip().startswith("#")))
        assert "131072" in words
        assert not {"--reset-attention-mask", "--reset-position-ids", "--subsplit_length", "--single_seq"} & set(words)
    trl = (TRAINERS / "trl" / "sft_128k.py").read_text()
    [chosen] = [node for node in ast.walk(ast.parse(trl)) if isinstance(node, ast.Dict) and len(node.keys) > 5]
    values = {
        key.value: value for key, value in zip(chosen.keys, chosen.values, strict=True) if isinstance(key, ast.Constant)
    }
    assert [ast.literal_eval(values[name]) for name in ("packing", "padding_free", "max_length")] == [False, True, None]
