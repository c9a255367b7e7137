"""Embeddings in words, for the card."""

from pathlib import Path

from nextlong_hub.hub.address import model_name
from nextlong_hub.retrieval.vectors.options import VectorOptions


def name_of(options: VectorOptions) -> str:
    """What the vectors come from: a name of the Hub, or the last part of a path, and the digest."""
    given = options.encoder or options.embeddings
    is_public = bool(options.encoder) and model_name(given) is not None
    digest = f", digest {options.digest}" if options.digest else ""
    return (given if is_public else Path(given).name) + digest


def vectors_of(options: VectorOptions) -> str:
    """See `Description.method`."""
    if options.embeddings:
        return f"embeddings from {Path(options.embeddings).name}"
    return f"embeddings by {name_of(options).partition(',')[0]}"


def advice_on(options: VectorOptions) -> str:
    """See `Description.advice`."""
    given = "the given embeddings" if options.embeddings else "the encoder"
    return (
        f"They are the chunks that {given} took for alike, and as good as it is. In the one measurement at hand (34M "
        "parameters, 8K tokens) negatives of a small encoder were level with those of BM25 or slightly behind; in the "
        "one published comparison (LiteLong, appendix D) embeddings were level with BM25 at 64K and ahead at 128K."
    )
