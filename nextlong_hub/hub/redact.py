"""Access tokens of the Hub: how they look, and how they are kept out of messages."""

import re

from nextlong_hub.secret_scan import HUB_TOKEN

_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*")


def redacted(message: str) -> str:
    """Remove tokens from a message, and the query from each address: a signed one opens as a password does."""
    return _QUERY.sub(r"\1", HUB_TOKEN.sub("hf_…", message))
