r"""Texts on which two programs for one tokenizer are likely to differ.

A file of its own, so that what is asked of an encoder can be read and grow; see `trust`.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, permutations

VERSION = 1
"""Rises when the texts or the way of asking change: an encoder that was trusted before is asked anew."""

_MOST_ADDED_TOKENS = 400

_SCRIPTS = (
    "The quick brown fox jumps over the lazy dog. It's NASA's, we'LL, I'D, they've; don't, DON'T.",
    "naïve café Größe ŒUVRE ſtraße 'ſ İstanbul ıĞ ﬁﬂ",
    "Ελληνικά ΑΒΓ άέή, русский ЁЖ й, Українська ґ",
    "日本語、かな、カナ。漢字かな交じり文 ﾊﾝｶｸ",
    "中文。没有空格的文字，繁體字𠀀𠮷",
    "한국어 조합형 \u1112\u1161\u11ab\u1100\u1173\u11af",
    "नमस्ते दुनिया क्षत्रिय, தமிழ் ் , বাংলা",
    "العَرَبِيَّة ﷺ ١٢٣ עִבְרִית",
    "ภาษาไทย ພາສາລາວ မြန်မာ ខ្មែរ",
    "ქართული Հայերեն አማርኛ ᏣᎳᎩ",
    "𓀀𓂀 𐎀𐎁 𒀀 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙 Ⅷ ½ ²³ ㍿ ①",
)
_SIGNS = (
    "🙂👩‍👩‍👧‍👦🏳️‍🌈🇩🇪🇫🇷👍🏽 1️⃣ ☃️ ❤",
    "e\u0301a\u0300\u0301 \u0344 \u0958 \ufb1d A\u030a\u0323 \u212b \u2126 q\u0307\u0323 \u1e9b\u0323",
    "Z" + "\u0300\u0316\u0335" * 30 + "algo",
    "\x00\x01\x02\x07\x08\x0b\x0c\x1b\x1c\x1f\x7f\x80\x85\x9f\xa0\xad",
    "\u200b\u200c\u200d\u200e\u202a\u202e\u2060\ufeff\ufffe\uffff\ufdd0\U0010ffff\ue000\ufffd",
    "a\u2028b\u2029c\u0085d\u3000e\u2003f\u1680g\u180eh\u202fi",
    "Ǆǅǆ ʰʲ \u02b9 ª º \u0345 \u0640 \u30fc \u3005",
)
_SPACES = (
    *(" " * number for number in (1, 2, 3, 7, 15, 16, 17, 31, 32, 63, 64, 128, 129, 1000)),
    *("a" + " " * number + "b" for number in (2, 16, 81, 500)),
    "\t" * 40,
    "\n" * 100,
    "\r\n" * 20 + "x",
    " \n \n\n  \n\t\n \r \n",
    "a \n b\n\n c \n\n\n\td\r\ne\rf\n ",
    "x" + "\xa0" * 20 + "\u3000" * 9,
    " leading and trailing  ",
    "\n\nfirst",
    "last\n\n",
)
_SYMBOLS = (
    "def f(x):\n    return x**2  # <|endoftext|> <s> </s> [INST]\n\tif a!=b||c&&d: {}[]();;\n",
    "https://example.org/a?b=c&d=%20#e C:\\path\\n \\u0041 <a href='x'>&amp;</a> $x_1^2$ \\frac{1}{2}",
    "0123456789 1,000,000.00 1e-10 0xFF 3.14159 12 123 1234 12345 ٣٤ 2024-01-01T00:00:00Z",
    "...!!!??? --- === *** ### ``` ~~~ «» “” ‘’ „‚ … — – • ·",
    "//\n/* */\n.\n\n,\r\n;/\n/",
    "▁ ▁▁ ▁▁▁ a▁b <0x0A> <0xE2><0x96> <unk> ⁇ Ġ Ċ ĠĠ Â",
    "'s't're've'm'll'd 'S'T'RE X'sY x'll's",
    "a" * 1000,
    "ab" * 700,
    "日" * 400,
    "🙂" * 200,
    "=" * 300 + "-" * 300,
    "aAaAbBZzƵƶ" * 40,
)
_NO_UNICODE = ("a\ud800b", "\udfff")
"""Lone surrogates: both programs must refuse them."""

_PIECES = (
    *("word", " Word", "'s", "é", "e\u0301", "日", "\u0301", "👩\u200d"),
    *("\n", "  ", "\t", "12", ".", "//", "\x00", "▁"),
)
"""Each three of them, one behind the other, in one text."""


def hostile_texts(added_tokens: Iterable[str]) -> list[str]:
    """The texts, and some that spell these added tokens of a tokenizer."""
    return [
        "",
        *_SCRIPTS,
        *_SIGNS,
        *_SPACES,
        *_SYMBOLS,
        *_NO_UNICODE,
        *_mixed(),
        *_with_added(list(islice(added_tokens, _MOST_ADDED_TOKENS))),
    ]


def _mixed() -> Iterator[str]:
    triples = ["".join(triple) for triple in permutations(_PIECES, 3)]
    yield from triples
    for start in range(0, len(triples), 60):
        yield " ".join(triples[start : start + 60])


def _with_added(tokens: list[str]) -> Iterator[str]:
    for token in tokens:
        yield f"{token}a {token} {token}{token}\n{token} b{token}.{token[:-1]} {token.upper()}"
    yield "".join(tokens)
    yield " x ".join(reversed(tokens))
