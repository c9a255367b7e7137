"""Check of what rows repeat: every document's repeats, and what stands on end, are counted again from its tokens."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nextlong_hub.dataset.config_record import ConfigRecord, OnEndRecord
from nextlong_hub.dataset.manifest import MANIFEST_NAME
from nextlong_hub.dataset.on_end import OnEndCounts
from nextlong_hub.dataset.repeats import repeat_records, text_tokens
from nextlong_hub.method.periods import most_times, most_times_each
from nextlong_hub.method.repeats import COUNTS, count_repeats
from nextlong_hub.verification.report import Check


def recount(place: str, row: dict[str, Any], documents: Sequence[dict[str, Any]], check: Check) -> None:
    """Count what a row and its documents repeat; without their tokens the text is encoded, given a tokenizer.

    None may hold on end what its recipe keeps out.
    """
    texts, whole = [], []
    for number, document in enumerate(documents):
        checker = check.checkers.get(document["id"].partition("/")[0])
        if "input_ids" in document and checker is not None:
            whole.append(document["input_ids"])
            texts.append(text_tokens(document["input_ids"], checker.recipe))
        elif "input_ids" not in document and check.tokenizer is not None:
            texts.append(check.tokenizer.encode(document["text"]))
            whole.append(texts[-1])
        else:
            check.not_recounted += 1
            continue
        if checker is not None and checker.recipe.repetition.found_in(whole[-1]):
            times = most_times(whole[-1], checker.recipe.repetition.longest_tokens)
            check.fault(
                f"{place}, document {number}" if len(documents) > 1 else place,
                f"some {checker.recipe.repetition.longest_tokens} tokens or fewer stand in it {times:,} times on end, "
                f"and its recipe leaves out what does {checker.recipe.repetition.times:,} times",
            )
    check.repeats += count_repeats(texts).sum(axis=0)
    if whole:
        times = most_times_each([row["input_ids"]] if "input_ids" in row else whole).max()
        check.on_end.append(OnEndCounts.of(np.array([times])))


def check_repeats(name: str, config: ConfigRecord, check: Check) -> None:
    """Compare what was counted with the manifest; where a row or its tokens could not be read there is no count."""
    damaged = any(f"{fault.place}/".startswith(f"data/{name}/") for fault in check.faults)
    found = repeat_records([check.repeats.ravel().tolist()])
    on_end = OnEndCounts.total(check.on_end).record()
    is_counted = not damaged and not check.not_recounted
    if config.repeats and is_counted and config.repeats != found:
        check.fault(
            MANIFEST_NAME,
            f"counts other repeats of {name!r} than its rows hold: "
            + "; ".join(
                f"of {ours.runs:,} runs of {ours.run_tokens} tokens {ours.near:,}, {ours.farther:,} and {ours.far:,}"
                for ours in found
            ),
        )
    if config.on_end is not None and is_counted and config.on_end != on_end:
        check.fault(
            MANIFEST_NAME,
            f"says of {name!r} that {_told(config.on_end)}, and counted again it is that {_told(on_end)}",
        )
    check.repeats = np.zeros(COUNTS, np.int64)
    check.on_end = []
    check.not_recounted = 0


def _told(record: OnEndRecord) -> str:
    rows = ", ".join(f"{rows:,} from {times}" for times, rows in record.rows.items())
    return f"a few tokens stand up to {record.most_times:,} times on end in a row ({rows})"
