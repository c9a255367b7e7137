"""Checks of the environment: versions, compiled kernels, disk, the Hub, and a tokenizer.

Nothing is changed and no token is shown, so that the result can be pasted into a bug report.
"""

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

from packaging.requirements import Requirement

from nextlong_hub.core.compiling import kernels_kept_in, others_may_write
from nextlong_hub.errors import NextLongError
from nextlong_hub.execution.local import default_workers, no_workers
from nextlong_hub.hub.login import describe_login
from nextlong_hub.load_dataset import autoload
from nextlong_hub.tokenization.compare import difference_from_transformers
from nextlong_hub.tokenization.loading import load_tokenizer
from nextlong_hub.tokenization.special_tokens import control_tokens

_DISTRIBUTION = "nextlong-hub"
_LITTLE_SPACE_BYTES = 10_000_000_000

_MUCH_TO_ENCODE = 1 << 40
"""Characters for which no encoder is too dear to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check."""

    subject: str
    state: Literal["ok", "note", "problem"]
    found: str
    advice: str = ""
    """What to do; empty when there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """The environment and the results of all checks."""

    machine: dict[str, str]
    """Interpreter, system, processors."""
    packages: dict[str, str]
    """Version by name, nextlong-hub first."""
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Whether no check found a problem."""
        return all(finding.state != "problem" for finding in self.findings)


def check_environment(tokenizer: str | None = None, *, online: bool = False) -> DoctorReport:
    """Check this environment.

    Args:
        tokenizer: a folder, a Hub name or `demo`, to check as well.
        online: ask the Hub who is logged in.
    """
    requirements = [Requirement(line) for line in importlib.metadata.requires(_DISTRIBUTION) or ()]
    needed = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    packages = {name: _version(name) for name in (_DISTRIBUTION, *sorted(each.name for each in needed))}
    return DoctorReport(
        machine={
            "python": platform.python_version(),
            "system": platform.platform(),
            "processors": str(os.cpu_count()),
        },
        packages=packages,
        findings=(
            *_packages(needed, packages),
            _kernels(),
            _workers(),
            _here(),
            *_hub(online=online),
            _name(),
            *(_tokenizer(tokenizer) if tokenizer else ()),
        ),
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _packages(needed: list[Requirement], packages: dict[str, str]) -> Iterator[Finding]:
    wrong = [
        f"{each.name} {packages[each.name] or 'is missing'} (needed: {each.specifier})"
        for each in needed
        if not each.specifier.contains(packages[each.name] or "0", prereleases=True)
    ]
    if wrong:
        advice = f"install what is needed: pip install --upgrade {_DISTRIBUTION}"
        yield Finding(subject="packages", state="problem", found="; ".join(wrong), advice=advice)
    else:
        yield Finding(subject="packages", state="ok", found=f"{len(needed)} in versions that fit")


def _kernels() -> Finding:
    kept_in = kernels_kept_in()
    if kept_in and others_may_write(kept_in):
        return Finding(
            subject="compiled kernels",
            state="note",
            found=f"are not kept in {kept_in}: others may write there, and kernels are code",
            advice="chmod go-w that folder, or set NUMBA_CACHE_DIR to one of your own",
        )
    if kept_in:
        return Finding(subject="compiled kernels", state="ok", found=f"kept in {kept_in}")
    return Finding(
        subject="compiled kernels",
        state="note",
        found="have no place to be kept; each process compiles them anew, some ten seconds",
        advice="set NUMBA_CACHE_DIR to a folder that can be written",
    )


def _here() -> Finding:
    """The working folder: only `build` writes there unasked."""
    found = _space("disk, here", Path.cwd(), "name an --output elsewhere")
    return found if found.state != "problem" else replace(found, state="note")


def _workers() -> Finding:
    if reason := no_workers():
        found = f"cannot be started ({reason}): all work is done in one process, with the same bytes"
        return Finding(subject="worker processes", state="note", found=found, advice="mount a writable /dev/shm")
    return Finding(subject="worker processes", state="ok", found=f"{default_workers()}, or as many as --num-proc says")


def _space(subject: str, folder: Path, advice_to_write: str) -> Finding:
    place = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        with TemporaryFile(dir=place):
            pass
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror}"
        return Finding(subject=subject, state="problem", found=found, advice=advice_to_write)
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:,.1f} GB are free at {folder}"
    if free < _LITTLE_SPACE_BYTES:
        advice = "free some, or build elsewhere; `nextlong-hub build --dry-run` tells what a build needs"
        return Finding(subject=subject, state="note", found=found, advice=advice)
    return Finding(subject=subject, state="ok", found=found)


def _hub(*, online: bool) -> Iterator[Finding]:
    login = describe_login()
    yield _space("disk, Hub cache", login.cache, "set HF_HOME to a folder that can be written")
    if login.is_offline:
        advice = "unset HF_HUB_OFFLINE to read from the Hub or to push"
        yield Finding(subject="Hub", state="note", found=f"{login.endpoint}, switched off", advice=advice)
        return
    if not (login.has_token or login.keyless):
        found = f"{login.endpoint}, nobody is logged in"
        advice = "run `hf auth login`, or set HF_TOKEN, before you push or read what is private"
        yield Finding(subject="Hub", state="note", found=found, advice=advice)
        return
    if not online:
        what = f"a keyless login for {login.keyless}" if login.keyless else "a token"
        found = f"{login.endpoint}, {what} is set (not tried; --online tries it)"
        yield Finding(subject="Hub", state="ok", found=found)
        return
    try:
        account = login.account()
    except NextLongError as error:
        yield Finding(subject="Hub", state="problem", found=str(error))
        return
    where = [account.only] if account.only else sorted(account.writable)
    writes = f"may write to {', '.join(where)}" if account.may_write else "may only read"
    yield Finding(subject="Hub", state="ok", found=f"{login.endpoint}, {account.name}, {writes}")


def _name() -> Finding:
    found = 'load_dataset("nextlong", …) is known after `import nextlong_hub`'
    if autoload.status().enabled:
        found = 'load_dataset("nextlong", …) is known without an import'
    return Finding(subject="load_dataset", state="ok", found=found)


def _tokenizer(name: str) -> Iterator[Finding]:
    try:
        tokenizer = load_tokenizer(name)
        difference = difference_from_transformers(tokenizer)
        known = control_tokens(tokenizer)
    except NextLongError as error:
        yield Finding(subject="tokenizer", state="problem", found=str(error))
        return
    found = f"{name}, {tokenizer.vocabulary_size:,} tokens, digest {tokenizer.digest}"
    yield Finding(subject="tokenizer", state="ok", found=found)
    controls = ", ".join(f"{kind} {token}" for kind, token in sorted(known.items()))
    yield Finding(subject="  control tokens", state="ok", found=controls or "neither bos_token nor eos_token")
    found = ", and ".join(tokenizer.engines(_MUCH_TO_ENCODE))
    yield Finding(subject="  encoder", state="ok", found=f"{found}, where there is much to encode")
    if tokenizer.split_points.doubt:
        found = f"{tokenizer.split_points.doubt}: texts are encoded whole"
        yield Finding(
            subject="  reuse of chunks", state="note", found=found, advice="builds take longer, rows are exact"
        )
    else:
        yield Finding(subject="  reuse of chunks", state="ok", found="proven: each chunk is tokenised once")
    if difference:
        advice = "rows have their length under tokenizer.json: save_pretrained the tokenizer as your trainer opens it"
        yield Finding(subject="  AutoTokenizer", state="note", found=difference, advice=advice)
    else:
        yield Finding(subject="  AutoTokenizer", state="ok", found="gives the same tokens")
