"""UltraChat as it was published first: `data = [question, answer, question, …]`."""

from collections.abc import Sequence

from nextlong_hub.conversations.forms.base import ConversationForm, Fields, FoundTurns


def read(row: Fields, columns: Sequence[str]) -> FoundTurns | None:
    """Questions and answers by turns; None unless there is a list of strings."""
    name = (*columns, "data")[0]
    said = row.get(name)
    if not isinstance(said, list) or not said or not all(isinstance(one, str) for one in said):
        return None
    turns = [{"role": "assistant" if number % 2 else "user", "content": one} for number, one in enumerate(said)]
    return FoundTurns(turns=tuple(turns), used=frozenset([name]), column=name)


FORM = ConversationForm(name="ultrachat", order=30, columns=("data",), named=(1,), read=read)
