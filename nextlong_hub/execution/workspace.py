"""The output folder while it is being worked on: whose it is, who may write, and where everything lies.

    nextlong/
        manifest.json  data/  recipes/     what is published
        .work/
            lock                           held by the process that writes
            store-<id>/                    the cut corpus
            index-<id>/                    the retriever's index
            tokens-<id>/                   chunks tokenised once, for one tokenizer
            units-<config>-<id>/           answers and rows of each unit
            receipts-<id>/                 what is done
            withdrawn/manifest.json        the last manifest, while what it vouches for is being replaced
            withdrawn/README.md            the card that spoke of it
            card.md                        the card as it was generated last, before anybody's edits
Folders carry the digest of all they were made from, so a changed choice never meets an old file.
"""

from pathlib import Path

from filelock import FileLock

from nextlong_hub.core.files import storage_errors

WORK_NAME = ".work"


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

    def tokens(self, identity: str) -> Path:
        """Chunks tokenised once."""
        return self.work / f"tokens-{identity}"

    def units(self, config: str, identity: str) -> Path:
        """Answers and rows of a configuration's units."""
        return self.work / f"units-{config}-{identity}"

    def receipts(self, identity: str) -> Path:
        """Receipts of finished tasks."""
        return self.work / f"receipts-{identity}"

    @property
    def invalidated(self) -> Path:
        """Folder of a manifest that was taken back; see `invalidate`."""
        return self.work / "withdrawn"

    @property
    def file_digests(self) -> Path:
        """Remembered digests of corpus files."""
        return self.work / "file-digests.json"

    def exclusive(self, name: str) -> FileLock:
        """A lock that one process at a time holds, to be used as a context: what it guards is made once."""
        with storage_errors(self.work):
            self.work.mkdir(parents=True, exist_ok=True)
        return FileLock(self.work / f"{name}.lock")
