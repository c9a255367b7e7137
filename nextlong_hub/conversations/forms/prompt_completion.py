"""TRL's prompt and completion: two strings, or two lists of messages. Only the completion is trained on.

A `label` of false beside them (KTO) says that the completion is a bad one: then nothing is.
"""

from collections.abc import Sequence

from nextlong_hub.conversations.forms.base import ConversationForm, Fields, FoundTurns

_ANSWERS = ("completion", "response")
_LABEL = "label"


def read(row: Fields, columns: Sequence[str]) -> FoundTurns | None:
    """What is prompted, then what completes it; None unless both are strings or both are lists."""
    prompt = (*columns, "prompt")[0]
    answers = columns[1:] or _ANSWERS
    answer = next((name for name in answers if isinstance(row.get(name), (str, list)) and row.get(name)), None)
    if answer is None:
        return None
    asked, said = row.get(prompt), row[answer]
    is_good = row.get(_LABEL) is not False
    used = frozenset([prompt, answer, *([_LABEL] if isinstance(row.get(_LABEL), bool) else [])])
    if isinstance(asked, str) and isinstance(said, str):
        turns = ({"role": "user", "content": asked}, {"role": "assistant", "content": said})
        return FoundTurns(turns=turns, used=used, prompt_turns=0 if is_good else len(turns))
    if isinstance(asked, list) and isinstance(said, list):
        turns = (*asked, *said)
        return FoundTurns(turns=turns, used=used, column=prompt, prompt_turns=len(asked if is_good else turns))
    return None


FORM = ConversationForm(
    name="prompt-completion", order=40, columns=("prompt", *_ANSWERS, _LABEL), named=(2,), read=read
)
