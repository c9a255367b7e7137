"""Megatron Bridge on rows of 128K tokens, packed Parquet: the dataset of a recipe's `ConfigContainer`.

nextlong-hub build --recipe ../../recipes/128k-mix.toml --corpus … --tokenizer ./llama3 --output nextlong
nextlong-hub export nextlong megatron-bridge --config 128k-mix --tokenizer ./llama3 --output nextlong-128k

`cfg.dataset = dataset("nextlong-128k")`, `cfg.train.micro_batch_size = 1`, and the model's `seq_length` the same. What
breaks in silence, or late:

* The reader learns the last token of a document and does not put it in. The export appends an EOS for it (`--eos
  append`, its default), so that T tokens stay T; with `--eos keep` a row of 131,072 gives 131,071, which no context
  parallelism divides.
* With a context parallelism of N each document must be a multiple of 2·N tokens. Samples are (`--config 128k`); whole
  ordinary documents are where the mix was built with `--align 2·N`. Without it train `128k-mix` with
  `context_parallel_size=1`. The export says of how many tokens all documents are multiples.
* `pad_seq_to_mult` does not pad here: rows are taken as they are, so it stays 1.
* `packed_sequence_size` is the longest row; a longer one stops the run.
* Bridge names its own packed files `*.idx.parquet`; a folder of Parquet files is read as well.
"""

from megatron.bridge.data.builders import GPTSFTDatasetConfig
from megatron.bridge.data.packing import PackedSequenceSpecs

SEQUENCE_LENGTH = 131_072


def dataset(folder: str) -> GPTSFTDatasetConfig:
    """The export in `folder`, one row a batch."""
    return GPTSFTDatasetConfig(
        seq_length=SEQUENCE_LENGTH,
        dataset_root=folder,
        enable_offline_packing=True,
        offline_packing_specs=PackedSequenceSpecs(
            packed_sequence_size=SEQUENCE_LENGTH,
            packed_train_data_path=f"{folder}/data",
            pad_seq_to_mult=1,
        ),
        do_validation=False,
        do_test=False,
    )
