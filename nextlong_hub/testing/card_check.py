"""The part of the Hub's check of a README's YAML header that concerns dataset cards."""

import re
from typing import Any

from nextlong_hub.core.foreign import parse_yaml

_HEADER = re.compile(r"\s*---[^\S\r\n]*\r?\n(.*?)(?:^|\n)---", re.DOTALL)
_TEXTS = ("license", "pretty_name", "license_name")
_LISTS_OF_TEXTS = ("language", "license", "tags", "task_categories", "task_ids", "size_categories", "source_datasets")


def card_metadata(readme: str) -> Any:
    """The YAML header of a README; an empty mapping when it has none.

    Raises:
        ValueError: the header is not YAML, or stands for too much.
    """
    header = _HEADER.match(readme)
    try:
        return (parse_yaml(header[1]) or {}) if header else {}
    except ValueError as error:
        raise ValueError(f"YAML Metadata Error: {error}") from error


def card_faults(readme: str) -> list[str]:
    """Faults for which the Hub would reject a README, one sentence each."""
    try:
        metadata = card_metadata(readme)
    except ValueError as error:
        return [str(error)]
    if not isinstance(metadata, dict):
        return ["YAML Metadata Error: the header must be a mapping"]
    return [*_text_faults(metadata), *_config_faults(metadata.get("configs"))]


def _text_faults(metadata: dict[str, Any]) -> list[str]:
    faults = []
    for key in dict.fromkeys((*_TEXTS, *_LISTS_OF_TEXTS)):
        value = metadata.get(key)
        if value is None or isinstance(value, str):
            continue
        if key not in _LISTS_OF_TEXTS:
            faults.append(f'"{key}" must be a string')
        elif not isinstance(value, list):
            faults.append(f'"{key}" must be a string or an array')
        else:
            faults += [f'"{key}[{i}]" must be a string' for i, item in enumerate(value) if not isinstance(item, str)]
    return faults


def _config_faults(configs: Any) -> list[str]:
    if configs is None:
        return []
    if not isinstance(configs, list) or not all(isinstance(config, dict) for config in configs):
        return ['"configs" must be an array of mappings']
    faults = [f'"configs[{i}].config_name" is required' for i, c in enumerate(configs) if not c.get("config_name")]
    names = [c.get("config_name") for c in configs]
    if len(set(map(str, names))) < len(names):
        faults.append('"configs" must have unique "config_name" values')
    if sum(bool(c.get("default")) for c in configs) > 1:
        faults.append('"configs" can have only one default')
    return faults
