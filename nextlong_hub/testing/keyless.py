"""Routes of keyless logins ("Trusted Publishers"): a CI that says what a job is, and the exchange for a token."""

import base64
import json
import secrets
from typing import Any

from nextlong_hub.testing.accounts import Account
from nextlong_hub.testing.messages import Answer, Refusal, Request, json_answer
from nextlong_hub.testing.state import HubState

JOB = "repo:tester/data:ref:refs/heads/main"
"""What the CI says that every job is: the claim `sub`."""
CI_SECRET = "secret-of-the-job"
"""With which a job asks the CI for its identity."""
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_IDENTITY = "urn:ietf:params:oauth:token-type:id_token"


def identity_token(audience: str) -> str:
    """What the CI says of a job, for one audience; like any JWT in three parts, and signed by nobody."""
    parts: list[dict[str, Any]] = [{"alg": "none"}, {"sub": JOB, "aud": audience, "jti": secrets.token_hex(8)}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, secrets.token_urlsafe(32)])


def give_identity(hub: HubState, request: Request) -> Answer:
    """`GET /ci/identity?audience=`: the CI's side, as in GitHub Actions."""
    if request.token != CI_SECRET:
        raise Refusal(401, "this is no job of the CI")
    return json_answer({"value": identity_token(request.query.get("audience", ""))})


def exchange(hub: HubState, request: Request) -> Answer:
    """`POST /oauth/token`: a token for one repository, for the identity of a job that is trusted there (RFC 8693)."""
    asked = request.json()
    if asked.get("grant_type") != _EXCHANGE or asked.get("subject_token_type") != _IDENTITY:
        return _refused("unsupported_grant_type", "only the exchange of an identity token")
    trust = hub.trusted.get(str(asked.get("resource")))
    if trust is None:
        return _refused("invalid_target", f"{asked.get('resource')} trusts no publisher")
    claims = _claims(str(asked.get("subject_token")))
    if claims.get("sub") != JOB or claims.get("aud") != hub.endpoint:
        return _refused("invalid_grant", f"audience {claims.get('aud')!r} or subject do not match a trusted publisher")
    token = f"hf_jwt_{secrets.token_hex(20)}"
    namespace = trust.resource.split("/")[1]
    hub.accounts.add(Account(name=namespace, token=token, only=trust.resource), trust.requests)
    return json_answer({"access_token": token, "token_type": "bearer", "expires_in": trust.seconds})


def _refused(code: str, message: str) -> Answer:
    return json_answer({"error": code, "error_description": message}, status=400, headers={"X-Error-Message": message})


def _claims(token: str) -> dict[str, Any]:
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
