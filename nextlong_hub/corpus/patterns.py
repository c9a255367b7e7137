"""Patterns of file names: `*`, `?`, `[abc]`, `**` for any folders, and `{a,b}` for either."""

import re

MAGIC = frozenset("*?[{")
"""What makes a name a pattern."""

_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_TOKEN = re.compile(
    r"(?P<folders>(?:^|(?<=/))\*\*/)|(?P<all>\*\*)|(?P<some>\*)|(?P<one>\?)|\[(?P<not>!?)(?P<set>[^\]]+)\]"
)


def has_magic(text: str) -> bool:
    """Whether a text is a pattern."""
    return bool(MAGIC.intersection(text)) and bool(_TOKEN.search(text) or _BRACES.search(text))


def without_braces(pattern: str) -> list[str]:
    """The patterns that one with `{a,b}` stands for, each once."""
    match = _BRACES.search(pattern)
    if match is None:
        return [pattern]
    before, after = pattern[: match.start()], pattern[match.end() :]
    return list(dict.fromkeys(p for choice in match[1].split(",") for p in without_braces(before + choice + after)))


def matches(pattern: str, name: str) -> bool:
    """Whether a name below a folder is that of the pattern, or lies in the folder that the pattern names."""
    plain = pattern.removeprefix("./").strip("/")
    if not has_magic(plain):
        return not plain or name == plain or name.startswith(f"{plain}/")
    return any(re.fullmatch(_regex(one), name, re.DOTALL) for one in without_braces(plain))


def _regex(pattern: str) -> str:
    parts = []
    place = 0
    for match in _TOKEN.finditer(pattern):
        parts.append(re.escape(pattern[place : match.start()]))
        if match["folders"]:
            parts.append("(?:.*/)?")
        elif match["all"]:
            parts.append(".*")
        elif match["some"]:
            parts.append("[^/]*")
        elif match["one"]:
            parts.append("[^/]")
        else:
            inner = match["set"].replace("\\", r"\\").replace("^", r"\^").replace("[", r"\[")
            parts.append(f"[{'^' if match['not'] else ''}{inner}]")
        place = match.end()
    return "".join([*parts, re.escape(pattern[place:])])
