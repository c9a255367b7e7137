"""Every form has settings for its trainer, and they keep a sample whole."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from nextlong_hub.exports import FORMATS
from nextlong_hub.exports.text import dataset_name

TRAINERS = Path(__file__).parents[2] / "examples" / "trainers"
README = (TRAINERS / "README.md").read_text(encoding="utf-8")
CHECKED = (
    "run with the real trainer",
    "run in part",
    "read by the real reader",
    "settings read in its source only",
    "format checked only",
)
TABLE = [line.split(" | ") for line in README.split("| trainer | export |")[1].split("\n\n")[0].splitlines()[2:]]


def test_every_format_is_in_the_table_with_how_it_was_checked() -> None:
    """The table is the promise: none is missing, and each says what was run, what read, and what only looked up."""
    assert {row[1].strip("`") for row in TABLE} == set(FORMATS)
    for row in TABLE:
        assert row[4].startswith(CHECKED), row
        assert "not run" in row[4] or row[4].startswith(("run with the real trainer", "format checked only")), row


def test_the_files_of_the_table_are_there() -> None:
    """Every link leads to a file."""
    links = {row[0].strip("| "): re.findall(r"\]\(([\w./]+)\)", row[2]) for row in TABLE}
    assert [trainer for trainer, files in links.items() if len(files) != 1] == ["any other"]
    there = {path.relative_to(TRAINERS).as_posix() for path in TRAINERS.rglob("*.*")} - {"README.md"}
    assert {file for files in links.values() for file in files} == there


@pytest.mark.parametrize("path", sorted(TRAINERS.rglob("*.*")), ids=lambda path: path.name)
def test_the_export_that_an_example_names_is_one_there_is(path: Path) -> None:
    """The command at the top of each file names a format and a folder that the settings then use."""
    text = path.read_text(encoding="utf-8")
    commands = re.findall(r"nextlong-hub export nextlong ([\w-]+) --config \S+ .*?--output (\S+)", text)
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


def arguments_of(script: str) -> str:
    """What a shell script says outside of its comments, as one line."""
    lines = (TRAINERS / script).read_text(encoding="utf-8").splitlines()
    return " ".join(shlex.split("\n".join(line.partition(" #")[0] for line in lines if not line.startswith("#"))))


def calls_of(module: str) -> dict[str, dict[str, Any]]:
    """The arguments by name of each call of a module, those that are no constants as source."""
    found: dict[str, dict[str, Any]] = {}
    tree = ast.parse((TRAINERS / module).read_text(encoding="utf-8"))
    named = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.keywords:
            values = found.setdefault(ast.unparse(node.func), {})
            for keyword in node.keywords:
                value = ast.unparse(keyword.value)
                constant = isinstance(keyword.value, ast.Constant)
                values[keyword.arg or "**"] = ast.literal_eval(value) if constant else named.get(value, value)
    return found


def test_trainers_that_cut_or_drop_get_the_length() -> None:
    """Each of these cuts or drops a row in silence that is longer than a setting, so the setting is there."""
    assert "max_length=131072" in arguments_of("skyrl/train_128k.sh")
    assert "use_sequence_packing=false" in arguments_of("skyrl/train_128k.sh")
    swift = arguments_of("ms_swift/train_128k.sh")
    assert "--max_length 131074 --max_model_len 131074 --truncation_strategy delete --strict true" in swift
    assert "--packing false" in swift and "swift pt" in swift
    maxtext = yaml.safe_load((TRAINERS / "maxtext" / "128k.yml").read_text())
    assert (maxtext["dataset_type"], maxtext["max_target_length"]) == ("olmo_grain", 131_072)
    olmo = calls_of("olmo_core/dataset_64k.py")["NumpyPackedFSLDatasetConfig.glob"]
    assert (olmo["sequence_length"], olmo["generate_doc_lengths"]) == (65_536, True)
    bridge = calls_of("megatron_bridge/dataset_128k.py")
    assert bridge["GPTSFTDatasetConfig"]["seq_length"] == 131_072
    packed = bridge["PackedSequenceSpecs"]
    assert (packed["packed_sequence_size"], packed["pad_seq_to_mult"]) == (131_072, 1)
    unsloth = calls_of("unsloth/sft_128k.py")
    assert unsloth["FastLanguageModel.from_pretrained"]["max_seq_length"] == 131_072
    assert (unsloth["SFTConfig"]["packing"], unsloth["SFTConfig"]["max_length"]) == (False, 131_072)


def test_context_parallelism_is_left_off_where_documents_share_rows() -> None:
    """An example that names rows of several documents says what to set; a sample alone may be split."""
    for path in sorted(TRAINERS.rglob("*.*")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name in ("trl", "megatron_bridge"):
            assert "--config 128k-mix" in text
            assert re.search(r"(?:cp_size|context_parallel_size)=1\b", text), path
        if path.parent.name in ("skyrl", "maxtext", "megatron"):
            assert "--config 128k " in text and "--config 128k-mix" not in text
            assert re.search(r"context[_-]parallel(?:_size|ism|-size)[=: ]+8\b", text), path


def test_the_table_of_tokens_names_the_defaults_of_the_formats() -> None:
    """Who takes T tokens and who T + 1: what the table calls a default is what the export does."""
    rows = [line.split(" | ") for line in README.split("| `--eos` |")[1].split("\n\n")[0].splitlines()[2:]]
    named = [re.match(r"`(\w+)`, the default(?: of `([\w-]+)`)?", row[2]) for row in rows]
    defaults = {found[2]: found[1] for found in named if found and found[2]}
    assert defaults == {kind.name: kind.eos for kind in FORMATS.values() if kind.eos != "keep"}
    assert all(found[1] == "keep" for found in named if found and not found[2])


def test_torchtitan_has_an_example_for_each_of_its_two_loaders() -> None:
    """0.3 has names that main has removed, and the other way round: neither example mixes them."""
    old, new = ((TRAINERS / "torchtitan" / f"nextlong_128k{end}.py").read_text("utf-8") for end in ("", "_main"))
    imported = [
        {
            f"{node.module}.{alias.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for text in (old, new)
    ]
    assert {"torchtitan.hf_datasets.DatasetConfig", "torchtitan.hf_datasets.text_datasets.DATASETS"} < imported[0]
    assert not [name for name in imported[1] if name.startswith("torchtitan.hf_datasets")]
    assert "torchtitan.components.data.SingleDatasetConfig" in imported[1]
    assert "tokens_path" in new and "document_offsets_path" in new


def test_the_dataset_for_verl_refuses_what_verl_would_cut() -> None:
    """It compares each row with `data.max_length` before it gives it out."""
    tree = ast.parse((TRAINERS / "verl" / "nextlong_dataset.py").read_text(encoding="utf-8"))
    [get] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__getitem__"]
    assert any(isinstance(node, ast.Raise) for node in ast.walk(get))
    [returned] = [node.value for node in ast.walk(get) if isinstance(node, ast.Return)]
    assert isinstance(returned, ast.Dict)
    assert [ast.unparse(key) for key in returned.keys if key] == ["'input_ids'", "'position_ids'", "'loss_mask'"]
