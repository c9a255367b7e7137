"""A form of conversation: rows of a `question` and an `answer`."""

from collections.abc import Sequence

from nextlong_hub.conversations.forms.base import ConversationForm, Fields, FoundTurns

COLUMNS = ("question", "answer")


def read(fields: Fields, columns: Sequence[str]) -> FoundTurns | None:
    """The two turns of a row; None where it has not both columns."""
    question, answer = columns or COLUMNS
    if not {question, answer} <= fields.keys():
        return None
    turns = ({"role": "user", "content": fields[question]}, {"role": "assistant", "content": fields[answer]})
    return FoundTurns(turns=turns, used=frozenset({question, answer}))


FORM = ConversationForm(name="question-answer", order=90, columns=COLUMNS, named=(2,), read=read)
