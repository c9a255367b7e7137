"""What several forms share: turns as a list, and a question, its context and its answer in columns of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

from nextlong_hub.conversations.forms.base import Fields, FoundTurns, Read
from nextlong_hub.core.foreign import parse_json


def listed_turns(names: Iterable[str]) -> Read:
    """The reader of a form whose turns are a list, or JSON of one, in the first of these columns that has any."""

    def read(row: Fields, columns: Sequence[str]) -> FoundTurns | None:
        name = next((name for name in columns or names if row.get(name)), None)
        return None if name is None else FoundTurns(turns=as_list(row[name]), used=frozenset([name]), column=name)

    return read


def as_list(value: Any) -> tuple[Any, ...]:
    """A list, or a string that holds one as JSON.

    Raises:
        ValueError: it is neither.
    """
    turns = parse_json(value) if isinstance(value, str) else value
    if not isinstance(turns, list):
        raise ValueError("there is no list of turns")
    return tuple(turns)


def question_and_answer(question: str, answers: Sequence[str], *, contexts: Sequence[str] = ()) -> Read:
    """The reader of a form that has a question and its answer, each a string in a column of its own.

    A context follows the question, an empty line between them. Earlier questions and answers, as pairs in `history`,
    come first.

    Args:
        question: its column.
        answers: columns of the answer; the first that holds a string is taken.
        contexts: columns of what the question is about, likewise.
    """

    def read(row: Fields, columns: Sequence[str]) -> FoundTurns | None:
        asked, about, answered = _named(columns) or (question, contexts, answers)
        context = next((name for name in about if _is_said(row.get(name))), None)
        answer = next((name for name in answered if isinstance(row.get(name), str)), None)
        if not isinstance(row.get(asked), str) or answer is None:
            return None
        used = {asked, answer} | ({context} if context else set())
        content = row[asked] if context is None else _joined(row[asked], row[context])
        earlier = _history(row.get("history"))
        turns = [*earlier, {"role": "user", "content": content}, {"role": "assistant", "content": row[answer]}]
        return FoundTurns(turns=tuple(turns), used=frozenset(used | ({"history"} if earlier else set())))

    return read


def _named(columns: Sequence[str]) -> tuple[str, Sequence[str], Sequence[str]] | None:
    """The columns that a recipe names: of the question, of its context where there are three, and of the answer."""
    return (columns[0], columns[1:-1], columns[-1:]) if columns else None


def _is_said(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _joined(question: str, context: str) -> str:
    """A question with its context; where one of them says nothing, the other stands alone."""
    return f"{question}\n\n{context}" if question.strip() else context


def _history(value: Any) -> list[dict[str, Any]]:
    """Earlier questions with their answers; none where the value is no list of pairs of strings."""
    pairs = value if isinstance(value, list) else []
    if not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(said, str) for said in pair) for pair in pairs
    ):
        return []
    return [
        {"role": role, "content": said}
        for pair in pairs
        for role, said in zip(("user", "assistant"), pair, strict=True)
    ]
