"""Tokenizers that a Python caller holds, and those that transformers makes of the same files."""

import json
from pathlib import Path

import pytest
import tokenizers
from tiny_tokenizers import byte_level, of_bytes
from transformers import PreTrainedTokenizerFast

from nextlong_hub.errors import DataError, RecipeError
from nextlong_hub.tokenization import Tokenizer, load_tokenizer, loading
from nextlong_hub.tokenization.compare import difference_from_transformers
from nextlong_hub.tokenization.in_memory import as_names, is_held

TEXT = "abcd, and \n 🙂"


def saved(folder: Path, tokenizer: Tokenizer, **config: object) -> str:
    """A folder of a tokenizer, with a configuration for transformers if there is any."""
    folder.mkdir()
    (folder / "tokenizer.json").write_text(tokenizer.copy_backend().to_str())
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return str(folder)


def test_a_tokenizer_in_memory_becomes_a_folder_once(tmp_path: Path) -> None:
    """Whatever library it is of; the same content has the same folder, and gives the same ids."""
    backend = of_bytes("abcd").copy_backend()
    fast = PreTrainedTokenizerFast(tokenizer_object=backend)
    for held in (fast, backend):
        [name] = as_names(held, tmp_path)
        assert as_names([held, held], tmp_path) == (name, name)
        assert Path(name).parent == tmp_path
        assert load_tokenizer(name).encode(TEXT).tolist() == of_bytes("abcd").encode(TEXT).tolist()
        assert is_held(held) and is_held(["demo", held])
    backend.enable_truncation(3)
    assert as_names(backend, tmp_path) == (name,), "what an earlier call has left in it is no other tokenizer"
    assert as_names(of_bytes("ab").copy_backend(), tmp_path) != (name,)


def test_the_name_by_which_everybody_gets_it_stands_for_it(tmp_path: Path) -> None:
    """Only where that name gives exactly the same tokenizer."""
    known = saved(tmp_path / "known", of_bytes("abcd"))
    same = PreTrainedTokenizerFast(tokenizer_object=of_bytes("abcd").copy_backend(), name_or_path=known)
    other = PreTrainedTokenizerFast(tokenizer_object=of_bytes("ab").copy_backend(), name_or_path=known)
    lost = PreTrainedTokenizerFast(tokenizer_object=of_bytes("ab").copy_backend(), name_or_path="no such folder")
    assert as_names(same, tmp_path) == (known,)
    assert as_names([other, lost], tmp_path)[0].startswith(str(tmp_path / "in-memory-"))
    assert as_names(["demo", Path("x")], tmp_path) == ("demo", "x")
    assert not is_held(["demo", Path("x")]) and not is_held("demo")


def test_what_cannot_tell_where_its_tokens_lie_is_refused(tmp_path: Path) -> None:
    """By its kind."""

    class Slow:
        """As slow tokenizers of transformers are."""

        def convert_tokens_to_ids(self) -> None:
            """Something that every one of them has."""

    for held, kind in ((Slow(), "a slow tokenizer"), (7, "a int"), ({}, "a dict")):
        with pytest.raises(RecipeError, match=f"tokenizer= is {kind}; give a folder"):
            as_names(held, tmp_path)


def test_the_largest_token_counts_when_tokens_are_decoded() -> None:
    """One that no tokenizer of this size has is named, wherever it stands; the largest there is is decoded."""
    tokenizer = of_bytes("ab")
    ids = tokenizer.encode("cab")
    assert tokenizer.decode(ids) == "cab"
    last = max(tokenizer.copy_backend().get_vocab().values())
    assert tokenizer.decode(ids * 0 + last) == "ab" * len(ids)
    for place in range(len(ids)):
        wrong = ids.copy()
        wrong[place] = last + 1
        with pytest.raises(DataError, match=rf"there is a token {last + 1:,}, but the largest of tiny is {last:,}"):
            tokenizer.decode(wrong)


def test_a_trainer_sees_the_tokens_that_a_build_counts(tmp_path: Path) -> None:
    """No difference where transformers makes the same of the files; the first one, or why it cannot open them, else."""
    plain = byte_level()
    agrees = saved(tmp_path / "agrees", plain, tokenizer_class="PreTrainedTokenizerFast")
    assert difference_from_transformers(load_tokenizer(agrees)) == ""
    differs = load_tokenizer(agrees)
    (tmp_path / "agrees" / "tokenizer.json").write_text(of_bytes().copy_backend().to_str())
    found = difference_from_transformers(differs)
    ours, theirs = len(differs.encode("It's 2024: NASA's 10,000 kg probe didn't stop.")), 46
    assert "makes other tokens of \"It's 2024" in found
    assert f"({theirs}) than tokenizer.json ({ours})" in found
    (tmp_path / "agrees" / "tokenizer.json").write_text("{}")
    assert difference_from_transformers(differs).startswith("AutoTokenizer cannot open it: ")


def test_a_tokenizer_of_the_hub_is_called_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened from the folder of that commit, under the name that was given."""
    saved(tmp_path / "c0ffee", of_bytes("abcd"))
    fetched = tmp_path / "c0ffee" / "tokenizer.json"
    monkeypatch.setattr(loading, "download_file", lambda repository, name, revision: fetched)
    opened = load_tokenizer("me/it")
    assert (opened.name, opened.location, opened.revision) == ("me/it", "me/it@c0ffee", "c0ffee")
    assert opened.encode(TEXT).tolist() == of_bytes("abcd").encode(TEXT).tolist()
    monkeypatch.setattr(loading, "download_file", lambda repository, name, revision: None)
    monkeypatch.setattr(loading, "download_folder", lambda repository, patterns, revision: fetched.parent)
    assert load_tokenizer("me/it").location == "me/it@c0ffee"


def test_the_folder_of_a_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own, the embedded one's, or where the files of its commit were fetched to."""
    own = saved(tmp_path / "own", of_bytes())
    assert loading.folder_of(load_tokenizer(own), ()) == tmp_path / "own"
    assert (loading.folder_of(load_tokenizer("demo"), ()) / "tokenizer.json").is_file()
    asked: list[object] = []

    def fetched(repository: str, patterns: list[str], revision: str) -> Path:
        asked.extend((repository, patterns[0], patterns[-1], revision))
        return tmp_path / "own"

    monkeypatch.setattr(loading, "download_folder", fetched)
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    hub = Tokenizer(backend, name="me/it", location="me/it@abc", revision="abc", digest="0" * 12)
    assert loading.folder_of(hub, ("*.jinja",)) == tmp_path / "own"
    assert asked == ["me/it", "tokenizer.json", "*.jinja", "abc"]
