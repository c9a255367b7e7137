"""The files of a tokenizer, copied into the work folder: a task on another machine finds them there, and no others."""

import hashlib
from pathlib import Path

from nextlong_hub.core.files import write_bytes
from nextlong_hub.tokenization.loading import TOKENIZER_FILES
from nextlong_hub.tokenization.tokenizer import Tokenizer

_CHAT_FILES = ("chat_template*", "additional_chat_templates/*")


def keep_files(tokenizer: Tokenizer, folder: Path) -> None:
    """Copy the files of a tokenizer that lies in a folder of this machine into `folder`, under a digest of them.

    One of the Hub is fetched by whoever needs it, and the embedded one is everywhere.

    Raises:
        StorageError: no space, or no permission.
    """
    source = Path(tokenizer.location)
    if tokenizer.revision is not None or not source.is_absolute():
        return
    found = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted({path for pattern in (*TOKENIZER_FILES, *_CHAT_FILES) for path in source.glob(pattern)})
        if path.is_file()
    }
    digest = hashlib.sha256()
    for name, content in found.items():
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    kept = folder / digest.hexdigest()[:12]
    for name, content in found.items():
        if not (kept / name).is_file() or (kept / name).read_bytes() != content:
            write_bytes(kept / name, content)
    tokenizer.kept = str(kept)
