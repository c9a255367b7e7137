"""A card is generated again and nothing that a person wrote is lost: cards taken apart, put together and merged."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextlong_hub.datacard import merge_card
from nextlong_hub.datacard.text import Card, digests_of, format_card, parse_card

HEADER = {"license": "cc0-1.0", "tags": ["long-context"], "configs": [{"config_name": "tiny"}]}
SECTIONS = {"overview": "# Eight rows", "sources": "| a |\n| --- |", "citation": "Cite us."}

lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=30)
texts = lines.map(str.strip).filter(lambda text: "<!--" not in text and text)
names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | lines,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
headers = st.dictionaries(names, values, max_size=4)
sections = st.dictionaries(names, texts, max_size=4)


def card(header: dict[str, Any] | None = None, body: dict[str, str] | None = None) -> str:
    """A card as it is generated."""
    header, body = HEADER if header is None else header, SECTIONS if body is None else body
    return format_card(Card(header=header, sections=body, digests=digests_of(header, body)))


def test_a_card_reads_like_this() -> None:
    """Header, digests of what was generated, and sections between markers."""
    head, body = card({"license": "mit"}, {"overview": "# Hello"}).split("<!-- nextlong:auto license=")
    assert head == "---\nlicense: mit\n---\n"
    digests, body = body.split(" -->\n", 1)
    assert len(digests.replace(" #overview=", "")) == 2 * 12
    assert body == "\n<!-- nextlong:auto:start overview -->\n# Hello\n<!-- nextlong:auto:end overview -->\n"


@given(header=headers, body=sections, opening=texts | st.just(""), aside=texts)
def test_a_card_comes_apart_into_what_it_was_put_together_from(
    header: dict[str, Any], body: dict[str, str], opening: str, aside: str
) -> None:
    """Whatever people write around the sections."""
    asides = {name: aside for name in list(body)[:1]}
    whole = Card(
        header=header, sections=body, digests=digests_of(header, body), opening=opening if body else "", asides=asides
    )
    assert parse_card(format_card(whole)) == whole


@pytest.mark.slow
@given(header=headers, body=sections, fresh_header=headers, fresh_body=sections)
def test_what_nobody_touched_becomes_what_is_generated_now(
    header: dict[str, Any], body: dict[str, str], fresh_header: dict[str, Any], fresh_body: dict[str, str]
) -> None:
    """With the card of last time or without it, and however much has changed."""
    old, new = card(header, body), card(fresh_header, fresh_body)
    for base in (None, old):
        merged = merge_card(base, old, new)
        assert merged.conflicts == ()
        assert parse_card(merged.text).header == fresh_header
        assert parse_card(merged.text).sections == fresh_body
        assert merge_card(base, merged.text, new) == merged


@given(old=sections.filter(bool), new=sections, edit=texts, opening=texts, aside=texts)
def test_what_a_person_wrote_is_in_the_merged_card(
    old: dict[str, str], new: dict[str, str], edit: str, opening: str, aside: str
) -> None:
    """An edited section, text before, between and behind sections; merging again changes nothing."""
    generated = parse_card(card({}, old))
    first = next(iter(old))
    theirs = format_card(
        Card(
            header={},
            sections={**old, first: f"{edit} (edited)"},
            digests=generated.digests,
            opening=opening,
            asides={first: aside},
        )
    )
    for base in (None, card({}, old)):
        merged = merge_card(base, theirs, card({}, new))
        found = parse_card(merged.text)
        assert found.sections[first] == f"{edit} (edited)"
        assert f"#{first}" in merged.conflicts or new.get(first) in (old[first], f"{edit} (edited)")
        assert opening in found.opening
        assert aside in (found.asides.get(first, ""), *found.opening.split("\n\n"))
        assert merge_card(None, merged.text, card({}, new)).text == merged.text


def test_an_edited_section_stays_and_is_named_and_the_others_are_renewed() -> None:
    """Theirs wins, and is named again the next time, until both say the same or ours is what they edited."""
    theirs = card().replace("# Eight rows", "# My eight rows")
    fresh = card(body={**SECTIONS, "overview": "# Nine rows", "citation": "Cite them."})
    for base in (None, card()):
        merged = merge_card(base, theirs, fresh)
        assert merged.conflicts == ("#overview",)
        found = parse_card(merged.text).sections
        assert (found["overview"], found["citation"]) == ("# My eight rows", "Cite them.")
    for overview, conflicts in (("# Nine rows", 1), ("# Ten rows", 1), ("# Eight rows", 0), ("# My eight rows", 0)):
        again = merge_card(None, merged.text, card(body={**SECTIONS, "overview": overview}))
        assert again.conflicts == ("#overview",) * conflicts
        assert parse_card(again.text).sections["overview"] == "# My eight rows"


def test_a_removed_section_stays_removed_and_a_new_one_finds_its_place() -> None:
    """Also at the third time; a section that was never there before follows its neighbour."""
    theirs = card()
    start, end = theirs.index("<!-- nextlong:auto:start sources"), theirs.index("<!-- nextlong:auto:start citation")
    theirs = theirs[:start] + theirs[end:]
    fresh = card(body={"overview": "# Eight rows", "news": "new", "sources": "| b |", "citation": "Cite us."})
    merged = merge_card(None, theirs, fresh)
    assert merged.conflicts == ()
    assert list(parse_card(merged.text).sections) == ["overview", "news", "citation"]
    assert merge_card(None, merged.text, fresh).text == merged.text


@pytest.mark.parametrize("behind", ["overview", "sources", "citation"])
def test_a_new_section_follows_the_one_that_it_follows_in_ours(behind: str) -> None:
    """Also where a person has put the sections into another order, and two come at once."""
    names = ["citation", "overview", "sources"]
    theirs = format_card(
        Card(header=HEADER, sections={n: SECTIONS[n] for n in names}, digests=digests_of(HEADER, SECTIONS))
    )
    ours = list(SECTIONS)
    ours[ours.index(behind) + 1 : ours.index(behind) + 1] = ["news", "more"]
    merged = merge_card(None, theirs, card(body={name: SECTIONS.get(name, "new") for name in ours}))
    names[names.index(behind) + 1 : names.index(behind) + 1] = ["news", "more"]
    assert list(parse_card(merged.text).sections) == names


def test_keys_of_the_header() -> None:
    """An added, an edited and a removed one stay so; which files there are is always ours to say."""
    theirs = card().replace("cc0-1.0", "mit").replace("tags:\n- long-context\n", "language:\n- en\n")
    theirs = theirs.replace("config_name: tiny", "config_name: huge")
    fresh = {**HEADER, "size_categories": ["n<1K"], "tags": ["new"]}
    merged = merge_card(None, theirs, card(fresh))
    assert merged.conflicts == ()
    assert merge_card(None, theirs, card({**fresh, "license": "cc-by-4.0"})).conflicts == ("license",)
    assert parse_card(merged.text).header == {
        "license": "mit",
        "configs": [{"config_name": "tiny"}],
        "size_categories": ["n<1K"],
        "language": ["en"],
    }


def test_a_card_of_somebody_else_gets_our_sections_behind_it() -> None:
    """A README that was there before us keeps every word, and its keys where both have one."""
    theirs = "---\nlicense: mit\nlanguage: en\n---\n# Mine\n\nAll of it.\n"
    merged = merge_card(None, theirs, card())
    assert merged.conflicts == ("license",)
    found = parse_card(merged.text)
    assert found.opening == "# Mine\n\nAll of it."
    assert found.sections == SECTIONS
    assert found.header == {**HEADER, "license": "mit", "language": "en"}


def test_windows_line_ends_are_no_edit() -> None:
    """A card that went through an editor which ends lines differently is still as it was generated."""
    merged = merge_card(None, card().replace("\n", "\r\n"), card(body={**SECTIONS, "overview": "# Nine rows"}))
    assert merged.conflicts == ()
    assert "# Nine rows" in merged.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\n{broken\n---\n", "cannot be read"),
        ("---\n- a\n- b\n---\n", "must be a mapping, but is a list"),
        ("---\nwhen: 2024-13-45\n---\n", "cannot be read"),
    ],
)
def test_a_header_that_is_none_is_told(text: str, message: str) -> None:
    """Nothing is guessed about it."""
    with pytest.raises(ValueError, match=message):
        merge_card(None, text, card())


PERSONAL = """# Ours since 2024
language: [no, en]   # both kinds
license: cc0-1.0
extra:
    version: 1.10
    code: 010
    time: 12:30:45
# the end
"""


def test_what_a_person_wrote_into_the_header_stays_byte_for_byte() -> None:
    """Values that YAML would read and write back as others, their notation, and comments."""
    theirs = card().replace("license: cc0-1.0\n", PERSONAL)
    fresh = card({**HEADER, "tags": ["long-context", "nextlong"]})
    merged = merge_card(None, theirs, fresh)
    head = merged.text.split("---\n")[1]
    assert head.startswith("license: cc0-1.0\n# the end\ntags:\n- long-context\n- nextlong\n")
    assert head.endswith(PERSONAL.replace("license: cc0-1.0\n", "").replace("# the end\n", ""))
    assert merge_card(None, merged.text, fresh).text == merged.text


def test_an_alias_into_an_entry_that_is_written_anew_still_means_the_same() -> None:
    """The whole header is then written anew; no value is lost."""
    theirs = card().replace("tags:\n- long-context\n", "tags: &all\n- long-context\nmine: *all\n")
    fresh = card({**HEADER, "tags": ["other"]})
    merged = parse_card(merge_card(None, theirs, fresh).text).header
    assert (merged["tags"], merged["mine"]) == (["other"], ["long-context"])


@pytest.mark.parametrize("text", ["1e3", "0o17", "010", "no", "1.10", "12:30:45", "0x1F", "~", "1_000"])
def test_text_that_a_reader_of_yaml_could_take_for_something_else_is_quoted(text: str) -> None:
    """YAML 1.1 and YAML 1.2 then both read text."""
    assert f"name: '{text}'\n" in card({"name": text}, {})
