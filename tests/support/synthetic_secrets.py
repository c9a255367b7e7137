"""Secrets that open nothing: made at random in the forms of real ones, with right checksums."""

import base64
import random
import string
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_URL = BASE62 + "-_"
_HEX = "0123456789abcdef"
_BASE32 = string.ascii_uppercase + "234567"
_PEM = ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
_LINE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """One secret as it stands in a text."""

    text: str
    secret: tuple[str, ...]
    """The parts that must not be left."""


def make_secret(kind: str, seed: int) -> Synthetic:
    """A secret of that kind; other seeds give others."""
    return _MAKERS[kind](random.Random(f"{kind}/{seed}"))


def with_checksum(body: str) -> str:
    """Thirty characters with the six that GitHub and npm put behind them."""
    checksum, digits = zlib.crc32(body.encode()), ""
    while checksum:
        checksum, digit = divmod(checksum, 62)
        digits = BASE62[digit] + digits
    return body + digits.rjust(6, "0")


def _some(chance: random.Random, alphabet: str, characters: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(characters))


def _prefixed(*prefixes: str, alphabet: str = BASE62, characters: int) -> Callable[[random.Random], Synthetic]:
    def make(chance: random.Random) -> Synthetic:
        body = _some(chance, alphabet, characters)
        return Synthetic(text=chance.choice(prefixes) + body, secret=(body,))

    return make


def _checked(*prefixes: str) -> Callable[[random.Random], Synthetic]:
    def make(chance: random.Random) -> Synthetic:
        body = with_checksum(_some(chance, BASE62, 30))
        return Synthetic(text=chance.choice(prefixes) + body, secret=(body,))

    return make


def _fine_grained(chance: random.Random) -> Synthetic:
    body = f"{_some(chance, BASE62, 22)}_{_some(chance, BASE62, 59)}"
    return Synthetic(text=f"github_pat_{body}", secret=(body,))


def _aws(chance: random.Random) -> Synthetic:
    identity = chance.choice(("AKIA", "ASIA")) + _some(chance, _BASE32, 16)
    body = _some(chance, BASE62 + "/+", 40)
    forms = (
        f"aws_access_key_id = {identity}\naws_secret_access_key = {body}\n",
        f'AWS_SECRET_ACCESS_KEY="{body}"',
        f'{{"AccessKeyId": "{identity}", "SecretAccessKey": "{body}"}}',
        f"{identity}:{body} ",
    )
    return Synthetic(text=chance.choice(forms), secret=(body,))


def _openai(chance: random.Random) -> Synthetic:
    old = f"{_some(chance, BASE62, 20)}T3BlbkFJ{_some(chance, BASE62, 20)}"
    new = f"{_some(chance, _URL, 74)}T3BlbkFJ{_some(chance, _URL, 74)}"
    prefix, body = chance.choice((("sk-", old), ("sk-proj-", new), ("sk-svcacct-", new)))
    return Synthetic(text=prefix + body, secret=(body,))


def _openai_style(chance: random.Random) -> Synthetic:
    body = chance.choice((_some(chance, _HEX, 32), _some(chance, BASE62, 48)))
    return Synthetic(text=f" sk-{body} ", secret=(body,))


def _slack(chance: random.Random) -> Synthetic:
    team, user = (_some(chance, string.digits, chance.randint(10, 13)) for _ in range(2))
    words, digits = _some(chance, BASE62, 24), _some(chance, _HEX, 64)
    hook = f"T{_some(chance, BASE62[:36], 8)}/B{_some(chance, BASE62[:36], 10)}"
    forms = (
        (f"xoxb-{team}-{user}-{words}", words),
        (f"xoxp-{team}-{user}-{team}-{digits[:32]}", digits[:32]),
        (f"xapp-1-A{_some(chance, BASE62[:36], 10)}-{team}-{digits}", digits),
        (f"https://hooks.slack.com/services/{hook}/{words}", words),
    )
    text, body = chance.choice(forms)
    return Synthetic(text=text, secret=(body,))


def _private_key(chance: random.Random) -> Synthetic:
    title = chance.choice(_PEM)
    body = base64.b64encode(chance.randbytes(chance.choice((48, 121, 400, 1200)))).decode()
    lines = tuple(body[start : start + _LINE] for start in range(0, len(body), _LINE))
    headers = ("Proc-Type: 4,ENCRYPTED", "") if title.startswith("RSA") and chance.random() < 0.3 else ()
    separator = chance.choice(("\n", "\r\n", "\n    ", "\\n", '\\n" +\n"'))
    text = separator.join([f"-----BEGIN {title}-----", *headers, *lines, f"-----END {title}-----"])
    return Synthetic(text=text, secret=lines)


_MAKERS: Mapping[str, Callable[[random.Random], Synthetic]] = {
    "hugging_face": _prefixed("hf_", "api_org_", alphabet=string.ascii_letters, characters=34),
    "github": _checked("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "github_fine_grained": _fine_grained,
    "aws": _aws,
    "openai": _openai,
    "openai_style": _openai_style,
    "anthropic": _prefixed("sk-ant-api03-", alphabet=_URL, characters=95),
    "google": _prefixed("AIza", alphabet=_URL, characters=35),
    "slack": _slack,
    "stripe": _prefixed("sk_live_", "rk_live_", characters=24),
    "npm": _checked("npm_"),
    "pypi": _prefixed("pypi-AgEIcHlwaS5vcmc", alphabet=_URL, characters=160),
    "private_key": _private_key,
}
