"""What a riffle is made of, checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nextlong_hub.corpus.in_memory import Source
from nextlong_hub.errors import RecipeError, argument
from nextlong_hub.recipe import DEFAULT_SEED, Recipe

_USUAL_PARTS = (32, 16, 8)
"""Of the target length: the distances where none are given."""
_FEWEST_CHUNKS = 2
_CHUNK_TOKENS = 512
"""About as many has a chunk as recipes cut it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiffleSettings:
    """How many items, and what each is."""

    target_length: int
    """Tokens of every row."""
    items: int = 100
    """Documents."""
    chunks: int = 5
    """Chunks that are taken of each document, from its first; the last of them is the target."""
    distances: tuple[int, ...] = ()
    """Tokens that stand at least between two neighbouring chunks of a riffled document, ascending. None given: a 32nd,
    a 16th and an 8th of the target length."""
    interferers: tuple[int, ...] = ()
    """Look-alike chunks behind each chunk but the last, ascending; what else is needed there is random chunks. None
    given: 0, and about as many as fill the largest distance."""
    questions: bool = True
    """Whether facts are planted and one of them is asked for."""
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            RecipeError: one is out of range, or they cannot be met together.
        """
        for name, least in (("target_length", 1), ("items", 1), ("chunks", _FEWEST_CHUNKS)):
            if getattr(self, name) < least:
                raise RecipeError(
                    f"{argument(name.replace('_', '-'))} is {getattr(self, name):,}; give a whole number from {least}"
                )
        for name, values, least in (("distances", self.distances, 1), ("interferers", self.interferers, 0)):
            if any(value < least for value in values) or [*values] != sorted({*values}):
                raise RecipeError(
                    f"{argument(name)} is {', '.join(map(str, values))}; give whole numbers from {least}, each once, "
                    "the smallest first"
                )
        if self.chosen_distances[-1] * (self.chunks - 1) >= self.target_length:
            raise RecipeError(
                f"{self.chunks} chunks with {self.chosen_distances[-1]:,} tokens between each two do not fit into rows "
                f"of {self.target_length:,}; lower {argument('distances')} or {argument('chunks')}, or raise "
                f"{argument('target-length')}"
            )

    @property
    def chosen_distances(self) -> tuple[int, ...]:
        """What `distances` means where none are given."""
        return self.distances or tuple(sorted({max(1, self.target_length // part) for part in _USUAL_PARTS}))

    @property
    def chosen_interferers(self) -> tuple[int, ...]:
        """What `interferers` means where none are given."""
        return self.interferers or (0, max(1, self.chosen_distances[-1] // _CHUNK_TOKENS))

    def to_json(self) -> dict[str, Any]:
        """Every choice, written out."""
        return {
            "target_length": self.target_length,
            "items": self.items,
            "chunks": self.chunks,
            "distances": list(self.chosen_distances),
            "interferers": list(self.chosen_interferers),
            "questions": self.questions,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RiffleRequest:
    """A riffle that is to be made."""

    settings: RiffleSettings
    recipe: Recipe
    """How documents are read, cut and retrieved: best that of the rows which the model was trained on."""
    sources: Sequence[Source]
    """The held-out documents."""
    tokenizer: str
    """A folder or a name."""
    apart_from: tuple[str, ...] = field(default=())
    """Datasets that were trained on: folders, or names on the Hub."""
