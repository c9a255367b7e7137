r"""Where a text may be cut so that its tokens are those of the two parts put together: the proofs.

A place p in a text is a *safe split point* of a tokenizer when, for every text before and behind it,

    ids(text) == ids(text[:p]) + ids(text[p:])

Three kinds of places are considered, by the two characters around them. L is a letter, ␣ a space, ⏎ a line feed:

    L | ␣     L | ⏎     ⏎ | L

**Byte-level tokenizers** cut a text into words by a regular expression, and a word's tokens depend on nothing else. So
p is a safe split point if a word always ends there, and if neither half needs to see the other to find its words. The
expressions are known ones, compared letter by letter; for each:

* L | ␣ and L | ⏎. Only alternatives that can hold a letter reach p: `\p{L}+` with at most one character before it
  (GPT-2, Llama 3, Qwen, DeepSeek), the two over `\p{Lu}…\p{Lo}\p{M}` (tekken, o200k), contractions (`'s`, `'ll`; o200k
  has them also behind a word) and DeepSeek's `[punctuation][A-Za-z]+`. In none of them may white space follow a letter,
  so no word holds both sides. When a loop over letters, or a contraction begun before p, looks at the character behind
  p, it meets a space or a line feed where the left half alone has its end: it stops or fails at both alike. `\s+(?!\S)`
  looks one character past a run of white space; such a run in the left half ends before the letter, so it looks no
  farther than that. Nothing looks back, so the right half does not see the letter.
* ⏎ | L, for all of them but GPT-2's. What can hold the line feed: `[\r\n]*` (or `[\r\n/]*`) behind punctuation, which
  stops at a letter as it does at the end; and `\s*[\r\n]+`, which stands before `\s+(?!\S)` and `\s+` and takes a run
  of white space up to its last line feed, here its end, in both. `[^\r\n\p{L}\p{N}]?\p{L}+` cannot begin with one.
  GPT-2 has no such alternative: `\s+(?!\S)` takes two line feeds together at the end of a text, apart before a letter.
* Further splitters before the last one (digits, DeepSeek's CJK runs) hold no white space in a match and look neither
  way; where they do not cut at p, the last one does.
* NFC (Qwen): a space or line feed composes with nothing and is never moved, so each half composes by itself. Only
  letters that NFC leaves alone count as L: U+FB1D is one, but becomes a letter and a mark, and marks behave otherwise.
* L are the letters of Unicode 3.2 that still are ones: no version of a regular expression library disagrees on them.

**SentencePiece-like BPE** (Gemma, Llama 2, Mistral v1-v3) replaces spaces by `▁` and merges over the whole text. A
merge makes an entry of the vocabulary, so if no entry holds L▁ (L⏎, ⏎L), no merge ever joins what stands around such a
place, and merges left and right of it, taken by rank and then from the left, do not compete. The vocabulary is searched
when the tokenizer is opened. The character that is no letter must be in the vocabulary or have its byte there, or it
could melt with an unknown letter (`fuse_unk`). A `▁` that is put in front of a text is put in front of its first part.

**Added tokens** are taken out of a text before all this, the leftmost and longest first. One that holds such a place
ends the proof, and so does one that looks around itself (`lstrip`, `rstrip`, `single_word`) unless it is special:
special ones are found, too, but then left in the text. Where a `▁` is put in front, any that is not special ends the
proof: what follows it would get another `▁`.

Everything else (WordPiece, Unigram, an unknown expression or normalizer) is not proven: there a text is encoded whole.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import tokenizers

from nextlong_hub.tokenization.spellings import byte_alphabet

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
_WORDS = {
    "Llama 3": rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}",
    "Qwen 2": rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}",
    "Qwen 3.5": rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}",
    "tekken": rf"{_CASED[0]}|{_CASED[1]}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}",
    "o200k": rf"{_CASED[0]}{_CONTRACTIONS}?|{_CASED[1]}{_CONTRACTIONS}?|\p{{N}}{{1,3}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}",
    "DeepSeek": r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}".replace(r"\r\n", "\r\n"),
}
"""Expressions by which byte-level tokenizers find words, all with the three kinds of safe split points."""
_BEFORE_WORDS = (r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+")
"""Expressions that may split a text before, as DeepSeek's do."""

_KINDS = {"letter, space": (False, " "), "letter, line feed": (False, "\n"), "line feed, letter": (True, "\n")}
_VISIBLE_SPACE = "▁"
_BYTE_INSIDE = re.compile(r".<0x[0-9A-F]{2}>|<0x[0-9A-F]{2}>.", re.DOTALL)
_FIRST_LOOK_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPoints:
    """The safe split points of one tokenizer, or the reason why none is proven."""

    places: re.Pattern[str] | None
    """Matches up to each of them; None when none is proven."""
    doubt: str
    """Why none is proven; empty when some are."""
    prefixed: bool = False
    """Whether something is put in front of a text, which a part that is not its first must do without."""
    altered_by: Callable[[str], bool] = bool
    """Whether the tokenizer may alter a text before it cuts it into tokens. Where it does not, and split
    points are proven, tokens spell the text: byte-level tokenizers lose no byte, the others fall back to bytes."""

    def first(self, text: str) -> int | None:
        """The first safe split point inside a text; None when there is none."""
        found = self.places.search(text) if self.places else None
        return found.end() if found else None

    def last(self, text: str, start: int = 0, stop: int | None = None) -> int | None:
        """The last safe split point inside `text[start:stop]`, as a place in `text`; None when there is none."""
        if self.places is None:
            return None
        stop = len(text) if stop is None else stop
        reach = _FIRST_LOOK_CHARACTERS
        while True:
            low = max(start, stop - reach)
            found = None
            for found in self.places.finditer(text, low, stop):  # noqa: B007  the last one is wanted
                pass
            if found or low == start:
                return found.end() if found else None
            reach *= 2

    def blocks(self, text: str, characters: int) -> Iterator[str]:
        """A text in parts of about so many characters that can be encoded apart; whole where nothing is proven."""
        start = 0
        while self.places and len(text) - start > 2 * characters:
            found = self.places.search(text, start + characters)
            if found is None:
                break
            yield text[start : found.end()]
            start = found.end()
        yield text[start:]


def prove(backend: tokenizers.Tokenizer) -> SplitPoints:
    """The safe split points that are proven for a tokenizer."""
    own = _word_kinds(backend)
    if isinstance(own, str):
        return SplitPoints(places=None, doubt=own)
    kinds, has_prefix = own
    places = _places(kinds)
    sees_visible_spaces = not isinstance(backend.decoder, tokenizers.decoders.ByteLevel)
    for token in backend.get_added_tokens_decoder().values():
        text = token.content.replace(_VISIBLE_SPACE, " ") if sees_visible_spaces else token.content
        doubt = ""
        if places.search(text):
            doubt = "spans a place between words"
        elif not token.special and (token.lstrip or token.rstrip or token.single_word):
            doubt = "depends on what stands around it"
        elif not token.special and has_prefix:
            doubt = f"is followed by another {_VISIBLE_SPACE}"
        if doubt:
            return SplitPoints(places=None, doubt=f"the added token {token.content!r} {doubt}")
    return SplitPoints(places=places, doubt="", prefixed=has_prefix, altered_by=_alteration(backend))


def _alteration(backend: tokenizers.Tokenizer) -> Callable[[str], bool]:
    """See `SplitPoints.altered_by`."""
    if isinstance(backend.decoder, tokenizers.decoders.ByteLevel):
        return _is_not_composed if _steps(backend.normalizer, "normalizers") else _never
    vocabulary = backend.get_vocab(with_added_tokens=False)
    if backend.model.byte_fallback and all(f"<0x{byte:02X}>" in vocabulary for byte in range(256)):
        return _has_visible_space
    return bool


def _never(text: str) -> bool:
    return False


def _is_not_composed(text: str) -> bool:
    return not unicodedata.is_normalized("NFC", text)


def _has_visible_space(text: str) -> bool:
    return _VISIBLE_SPACE in text


def without_prefix(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """A copy of a tokenizer with `SplitPoints.prefixed` that puts nothing in front of a text."""
    values = json.loads(backend.to_str())
    normalizer, splitter = values["normalizer"], values["pre_tokenizer"]
    if normalizer is not None and normalizer["type"] == "Sequence":
        normalizer["normalizers"] = [step for step in normalizer["normalizers"] if step["type"] != "Prepend"]
    if splitter is not None and splitter["type"] == "Metaspace":
        splitter["prepend_scheme"] = "never"
    copy = tokenizers.Tokenizer.from_str(json.dumps(values))
    copy.encode_special_tokens = backend.encode_special_tokens
    return copy


def _word_kinds(backend: tokenizers.Tokenizer) -> tuple[frozenset[str], bool] | str:
    """Kinds of safe split points under the tokenizer's steps, and whether it prefixes a text; else the doubt."""
    if not isinstance(backend.model, tokenizers.models.BPE):
        return f"its model is {type(backend.model).__name__}, not BPE"
    splitters = _steps(backend.pre_tokenizer, "pretokenizers")
    normalizers = _steps(backend.normalizer, "normalizers")
    if splitters and splitters[-1]["type"] == "ByteLevel":
        return _byte_level_kinds(backend, normalizers, splitters)
    return _sentencepiece_kinds(backend, normalizers, splitters)


def _steps(component: Any, parts: str) -> list[dict[str, Any]]:
    """The steps of a normalizer or pre-tokenizer, each as the settings it has in a `tokenizer.json`."""
    if component is None:
        return []
    state: dict[str, Any] = json.loads(component.__getstate__())
    return list(state[parts]) if state["type"] == "Sequence" else [state]


def _byte_level_kinds(
    backend: tokenizers.Tokenizer, normalizers: list[dict[str, Any]], splitters: list[dict[str, Any]]
) -> tuple[frozenset[str], bool] | str:
    if any(step["type"] != "NFC" for step in normalizers):
        return f"its normalizer {normalizers[0]['type']} is not a known one"
    if splitters[-1]["add_prefix_space"]:
        return "it puts a space in front of a text"
    vocabulary = backend.get_vocab(with_added_tokens=False)
    if any(chr(sign) not in vocabulary for sign in byte_alphabet()):
        return "its vocabulary lacks some bytes"
    *before, last = splitters if splitters[-1]["use_regex"] else splitters[:-1] or [splitters[-1]]
    if last["type"] == "ByteLevel" and not last["use_regex"]:
        return "it does not split a text into words"
    for step in before:
        if step["type"] != "Digits" and _expression(step) not in _BEFORE_WORDS:
            return f"its pre-tokenizer {step['type']} is not a known one"
    if last["type"] == "ByteLevel":  # GPT-2's own expression
        return frozenset({"letter, space", "letter, line feed"}), False
    if _expression(last) not in _WORDS.values():
        return "the expression by which it finds words is not a known one"
    return frozenset(_KINDS), False


def _expression(step: dict[str, Any]) -> str | None:
    """The regular expression of a step that isolates what it matches."""
    if step["type"] != "Split" or step["behavior"] != "Isolated" or step["invert"]:
        return None
    found = step["pattern"].get("Regex")
    return None if found is None else str(found)


def _sentencepiece_kinds(
    backend: tokenizers.Tokenizer, normalizers: list[dict[str, Any]], splitters: list[dict[str, Any]]
) -> tuple[frozenset[str], bool] | str:
    model = backend.model
    replaced = {"type": "Replace", "pattern": {"String": " "}, "content": _VISIBLE_SPACE}
    prepended = {"type": "Prepend", "prepend": _VISIBLE_SPACE}
    no_op = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    metaspaces = [step for step in splitters if step["type"] == "Metaspace"]
    known = normalizers in ([replaced], [prepended, replaced]) and splitters in ([], [no_op])
    if not known and (normalizers or len(splitters) != 1 or not metaspaces):
        return "its normalizer or pre-tokenizer is not a known one"
    if metaspaces and metaspaces[0]["replacement"] != _VISIBLE_SPACE:
        return "its sign for a space is not a known one"
    if model.ignore_merges or model.continuing_subword_prefix or model.end_of_word_suffix:
        return "its tokens depend on where a text begins or ends"
    vocabulary = backend.get_vocab(with_added_tokens=False)
    has_prefix = prepended in normalizers or any(step.get("prepend_scheme") != "never" for step in metaspaces)
    kinds = frozenset(_unbridged(vocabulary, falls_back=model.byte_fallback))
    return (kinds, has_prefix) if kinds else "its vocabulary has entries that bridge the places between words"


def _unbridged(vocabulary: Iterable[str], *, falls_back: bool) -> Iterator[str]:
    """The kinds of places that no entry of a vocabulary, and so no merge, bridges."""
    entries = set(vocabulary)
    if any(_BYTE_INSIDE.search(entry) for entry in entries if "<0x" in entry):
        return
    spelled = [entry.replace(_VISIBLE_SPACE, " ") for entry in entries if len(entry) > 1]
    spelled = [entry for entry in spelled if " " in entry.lstrip(" ") or "\n" in entry]
    for kind, (_, sign) in _KINDS.items():
        symbol = sign.replace(" ", _VISIBLE_SPACE)
        is_known = symbol in entries or (falls_back and f"<0x{ord(sign):02X}>" in entries)
        if is_known and not any(_places(frozenset({kind})).search(entry) for entry in spelled):
            yield kind


@cache
def _places(kinds: frozenset[str]) -> re.Pattern[str]:
    """Matches up to each place of these kinds; a lookahead sees no farther than the end of the text given."""
    behind = "".join(sign.replace("\n", "\\n") for after, sign in (_KINDS[kind] for kind in sorted(kinds)) if not after)
    parts = [f"[{_letters()}](?=[{behind}])"] if behind else []
    if "line feed, letter" in kinds:
        parts.append(rf"\n(?=[{_letters()}])")
    return re.compile("|".join(parts))


@cache
def _letters() -> str:
    """Letters since Unicode 3.2 that NFC leaves alone, as the inside of a character class."""
    was = unicodedata.ucd_3_2_0.category
    letters = [
        number
        for number in range(0x1_0000)
        if was(character := chr(number))[0] == unicodedata.category(character)[0] == "L"
        and unicodedata.normalize("NFC", character) == character
    ]
    runs = [list(run) for _, run in groupby(enumerate(letters), lambda pair: pair[1] - pair[0])]
    return "".join(f"\\u{run[0][1]:04x}-\\u{run[-1][1]:04x}" for run in runs)
