"""What a run of `check_trainers.py` found, as JSON and as the table of a page of the documentation."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
RECORDS = FOLDER / "readers.json"
PAGE = FOLDER / "readers.md"
BEGIN, END = "<!-- readers -->\n", "<!-- /readers -->\n"
HEADER = "| export | reader | version | documents equal | in | learnt | what of it was run | trained | on |\n"
NAMES = {
    "mds": "ProLong",
    "trl": "TRL",
    "axolotl": "axolotl",
    "llama_factory": "LLaMA-Factory",
    "torchtitan": "torchtitan 0.3",
    "torchtitan_main": "torchtitan's main",
    "megatron": "Megatron-LM",
    "automodel_megatron": "NeMo AutoModel",
    "megatron_bridge": "Megatron Bridge",
    "nanotron": "nanotron",
    "olmo": "OLMo-core",
    "maxtext": "MaxText",
    "skyrl": "SkyRL",
    "verl": "verl",
    "nanogpt": "NeMo AutoModel",
    "litdata": "LitData",
    "numpy": "NumPy",
    "jsonl": "datasets",
}


def told(record: dict[str, Any]) -> str:
    """A record in a line, for a terminal."""
    if record["result"] != "passed":
        return f"{record['result']}: {record['how']}"
    if "documents" not in record:
        return f"passed ({record['version']}): {record['how']}"
    return f"{record['documents']} documents equal ({record['version']}): {record['how']}; {record['trained']}"


def write(records: dict[str, dict[str, Any]]) -> None:
    """Take records of exports into the JSON beside those of other readers, and write the table anew."""
    known = json.loads(RECORDS.read_text("utf-8")) if RECORDS.exists() else {}
    merged = {name: records.get(name, known.get(name)) for name in NAMES if name in records or name in known}
    RECORDS.write_text(json.dumps(merged, indent=1) + "\n", "utf-8")
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + BEGIN + table(merged) + END + rest.partition(END)[2], "utf-8")


def table(records: dict[str, dict[str, Any]]) -> str:
    """One row a reader, by export."""
    lines = [HEADER, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"]
    for name, record in sorted(records.items(), key=lambda one: (one[1]["export"], NAMES[one[0]])):
        passed = record["result"] == "passed"
        cells = (
            f"`{record['export']}`",
            NAMES[name],
            record["version"] or "-",
            f"{record['documents']} of {record['documents']}" if passed else record["result"],
            record["goes_in"] if passed else "-",
            record["learnt"] if passed else "-",
            record["how"],
            record["trained"] if passed and record["trained"] else "no",
            record["date"],
        )
        lines.append("| " + " | ".join(cells) + " |\n")
    return "".join(lines)
