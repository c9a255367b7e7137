"""Routes that write: repositories, uploads, commits, branches and tags."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlencode

from nextlong_hub.testing.card_check import card_faults
from nextlong_hub.testing.discussing import open_discussion
from nextlong_hub.testing.messages import Answer, Refusal, Request, is_true, json_answer
from nextlong_hub.testing.repositories import Entry, Repository, is_large, large_entry
from nextlong_hub.testing.state import HubState, kind_of

_XET_TOKEN_SECONDS = 3600


def create_repository(hub: HubState, request: Request) -> Answer:
    """`POST /api/repos/create`; 409 when it is there already."""
    wanted = request.json()
    kind = kind_of(wanted.get("type"))
    namespace = wanted.get("organization") or hub.accounts.known(request).name
    account = hub.accounts.writer(request, namespace)
    name = f"{namespace}/{wanted['name']}"
    existing = hub.library.find(kind, name)
    if existing is not None:
        refusal = f"You already created this {wanted.get('type') or 'model'} repo"
        return json_answer({"error": refusal, "url": hub.page_url(existing)}, status=409)
    private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
    repository = hub.library.create(Repository(kind=kind, name=name, private=private))
    return json_answer({"url": hub.page_url(repository), "name": name, "id": f"{kind}/{name}", "user": account.name})


def delete_repository(hub: HubState, request: Request) -> Answer:
    """`DELETE /api/repos/delete`."""
    unwanted = request.json()
    namespace = unwanted.get("organization") or hub.accounts.known(request).name
    repository = hub.writable(request, kind_of(unwanted.get("type")), f"{namespace}/{unwanted['name']}")
    hub.library.delete(repository)
    return json_answer({})


def change_settings(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`PUT /api/datasets/{name}/settings`: `private` or `visibility`, and `gated`."""
    repository = hub.writable(request, kind, name)
    settings = request.json()
    if "private" in settings or "visibility" in settings:
        repository.private = bool(settings.get("private")) or settings.get("visibility") == "private"
    if "gated" in settings:
        repository.gated = bool(settings["gated"])
    hub.library.keep(repository)
    return json_answer({"private": repository.private, "gated": repository.gated})


def prepare_upload(hub: HubState, request: Request, kind: str, name: str, revision: str) -> Answer:
    """`POST /api/datasets/{name}/preupload/{revision}`: which files go into the commit, which into large storage."""
    repository = hub.readable(request, kind, name)
    _allow_commit(hub, request, repository, anyone=_is_proposal(revision) or None)
    commit = repository.at(revision)
    files = []
    for file in request.json()["files"]:
        large = is_large(file["path"], file["size"], base64.b64decode(file["sample"]))
        answer = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        if file["path"] in commit.tree:
            answer["oid"] = commit.tree[file["path"]].etag
        files.append(answer)
    return json_answer({"files": files, "commitOid": commit.oid})


def large_file_batch(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`POST /datasets/{name}.git/info/lfs/objects/batch`: where to send the large files that are not here yet."""
    repository = hub.readable(request, kind, name)
    _allow_commit(hub, request, repository, anyone=True)
    asked = request.json()
    if hub.xet and "xet" in asked.get("transfers", []):  # only huggingface_hub before 1.0 asks
        return json_answer({"transfer": "xet", "objects": [{**wanted, "actions": {}} for wanted in asked["objects"]]})
    multipart = hub.part_bytes if "multipart" in asked.get("transfers", []) else None
    objects = []
    for wanted in asked["objects"]:
        sha256, size_bytes = wanted["oid"], wanted["size"]
        answer = {"oid": sha256, "size": size_bytes}
        if asked["operation"] == "upload" and not hub.knows_large_file(repository, sha256):
            answer["actions"] = {
                "upload": _upload_action(hub, repository, sha256, size_bytes, multipart),
                "verify": {"href": f"{hub.endpoint}/large-files/verify/{sha256}", "header": {}},
            }
        objects.append(answer)
    return json_answer({"transfer": "basic", "objects": objects})


def receive_large_file(hub: HubState, request: Request, sha256: str) -> Answer:
    """`PUT /large-files/whole/{sha256}`."""
    return _keep_large_file(hub, request, sha256, request.body)


def receive_part(hub: HubState, request: Request, sha256: str, number: str) -> Answer:
    """`PUT /large-files/part/{sha256}/{number}`."""
    hub.parts.setdefault(sha256, {})[int(number)] = request.body
    return Answer(headers={"ETag": f'"{hashlib.sha256(request.body).hexdigest()}"'})


def join_parts(hub: HubState, request: Request, sha256: str) -> Answer:
    """`POST /large-files/join/{sha256}`: all parts are here, as the list in the body says."""
    arrived = hub.parts.pop(sha256, {})
    expected = [part["partNumber"] for part in request.json()["parts"]]
    if sorted(arrived) != expected:
        raise Refusal(400, f"parts {sorted(arrived)} have arrived, {expected} were announced")
    return _keep_large_file(hub, request, sha256, b"".join(arrived[number] for number in expected))


def xet_token(hub: HubState, request: Request, kind: str, name: str, mode: str, revision: str) -> Answer:
    """`GET /api/datasets/{name}/xet-{read,write}-token/{revision}`: address of the Xet storage, and a token for it."""
    repository = hub.readable(request, kind, name)
    if hub.xet is None:
        raise Refusal(404, "Xet is switched off on this local Hub")
    if mode == "write":
        _allow_commit(hub, request, repository, anyone=_is_proposal(revision) or None)
    expiration = int(time.time()) + _XET_TOKEN_SECONDS
    answer = {"casUrl": hub.xet.url, "exp": expiration, "accessToken": "xet-token"}
    headers = {
        "X-Xet-Cas-Url": hub.xet.url,
        "X-Xet-Access-Token": "xet-token",
        "X-Xet-Token-Expiration": str(expiration),
    }
    return json_answer(answer, headers=headers)


def verify_large_file(hub: HubState, request: Request, sha256: str) -> Answer:
    """`POST /large-files/verify/{sha256}`."""
    if sha256 not in hub.library.blobs:
        raise Refusal(404, f"large file {sha256} has not been uploaded")
    return json_answer({})


def commit(hub: HubState, request: Request, kind: str, name: str, revision: str) -> Answer:
    """`POST /api/datasets/{name}/commit/{revision}[?create_pr=1]`: newline-delimited JSON, all of it or nothing."""
    repository = hub.readable(request, kind, name)
    branch = unquote(revision)
    as_pull_request = is_true(request.query.get("create_pr"))
    account = _allow_commit(hub, request, repository, anyone=as_pull_request or _is_proposal(revision))
    if hub.commit_bytes is not None and len(request.body) > hub.commit_bytes:
        raise Refusal(413, "Payload too large")
    head = repository.at(revision)
    if branch not in repository.branches:
        raise Refusal(404, f"Invalid rev id: {branch}", "RevisionNotFound")
    lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
    header: dict[str, str] = next((line["value"] for line in lines if line["key"] == "header"), {})
    if header.get("parentCommit") and not head.oid.startswith(header["parentCommit"]):
        raise Refusal(412, "A commit has happened since. Please refresh and try again.")
    tree = _changed(hub, dict(head.tree), [line for line in lines if line["key"] != "header"])
    _check_readme(hub, repository, tree)
    title, message = header.get("summary", ""), header.get("description", "")
    answer: dict[str, Any] = {"success": True, "hookOutput": ""}
    if as_pull_request:
        discussion = open_discussion(repository, title, account, is_pull_request=True, status="open", base=head.oid)
        branch = f"refs/pr/{discussion.number}"
        answer["pullRequestUrl"] = f"{hub.page_url(repository)}/discussions/{discussion.number}"
    made = repository.commit(branch, tree, title=title, message=message, author=account)
    hub.library.keep(repository)
    return json_answer({**answer, "commitOid": made.oid, "commitUrl": f"{hub.page_url(repository)}/commit/{made.oid}"})


def create_branch(hub: HubState, request: Request, kind: str, name: str, branch: str) -> Answer:
    """`POST /api/datasets/{name}/branch/{branch}`; 409 when it is there already."""
    repository = hub.writable(request, kind, name)
    branch = unquote(branch)
    if branch in repository.branches:
        raise Refusal(409, f"Reference already exists: {branch}")
    repository.branches[branch] = repository.at(request.json().get("startingPoint") or "main").oid
    hub.library.keep(repository)
    return json_answer({})


def delete_branch(hub: HubState, request: Request, kind: str, name: str, branch: str) -> Answer:
    """`DELETE /api/datasets/{name}/branch/{branch}`."""
    repository = hub.writable(request, kind, name)
    return _delete_ref(hub, repository, repository.branches, unquote(branch))


def create_tag(hub: HubState, request: Request, kind: str, name: str, revision: str) -> Answer:
    """`POST /api/datasets/{name}/tag/{revision}`; 409 when it is there already."""
    repository = hub.writable(request, kind, name)
    tag = request.json()["tag"]
    if tag in repository.tags:
        raise Refusal(409, f"Tag reference exists already: {tag}")
    repository.tags[tag] = repository.at(revision).oid
    hub.library.keep(repository)
    return json_answer({})


def delete_tag(hub: HubState, request: Request, kind: str, name: str, revision: str) -> Answer:
    """`DELETE /api/datasets/{name}/tag/{tag}`."""
    repository = hub.writable(request, kind, name)
    return _delete_ref(hub, repository, repository.tags, unquote(revision))


def _delete_ref(hub: HubState, repository: Repository, refs: dict[str, str], ref: str) -> Answer:
    if refs.pop(ref, None) is None:
        raise Refusal(404, f"Invalid rev id: {ref}", "RevisionNotFound")
    hub.library.keep(repository)
    return json_answer({})


def _is_proposal(revision: str) -> bool:
    """Whether a revision is the branch of a pull request."""
    return unquote(revision).startswith("refs/pr/")


def _allow_commit(hub: HubState, request: Request, repository: Repository, *, anyone: bool | None = None) -> str:
    """The name of the committing account; any account that sees the repository may open a pull request."""
    if is_true(request.query.get("create_pr")) if anyone is None else anyone:
        return hub.accounts.known(request).name
    return hub.accounts.writer(request, repository.namespace, f"{repository.kind}/{repository.name}").name


def _upload_action(
    hub: HubState, repository: Repository, sha256: str, size_bytes: int, part_bytes: int | None
) -> dict[str, Any]:
    """Where to send a large file; like the real ones, the addresses are signed and need no token."""
    signed = urlencode({"repository": hub.page_url(repository), "X-Amz-Signature": secrets.token_hex(16)})
    if part_bytes is None or size_bytes <= part_bytes:
        return {"href": f"{hub.endpoint}/large-files/whole/{sha256}?{signed}", "header": {}}
    parts = range(1, -(-size_bytes // part_bytes) + 1)
    urls = {f"{number:05d}": f"{hub.endpoint}/large-files/part/{sha256}/{number}?{signed}" for number in parts}
    return {
        "href": f"{hub.endpoint}/large-files/join/{sha256}?{signed}",
        "header": {"chunk_size": str(part_bytes), **urls},
    }


def _keep_large_file(hub: HubState, request: Request, sha256: str, content: bytes) -> Answer:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise Refusal(400, f"the bytes that came have sha256 {found}, not {sha256}")
    hub.library.blobs.add(content)
    hub.arrived.add((request.query.get("repository", ""), sha256))
    return json_answer({})


def _changed(hub: HubState, tree: dict[str, Entry], operations: list[dict[str, Any]]) -> dict[str, Entry]:
    for operation in operations:
        key, value = operation["key"], operation["value"]
        path = value["path"]
        if key == "file":
            tree[path] = hub.library.entry(path, base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if not hub.has_large_file(value["oid"]):
                raise Refusal(400, f"large file {value['oid']} of {path} has not been uploaded")
            tree[path] = large_entry(value["oid"], value["size"])
        elif key == "deletedFile":
            if tree.pop(path, None) is None:
                raise Refusal(400, f'A file with the name "{path}" does not exist', "EntryNotFound")
        elif key == "deletedFolder":
            for inside in list(_inside(tree, path)):
                del tree[inside]
        else:
            raise Refusal(400, f"unknown operation {key!r}")
    return tree


def _inside(tree: dict[str, Entry], folder: str) -> Iterator[str]:
    prefix = f"{folder.strip('/')}/"
    return (path for path in sorted(tree) if path.startswith(prefix))


def _check_readme(hub: HubState, repository: Repository, tree: dict[str, Entry]) -> None:
    readme = tree.get("README.md")
    if readme is None or repository.kind != "datasets":
        return
    faults = card_faults(hub.library.read(readme).decode("utf-8", "replace"))
    if faults:
        raise Refusal(400, "Invalid metadata in README.md.\n" + "\n".join(f"- {fault}" for fault in faults))
