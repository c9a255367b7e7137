"""Promises of the secret scan: real forms are found wherever they stand, examples are not, and a mask moves nothing."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_secrets import make_secret, with_checksum

from nextlong_hub.secret_scan import KINDS, Secret, find_secrets, masked
from nextlong_hub.secret_scan.plausible import has_checksum
from nextlong_hub.testing.worlds import make_documents

NAMES = [kind.name for kind in KINDS]
TEXTS = [document.text for document in make_documents(20)]
EACH = 250
"""Secrets of each kind and place."""

PLACES: dict[str, Callable[[str, str, str], str]] = {
    "within a word": lambda before, secret, after: before + secret + after,
    "in JSON": lambda before, secret, after: json.dumps({"before": before, "key": secret, "after": after}),
    "on a line of JSON": lambda before, secret, after: json.dumps({"text": f"{before}\n{secret}\n{after}"}),
    "in a URL": lambda before, secret, after: f"{before} https://example.org/v1?key={secret}&page=1 {after}",
    "in code": lambda before, secret, after: f'{before}\nKEY = "{secret}"\n{after}',
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", NAMES)
def test_secrets_are_found_wherever_they_stand(kind: str, place: str) -> None:
    """Of 250 of each kind all but two at most are found as one secret of that kind; then nothing of them is left."""
    missed = 0
    for seed in range(EACH):
        chance = random.Random(f"{place}/{seed}")
        one, text = make_secret(kind, seed), chance.choice(TEXTS)
        cut = chance.randrange(len(text))
        whole = PLACES[place](text[:cut], one.text, text[cut:])
        found = find_secrets(whole)
        clean = masked(whole, found)
        missed += [secret.kind for secret in found] != [kind] or any(part in clean for part in one.secret)
        if place.endswith("JSON"):
            assert json.loads(clean).keys() == json.loads(whole).keys()
    assert missed <= 2


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_access_key_id=AKIAIOSFODNN7EXAMPLE aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ASIAQW7ZJ5L2KD3NMVTR",
        "AKIAQW7ZJ5L2KD3NMVTR of commit 5f2b1c0d9e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c",
        "hf_" + "x" * 34,
        "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567",
        "from huggingface_hub import hf_hub_download, hf_raise_for_status",
        "hf_thisisthenameofsomethingverylongindeed",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "npm_config_registry, npm_" + "a1B2" * 9,
        "sk-" + "X" * 48,
        "sk-proj-your-key-here",
        "task-3f2b9c81d07e4a56b1c8d92e7f60a4b5",
        "class='sk-estimator-doc-link' id=sk-container-id-1",
        "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
        "AIzaSyDxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xoxb-your-token, xoxb-123456789012-123456789012-xxxxxxxxxxxxxxxxxxxxxxxx",
        "pypi-AgEIcHlwaS5vcmc…",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n" + "x" * 64 + "\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
        "It says '-----BEGIN PRIVATE KEY-----' on its first line, and then come lines of letters and digits.",
    ],
)
def test_examples_and_what_only_looks_alike_are_no_secrets(text: str) -> None:
    """Manuals are full of both."""
    assert find_secrets(text) == []


def test_encoded_bytes_hold_no_secrets() -> None:
    """In a long run of base64 every few letters occur somewhere, also those that a token begins with."""
    chance = random.Random(5)
    bytes_before = "".join(chance.choice("ABCdefGHIjkl0123456789") for _ in range(200))
    for kind in ("google", "hugging_face", "stripe"):
        secret = make_secret(kind, 0).text
        assert find_secrets(f"{bytes_before}{secret}") == []
        assert len(find_secrets(f"{bytes_before} {secret}")) == 1


def test_checksums_are_those_of_the_format() -> None:
    """An expired token that was published to explain the format is right; one other character makes it wrong."""
    body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"
    assert has_checksum(body)
    assert with_checksum(body[:30]) == body
    assert not has_checksum(body[:-1] + "8")
    assert [len(find_secrets(f"{prefix}_{body}")) for prefix in ("ghp", "npm")] == [1, 1]


def test_the_prefix_stays_and_tells_what_was_there() -> None:
    """So that a text about tokens still says of what kind they are."""
    one = make_secret("github", 1)
    assert masked(f"use {one.text}.", find_secrets(f"use {one.text}.")) == f"use {one.text[:4]}{'*' * 36}."


def test_an_aws_secret_is_found_by_its_name_or_its_neighbour_and_once() -> None:
    """An access key id alone opens nothing, and stays."""
    body = make_secret("aws", 3).secret[0]
    identity = "AKIA" + "QW7ZJ5L2KD3NMVTR"
    assert [len(find_secrets(text)) for text in (identity, body, f"{identity} {body}", f"SecretAccessKey: {body}")] == [
        *(0, 0, 1, 1)
    ]
    text = f"{identity}, aws_secret_access_key = {body}"
    assert masked(text, find_secrets(text)) == text.replace(body, "*" * 40)
    assert find_secrets(f"{identity} {'.' * 500} {body}") == []


def test_a_private_key_without_an_end_is_masked_as_far_as_its_lines_go() -> None:
    """A text that was cut off within a key holds most of the key."""
    key = next(one for seed in range(50) if len((one := make_secret("private_key", seed)).secret) > 6)
    text = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(key.secret[:5]) + "\n\nThe next paragraph is of something else."
    assert masked(text, find_secrets(text)) == (
        "-----BEGIN PRIVATE KEY-----\n" + "\n".join(["*" * 64] * 5) + "\n\nThe next paragraph is of something else."
    )


def test_two_keys_are_two_secrets() -> None:
    """A file of keys holds as many as it has headers."""
    keys = [make_secret("private_key", seed).text for seed in range(4)]
    assert [one.kind for one in find_secrets("\n".join(keys))] == ["private_key"] * 4


@given(
    text=st.text(), secrets=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 50)), max_size=3), cut=st.data()
)
def test_a_mask_moves_nothing_and_leaves_nothing(text: str, secrets: list[tuple[str, int]], cut: st.DataObject) -> None:
    """Length and all other characters stay; the masked text has no secret; spans ascend and do not overlap."""
    whole = text
    for kind, seed in secrets:
        place = cut.draw(st.integers(0, len(whole)))
        whole = whole[:place] + f" {make_secret(kind, seed).text} " + whole[place:]
    found = find_secrets(whole)
    clean = masked(whole, found)
    spans = [span for secret in found for span in secret.spans]
    hidden = {place for start, end in spans for place in range(start, end)}
    assert len(clean) == len(whole)
    assert all(clean[place] == ("*" if place in hidden else whole[place]) for place in range(len(whole)))
    assert spans == sorted(spans)
    assert len(hidden) == sum(end - start for start, end in spans)
    assert find_secrets(clean) == []


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_the_quick_search_loses_nothing(kind: object) -> None:
    """What a kind finds by itself is found behind the search for hints, too."""
    assert isinstance(kind, type(KINDS[0]))
    for seed in range(EACH):
        text = make_secret(kind.name, seed).text
        alone = [Secret(kind=kind.name, spans=spans) for spans in kind.find(text)]
        assert [one for one in find_secrets(text) if one.kind == kind.name] == alone


@pytest.mark.parametrize(
    "text", ["sk-" * 60_000, "-----BEGIN PRIVATE KEY-----\n" * 8_000, "AKIA" * 60_000, "hf_" + "aB3" * 80_000]
)
def test_hostile_texts_take_no_longer_than_others(text: str) -> None:
    """What begins like a secret many times over is read once, and a little around each beginning."""
    assert len(find_secrets(text)) <= 1


def test_the_page_names_every_kind() -> None:
    """Its table says of each when it is found."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "corpus.md"
    rows = page.read_text("utf-8").split("| kind | found when |\n| --- | --- |\n")[1].split("\n\n")[0].splitlines()
    assert sorted(name for row in rows for name in re.findall("`([a-z_]+)`", row.split(" | ")[0])) == sorted(NAMES)
