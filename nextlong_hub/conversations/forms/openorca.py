"""OpenOrca: a `question` and its `response`, after a `system_prompt`; also a `question` and its `answer`."""

from nextlong_hub.conversations.forms.base import ConversationForm
from nextlong_hub.conversations.forms.columns import question_and_answer

FORM = ConversationForm(
    name="openorca",
    order=80,
    columns=("question", "context", "response", "answer"),
    named=(2, 3),
    read=question_and_answer("question", ("response", "answer"), contexts=("context",)),
)
