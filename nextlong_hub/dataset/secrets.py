"""What people are told of the secrets in a corpus: how many there were, of which kinds, and what became of them."""

from collections.abc import Mapping

from nextlong_hub.corpus.secrets import FATES, OnSecret, found_in_words
from nextlong_hub.dataset.corpus_record import SecretsRecord
from nextlong_hub.dataset.manifest import Manifest

NONE_FOUND = "No access token and no private key was found in the documents that were read"


def secrets_phrase(record: SecretsRecord, fates: Mapping[OnSecret, list[str]]) -> str:
    """What was found and what became of it, as a sentence without a full stop.

    Args:
        record: Of all sources.
        fates: The configurations by what their recipes do with a secret.
    """
    if not record.kinds:
        return NONE_FOUND
    told = [
        FATES[fate] if len(fates) == 1 else f"for {' and '.join(names)} {FATES[fate]}" for fate, names in fates.items()
    ]
    return f"Found {found_in_words(record.kinds, record.documents)}: {'; '.join(told)}"


def secrets_of(manifest: Manifest) -> str:
    """The same of a dataset; empty where an earlier version made it, which did not look for any."""
    record = manifest.corpus.secrets
    return "" if record is None else secrets_phrase(record, fates_of(manifest))


def keeps_secrets(manifest: Manifest) -> bool:
    """Whether secrets that were found may stand in rows."""
    record = manifest.corpus.secrets
    return record is not None and bool(record.kinds) and "keep" in fates_of(manifest)


def fates_of(manifest: Manifest) -> dict[OnSecret, list[str]]:
    """The configurations of a dataset by what their recipes do with a secret."""
    fates: dict[OnSecret, list[str]] = {}
    for name, config in manifest.configs.items():
        for fate in dict.fromkeys(recipe.on_secret for recipe in config.row_recipes.values()):
            fates.setdefault(fate, []).append(name)
    return fates
