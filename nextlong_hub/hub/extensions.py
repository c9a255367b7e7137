"""Where `hf` keeps the commands of others: `hf extensions`."""

from pathlib import Path

import huggingface_hub

from nextlong_hub.errors import ConflictError


def extensions_folder() -> Path:
    """The folder in which `hf` looks for extensions, there or not.

    Raises:
        ConflictError: the installed `hf` has no extensions.
    """
    try:
        from huggingface_hub.cli.extensions import EXTENSIONS_ROOT
    except ImportError as error:
        raise ConflictError(
            f"the hf command of huggingface_hub {huggingface_hub.__version__} has no extensions; upgrade it, or call "
            "hf-nextlong instead"
        ) from error
    return EXTENSIONS_ROOT.expanduser()
