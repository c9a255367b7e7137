"""The output folder while it is being worked on: whose it is, who may write, and where everything lies.

    nextlong/
        manifest.json  data/  recipes/     what is published
        .work/
            lock                           held by the process that writes
            store-<id>/                    the cut corpus
            index-<id>/                    the retriever's index
            units-<config>-<id>/           answers and rows of each unit
            receipts-<id>/                 what is done
Folders carry the digest of all they were made from, so a changed choice never meets an old file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nextlong_hub.errors import ConflictError
from nextlong_hub.files import storage_errors, write_json
from nextlong_hub.manifest import read_manifest

WORK_NAME = ".work"
_MARK = "nextlong-hub.json"


class Workspace:
    """Paths of unfinished work."""

    def __init__(self, work: Path) -> None:
        self.work = work

    def store(self, identity: str) -> Path:
        """The cut corpus."""
        return self.work / f"store-{identity}"

    def index(self, identity: str) -> Path:
        """The retriever's index."""
        return self.work / f"index-{identity}"

    def units(self, config: str, identity: str) -> Path:
        """Answers and rows of a configuration's units."""
        return self.work / f"units-{config}-{identity}"

    def receipts(self, identity: str) -> Path:
        """Receipts of finished tasks."""
        return self.work / f"receipts-{identity}"

    @property
    def file_digests(self) -> Path:
        """Remembered digests of corpus files."""
        return self.work / "file-digests.json"


@contextmanager
def locked(output: Path) -> Iterator[Workspace]:
    """Take the output folder for this process alone, making it if need be.

    Raises:
        ConflictError: the folder holds something that is not ours, or another process is writing it.
        StorageError: it cannot be written.
    """
    work = output / WORK_NAME
    refuse_foreign(output)
    with storage_errors(output):
        work.mkdir(parents=True, exist_ok=True)
        write_json(work / _MARK, {"tool": "nextlong-hub"})
        lock = FileLock(work / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ConflictError(
                f"another process is writing {output}; wait for it to end or choose another --output"
            ) from error
    try:
        yield Workspace(work)
    finally:
        lock.release()


def refuse_foreign(output: Path) -> None:
    """Make sure that `output` is absent, empty, or a folder that nextlong-hub made.

    Raises:
        ConflictError: it is a file, or holds something else.
    """
    with storage_errors(output):
        if output.is_dir():
            foreign = sorted(entry.name for entry in output.iterdir())
            ours = (output / WORK_NAME / _MARK).is_file() or read_manifest(output) is not None
            if foreign and not ours:
                raise ConflictError(
                    f"{output} already holds {', '.join(foreign[:3])}{' …' if len(foreign) > 3 else ''} and was not "
                    "made by nextlong-hub; choose an empty or new folder with --output"
                )
        elif output.exists():
            raise ConflictError(f"{output} is a file, but a folder is needed; choose another --output")
