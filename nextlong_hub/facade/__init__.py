"""What a Python caller uses: a few functions, and one object for a dataset folder or a dataset on the Hub.

    import nextlong_hub as nl

    ds = nl.build("128k", corpus=texts, tokenizer="Qwen/Qwen3-8B", output="nextlong", samples=64)
    ds.load("128k")                                   # datasets.Dataset
    nl.open("me/nextlong", "128k").to_pandas()

surveying   `survey`: what is in a corpus, without a build
making      `build`, `fit`, `import_rows`: keywords ▶ a request ▶ the pipeline ▶ the dataset
riffling    `riffle`: rows to evaluate with
keywords    what several of them take
requests    choices as keywords or options give them ▶ a `BuildRequest`; the command line takes the same door
dataset     `LongDataset`, and `open`
tree        a dataset as a tree: on a terminal and in a notebook
checks      wrong types are our errors
watching    progress where somebody looks
"""

from typing import TYPE_CHECKING

from nextlong_hub.core.lazy import names_imported_when_used

if TYPE_CHECKING:
    from nextlong_hub.facade.dataset import LongDataset, open
    from nextlong_hub.facade.making import build, fit, import_rows
    from nextlong_hub.facade.riffling import riffle
    from nextlong_hub.facade.surveying import survey

__all__ = ["LongDataset", "build", "fit", "import_rows", "open", "riffle", "survey"]

__getattr__ = names_imported_when_used(
    __name__,
    {
        "LongDataset": "dataset",
        "build": "making",
        "fit": "making",
        "import_rows": "making",
        "open": "dataset",
        "riffle": "riffling",
        "survey": "surveying",
    },
)
