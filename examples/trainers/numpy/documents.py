"""A loop of one's own over tokens of 128K: the documents of an export of NumPy's arrays, mapped and not loaded.

nextlong-hub export nextlong numpy --config 128k --output nextlong-128k
python documents.py nextlong-128k

What breaks in silence:

* Tokens are uint16 where the vocabulary has at most 65,536 entries: convert them before you calculate, as below.
* Rows are T tokens: put T in, and let the model learn each token from those before it, T - 1 of them. With
  `--eos append` a row has T + 1, of which T go in and T are learnt.
* A packed row's documents lie apart here: they share no attention because each comes alone.
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def documents(folder: Path) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """The tokens of each document, and where the loss is taken: everywhere, of rows without a mask."""
    for path in sorted(folder.glob("tokens_*.npy")):
        tokens = np.load(path, mmap_mode="r")
        offsets = np.load(path.with_name(path.name.replace("tokens", "document_offsets")))
        masks = path.with_name(path.name.replace("tokens", "loss_mask"))
        mask = np.load(masks, mmap_mode="r") if masks.exists() else np.ones(len(tokens), np.bool_)
        for start, end in pairwise(offsets):
            yield tokens[start:end].astype(np.int64), mask[start:end]


if __name__ == "__main__":
    for tokens, mask in documents(Path(sys.argv[1])):
        print(len(tokens), int(mask.sum()))
