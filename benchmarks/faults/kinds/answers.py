"""A Hub that answers 200, always and to everything, with something that is no answer of a Hub."""

from collections.abc import Callable

from benchmarks.faults.fault import Fault
from benchmarks.faults.proxy import PORTAL, Answer, Proxy
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import CORPUS, NOWHERE, OUTPUT, REPOSITORY, build

_JSON, _HTML = (("Content-Type", "application/json"),), (("Content-Type", "text/html"),)
ANSWERS = {
    "a page to log in": Answer(headers=_HTML, body=PORTAL),
    "nothing": Answer(headers=_JSON),
    "204": Answer(status=204),
    "null": Answer(headers=_JSON, body=b"null"),
    "[]": Answer(headers=_JSON, body=b"[]"),
    "{}": Answer(headers=_JSON, body=b"{}"),
    "7": Answer(headers=_JSON, body=b"7"),
    "a string": Answer(headers=_JSON, body=b'"ok"'),
    "deep JSON": Answer(headers=_JSON, body=b"[" * 60_000 + b"]" * 60_000),
    "cut JSON": Answer(headers=_JSON, body=b'{"sha": "ab'),
    "no UTF-8": Answer(headers=_JSON, body=b"\xff\xfe\x00\x80" * 9),
}
_COMMANDS = {
    "push": ("push", OUTPUT, REPOSITORY, "-y", "-q"),
    "verify": ("verify", f"hf://datasets/{REPOSITORY}"),
    "inspect": ("inspect", REPOSITORY),
    "stats": ("stats", REPOSITORY),
    "a corpus": build(REPOSITORY),
    "a tokenizer": build(CORPUS, OUTPUT, "--tokenizer", "tester/tokenizer"),
}


def _always(answer: Answer, command: str) -> Callable[[Trial], None]:
    def inject(trial: Trial) -> None:
        if command == "push":
            trial.dataset()
        token = "hf_" + "a" * 34
        trial.secrets.add(token)
        with Proxy(NOWHERE) as proxy:
            proxy.add(".", lambda exchange: exchange.reply(answer), times=1_000_000)
            run = trial.run(*_COMMANDS[command], environment={"HF_ENDPOINT": proxy.endpoint, "HF_TOKEN": token})
        trial.refused(run)
        if command == "push":
            trial.is_as_always()

    return inject


FAULTS = tuple(
    Fault(name=f"{command}: {name}", inject=_always(answer, command), hole=5, seconds=150.0)
    for command in _COMMANDS
    for name, answer in ANSWERS.items()
)
