"""The table of routes."""

import re
from collections.abc import Callable

from nextlong_hub.testing import discussing, keyless, reading, writing
from nextlong_hub.testing.messages import Answer, Refusal, Request
from nextlong_hub.testing.repositories import KINDS
from nextlong_hub.testing.state import HubState

_NAME = r"(?P<name>[^/]+(?:/[^/]+)?)"
_API = rf"/api/(?P<kind>{'|'.join(KINDS)})"
_REPOSITORY = rf"{_API}/{_NAME}"
_PAGE = rf"/(?:(?P<kind>datasets|spaces)/)?{_NAME}"
_REVISION = r"(?P<revision>[^/]+)"
_SHA256 = r"(?P<sha256>[0-9a-f]{64})"
_DISCUSSION = rf"{_REPOSITORY}/discussions/(?P<number>\d+)"

# The first that matches answers. Old names have no namespace, so `nextlong/refs` could be a name: ask for it last.
_ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", r"/api/whoami-v2", reading.who_am_i),
    ("GET", r"/ci/identity", keyless.give_identity),
    ("POST", r"/oauth/token", keyless.exchange),
    ("POST", r"/api/validate-yaml", reading.check_card),
    ("POST", r"/api/repos/create", writing.create_repository),
    ("DELETE", r"/api/repos/delete", writing.delete_repository),
    ("GET", _API, reading.list_repositories),
    ("GET", rf"{_REPOSITORY}/revision/{_REVISION}", reading.repository_info),
    ("GET", rf"{_REPOSITORY}/auth-check", reading.check_access),
    ("GET", rf"{_REPOSITORY}/tree/{_REVISION}(?:/(?P<path>.*))?", reading.list_tree),
    ("POST", rf"{_REPOSITORY}/paths-info/{_REVISION}", reading.paths_info),
    ("GET", rf"{_REPOSITORY}/refs", reading.list_refs),
    ("GET", rf"{_REPOSITORY}/commits/{_REVISION}", reading.list_commits),
    ("GET HEAD", rf"{_PAGE}/resolve/{_REVISION}/(?P<path>.+)", reading.resolve),
    ("PUT", rf"{_REPOSITORY}/settings", writing.change_settings),
    ("POST", rf"{_REPOSITORY}/preupload/{_REVISION}", writing.prepare_upload),
    ("POST", rf"{_REPOSITORY}/commit/{_REVISION}", writing.commit),
    ("POST", rf"{_REPOSITORY}/branch/(?P<branch>[^/]+)", writing.create_branch),
    ("DELETE", rf"{_REPOSITORY}/branch/(?P<branch>[^/]+)", writing.delete_branch),
    ("POST", rf"{_REPOSITORY}/tag/{_REVISION}", writing.create_tag),
    ("DELETE", rf"{_REPOSITORY}/tag/{_REVISION}", writing.delete_tag),
    ("POST", rf"{_PAGE}\.git/info/lfs/objects/batch", writing.large_file_batch),
    ("PUT", rf"/large-files/whole/{_SHA256}", writing.receive_large_file),
    ("PUT", rf"/large-files/part/{_SHA256}/(?P<number>\d+)", writing.receive_part),
    ("POST", rf"/large-files/join/{_SHA256}", writing.join_parts),
    ("POST", rf"/large-files/verify/{_SHA256}", writing.verify_large_file),
    ("GET", rf"{_REPOSITORY}/xet-(?P<mode>read|write)-token/{_REVISION}", writing.xet_token),
    ("GET", rf"{_REPOSITORY}/discussions", discussing.list_discussions),
    ("POST", rf"{_REPOSITORY}/discussions", discussing.create_discussion),
    ("GET", _DISCUSSION, discussing.discussion_details),
    ("POST", rf"{_DISCUSSION}/comment", discussing.comment),
    ("POST", rf"{_DISCUSSION}/status", discussing.change_status),
    ("POST", rf"{_DISCUSSION}/merge", discussing.merge),
    ("GET", _REPOSITORY, reading.repository_info),
]


def answer_to(hub: HubState, request: Request) -> Answer:
    """Carry out a request; a refusal becomes an answer."""
    hub.accounts.count(request)
    try:
        for methods, pattern, function in _ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and request.method in methods.split():
                found = match.groupdict()
                if "kind" in found:
                    found["kind"] = found["kind"] or "models"
                return function(hub, request, **{name: text for name, text in found.items() if text is not None})
        raise Refusal(501, f"the local Hub does not answer {request.method} {request.path}")
    except Refusal as refusal:
        return refusal.answer()
