"""TRL's prompt and completion: two strings, or two lists of messages. Only the completion is trained on."""

from collections.abc import Sequence

from nextlong_hub.conversations.forms.base import ConversationForm, Fields, FoundTurns

_ANSWERS = ("completion", "response")


def read(row: Fields, columns: Sequence[str]) -> FoundTurns | None:
    """What is prompted, then what completes it; None unless both are strings or both are lists."""
    prompt = (*columns, "prompt")[0]
    answers = columns[1:] or _ANSWERS
    answer = next((name for name in answers if isinstance(row.get(name), (str, list)) and row.get(name)), None)
    if answer is None:
        return None
    asked, said = row.get(prompt), row[answer]
    used = frozenset([prompt, answer])
    if isinstance(asked, str) and isinstance(said, str):
        turns = ({"role": "user", "content": asked}, {"role": "assistant", "content": said})
        return FoundTurns(turns=turns, used=used)
    if isinstance(asked, list) and isinstance(said, list):
        return FoundTurns(turns=(*asked, *said), used=used, column=prompt, prompt_turns=len(asked))
    return None


FORM = ConversationForm(name="prompt-completion", order=40, columns=("prompt", *_ANSWERS), named=(2,), read=read)
