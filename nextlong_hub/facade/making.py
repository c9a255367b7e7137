"""`build`, `fit` and `import_rows` by keywords."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from nextlong_hub.corpus.given import as_sources
from nextlong_hub.corpus.secrets import OnSecret
from nextlong_hub.documents.fit import FitRequest
from nextlong_hub.documents.import_rows import ImportRequest
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.open import Place
from nextlong_hub.execution.progress import Progress
from nextlong_hub.facade.checks import a_count, a_path, a_text, by_name, one_of, several
from nextlong_hub.facade.dataset import LongDataset
from nextlong_hub.facade.keywords import (
    PathOrName,
    a_seed,
    executor_of,
    only_source,
    only_tokenizer,
    reading_of,
    settings_of,
    tokenizers_of,
)
from nextlong_hub.facade.requests import Choices, modes_of, request_of, settings_by_keyword
from nextlong_hub.facade.watching import watched
from nextlong_hub.pipeline import build as build_folder
from nextlong_hub.pipeline import fit as fit_folder
from nextlong_hub.pipeline import import_rows as import_folder
from nextlong_hub.recipe import DEFAULT_SEED
from nextlong_hub.storage import StorageAddress

_log = logging.getLogger(__name__)


def build(
    configs: PathOrName | Sequence[PathOrName] = (),
    *,
    corpus: Any = None,
    tokenizer: Any = None,
    output: PathOrName = "nextlong",
    samples: int | Mapping[str, int] | None = None,
    tokens: int | str | Mapping[str, int | str] | None = None,
    seed: int = DEFAULT_SEED,
    license: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    limit: str | Mapping[str, str] | None = None,
    decontaminate: PathOrName | Sequence[PathOrName] = (),
    settings: Mapping[str, Any] | None = None,
    num_proc: int | None = None,
    executor: Executor | str | None = None,
    work_dir: PathOrName | None = None,
    progress: Progress | bool | None = None,
    **choices: Any,
) -> LongDataset:
    """Build long-context configurations from a corpus of short documents into a dataset folder.

    The same call gives the same bytes with any number of processes and after any crash; finished work is used again,
    and another configuration for the same folder goes on with what is there.

    Args:
        configs: Names of recipes (`64k`, `128k`, `512k`, `subset`, `mix`, `instruct`) or paths of recipe files, one or
            several; none builds the published four.
        corpus: A path, glob or Hub name, a `datasets.Dataset`, `IterableDataset` or `DatasetDict`, a pandas or polars
            frame, a pyarrow Table, a list or generator of dicts or of texts; a list or a dict by name of several. None:
            the corpus of the recipe, else the embedded one. Rows in memory are written into the folder's `.work`.
        tokenizer: A folder or Hub name, a `tokenizers.Tokenizer` or fast tokenizer of transformers; with several, rows
            have the target length under each. May be left out for the embedded corpus.
        output: The dataset folder.
        samples: Rows of every configuration, or by its name.
        tokens: The same by their tokens: `4_000_000_000`, `"4B"`. Without both: as many as the corpus has.
        seed: Decides which documents are extended, and in which order.
        license: Licence of the corpus, for the card; `"mit!"` insists on it.
        text_column: Column of the text, `text` if not given.
        id_column: Column of ids.
        config: Configuration of the corpus to read.
        split: Split of the corpus to read, `train` if not given.
        revision: Revision of a corpus on the Hub.
        limit: The most that is read: `"2B"` tokens, `"5000docs"`; of every source, or by its name.
        decontaminate: Benchmarks of which no document may hold a run of words: files or Hub datasets.
        settings: Choices of the recipe by dotted keys: `{"retrieval.k1": 1.2}`.
        num_proc: Worker processes; None works in this process. In a script, more than one needs the usual
            `if __name__ == "__main__":`.
        executor: Where tasks run, instead: an address such as `"local:8"` or `"ray:auto"`, or an `Executor`.
        work_dir: Where unfinished work lies: a folder that all machines see, or a URL such as `"s3://bucket/nl"`; None
            keeps it in the output folder.
        progress: True shows progress, False does not; None shows it on a terminal and in a notebook.
        choices: Choices of the recipe by name: `target_length=4096`, `retriever="hybrid"`, `on_secret="drop"`,
            `negatives={"first_rank": 2}`, `align=16` of packed rows.

    Returns:
        The dataset, with `report` about this build.

    Raises:
        RecipeError: an argument is wrong, or two do not fit together.
        DataError: the corpus cannot be read or is too small.
        ConflictError: `output` holds something else, or was made from other inputs.
        AuthError, NetworkError: the Hub refused, or could not be reached.
        StorageError: no space, or no permission.
        WorkerError: a task kept killing its worker.
    """
    folder = a_path("output", output)
    named = several("configs", configs)
    overrides = settings_by_keyword(choices, build.__kwdefaults__ or ()) | settings_of(settings)
    if against := several("decontaminate", decontaminate):
        overrides["filters.decontaminate.against"] = list(against)
    reading = reading_of(license, text_column, id_column, config, split, revision, limit)
    request = request_of(
        Choices(
            configs=named,
            settings=overrides,
            sources=() if corpus is None else as_sources(corpus, split=a_text("split", split)),
            reading=reading,
            tokenizers=() if tokenizer is None else tokenizers_of(tokenizer, folder),
            samples={name: a_count("samples", value) for name, value in by_name("samples", samples).items()},
            tokens={name: a_count("tokens", value) for name, value in by_name("tokens", tokens).items()},
            seed=a_seed(seed),
        )
    )
    with watched(progress) as shown:
        place = _place(executor_of(num_proc, executor), work_dir)
        report = build_folder(request, folder, executor=place, progress=shown)
    for name, missing in report.missing_rows.items():
        _log.warning("%s: %s rows that were asked for could not be made of this corpus", name, f"{missing:,}")
    only = request.recipes[0].name if len(request.recipes) == 1 else None
    return LongDataset(folder, only, report=report)


def fit(
    corpus: Any,
    *,
    tokenizer: Any,
    target: int | str,
    output: PathOrName,
    mode: str | Sequence[str] = ("truncate", "discard"),
    samples: int | None = None,
    add_bos_token: bool = False,
    add_eos_token: bool = False,
    align: int | None = None,
    on_bad_document: Literal["fail", "skip"] = "fail",
    on_secret: OnSecret = "mask",
    license: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    limit: str | None = None,
    num_proc: int | None = None,
    executor: Executor | str | None = None,
    progress: Progress | bool | None = None,
) -> LongDataset:
    """Bring existing texts to a target length, each in a row or packed into rows, in a new dataset folder.

    Args:
        corpus: See `build`; one source.
        tokenizer: See `build`; one tokenizer.
        target: Tokens of every row: `131_072`.
        output: The new folder.
        mode: `truncate`: cut what is longer. `discard`: leave out what is shorter. `pack`: let short texts share rows
            and split longer ones; with `truncate` those are cut, with `discard` left out.
        samples: Stop after so many rows.
        add_bos_token: Begin each text with the tokenizer's `bos_token`; it counts.
        add_eos_token: End each text with its `eos_token`; it counts.
        align: Packed texts take a multiple of so many tokens, with padding behind them on which no loss is taken: 2·N
            for context parallelism over N devices.
        on_bad_document: Stop at a text that cannot be read, or leave it out and count it.
        on_secret: What becomes of access tokens and private keys in the texts: `mask` puts as many `*` in their place,
            `drop` leaves the text out, `keep` counts them, `fail` stops there.
        license: See `build`, as for all that follow.
        text_column: Column of the text.
        id_column: Column of ids.
        config: Configuration of the corpus to read.
        split: Split of the corpus to read.
        revision: Revision of a corpus on the Hub.
        limit: The most that is read.
        num_proc: Worker processes.
        executor: Where tasks run, instead.
        progress: Whether progress is shown.

    Returns:
        The dataset, with `report` about what was cut, split and left out.

    Raises:
        RecipeError, DataError, ConflictError, AuthError, NetworkError, StorageError, WorkerError: see `build`.
    """
    folder = a_path("output", output)
    modes = mode.split(",") if isinstance(mode, str) else several("mode", mode)
    reading = reading_of(license, text_column, id_column, config, split, revision, limit)
    request = FitRequest(
        source=only_source(corpus, reading),
        tokenizer=only_tokenizer(tokenizer, folder),
        target_length=a_count("target", target),
        modes=modes_of(modes),
        samples=None if samples is None else a_count("samples", samples),
        add_bos_token=add_bos_token,
        add_eos_token=add_eos_token,
        align=0 if align is None else a_count("align", align),
        on_bad_document=on_bad_document,
        on_secret=one_of("on-secret", on_secret, get_args(OnSecret)),
    )
    with watched(progress) as shown:
        report = fit_folder(request, folder, executor=executor_of(num_proc, executor), progress=shown)
    return LongDataset(folder, report.config, report=report)


def import_rows(
    corpus: Any,
    *,
    tokenizer: Any,
    output: PathOrName,
    config: str = "imported",
    on_secret: OnSecret | None = None,
    license: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    num_proc: int | None = None,
    executor: Executor | str | None = None,
    progress: Progress | bool | None = None,
) -> LongDataset:
    """Bring a published long-context dataset into a new dataset folder, every row as it is.

    Args:
        corpus: A folder of MDS shards, as ProLong and NExtLong publish them, or texts in any form that `build` takes.
        tokenizer: See `build`; of MDS shards the one that made their tokens.
        output: The new folder.
        config: What the configuration is called.
        on_secret: See `fit`. None masks secrets in texts, and keeps those in MDS rows, whose tokens stay as they are.
        license: See `build`, as for all that follow.
        text_column: Column of the text.
        id_column: Column of ids.
        split: Split of the corpus to read.
        revision: Revision of a corpus on the Hub.
        num_proc: Worker processes.
        executor: Where tasks run, instead.
        progress: Whether progress is shown.

    Returns:
        The dataset, with `report` about what was left out.

    Raises:
        RecipeError, DataError, ConflictError, AuthError, NetworkError, StorageError, WorkerError: see `build`.
    """
    folder = a_path("output", output)
    reading = reading_of(license, text_column, id_column, None, split, revision, None)
    request = ImportRequest(
        source=only_source(corpus, reading),
        tokenizer=only_tokenizer(tokenizer, folder),
        config=a_text("config", config) or "",
        on_secret=None if on_secret is None else one_of("on-secret", on_secret, get_args(OnSecret)),
    )
    with watched(progress) as shown:
        report = import_folder(request, folder, executor=executor_of(num_proc, executor), progress=shown)
    return LongDataset(folder, report.config, report=report)


def _place(executor: Executor | str, work_dir: PathOrName | None) -> Place:
    """Where a run works."""
    if work_dir is None:
        return Place(executor=executor)
    return Place(executor=executor, work_dir=StorageAddress.of(str(work_dir)))
