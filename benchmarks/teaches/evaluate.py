"""The answers of one model, one number an item, so that models can be compared item by item.

gain/PART/KIND/LENGTH            nats a token that the meta-chunk before it takes off the loss of a chunk
after/PART/KIND/LENGTH           the loss of that chunk behind its own meta-chunk
recall/TEMPLATE/KIND/DISTANCE    1 where the right word is the likeliest of eight; one question a context
margin/TEMPLATE/KIND/DISTANCE    its log-probability beyond the mean of the others
windows/PART/CONTEXT             loss of the end of long text behind so many tokens of it
short/PART                       loss of documents from their first token; and by position: short/PART/1-64
short-bare/PART                  the same without the token that begins a document
riffle/TARGET/CELL               loss of the last chunk of a document (`chunk`), or of the answer about a planted fact
                                 (`answer`); CELL is CONDITION/INTERFERERS/DISTANCE, see `riffled`
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.teaches.contexts import STATEMENTS, Contexts, Ids, RecallContexts
from benchmarks.teaches.model import Model, rotations
from benchmarks.teaches.riffled import Riffled
from benchmarks.teaches.settings import Preset

Scores = dict[str, NDArray[np.float64]]
"""By measure, a number for each item. Shape of each: (items,)."""
_TOKENS_AT_ONCE = {"cuda": 131_072, "cpu": 8192}


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """Asks one model."""

    model: Model
    preset: Preset
    device: str

    def scores(self, parts: Mapping[str, Contexts]) -> Scores:
        """All measures, over the parts by name; recall is asked about held-out documents only."""
        scores: Scores = {}
        for part, contexts in parts.items():
            for (kind, length), rows in contexts.gain.items():
                losses = {name: self._losses(one, self.preset.questions.next_tokens) for name, one in rows.items()}
                after = losses["far"].mean(1)
                scores[f"gain/{part}/{kind}/{length}"] = losses["unrelated"].mean(1) - after
                scores[f"after/{part}/{kind}/{length}"] = after
            last = self.preset.questions.window_tokens
            for context in self.preset.questions.window_contexts:
                losses_behind = self._losses(contexts.windows[:, -(context + last) :], last)
                scores[f"windows/{part}/{context}"] = losses_behind.mean(1)
            scores |= self._short(part, contexts.short)
        for (template, kind), asked in parts["held"].recall.items():
            right = self._answers(asked)
            margins = right[..., 0] - right[..., 1:].mean(-1)
            hits = right[..., 0] > right[..., 1:].max(-1)
            for number in range(STATEMENTS):
                distance = (STATEMENTS - number) * self.preset.target_length // STATEMENTS
                scores[f"recall/{template}/{kind}/{distance}"] = hits[:, number].astype(np.float64)
                scores[f"margin/{template}/{kind}/{distance}"] = margins[:, number]
        return scores

    def riffled(self, asked: Riffled) -> Scores:
        """Losses of the targets of riffled documents, one an item."""
        first = min(target["start"] for one in asked.about for target in one["targets"])
        losses = self._losses(asked.rows, asked.rows.shape[1] - first)
        scores: Scores = {}
        for cell, rows in asked.cells():
            for target in asked.about[0]["targets"]:
                kind = target["kind"]
                spans = [next(own for own in asked.about[row]["targets"] if own["kind"] == kind) for row in rows]
                scores[f"riffle/{kind}/{cell}"] = np.array(
                    [
                        losses[row, span["start"] - first : span["end"] - first].mean()
                        for row, span in zip(rows, spans, strict=True)
                    ]
                )
        return scores

    def _short(self, part: str, rows: Ids) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Loss of short documents, as a whole and by position."""
        losses = self._losses(rows, rows.shape[1] - 1)
        yield f"short/{part}", losses.mean(1)
        ends = (0, *self.preset.questions.short_slices, losses.shape[1])
        for first, last in pairwise(ends):
            yield f"short/{part}/{first + 1}-{last}", losses[:, first:last].mean(1)
        yield f"short-bare/{part}", self._losses(rows[:, 1:], rows.shape[1] - 2).mean(1)

    def _losses(self, rows: Ids, last: int) -> NDArray[np.float64]:
        """Loss of the last tokens of each row. Shape: (rows, last)."""

        def answer(ids: torch.Tensor) -> torch.Tensor:
            hidden = self.model.hidden(ids[:, :-1], self._turns[:, : ids.shape[1] - 1])[:, -last:]
            return -self.model.log_probabilities(hidden).gather(-1, ids[:, -last:, None])[..., 0]

        return self._in_batches(rows, answer)

    def _answers(self, asked: RecallContexts) -> NDArray[np.float64]:
        """Log-probabilities of the candidates: of every statement, its question asked alone behind the context.

        All questions stand behind the context in one row, where they do not see each other, and each has the positions
        that it would have alone. Shape: (contexts, statements, statements).
        """
        context, question = asked.contexts.shape[1], asked.questions.shape[2]
        rows = np.concatenate((asked.contexts, asked.questions.reshape(len(asked.questions), -1)), 1)
        places = np.concatenate([np.arange(context), *[context + np.arange(question)] * STATEMENTS])
        sees = np.zeros((STATEMENTS * question, rows.shape[1]), bool)
        sees[:, :context] = True
        own = np.kron(np.eye(STATEMENTS, dtype=bool), np.tril(np.ones((question, question), bool)))
        sees[:, context:] = own
        mask = torch.from_numpy(sees).to(self.device)
        turns = self._turns[:, torch.from_numpy(places).to(self.device)]
        ends = context + question * (1 + np.arange(STATEMENTS)) - 1
        candidates = iter(np.array_split(asked.candidates, range(self._rows(rows), len(rows), self._rows(rows))))

        def answer(ids: torch.Tensor) -> torch.Tensor:
            hidden = self.model.hidden(ids, turns, mask)[:, torch.from_numpy(ends).to(self.device)]
            wanted = torch.from_numpy(next(candidates)).to(self.device)
            return self.model.log_probabilities(hidden).gather(-1, wanted)

        return self._in_batches(rows, answer)

    @property
    def _turns(self) -> torch.Tensor:
        return rotations(self.preset.model, self.preset.target_length, self.preset.schedule.arm_theta, self.device)

    def _rows(self, rows: Ids) -> int:
        """How many go through the model at once."""
        return max(1, _TOKENS_AT_ONCE[self.device] // int(rows.shape[1]))

    def _in_batches(self, rows: Ids, answer: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[np.float64]:
        found = []
        step = self._rows(rows)
        with torch.no_grad():
            for first in range(0, len(rows), step):
                ids = torch.from_numpy(rows[first : first + step]).to(self.device)
                found.append(answer(ids).double().cpu().numpy())
        return np.concatenate(found)
