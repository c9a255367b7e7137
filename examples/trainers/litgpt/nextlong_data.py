"""LitData on samples of 128K tokens, as LitGPT's data modules read it: a loader of blocks that are rows.

nextlong-hub export nextlong litdata --config 128k --tokenizer ./llama3 --output nextlong-128k

`train_dataloader("nextlong-128k")` is what a `DataModule` of LitGPT returns; it puts in all tokens of a block but the
last, and learns all but the first. Rows have 131,073 tokens with the EOS behind them (`--eos append`, the default of
this export), so that T go in and T are learnt. What breaks in silence:

* A block is cut wherever the count says: another `block_size` than the rows' length lays blocks across rows.
* Rows of several lengths do not fit blocks: samples alone, and never `128k-mix`.
* `drop_last=True` leaves out what does not fill a batch.
"""

from litdata import StreamingDataLoader, StreamingDataset, TokensLoader

SEQUENCE_LENGTH = 131_072


def train_dataloader(folder: str, batch_size: int = 1) -> StreamingDataLoader:
    """Rows of the export in `folder`, shuffled."""
    rows = StreamingDataset(
        input_dir=folder,
        item_loader=TokensLoader(block_size=SEQUENCE_LENGTH + 1),
        shuffle=True,
        drop_last=True,
    )
    return StreamingDataLoader(rows, batch_size=batch_size, pin_memory=True, num_workers=2, drop_last=True)
