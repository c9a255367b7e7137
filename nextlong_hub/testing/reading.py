"""Routes that read: account, listings, files."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlencode

from nextlong_hub.testing.card_check import card_faults, card_metadata
from nextlong_hub.testing.messages import Answer, Refusal, Request, is_true, json_answer
from nextlong_hub.testing.repositories import Commit, Entry, Repository, now
from nextlong_hub.testing.state import HubState

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def who_am_i(hub: HubState, request: Request) -> Answer:
    """`GET /api/whoami-v2`."""
    account = hub.accounts.known(request)
    if account.only is not None:
        raise Refusal(403, "This token belongs to no user")
    return json_answer(
        {
            "type": "user",
            "id": account.name,
            "name": account.name,
            "fullname": account.name,
            "isPro": False,
            "orgs": [{"type": "org", "name": name, "roleInOrg": role} for name, role in account.memberships.items()],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": account.name, "role": account.role, "createdAt": now()},
            },
        }
    )


def check_card(hub: HubState, request: Request) -> Answer:
    """`POST /api/validate-yaml`: the check of a README."""
    faults = [{"message": fault} for fault in card_faults(request.json()["content"])]
    return json_answer({"errors": faults, "warnings": []}, status=400 if faults else 200)


def list_repositories(hub: HubState, request: Request, kind: str) -> Answer:
    """`GET /api/datasets?author=&search=`."""
    account = hub.accounts.asking(request)
    author, search = request.query.get("author", ""), request.query.get("search", "").lower()
    return json_answer(
        [
            _info(hub, repository, repository.at("main"))
            for repository in hub.library.all(kind)
            if author in ("", repository.namespace)
            and search in repository.name.lower()
            and (not repository.private or (account and account.owns(repository.namespace)))
        ]
    )


def repository_info(hub: HubState, request: Request, kind: str, name: str, revision: str = "main") -> Answer:
    """`GET /api/datasets/{name}[/revision/{revision}]`."""
    repository = hub.readable(request, kind, name)
    return json_answer(_info(hub, repository, repository.at(revision)))


def check_access(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`GET /api/datasets/{name}/auth-check`: whether the account may read its files."""
    hub.accounts.open_gate(request, hub.readable(request, kind, name))
    return json_answer({})


def list_tree(hub: HubState, request: Request, kind: str, name: str, revision: str, path: str = "") -> Answer:
    """`GET /api/datasets/{name}/tree/{revision}/{path}?recursive=&expand=`, page by page."""
    repository = hub.readable(request, kind, name)
    commit = repository.at(revision)
    folder = unquote(path or "").strip("/")
    recursive, expand = is_true(request.query.get("recursive")), is_true(request.query.get("expand"))
    depth_of_folder = folder.count("/") + 1 if folder else 0
    files: list[dict[str, Any]] = []
    folders: set[str] = set()
    for file, entry in commit.under(folder).items():
        steps = file.split("/")
        deepest = len(steps) if recursive else min(len(steps), depth_of_folder + 2)
        folders.update("/".join(steps[:depth]) for depth in range(depth_of_folder + 1, deepest))
        if recursive or len(steps) == depth_of_folder + 1:
            files.append(_file(repository, commit, file, entry, expand=expand))
    if folder and not files and not folders:
        raise Refusal(404, f'{folder} does not exist on "{unquote(revision)}"', "EntryNotFound")
    return _page(hub, request, [*(_folder(path) for path in sorted(folders)), *files])


def paths_info(hub: HubState, request: Request, kind: str, name: str, revision: str) -> Answer:
    """`POST /api/datasets/{name}/paths-info/{revision}`: the files at these paths; unknown ones are left out."""
    repository = hub.readable(request, kind, name)
    commit = repository.at(revision)
    form = request.form()
    expand = is_true(form.get("expand", ["false"])[0])
    found = []
    for asked in form.get("paths", []):
        path = asked.strip("/")
        if path in commit.tree:
            found.append(_file(repository, commit, path, commit.tree[path], expand=expand))
        elif commit.under(path):
            found.append(_folder(path))
    return json_answer(found)


def list_refs(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`GET /api/datasets/{name}/refs?include_prs=`."""
    repository = hub.readable(request, kind, name)

    def described(refs: Iterable[tuple[str, str]], prefix: str) -> list[dict[str, str]]:
        return [{"name": ref, "ref": f"{prefix}{ref}", "targetCommit": oid} for ref, oid in refs]

    branches = [(ref, oid) for ref, oid in repository.branches.items() if not ref.startswith("refs/")]
    answer: dict[str, Any] = {
        "branches": described(branches, "refs/heads/"),
        "converts": [],
        "tags": described(repository.tags.items(), "refs/tags/"),
    }
    if is_true(request.query.get("include_prs")):
        pulls = [(ref, oid) for ref, oid in repository.branches.items() if ref.startswith("refs/pr/")]
        answer["pullRequests"] = described(pulls, "")
    return json_answer(answer)


def list_commits(hub: HubState, request: Request, kind: str, name: str, revision: str) -> Answer:
    """`GET /api/datasets/{name}/commits/{revision}`, newest first, page by page."""
    repository = hub.readable(request, kind, name)
    commits = [
        {"id": c.oid, "title": c.title, "message": c.message, "date": c.date, "authors": [{"user": c.author}]}
        for c in repository.history(repository.at(revision))
    ]
    return _page(hub, request, commits)


def resolve(hub: HubState, request: Request, kind: str, name: str, revision: str, path: str) -> Answer:
    """`GET` or `HEAD /datasets/{name}/resolve/{revision}/{path}`: the file, or the part that `Range` asks for."""
    repository = hub.readable(request, kind, name)
    hub.accounts.open_gate(request, repository)
    commit = repository.at(revision)
    entry = commit.tree.get(unquote(path))
    if entry is None:
        refusal = Refusal(404, f"Entry not found: {unquote(path)}", "EntryNotFound").answer()
        return Answer(status=404, body=refusal.body, headers=refusal.headers | {"X-Repo-Commit": commit.oid})
    headers = {
        "X-Repo-Commit": commit.oid,
        "ETag": f'"{entry.etag}"',
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    if entry.large:
        headers |= {"X-Linked-ETag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
    if request.method == "HEAD":
        return Answer(headers=headers, length=entry.size)
    span = _RANGE.fullmatch(request.headers.get("range", ""))
    if span is None or not (span[1] or span[2]):
        return Answer(body=hub.library.read(entry), headers=headers)
    if span[1]:
        start, stop = int(span[1]), min(int(span[2] or entry.size) + 1, entry.size)
    else:
        start, stop = max(0, entry.size - int(span[2])), entry.size
    if start >= stop:
        return Answer(status=416, headers={"Content-Range": f"bytes */{entry.size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{entry.size}"
    return Answer(status=206, body=hub.library.blobs.read(entry.sha256, start, stop), headers=headers)


def _info(hub: HubState, repository: Repository, commit: Commit) -> dict[str, Any]:
    readme = commit.tree.get("README.md")
    try:
        metadata = card_metadata(hub.library.read(readme).decode("utf-8", "replace")) if readme else {}
    except ValueError:
        metadata = {}
    card = json.loads(json.dumps(metadata, default=str)) if isinstance(metadata, dict) else {}
    return {
        "_id": hashlib.sha1(repository.name.encode()).hexdigest()[:24],
        "id": repository.name,
        "author": repository.namespace,
        "sha": commit.oid,
        "createdAt": repository.created,
        "lastModified": commit.date,
        "private": repository.private,
        "gated": "manual" if repository.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": card["tags"] if isinstance(card.get("tags"), list) else [],
        "cardData": card,
        "siblings": [{"rfilename": path} for path in sorted(commit.tree)],
        "usedStorage": sum(entry.size for entry in commit.tree.values()),
    }


def _file(repository: Repository, commit: Commit, path: str, entry: Entry, *, expand: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.large:
        described["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": 134}
    if expand:
        last = repository.last_change(commit, path)
        described["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
    return described


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}


def _page(hub: HubState, request: Request, entries: list[dict[str, Any]]) -> Answer:
    """One page of a listing; a `Link` header names the next, as on the Hub."""
    start = int(request.query.get("cursor", "0"))
    stop = start + hub.page_entries
    if stop >= len(entries):
        return json_answer(entries[start:])
    following = f"{hub.endpoint}{request.path}?{urlencode({**request.query, 'cursor': stop})}"
    return json_answer(entries[start:stop], headers={"Link": f'<{following}>; rel="next"'})
