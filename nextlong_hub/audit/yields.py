"""What a build of the corpus would give, as its dry run estimates it."""

from collections.abc import Sequence

from nextlong_hub.audit.result import Yield
from nextlong_hub.corpus.settings import SourceSettings
from nextlong_hub.dry_run.estimate import estimate
from nextlong_hub.execution.progress import Progress
from nextlong_hub.pipeline import BuildRequest
from nextlong_hub.recipe import load_recipes

CONFIGS = ("64k", "128k", "512k")
"""Configurations whose rows are estimated."""

_EACH_BY_ITSELF = {"on_bad_document": "skip", "meta_documents.choice": "nested"}
"""Documents may be extended for all three, so that each is as if it were built alone."""


def yields_of(sources: Sequence[SourceSettings], tokenizer: str, progress: Progress) -> tuple[Yield, ...]:
    """What each configuration would give by itself.

    Args:
        sources: the corpus, as files.
        tokenizer: its folder or name.
        progress: hears of the stages.

    Raises:
        DataError: no document can be extended, or a source does not tell its size.
    """
    recipes, ingredients = load_recipes(CONFIGS, _EACH_BY_ITSELF)
    request = BuildRequest(recipes=recipes, ingredients=ingredients, sources=tuple(sources), tokenizer=tokenizer)
    found = estimate(request, progress=progress)
    targets = {recipe.name: recipe.target_length for recipe in recipes}
    return tuple(
        Yield(
            config=one.config,
            target_length=targets[one.config],
            extendable=one.eligible_documents or 0,
            rows=one.rows,
            tokens=one.tokens,
            problem=one.problem,
        )
        for one in found.configs
    )
