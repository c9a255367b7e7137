"""What pyproject.toml cannot say: the readme of the wheel is README.md with links that hold outside the repository."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

_ROOT = Path(__file__).parent
_RELATIVE = re.compile(r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<target>(?!\w+:|#)[^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_PICTURES = (".png", ".svg", ".gif", ".jpg", ".webp")


def readme_elsewhere() -> str:
    """README.md with links to the files of this release; text in fences stays."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    release = re.search(
        r'^__version__ = "(.+)"$', (_ROOT / "nextlong_hub" / "_version.py").read_text("utf-8"), re.MULTILINE
    )
    assert release is not None  # noqa: S101
    repository = project["urls"]["Repository"]
    pages, bytes_of = f"{repository}/blob/v{release[1]}", f"{repository}/raw/v{release[1]}"

    def absolute(link: re.Match[str]) -> str:
        base = bytes_of if link["target"].endswith(_PICTURES) else pages
        return f"{link['mark']}[{link['text']}]({base}/{link['target']})"

    parts = _FENCED.split((_ROOT / "README.md").read_text("utf-8"))
    return "".join(part if part.startswith("```") else _RELATIVE.sub(absolute, part) for part in parts)


setup(long_description=readme_elsewhere(), long_description_content_type="text/markdown")
