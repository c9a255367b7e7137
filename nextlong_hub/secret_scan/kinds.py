"""The table of kinds of secrets: how each looks, and what a real one has beyond its look.

A kind is left out where nothing but its look is known and other things look the same. So is a JSON Web Token: most are
valid for minutes, and manuals are full of them. An AWS access key id alone opens nothing; what is looked for is the
secret key beside one.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from nextlong_hub.secret_scan.plausible import LEAST_BITS_HEX, has_checksum, is_mixed, is_random

Span = tuple[int, int]
"""First character, and one past the last."""

HUB_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hf|api_org)_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}(?:[-_.][A-Za-z0-9_-]{20,})*")
"""What may be a token of the Hub, in text of ours (messages, cards, metadata): whether it is a real one does not matter
there, and shorter ones are taken for tokens, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of secret."""

    name: str
    """Counted and published: it does not change."""
    title: str
    """What one is called in a sentence."""
    hint: str
    """Regular expression, in the syntax that Rust and Python share, for what no secret of this kind lacks."""
    find: Callable[[str], Iterator[tuple[Span, ...]]]
    """The stretches of a text to mask, of each secret of this kind in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """Finds tokens that begin with a prefix of their own."""

    prefixes: tuple[str, ...]
    pattern: re.Pattern[str]
    """From the prefix on; its group `body` is masked."""
    is_real: Callable[[str], bool] = field(default=is_random)
    """Given the body."""
    stands_alone: bool = False
    """The prefix is so short that it ends ordinary words; no word may go before it."""

    def __call__(self, text: str) -> Iterator[tuple[Span, ...]]:
        for prefix in self.prefixes:
            start = text.find(prefix)
            while start >= 0:
                found = self.pattern.match(text, start)
                if found and self._is_token(text, start, found["body"]):
                    yield (found.span("body"),)
                start = text.find(prefix, start + len(prefix))

    def _is_token(self, text: str, start: int, body: str) -> bool:
        before = text[max(0, start - _BLOB_CHARACTERS) : start]
        if self.stands_alone and _WORD_BEFORE.search(before):
            return False
        return not _is_blob(before) and self.is_real(body)


_BLOB_CHARACTERS = 24
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{24}")
_WORD_BEFORE = re.compile(r"(?<!\\)[A-Za-z0-9]$|[_-]$")
"""An escape of JSON, such as `\\n`, is no word."""


def _is_blob(before: str) -> bool:
    """Whether a token would stand within encoded bytes, in which every few letters occur somewhere."""
    return bool(_BLOB.fullmatch(before)) and is_mixed(before)


def _is_mixed_random(body: str) -> bool:
    return is_mixed(body) and is_random(body)


def _is_varied_random(body: str) -> bool:
    """Random, and no word: letters of one case alone may be one."""
    return (not body.isalpha() or body.lower() != body != body.upper()) and is_random(body, least_bits=LEAST_BITS_HEX)


_HEX = re.compile(r"[0-9a-f]+")
_HEX_DIGITS = 32
"""Fewest in a key of hexadecimal digits."""


def _is_unmarked_key(body: str) -> bool:
    """Of a key that has no mark but `sk-` before it."""
    digits = body[:_HEX_DIGITS]
    is_hex = _HEX.fullmatch(digits) is not None and any(map(str.isdigit, digits))
    return is_random(digits, least_bits=LEAST_BITS_HEX) if is_hex else _is_mixed_random(body)


_AWS_ID = re.compile(r"A[KS]IA[A-Z2-7]{16}")
_AWS_NAME = re.compile(r"(?i)secret_?access_?key")
_AWS_CHARACTERS = 40
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR_ID = 400
"""Characters between an access key id and its secret at most."""
_NEAR_NAME = 60
"""Characters between the name of the setting and the secret at most."""


def _aws_secrets(text: str) -> Iterator[tuple[Span, ...]]:
    """Secret keys beside their access key id, or behind the name of the setting."""
    ids = (found.span() for found in _AWS_ID.finditer(text) if "EXAMPLE" not in found[0])
    names = (found.end() for found in _AWS_NAME.finditer(text))
    near_ids = _aws_within(text, ((start - _NEAR_ID, end + _NEAR_ID) for start, end in ids))
    behind_names = _aws_within(text, ((end, end + _NEAR_NAME + _AWS_CHARACTERS) for end in names))
    for span in sorted({*near_ids, *behind_names}):
        yield (span,)


def _aws_within(text: str, windows: Iterable[Span]) -> Iterator[Span]:
    """The secret keys that lie wholly within one of the windows, which ascend; no character is looked at twice."""
    reached = 0
    for start, end in windows:
        first = max(start, reached - _AWS_CHARACTERS, 0)
        for found in _AWS_SECRET.finditer(text, first, end + 1):
            if found.end() <= end and _is_mixed_random(found[0]):
                yield found.span()
        reached = end


_PEM_HEADER = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BORDER = re.compile(r"-----(?:END|BEGIN)")
_PEM_PART = re.compile(r"\\+u[0-9a-fA-F]{4}|\\+.|[A-Za-z0-9+/=]+", re.DOTALL)
"""An escape of a string, which stays, or letters."""
_LINE_CHARACTERS = 16
"""Fewest in a line of a key, its last one apart."""
_KEY_CHARACTERS = 60
"""Fewest in a key: an Ed25519 key has 64."""
_LONGEST_KEY = 24_000
"""Of RSA with 16,384 bits, its lines indented and quoted."""
_LONGEST_GAP = 24
"""Characters between the lines of a key that has no end, for quotes and indentation."""


def _private_keys(text: str) -> Iterator[tuple[Span, ...]]:
    """The lines of each block; of one without an end as far as lines of a key go."""
    for header in _PEM_HEADER.finditer(text):
        border = _PEM_BORDER.search(text, header.end(), header.end() + _LONGEST_KEY)
        is_ended = border is not None and border[0].endswith("END")
        end = border.start() if border else header.end() + _LONGEST_KEY
        parts = [part.span() for part in _PEM_PART.finditer(text, header.end(), end) if not part[0].startswith("\\")]
        if not is_ended:
            parts = _without_a_gap(parts, header.end())
        lines = "".join(text[start:stop] for start, stop in parts if stop - start >= _LINE_CHARACTERS)
        if len(lines) >= _KEY_CHARACTERS and is_mixed(lines) and is_random(lines[-_KEY_CHARACTERS:]):
            yield tuple(parts)


def _without_a_gap(parts: list[Span], start: int) -> list[Span]:
    """The first lines that follow each other."""
    kept: list[Span] = []
    for first, last in parts:
        if first - start > _LONGEST_GAP or (last - first < _LINE_CHARACTERS and kept):
            break
        kept.append((first, last))
        start = last
    return kept


KINDS: tuple[Kind, ...] = (
    Kind(
        name="hugging_face",
        title="Hugging Face token",
        hint=r"(?:hf|api_org)_(?:oauth_|jwt_)?[A-Za-z0-9]{34}",
        find=_Token(
            prefixes=("hf_", "api_org_"),
            pattern=re.compile(r"(?:hf|api_org)_(?:oauth_|jwt_)?(?P<body>[A-Za-z0-9]{34,200})"),
            is_real=_is_varied_random,
        ),
    ),
    Kind(
        name="github",
        title="GitHub token",
        hint=r"gh[oprsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_",
        find=_Token(
            prefixes=("gho_", "ghp_", "ghr_", "ghs_", "ghu_"),
            pattern=re.compile(r"gh[oprsu]_(?P<body>[A-Za-z0-9]{36})"),
            is_real=has_checksum,
        ),
    ),
    Kind(
        name="github_fine_grained",
        title="GitHub fine-grained token",
        hint=r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        find=_Token(
            prefixes=("github_pat_",),
            pattern=re.compile(r"github_pat_(?P<body>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})"),
            is_real=_is_mixed_random,
        ),
    ),
    Kind(
        name="aws",
        title="AWS secret key",
        hint=r"A[KS]IA[A-Z2-7]{16}|[Ss][Ee][Cc][Rr][Ee][Tt]_?[Aa][Cc][Cc][Ee][Ss][Ss]_?[Kk][Ee][Yy]",
        find=_aws_secrets,
    ),
    Kind(
        name="openai",
        title="OpenAI key",
        hint=r"sk-[A-Za-z0-9_-]{0,200}T3BlbkFJ|sk-[A-Za-z0-9]{32}|sk-or-v1-[0-9a-f]{64}",
        find=_Token(
            prefixes=("sk-",),
            pattern=re.compile(
                r"sk-(?:(?:proj|svcacct|admin|None)-)?(?P<body>[A-Za-z0-9_-]{16,100}T3BlbkFJ[A-Za-z0-9_-]{16,100})"
            ),
        ),
    ),
    Kind(
        name="openai_style",
        title="OpenAI-style key",
        hint=r"sk-[A-Za-z0-9]{32}|sk-or-v1-[0-9a-f]{64}",
        find=_Token(
            prefixes=("sk-",),
            pattern=re.compile(r"sk-(?:or-v1-)?(?P<body>[A-Za-z0-9]{32,128})"),
            is_real=_is_unmarked_key,
            stands_alone=True,
        ),
    ),
    Kind(
        name="anthropic",
        title="Anthropic key",
        hint=r"sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80}",
        find=_Token(
            prefixes=("sk-ant-",),
            pattern=re.compile(r"sk-ant-[a-z]{3,8}[0-9]{2}-(?P<body>[A-Za-z0-9_-]{80,200})"),
            is_real=_is_mixed_random,
        ),
    ),
    Kind(
        name="google",
        title="Google API key",
        hint=r"AIza[A-Za-z0-9_-]{35}",
        find=_Token(
            prefixes=("AIza",),
            pattern=re.compile(r"AIza(?P<body>[A-Za-z0-9_-]{35})"),
            is_real=_is_varied_random,
        ),
    ),
    Kind(
        name="slack",
        title="Slack token",
        hint=r"xox[abeoprs](?:\.xox[bp])?-[0-9]|xapp-[0-9]|hooks\.slack\.com/services/T",
        find=_Token(
            prefixes=("xox", "xapp-", "hooks.slack.com/services/T"),
            pattern=re.compile(
                r"(?:(?:xox[abeoprs](?:\.xox[bp])?|xapp)-(?:[A-Z0-9]{1,16}-){1,4}"
                r"|hooks\.slack\.com/services/T[A-Z0-9]{6,16}/B[A-Z0-9]{6,16}/)(?P<body>[A-Za-z0-9]{20,255})"
            ),
            is_real=_is_varied_random,
        ),
    ),
    Kind(
        name="stripe",
        title="Stripe key",
        hint=r"[rs]k_live_[A-Za-z0-9]{24}",
        find=_Token(
            prefixes=("sk_live_", "rk_live_"),
            pattern=re.compile(r"[rs]k_live_(?P<body>[A-Za-z0-9]{24,255})"),
            is_real=_is_varied_random,
        ),
    ),
    Kind(
        name="npm",
        title="npm token",
        hint=r"npm_[A-Za-z0-9]{36}",
        find=_Token(prefixes=("npm_",), pattern=re.compile(r"npm_(?P<body>[A-Za-z0-9]{36})"), is_real=has_checksum),
    ),
    Kind(
        name="pypi",
        title="PyPI token",
        hint=r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50}",
        find=_Token(
            prefixes=("pypi-AgE",),
            pattern=re.compile(r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)(?P<body>[A-Za-z0-9_-]{50,400})"),
            is_real=_is_mixed_random,
        ),
    ),
    Kind(
        name="private_key",
        title="private key",
        hint=r"PRIVATE KEY(?: BLOCK)?-----",
        find=_private_keys,
    ),
)
"""In the order in which they are looked for; where two find the same characters, the first one is right."""


def title_of(name: str) -> str:
    """What a kind is called in a sentence; of another version's kind its name."""
    return next((kind.title for kind in KINDS if kind.name == name), name.replace("_", " "))
