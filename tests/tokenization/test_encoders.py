"""The fast encoder: the ids of the reference or none, trusted only where it was tried, and only where it saves time."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from building import make_request, published
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_tokenizers import PATTERNS, PROVEN, byte_level, demo_texts, plain, sentencepiece
from token_texts import FOLDERS, TEXTS
from tokenizers import AddedToken

from nextlong_hub.dataset.manifest import read_manifest
from nextlong_hub.errors import RecipeError
from nextlong_hub.pipeline import build
from nextlong_hub.tokenization import ENCODER_VARIABLE, Tokenizer, encoding, load_tokenizer, trust
from nextlong_hub.tokenization.bounded import BoundedCalls
from nextlong_hub.tokenization.encoding import TextEncoder
from nextlong_hub.tokenization.fast import FastEncoder
from nextlong_hub.tokenization.hostile_texts import hostile_texts
from nextlong_hub.tokenization.trust import Verdict, cache_folder, verdict_on
from nextlong_hub.verification import verify

pytest.importorskip("fastokens", reason="there is no fast encoder for this machine")

MAKERS: dict[str, Callable[[], Tokenizer]] = {
    **{name: maker for name, maker in PROVEN.items() if name != "mistral, by metaspace"},
    "the embedded one": lambda: load_tokenizer("demo"),
    "words of its own": lambda: byte_level(PATTERNS["qwen 2"] + "|x"),
    "added tokens": lambda: byte_level(
        PATTERNS["llama 3"],
        added=(AddedToken("<|end|>", special=True, normalized=False), plain("<think>"), plain("  "), plain("<mask>")),
    ),
    "added tokens, SentencePiece": lambda: sentencepiece(
        form="gemma", added=(AddedToken("<eos>", special=True, normalized=False), plain("<think>"), plain("\n\n"))
    ),
}
SPELLED = st.lists(
    st.sampled_from(["<|end|>", "<think>", "<eos>", "<mask>", "  ", "\n\n", "<|endoftext|>"]) | TEXTS, max_size=6
).map("".join)


@pytest.fixture
def auto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of verdicts, and the fast encoder allowed; the folder of the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(ENCODER_VARIABLE, "auto")
    encoding._tell.cache_clear()
    yield cache_folder()


@cache
def both(name: str) -> tuple[FastEncoder, Callable[[str], NDArray[np.int32]]]:
    """The fast encoder of a tokenizer, and its reference."""
    backend = MAKERS[name]().copy_backend()
    return FastEncoder(backend.to_str()), lambda text: ids_of(backend, text)


def reference_ids(tokenizer: Tokenizer, text: str) -> NDArray[np.int32]:
    """What the library makes of a text: special tokens are text."""
    return ids_of(tokenizer.copy_backend(), text)


def ids_of(backend: tokenizers.Tokenizer, text: str) -> NDArray[np.int32]:
    """The same by a tokenizer of the library."""
    return np.array(backend.encode(text, add_special_tokens=False).ids, np.int32)


def text_encoder(tokenizer: Tokenizer) -> TextEncoder:
    """One that has encoded nothing yet."""
    backend = tokenizer.copy_backend()
    return TextEncoder(backend, BoundedCalls("tiny", backend), "tiny")


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=100)
@given(text=TEXTS | SPELLED)
def test_both_encoders_give_the_same_ids(name: str, text: str) -> None:
    """The law, for every family of tokenizers, with added tokens spelled in the text."""
    fast, reference = both(name)
    assert fast.encode(text).tolist() == reference(text).tolist()


@pytest.mark.slow
@pytest.mark.skipif(not FOLDERS, reason="NEXTLONG_TOKENIZERS names no folder of tokenizer folders")
def test_real_tokenizers_are_encoded_alike() -> None:
    """The law for published models, on all hostile texts: the fast encoder gives the same ids, or is not trusted."""
    for folder in sorted(path for path in Path(str(FOLDERS)).iterdir() if path.is_dir()):
        tokenizer = load_tokenizer(str(folder))
        backend = tokenizer.copy_backend()
        texts = [text for text in hostile_texts(t.content for t in tokenizer.added_tokens.values()) if is_unicode(text)]
        texts += demo_texts()
        theirs = FastEncoder(backend.to_str()).encode_batch(texts)
        ours = backend.encode_batch_fast(texts, add_special_tokens=False)
        assert [ids.tolist() for ids in theirs] == [one.ids for one in ours], folder.name


def is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogate."""
    return text.isascii() or not any("\ud800" <= sign < "\ue000" for sign in text)


def test_a_fast_encoder_takes_over_when_there_is_much_to_encode(auto: Path) -> None:
    """A few texts are left to the reference; the ids are the same before and after, and the verdict is kept."""
    tokenizer = byte_level(PATTERNS["llama 3"])
    own = text_encoder(tokenizer)
    few, many = list(demo_texts()[:1]), list(demo_texts())
    assert not own.pays_for(len(few[0][:9000]))
    before = own.encode_batch([few[0][:9000]])
    assert not own.has_taken_over
    assert not auto.exists()
    after = own.encode_batch(many)
    assert own.has_taken_over
    assert len(list(auto.iterdir())) == 1
    assert [ids.tolist() for ids in before] == [reference_ids(tokenizer, few[0][:9000]).tolist()]
    assert [ids.tolist() for ids in after] == [reference_ids(tokenizer, text).tolist() for text in many]
    assert own.count(many) == list(map(len, after))
    fast, reference = own.expected_engines(0)
    assert fast.startswith("fastokens ") and reference.startswith("tokenizers ")


def test_the_reference_can_be_insisted_on(auto: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is tried, however much there is to encode; another word is refused."""
    monkeypatch.setenv(ENCODER_VARIABLE, "reference")
    own = text_encoder(load_tokenizer("demo"))
    own.expect(10**9)
    own.encode_batch(["a text"])
    assert not own.has_taken_over
    assert len(own.expected_engines(10**9)) == 1
    assert not auto.exists()
    monkeypatch.setenv(ENCODER_VARIABLE, "fastest")
    with pytest.raises(RecipeError, match=r"NEXTLONG_ENCODER is 'fastest'; set it to auto or reference"):
        text_encoder(load_tokenizer("demo")).expected_engines(10**9)


def test_a_tokenizer_that_the_fast_encoder_cannot_read_is_left_to_the_reference(
    auto: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, and the ids are the reference's."""
    tokenizer = sentencepiece(form="metaspace")
    with caplog.at_level(logging.WARNING):
        for own in (text_encoder(tokenizer), text_encoder(tokenizer)):
            own.expect(10**9)
            [ids] = own.encode_batch(["It was late."])
            assert ids.tolist() == reference_ids(tokenizer, "It was late.").tolist()
            assert not own.has_taken_over
            assert len(own.expected_engines(10**9)) == 1
    [record] = caplog.records
    assert "under tiny: fastokens cannot read this tokenizer" in record.message
    assert "Metaspace" in record.message


def test_a_difference_is_found_and_kept(auto: Path) -> None:
    """A reference with other ids for a text of the corpus alone is told from the fast encoder, also the next time."""
    tokenizer = byte_level(PATTERNS["llama 3"])
    backend = tokenizer.copy_backend()
    content = backend.to_str()

    def reference(text: str) -> NDArray[np.int32]:
        ids = ids_of(backend, text)
        return ids[::-1] if text == "of the corpus" else ids

    different = Verdict(is_equal=False, reason="fastokens gives other ids, as for 'of the corpus'")
    assert verdict_on(content, reference, [], ["of the corpus"]) == different
    assert verdict_on(content, reference, [], ["another"]) == different
    [kept] = auto.iterdir()
    values = json.loads(kept.read_text())
    values["value"]["is_equal"] = True  # whoever edits it has it made anew
    kept.write_text(json.dumps(values))
    assert verdict_on(content, reference, [], ["another"]) == Verdict(is_equal=True, reason="")


def test_a_verdict_holds_for_one_tokenizer_and_one_pair_of_versions(
    auto: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another content, version or set of texts is tried anew."""
    content = load_tokenizer("demo").copy_backend().to_str()
    place = trust._place(content, "1.0")
    others = {trust._place(content + " ", "1.0"), trust._place(content, "1.1")}
    monkeypatch.setattr(trust.hostile_texts, "VERSION", 0)
    others.add(trust._place(content, "1.0"))
    assert len({place, *others}) == 4


def test_a_text_that_differs_when_it_takes_over_leaves_the_reference(
    auto: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A verdict that was kept is not believed blindly: the texts at hand are encoded by both."""
    tokenizer = byte_level(PATTERNS["llama 3"])
    monkeypatch.setattr(encoding, "verdict_on", lambda *_: Verdict(is_equal=True, reason=""))
    monkeypatch.setattr(FastEncoder, "encode", lambda self, text: np.zeros(1, np.int32))
    own = text_encoder(tokenizer)
    own.expect(10**9)
    [ids] = own.encode_batch(["It was late."])
    assert ids.tolist() == reference_ids(tokenizer, "It was late.").tolist()
    assert "gave other ids for a text of this corpus" in caplog.text


def test_a_fast_encoder_that_fails_is_not_asked_again(
    auto: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The reference goes on with the text at which it failed."""
    tokenizer = byte_level(PATTERNS["llama 3"])
    own = text_encoder(tokenizer)
    own.expect(10**9)
    own.encode_batch(["It was late."])
    assert own.has_taken_over

    def failing(self: FastEncoder, text: str) -> NDArray[np.int32]:
        raise ValueError("match limit")

    monkeypatch.setattr(FastEncoder, "encode", failing)
    assert own.encode_batch(["It rained."])[0].tolist() == reference_ids(tokenizer, "It rained.").tolist()
    assert not own.has_taken_over
    assert "goes on in its place (match limit)" in caplog.text
    assert len(own.expected_engines(0)) == 2  # it did encode


def test_a_lone_surrogate_is_refused_as_before(auto: Path) -> None:
    """It is no Unicode: the reference says so, and the fast encoder stays."""
    own = text_encoder(byte_level(PATTERNS["llama 3"]))
    own.expect(10**9)
    own.encode_batch(["It was late."])
    with pytest.raises(TypeError):
        own.encode_batch(["a\ud800"])
    assert own.has_taken_over


@pytest.mark.slow
def test_a_build_has_the_same_bytes_whoever_encodes(
    auto: Path, tmp_path: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, recipes and card are equal, the manifest says who encoded, and either goes on where the other stopped."""
    (tmp_path / "tokenizer").mkdir()
    byte_level(PATTERNS["llama 3"]).copy_backend().save(str(tmp_path / "tokenizer" / "tokenizer.json"))
    request = replace(make_request(corpus_file), tokenizer=str(tmp_path / "tokenizer"))
    monkeypatch.setattr(encoding, "_CHARACTERS_AN_ENTRY", 1)
    build(request, tmp_path / "fast")
    monkeypatch.setenv(ENCODER_VARIABLE, "reference")
    build(request, tmp_path / "reference")
    fast, reference = (published(tmp_path / name) for name in ("fast", "reference"))
    assert fast.pop("manifest.json") != reference.pop("manifest.json")
    assert fast == reference
    encoders = [read_manifest(tmp_path / name).tokenizer.encoders for name in ("fast", "reference")]  # type: ignore[union-attr]
    assert [[name.partition(" ")[0] for name in names] for names in encoders] == [
        ["fastokens", "tokenizers"],
        ["tokenizers"],
    ]
    assert build(request, tmp_path / "fast").unchanged
    assert read_manifest(tmp_path / "fast").tokenizer.encoders == encoders[0]  # type: ignore[union-attr]
    assert verify(tmp_path / "fast", tokenizer=request.tokenizer).encoded_twice == 0


@pytest.mark.slow
def test_verify_encodes_some_texts_by_both(auto: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast encoder that is wrong in one token is found, although the rows have its ids."""
    monkeypatch.setattr(encoding, "_CHARACTERS_AN_ENTRY", 0)
    report = verify(dataset, tokenizer="demo")
    assert report.ok
    assert report.encoded_twice >= 1
    monkeypatch.setattr(TextEncoder, "by_reference", _with_another_last_id)
    monkeypatch.setattr(TextEncoder, "_agrees", lambda *_: True)
    [fault, *_] = verify(dataset, tokenizer="demo").faults
    assert "fastokens" in fault.message and "give other ids for its text" in fault.message


def _with_another_last_id(self: TextEncoder, texts: list[str]) -> list[NDArray[np.int32]]:
    found = [ids_of(self.backend, text) for text in texts]
    for ids in found:
        ids[-1] += 1
    return found
