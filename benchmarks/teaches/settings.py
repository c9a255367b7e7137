"""The sizes of an experiment: of the model, of its training, and of the questions it is asked."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """A small Llama."""

    vocabulary: int
    """Tokens of the tokenizer that is trained for it; below 65,535, so that ids fit 16 bits."""
    width: int
    layers: int
    heads: int
    hidden: int
    """Width inside its SwiGLU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the base and the arms are trained. A step is four batches of the same number of tokens."""

    batch_tokens: int
    base_rate: float
    """Learning rate of the base, constant after the warm-up: an arm goes on from it."""
    base_warmup: int
    """Steps."""
    base_theta: float
    """Base of the rotary positions."""
    arm_rate: float
    """Falls to 0 in a straight line."""
    arm_warmup: int
    arm_theta: float


BATCHES_IN_STEP = 4
"""A mixture is a whole number of these, so that only two shapes of batch are ever compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """How many items of each kind, and how long."""

    far_tokens: int
    """Of the end of a meta-chunk that stands far back."""
    next_tokens: int
    """Of the beginning of the meta-chunk behind it, whose loss is taken."""
    gain_lengths: tuple[int, ...]
    """Row lengths at which the gain is measured."""
    held_items: int
    other_items: int
    recall_contexts: int
    windows: int
    window_tokens: int
    """Of the end of a window, whose loss is taken."""
    window_contexts: tuple[int, ...]
    """Tokens before it."""
    short_documents: int
    short_slices: tuple[int, ...]
    """Positions at which a short document's loss is divided."""
    riffle_items: int
    """Documents that are riffled."""
    riffle_chunks: int
    """Chunks of each."""
    riffle_distances: tuple[int, ...]
    riffle_interferers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """An experiment of one size."""

    name: str
    recipe: str
    """The recipe of arm B, a file beside this one."""
    target_length: int
    """Tokens of a row, as that recipe says."""
    base_length: int
    """Tokens of a row of the base's training."""
    rows: int
    """Rows of each arm, of which each seed has half; a training takes as many of them as it has steps for."""
    steps: tuple[int, int] | None = None
    """Of the base and of each arm; None: as many as the plan says."""
    model: ModelSize
    schedule: Schedule
    questions: Questions

    @property
    def recipe_file(self) -> Path:
        """Where the recipe lies."""
        return HERE / self.recipe

    @property
    def rows_in_step(self) -> int:
        """Rows of the target length in one step."""
        return BATCHES_IN_STEP * self.schedule.batch_tokens // self.target_length


PRESETS = {
    "gpu": Preset(
        name="gpu",
        recipe="8k.toml",
        target_length=8192,
        base_length=1024,
        rows=3072,
        model=ModelSize(vocabulary=16_384, width=512, layers=8, heads=8, hidden=1408),
        schedule=Schedule(
            batch_tokens=16_384,
            base_rate=3e-3,
            base_warmup=40,
            base_theta=1e4,
            arm_rate=2e-3,
            arm_warmup=8,
            arm_theta=1e5,
        ),
        questions=Questions(
            far_tokens=384,
            next_tokens=256,
            gain_lengths=(1024, 4096, 8192),
            held_items=96,
            other_items=64,
            recall_contexts=48,
            windows=64,
            window_tokens=512,
            window_contexts=(512, 1024, 4096, 7680),
            short_documents=128,
            short_slices=(64, 256),
            riffle_items=48,
            riffle_chunks=4,
            riffle_distances=(512, 1024),
            riffle_interferers=(0, 2),
        ),
    ),
    "cpu": Preset(
        name="cpu",
        recipe="2k.toml",
        target_length=2048,
        base_length=256,
        rows=64,
        steps=(12, 4),
        model=ModelSize(vocabulary=2048, width=64, layers=2, heads=2, hidden=176),
        schedule=Schedule(
            batch_tokens=2048,
            base_rate=3e-3,
            base_warmup=4,
            base_theta=1e4,
            arm_rate=2e-3,
            arm_warmup=2,
            arm_theta=1e5,
        ),
        questions=Questions(
            far_tokens=48,
            next_tokens=32,
            gain_lengths=(512, 2048),
            held_items=4,
            other_items=4,
            recall_contexts=2,
            windows=2,
            window_tokens=128,
            window_contexts=(128, 256, 1920),
            short_documents=4,
            short_slices=(16, 64),
            riffle_items=4,
            riffle_chunks=3,
            riffle_distances=(256,),
            riffle_interferers=(0, 1),
        ),
    ),
}
"""`gpu` takes about ten minutes on one H100 or H200; `cpu` only shows, in a few minutes, that everything runs."""
