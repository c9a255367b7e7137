"""Rows to evaluate with: their files, and each pair."""

from collections.abc import Sequence
from pathlib import Path

from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.evaluation.check import check_evaluation
from nextlong_hub.tokenization import load_tokenizer
from nextlong_hub.verification.report import Check, VerifyReport


def verify_evaluation(folder: Path, tokenizer: str | Sequence[str] | None) -> VerifyReport:
    """Check what `nextlong-hub riffle` made.

    Raises:
        RecipeError: several tokenizers are given, or one cannot be used.
    """
    names = [tokenizer] if isinstance(tokenizer, str) else [*(tokenizer or ())]
    if len(names) > 1:
        raise RecipeError(
            f"{argument('tokenizer')} names {len(names)} tokenizers, and these rows have one; give that one"
        )
    found = check_evaluation(folder, load_tokenizer(names[0]) if names else None)
    check = Check(files=found.files, rows=found.rows, segments=found.segments, encoded_rows=found.encoded_rows)
    for place, message in found.faults:
        check.fault(place, message)
    return check.report()
