"""Whatever stands between us and the Hub: what is read is what the Hub lists, and every read ends.

Real HTTP with the real `huggingface_hub`, `datasets` and fsspec, against a local Hub whose answers are altered.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hub_session import Outcome, Session

from nextlong_hub.testing import LocalHub
from nextlong_hub.testing.messages import Answer

pytestmark = pytest.mark.slow

OFTEN = 999
PORTAL = b"<!doctype html><title>Hotel wifi</title>Please log in"
LINES = [f"line {number} " * 9 for number in range(9)]
CONTENT = "".join(json.dumps({"text": text}) + "\n" for text in LINES)
CARD = "---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files: '*.jsonl'\n---\n# Notes\n"


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """One Hub; each case has a repository of its own, as nothing is asked twice within a process."""
    with LocalHub() as running:
        yield running


@pytest.fixture(scope="module")
def session(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A process that reads."""
    with Session(hub, tmp_path_factory.mktemp("session")) as opened:
        yield opened


@pytest.fixture
def name(hub: LocalHub, request: pytest.FixtureRequest) -> str:
    """A dataset of nine documents in two files, with a card."""
    called = f"tester/notes-{abs(hash(request.node.nodeid)) % 10**9}"
    half = CONTENT.index('{"text": "line 5')
    hub.put("datasets", called, {"README.md": CARD, "a.jsonl": CONTENT[:half], "b.jsonl": CONTENT[half:]})
    return called


def with_body(change: Callable[[bytes], bytes], **headers: str) -> Callable[[Answer], Answer]:
    """Another body, with headers that fit it."""
    return lambda answer: replace(answer, body=change(answer.body), headers={**answer.headers, **headers})


def cut(answer: Answer) -> Answer:
    """Half of it, and headers that call it all there is."""
    body = answer.body[: len(answer.body) // 2]
    span = {"Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}"} if "Content-Range" in answer.headers else {}
    return replace(answer, body=body, headers={**answer.headers, **span})


FILE_ANSWERS: dict[str, Callable[[Answer], Answer]] = {
    "cut": cut,
    "a page to log in": lambda answer: Answer(body=PORTAL, headers={"Content-Type": "text/html"}),
    "a page to log in as that part": with_body(lambda body: PORTAL),
    "empty": lambda answer: Answer(),
    "other words of the same length": with_body(lambda body: body.replace(b"line 3", b"line 7")),
    "the whole, called a part": lambda answer: replace(answer, status=200),
}
LISTING_ANSWERS: dict[str, bytes] = {
    "[]": b"[]",
    "{}": b"{}",
    "null": b"null",
    "a number": b"7",
    "nothing": b"",
    "HTML": PORTAL,
    "cut": b'[{"type": "file", "oid": "',
}
FORMS = {"by address": "hf://datasets/{name}", "a file": "hf://datasets/{name}/a.jsonl", "by name": "{name}"}


def wanted(form: str) -> dict[str, list[str]]:
    """What a source of this form holds."""
    return {"texts": LINES[:5] if form == "a file" else LINES, "licences": ["mit"]}


def ends_as_network_error(outcome: Outcome) -> bool:
    """Whether a command ended with one line, and exit code 5."""
    assert outcome.code == 5, outcome
    return "Traceback" not in outcome.err.split("Error: ")[0]


@pytest.mark.parametrize("form", ["by address", "by name"])
@pytest.mark.parametrize("altered", FILE_ANSWERS)
def test_one_bad_answer_for_a_shard_loses_no_document(
    altered: str, form: str, hub: LocalHub, session: Session, name: str
) -> None:
    """The shard is asked for again, and all documents come, each as it was written."""
    fault = hub.fail("GET", f"{name}/resolve/.*a.jsonl", rewrite=FILE_ANSWERS[altered])
    outcome = session.read({"path": FORMS[form].format(name=name)})
    assert fault.times == 0
    assert outcome.code == 0, outcome.err
    assert outcome.report == wanted(form)


@pytest.mark.parametrize("form", ["by address", "by name"])
@pytest.mark.parametrize("altered", ["cut", "other words of the same length"])
def test_a_shard_that_never_arrives_is_a_network_error(
    altered: str, form: str, hub: LocalHub, session: Session, name: str
) -> None:
    """Never fewer documents, and never other ones."""
    fault = hub.fail("GET", f"{name}/resolve/.*a.jsonl", rewrite=FILE_ANSWERS[altered], times=OFTEN)
    outcome = session.read({"path": FORMS[form].format(name=name)})
    fault.times = 0
    assert ends_as_network_error(outcome)
    assert "is not the file that is listed there" in outcome.err


@pytest.mark.parametrize(
    ("answer", "route", "form"),
    [
        *((answer, "/tree/", "by address") for answer in LISTING_ANSWERS),
        *(
            (answer, route, form)
            for answer in ("[]", "HTML")
            for route in ("/tree/", "/api/datasets/[^/]+/[^/]+(?:/revision/[^/]+)?$", "/paths-info/")
            for form in ("a file", "by name")
        ),
    ],
)
def test_a_bad_answer_for_a_listing_hides_nothing(
    answer: str, route: str, form: str, hub: LocalHub, session: Session, name: str
) -> None:
    """Once: it is asked again. Always: an error; a repository is not empty since one answer says so."""
    for times in (1, OFTEN):
        faults = [
            hub.fail(way, route, alter=lambda body: LISTING_ANSWERS[answer], times=times) for way in ("GET", "POST")
        ]
        hub.put("datasets", name, {"LICENSE": f"words {times}"})  # a commit that nobody has asked about
        outcome = session.read({"path": FORMS[form].format(name=name)})
        happened = any(fault.times < times for fault in faults)
        for fault in faults:
            fault.times = 0
        if times == 1 or not happened:
            assert outcome.report == wanted(form), outcome.err
        elif outcome.report is None:
            assert outcome.code in (1, 5), outcome
            assert "nobody foresaw" not in outcome.err
        else:
            assert outcome.report == wanted(form)


@pytest.mark.parametrize("form", ["by address", "by name"])
@pytest.mark.parametrize("altered", ["cut", "empty", "a page to log in"])
def test_a_bad_answer_for_a_card_changes_no_licence(
    altered: str, form: str, hub: LocalHub, session: Session, name: str
) -> None:
    """Either the card is read as it was written, or the command ends."""
    for times in (1, OFTEN):
        hub.put("datasets", name, {"LICENSE": f"words {times}"})
        fault = hub.fail("GET", f"{name}/resolve/.*README", rewrite=FILE_ANSWERS[altered], times=times)
        outcome = session.read({"path": FORMS[form].format(name=name)})
        assert fault.times < times
        fault.times = 0
        assert outcome.report == wanted(form) if times == 1 and form == "by address" else True
        assert outcome.report in (None, wanted(form))
        assert outcome.report is not None or ends_as_network_error(outcome)


def test_a_page_that_is_missing_is_noticed(hub: LocalHub, session: Session, name: str) -> None:
    """A listing that ends too early is cross-checked with what the repository says of itself."""
    shorter = with_body(lambda body: json.dumps(json.loads(body)[:-1]).encode())
    fault = hub.fail("GET", f"{name}/tree/", rewrite=shorter, times=OFTEN)
    outcome = session.read({"path": f"hf://datasets/{name}"})
    fault.times = 0
    assert ends_as_network_error(outcome)
    assert "lacks b.jsonl, which it says it has" in outcome.err


@pytest.mark.parametrize("command", ["verify", "inspect", "stats", "view"])
@pytest.mark.parametrize("file", ["manifest.json", "README.md"])
def test_commands_believe_no_page_to_log_in(
    file: str, command: str, hub: LocalHub, session: Session, built: Path, tmp_path: Path
) -> None:
    """A manifest or a card that is none is asked for again; if that never helps, the command ends in one line."""
    name = f"tester/{command}-{file.partition('.')[0]}"
    assert session.push(built, name).code == 0
    more = ["-o", tmp_path / "page.html"] if command == "view" else []
    for times, codes in ((1, (0,)), (OFTEN, (0, 5))):
        fault = hub.fail("GET", f"{name}/resolve/.*{file}", rewrite=FILE_ANSWERS["a page to log in"], times=times)
        outcome = session.run(command, f"hf://datasets/{name}", *more)
        is_read = fault.times < times
        fault.times = 0
        assert outcome.code in codes, outcome.err
        assert outcome.code == (5 if is_read and times == OFTEN else 0), outcome.err


DRIPS = {
    "drips": {"drip_seconds": 0.02},
    "never answers": {"delay_seconds": 20.0},
}


@pytest.mark.parametrize("route", ["/tree/", "/resolve/"])
@pytest.mark.parametrize("drip", DRIPS)
def test_what_never_comes_to_an_end_ends(drip: str, route: str, hub: LocalHub, session: Session, name: str) -> None:
    """Headers and bodies that drip, and connections that never answer: each request has an end, whatever comes."""
    fault = hub.fail("GET", f"{name}.*{route}|{name}{route}", times=OFTEN, **DRIPS[drip])
    outcome = session.read({"path": f"hf://datasets/{name}"}, answer_seconds=0.2)
    fault.times = 0
    assert ends_as_network_error(outcome)


def test_a_command_has_an_end(hub: LocalHub, session: Session, name: str) -> None:
    """However many requests are answered slowly, all of them together may not take longer."""
    fault = hub.fail("GET", name, times=OFTEN, delay_seconds=0.1)
    outcome = session.run("inspect", f"hf://datasets/{name}", waiting_seconds=0.15, least_bytes_a_second=10**9)
    fault.times = 0
    assert ends_as_network_error(outcome)


@pytest.mark.parametrize("form", FORMS)
def test_redirects_in_a_circle_end(form: str, hub: LocalHub, session: Session, name: str) -> None:
    """An address that leads to itself is followed some times, not for ever."""
    circle = f"{hub.endpoint}/datasets/{name}/resolve/main/a.jsonl"
    fault = hub.fail("GET", f"{name}/resolve/", status=302, headers={"Location": circle}, times=OFTEN)
    outcome = session.read({"path": FORMS[form].format(name=name)})
    fault.times = 0
    assert ends_as_network_error(outcome)


@pytest.mark.parametrize("form", ["by address", "by name"])
def test_pages_that_lead_to_themselves_end(form: str, hub: LocalHub, session: Session, name: str) -> None:
    """The listing of a corpus whose last page names itself as the next is no endless one."""

    def linked(answer: Answer) -> Answer:
        link = f'<{hub.endpoint}/api/datasets/{name}/tree/main?cursor=1>; rel="next"'
        return replace(answer, headers={**answer.headers, "Link": link})

    fault = hub.fail("GET", f"{name}/tree/", times=9999, rewrite=linked)
    outcome = session.read({"path": FORMS[form].format(name=name)}, same_requests=5)
    fault.times = 0
    assert ends_as_network_error(outcome)


@pytest.mark.parametrize("form", ["by address", "by name"])
def test_pages_that_are_always_others_end(form: str, hub: LocalHub, session: Session, name: str) -> None:
    """A listing that goes on with new pages has more than any of the Hub's."""
    cursors = itertools.count(2)

    def linked(answer: Answer) -> Answer:
        link = f'<{hub.endpoint}/api/datasets/{name}/tree/main?cursor={next(cursors)}>; rel="next"'
        return replace(answer, headers={**answer.headers, "Link": link})

    fault = hub.fail("GET", f"{name}/tree/", times=9999, rewrite=linked)
    outcome = session.read({"path": FORMS[form].format(name=name)}, pages=20)
    fault.times = 0
    assert ends_as_network_error(outcome)
    assert next(cursors) < 200


def test_a_manifest_without_an_end_is_not_read(hub: LocalHub, session: Session) -> None:
    """More bytes than are listed are not waited for, and a manifest that is listed as huge is not fetched."""
    name = "tester/huge"
    hub.put("datasets", name, {"manifest.json": b"{" + b" " * (65 << 20) + b"}"})
    hub.requests.clear()
    for command in ("verify", "inspect"):
        outcome = session.run(command, f"hf://datasets/{name}")
        assert outcome.code == 1, outcome.err
        assert "at most 67,108,864 are read" in outcome.err
    assert not hub.requests_to("GET", "/resolve/")


def test_a_large_answer_for_a_listing_is_not_kept(hub: LocalHub, session: Session, name: str) -> None:
    """An answer of the API is read up to a size that none of the Hub's has."""
    fault = hub.fail("GET", f"{name}/tree/", times=OFTEN, alter=lambda body: body + b" " * 100_000)
    outcome = session.read({"path": f"hf://datasets/{name}"}, answer_bytes=50_000)
    fault.times = 0
    assert ends_as_network_error(outcome)
    assert "bytes where the Hub answers few" in outcome.err


def test_a_tokenizer_that_was_altered_is_fetched_again(hub: LocalHub, session: Session, tmp_path: Path) -> None:
    """What the cache holds is what the Hub lists, also where its length is right."""
    import nextlong_hub.builders

    content = (Path(nextlong_hub.builders.__path__[0]) / "demo" / "gpt2" / "tokenizer.json").read_bytes()
    hub.put("models", "tester/gpt2", {"tokenizer.json": content})
    fault = hub.fail("GET", "tester/gpt2/resolve/.*tokenizer.json", alter=lambda body: b"[" + body[1:])
    outcome = session.run("doctor", "--tokenizer", "tester/gpt2", "--json")
    assert fault.times == 0
    found = [one for one in json.loads(outcome.out)["findings"] if one["subject"] == "tokenizer"]
    assert [one["state"] for one in found] == ["ok"], found
