"""Secrets: how they look, and how they are kept out of whatever is shown or published.

Tokens of the Hub and of other services are known by their prefixes, a password in an address by its place; what the
environment holds is known to the letter, whatever it looks like. In what we print the look is enough: whether a token
is a real one, which `secret_scan` asks of texts of a corpus, does not matter.
"""

import os
import re

from nextlong_hub.secret_scan import HUB_TOKEN

_MARK = "…"
_OTHERS = (
    re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)(?=[A-Z0-9]{16}(?![A-Za-z0-9]))[A-Z0-9]{16}"),  # AWS
    re.compile(r"(?<![A-Za-z0-9])(?:gh[oprsu]|github_pat)_[A-Za-z0-9_]{30,}"),  # GitHub
    re.compile(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,}"),  # GitLab
    re.compile(r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{32,}"),  # OpenAI and others
    re.compile(r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{20,}"),  # Slack
    re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),  # JWT
    re.compile(
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[^-]*-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----)?"
    ),
)
_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*")
_SIGNED = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*(?:[Ss]ignature|[?&]sig)=[^\s'\"<>]*")
_USER = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/?#'\"<>@]+@", re.IGNORECASE)
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_SHORTEST = 8
"""Characters of a value of the environment that is looked for: a shorter one stands in many words."""


def without_secrets(text: str) -> str:
    """Remove tokens, keys, passwords in addresses, and signed queries; all else stays as it is."""
    for variable in _VARIABLES:
        value = os.environ.get(variable, "").strip()
        if len(value) >= _SHORTEST and value in text:
            text = text.replace(value, f"{variable}{_MARK}")
    text = _SIGNED.sub(r"\1", _USER.sub(r"\1", HUB_TOKEN.sub(f"hf_{_MARK}", text)))
    for pattern in _OTHERS:
        text = pattern.sub(lambda match: f"{match[0][:4]}{_MARK}", text)
    return text


def redacted(message: str) -> str:
    """Remove secrets from a message, and the query from each address: a signed one opens as a password does."""
    return _QUERY.sub(r"\1", without_secrets(message))
