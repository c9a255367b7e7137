"""The README of a folder: what its rows are, how they are scored, and what was left out."""

import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

from nextlong_hub.core.printable import listed
from nextlong_hub.datacard.escaping import code, escape
from nextlong_hub.evaluation.columns import COLUMNS
from nextlong_hub.evaluation.held_out import RUN_WORDS
from nextlong_hub.evaluation.record import CONFIG

_QUESTIONS = "one a document, about a planted sentence; look-alikes carry rivals"


def card_of(content: Mapping[str, Any], licences: Mapping[str, str]) -> str:
    """The card of a folder, with the header that `load_dataset` and the Hub read.

    Args:
        content: of its record.
        licences: what is said of the licence of each source; empty where nothing is.
    """
    settings = content["settings"]
    template = Template(files("nextlong_hub.cards").joinpath("riffle.md").read_text(encoding="utf-8"))
    body = template.substitute(
        items=f"{content['items']:,}",
        rows=f"{content['rows']:,}",
        tokens=f"{content['tokens']:,}",
        documents=f"{content['documents']:,}",
        orders=len(settings["interferers"]) * (1 + 2 * len(settings["distances"])),
        chunks=settings["chunks"],
        target_length=f"{settings['target_length']:,}",
        tokenizer=code(content["tokenizer"]["name"]),
        version=content["version"],
        distances=", ".join(f"{one:,}" for one in settings["distances"]),
        interferers=", ".join(f"{one:,}" for one in settings["interferers"]),
        questions=_QUESTIONS if settings["questions"] else "none",
        seed=settings["seed"],
        held_out=_held_out(content),
        left_out=escape(listed(content["left_out"])),
        columns="\n".join(f"| `{column.name}` | {column.meaning} |" for column in COLUMNS),
        sources="\n".join(f"* {code(name)}: {escape(one) or 'no licence is stated'}" for name, one in licences.items()),
    )
    return f"---\n{_header(content)}---\n\n{body}"


def _header(content: Mapping[str, Any]) -> str:
    """YAML, in which strings are written as JSON."""
    lines = [
        "configs:",
        f"- config_name: {CONFIG}",
        "  data_files:",
        "  - split: test",
        "    path:",
        *(f"    - {json.dumps(file['path'])}" for file in content["files"]),
        "task_categories:",
        "- text-generation",
        "tags:",
        "- long-context",
        "- evaluation",
        "- nextlong-hub",
    ]
    return "".join(f"{line}\n" for line in lines)


def _held_out(content: Mapping[str, Any]) -> str:
    """What the documents were compared with."""
    if not content["apart_from"]:
        return (
            "These documents were **compared with no dataset**: whether they were trained on is for you to know, or to "
            "ask with `--apart-from`."
        )
    found = ", ".join(
        f"{code(one['name'])} ({content['seen'][one['name']]:,} left out)" for one in content["apart_from"]
    )
    return (
        f"Compared with every row of {found}: a document is left out where half of the different runs of {RUN_WORDS} "
        "words of one of its chunks stand there."
    )
