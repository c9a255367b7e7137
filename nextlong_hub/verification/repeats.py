"""Check of the repeats that the manifest counts: every document's are counted again from its tokens."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nextlong_hub.dataset.manifest import MANIFEST_NAME, ConfigRecord
from nextlong_hub.dataset.repeats import repeat_records, text_tokens
from nextlong_hub.method.repeats import COUNTS, count_repeats
from nextlong_hub.verification.report import Check


def recount(documents: Sequence[dict[str, Any]], check: Check) -> None:
    """Count the repeats of the documents of one row; without their tokens the text is encoded, given a tokenizer."""
    texts = []
    for document in documents:
        checker = check.checkers.get(document["id"].partition("/")[0])
        if "input_ids" in document and checker is not None:
            texts.append(text_tokens(document["input_ids"], checker.recipe))
        elif "input_ids" not in document and check.tokenizer is not None:
            texts.append(check.tokenizer.encode(document["text"]))
        else:
            check.not_recounted += 1
    check.repeats += count_repeats(texts).sum(axis=0)


def check_repeats(name: str, config: ConfigRecord, check: Check) -> None:
    """Compare what was counted with the manifest; where a row or its tokens could not be read there is no count."""
    damaged = any(f"{fault.place}/".startswith(f"data/{name}/") for fault in check.faults)
    found = repeat_records([check.repeats.ravel().tolist()])
    if config.repeats and not damaged and not check.not_recounted and config.repeats != found:
        check.fault(
            MANIFEST_NAME,
            f"counts other repeats of {name!r} than its rows hold: "
            + "; ".join(
                f"of {ours.runs:,} runs of {ours.run_tokens} tokens {ours.near:,}, {ours.farther:,} and {ours.far:,}"
                for ours in found
            ),
        )
    check.repeats = np.zeros(COUNTS, np.int64)
    check.not_recounted = 0
