"""A child process that reads the files of a folder under a limit on its memory, and says what came of each."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_READ = """
import json, pathlib, resource, sys, time
import pyarrow
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
from nextlong_hub.corpus import discover, read
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.errors import BadDocumentError
status = pathlib.Path("/proc/self/status")  # on Linux only: elsewhere the limit holds alone
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    begun, documents, message = time.process_time(), 0, ""
    try:
        for piece in discover([SourceSettings(name="hostile", path=str(path))]):
            for one in read(piece, "fail"):
                documents += 1
    except BadDocumentError as error:
        message = str(error)
    pyarrow.default_memory_pool().release_unused()  # one file is not charged with what is kept of another
    words = status.read_text().split() if status.exists() else ["VmHWM:", "0"]
    peak_kib = int(words[words.index("VmHWM:") + 1])
    print(json.dumps([path.name, documents, message, peak_kib >> 10, time.process_time() - begun]), flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one file."""

    documents: int
    """Read before the first bad one."""
    message: str
    """What was said of that."""
    peak_mib: int
    """Most memory of the process, up to the end of this file."""
    cpu_seconds: float


def read_limited(folder: Path, *, memory_bytes: int = 6 << 30, seconds: int = 900) -> dict[str, Outcome]:
    """What came of each file of a folder, by its name; they are read one after the other, in their order."""
    command = [sys.executable, "-c", _READ, str(folder), str(memory_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr[-2000:])
    found = {}
    for name, documents, message, peak, cpu in map(json.loads, done.stdout.splitlines()):
        found[name] = Outcome(documents=documents, message=message, peak_mib=peak, cpu_seconds=cpu)
    return found
