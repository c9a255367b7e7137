"""Publish ./nextlong on a Hub of this machine, load it back as anybody would, and verify it; nothing leaves here.

The same commands publish on the real Hub, without `hub.environment()` and after `hf auth login`.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from nextlong_hub.testing import LocalHub


def run(command: str) -> None:
    """Show a command line and run it."""
    print(f"$ {command}", flush=True)
    program, *arguments = shlex.split(command)
    subprocess.run([str(Path(sys.executable).with_name(program)), *arguments], check=True)


with LocalHub() as hub:
    os.environ.update(hub.environment())  # before datasets or huggingface_hub is imported: they read it only once
    from datasets import load_dataset

    run("nextlong-hub push nextlong tester/nextlong --quiet")
    run("nextlong-hub push nextlong tester/nextlong --quiet")  # the same again changes nothing
    run("nextlong-hub verify hf://datasets/tester/nextlong")

    stream = load_dataset("tester/nextlong", "128k", split="train", streaming=True)
    first = next(iter(stream))
    print(f"streamed: row {first['id']!r}, {first['token_count']:,} tokens of {len(first['segments'])} segments")
    whole = load_dataset("tester/nextlong", "128k", split="train")
    print(f"loaded:   {whole.num_rows} rows, the first is the same: {whole[0]['text'] == first['text']}")

    head = hub.commits("datasets", "tester/nextlong")[0]
    print(f"on the Hub: {len(head.tree)} files in one commit, {head.title!r}")
