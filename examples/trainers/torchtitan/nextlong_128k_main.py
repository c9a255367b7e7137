"""torchtitan's main (after 0.3) on samples of 128K tokens, tokenised already: a source, and the dataset for its loader.

nextlong-hub export nextlong torchtitan --config 128k --tokenizer ./llama3 --output nextlong-128k

In a config of `config_registry.py`, with one window a step and rank:

config.dataloader = GrainDataLoader.Config(dataset=dataset("nextlong-128k"))
config.training.num_tokens_per_microbatch_per_dp_rank = 131_072
config.training.max_context_length = 131_072

Rows have 131,073 tokens with the EOS behind them (`--eos append`, the default of this export), so that 131,072 go in
and 131,072 are learnt. What breaks in silence:

* `FirstFitPackingConfig` splits no document, and drops one of more than `max_context_length` tokens: of rows that are
  longer by one, all.
* `ConcatThenSplitPackingConfig` drops none, and splits a document that does not fit what is left of a window.
* Positions begin again where a document does, and after `max_context_length`: a longer document then counts as two.
* Documents that share a window are told apart by positions, which the model's attention must heed.

0.3 and earlier have none of these names: nextlong_128k.py.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torchtitan.components.data import FirstFitPackingConfig, SampleProcessor, SingleDatasetConfig, TextSequence
from torchtitan.config import Configurable


class Documents(Configurable):
    """The documents of an export, by number."""

    @dataclass(kw_only=True, slots=True)
    class Config(Configurable.Config):
        """Both files of the export."""

        tokens_path: str
        document_offsets_path: str

    def __init__(self, config: Config, *, dataset_iteration_policy: Any) -> None:
        """Map both files; the policy is for sources that stream."""
        self._tokens = np.memmap(config.tokens_path, "<u4", "r")
        self._offsets = np.load(config.document_offsets_path, mmap_mode="r")

    def __len__(self) -> int:
        """Documents."""
        return len(self._offsets) - 1

    def __getitem__(self, number: int) -> np.ndarray:
        """The tokens of a document. Shape: (tokens,)."""
        return self._tokens[self._offsets[number] : self._offsets[number + 1]].astype(np.int64)


class NextTokens(SampleProcessor):
    """What goes in, and what is learnt: the same, one token on."""

    @dataclass(kw_only=True, slots=True)
    class Config(SampleProcessor.Config):
        """Nothing to choose."""

    def __init__(self, config: Config, *, context: Any) -> None:
        """Documents are tokenised: nothing of the run is needed."""

    def __call__(self, sample: np.ndarray, rng: np.random.Generator) -> TextSequence:
        """One document."""
        return TextSequence(input_ids=sample[:-1], labels=sample[1:])


def dataset(folder: str) -> FirstFitPackingConfig:
    """Whole documents of the export in `folder`."""
    source = Documents.Config(
        tokens_path=f"{folder}/tokens.bin", document_offsets_path=f"{folder}/document_offsets.npy"
    )
    documents = SingleDatasetConfig(source=source, processor=NextTokens.Config())
    return FirstFitPackingConfig(dataset=documents)
