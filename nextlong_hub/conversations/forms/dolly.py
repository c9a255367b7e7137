"""Dolly: an `instruction`, the `context` it is about, and the `response`."""

from nextlong_hub.conversations.forms.base import ConversationForm
from nextlong_hub.conversations.forms.columns import question_and_answer

FORM = ConversationForm(
    name="dolly",
    order=50,
    columns=("instruction", "context", "input", "response"),
    named=(2, 3),
    read=question_and_answer("instruction", ("response",), contexts=("context", "input")),
)
