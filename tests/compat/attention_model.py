"""Does a transformer, run by PyTorch, keep the documents of a packed row apart and the chunks of a sample together?

    python tests/compat/attention_model.py arrays.npz

Runs in any Python that has torch and NumPy, without nextlong_hub: `check_attention.py` writes the arrays. The model is
tiny and random, in double precision; what it computes means nothing, but which token depends on which is the same as in
a trained one. Prints one line a check and leaves with 1 if any fails.
"""

import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

WIDTH, HEADS, LAYERS = 32, 4, 2
TOLERANCE = 1e-9
"""Of logits in double precision; where a token must not matter at all, no difference is tolerated."""


class Model(nn.Module):
    """A decoder with learned positions; attention is torch's own."""

    def __init__(self, vocabulary: int, positions: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(positions, WIDTH)
        self.attentions = nn.ModuleList([nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) for _ in range(LAYERS)])
        self.mixers = nn.ModuleList(
            [nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU()) for _ in range(LAYERS)]
        )
        self.out = nn.Linear(WIDTH, 64)

    def forward(self, ids: Tensor, positions: Tensor, allowed: Tensor) -> Tensor:
        """Logits of each token. Shapes: (tokens,), (tokens,), (tokens, tokens) to (tokens, 64)."""
        hidden = (self.tokens(ids) + self.positions(positions))[None]
        for attention, mixer in zip(self.attentions, self.mixers, strict=True):
            seen, _ = attention(hidden, hidden, hidden, attn_mask=~allowed, need_weights=False)
            hidden = hidden + seen
            hidden = hidden + mixer(hidden)
        return self.out(hidden)[0]


def allowed_by(borders: Tensor) -> Tensor:
    """Causal, and inside one document: what variable-length kernels compute from `cu_seqlens`."""
    places = torch.arange(int(borders[-1]))
    owner = torch.bucketize(places, borders[1:], right=True)
    return (owner[:, None] == owner[None, :]) & (places[:, None] >= places[None, :])


class Check:
    """Counts what holds and what does not."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def __call__(self, holds: bool, promise: str) -> None:
        """Print one promise and whether it was kept."""
        self.passed += holds
        self.failed += not holds
        sys.stdout.write(f"{'ok    ' if holds else 'FAILED'} {promise}\n")


def changed(ids: Tensor, start: int, end: int, vocabulary: int) -> Tensor:
    """The ids with others in one stretch."""
    other = ids.clone()
    other[start:end] = (other[start:end] + 1 + torch.arange(end - start)) % vocabulary
    return other


def check_packed(run: Callable[..., Tensor], arrays: dict[str, Tensor], vocabulary: int, check: Check) -> None:
    """In a packed row no document depends on another, and each is what it would be alone."""
    ids, borders, positions = (arrays[f"packed_{name}"] for name in ("input_ids", "cu_seqlens", "position_ids"))
    allowed = allowed_by(borders)
    logits = run(ids, positions, allowed)
    spans = list(pairwise(borders.tolist()))
    check(len(spans) > 1, f"the packed row has {len(spans)} documents, {len(ids)} tokens")
    for number, (start, end) in enumerate(spans):
        other = run(changed(ids, start, end, vocabulary), positions, allowed)
        apart = torch.cat([logits[:start] - other[:start], logits[end:] - other[end:]])
        check(bool((apart == 0).all()), f"changing document {number} changes no logit of any other document")
        check(bool((logits[start:end] != other[start:end]).any()), f"changing document {number} changes its own logits")
        alone = run(ids[start:end], torch.arange(end - start), allowed_by(torch.tensor([0, end - start])))
        difference = float((alone - logits[start:end]).abs().max())
        check(difference < TOLERANCE, f"document {number} has the logits it has alone (off by {difference:.1e})")
    start, end = spans[0]
    whole = allowed_by(torch.tensor([0, len(ids)]))
    unmasked, other = run(ids, positions, whole), run(changed(ids, start, end, vocabulary), positions, whole)
    check(bool((unmasked[end:] != other[end:]).any()), "without the document mask they would depend on each other")


def check_sample(run: Callable[..., Tensor], arrays: dict[str, Tensor], vocabulary: int, check: Check) -> None:
    """In a sample, ONE document, what a negative says reaches the meta-chunks behind it, and nothing before it."""
    ids, segments = arrays["sample_input_ids"], arrays["sample_segments"].tolist()
    positions, allowed = torch.arange(len(ids)), allowed_by(torch.tensor([0, len(ids)]))
    logits = run(ids, positions, allowed)
    metas = [number for number, (_, _, is_meta) in enumerate(segments) if is_meta]
    check(len(metas) > 1, f"the sample has {len(metas)} meta-chunks among {len(segments)} segments, {len(ids)} tokens")
    borders = torch.tensor([*(start for start, _, _ in segments), len(ids)])
    for one, other in pairwise(metas):
        start, end, _ = segments[one + 1]
        later, last, _ = segments[other]
        changed_ids = changed(ids, start, end, vocabulary)
        moved = run(changed_ids, positions, allowed)
        reaches = bool((logits[later:last] != moved[later:last]).any(dim=1).all())
        check(reaches, f"the negative behind meta-chunk {one} reaches every token of meta-chunk {other}")
        check(bool((logits[:start] == moved[:start]).all()), "and no token before itself")
        kept_apart = allowed_by(borders)
        cut, moved = run(ids, positions, kept_apart), run(changed_ids, positions, kept_apart)
        check(bool((cut[later:last] == moved[later:last]).all()), "which a mask at the segments would destroy")


def main() -> int:
    """Check the arrays in the file named on the command line."""
    arrays = {name: torch.from_numpy(values.astype(np.int64)) for name, values in np.load(sys.argv[1]).items()}
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    vocabulary = int(max(arrays["packed_input_ids"].max(), arrays["sample_input_ids"].max())) + 1
    model = Model(vocabulary, max(len(arrays["packed_input_ids"]), len(arrays["sample_input_ids"]))).eval()
    check = Check()
    sys.stdout.write(f"torch {torch.__version__}\n")
    with torch.no_grad():
        check_packed(model, arrays, vocabulary, check)
        check_sample(model, arrays, vocabulary, check)
    sys.stdout.write(f"{check.passed} passed, {check.failed} failed\n")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
