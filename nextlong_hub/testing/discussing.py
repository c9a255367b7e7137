"""Discussions and pull requests: open, list, comment, close, merge."""

from typing import Any, Literal

from nextlong_hub.testing.messages import Answer, Refusal, Request, json_answer
from nextlong_hub.testing.repositories import Discussion, Repository, now
from nextlong_hub.testing.state import HubState


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
    hub.shelf.keep(repository)
    return json_answer({"num": discussion.number, "title": discussion.title, "pullRequest": pull_request})


def list_discussions(hub: HubState, request: Request, kind: str, name: str) -> Answer:
    """`GET /api/datasets/{name}/discussions`, newest first."""
    repository = hub.readable(request, kind, name)
    described = [_described(repository, discussion) for discussion in reversed(repository.discussions)]
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
    hub.shelf.keep(repository)
    return json_answer({"newMessage": event})


def change_status(hub: HubState, request: Request, kind: str, name: str, number: str) -> Answer:
    """`POST /api/datasets/{name}/discussions/{number}/status`: `open` or `closed`."""
    repository = hub.readable(request, kind, name)
    author = hub.accounts.known(request).name
    discussion = _find(repository, number)
    discussion.status = request.json()["status"]
    event = _event(discussion, "status-change", author, {"status": discussion.status})
    hub.shelf.keep(repository)
    return json_answer({"newStatus": event})


def merge(hub: HubState, request: Request, kind: str, name: str, number: str) -> Answer:
    """`POST /api/datasets/{name}/discussions/{number}/merge`; 409 when `main` has moved on since."""
    repository = hub.writable(request, kind, name)
    discussion = _find(repository, number)
    if not discussion.is_pull_request or discussion.status in ("closed", "merged"):
        raise Refusal(400, f"discussion {number} is no open pull request")
    proposed, main = repository.at(f"refs/pr/{number}"), repository.at("main")
    if main.oid not in {commit.oid for commit in repository.history(proposed)}:
        raise Refusal(409, "the branch main has moved on since: the local Hub merges fast-forward only")
    author = hub.accounts.known(request).name
    title = f"{discussion.title} (#{number})"
    discussion.merge_commit = repository.commit("main", proposed.tree, title=title, author=author).oid
    discussion.status = "merged"
    _event(discussion, "status-change", author, {"status": "merged"})
    hub.shelf.keep(repository)
    return json_answer({"mergeCommitId": discussion.merge_commit})


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
