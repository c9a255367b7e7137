"""Three-way merge of a card that is generated again with one that was edited by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nextlong_hub.datacard.header_text import Header
from nextlong_hub.datacard.text import Card, digest, digests_of, format_card, parse_card

_OURS_ALONE = ("configs", "dataset_info", "size_categories")
"""Keys that are always generated: a dataset with an edited list of files would not load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedCard:
    """A card made of two."""

    text: str
    conflicts: tuple[str, ...]
    """Parts that were edited by hand and whose generated content has changed since: they stay as edited, and are
    reported until the conflict is resolved. A header key is named like `license`, a section like `#overview`."""


def merge_card(base: str | None, theirs: str, ours: str) -> MergedCard:
    """Merge a freshly generated card and an edited one.

    Text outside the markers, keys that are not generated, and parts edited by hand stay as they are. Unedited parts
    are replaced by what was generated now. `configs`, `dataset_info` and `size_categories` are always replaced.

    Args:
        base: the card as it was generated last; None: the digests that each card carries tell what was edited.
        theirs: the card that may have been edited.
        ours: the card as it is generated now.

    Raises:
        ValueError: a header is not YAML.
    """
    fresh, edited = parse_card(ours), parse_card(theirs)
    known = dict(edited.digests)
    if base is not None:
        generated = parse_card(base)
        known = digests_of(generated.header, generated.sections)
    header, header_conflicts = _merge_headers(edited.header, fresh.header, known)
    sections, section_conflicts = _merge_sections(edited.sections, fresh.sections, known)
    conflicts = (*header_conflicts, *section_conflicts)
    unsettled = {part: known[part] for part in conflicts if part in known}
    merged = Card(
        header=header,
        sections=sections,
        digests={**digests_of(fresh.header, fresh.sections), **unsettled},
        opening=edited.opening,
        asides=edited.asides,
        written=edited.written,
    )
    return MergedCard(text=format_card(_with_stray_asides(merged)), conflicts=conflicts)


def _merge_headers(theirs: Header, ours: Header, known: Mapping[str, str]) -> tuple[Header, list[str]]:
    """Generated keys first, in their order, then keys added by hand."""
    merged: Header = {}
    conflicts = []
    for key, value in ours.items():
        is_new = key not in known and key not in theirs
        is_untouched = key in theirs and _is_untouched(key, theirs[key], value, known)
        if key in _OURS_ALONE or is_new or is_untouched:
            merged[key] = value
        elif key in theirs:  # else it was removed, and stays so
            merged[key] = theirs[key]
            if digest(value) != known.get(key):
                conflicts.append(key)
    added = {key: value for key, value in theirs.items() if key not in ours and digest(value) != known.get(key)}
    return {**merged, **added}, conflicts


def _merge_sections(
    theirs: Mapping[str, str], ours: Mapping[str, str], known: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Sections in their order; a new one follows the one that it follows in ours."""
    conflicts = []
    contents: dict[str, str] = {}
    for name, content in theirs.items():
        fresh = ours.get(name)
        if _is_untouched(f"#{name}", content, fresh, known):
            if fresh is not None:
                contents[name] = fresh
        else:
            contents[name] = content
            if digest(fresh) != known.get(f"#{name}"):
                conflicts.append(f"#{name}")
    order = list(contents)
    place = 0
    for name, content in ours.items():
        if name in contents:
            place = order.index(name) + 1
        elif f"#{name}" not in known:  # else it was removed, and stays so
            contents[name] = content
            order.insert(place, name)
            place += 1
    return {name: contents[name] for name in order}, conflicts


def _is_untouched(key: str, theirs: Any, ours: Any, known: Mapping[str, str]) -> bool:
    """Whether it is as it was generated last, or as it is generated now."""
    return digest(theirs) in (known.get(key), digest(ours))


def _with_stray_asides(card: Card) -> Card:
    """Move text that followed a removed section to the top, so that it is not lost."""
    stray = [aside for name, aside in card.asides.items() if name not in card.sections]
    return replace(card, opening="\n\n".join([*filter(None, [card.opening]), *stray])) if stray else card
