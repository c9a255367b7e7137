"""Discussions and pull requests: open, list, comment, close, merge."""

from collections.abc import Mapping
from typing import Any, Literal

from nextlong_hub.testing.messages import Answer, Refusal, Request, json_answer
from nextlong_hub.testing.repositories import Commit, Discussion, Entry, Repository, now
from nextlong_hub.testing.state import HubState

_KINDS = {True: "pull_request", False: "discussion"}


def open_discussion(
    repository: Repository,
    title: str,
    author: str,
    *,
    is_pull_request: bool,
    status: Literal["draft", "open"],
    base: str,
) -> Discussion:
    """Add a discussion; a pull request also gets its branch, beginning at the commit `base`."""
    discussion = Discussion(
        number=len(repository.discussions) + 1,
        title=title,
        author=author,
        is_pull_request=is_pull_request,
        status=status,
        created=now(),
    )
    repository.discussions.append(discussion)
    if is_pull_request:
        repository.branches[f"refs/pr/{discussion.number}"] = base
    return discussion


def create_discussion(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`POST /api/datasets/{name}/discussions`; a pull request begins as a draft."""
    repository = hub.readable(request, kind, name)
    account = hub.accounts.known(request)
    wanted = request.json()
    pull_request = bool(wanted.get("pullRequest"))
    discussion = open_discussion(
        repository,
        wanted["title"],
        account.name,
        is_pull_request=pull_request,
        status="draft" if pull_request else "open",
        base=repository.at("main").oid,
    )
    if wanted.get("description"):
        _comment(discussion, account.name, wanted["description"])
    hub.library.keep(repository)
    return json_answer({"num": discussion.number, "title": discussion.title, "pullRequest": pull_request})


def list_discussions(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`GET /api/datasets/{name}/discussions`, newest first."""
    repository = hub.readable(request, kind, name)
    described = [_described(repository, discussion) for discussion in reversed(repository.discussions)]
    if kind_wanted := request.query.get("type"):
        described = [d for d in described if kind_wanted in ("all", _KINDS[d["isPullRequest"]])]
    if request.query.get("status") in ("open", "closed"):
        is_open = request.query["status"] == "open"
        described = [d for d in described if is_open == (d["status"] in ("open", "draft"))]
    start = int(request.query.get("p", "0")) * hub.page_entries
    page = described[start : start + hub.page_entries]
    return json_answer({"discussions": page, "count": len(described), "start": start})


def discussion_details(hub: HubState, request: Request, kind: str, name: str, number: str) -> Answer:
    """`GET /api/datasets/{name}/discussions/{number}`."""
    repository = hub.readable(request, kind, name)
    discussion = _find(repository, number)
    changes = {"base": "refs/heads/main", "mergeCommitId": discussion.merge_commit}
    return json_answer(
        {
            **_described(repository, discussion),
            "events": discussion.events,
            **({"changes": changes, "filesWithConflicts": []} if discussion.is_pull_request else {}),
        }
    )


def comment(hub: HubState, request: Request, kind: str, name: str, number: str) -> Answer:
    """`POST /api/datasets/{name}/discussions/{number}/comment`."""
    repository = hub.readable(request, kind, name)
    event = _comment(_find(repository, number), hub.accounts.known(request).name, request.json()["comment"])
    hub.library.keep(repository)
    return json_answer({"newMessage": event})


def change_status(hub: HubState, request: Request, kind: str, name: str, number: str) -> Answer:
    """`POST /api/datasets/{name}/discussions/{number}/status`: `open` or `closed`."""
    repository = hub.readable(request, kind, name)
    author = hub.accounts.known(request).name
    discussion = _find(repository, number)
    discussion.status = request.json()["status"]
    event = _event(discussion, "status-change", author, {"status": discussion.status})
    hub.library.keep(repository)
    return json_answer({"newStatus": event})


def merge(hub: HubState, request: Request, kind: str, name: str, number: str) -> Answer:
    """`POST /api/datasets/{name}/discussions/{number}/merge`: one commit on `main`; 409 when it cannot be made."""
    repository = hub.writable(request, kind, name)
    discussion = _find(repository, number)
    if not discussion.is_pull_request or discussion.status != "open":
        raise Refusal(400, f"discussion {number} is no open pull request")
    tree = _merged(repository, repository.at(f"refs/pr/{number}"), repository.at("main"))
    author = hub.accounts.known(request).name
    title = f"{discussion.title} (#{number})"
    discussion.merge_commit = repository.commit("main", tree, title=title, author=author).oid
    discussion.status = "merged"
    _event(discussion, "status-change", author, {"status": "merged"})
    hub.library.keep(repository)
    return json_answer({"mergeCommitId": discussion.merge_commit})


def _merged(repository: Repository, proposed: Commit, main: Commit) -> dict[str, Entry]:
    """What `main` becomes with the changes of a pull request; a file that both changed is a conflict."""
    behind = {commit.oid for commit in repository.history(main)}
    base = next(commit for commit in repository.history(proposed) if commit.oid in behind)

    def changed(tree: Mapping[str, Entry]) -> dict[str, Entry | None]:
        return {path: tree.get(path) for path in {*tree, *base.tree} if tree.get(path) != base.tree.get(path)}

    theirs, ours = changed(main.tree), changed(proposed.tree)
    conflicts = sorted(path for path in theirs.keys() & ours.keys() if theirs[path] != ours[path])
    if conflicts:
        raise Refusal(409, f"main has moved on since; both sides changed {', '.join(conflicts)}")
    return {path: entry for path, entry in {**main.tree, **ours}.items() if entry is not None}


def _find(repository: Repository, number: str) -> Discussion:
    for discussion in repository.discussions:
        if discussion.number == int(number):
            return discussion
    raise Refusal(404, f"Discussion not found: {number}")


def _described(repository: Repository, discussion: Discussion) -> dict[str, Any]:
    return {
        "num": discussion.number,
        "title": discussion.title,
        "author": {"name": discussion.author},
        "status": discussion.status,
        "createdAt": discussion.created,
        "isPullRequest": discussion.is_pull_request,
        "repo": {"name": repository.name, "type": repository.kind.removesuffix("s")},
    }


def _event(discussion: Discussion, kind: str, author: str, data: dict[str, Any]) -> dict[str, Any]:
    number = f"{discussion.number:08x}{len(discussion.events):016x}"
    event = {"id": number, "type": kind, "createdAt": now(), "author": {"name": author}, "data": data}
    discussion.events.append(event)
    return event


def _comment(discussion: Discussion, author: str, text: str) -> dict[str, Any]:
    return _event(discussion, "comment", author, {"edited": False, "hidden": False, "latest": {"raw": text}})
