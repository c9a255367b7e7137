"""Text as it may be shown: hidden characters by name, and no secret."""

from nextlong_hub.core.printable import visible, visible_line
from nextlong_hub.hub.redact import without_secrets


def shown(text: str) -> str:
    """Text for people, without secrets and with what hides or commands made visible."""
    return visible(without_secrets(text))


def shown_line(text: str) -> str:
    """The same on one line."""
    return visible_line(without_secrets(text))
