"""A template that escapes, and a policy by digests: what every page of ours is made with."""

import base64
import hashlib

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment

MARK = b'<meta name="generator" content="nextlong-hub">'
"""Within the head of every page."""


def page_template(content: str) -> Template:
    """A page's template; what it is given is escaped, and a name that it is not given is an error."""
    environment = SandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment.from_string(content)


def content_digest(content: str) -> str:
    """The hash by which a policy allows a script or style (W3C, Content Security Policy Level 3, 8.2)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
