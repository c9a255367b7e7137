"""What a network does to a push: once, and then it is good; or for ever."""

from collections.abc import Callable
from itertools import pairwise

from benchmarks.faults.fault import Fault
from benchmarks.faults.kinds.answers import ANSWERS
from benchmarks.faults.oracle import NOTES, WORDS
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.proxy import PORTAL, Answer, Exchange
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import OUTPUT, REPOSITORY
from nextlong_hub.testing import LocalHub

Act = Callable[[Exchange], None]
PUSH = ("push", OUTPUT, REPOSITORY, "-y", "-q")
FOREVER = 1_000_000
_ROUTES = {
    "who am I": r"GET /api/whoami",
    "the repository": rf"GET /api/datasets/{REPOSITORY}(\?|$)",
    "the listing": r"GET .*/tree/",
    "the card": r"GET .*/resolve/.*README",
    "the manifest": r"GET .*/resolve/.*manifest",
    "the check of the card": r"POST .*/validate-yaml",
    "what to upload": r"POST .*/preupload/",
    "where to upload": r"POST .*/info/lfs/objects/batch",
    "an upload": r"PUT ",
    "the commit": r"POST .*/commit/",
}


def cut(exchange: Exchange) -> None:
    """Half of the body, with a length that agrees."""
    answer = exchange.forward()
    exchange.reply(answer.with_body(answer.body[: len(answer.body) // 2]))


def _cut_short(exchange: Exchange) -> None:
    answer = exchange.forward()
    exchange.reply(answer.with_body(answer.body[: len(answer.body) // 2]), promised=len(answer.body))


def _too_long(exchange: Exchange) -> None:
    answer = exchange.forward()
    exchange.reply(answer, promised=len(answer.body) + 100)


def garbled(exchange: Exchange) -> None:
    """Every seventh byte is another."""
    answer = exchange.forward()
    body = bytearray(answer.body)
    for place in range(0, len(body), 7):
        body[place] ^= 0x55
    exchange.reply(answer.with_body(bytes(body)))


def longer(exchange: Exchange) -> None:
    """A space more."""
    answer = exchange.forward()
    exchange.reply(answer.with_body(answer.body + b" "))


def _lost(exchange: Exchange) -> None:
    exchange.forward()
    exchange.close()


def _twice(exchange: Exchange) -> None:
    exchange.forward()
    exchange.reply(exchange.forward())


def instead(answer: Answer) -> Act:
    """Another answer; the request does not arrive."""
    return lambda exchange: exchange.reply(answer)


def _after(answer: Answer) -> Act:
    """The request arrives, and its answer is another."""

    def act(exchange: Exchange) -> None:
        exchange.forward()
        exchange.reply(answer)

    return act


def _redirect(status: int, target: str) -> Act:
    return instead(Answer(status=status, headers=(("Location", target),)))


def _to_itself(exchange: Exchange) -> None:
    exchange.reply(Answer(status=307, headers=(("Location", exchange.proxy.endpoint + exchange.target),)))


ONCE: dict[str, Act] = {
    "cut": cut,
    "cut, its length not": _cut_short,
    "shorter than promised": _too_long,
    "garbled": garbled,
    "a byte longer": longer,
    "reset": lambda exchange: exchange.reset(),
    "closed without an answer": lambda exchange: exchange.close(),
    "done, its answer lost": _lost,
    "done twice": _twice,
    "a status line of garbage": lambda exchange: exchange.raw([b"\x00\xff HTTP garbage\r\n\r\n"]),
    "headers without an end": lambda exchange: exchange.raw([b"HTTP/1.1 200 OK\r\nX: ", b"y" * 200_000]),
    "429": instead(Answer(status=429, headers=(("Retry-After", "1"),), body=b"{}")),
    "500": instead(Answer(status=500, body=b"boom")),
    "502 and a page": instead(Answer(status=502, headers=(("Content-Type", "text/html"),), body=PORTAL)),
    "503": instead(Answer(status=503)),
    "sent to a name that nobody has": _redirect(307, "http://nowhere.invalid/"),
    "sent to itself": _to_itself,
    **{f"done, and answered with {name}": _after(answer) for name, answer in ANSWERS.items()},
    **{f"answered with {name}": instead(answer) for name, answer in ANSWERS.items()},
}
"""What is done to one request."""


def pushed(trial: Trial, disturb: Act, pattern: str, times: int = 1) -> None:
    """Push through a proxy that disturbs, then without it."""
    trial.dataset()
    with trial.hub() as (hub, proxy, environment):
        proxy.add(pattern, disturb, times)
        run = trial.run(*PUSH, environment=environment)
        told_apart(trial, run.code, hub)


def told_apart(trial: Trial, code: int, hub: LocalHub) -> None:
    """The Hub is whole, then a push without a fault completes it; no words of a portal are in the card."""
    trial.hub_is_whole(hub, done=code == 0)
    card = trial.output / "README.md"
    if b"Hotel wifi" in card.read_bytes() + hub.files("datasets", REPOSITORY)["README.md"]:
        trial.says(Outcome.WRONG, "the page of a network is in the card")
    trial.pushed_again(hub)


def _once(name: str) -> Callable[[Trial], None]:
    """One mischief to a drawn route."""

    def inject(trial: Trial) -> None:
        pushed(trial, ONCE[name], _ROUTES[trial.chance.choice([*_ROUTES])])

    return inject


def _at(act: Act, route: str, times: int = 1) -> Callable[[Trial], None]:
    return lambda trial: pushed(trial, act, _ROUTES[route], times)


def _there(files: dict[str, bytes]) -> Callable[[Trial], None]:
    """Files of another shape lie on the Hub, beside the words of a person; nothing checks cards there."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        with trial.hub() as (hub, proxy, environment):
            hub.put("datasets", REPOSITORY, files)
            before = hub.files("datasets", REPOSITORY)
            proxy.add(
                _ROUTES["the check of the card"], instead(Answer(body=b'{"errors": [], "warnings": []}')), FOREVER
            )
            trial.run("verify", f"hf://datasets/{REPOSITORY}", environment=environment)
            run = trial.run(*PUSH, environment=environment)
            there = hub.files("datasets", REPOSITORY)
            if run.code and there != before:
                trial.says(Outcome.HALF, "a push that failed changed the Hub")
            if b"## Known problems" not in there["README.md"] or there.get(NOTES) != before[NOTES]:
                trial.says(Outcome.LOST, "words or files of a person on the Hub are gone")

    return inject


def _bomb() -> bytes:
    """A card whose header is 352 bytes of YAML that stand for billions of words."""
    levels = [f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]" for below, name in pairwise("abcdefghij")]
    return "\n".join(["---", "a: &a [x, x, x, x, x, x, x, x, x]", *levels, "---", "", "# Long", WORDS]).encode()


def _stored(body: Callable[[bytes], bytes]) -> Act:
    def act(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.reply(answer.with_body(body(answer.body)))

    return act


_MANIFESTS = {
    "{}": b"{}",
    "[]": b"[]",
    "a list of configurations": b'{"tool": "nextlong-hub", "format": 1, "configs": []}',
    "numbers for configurations": b'{"tool": "nextlong-hub", "format": 1, "configs": {"x": 5}}',
    "numbers for files": b'{"tool": "nextlong-hub", "format": 1, "configs": {"x": {"files": [5]}}}',
    "deep JSON": b"[" * 90_000 + b"]" * 90_000,
    "no UTF-8": b"\xff\xfe",
    "paths that lead out": b'{"tool": "nextlong-hub", "format": 1, "configs": {"x": {"files": [{"path": "../x"}]}}}',
}

FAULTS = (
    *(Fault(name=f"push, once somewhere: {name}", inject=_once(name), draws=True, seconds=150.0) for name in ONCE),
    *(
        Fault(name=f"push, {route} once: {name}", inject=_at(act, route), hole=1)
        for route in ("the card", "the manifest")
        for name, act in {
            "cut": cut,
            "empty": _stored(lambda _: b""),
            "a page to log in": _stored(lambda _: PORTAL),
            "garbled": garbled,
            "longer": longer,
            "one byte another": _stored(lambda body: b"?" + body[1:]),
        }.items()
    ),
    Fault(
        name="push, the card always a page to log in",
        inject=_at(_stored(lambda _: PORTAL), "the card", FOREVER),
        hole=1,
        seconds=150.0,
    ),
    *(
        Fault(
            name=f"push and verify, the manifest on the Hub is {name}",
            inject=_there({"manifest.json": content}),
            hole=5,
        )
        for name, content in _MANIFESTS.items()
    ),
    Fault(
        name="push and verify, the card on the Hub is a YAML bomb",
        inject=_there({"README.md": _bomb()}),
        hole=5,
    ),
)
