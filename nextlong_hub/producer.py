"""…"""

from dataclasses import dataclass

from nextlong_hub.corpus.ingest import FoundCorpus
from nextlong_hub.tokenization import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a build is made from."""

    corpus: FoundCorpus
    tokenizer: Tokenizer
    """Ids and token counts of rows are its."""
    seed: int
    more_tokenizers: tuple[Tokenizer, ...] = ()
    """Rows have at least the target length under these, too."""

    @property
    def tokenizers(self) -> tuple[Tokenizer, ...]:
        """All of them, the first-named first."""
        return (self.tokenizer, *self.more_tokenizers)

    @property
    def tokenizer_digests(self) -> list[str]:
        """What tells them apart, in their order."""
        return [tokenizer.digest for tokenizer in self.tokenizers]
