"""Text as it may be shown: arguments as options, hidden characters by name, and no secret."""

from nextlong_hub.core.printable import visible, visible_line
from nextlong_hub.errors import on_command_line
from nextlong_hub.hub.redact import without_secrets


def told(text: str) -> str:
    """Text without secrets, with arguments as options: what is left to whoever prints it is what hides or commands."""
    return without_secrets(on_command_line(text))


def shown(text: str) -> str:
    """Text for people, without secrets and with what hides or commands made visible."""
    return visible(told(text))


def shown_line(text: str) -> str:
    """The same on one line."""
    return visible_line(told(text))
