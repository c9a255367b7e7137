"""Folders of strangers: odd manifests, recipes and cards, in every command that reads one."""

import json
import shutil
from collections.abc import Callable
from typing import Any

from benchmarks.faults.fault import Fault
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import OUTPUT, build
from nextlong_hub.core.files import digest_of

Change = Callable[[dict[str, Any]], object]
_READERS = {
    "verify": ("verify", OUTPUT),
    "stats": ("stats", OUTPUT),
    "stats --json": ("stats", OUTPUT, "--json"),
    "card": ("card", OUTPUT),
    "inspect": ("inspect", OUTPUT),
    "view": ("view", OUTPUT, "-o", "page.html"),
    "export": ("export", OUTPUT, "jsonl", "--output", "exported"),
    "build again": build(),
}
ESCAPES = "ti\x1b[31mny\x00\u202e"


def _set(*path: str | int, to: Any = None) -> Change:
    """Set a value; None removes it."""

    def change(manifest: dict[str, Any]) -> None:
        place: Any = manifest
        for key in path[:-1]:
            place = place[key]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return change


def _renamed(manifest: dict[str, Any]) -> None:
    manifest["configs"] = {ESCAPES: manifest["configs"]["tiny"]}


_TINY = ("configs", "tiny")
_MANIFESTS: dict[str, Change] = {
    "no configurations": _set("configs", to={}),
    "a list of configurations": _set("configs", to=[1]),
    "no files": _set(*_TINY, "files", to=[]),
    "numbers for files": _set(*_TINY, "files", to=[5]),
    "a target of 10^30 tokens": _set(*_TINY, "recipe", "target_length", to=10**30),
    "a recipe called ../x": _set(*_TINY, "recipe", "name", to="../x"),
    "a recipe without a name": _set(*_TINY, "recipe", "name"),
    "10^30 rows": _set(*_TINY, "rows", to=10**30),
    "a file of -1 rows": _set(*_TINY, "files", 0, "rows", to=-1),
    "a file outside": _set(*_TINY, "files", 0, "path", to="../../corpus.jsonl"),
    "an absolute file": _set(*_TINY, "files", 0, "path", to="/etc/passwd"),
    "a configuration called by escapes": _renamed,
    "a version of HTML and escapes": _set("version", to="<b>1\n\x1b[31m\u202e"),
    "another format": _set("format", to=99),
    "NaN": _set("seed", to=float("nan")),
    "no corpus": _set("corpus"),
    "no tokenizer": _set("tokenizer"),
}


def _read(change: Change, command: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        trial.dataset()
        path = trial.output / "manifest.json"
        manifest = json.loads(path.read_text("utf-8"))
        manifest.pop("digest", None)
        change(manifest)
        manifest["digest"] = digest_of(manifest)
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
        trial.run(*_READERS[command])
        card = trial.output / "README.md"
        if "<b>1" in card.read_text("utf-8") or "\x1b" in card.read_text("utf-8"):
            trial.says(Outcome.RAW, "the card has what the manifest says, raw")
        if (trial.folder / "x.toml").exists() or (trial.output / "x.toml").exists():
            trial.says(Outcome.LOST, "a recipe was written outside its folder")

    return inject


def _content(content: bytes, name: str = "manifest.json") -> Callable[[Trial], None]:
    """Something else lies in the place of a file; every reader is tried."""

    def inject(trial: Trial) -> None:
        for arguments in _READERS.values():
            shutil.rmtree(trial.output, ignore_errors=True)
            trial.dataset()
            (trial.output / name).write_bytes(content)
            trial.run(*arguments)

    return inject


def _no_file(name: str, what: str) -> Callable[[Trial], None]:
    """A folder, a link to itself, or a device lies in the place of a file."""

    def inject(trial: Trial) -> None:
        for arguments in (_READERS["verify"], _READERS["stats"], _READERS["card"], _READERS["build again"]):
            shutil.rmtree(trial.output, ignore_errors=True)
            trial.dataset()
            path = trial.output / name
            path.unlink()
            if what == "a folder":
                path.mkdir()
            else:
                path.symlink_to({"a loop": path.name, "/dev/zero": "/dev/zero", "nothing": "nowhere"}[what])
            trial.run(*arguments)

    return inject


def _stranger(*arguments: str) -> Callable[[Trial], None]:
    """A folder of Parquet without a manifest, whose card names a configuration by escapes."""

    def inject(trial: Trial) -> None:
        folder = trial.folder / "stranger"
        (folder / "data").mkdir(parents=True)
        [shard] = trial.world.base.glob("data/tiny/*.parquet")
        shutil.copy(shard, folder / "data" / "x.parquet")
        card = '---\nconfigs:\n- config_name: "a\\e[31mb\\0\\u202ec"\n  data_files: data/*.parquet\n---\n'
        (folder / "README.md").write_text(card, "utf-8")
        trial.run(*arguments)

    return inject


def _typed(*arguments: str) -> Callable[[Trial], None]:
    return lambda trial: trial.refused(trial.run(*arguments))


FAULTS = (
    *(
        Fault(name=f"{command}, {name}", inject=_read(change, command), hole=11 if "escapes" in name else 8)
        for name, change in _MANIFESTS.items()
        for command in _READERS
        if command in ("verify", "export", "card") or name in ("no configurations", "10^30 rows")
    ),
    Fault(name="every reader, a manifest of deep JSON", inject=_content(b'{"configs": ' + b"[" * 90_000), hole=8),
    Fault(name="every reader, a manifest of garbage", inject=_content(b"\xff\x00\xfe"), hole=8),
    Fault(name="every reader, a manifest that is null", inject=_content(b"null"), hole=8),
    Fault(
        name="every reader, a shard of garbage",
        inject=_content(b"PAR1" + b"\xff" * 99 + b"PAR1", "data/tiny/train-00000-of-00001.parquet"),
    ),
    Fault(name="every reader, a card of garbage", inject=_content(b"---\n\xff\xfe: [\n---\n", "README.md")),
    *(
        Fault(name=f"verify, stats, card, build: {name} is {what}", inject=_no_file(name, what), hole=8)
        for name in ("manifest.json", "README.md")
        for what in ("a folder", "a loop", "nothing")
    ),
    *(
        Fault(
            name=f"{' '.join(words[:1] + words[2:3])}, a stranger's folder with escapes in a name",
            inject=_stranger(*words),
            hole=11,
        )
        for words in (
            ("export", "stranger", "jsonl", "--output", "exported"),
            ("stats", "stranger"),
            ("stats", "stranger", "--json"),
            ("inspect", "stranger", "--json"),
        )
    ),
    *(
        Fault(name=f"escapes in what is typed: {words[-1]!a}", inject=_typed(*words), hole=11)
        for words in (("build\x1b[31m",), ("stats", "--\x1b[31m\u202ex"), ("stats", "no\x1b[31m\u202ex"))
    ),
)
