"""OLMo-core 3 on samples of 64K tokens and ordinary documents: the dataset for one of its scripts.

Its long stage has 34 % long to 66 % short tokens; `--recipe` names that mixture, `--config 64k` gives samples alone:

nextlong-hub build --recipe ../../recipes/olmo3-style.toml --corpus … --tokenizer ./olmo3 --output nextlong
nextlong-hub export nextlong olmo --config olmo3-style --tokenizer ./olmo3 --output nextlong-npy

In the script, `dataset_config = dataset("nextlong-npy", TokenizerConfig.dolma2(), "work")` takes the place of
`NumpyPackedFSLDatasetConfig.from_data_mix(…)`. What breaks in silence:

* Documents are found by the EOS. One that has it inside is cut there; the export refuses such rows.
* A document longer than `sequence_length` loses its end. `--eos append` makes one token too many: leave the default,
  which is `--eos fit`.
* A token has 2 bytes or 4, by the size of the vocabulary: `tokenizer` must be that of the rows.
* `InstanceFilterConfig` takes the loss of a whole sequence in which a short n-gram repeats 32 times on end.
* Without `generate_doc_lengths` the documents of a sequence see each other.
"""

from olmo_core.data import NumpyPackedFSLDatasetConfig, TokenizerConfig

SEQUENCE_LENGTH = 65_536


def dataset(
    folder: str, tokenizer: TokenizerConfig, work_dir: str, *, masked: bool = False
) -> NumpyPackedFSLDatasetConfig:
    """The export in `folder`, whole documents packed into sequences; `masked` for rows of conversations."""
    return NumpyPackedFSLDatasetConfig.glob(
        f"{folder}/token_ids_part_*.npy",
        tokenizer=tokenizer,
        sequence_length=SEQUENCE_LENGTH,
        generate_doc_lengths=True,  # a document is kept from its neighbours
        label_mask_paths=[f"{folder}/labels_mask_part_*.npy"] if masked else None,
        source_group_size=8,  # files that are packed together
        source_permutation_seed=123,
        instance_filter_config=None,
        work_dir=work_dir,
    )
