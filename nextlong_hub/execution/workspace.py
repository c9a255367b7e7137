"""Paths of unfinished work: what lies in `.work` of an output folder while it is built.

    nextlong/
        manifest.json  data/  recipes/     the finished dataset
        .work/
            lock                           held by the process that writes
            own-files.jsonl                names of the files that runs have made outside `.work`
            file-digests.json              digests of the corpus files, by path
            memory/                        rows that a Python caller held, each as a file in a folder of its digest
            tokenizers/                    the files of tokenizers, for tasks; also those that a Python caller held
            store-<id>/                    the cut corpus
            index-<id>/                    the retriever's index
            likeness-<id>/                 how much the chunks of each document resemble each other
            tokens-<id>/                   the token cache of one tokenizer
            units-<config>-<id>/           retriever's answers and rows, unit by unit
            receipts-<id>/                 receipts of finished tasks
            documents-<digest>.json        documents that a recipe has taken, for reruns
            output/                        published files, where workers have written them for a run elsewhere
            engine.log                     what an engine said, as Ray does
            withdrawn/manifest.json        the last manifest, while the files it lists are replaced
            withdrawn/README.md            the card that belongs to it
            card.md                        the card as it was generated last, without the user's edits

A folder's name holds the digest of everything it was made from, so a changed setting never meets an old file.
"""

from pathlib import Path

from filelock import FileLock

from nextlong_hub.core.files import storage_errors

WORK_NAME = ".work"


class Workspace:
    """Paths of unfinished work."""

    def __init__(self, work: Path, shared: Path | None = None) -> None:
        """Name the folders.

        Args:
            work: what belongs to the one output folder beside it.
            shared: what tasks read and write, where that is not in `work` too: a folder that all machines see.
        """
        self.work = work
        self.shared = work if shared is None else shared

    @property
    def memory(self) -> Path:
        """Rows that a Python caller held in memory."""
        return self.shared / "memory"

    @property
    def tokenizers(self) -> Path:
        """Files of tokenizers: copies of their folders, and those that a Python caller held in memory."""
        return self.shared / "tokenizers"

    def store(self, identity: str) -> Path:
        """The cut corpus."""
        return self.shared / f"store-{identity}"

    def index(self, identity: str) -> Path:
        """The retriever's index."""
        return self.shared / f"index-{identity}"

    def likeness(self, identity: str) -> Path:
        """How much the chunks of each document resemble each other, by an index of that identity."""
        return self.shared / f"likeness-{identity}"

    def tokens(self, identity: str) -> Path:
        """The token cache of one tokenizer."""
        return self.shared / f"tokens-{identity}"

    def units(self, config: str, identity: str) -> Path:
        """Retriever's answers and rows of a configuration."""
        return self.shared / f"units-{config}-{identity}"

    def receipts(self, identity: str) -> Path:
        """Receipts of finished tasks."""
        return self.shared / f"receipts-{identity}"

    def documents(self, digest: str) -> Path:
        """Ids of documents that a recipe has taken."""
        return self.work / f"documents-{digest}.json"

    @property
    def invalidated(self) -> Path:
        """Folder of the last manifest and card while the dataset is changed; see `dataset.folder.invalidate`."""
        return self.work / "withdrawn"

    @property
    def file_digests(self) -> Path:
        """Digests of corpus files, with the sizes and times they hold for."""
        return self.work / "file-digests.json"

    def exclusive(self, name: str) -> FileLock:
        """A lock that one process at a time holds, for use as a context manager."""
        with storage_errors(self.work):
            self.work.mkdir(parents=True, exist_ok=True)
        return FileLock(self.work / f"{name}.lock")
