"""The page in a real browser: what it shows, what the keys do, and what a hostile corpus cannot do.

Without a Chromium on the machine these tests are skipped.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser import Visit, chromium, make_sample, visit, write_packed, write_samples
from playwright.sync_api import Browser, expect

from nextlong_hub.dataset import open_split
from nextlong_hub.explore.page.page import write_page
from nextlong_hub.records import Sample

pytestmark = pytest.mark.slow

HOSTILE = (
    "<script>document.title = 'run'</script>",
    "<img src=x onerror=\"document.title='run'\"><svg onload=alert(1)>",
    "</script></template></textarea><script>alert(2)</script>",
    "<!-- <!doctype html> ]]> --!>",
    "\x1b[31mred\x1b]0;title\x07 bell and NUL\x00",
    "access\u202e\u2066// admin\u2069\u2066 only",
    "lone quotes ' \" ` &lt; &amp; \\u003c {{7*7}} ${1}",
    "zero\u200bwidth\ufeff and \U000e0041tag",
    "javascript:alert(3) \u2028 new line",
)
SHOWN = {
    4: "␛[31mred␛]0;title␇ bell and NUL␀",
    5: "accessU+202EU+2066// adminU+2069U+2066 only",
    7: "zeroU+200BwidthU+FEFF and U+E0041tag",
    8: "javascript:alert(3) U+2028 new line",
}
"""Segments whose text holds something hidden, as the page shows them."""

CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const bytes = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (colour) => {
    const [r, g, b] = [...bytes(colour)].slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (bytes(colour)[3] > 0) return colour;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll('body *:not(script):not(noscript)')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.matches(':disabled, :disabled *')) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [low, high] = [luminance(ink), luminance(paper(element))].sort((a, b) => a - b);
    found.push([element.className.baseVal ?? `${element.tagName}.${element.className}`, (high + 0.05) / (low + 0.05)]);
  }
  return found;
}"""
"""The contrast of every visible text with its background (WCAG 2.2, 1.4.3)."""


def long_sample(segments: int = 60, *, metas_every: int = 12, characters: int = 900) -> Sample:
    """A sample of many segments; every twelfth is a meta-chunk, and each holds its own number once."""
    chance = random.Random(7)
    words = ("anchor", "basket", "engine", "fence", "gauge", "harbour", "ladder", "melody", "orchard", "signal")
    chunks = []
    for number in range(segments):
        rank = number % metas_every
        text = f"Number {number}. "
        while len(text) < characters:
            text += chance.choice(words) + chance.choice((" ", " ", " ", " ", ".\n"))
        chunks.append(("negative", f"other-{number}", rank, text) if rank else ("meta", "own", 0, text))
    return make_sample(f"long/{segments}", chunks)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of this file."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a long row, a hostile one, a row without segments, and a packed one."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = make_sample(
        HOSTILE[0],
        [("negative" if place else "meta", text, place, text) for place, text in enumerate(HOSTILE)],
        source=HOSTILE[1],
    )
    rows = write_samples(folder / "rows", [long_sample(), hostile, make_sample("plain", [])])
    write_packed(rows, [("first", "Here is one. "), ("second", "Here is another. "), ("third", "And the last.")])
    write_page(rows, folder / "page.html")
    return folder / "page.html"


@pytest.fixture
def long_row(browser: Browser, page_file: Path) -> Iterator[Visit]:
    """The page, open at its long row; no test may make it misbehave."""
    yield from opened(browser, page_file)


@pytest.fixture
def hostile_row(browser: Browser, page_file: Path) -> Iterator[Visit]:
    """The page, open at the row whose every word tries to break out."""
    yield from opened(browser, page_file, "#row=1")


def opened(browser: Browser, path: Path, fragment: str = "", **options: Any) -> Iterator[Visit]:
    """A visit that must end without an error, a message or a request."""
    seen = visit(browser, path, fragment, **options)
    yield seen
    seen.page.close()
    assert seen.misdeeds == []


def test_a_built_row_is_shown_character_for_character(browser: Browser, built: Path, tmp_path: Path) -> None:
    """What the browser shows, joined, is the row's text, and each block is one segment."""
    write_page(built, tmp_path / "page.html", rows=2)
    for number in range(2):
        row = open_split(built).row(number)
        for seen in opened(browser, tmp_path / "page.html", f"#row={number}"):
            assert seen.whole_text == row.text
            assert seen.bodies == [row.segment_text(segment) for segment in range(row.segments.num_rows)]
            assert len(seen.bodies) > 5
            assert seen.page.locator("#strip .bar").count() == len(seen.bodies)
            assert seen.page.locator("#strip .bar.meta").count() == len(row.meta_chunks)


def test_j_and_k_follow_the_meta_chunks(long_row: Visit) -> None:
    """Down and up the thread, each time to the top of the text; at its ends they stay, and say so."""
    press = long_row.page.keyboard.press
    for expected in (12, 24, 36, 48, 48):
        press("j")
        assert long_row.selected == expected
        assert -2 < long_row.top_of(expected) < 40
    assert long_row.page.text_content("#announcer") == "No meta-chunk follows."
    press("k")
    assert long_row.selected == 36
    assert "meta-chunk 4 of 5" in (long_row.page.text_content("#announcer") or "")
    long_row.page.evaluate("document.getElementById('segment-5').scrollIntoView()")
    long_row.page.wait_for_timeout(120)
    press("j")
    assert long_row.selected == 12  # from where the reader is, not from where the last jump went


def test_a_click_on_the_strip_goes_there(long_row: Visit) -> None:
    """The text jumps, the panel tells, and the address remembers."""
    long_row.page.click('#strip [data-segment="31"]')
    assert long_row.selected == 31
    assert -2 < long_row.top_of(31) < 40
    panel = long_row.page.inner_text("#provenance").split("\n")
    facts = dict(zip(panel[::2], panel[1::2], strict=True))
    assert facts == {
        "Role": "Hard negative",
        "Document": "other-31",
        "Chunk": "7",
        "Rank": "7 of 11",
        "Score": "14.3",
        "Retrieved for": "meta-chunk 3",
        "Tokens": "10",
        "Begins at token": "341",
        "Characters": facts["Characters"],
        "Next meta-chunk": "in 45 tokens",
    }
    assert long_row.page.url.endswith("#row=0&segment=32")
    long_row.page.click("#jumps button:last-child")
    assert long_row.selected == 36


def test_the_address_opens_a_segment(browser: Browser, page_file: Path) -> None:
    """A link to one segment of one row can be passed on."""
    for seen in opened(browser, page_file, "#row=0&segment=45"):
        assert seen.selected == 44
        assert -2 < seen.top_of(44) < 40


def test_search_counts_and_steps(long_row: Visit) -> None:
    """Small and capital letters alike; the count is right, the strip shows where, and steps go round."""
    wanted = long_row.whole_text.lower().count("harbour")
    assert wanted > 20
    press = long_row.page.keyboard.press
    press("/")
    long_row.page.keyboard.type("HARBOUR")
    press("Enter")
    assert long_row.page.text_content("#hits") == f"1 of {wanted} hits"
    press("Shift+Enter")
    assert long_row.page.text_content("#hits") == f"{wanted} of {wanted} hits"
    shown = long_row.page.eval_on_selector_all("#strip .bar", "bars => bars.map(bar => bar.matches('.hit'))")
    assert shown == ["harbour" in body for body in long_row.bodies]
    painted = "[...CSS.highlights.get('current-hit')].map(range => range.toString())"
    assert long_row.page.evaluate(painted) == ["harbour"]
    long_row.page.fill("#query", "Number 44. ")
    expect(long_row.page.locator("#hits")).to_have_text("1 hit")
    long_row.page.click("#next-hit")
    assert long_row.selected == 44
    long_row.page.fill("#query", "no such words (")
    expect(long_row.page.locator("#hits")).to_have_text("0 hits")
    assert long_row.page.is_disabled("#next-hit")


def test_the_keyboard_is_enough(long_row: Visit) -> None:
    """Tab reaches every control in the order of the page, and strip and list are one stop each."""
    press, page = long_row.page.keyboard.press, long_row.page
    stops = []
    for _ in range(20):
        press("Tab")
        focused = page.evaluate("(({id, classList, tagName}) => id || classList[0] || tagName)(document.activeElement)")
        if focused == "BODY":
            break
        stops.append(focused)
    assert stops[:8] == ["skip", "config", "row", "theme", "bar", "next-meta", "query", "SUMMARY"]
    assert stops[8] == "meta"  # the first document of the list
    assert stops[9:] == ["SUMMARY", "BUTTON"]  # of the panel
    assert page.locator('#strip [tabindex="0"]').count() == 1
    page.focus('#strip [tabindex="0"]')
    for key, expected in (("ArrowRight", 1), ("PageDown", 11), ("ArrowLeft", 10), ("End", 59), ("Home", 0)):
        press(key)
        assert long_row.selected == expected
        assert page.evaluate("Number(document.activeElement.dataset.segment)") == expected
    page.focus('#documents [tabindex="0"]')
    press("ArrowDown")
    assert long_row.selected == 1


def test_everything_has_a_name(long_row: Visit) -> None:
    """A screen reader finds landmarks, and no control, option or picture without a name."""
    tree = long_row.page.locator("body").aria_snapshot()
    for landmark in ("banner", "main", "navigation", "search", "complementary", "contentinfo", "status"):
        assert f"- {landmark}" in tree, landmark
    assert '- heading "own" [level=1]' in tree
    assert '- option "Segment 1 of 60, meta-chunk 1 of 5, 10 tokens, own" [selected]' in tree
    roles = ("button", "combobox", "searchbox", "img", "listbox", "option", "region")
    lines = [line.strip() for line in tree.splitlines()]
    named = [line for line in lines if line.removeprefix("- ").split(" ")[0].rstrip(":") in roles]
    assert len(named) > 120
    assert [line for line in named if '"' not in line] == []


@pytest.mark.parametrize("row", [0, 1])
def test_every_text_can_be_read(browser: Browser, page_file: Path, row: int) -> None:
    """Contrast is 4.5 at least, in the dark of the system and in the light that was chosen by hand."""
    papers = []
    for seen in opened(browser, page_file, f"#row={row}", color_scheme="dark"):
        for offered in ("Light", "Dark"):
            assert seen.page.inner_text("#theme") == offered
            contrasts: list[tuple[str, float]] = seen.page.evaluate(CONTRASTS)
            assert len(contrasts) > 30
            assert [one for one in contrasts if one[1] < 4.5] == []
            papers.append(seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
            seen.page.click("#theme")
    assert len(set(papers)) == 2


def test_a_phone_shows_the_text_on_its_first_screen(browser: Browser, page_file: Path) -> None:
    """What is known of segments and documents is folded above it, and opens."""
    for seen in opened(browser, page_file, viewport={"width": 390, "height": 844}):
        assert seen.page.evaluate("document.querySelector('#text .body').getBoundingClientRect().top") < 700
        assert not seen.page.is_visible("#provenance")
        seen.page.click("#about-fold summary")
        assert seen.page.is_visible("#provenance")


def test_a_narrow_screen_shows_all(browser: Browser, page_file: Path) -> None:
    """At 380 pixels nothing is cut off and nothing scrolls sideways."""
    for seen in opened(browser, page_file, viewport={"width": 380, "height": 780}):
        for row in ("0", "1", "2"):
            seen.page.select_option("#row", row)
            seen.page.wait_for_selector(f':root[data-open="{row}"]')
            assert seen.page.evaluate("document.documentElement.scrollWidth") == 380
            box = seen.page.locator("#strip .bar").last.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 380


def test_words_of_a_corpus_stay_words(hostile_row: Visit) -> None:
    """Tags, comments, escapes and overrides are shown, never obeyed."""
    assert hostile_row.bodies == [SHOWN.get(number, text) for number, text in enumerate(HOSTILE)]
    page = hostile_row.page
    assert page.title() == "rows"
    assert page.locator("#text :is(script, img, svg, template, textarea)").count() == 0
    assert page.locator("script").count() == 6  # about, four rows, the page's own
    text = page.evaluate("document.body.innerText")
    assert not set(text) & set("\x00\x07\x1b\u202e\u2066\u2069\u200b\ufeff\u2028\U000e0041")
    assert HOSTILE[0] in text
    assert HOSTILE[1] in text


def test_hidden_characters_are_found_beside(hostile_row: Visit) -> None:
    """A hit that spans a mark is painted from its first to its last letter."""
    hostile_row.page.fill("#query", "width\ufeff and")
    expect(hostile_row.page.locator("#hits")).to_have_text("1 hit")
    hostile_row.page.keyboard.press("Enter")
    painted = "[...CSS.highlights.get('current-hit')].map(range => range.toString())"
    assert hostile_row.page.evaluate(painted) == ["widthU+FEFF and"]


def test_the_policy_stops_what_gets_in(browser: Browser, page_file: Path) -> None:
    """Even markup that somebody puts into the page runs nothing, styles nothing and loads nothing."""
    seen = visit(browser, page_file)
    failures: list[str] = []
    seen.page.on("requestfailed", lambda request: failures.append(f"{request.failure}: {request.url}"))
    title, stopped = seen.page.evaluate(
        """async () => {
          const stopped = [];
          document.addEventListener('securitypolicyviolation', (event) => stopped.push(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = "document.title = 'run'";
          document.body.append(script);
          document.body.insertAdjacentHTML('beforeend', '<b onclick="document.title = 1" style="color: red">x</b>');
          document.body.lastElementChild.click();
          document.body.insertAdjacentHTML('beforeend', '<img src="https://example.org/x.png">');
          document.body.insertAdjacentHTML('beforeend', '<iframe src="https://example.org/"></iframe>');
          await fetch('https://example.org/').catch(() => {});
          setTimeout(() => { try { new Function('document.title = 2')(); } catch {} });
          await new Promise((done) => setTimeout(done, 200));
          const title = document.title;
          document.body.insertAdjacentHTML('beforeend', '<form action="https://example.org/"></form>');
          document.body.lastElementChild.submit();  // the browser shows an empty page instead of sending it
          await new Promise((done) => setTimeout(done, 50));
          return [title, stopped];
        }"""
    )
    assert {"script-src-elem", "script-src-attr", "style-src-attr", "img-src", "connect-src", "frame-src"} <= set(
        stopped
    )
    assert {"form-action", "script-src"} <= set(stopped)
    assert title == "rows"
    requests = [one for one in seen.misdeeds if one.startswith("request")]
    assert failures == [one.replace("request", "csp", 1) for one in requests]  # named, and never sent
    seen.page.close()


def test_rows_are_picked(browser: Browser, page_file: Path) -> None:
    """Every configuration and row of the page can be opened, one that has no segments and a packed one too."""
    for seen in opened(browser, page_file):
        seen.page.select_option("#row", label="plain")
        seen.page.wait_for_selector(':root[data-open="2"]')
        assert seen.page.locator("#strip .bar").count() == 1
        assert seen.whole_text == ""
        seen.page.select_option("#config", label="packed")
        seen.page.wait_for_selector(':root[data-open="3"]')
        assert seen.whole_text == "Here is one. Here is another. And the last."
        borders = seen.page.locator("#text .border").all_inner_texts()
        assert [" ".join(one.split()) for one in borders] == [
            "Document 1 of 3 in this row first 5 tokens",
            "Document 2 of 3 in this row second 5 tokens",
            "Document 3 of 3 in this row third 5 tokens",
        ]
        assert seen.page.locator("#strip .bar.first").count() == 2
        assert "3 documents packed" in (seen.page.text_content("#facts") or "")


def test_paper_shows_the_whole_sample(long_row: Visit) -> None:
    """In print the controls are gone, and text that was never scrolled to is there."""
    long_row.page.emulate_media(media="print")
    assert not long_row.page.is_visible("#query")
    assert long_row.page.is_visible("#strip")
    hidden = "found => found.filter(one => getComputedStyle(one).contentVisibility !== 'visible').length"
    assert long_row.page.eval_on_selector_all("#text .segment", hidden) == 0


def test_half_a_million_tokens_open(browser: Browser, tmp_path: Path, record_property: Any) -> None:
    """1,200 segments of 1,700 characters are all there, and the last one can be gone to; times are only recorded."""
    sample = long_sample(1200, metas_every=100, characters=1700)
    output = tmp_path / "page.html"
    report = write_page(write_samples(tmp_path / "rows", [sample]), output)
    for seen in opened(browser, output):
        opened_after = seen.page.evaluate("performance.measure('open', {start: 0}).duration")
        record_property("milliseconds until half a million tokens could be read", opened_after)
        record_property("bytes of the page", report.bytes)
        assert seen.whole_text == sample.text
        assert len(sample.text) > 2_000_000
        seen.page.focus('#strip [tabindex="0"]')
        seen.page.keyboard.press("End")
        assert seen.selected == 1199
        assert seen.page.locator("#segment-1199").bounding_box()["y"] < 800  # type: ignore[index]


def test_a_long_text_without_segments_opens_too(browser: Browser, tmp_path: Path) -> None:
    """A megabyte on one line, as an imported row has it: every character is there, and a word at its end is found."""
    text = "word \U0001f600\U0001f600 " * 100_000 + "\U0001f600" * 30_000 + " needle\n" + "last line\n" * 2_000
    whole = make_sample("imported", [("meta", "imported", 0, text)])
    write_page(write_samples(tmp_path / "rows", [replace(whole, segments=())]), tmp_path / "page.html")
    for seen in opened(browser, tmp_path / "page.html"):
        assert seen.whole_text == text
        assert seen.page.locator("#strip .bar").count() == 1
        seen.page.fill("#query", "needle")
        seen.page.keyboard.press("Enter")
        expect(seen.page.locator("#hits")).to_have_text("1 of 1 hit")
        seen.page.wait_for_timeout(200)
        hit = "(({top, bottom}) => [top, bottom])([...CSS.highlights.get('current-hit')][0].getBoundingClientRect())"
        top, bottom = seen.page.evaluate(hit)
        hero = seen.page.locator("#hero").bounding_box()
        assert hero is not None
        assert hero["y"] + hero["height"] <= top < bottom < 800
