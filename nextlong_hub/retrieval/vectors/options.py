"""Which vectors chunks are compared by."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from nextlong_hub.core.settings import Section


class VectorOptions(Section):
    """Vectors of chunks: those that an encoder gives, or those that the user brings."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset({"encoder", "embeddings", "digest"})

    encoder: str = ""
    """A folder, or a name on the Hub (`user/model`, `user/model@revision`), of model2vec or sentence-transformers."""
    embeddings: str = ""
    """In place of an encoder: a `.npy` file that `save_embeddings` wrote."""
    digest: str = ""
    """Of the encoder's files, or of the embeddings. A build writes it here, and refuses other files where it is set."""

    @model_validator(mode="after")
    def _one_of_them_is_named(self) -> Self:
        if bool(self.encoder) == bool(self.embeddings):
            came = "both an encoder and embeddings are" if self.encoder else "neither an encoder nor embeddings are"
            raise ValueError(
                f'{came} named; set one: retrieval.options.encoder = "minishlab/potion-base-8M", or a folder, or '
                'retrieval.options.embeddings = "vectors.npy"'
            )
        return self


class DenseOptions(VectorOptions):
    """The choices of `dense`."""

    search: Literal["auto", "exact", "faiss"] = "auto"
    """`exact`: every chunk is compared with every query. `faiss`: only chunks of the nearest clusters, and recall is
    measured. `auto`: exact up to a million chunks."""
    probes: int = Field(default=64, ge=1, le=1_000_000)
    """`faiss`: clusters that are searched for a query."""


class HybridOptions(VectorOptions):
    """The choices of `hybrid`."""

    depth: int = Field(default=4, ge=1, le=1000)
    """How many chunks BM25 puts forward for each one that is asked for."""
