"""The environment of huggingface_hub: endpoint, offline mode, token and cache."""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, get_token

from nextlong_hub.errors import NetworkError
from nextlong_hub.hub.address import endpoint
from nextlong_hub.hub.keyless import keyless_resource
from nextlong_hub.hub.repository import Account, Repository
from nextlong_hub.hub.retry import RetryPolicy, Transient


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What huggingface_hub will use, from its environment variables and its files."""

    endpoint: str
    """Address of the Hub."""
    is_offline: bool
    """`HF_HUB_OFFLINE` is set."""
    keyless: str | None
    """What a keyless login, which `HF_OIDC_RESOURCE` asks for, is for; None: there is none."""
    has_token: bool
    """Whether a token is set; it need not be valid."""
    cache: Path
    """Where downloads are kept."""

    def account(self) -> Account:
        """Request the account that the token belongs to.

        Raises:
            AuthError: the Hub does not know the token.
            NetworkError: the Hub cannot be reached.
        """
        try:
            return Repository("the account", RetryPolicy().answer_seconds).account()
        except Transient as fault:
            raise NetworkError(f"{fault.reason}; check the connection to {self.endpoint}, then ask again") from fault


def describe_login() -> Login:
    """The login found in the environment; sends no request."""
    keyless = keyless_resource()
    return Login(
        endpoint=endpoint(),
        is_offline=constants.HF_HUB_OFFLINE,
        keyless=keyless,
        has_token=keyless is None and get_token() is not None,
        cache=Path(constants.HF_HUB_CACHE),
    )
