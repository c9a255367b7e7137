"""Secrets in corpora, arguments and variables: none is published, none is printed."""

import zlib
from collections.abc import Callable
from dataclasses import replace

from benchmarks.faults.fault import Fault
from benchmarks.faults.kinds.network import FOREVER, PUSH
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.proxy import Answer, Exchange, Proxy
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import DOCUMENTS, OUTPUT, REPOSITORY, build
from nextlong_hub.testing import make_documents, write_corpus

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def _drawn(trial: Trial, length: int, letters: str = _LETTERS) -> str:
    return "".join(trial.chance.choice(letters) for _ in range(length))


def _with_checksum(drawn: str) -> str:
    """A token of GitHub: its last six characters are the CRC-32 of those before."""
    number, digits = zlib.crc32(drawn.encode()), ""
    while number:
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return drawn + digits.rjust(6, "0")


_SECRETS: dict[str, Callable[[Trial], str]] = {
    "of the Hub": lambda trial: "hf_" + _drawn(trial, 34, _LETTERS[:52]),
    "of AWS": lambda trial: f"AKIA{_drawn(trial, 16, _BASE32)} {_drawn(trial, 40, _LETTERS + '+/')}",
    "of GitHub": lambda trial: "ghp_" + _with_checksum(_drawn(trial, 30)),
    "of OpenAI": lambda trial: "sk-proj-" + _drawn(trial, 20) + "T3BlbkFJ" + _drawn(trial, 20),
    "of a private key": lambda trial: "\n".join(
        (
            "-----BEGIN RSA PRIVATE KEY-----",
            *(_drawn(trial, 64, _LETTERS + "+/") for _ in range(2)),
            "-----END RSA PRIVATE KEY-----",
        )
    ),
}


def _in_texts(kind: str) -> Callable[[Trial], None]:
    """A secret in the middle of every third text: it is masked, or the build ends; no file of ours has it."""

    def inject(trial: Trial) -> None:
        secret = _SECRETS[kind](trial)
        told = secret.split()[-1] if kind == "of AWS" else secret.splitlines()[min(1, secret.count("\n"))]
        trial.secrets.add(told)
        documents = [
            replace(one, text=f"{one.text[:300]} {secret} {one.text[300:]}") if number % 3 == 0 else one
            for number, one in enumerate(make_documents(DOCUMENTS))
        ]
        write_corpus(trial.corpus, documents)
        run = trial.run(*build())
        if run.code == 0 and _published(trial, told):
            trial.says(Outcome.SECRET, f"a secret {kind} is in rows that would be published")

    return inject


def _published(trial: Trial, secret: str) -> bool:
    import pyarrow.parquet as pq

    shards = trial.output.glob("data/**/*.parquet")
    rows = any(secret in text for shard in shards for text in pq.read_table(shard)["text"].to_pylist())
    files = [trial.output / "README.md", trial.output / "manifest.json"]
    return rows or any(secret in file.read_text("utf-8") for file in files)


def _message(trial: Trial) -> None:
    secret = _SECRETS["of the Hub"](trial)
    trial.secrets.add(secret)
    trial.dataset()
    with trial.hub() as (hub, _, environment):
        trial.run(*PUSH, "--message", f"Publish with {secret} now", environment=environment)
        if any(secret in f"{commit.title}" for commit in hub.commits("datasets", REPOSITORY)):
            trial.says(Outcome.SECRET, "a token is the title of a commit")


def _endpoint(*arguments: str) -> Callable[[Trial], None]:
    """An address with a password."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        trial.secrets.add("geheim77")
        variables = {"HF_ENDPOINT": "http://somebody:geheim77@127.0.0.1:9", "HF_TOKEN": "hf_" + "a" * 34}
        trial.run(*arguments, environment=variables)

    return inject


def _sent_elsewhere(trial: Trial) -> None:
    """Uploads and files are redirected to another host: the token does not go there."""
    trial.dataset()
    seen: list[str] = []

    def note(exchange: Exchange) -> None:
        seen.append(str(exchange.headers.get("Authorization", "")))
        exchange.reply(Answer(status=404))

    with trial.hub() as (hub, proxy, environment), Proxy(hub.endpoint) as other:
        other.add(".", note, FOREVER)
        target = other.endpoint.replace("127.0.0.1", "localhost")
        status = trial.chance.choice((301, 302, 303, 307, 308))
        pattern = trial.chance.choice((r"GET .*/resolve/", r"GET .*/tree/", r"POST .*/commit/", r"PUT "))
        proxy.add(
            pattern,
            lambda exchange: exchange.reply(Answer(status=status, headers=(("Location", target + exchange.target),))),
            FOREVER,
        )
        trial.run(*PUSH, environment=environment)
        if any(hub.account.token in word for word in seen):
            trial.says(Outcome.SECRET, "the token went to another host")
        trial.hub_is_whole(hub, done=False)


def _keyless(*arguments: str) -> Callable[[Trial], None]:
    """A push from CI without a key, where the service that gives one answers nonsense."""

    def inject(trial: Trial) -> None:
        trial.dataset()
        with trial.hub() as (_, proxy, environment):
            proxy.add("/oidc", lambda exchange: exchange.reply(Answer(body=b"<html>")), FOREVER)
            variables = {
                **environment,
                "HF_TOKEN": "",
                "HF_OIDC_RESOURCE": REPOSITORY,
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{proxy.endpoint}/oidc?x=1",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "geheim78",
            }
            trial.secrets.add("geheim78")
            trial.run(*arguments, environment=variables)

    return inject


def _files(trial: Trial) -> None:
    """Files with secrets beside the dataset are not pushed."""
    trial.dataset()
    trial.plant(f"{OUTPUT}/.env", f"{OUTPUT}/data/notes.txt", f"{OUTPUT}/id_rsa")
    with trial.hub() as (hub, _, environment):
        trial.run(*PUSH, environment=environment)
        there = hub.files("datasets", REPOSITORY)
        if any(b"precious" in content for content in there.values()):
            trial.says(Outcome.SECRET, "a file of a person was pushed")


def _in_manifest(trial: Trial) -> None:
    """A token in the name of a source is refused before anything is published."""
    secret = _SECRETS["of the Hub"](trial)
    trial.secrets.add(secret)
    trial.run(*build(f"{secret}=corpus.jsonl"))
    if (trial.output / "manifest.json").exists():
        with trial.hub() as (hub, _, environment):
            trial.run(*PUSH, environment=environment)
            there = hub.files("datasets", REPOSITORY)
            if any(secret.encode() in content for content in there.values()):
                trial.says(Outcome.SECRET, "a token in the name of a source was pushed")


FAULTS = (
    *(Fault(name=f"a secret {kind} in texts, build", inject=_in_texts(kind), hole=9) for kind in _SECRETS),
    Fault(name="a token in --message, push", inject=_message, hole=9),
    *(
        Fault(name=f"a password in HF_ENDPOINT, {name}", inject=_endpoint(*words), hole=9, seconds=150.0)
        for name, words in {
            "push": PUSH,
            "push --json": (*PUSH, "--json"),
            "doctor": ("doctor",),
            "doctor --json": ("doctor", "--json"),
            "verify": ("verify", f"hf://datasets/{REPOSITORY}"),
        }.items()
    ),
    Fault(name="requests sent to another host, push", inject=_sent_elsewhere, hole=9, draws=True, seconds=150.0),
    *(
        Fault(name=f"no key in CI, {words[0]}", inject=_keyless(*words), hole=9, seconds=150.0)
        for words in (PUSH, ("verify", f"hf://datasets/{REPOSITORY}"), ("inspect", REPOSITORY), ("doctor",))
    ),
    Fault(name="files of a person beside the dataset, push", inject=_files, hole=9),
    Fault(name="a token in the name of a source, build and push", inject=_in_manifest, hole=9),
)
