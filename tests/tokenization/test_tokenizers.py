"""Tokens: ids without special tokens, fits that are exact by re-encoding, and tokenizers found or refused clearly."""

import json
import os
import pickle
import random
import subprocess
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from token_texts import FOLDERS

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.records import Reason
from nextlong_hub.testing import LocalHub
from nextlong_hub.tokenization import EMBEDDED, Fitted, Tokenizer, Unfitted, load_tokenizer

ALPHABET = "abcdehilnoprstuwCHW.,!0123456789\n\r\t éß日本"

INGREDIENTS = [
    "Hello world",
    " leading",
    "  two",
    "trailing ",
    "\n\n",
    "   \n\n\n  \n",
    "a\r\nb\r\n\r\n",
    " " * 20,
    "\n" * 10,
    "\t\t",
    "1234567",
    "<|endoftext|>",
    "<s>",
    "<0x0A>",
    "▁▁",
    "日本語、",
    "नमस्ते",
    "한국",
    "\u1112\u1161\u11ab",
    "e\u0301a\u0300\u0301",
    "\u0344",
    "👩\u200d👧 ",
    "𓀀",
    "\ufeff",
    "\x00",
    "don't",
    "ﬁ",
]
ORDINARY = "Hello  world,\n\n\té ß 日本語 한국 👩\u200d👧    \r\n 𓀀 don't <|endoftext|> <s> 12345"
NASTY_TEXTS = st.lists(st.sampled_from(INGREDIENTS) | st.text(max_size=4), min_size=1, max_size=12).map("".join)


def embedded_values() -> dict[str, Any]:
    """The embedded `tokenizer.json`, to be altered."""
    content = files("nextlong_hub.builders").joinpath("demo/gpt2/tokenizer.json").read_bytes()
    return json.loads(content)  # type: ignore[no-any-return]


def opened(values: dict[str, Any] | str, name: str = "tiny") -> Tokenizer:
    """A tokenizer made of the values of a `tokenizer.json`."""
    content = values if isinstance(values, str) else json.dumps(values)
    backend = tokenizers.Tokenizer.from_str(content)
    return Tokenizer(backend, name=name, location="nowhere", revision=None, digest="0" * 12)


def with_normalizer() -> Tokenizer:
    """Like Qwen: whole words first, and text composed (NFC), so that characters and tokens part ways."""
    values = embedded_values()
    values["normalizer"] = {"type": "NFC"}
    values["model"]["ignore_merges"] = True
    return opened(values)


def with_space_in_front() -> Tokenizer:
    """Like RoBERTa: a space put in front, and offsets that leave out spaces when they are asked for."""
    values = embedded_values()
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return opened(values | {"pre_tokenizer": byte_level, "post_processor": byte_level})


def without_words() -> Tokenizer:
    """Like Mistral and Gemma: no words, a `▁` put in front, runs of them added, bytes for unknown characters."""
    pieces = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *sorted(set(ALPHABET) - {" "})]
    merges = [("▁", "w"), ("l", "l"), ("o", "r"), ("▁w", "or"), ("▁", "▁"), ("▁▁", "▁▁"), ("\n", "\n"), ("日", "本")]
    pieces += ["".join(merge) for merge in merges]
    return opened(
        {
            "version": "1.0",
            "added_tokens": [
                {"id": pieces.index(content), "content": content, "special": content.startswith("<")}
                | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
                for content in ("<unk>", "<s>", "▁▁▁▁")
            ],
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Prepend", "prepend": "▁"},
                    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                ],
            },
            "model": {
                "type": "BPE",
                "unk_token": "<unk>",
                "fuse_unk": True,
                "byte_fallback": True,
                "vocab": {piece: number for number, piece in enumerate(pieces)},
                "merges": [list(merge) for merge in merges],
            },
        }
    )


def of_lower_case_words() -> Tokenizer:
    """Like BERT: lower case, no accents, no white space, and one unknown token for what it cannot spell."""
    letters = sorted({character.lower() for character in ALPHABET if character.isalnum()})
    pieces = ["[UNK]", *letters, *(f"##{letter}" for letter in letters), "hello", "wor", "##ld"]
    return opened(
        {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {piece: number for number, piece in enumerate(pieces)},
            },
        }
    )


MAKERS: dict[str, Callable[[], Tokenizer]] = {
    EMBEDDED: lambda: load_tokenizer(EMBEDDED),
    "normalizer": with_normalizer,
    "space in front": with_space_in_front,
    "no words": without_words,
    "lower-case words": of_lower_case_words,
}
TINY = frozenset(MAKERS)
if FOLDERS:
    for found in sorted(Path(FOLDERS).iterdir()):
        MAKERS[found.name] = lambda found=found: load_tokenizer(str(found))  # type: ignore[misc]


@cache
def tokenizer_named(name: str) -> Tokenizer:
    """Each tokenizer is opened once for all tests."""
    return MAKERS[name]()


every_tokenizer = pytest.mark.parametrize("name", MAKERS)


def check_fit(tokenizer: Tokenizer, text: str, target: int) -> str:
    """Check the promise of `fit` for one text and target; the kind of outcome comes back, to be counted."""
    total = len(tokenizer.encode(text))
    fitted = tokenizer.fit(text, target)
    assert fitted.total_tokens == total
    if isinstance(fitted, Unfitted):
        assert fitted.reason is (Reason.BELOW_TARGET if total < target else Reason.NO_EXACT_CUT)
        return fitted.reason
    assert total >= target
    kept = text[: fitted.characters]
    encoding = tokenizer._backend.encode(kept, add_special_tokens=False)
    assert fitted.input_ids.dtype == np.int32
    assert fitted.input_ids.shape == (target,)
    assert fitted.input_ids.tolist() == encoding.ids == tokenizer.encode(kept).tolist()
    starts = tokenizer.encode_with_starts(kept)[1]
    assert starts.tolist() == [start for start, _ in encoding.offsets]
    assert (np.diff(starts) >= 0).all()
    assert starts[0] >= 0
    assert starts[-1] < fitted.characters <= len(text)
    return "fitted"


@every_tokenizer
@settings(deadline=None, max_examples=60)
@given(text=NASTY_TEXTS, choice=st.integers(0, 10_000))
def test_kept_text_encodes_to_exactly_the_target(name: str, text: str, choice: int) -> None:
    """Whatever the text, what `fit` keeps has the target length and the same ids when encoded by itself."""
    tokenizer = tokenizer_named(name)
    total = len(tokenizer.encode(text))
    check_fit(tokenizer, text, 1 + choice % (total + 1))


@every_tokenizer
@settings(deadline=None, max_examples=15)
@given(text=NASTY_TEXTS.map(lambda text: text[:60]))
def test_no_exact_cut_means_that_there_is_none(name: str, text: str) -> None:
    """A short text is called uncuttable only where none of all its prefixes has the target length."""
    tokenizer = tokenizer_named(name)
    reachable = set(tokenizer.count([text[:cut] for cut in range(1, len(text) + 1)]))
    for target in range(1, len(tokenizer.encode(text)) + 1):
        assert isinstance(tokenizer.fit(text, target), Fitted) == (target in reachable)


@pytest.mark.slow
@every_tokenizer
def test_every_target_of_a_nasty_text(name: str) -> None:
    """Behind four thousand characters of prose, every target in a nasty ending is fitted or rightly refused."""
    tokenizer = tokenizer_named(name)
    words = random.Random(7).choices(["the", " world", " hello", "1 ", "\n", "or ", "\n\n", "é "], k=1200)
    prose = "".join(words)
    text = prose + "".join(INGREDIENTS)
    first, total = tokenizer.count([prose, text])
    outcomes = Counter(check_fit(tokenizer, text, target) for target in range(first, total + 2))
    assert outcomes[Reason.BELOW_TARGET] == 1
    assert outcomes["fitted"] > 20
    if name == EMBEDDED:
        assert outcomes[Reason.NO_EXACT_CUT] > 5, "a pyramid of four tokens cannot be cut"


@every_tokenizer
@settings(deadline=None, max_examples=60)
@given(text=NASTY_TEXTS)
def test_places_told_from_spellings_are_those_of_the_library(name: str, text: str) -> None:
    """Whatever the text, a token's place is the one that the library finds by tracking characters."""
    tokenizer = tokenizer_named(name)
    ids = tokenizer.encode(text)
    spans = tokenizer._spans(text, ids, True)
    encoding = tokenizer._backend.encode(text, add_special_tokens=False)
    assert ids.tolist() == encoding.ids
    assert list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)) == encoding.offsets


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (EMBEDDED, ORDINARY, True),
        ("space in front", ORDINARY, True),
        ("normalizer", ORDINARY, True),
        ("normalizer", ORDINARY + "e\u0301", False),  # two characters become one
        ("no words", "hello   world\n\n日本語 𓀀      é", True),
        ("no words", "hello ▁ world", False),  # a sign that is spelled like a space
    ],
)
def test_spellings_suffice_where_the_text_is_encoded_as_it_stands(name: str, text: str, told: bool) -> None:
    """The dear way is left to texts that a tokenizer changes or does not know."""
    tokenizer = tokenizer_named(name)
    assert tokenizer._spellings is not None
    assert (tokenizer._spellings.spans(text, tokenizer.encode(text)) is not None) is told


def test_starts_do_not_depend_on_what_a_tokenizer_leaves_out_of_offsets() -> None:
    """A token's first character may be a space, even where the tokenizer's settings would have it skipped."""
    values = embedded_values()
    values["post_processor"] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    assert opened(values).encode_with_starts("one two  three")[1].tolist() == [0, 3, 7, 8]


def test_cuts_worked_out_by_hand() -> None:
    """GPT-2 by hand: a cut between tokens, one inside a word that gives the missing token, and none at all."""
    gpt2 = tokenizer_named(EMBEDDED)
    text = " republic\n\nCapital"  # ' republic' '\n' '\n' 'Capital'
    assert gpt2.encode(text).tolist() == [17146, 198, 198, 39315]
    cuts = {target: gpt2.fit(text, target) for target in range(1, 6)}
    kept = {target: text[: fit.characters] for target, fit in cuts.items() if isinstance(fit, Fitted)}
    # ' republic\n\n' has two tokens, the next character makes it four; ' republi' has three: ' rep' 'ub' 'li'.
    assert kept == {1: " republic", 2: " republic\n", 3: " republi", 4: text}
    assert cuts[5] == Unfitted(total_tokens=4, reason=Reason.BELOW_TARGET)
    starts = {target: gpt2.encode_with_starts(one)[1].tolist() for target, one in kept.items()}
    assert starts == {1: [0], 2: [0, 9], 3: [0, 4, 6], 4: [0, 9, 10, 11]}
    assert gpt2.fit("𓀀x", 3) == Unfitted(total_tokens=5, reason=Reason.NO_EXACT_CUT)


def test_first_guess_is_kept_where_it_is_exact() -> None:
    """Between two tokens that nothing joins, the cut is the end of the last wanted token."""
    gpt2 = tokenizer_named(EMBEDDED)
    fitted = gpt2.fit("one two three four", 3)
    assert isinstance(fitted, Fitted)
    assert (fitted.characters, fitted.total_tokens) == (len("one two three"), 4)


def test_target_below_one_is_refused() -> None:
    """A target of no tokens is a mistake, and named."""
    with pytest.raises(RecipeError, match="target length of 0 tokens was asked for; it must be at least 1"):
        tokenizer_named(EMBEDDED).fit("text", 0)


def test_empty_text_falls_short() -> None:
    """An empty text has no tokens and reaches no target."""
    gpt2 = tokenizer_named(EMBEDDED)
    assert gpt2.encode("").tolist() == []
    assert gpt2.count([]) == []
    assert gpt2.fit("", 1) == Unfitted(total_tokens=0, reason=Reason.BELOW_TARGET)


@pytest.mark.parametrize("text", ["<|endoftext|>", "a<|endoftext|>b", " <|endoftext|>\n"])
def test_special_token_text_stays_text(text: str) -> None:
    """A document that spells an end-of-text token gets plain tokens, never the control token."""
    gpt2 = tokenizer_named(EMBEDDED)
    ids = gpt2.encode(text)
    assert len(ids) >= 7
    assert 50256 not in ids
    assert gpt2.count([text]) == [len(ids)]


@every_tokenizer
def test_count_is_the_length_of_encode(name: str) -> None:
    """Counting, in batches and on threads, agrees with encoding each text."""
    tokenizer = tokenizer_named(name)
    texts = ["".join(random.Random(number).choices(INGREDIENTS, k=5)) for number in range(600)]
    expected = [len(tokenizer.encode(text)) for text in texts]
    assert sum(expected) > 600
    assert tokenizer.count(texts) == tokenizer.count(texts, threads=2) == expected


def test_settings_for_training_batches_are_ignored() -> None:
    """Truncation, padding and dropout stored with a tokenizer neither shorten a text nor leave its ids to luck."""
    values = embedded_values()
    values["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    values["padding"] = {
        "strategy": {"Fixed": 64},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "!",
    }
    values["model"]["dropout"] = 0.5
    text = "It was the best of times, it was the worst of times."
    assert opened(values).encode(text).tolist() == tokenizer_named(EMBEDDED).encode(text).tolist()


@every_tokenizer
def test_ids_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    """Who encodes a row with `AutoTokenizer`, adding and splitting as we do, gets our ids."""
    ours = tokenizer_named(name)
    if name in TINY:
        (tmp_path / "tokenizer.json").write_text(ours._backend.to_str())
        (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
        folder = str(tmp_path)
    else:
        folder = ours.location
    with warnings.catch_warnings(action="ignore"):
        from transformers import AutoTokenizer

        theirs = AutoTokenizer.from_pretrained(folder)
        texts = ["".join(random.Random(number).choices(INGREDIENTS, k=6)) for number in range(150)] + INGREDIENTS
        for text in texts:
            expected = theirs(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            assert ours.encode(text).tolist() == expected


def test_embedded_tokenizer_is_the_folder_of_that_content(tmp_path: Path) -> None:
    """`demo` and a copy of its folder have the same digest and ids; one other byte gives another digest."""
    embedded = load_tokenizer(EMBEDDED)
    with as_file(files("nextlong_hub.builders").joinpath("demo/gpt2")) as folder:
        content = (folder / "tokenizer.json").read_bytes()
    (tmp_path / "tokenizer.json").write_bytes(content)
    copy = load_tokenizer(str(tmp_path))
    assert (embedded.name, embedded.revision, embedded.vocabulary_size) == (EMBEDDED, None, 50257)
    assert (copy.name, copy.location) == (str(tmp_path), str(tmp_path.resolve()))
    assert copy.digest == embedded.digest
    assert len(copy.digest) == 12
    assert copy.encode("Hello world").tolist() == embedded.encode("Hello world").tolist() == [15496, 995]
    (tmp_path / "tokenizer.json").write_bytes(content + b" ")
    assert load_tokenizer(str(tmp_path)).digest != embedded.digest


def test_pickled_tokenizer_opens_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer loaded by a relative path travels as a few bytes and opens in a process that works elsewhere."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tokenizer.json").write_text(of_lower_case_words()._backend.to_str())
    monkeypatch.chdir(tmp_path)
    tokenizer = load_tokenizer("mine")
    travelling = pickle.dumps(tokenizer)
    assert len(travelling) < 1000
    monkeypatch.chdir(tmp_path.parent)
    arrived = pickle.loads(travelling)
    assert (arrived.name, arrived.digest) == ("mine", tokenizer.digest)
    assert arrived.encode("Hello").tolist() == tokenizer.encode("Hello").tolist()
    (tmp_path / "mine" / "tokenizer.json").write_text(without_words()._backend.to_str())
    with pytest.raises(DataError, match=f"the tokenizer mine had the digest {tokenizer.digest} .* put the old files"):
        pickle.loads(travelling)


@pytest.mark.slow
def test_forking_after_use_is_silent(tmp_path: Path) -> None:
    """A process that has counted and fitted may fork without a hang or a warning; a user's own setting is kept."""
    script = """
        import os, sys
        from nextlong_hub.tokenization import load_tokenizer
        gpt2 = load_tokenizer("demo")
        gpt2.count(["some text"] * 600, threads=2), gpt2.fit("some text and more", 2)
        child = os.fork()
        if child == 0:
            os._exit(0 if gpt2.count(["a b"] * 600) == [2] * 600 else 1)
        threaded = "pyarrow" in sys.modules  # it starts a thread, of which Python warns from 3.12 on
        print(os.waitpid(child, 0)[1], threaded, os.environ["TOKENIZERS_PARALLELISM"])
    """
    environment = {key: value for key, value in os.environ.items() if key != "TOKENIZERS_PARALLELISM"}
    for asked, kept in ({}, "false"), ({"TOKENIZERS_PARALLELISM": "0"}, "0"):
        done = run_python(script, environment | asked)
        assert (done.stdout, done.stderr) == (f"0 False {kept}\n", "")


@pytest.mark.parametrize("name", ["./nowhere", "no/such/folder", "/nowhere/at all"])
def test_missing_folder_is_named(name: str) -> None:
    """A path that leads nowhere is said to be a missing folder, not a bad Hub name."""
    with pytest.raises(RecipeError, match=f"there is no folder {name} .* give a folder that holds tokenizer.json"):
        load_tokenizer(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no tokenizer that tokenizers .* can read"),
        (b'{"version": "1.0"}', "its settings are not those of a tokenizer"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "`git lfs pull` if it is"),
    ],
)
def test_broken_tokenizer_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    """A file that is no tokenizer is refused by name, with what to do."""
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(RecipeError, match=message) as caught:
        load_tokenizer(str(tmp_path))
    assert str(tmp_path / "tokenizer.json") in str(caught.value)


def test_folder_without_tokenizer_and_file_are_refused(tmp_path: Path) -> None:
    """A folder of other things, and a file where a folder is needed, are refused with the remedy."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(RecipeError, match=r"holds no tokenizer; give one that holds tokenizer\.json"):
        load_tokenizer(str(tmp_path))
    with pytest.raises(RecipeError, match=r"notes.txt is a file; give the folder that holds tokenizer.json"):
        load_tokenizer(str(tmp_path / "notes.txt"))


def test_older_files_are_converted(tmp_path: Path) -> None:
    """Without a `tokenizer.json`, transformers makes a fast tokenizer of a vocabulary and merges, with the same ids."""
    write_older_files(tmp_path)
    converted = load_tokenizer(str(tmp_path))
    assert len(converted.digest) == 12
    for text in INGREDIENTS:
        assert converted.encode(text).tolist() == tokenizer_named(EMBEDDED).encode(text).tolist()
    assert check_fit(converted, "one two three four", 3) == "fitted"


def test_slow_tokenizer_is_refused(tmp_path: Path) -> None:
    """A tokenizer that exists in Python only cannot say where its tokens lie, and is refused by name."""
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "ByT5Tokenizer"}')
    with pytest.raises(RecipeError, match=r"\(ByT5Tokenizer\) is a slow one, .* give one that has a tokenizer.json"):
        load_tokenizer(str(tmp_path))


def test_code_beside_a_tokenizer_is_never_run(tmp_path: Path) -> None:
    """A folder whose tokenizer is a program of its own is refused, and the program does not run."""
    trace = tmp_path / "it-ran"
    (tmp_path / "own.py").write_text(f"open({str(trace)!r}, 'w')\nclass OwnTokenizer: pass\n")
    config = {"tokenizer_class": "OwnTokenizer", "auto_map": {"AutoTokenizer": ["own.OwnTokenizer", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(RecipeError, match="transformers cannot make one of the other files"):
        load_tokenizer(str(tmp_path))
    assert not trace.exists()


@pytest.mark.slow
def test_hub_tokenizers_are_pinned_to_their_commit(tmp_path: Path) -> None:
    """From the Hub comes the newest commit or the one asked for; the pinned name opens it offline; faults are named."""
    first = of_lower_case_words()._backend.to_str().encode()
    second = without_words()._backend.to_str().encode()
    write_older_files(tmp_path)
    script = """
        import json, sys
        from nextlong_hub.errors import NextLongError
        from nextlong_hub.tokenization import load_tokenizer
        for name in sys.argv[1:]:
            try:
                found = load_tokenizer(name)
                answer = [found.location, found.revision, found.vocabulary_size]
            except NextLongError as error:
                answer = [type(error).__name__, str(error)]
            print("ANSWER", json.dumps(answer))
    """
    with LocalHub() as hub:
        hub.put("models", "tester/words", {"tokenizer.json": first})
        hub.put("models", "tester/words", {"tokenizer.json": second})
        hub.put("models", "tester/older", {path.name: path.read_bytes() for path in tmp_path.iterdir()})
        hub.put("models", "tester/closed", {"tokenizer.json": first}, gated=True)
        new, old, *_ = (commit.oid for commit in hub.commits("models", "tester/words"))
        stranger = hub.add_account("stranger")
        names = ["tester/words", f"tester/words@{old}", "tester/words@nothing", "tester/older", "tester/no-such"]
        online = answers(run_python(script, os.environ | hub.environment(), *names))
        refused = answers(run_python(script, os.environ | hub.environment(stranger), "tester/closed"))
        offline = {**os.environ, **hub.environment(), "HF_HUB_OFFLINE": "1"}
        cached = answers(run_python(script, offline, f"tester/words@{old}", "tester/other"))
    assert online[0] == [f"tester/words@{new}", new, without_words().vocabulary_size]
    assert online[1] == [f"tester/words@{old}", old, of_lower_case_words().vocabulary_size]
    assert online[2][0] == "RecipeError"
    assert "has no revision nothing" in online[2][1]
    assert online[3][2] == 50257
    assert online[4][0] == "RecipeError"
    assert "tester/no-such is neither a folder here nor a repository" in online[4][1]
    assert refused[0][0] == "AuthError"
    assert "is gated and this account has no access" in refused[0][1]
    assert cached[0] == online[1]
    assert cached[1][0] == "NetworkError"
    assert "there is no folder tester/other here" in cached[1][1]


def write_older_files(folder: Path) -> None:
    """GPT-2 as it was kept before `tokenizer.json`."""
    model = embedded_values()["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(model["merges"]) + "\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')


def run_python(script: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter of its own."""
    command = [sys.executable, "-W", "error::DeprecationWarning:nextlong_hub", "-c", textwrap.dedent(script)]
    return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=True)


def answers(done: subprocess.CompletedProcess[str]) -> list[list[Any]]:
    """What a script answered, line by line."""
    return [json.loads(line.removeprefix("ANSWER ")) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
