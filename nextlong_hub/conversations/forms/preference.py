"""Preferences: the `chosen` answer, or conversation, of two; the `rejected` one is not used, and counted.

A list of turns stands behind the `prompt` where that is a list, too: then only what follows it is trained on. Beside a
string `prompt` it is the whole conversation, or the answer alone.
"""

from collections.abc import Mapping, Sequence

from nextlong_hub.conversations.forms.base import ConversationForm, Fields, FoundTurns

_CHOSEN = "chosen"
_PROMPTS = ("prompt", "question", "instruction")
_ANSWERING = ("assistant", "gpt")


def read(row: Fields, columns: Sequence[str]) -> FoundTurns | None:
    """The chosen conversation; None where it is a text without a prompt, such as a transcript."""
    chosen = (*columns[1:], _CHOSEN)[0]
    said = row.get(chosen)
    prompt = next((name for name in columns[:1] or _PROMPTS if isinstance(row.get(name), (str, list))), None)
    asked = None if prompt is None else row[prompt]
    used = frozenset(name for name in (prompt, chosen) if name)
    question = {"role": "user", "content": asked}
    if isinstance(said, str) and said and isinstance(asked, str):
        return FoundTurns(turns=(question, {"role": "assistant", "content": said}), used=used, column=chosen)
    if not isinstance(said, list) or not said or not isinstance(said[0], Mapping):
        return None
    if isinstance(asked, list):
        return FoundTurns(turns=(*asked, *said), used=used, column=chosen, prompt_turns=len(asked))
    if isinstance(asked, str) and (said[0].get("role") or said[0].get("from")) in _ANSWERING:
        return FoundTurns(turns=(question, *said), used=used, column=chosen)
    return FoundTurns(turns=tuple(said), used=frozenset([chosen]), column=chosen)


FORM = ConversationForm(name="preference", order=45, columns=(*_PROMPTS, _CHOSEN), named=(2,), read=read)
