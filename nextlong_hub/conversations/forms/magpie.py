"""Magpie: an `instruction` and its `response`."""

from nextlong_hub.conversations.forms.base import ConversationForm
from nextlong_hub.conversations.forms.columns import question_and_answer

FORM = ConversationForm(
    name="magpie",
    order=70,
    columns=("instruction", "response"),
    named=(2,),
    read=question_and_answer("instruction", ("response",)),
)
