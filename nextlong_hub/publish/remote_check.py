"""Compare a dataset on the Hub with its manifest, by the listing of its files and not their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from nextlong_hub.datacard import lists_files_of
from nextlong_hub.dataset.config_record import FileRecord
from nextlong_hub.dataset.folder import CARD_NAME, recipe_files
from nextlong_hub.dataset.manifest import MANIFEST_NAME, Manifest, is_as_written, parse_manifest
from nextlong_hub.errors import DataError
from nextlong_hub.hub.address import DatasetAddress
from nextlong_hub.hub.budget import spending
from nextlong_hub.hub.changes import RemoteFile, git_oid
from nextlong_hub.hub.repository import MAIN, Remote, Repository
from nextlong_hub.hub.retry import Moved, Retries, RetryPolicy, TooLarge, Transient
from nextlong_hub.publish.contents import is_data
from nextlong_hub.verification import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReport:
    """The result of a check on the Hub."""

    name: str
    """`USER/NAME`."""
    commit: str
    faults: tuple[Fault, ...]
    files: int
    """Data files that were compared."""
    bytes: int
    """Size of all data files by the manifest."""
    rows: int
    """By the manifest; no row was read."""


def verify_remote(address: str, *, retry_policy: RetryPolicy | None = None) -> RemoteReport:
    """Check a published dataset against its manifest: every file's size and sha256, the recipes, the card's file list.

    Only card and manifest are downloaded, and a data file only where the Hub keeps no sha256 of it.

    Args:
        address: `hf://datasets/USER/NAME[@REVISION]`.
        retry_policy: When and how long failed requests are repeated.

    Raises:
        DataError: the address is invalid, or there is no such dataset or revision.
        AuthError, NetworkError: the dataset may not be read, or the Hub cannot be reached.
    """
    parsed = DatasetAddress.parse(address)
    if parsed is None or parsed.path:
        raise DataError(f"{address!r} is no address of a dataset; write it as hf://datasets/USER/NAME[@REVISION]")
    name, revision = parsed.name, parsed.revision or MAIN
    policy = retry_policy or RetryPolicy()
    repository, retries = Repository(name, policy.answer_seconds), Retries(policy)
    with spending(policy.budget):
        return _looked_at(repository, revision, retries)


def _looked_at(repository: Repository, revision: str, retries: Retries) -> RemoteReport:
    while True:
        try:
            remote = repository.look(revision)
            if remote is None or not remote.has_branch:
                missing = f"has no revision {revision!r}" if remote else "is no dataset that you can see"
                raise DataError(f"{repository.page} {missing}; check the name, or run `hf auth login`")
            return check(repository, remote)
        except Transient as fault:
            retries.wait_after(fault)
        except (Moved, TooLarge) as fault:
            raise DataError(f"{repository.page} cannot be read: {fault}") from fault


def check(repository: Repository, remote: Remote) -> RemoteReport:
    """Compare the files of a branch with the manifest on it.

    Raises:
        AuthError, DataError, NetworkError, Transient: see `hub_errors`.
    """
    faults: list[Fault] = []
    content = repository.read(MANIFEST_NAME, remote)
    manifest = _manifest(content, faults)
    if manifest is not None:
        recipes = {f"recipes/{name}.toml": recipe for name, recipe in recipe_files(manifest).items()}
        faults += [fault for record in manifest.files for fault in _data_faults(repository, remote, record)]
        faults += [Fault(place=path, message=why) for path, why in _recipe_faults(remote.files, recipes).items()]
        faults += _card_faults(repository, remote, manifest)
        listed = {record.path for record in manifest.files} | recipes.keys()
        faults += [
            Fault(
                place=path,
                message="is not in the manifest; push again with remove_foreign (--remove-foreign), or remove it there",
            )
            for path in sorted(remote.files.keys() - listed)
            if is_data(path)
        ]
    return RemoteReport(
        name=repository.name,
        commit=remote.head,
        faults=tuple(faults),
        files=len(manifest.files) if manifest else 0,
        bytes=sum(record.bytes for record in manifest.files) if manifest else 0,
        rows=sum(config.rows for config in manifest.configs.values()) if manifest else 0,
    )


def _manifest(content: bytes | None, faults: list[Fault]) -> Manifest | None:
    try:
        manifest = parse_manifest(content, MANIFEST_NAME) if content is not None else None
    except DataError as error:
        faults.append(Fault(place=MANIFEST_NAME, message=str(error)))
        return None
    if manifest is None:
        faults.append(Fault(place=MANIFEST_NAME, message="there is none of nextlong-hub's"))
    elif content is not None and not is_as_written(content):
        faults.append(Fault(place=MANIFEST_NAME, message="is not laid out as it was written; push again"))
    return manifest


def _data_faults(repository: Repository, remote: Remote, record: FileRecord) -> list[Fault]:
    there = remote.files.get(record.path)
    if there is None:
        return [Fault(place=record.path, message="is missing")]
    if there.size_bytes != record.bytes:
        return [Fault(place=record.path, message=f"has {there.size_bytes:,} bytes instead of {record.bytes:,}")]
    sha256 = repository.sha256(record.path, remote)  # read where .gitattributes on the Hub keeps it in git itself
    if sha256 != record.sha256:
        return [Fault(place=record.path, message=f"its sha256 is {sha256} instead of {record.sha256}")]
    return []


def _recipe_faults(files: Mapping[str, RemoteFile], recipes: Mapping[str, bytes]) -> dict[str, str]:
    faults = {path: "is missing" for path in recipes if path not in files}
    for path, content in recipes.items():
        there = files.get(path)
        is_same = there is None or there.oid == git_oid(content) or there.sha256 == hashlib.sha256(content).hexdigest()
        if not is_same:
            faults[path] = "is not the recipe that the manifest holds; push again"
    return faults


def _card_faults(repository: Repository, remote: Remote, manifest: Manifest) -> list[Fault]:
    card = repository.read(CARD_NAME, remote)
    if card is None:
        return [Fault(place=CARD_NAME, message="is missing; push again")]
    if not lists_files_of(card.decode("utf-8", "replace"), manifest):
        return [Fault(place=CARD_NAME, message="its header lists other files than the manifest; push again")]
    return []
