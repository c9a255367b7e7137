"""Readers that can be had only as source: the repository and commit of each, and a checkout of its data code.

Nothing of them lies in this repository. A commit is fetched by git from where `--sources` says, GitHub unless told.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

GITHUB = "https://github.com/{owner}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A repository at the commit that was read last."""

    owner: str
    name: str
    commit: str
    date: str
    """Of the commit."""
    folders: tuple[str, ...]
    """What is checked out: the data code, and what it imports."""


SOURCES = {
    "torchtitan-main": Source(
        owner="pytorch",
        name="torchtitan",
        commit="b5bcd76c66d0acb1a08b176d9639425bc55e0b2a",
        date="2026-08-21",
        folders=("torchtitan",),
    ),
    "maxtext": Source(
        owner="AI-Hypercomputer",
        name="maxtext",
        commit="e591f30cbbf217ed67ef71263ec0538239f9c3b8",
        date="2026-08-22",
        folders=("src/maxtext/input_pipeline", "src/maxtext/configs/*.yml", "src/maxtext/configs/*.py"),
    ),
    "skyrl": Source(
        owner="NovaSky-AI",
        name="SkyRL",
        commit="a9564572eb8e91076be43c1bd5e4615e3de17265",
        date="2026-08-21",
        folders=("skyrl",),
    ),
    "megatron-bridge": Source(
        owner="NVIDIA-NeMo",
        name="Megatron-Bridge",
        commit="067f987df03b8355b03192d88d70f1709fedf51a",
        date="2026-08-22",
        folders=("src/megatron/bridge",),
    ),
    "automodel": Source(
        owner="NVIDIA-NeMo",
        name="Automodel",
        commit="36044ad3d139363fb6c73c24af2e7c6b65ec52f6",
        date="2026-08-22",
        folders=("nemo_automodel",),
    ),
    "ms-swift": Source(
        owner="modelscope",
        name="ms-swift",
        commit="3602360a562313afbf2ef6065fdf61f271a2c5b9",
        date="2026-08-22",
        folders=("swift",),
    ),
    "verl": Source(
        owner="volcengine",
        name="verl",
        commit="b178a3cd56f58b2d502255daba591e92833930a7",
        date="2026-01-29",
        folders=("verl",),
    ),
    "unsloth": Source(
        owner="unslothai",
        name="unsloth",
        commit="015bdef0d94a241bcd94eec7a405b1700632180d",
        date="2026-08-22",
        folders=("unsloth",),
    ),
    "trl": Source(
        owner="huggingface",
        name="trl",
        commit="f2cd57710ae345ea6428ae95363267fcf38a3dc8",
        date="2026-07-24",
        folders=("trl",),
    ),
    "axolotl": Source(
        owner="axolotl-ai-cloud",
        name="axolotl",
        commit="067b021c8b87a9e5e380b9173c704cf7340e30f5",
        date="2026-07-24",
        folders=("src/axolotl",),
    ),
    "llama-factory": Source(
        owner="hiyouga",
        name="LLaMA-Factory",
        commit="ff6d4d12eeb035d6ce06805a5733dd7b29f2ac30",
        date="2026-08-18",
        folders=("src/llamafactory",),
    ),
    "megatron-lm": Source(
        owner="NVIDIA",
        name="Megatron-LM",
        commit="d98e8a64ddf34856e74b24714e3bedb2f5a39553",
        date="2026-08-22",
        folders=("megatron", "*.py"),
    ),
    "nanotron": Source(
        owner="huggingface",
        name="nanotron",
        commit="2411b022a75fb7f7561a1bb4166706da5e1b76de",
        date="2026-04-07",
        folders=("src/nanotron",),
    ),
    "olmo-core": Source(
        owner="allenai",
        name="OLMo-core",
        commit="fa6c5014c9f6e9ee789da2d9c20d5126fee8df0d",
        date="2026-06-22",
        folders=("src/olmo_core",),
    ),
    "litdata": Source(
        owner="Lightning-AI",
        name="litData",
        commit="8805bae05cfdab5644ea40e16df802e95a1914f1",
        date="2026-08-18",
        folders=("src/litdata",),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What came of a fetch."""

    folder: Path
    commit: str
    """Empty where it could not be had."""
    reason: str = ""
    """Why not, in git's words."""


def check_out(key: str, folder: Path, *, where: str = GITHUB, newest: bool = False) -> Checkout:
    """Fetch a source into `folder/key`, or take the one that lies there.

    Args:
        key: of `SOURCES`.
        folder: for all of them.
        where: the repository's address, with places for `{owner}` and `{name}`.
        newest: the head of its main instead of the commit that is named.
    """
    source, target = SOURCES[key], folder / key
    wanted = "HEAD" if newest else source.commit
    if not newest and (target / ".git").is_dir():
        there = _git(target, "rev-parse", "HEAD")
        if there.stdout.strip() == wanted:
            return Checkout(folder=target, commit=wanted)
    target.mkdir(parents=True, exist_ok=True)
    address = where.format(owner=source.owner, name=source.name)
    steps = (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth", "1", "--filter=blob:none", address, wanted),
        ("sparse-checkout", "set", "--no-cone", *source.folders),
        ("-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", "FETCH_HEAD"),
    )
    for step in steps:
        done = _git(target, *step)
        if done.returncode:
            return Checkout(folder=target, commit="", reason=" ".join(done.stderr.split())[-300:])
    return Checkout(folder=target, commit=_git(target, "rev-parse", "HEAD").stdout.strip())


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False)
