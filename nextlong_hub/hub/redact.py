"""…"""

import re

TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hf|api_org)_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}")
"""A user or organisation token of the Hub: a prefix and 34 characters; shorter ones are taken for tokens too."""


_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*")


def redacted(message: str) -> str:
    """A message without tokens, and with addresses shorn of their query: a signed one is as good as a password."""
    return _QUERY.sub(r"\1", TOKEN.sub("hf_…", message))
