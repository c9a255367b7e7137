"""The tokens of the questions: what a model is shown, and where its answers are looked up.

gain      [far, distractors, next]: how much the loss of `next` falls when `far` is the chunk before it, not another
recall    eight statements at even depths among distractors; at the end one of them is asked for
windows   the end of text that is long by nature, behind less or more of it
short     whole documents from their first token
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.teaches.items import Items
from benchmarks.teaches.replay import Framing
from benchmarks.teaches.settings import Preset
from benchmarks.teaches.spans import Spans, SpanTokens
from nextlong_hub.errors import CorpusTooSmallError

Ids = NDArray[np.int64]

TEMPLATES = {"adjacent": ("\nSee also", "", ".\n"), "apart": ("\nThe code word for", " is", ".\n")}
"""A statement is the first part, a word, the second part, another word, the third part. It is asked for by its
beginning: the answer is the other word."""
STATEMENTS = 8
"""In one context, at even depths."""
KINDS = ("hard", "random")
"""Of distractors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallContexts:
    """Contexts with statements, and the questions about them, each of which is asked alone."""

    contexts: Ids
    """Shape: (contexts, tokens)."""
    questions: Ids
    """Of each statement, farthest first: its beginning. Shape: (contexts, statements, tokens of a question)."""
    candidates: Ids
    """The right word, and then those of the other statements. Shape: (contexts, statements, statements)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """All questions about one part."""

    gain: dict[tuple[str, int], dict[str, Ids]]
    """By kind of distractor and row length: the rows with `far`, and those with an unrelated chunk in its place."""
    recall: dict[tuple[str, str], RecallContexts]
    """By template and kind of distractor."""
    windows: Ids
    """Shape: (windows, target length)."""
    short: Ids
    """Shape: (documents, base length)."""

    def arrays(self) -> Iterator[Ids]:
        """Every array, in a fixed order."""
        for rows in self.gain.values():
            yield from rows.values()
        for asked in self.recall.values():
            yield from (asked.contexts, asked.questions, asked.candidates)
        yield from (self.windows, self.short)


def digest_of(parts: Sequence[Contexts], *others: Ids) -> str:
    """Twelve hexadecimal digits over every token of every question: equal where models were asked the same."""
    digest = hashlib.sha256()
    for array in (*(array for part in parts for array in part.arrays()), *others):
        digest.update(f"{array.shape}".encode() + array.astype("<i8").tobytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class ContextMaker:
    """Makes the tokens of the questions about one part."""

    items: Items
    tokens: SpanTokens
    framing: Framing
    preset: Preset
    tokenizer: Tokenizer

    def contexts(self) -> Contexts:
        """All of them.

        Raises:
            CorpusTooSmallError: there are too few distractors for a row.
        """
        lengths = self.preset.questions.gain_lengths
        return Contexts(
            gain={(kind, length): self._gain(kind, length) for kind in KINDS for length in lengths},
            recall={(template, kind): self._recall(template, kind) for template in TEMPLATES for kind in KINDS},
            windows=self._windows(),
            short=np.array([self._begun(one)[: self.preset.base_length] for one in self._of(self.items.short)]),
        )

    def _of(self, spans: Spans) -> list[Ids]:
        return [one.astype(np.int64) for one in self.tokens.of(spans)]

    def _begun(self, tokens: Ids) -> Ids:
        return np.concatenate(([self.framing.beginning], tokens))

    def _distractors(self, kind: str) -> list[Ids]:
        """Of each item, its distractors with a newline behind each."""
        spans: Spans = getattr(self.items, kind)
        lines = [np.append(one, self.framing.newline) for one in self._of(spans)]
        ends = np.cumsum(getattr(self.items, f"{kind}_counts")).tolist()
        return [np.concatenate(lines[first:last]) for first, last in zip([0, *ends], ends, strict=False)]

    def _gain(self, kind: str, length: int) -> dict[str, Ids]:
        asked = self.preset.questions
        fill = length - asked.far_tokens - asked.next_tokens - 2
        between = [_end(one, fill) for one in self._distractors(kind)]
        behind = [one[: asked.next_tokens] for one in self._of(self.items.next)]
        rows = {}
        for name, spans in (("far", self.items.far), ("unrelated", self.items.unrelated)):
            before = [self._begun(one[-asked.far_tokens :]) for one in self._of(spans)]
            newline = np.array([self.framing.newline])
            rows[name] = np.array(
                [np.concatenate((a, newline, b, c)) for a, b, c in zip(before, between, behind, strict=True)]
            )
        return rows

    def _recall(self, template: str, kind: str) -> RecallContexts:
        parts = [self.tokenizer.encode(part, add_special_tokens=False).ids for part in TEMPLATES[template]]
        random = np.random.default_rng(5)
        words = self._words()
        texts = self._distractors(kind)
        contexts, questions, candidates = [], [], []
        for number in range(min(self.preset.questions.recall_contexts, len(texts))):
            chosen = random.choice(words, 2 * STATEMENTS, replace=False)
            keys, values = chosen[:STATEMENTS].tolist(), chosen[STATEMENTS:].tolist()
            asked = [[*parts[0], key, *parts[1]] for key in keys]
            said = [[*one, value, *parts[2]] for one, value in zip(asked, values, strict=True)]
            fill = self.preset.target_length - 1 - sum(map(len, said)) - len(asked[0])
            # The distractors of one question can be a few tokens short of a row without a meta-chunk.
            text = _end(np.concatenate((texts[number], texts[(number + 1) % len(texts)])), fill)
            stretches = np.array_split(text, STATEMENTS)
            between = zip(said, stretches, strict=True)
            contexts.append(self._begun(np.concatenate([part for pair in between for part in pair])))
            questions.append(asked)
            candidates.append([[value, *(one for one in values if one != value)] for value in values])
        return RecallContexts(
            contexts=np.array(contexts, np.int64),
            questions=np.array(questions, np.int64),
            candidates=np.array(candidates, np.int64),
        )

    def _words(self) -> list[int]:
        """Tokens that are a whole word in lower case, neither among the most frequent nor among the rarest."""
        size = self.preset.model.vocabulary
        low, high = size * 15 // 100, size * 55 // 100
        spelled = sorted((number, token) for token, number in self.tokenizer.get_vocab().items())
        return [number for number, token in spelled if low <= number < high and _is_word(token)]

    def _windows(self) -> Ids:
        newline = self.framing.newline
        lines = [np.append(one, newline) for one in self._of(self.items.windows)]
        ends = np.cumsum(self.items.window_counts).tolist()
        texts = [np.concatenate(lines[first:last]) for first, last in zip([0, *ends], ends, strict=False)]
        skips = self.items.window_skips.tolist()
        length = self.preset.target_length
        return np.array([text[skip : skip + length] for text, skip in zip(texts, skips, strict=True)])


def _end(text: Ids, tokens: int) -> Ids:
    if len(text) < tokens:
        raise CorpusTooSmallError(
            f"{len(text):,} tokens of distractors are fewer than the {tokens:,} that a row takes; prepare again"
        )
    return text[len(text) - tokens :]


def _is_word(token: str) -> bool:
    word = token.removeprefix("Ġ")
    return word != token and word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 10
