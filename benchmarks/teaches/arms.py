"""The arms: data sets of the same number of tokens, each made by the package with settings of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nextlong_hub.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One data set, and how a model is trained on it."""

    name: str
    words: str
    """What its rows are."""
    made: Literal["synthesis", "documents", "mix"] = "synthesis"
    """How the package makes its rows: as samples, as whole documents packed by `fit`, or as a recipe of kind `mix`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the recipe of arm B, by dotted key; of a mixture, from the package's recipe `mix`."""
    rows_of: str = ""
    """The arm whose rows it is trained on; empty: its own."""
    long_share: float = 1.0
    """Share of the tokens that is trained at the target length: all, the samples of a mixture, or none. The rest is
    cut at the base's length."""
    passes: int = 1
    """Its tokens as a multiple of what every other arm gets; no row comes twice."""
    same_documents: bool = True
    """Row i extends the same document as row i of arm B."""

    @property
    def rows(self) -> str:
        """The name of its rows."""
        return self.rows_of or self.name


def _mixture(name: str, share: float, words: str) -> Arm:
    settings = {"mix.documents": 1 - share}
    return Arm(name=name, words=words, made="mix", settings=settings, long_share=share, same_documents=False)


ARMS = {
    arm.name: arm
    for arm in (
        Arm(name="A", words="whole documents, packed", made="documents", same_documents=False),
        Arm(name="S", words="the tokens of A, cut at the base's length", rows_of="A", made="documents", long_share=0),
        Arm(name="B", words="nextlong-hub as it comes (BM25, interleaved)"),
        Arm(name="C", words="random negatives", settings={"retrieval.retriever": "random"}),
        Arm(name="D", words="negatives of an encoder", settings={"retrieval.retriever": "dense"}),
        Arm(name="E", words="B, not interleaved", settings={"interleave.layout": "none"}),
        Arm(name="Bd", words="B, guard against near-copies", settings={"negatives.guard": "shingles"}),
        Arm(name="Bs", words="B, guard against repeated phrases", settings={"negatives.guard": "tokens"}),
        Arm(name="Bx", words="B without the eight most alike", settings={"negatives.first_rank": 9}),
        Arm(
            name="L",
            words="B of linked documents",
            settings={"meta_documents.choice": "linked"},
            same_documents=False,
        ),
        _mixture("M", 0.5, "half B, half ordinary documents"),
        _mixture("Mlow", 0.25, "a quarter B, the rest ordinary documents"),
        _mixture("Mhigh", 0.75, "three quarters B, the rest ordinary documents"),
        Arm(
            name="Mtwice",
            words="M with twice the tokens",
            rows_of="M",
            made="mix",
            settings={"mix.documents": 0.5},
            long_share=0.5,
            passes=2,
            same_documents=False,
        ),
    )
}
"""Every arm by its name. Row i of those made from samples extends the same document."""

SEEDS = 2
"""Halves of the rows: two disjoint sets of documents."""
BASE = "base"
"""What the model that all arms go on from is called in results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One arm and one seed: `B0` is the first half of B's rows."""

    arm: str
    seed: int

    def __str__(self) -> str:
        return f"{self.arm}{self.seed}"


def training_of(name: str) -> Training:
    """The training that `B0` names.

    Raises:
        RecipeError: there is no such arm, or no seed behind it.
    """
    arm, seed = name[:-1], name[-1:]
    if arm not in ARMS or seed not in map(str, range(SEEDS)):
        raise RecipeError(
            f"{name!r} is no arm with a seed below {SEEDS} behind it, such as B0; the arms are {', '.join(ARMS)}"
        )
    return Training(arm=arm, seed=int(seed))
