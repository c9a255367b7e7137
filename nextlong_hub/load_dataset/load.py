"""`load`: what `load_dataset("nextlong", …)` does, by public means only; `read_rows`: the rows that are there."""

import glob
from contextlib import nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nextlong_hub.dataset.locate import DatasetLocation
from nextlong_hub.dataset.schema import stored_names
from nextlong_hub.errors import DataError
from nextlong_hub.hub.errors import hub_errors
from nextlong_hub.load_dataset.register import BUILDER_MODULE, code_digest

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict


def load(
    config: str = "128k",
    *,
    split: str | None = None,
    streaming: bool = False,
    num_proc: int | None = None,
    cache_dir: str | None = None,
    **arguments: Any,
) -> "Dataset | DatasetDict | IterableDataset | IterableDatasetDict":
    """Build a configuration into the cache of `datasets`, or find it there, and give its rows.

    Args:
        config: a recipe's name: `64k` to `512k`, `subset` or `mix`.
        split: `train`, or a slice of it; None gives all splits.
        streaming: make rows as they are read, instead of all at once.
        num_proc: worker processes.
        cache_dir: where built datasets are kept; None is the cache of `datasets`.
        arguments: `corpus`, `tokenizer`, `samples`, `seed`, `settings`, `recipe`, `work_dir`: see the builder's
            configuration.

    Raises:
        DataError, RecipeError: the corpus cannot be read, or a setting is wrong.
    """
    builder_class = import_module(BUILDER_MODULE).NExtLong
    builder = builder_class(
        cache_dir=cache_dir, dataset_name="nextlong", config_name=config, hash=code_digest(), **arguments
    )
    if streaming:
        return builder.as_streaming_dataset(split=split)
    builder.download_and_prepare(num_proc=num_proc)
    return builder.as_dataset(split=split)


def read_rows(
    location: DatasetLocation, config: str, *, streaming: bool = False, num_proc: int | None = None
) -> "Dataset | IterableDataset":
    """The rows of a configuration that is there, by `datasets`: exactly its files, on the Hub at the commit opened.

    Columns of older folders have the names of today.

    Raises:
        DataError: a file is damaged, or gone.
        AuthError, NetworkError: the Hub refused, or could not be reached.
    """
    import datasets

    files = [f"{location.root}/{name}" for name in location.configs[config]]
    is_local = location.folder is not None
    if is_local:
        files = [glob.escape(file) for file in files]
    with nullcontext() if is_local else hub_errors(location.name):
        try:
            rows = datasets.load_dataset(
                "parquet", data_files=files, split="train", streaming=streaming, num_proc=num_proc
            )
            earlier = {own: name for name, own in stored_names(rows.column_names or []).items() if name != own}
            return rows.rename_columns(earlier) if earlier else rows
        except (datasets.exceptions.DatasetsError, FileNotFoundError) as error:
            if not is_local:
                raise
            raise DataError(
                f"{config} of {location.name} cannot be read; run `nextlong-hub verify` on the folder, which names "
                "the file that is damaged or gone"
            ) from error
