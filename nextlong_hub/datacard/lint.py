"""Offline check of a card against the rules of the Hub.

The rules are those of the Hub's metadata check and of its documentation of dataset cards.
"""

import re
from typing import Any

from nextlong_hub.datacard.header_text import Header
from nextlong_hub.datacard.licences import LICENCES
from nextlong_hub.datacard.text import parse_card

SIZE_CATEGORIES = (
    *("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B"),
    *("1B<n<10B", "10B<n<100B", "100B<n<1T", "n>1T"),
)
"""The Hub's own list, smallest first."""

_TEXTS = ("pretty_name", "license_name", "license_link", "paperswithcode_id")
_LISTS_OF_TEXTS = (
    *("language", "license", "tags", "task_categories", "task_ids", "size_categories", "source_datasets"),
    *("annotations_creators", "language_creators", "multilinguality"),
)
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*|code|multilingual")
"""A language as the Hub has it."""
_BAD_CONFIG_NAME = re.compile(r"[<>:/\\|?*\0]")
_KNOWN_SPLIT = re.compile(r"\w+(?:\.\w+)*")


def lint_card(text: str) -> list[str]:
    """The faults of a card, one sentence each; none when the Hub would accept it as it is."""
    if "\ufffd" in text:
        return ["it is not UTF-8"]
    try:
        header = parse_card(text).header
    except ValueError as error:
        return [str(error)]
    if not header:
        return ["it has no YAML header; the Hub shows a warning, and load_dataset must guess the files"]
    faults = [*_text_faults(header), *_value_faults(header), *_config_faults(header.get("configs"))]
    return [*faults, *_info_faults(header)]


def _text_faults(header: Header) -> list[str]:
    faults = [
        f"{key!r} must be a string, but is {header[key]!r}{_in_quotes(header[key])}"
        for key in _TEXTS
        if header.get(key) is not None and not isinstance(header[key], str)
    ]
    for key in _LISTS_OF_TEXTS:
        value = header.get(key)
        if value is None or isinstance(value, str):
            continue
        if not isinstance(value, list):
            faults.append(f"{key!r} must be a string or a list of strings, but is {value!r}")
        else:
            faults += [
                f"{key}[{i}] must be a string, but is {v!r}{_in_quotes(v)}"
                for i, v in enumerate(value)
                if type(v) is not str
            ]
    return faults


def _in_quotes(value: Any) -> str:
    """What to do about a scalar that YAML takes for something else than text: Norwegian is `no`, which is False."""
    is_scalar = value is not None and not isinstance(value, list | dict)
    return "; put it in quotes, as in 'no', for YAML takes it for something else than text" if is_scalar else ""


def _value_faults(header: Header) -> list[str]:
    faults = [
        f"unknown license {v!r}; use an identifier of the Hub, or `other` with license_name"
        for v in _strings(header, "license")
        if v not in LICENCES
    ]
    if "other" in _strings(header, "license") and not header.get("license_name"):
        faults.append("a license `other` needs license_name")
    faults += [
        f"unknown language {v!r}; use an ISO 639 code such as `en`"
        for v in _strings(header, "language")
        if not LANGUAGE.fullmatch(v)
    ]
    faults += [
        f"unknown size category {v!r}; the Hub has {', '.join(SIZE_CATEGORIES)}"
        for v in _strings(header, "size_categories")
        if v not in SIZE_CATEGORIES
    ]
    return faults


def _config_faults(configs: Any) -> list[str]:
    if configs is None:
        return []
    if not isinstance(configs, list) or not all(isinstance(config, dict) for config in configs):
        return ["`configs` must be a list of mappings"]
    faults = []
    names = [config.get("config_name") for config in configs]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name or _BAD_CONFIG_NAME.search(name):
            faults.append(f"configs[{number}].config_name must be a name without any of <>:/\\|?*, but is {name!r}")
    if len(set(map(str, names))) < len(names):
        faults.append("two entries of `configs` have one config_name")
    if sum(config.get("default") is True for config in configs) > 1:
        faults.append("`configs` may have only one default")
    for config in configs:
        faults += _data_files_faults(config)
    return faults


def _data_files_faults(config: dict[str, Any]) -> list[str]:
    entries = config.get("data_files")
    name = config.get("config_name")
    if entries is None or isinstance(entries, str):
        return []
    if not isinstance(entries, list):
        return [f"data_files of {name!r} must be a string or a list"]
    faults = []
    for entry in entries:
        if isinstance(entry, str):
            continue
        if not isinstance(entry, dict) or not {"split", "path"} <= entry.keys():
            faults.append(f"each entry of data_files of {name!r} needs `split` and `path`")
        elif not isinstance(entry["split"], str) or not _KNOWN_SPLIT.fullmatch(entry["split"]):
            faults.append(f"a split of {name!r} must be a word, but is {entry['split']!r}")
        elif not entry["path"]:
            faults.append(f"split {entry['split']!r} of {name!r} names no file")
    return faults


def _info_faults(header: Header) -> list[str]:
    info = header.get("dataset_info")
    if info is None:
        return []
    entries = info if isinstance(info, list) else [info]
    if not all(isinstance(entry, dict) for entry in entries):
        return ["`dataset_info` must be a mapping or a list of mappings"]
    configs = header.get("configs")
    if not isinstance(configs, list):
        return []
    known = [config.get("config_name") for config in configs if isinstance(config, dict)]
    named = [entry.get("config_name", "default") for entry in entries]
    return [
        f"dataset_info is of {name!r}, which `configs` does not have" for name in named if known and name not in known
    ]


def _strings(header: Header, key: str) -> list[str]:
    value = header.get(key)
    values = value if isinstance(value, list) else [value]
    return [value for value in values if isinstance(value, str)]
