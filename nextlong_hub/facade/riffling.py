"""`riffle` by keywords."""

from collections.abc import Mapping, Sequence
from typing import Any

from nextlong_hub.corpus.given import as_sources
from nextlong_hub.evaluation.make import RiffleReport
from nextlong_hub.evaluation.make import riffle as riffle_folder
from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.progress import Progress
from nextlong_hub.facade.checks import a_count, a_path, a_place, numbers, several
from nextlong_hub.facade.keywords import PathOrName, a_seed, executor_of, only_tokenizer, reading_of, settings_of
from nextlong_hub.facade.requests import read_as, riffle_request
from nextlong_hub.facade.watching import watched
from nextlong_hub.recipe import DEFAULT_SEED


def riffle(
    corpus: Any,
    *,
    tokenizer: Any,
    output: PathOrName,
    recipe: PathOrName = "64k",
    target_length: int | str | None = None,
    items: int = 100,
    chunks: int = 5,
    distances: Sequence[int] = (),
    interferers: Sequence[int] = (),
    questions: bool = True,
    apart_from: PathOrName | Sequence[PathOrName] = (),
    seed: int = DEFAULT_SEED,
    license: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    limit: str | Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    num_proc: int | None = None,
    executor: Executor | str | None = None,
    progress: Progress | bool | None = None,
) -> RiffleReport:
    """Make rows to evaluate with: held-out documents, their chunks side by side and riffled with others.

    The rows of a pair are the same tokens in another order, and end in the same target. The same call gives the same
    rows. `datasets.load_dataset(str(output), split="test")` reads them, and `nextlong_hub.evaluation` scores them.

    Args:
        corpus: The held-out documents; see `build`.
        tokenizer: See `build`; one tokenizer.
        output: A folder of its own.
        recipe: How documents are read, cut and retrieved: best that of the rows that were trained on.
        target_length: Tokens of every row; None: as the recipe says.
        items: Documents.
        chunks: Chunks that are taken of each document; the last of them is the target.
        distances: Tokens between neighbouring chunks of a riffled document, ascending; none given: a 32nd, a 16th and
            an 8th of the target length.
        interferers: Look-alike chunks behind each chunk, ascending; none given: 0, and about as many as fill the
            largest distance.
        questions: Whether facts are planted, and one of them is asked for.
        apart_from: Datasets that were trained on: documents that stand in them are left out.
        seed: Decides which documents are taken, and what stands between their chunks.
        license: See `build`, as for all that follow.
        text_column: Column of the text.
        id_column: Column of ids.
        config: Configuration of the corpus to read.
        split: Split of the corpus to read.
        revision: Revision of a corpus on the Hub.
        limit: The most that is read.
        settings: Choices of the recipe by dotted keys.
        num_proc: Worker processes that read and index the corpus.
        executor: Where they work, instead.
        progress: Whether progress is shown.

    Returns:
        What was made, and what was left out.

    Raises:
        RecipeError, DataError, ConflictError, AuthError, NetworkError, StorageError, WorkerError: see `build`.
    """
    folder = a_path("output", output)
    reading = reading_of(license, text_column, id_column, config, split, revision, limit)
    request = riffle_request(
        a_place("recipe", recipe),
        settings_of(settings),
        read_as(as_sources(corpus, split=reading.split), reading),
        only_tokenizer(tokenizer, folder),
        apart_from=several("apart-from", apart_from),
        target_length=None if target_length is None else a_count("target-length", target_length),
        items=a_count("items", items),
        chunks=a_count("chunks", chunks),
        distances=numbers("distances", distances),
        interferers=numbers("interferers", interferers),
        questions=bool(questions),
        seed=a_seed(seed),
    )
    with watched(progress) as shown:
        return riffle_folder(request, folder, executor=executor_of(num_proc, executor), progress=shown)
