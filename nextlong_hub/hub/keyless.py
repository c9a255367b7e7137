"""Keyless logins of CI jobs ("Trusted Publishers"): a proof of what a job is gives an hour's token for one repository.

huggingface_hub does it where `HF_OIDC_RESOURCE` names the repository: it exchanges the identity token of the job at
`/oauth/token`, whenever a request is made and the token is about to run out. Nothing here sends a request.
"""

import os
import sys
from typing import Any

RESOURCE = "HF_OIDC_RESOURCE"

_AUTH = "huggingface_hub.utils._auth"
_DATASETS = "datasets/"
_EXCHANGES = "_get_token_from_oidc"


def keyless_resource() -> str | None:
    """What a keyless login is for: `datasets/USER/NAME`, another repository, or an account; None: there is none."""
    resource = os.environ.get(RESOURCE, "")
    from huggingface_hub.utils import _auth

    return resource if resource and hasattr(_auth, _EXCHANGES) else None


def dataset_of(resource: str) -> str | None:
    """The dataset `USER/NAME` that a login is for; None when it is for something else."""
    return resource.removeprefix(_DATASETS) if resource.startswith(_DATASETS) else None


def forget_token() -> None:
    """Have the next request ask for a new token: the Hub no longer takes the one that huggingface_hub keeps."""
    auth: Any = sys.modules.get(_AUTH)
    if hasattr(auth, "_OIDC_TOKEN_CACHE"):
        auth._OIDC_TOKEN_CACHE = None
