"""Alpaca: an `instruction`, its `input` and the `output`; earlier pairs in `history`, a prompt in `system`."""

from nextlong_hub.conversations.forms.base import ConversationForm
from nextlong_hub.conversations.forms.columns import question_and_answer

FORM = ConversationForm(
    name="alpaca",
    order=60,
    columns=("instruction", "input", "context", "output", "response"),
    named=(2, 3),
    read=question_and_answer("instruction", ("output", "response"), contexts=("input", "context")),
)
