"""`survey` by keywords."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nextlong_hub.audit.page.page import refuse_other_page, write_audit_page
from nextlong_hub.audit.read import audit
from nextlong_hub.audit.result import CorpusAudit
from nextlong_hub.corpus.given import as_sources
from nextlong_hub.execution.progress import Progress
from nextlong_hub.facade.checks import a_path, a_text, by_name
from nextlong_hub.facade.requests import Reading, read_as
from nextlong_hub.facade.watching import watched
from nextlong_hub.tokenization.in_memory import as_names


def survey(
    corpus: Any,
    *,
    tokenizer: Any = None,
    limit: str | Mapping[str, str] | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    page: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: Progress | bool | None = None,
) -> CorpusAudit:
    """Read a corpus through and tell what is in it; no dataset is made.

    Bad documents and secrets are counted, never an error. Memory does not grow with the corpus, and the same corpus
    gives the same result.

    Args:
        corpus: See `build`.
        tokenizer: See `build`; one, several, or none: lengths are then in characters only.
        limit: The most that is read: `"2B"` tokens, `"5000docs"`; of every source, or by its name.
        text_column: Column of the text, `text` if not given.
        id_column: Column of ids.
        config: Configuration of the corpus to read.
        split: Split of the corpus to read, `train` if not given.
        revision: Revision of a corpus on the Hub.
        page: Write it as an HTML page to this file, too.
        force: Replace that file even if it is no page of ours.
        progress: Whether progress is shown.

    Returns:
        What was found.

    Raises:
        RecipeError: an argument is wrong, or a tokenizer cannot be used.
        DataError: the corpus is not there, or is a table without the columns it needs.
        ConflictError: `page` is there and is no page of ours.
        AuthError, NetworkError: the Hub refused, or could not be reached.
        StorageError: no space, or no permission.
    """
    output = None if page is None else a_path("page", page)
    reading = Reading(
        text_column=a_text("text-column", text_column),
        id_column=a_text("id-column", id_column),
        config=a_text("config", config),
        split=a_text("split", split),
        revision=a_text("revision", revision),
        limits={name: a_text("limit", value) or "" for name, value in by_name("limit", limit).items()},
    )
    sources = read_as(as_sources(corpus, split=reading.split), reading)
    if output is not None:
        refuse_other_page(output, force=force)
    with TemporaryDirectory(prefix="nextlong-survey-") as scratch, watched(progress) as shown:
        names: Sequence[str] = () if tokenizer is None else as_names(tokenizer, Path(scratch))
        found = audit(sources, names, progress=shown)
    if output is not None:
        write_audit_page(found, output, force=force)
    return found
