"""Configurations and splits: which files of a folder or repository are those that a source means.

A card (`README.md`) that has `configs:` in its header says it; otherwise file and folder names do, as `datasets` reads
them: `data/train-00000-of-00004.parquet`, `validation/x.jsonl`, `c4-train.00000.json.gz`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from nextlong_hub.core.foreign import parse_yaml
from nextlong_hub.core.printable import did_you_mean
from nextlong_hub.corpus.left_out import LeftOut
from nextlong_hub.corpus.patterns import matches
from nextlong_hub.corpus.settings import EVERY_PART
from nextlong_hub.errors import DataError, argument

TRAIN = "train"

_KEYWORDS = {
    TRAIN: ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_ALL = "|".join(word for words in _KEYWORDS.values() for word in words)
_SHARDED = re.compile(rf"(?P<split>(?:{_ALL})(?:_\w+)?)-\d{{5}}-of-\d{{5}}.*", re.DOTALL)
"""A file as `push_to_hub` calls it: the split may have any name that begins with a usual one, such as `train_sft`."""
_KEYWORD = re.compile(rf"(?:^|[-._ 0-9])(?P<word>{_ALL})(?=[-._ 0-9]|$)")
_HEADER = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_CARD_KEYS = frozenset(
    {"annotations_creators", "configs", "dataset_info", "language", "license", "pretty_name", "size_categories", "tags"}
    | {"task_categories", "task_ids"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Config:
    """A configuration of a card."""

    name: str
    is_default: bool
    folder: str
    """`data_dir`; empty for the whole dataset."""
    patterns: Mapping[str, tuple[str, ...]]
    """Of the files, by split; empty where the card leaves it to their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The files that are meant."""

    names: tuple[str, ...]
    config: str | None
    """The configuration they belong to; None where there are none."""
    split: str | None
    """The split they belong to; None where nothing tells splits apart."""


def is_card(text: str) -> bool:
    """Whether the text of a `README.md` is that of a dataset's card: it has a header with the keys of one."""
    return bool(_CARD_KEYS.intersection(header_of(text)))


def choose(names: Mapping[str, bool], card: str, config: str | None, split: str | None, left_out: LeftOut) -> Chosen:
    """Choose the files of one configuration and one split.

    Args:
        names: of all files that a format reads, below the folder of the dataset, each with whether it is a plain text:
            words in the name of a text are a split's only where other files are for training.
        card: its `README.md`; empty where there is none.
        config: its name; None for the only one, or the default; `*` for all.
        split: its name; None for `train`; `*` for all.
        left_out: gets the files that are not chosen.

    Raises:
        DataError: there is no such configuration or split, or several configurations and no default.
    """
    chosen = _chosen(_configs(card), config)
    called = config if config == EVERY_PART else next((one.name for one in chosen), None)
    remaining = _in_configs(sorted(names), chosen, _configs(card), left_out)
    by_split = _by_split({name: names[name] for name in remaining}, chosen)
    if split == EVERY_PART:
        return Chosen(names=tuple(remaining), config=called, split=EVERY_PART)
    wanted = split or TRAIN
    if wanted not in by_split:
        if not by_split and split is None:
            return Chosen(names=tuple(remaining), config=called, split=None)
        known = ", ".join(by_split) or TRAIN
        raise DataError(
            f"there is no split {wanted!r}; its splits are {known}; name one with {argument('split')} (split in a "
            "recipe), or the "
            "files themselves by their path or a glob"
        )
    for name, files in by_split.items():
        for file in files if name != wanted else ():
            if file not in by_split[wanted]:
                left_out.add(f"files of the split {name!r}", file)
    is_only = len(by_split) == 1 and called is None and split is None
    return Chosen(names=tuple(by_split[wanted]), config=called, split=None if is_only else wanted)


def parts_of(names: Sequence[str], card: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The files of every configuration and split; those of one that the card names and no file is of are none.

    Args:
        names: of the files, below the folder of the dataset.
        card: its `README.md`; without configurations there, the names of files say of which split they are.
    """
    of_data = dict.fromkeys(sorted(names), False)
    parts: dict[tuple[str, str], tuple[str, ...]] = {}
    for config in _configs(card):
        found = _by_split(of_data, [config]) or {TRAIN: [name for name in of_data if _has(config, name)]}
        parts |= {(config.name, split): tuple(files) for split, files in found.items()}
    if parts or not of_data:
        return parts
    return {("default", split): tuple(files) for split, files in (_by_names(of_data) or {TRAIN: [*of_data]}).items()}


def split_of(name: str) -> str | None:
    """The split that a file belongs to by its name or that of a folder around it; None where neither says one."""
    path = PurePosixPath(name)
    sharded = _SHARDED.fullmatch(path.name)
    if sharded:
        return sharded["split"]
    for folder in path.parts[:-1]:
        if word := _KEYWORD.search(folder):
            return _split_called(word["word"])
    word = _KEYWORD.search(path.name)
    return _split_called(word["word"]) if word and word.end() < len(path.name) else None


def held_out(names: Sequence[str]) -> str:
    """A sentence about files that a pattern names and that are called as those of other splits are; or nothing.

    One file alone is meant by whoever names it, and words in names say nothing where no file is for training.
    """
    found = _by_names(dict.fromkeys(names, True)) if len(names) > 1 else {}
    others = {split: files for split, files in found.items() if split != TRAIN}
    if not others:
        return ""
    parts = (f"{split}: {len(files):,} ({files[0]}{', …' * (len(files) > 1)})" for split, files in others.items())
    said = "; ".join(parts)
    return f"read, though they are called as files of other splits: {said}; --split {TRAIN} leaves them out"


def _split_called(word: str) -> str:
    return next(split for split, words in _KEYWORDS.items() if word in words)


def _by_names(names: Mapping[str, bool]) -> dict[str, list[str]]:
    """Files by split; those whose name says none are for training. Empty where no name says one."""
    splits = {name: split_of(name) for name in names}
    if TRAIN not in splits.values():
        splits = {name: None if names[name] else split for name, split in splits.items()}
    if not any(splits.values()):
        return {}
    found: dict[str, list[str]] = {}
    for name, split in splits.items():
        found.setdefault(split or TRAIN, []).append(name)
    return found


def _by_split(names: Mapping[str, bool], chosen: list[_Config]) -> dict[str, list[str]]:
    """Files by split, as the configurations say or, where these leave it to them, as their names do."""
    found: dict[str, list[str]] = {}
    for config in chosen:
        by_pattern = {
            split: [name for name in names if any(matches(_below(config.folder, one), name) for one in patterns)]
            for split, patterns in config.patterns.items()
        }
        own = {name: is_text for name, is_text in names.items() if _has(config, name)}
        for split, files in (by_pattern or _by_names(own)).items():
            found[split] = sorted({*found.get(split, ()), *files})
    return found if chosen else _by_names(names)


def _in_configs(names: list[str], chosen: list[_Config], configs: list[_Config], left_out: LeftOut) -> list[str]:
    """The files of some configurations, or all where there is none; others are left out by what they belong to."""
    kept = []
    for name in names if chosen else ():
        owners = [config.name for config in configs if _has(config, name)]
        if any(config.name in owners for config in chosen):
            kept.append(name)
        else:
            reason = f"files of the configuration {owners[0]!r}" if owners else "files that the card does not name"
            left_out.add(reason, name)
    return kept if chosen else names


def _has(config: _Config, name: str) -> bool:
    if not config.patterns:
        return matches(config.folder, name)
    return any(matches(_below(config.folder, one), name) for ones in config.patterns.values() for one in ones)


def _below(folder: str, pattern: str) -> str:
    return PurePosixPath(folder, pattern).as_posix() if folder else pattern


def _chosen(configs: list[_Config], wanted: str | None) -> list[_Config]:
    """The configurations that are meant; empty where the card has none."""
    names = [config.name for config in configs]
    if wanted == EVERY_PART:
        return configs
    if wanted is not None:
        if wanted not in names:
            there = f"its configurations are {', '.join(names)}" if names else "its README.md names none"
            raise DataError(f"there is no configuration {wanted!r}; {there}{did_you_mean(wanted, names)}")
        return [configs[names.index(wanted)]]
    if len(configs) < 2:
        return configs
    defaults = [config for config in configs if config.is_default] or [c for c in configs if c.name == "default"]
    if not defaults:
        raise DataError(
            f"there are {len(configs)} configurations: {', '.join(names)}; name one with {argument('config')} (config "
            "in a recipe)"
        )
    return defaults[:1]


def _configs(card: str) -> list[_Config]:
    entries = header_of(card).get("configs")
    return [
        _Config(
            name=str(entry.get("config_name", "default")),
            is_default=entry.get("default") is True,
            folder=str(entry.get("data_dir") or "").strip("/"),
            patterns=_patterns(entry.get("data_files")),
        )
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    ]


def _patterns(data_files: Any) -> dict[str, tuple[str, ...]]:
    """The patterns of a configuration, by split, in each of the forms that a card may write them in."""
    if isinstance(data_files, dict):
        return {str(split): _listed(paths) for split, paths in data_files.items()}
    if isinstance(data_files, list) and data_files and all(isinstance(one, dict) for one in data_files):
        return {str(one.get("split", TRAIN)): _listed(one.get("path")) for one in data_files}
    return {TRAIN: _listed(data_files)} if data_files else {}


def _listed(paths: Any) -> tuple[str, ...]:
    return tuple(map(str, paths)) if isinstance(paths, list) else (str(paths),)


def header_of(card: str) -> dict[str, Any]:
    """The YAML header of a card; empty where it has none that can be read."""
    found = _HEADER.match(card.removeprefix("\ufeff"))
    try:
        values = parse_yaml(found[1]) if found else None
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
