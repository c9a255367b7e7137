"""What could go on for ever: listings that lag or never end, drips, somebody who undoes each push."""

import json
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

from benchmarks.faults.fault import Fault
from benchmarks.faults.kinds.network import FOREVER, PUSH
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.proxy import Exchange, Proxy
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import REPOSITORY
from nextlong_hub.testing import LocalHub

Disturb = Callable[[Proxy, LocalHub], None]
"""Arranges mischief of a proxy in front of a Hub."""

_PROMISE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_DRIP_SECONDS = 0.25
_INFO, _TREE = rf"GET /api/datasets/{REPOSITORY}(\?|$)", r"GET .*/tree/"
_COMMIT, _RESOLVE = r"POST .*/commit/", r"GET .*/resolve/"
_HUGE_BYTES = 3_000_000_000
_MOST_OWN_COMMITS = 8
_SECONDS = 150.0
"""A push may wait for a Hub that lags, and says what it published before it gives up."""


def _push(disturb: Disturb, commits: int = 1) -> Callable[[Trial], None]:
    """Push while a Hub misbehaves; it must end, with no more commits than that, then be completed."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        with trial.hub() as (hub, proxy, environment):
            before = len(hub.commits("datasets", REPOSITORY))
            disturb(proxy, hub)
            run = trial.run(*PUSH, environment=environment)
            own = [commit for commit in hub.commits("datasets", REPOSITORY)[:-before] if "ublish" in commit.title]
            if len(own) > commits:
                trial.says(Outcome.HANG if len(own) > _MOST_OWN_COMMITS else Outcome.WRONG, f"{len(own)} commits")
            if run.code == 0 and commits > 1:
                trial.refused(run)
            trial.undisturbed(*PUSH, environment=hub.environment())
            if hub.files("datasets", REPOSITORY) != trial.world.repository.after:
                trial.says(Outcome.HALF, "a push afterwards does not complete it")

    return inject


def _lag(pattern: str, times: int) -> Disturb:
    """After the commit answers are still those of before it."""

    def disturb(proxy: Proxy, hub: LocalHub) -> None:
        def remember(exchange: Exchange) -> None:
            answer = exchange.forward()
            proxy.memory[exchange.target] = answer
            exchange.reply(answer)

        def committed(exchange: Exchange) -> None:
            before.times = 0
            proxy.add(pattern, old, times)
            exchange.reply(exchange.forward())

        def old(exchange: Exchange) -> None:
            known = proxy.memory.get(exchange.target) or next(iter(proxy.memory.values()), None)
            exchange.reply(known or exchange.forward())

        before = proxy.add(pattern, remember, FOREVER)
        proxy.add(_COMMIT, committed)

    return disturb


def _altered(pattern: str, change: Callable[[Any], Any]) -> Disturb:
    def disturb(proxy: Proxy, hub: LocalHub) -> None:
        def act(exchange: Exchange) -> None:
            answer = exchange.forward()
            exchange.reply(answer.with_body(json.dumps(change(json.loads(answer.body))).encode()))

        proxy.add(pattern, act, FOREVER)

    return disturb


def _other_digests(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**file, "lfs": {**file["lfs"], "oid": "0" * 64}} if "lfs" in file else file for file in files]


def _undo(proxy: Proxy, hub: LocalHub) -> None:
    def act(exchange: Exchange) -> None:
        answer = exchange.forward()
        data = [path for path in hub.files("datasets", REPOSITORY) if path.startswith("data/")]
        hub.put("datasets", REPOSITORY, {}, remove=data)
        exchange.reply(answer)

    proxy.add(_COMMIT, act, FOREVER)


def _next_page_is_this(proxy: Proxy, hub: LocalHub) -> None:
    def act(exchange: Exchange) -> None:
        answer = exchange.forward()
        link = f'<{proxy.endpoint}{exchange.target}>; rel="next"'
        exchange.reply(type(answer)(status=answer.status, headers=(*answer.headers, ("Link", link)), body=answer.body))

    proxy.add(_TREE, act, FOREVER)


def _new_pages(proxy: Proxy, hub: LocalHub) -> None:
    def act(exchange: Exchange) -> None:
        number = proxy.memory["page"] = proxy.memory.get("page", 0) + 1
        files = [{"type": "file", "path": f"notes/{number}.txt", "oid": "0" * 40, "size": 1}]
        answer = exchange.forward()
        link = f'<{proxy.endpoint}{exchange.target.split("?")[0]}?page={number}>; rel="next"'
        headers = (*answer.headers, ("Link", link))
        exchange.reply(type(answer)(status=200, headers=headers, body=json.dumps(files).encode()))

    proxy.add(_TREE, act, FOREVER)


def _drip(pattern: str) -> Disturb:
    """One answer comes a byte at a time, for days; the next is as always."""

    def disturb(proxy: Proxy, hub: LocalHub) -> None:
        def act(exchange: Exchange) -> None:
            exchange.raw(chain([_PROMISE % 900_000], repeat(b" ", 900_000)), every_seconds=_DRIP_SECONDS)

        proxy.add(pattern, act)

    return disturb


def _dripping_headers(pattern: str) -> Disturb:
    def disturb(proxy: Proxy, hub: LocalHub) -> None:
        def act(exchange: Exchange) -> None:
            lines = "".join(f"X-{number}: {'y' * 500}\r\n" for number in range(80))
            exchange.raw([b"HTTP/1.1 200 OK\r\n", *map(str.encode, lines)], every_seconds=_DRIP_SECONDS)

        proxy.add(pattern, act)

    return disturb


def _remote(disturb: Disturb, *arguments: str) -> Callable[[Trial], None]:
    """Read from a Hub that misbehaves: that must end, and not as if all were well where nothing else came."""

    def inject(trial: Trial) -> None:
        with trial.hub() as (hub, proxy, environment):
            disturb(proxy, hub)
            run = trial.run(*arguments, environment=environment)
            if run.code == 0 and disturb in (_huge, _next_page_is_this):
                trial.refused(run)

    return inject


def _huge(proxy: Proxy, hub: LocalHub) -> None:
    def act(exchange: Exchange) -> None:
        exchange.raw(chain([_PROMISE % _HUGE_BYTES], repeat(b" " * (1 << 20), _HUGE_BYTES >> 20)))

    proxy.add(_RESOLVE, act, FOREVER)


_VERIFY = ("verify", f"hf://datasets/{REPOSITORY}")
FAULTS = (
    *(
        Fault(name=f"push, {name}", inject=_push(disturb, commits), hole=4, seconds=_SECONDS)
        for name, disturb, commits in (
            ("the head lags thrice", _lag(_INFO, 3), 1),
            ("the head lags for ever", _lag(_INFO, FOREVER), 1),
            ("the listing lags thrice", _lag(_TREE, 3), 1),
            ("the listing lags for ever", _lag(_TREE, FOREVER), 1),
            ("the listing never shows data", _altered(_TREE, lambda files: [f for f in files if "lfs" not in f]), 1),
            ("the listing has other digests", _altered(_TREE, _other_digests), 1),
            ("somebody undoes each commit", _undo, _MOST_OWN_COMMITS),
            ("the listing links to itself", _next_page_is_this, 1),
            ("the listing has always another page", _new_pages, 1),
            ("the listing drips, once", _drip(_TREE), 1),
            ("the card drips, once", _drip(r"GET .*/resolve/.*README"), 1),
            ("headers drip, once", _dripping_headers(_INFO), 1),
            ("the answer to the commit drips, once", _drip(_COMMIT), 1),
        )
    ),
    Fault(name="verify, files of 3 GB of spaces", inject=_remote(_huge, *_VERIFY), hole=4, seconds=_SECONDS),
    Fault(name="verify, the listing links to itself", inject=_remote(_next_page_is_this, *_VERIFY), hole=4),
    Fault(name="verify, the listing drips, once", inject=_remote(_drip(_TREE), *_VERIFY), hole=4, seconds=_SECONDS),
    Fault(name="verify, a file drips, once", inject=_remote(_drip(_RESOLVE), *_VERIFY), hole=4, seconds=_SECONDS),
)
