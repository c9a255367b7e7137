"""Access tokens of the Hub: how they look, and how they are kept out of messages."""

import re

TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hf|api_org)_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}")
"""A user or organisation token of the Hub: a prefix and 34 characters; shorter ones are taken for tokens too."""

_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*")


def redacted(message: str) -> str:
    """Remove tokens from a message, and the query from each address: a signed one opens as a password does."""
    return _QUERY.sub(r"\1", TOKEN.sub("hf_…", message))
