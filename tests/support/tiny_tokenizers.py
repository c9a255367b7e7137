"""Small tokenizers of the families whose split points are proven, trained in a moment, and some that are not proven."""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers

from nextlong_hub.tokenization import Tokenizer

PATTERNS = {
    "llama 3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    "qwen 2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    "qwen 3.5": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    "tekken": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
"""Expressions as they stand in the `tokenizer.json` of models, copied out by hand."""

DEEPSEEK = (
    r"\p{N}{1,3}",
    "[一-龥\u3040-\u309f\u30a0-\u30ff]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
    "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*"
    "|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
)
"""The same of a model that splits three times; its line feeds are real ones."""


@cache
def demo_texts() -> tuple[str, ...]:
    """Some documents of the embedded corpus."""
    content = files("nextlong_hub.builders").joinpath("demo/corpus.parquet").read_bytes()
    return tuple(pq.read_table(BytesIO(content), columns=["text"])["text"].to_pylist()[::40])


def ours(backend: tokenizers.Tokenizer) -> Tokenizer:
    """Our side of a tokenizer of the library."""
    return Tokenizer(backend, name="tiny", location="nowhere", revision=None, digest="0" * 12)


def byte_level(*patterns: str, normalizer: Any = None, added: tuple[AddedToken, ...] = ()) -> Tokenizer:
    """A byte-level tokenizer that finds words by these expressions, or by GPT-2's own when there is none."""
    backend = tokenizers.Tokenizer(models.BPE())
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not patterns)
    backend.pre_tokenizer = pre_tokenizers.Sequence([*splits, last])
    backend.decoder = decoders.ByteLevel()
    if normalizer:
        backend.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False, min_frequency=2)
    backend.train_from_iterator(demo_texts(), trainer)
    backend.add_tokens(list(added))
    return ours(backend)


def of_bytes(*words: str, added: tuple[AddedToken, ...] = ()) -> Tokenizer:
    """A tokenizer in which each byte is a token, but for these words, each learned from its end to its beginning."""
    alphabet = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelled = [alphabet.pre_tokenize_str(word)[0][0] for word in words]
    merges = [(word[place], word[place + 1 :]) for word in spelled for place in range(len(word) - 2, -1, -1)]
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(first + rest for first, rest in merges)]
    backend = tokenizers.Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, merges))
    backend.pre_tokenizer = alphabet
    backend.decoder = decoders.ByteLevel()
    backend.add_tokens(list(added))
    return ours(backend)


def sentencepiece(*, whole: bool = False, form: str = "prepend", added: tuple[AddedToken, ...] = ()) -> Tokenizer:
    """A tokenizer that merges over the whole text; `whole` also lets it learn merges over the whole text."""
    learner = tokenizers.Tokenizer(models.BPE())
    if whole:
        learner.normalizer = normalizers.Replace(" ", "▁")
    else:
        learner.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Split("\n", "isolated")]
        )
    trainer = trainers.BpeTrainer(vocab_size=500, show_progress=False, min_frequency=2, limit_alphabet=100)
    learner.train_from_iterator([text[:3000] for text in demo_texts()], trainer)
    model = json.loads(learner.to_str())["model"]
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *sorted(model["vocab"], key=model["vocab"].get)]
    backend = tokenizers.Tokenizer(
        models.BPE(
            {piece: number for number, piece in enumerate(dict.fromkeys(pieces))},
            [tuple(merge) for merge in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    if form == "metaspace":
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        steps = [normalizers.Prepend("▁")] if form == "prepend" else []
        replace = normalizers.Replace(" ", "▁")
        backend.normalizer = normalizers.Sequence([*steps, replace]) if steps else replace
        if form == "gemma":
            backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    backend.add_tokens(list(added))
    return ours(backend)


def plain(text: str, **more: Any) -> AddedToken:
    """An added token that is not special and matched as it stands."""
    return AddedToken(text, special=False, normalized=False, **more)


PROVEN: dict[str, Callable[[], Tokenizer]] = {
    "gpt-2": byte_level,
    **{name: (lambda pattern=pattern: byte_level(pattern)) for name, pattern in PATTERNS.items()},  # type: ignore[misc]
    "deepseek": lambda: byte_level(*DEEPSEEK),
    "qwen 2 with NFC": lambda: byte_level(
        PATTERNS["qwen 2"], normalizer=normalizers.NFC(), added=(plain("<tool_call>"), plain("</tool_call>"))
    ),
    "mistral": sentencepiece,
    "mistral, by metaspace": lambda: sentencepiece(form="metaspace"),
    "gemma": lambda: sentencepiece(form="gemma", added=(plain("▁▁▁"), plain("\n\n"), plain("<mask>"))),
}
"""Tokenizers whose split points are proven, by family."""
