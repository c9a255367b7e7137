"""Several tokenizers: rows long enough under each, exactly under the one that needs most text, and a table of them."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import nextlong_hub.builders
import numpy as np
import pytest
from building import make_request, published, read_rows
from tiny_tokenizers import PATTERNS, byte_level, of_bytes, sentencepiece

from nextlong_hub.dataset.manifest import manifest_bytes, read_manifest
from nextlong_hub.errors import ConflictError, RecipeError
from nextlong_hub.pipeline import BuildRequest, build
from nextlong_hub.records import Document
from nextlong_hub.synthesis.portability import Size, reach
from nextlong_hub.testing.worlds import tiny_recipe, write_corpus
from nextlong_hub.tokenization import Tokenizer, load_tokenizer
from nextlong_hub.verification import verify


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two tokenizer folders: one of words, one of SentencePiece's kind; both need more tokens than GPT-2."""
    made = {"words": byte_level(PATTERNS["llama 3"]), "pieces": sentencepiece()}
    parent = tmp_path_factory.mktemp("tokenizers")
    for name, tokenizer in made.items():
        (parent / name).mkdir()
        (parent / name / "tokenizer.json").write_text(tokenizer.copy_backend().to_str())
    return [str(parent / name) for name in made]


def request_for(corpus: Path, names: list[str]) -> BuildRequest:
    """The tiny dataset under several tokenizers."""
    plain = make_request(corpus)
    return BuildRequest(
        recipes=plain.recipes,
        sources=plain.sources,
        rows=plain.rows,
        tokenizer=names[0],
        more_tokenizers=tuple(names[1:]),
    )


@pytest.fixture(scope="module")
def several(corpus_file: Path, folders: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset for three tokenizers, of which the middle one needs most text."""
    folder = tmp_path_factory.mktemp("several") / "dataset"
    build(request_for(corpus_file, [folders[0], "demo", folders[1]]), folder)
    return folder


def counts(row: dict[str, object], tokenizers: list[Tokenizer]) -> list[int]:
    """Tokens of a row's text under each."""
    return [len(tokenizer.encode(str(row["text"]))) for tokenizer in tokenizers]


@pytest.mark.slow
def test_rows_are_as_long_as_the_neediest_tokenizer_demands(several: Path, folders: list[str]) -> None:
    """Exactly the target under one, no less under the others; ids and count are those of the first-named."""
    tokenizers = [load_tokenizer(name) for name in (folders[0], "demo", folders[1])]
    rows = read_rows(several)
    assert len(rows) == 8
    for row in rows:
        own = counts(row, tokenizers)
        assert min(own) == 512
        assert own[1] == 512 < own[0]
        assert row["token_count"] == own[0]
        assert row["input_ids"] == tokenizers[0].encode(row["text"]).tolist()


def test_a_cut_that_suits_one_tokenizer_is_none_if_it_is_too_short_for_another(tmp_path: Path) -> None:
    """Two tokenizers that need the same text on average: no row is short under either.

    The first takes `abcd` and `ef` whole and a smile in four; the second takes `ab` and the smile whole. Where the
    first's last token is a part of a smile, its nearest exact cut is behind `abc`: three tokens of it, two of the
    other.
    """
    both = [of_bytes("abcd", "ef"), of_bytes("ab", "🙂")]
    assert [[len(one.encode(text)) for text in ("abcd🙂", "abc", "ef")] for one in both] == [[5, 3, 1], [4, 2, 2]]
    chance = random.Random(2)
    letters = "ghijklmnopqrstuvwxyz"
    texts = [
        " ".join(
            "abcd🙂" if kind < 0.4 else "ef" if kind < 0.8 else "".join(chance.choices(letters, k=3))
            for kind in (chance.random() for _ in range(45))
        )
        for _ in range(24)
    ]
    documents = [Document(id=f"d{number}", text=text, source="w") for number, text in enumerate(texts)]
    names = [str(tmp_path / name) for name in "ab"]
    for name, tokenizer in zip(names, both, strict=True):
        Path(name).mkdir()
        (Path(name) / "tokenizer.json").write_text(tokenizer.copy_backend().to_str())
    plain = make_request(write_corpus(tmp_path / "c.jsonl", documents), tiny_recipe(chunking={"chunk_characters": 128}))
    build(replace(plain, rows={"tiny": 10}, tokenizer=names[0], more_tokenizers=(names[1],)), tmp_path / "dataset")
    rows = read_rows(tmp_path / "dataset")
    assert len(rows) == 10
    own = [counts(row, both) for row in rows]
    assert {min(tokens) for tokens in own} == {512}
    assert len({tokens.index(512) for tokens in own}) == 2, "each is the needier one in some row"


def test_the_table_says_what_each_makes_of_the_rows(several: Path, folders: list[str]) -> None:
    """Counted again from the texts, by hand."""
    manifest = read_manifest(several)
    assert manifest is not None
    assert [record.name for record in manifest.portability] == ["words", "demo", "pieces"]
    rows = read_rows(several)
    for record, name in zip(manifest.portability, (folders[0], "demo", folders[1]), strict=True):
        tokenizer = load_tokenizer(name)
        own = [counts(row, [tokenizer])[0] for row in rows]
        characters = sum(len(row["text"]) for row in rows)
        assert (record.digest, record.vocabulary_size) == (tokenizer.digest, tokenizer.vocabulary_size)
        assert record.tokens_per_character == round(sum(own) / characters, 6)
        assert record.truncated_share == round((sum(own) - 8 * 512) / sum(own), 6)
        assert record.rows_reaching == {"65536": 0, "131072": 0, "524288": 0}
        assert (record.configs["tiny"].rows, record.configs["tiny"].reaching) == (8, 8)


def test_it_verifies_under_any_of_them(several: Path, folders: list[str], corpus_file: Path) -> None:
    """Each alone, and all together, which proves that no row is longer than need be."""
    sources = make_request(corpus_file).sources
    for names in (folders[0], "demo", folders[1], [folders[1], "demo", folders[0]]):
        report = verify(several, sources=sources, tokenizer=names)
        assert report.faults == ()
        assert report.encoded_rows == 8


def test_a_wrong_table_is_found(several: Path, tmp_path: Path) -> None:
    """Whoever writes a better table and its digest is found out by the tokenizer."""
    folder = Path(shutil.copytree(several, tmp_path / "dataset"))
    manifest = read_manifest(folder)
    assert manifest is not None
    record = manifest.portability[1]
    wrong = record.configs["tiny"].model_copy(update={"truncated_tokens": 1})
    table = list(manifest.portability)
    table[1] = record.model_copy(update={"configs": {"tiny": wrong}})
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest.model_copy(update={"portability": tuple(table)})))
    assert verify(folder).faults == ()
    faults = [fault.message for fault in verify(folder, tokenizer="demo").faults]
    assert faults == ["its portability table is wrong about 'tiny' under demo"]


def test_more_work_or_other_workers_change_nothing(several: Path, folders: list[str], corpus_file: Path) -> None:
    """Built again it is unchanged; with other tokenizers it is another dataset."""
    before = published(several)
    assert build(request_for(corpus_file, [folders[0], "demo", folders[1]]), several).unchanged
    assert published(several) == before
    with pytest.raises(ConflictError, match="other tokenizers: "):
        build(request_for(corpus_file, [folders[0], "demo"]), several)


def test_one_tokenizer_has_a_table_too_and_the_same_content_counts_once(
    built: Path, corpus_file: Path, tmp_path: Path
) -> None:
    """A copy of the embedded tokenizer is no second one: the rows are exactly those for one."""
    manifest = read_manifest(built)
    assert manifest is not None
    assert [(record.name, record.truncated_share) for record in manifest.portability] == [("demo", 0.0)]
    gpt2 = str(Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2")
    again = build(request_for(corpus_file, ["demo", gpt2, "demo"]), tmp_path / "dataset")
    assert again.manifest.portability == manifest.portability
    assert read_rows(tmp_path / "dataset") == read_rows(built)


def test_packed_rows_take_one_tokenizer(corpus_file: Path, folders: list[str], tmp_path: Path) -> None:
    """A row that is full under one is not under another."""
    tiny, packed = tiny_recipe(), tiny_recipe(name="packed", mixture=({"recipe": "tiny", "share": 1.0},), pack=True)
    plain = make_request(corpus_file)
    request = BuildRequest(
        recipes=(tiny, packed), sources=plain.sources, tokenizer="demo", more_tokenizers=(folders[0],)
    )
    with pytest.raises(RecipeError, match=r"'packed' packs its rows, .* name one tokenizer="):
        build(request, tmp_path / "dataset")


def test_reach_by_hand() -> None:
    """Two rows of 64k, one short and one long."""
    sizes = [
        Size(characters=10, tokens=65_535, target_length=65_536),
        Size(characters=20, tokens=131_072, target_length=65_536),
    ]
    record = reach(sizes)
    assert (record.rows, record.reaching, record.characters, record.tokens) == (2, 1, 30, 196_607)
    assert record.rows_reaching == {"65536": 1, "131072": 1, "524288": 0}
    assert record.truncated_tokens == 65_536


def test_no_chunk_is_tokenised_twice(built: Path) -> None:
    """The rounds of a build name each chunk once at most."""
    rounds = [np.load(path) for path in sorted(built.glob(".work/tokens-*/*/chunks.npy"))]
    listed = np.concatenate(rounds)
    assert len(np.unique(listed)) == len(listed) > 50
