"""`masked`: a text without its secrets, as long as it was: what points into the text by characters stays right."""

from collections.abc import Iterable

from nextlong_hub.secret_scan.finding import Secret

MASK = "*"
"""It is none of the characters of any secret, and stands for itself in JSON."""


def masked(text: str, secrets: Iterable[Secret]) -> str:
    """The text with as many `*` in place of each secret; the prefix that tells its kind stays."""
    parts: list[str] = []
    end = 0
    for secret in secrets:
        for start, stop in secret.spans:
            parts += [text[end:start], MASK * (stop - start)]
            end = stop
    return "".join([*parts, text[end:]])
