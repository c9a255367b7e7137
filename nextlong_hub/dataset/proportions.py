"""The proportions that a mixture really has, by tokens, and why they are not those of its recipe."""

from nextlong_hub.core.printable import counted
from nextlong_hub.dataset.config_record import ConfigRecord
from nextlong_hub.recipe import recorded_recipe

_CLOSE = 0.01
"""Share by which proportions may differ from those of the recipe without a word: that of one row in a hundred."""


def uneven_proportions(config: ConfigRecord) -> str:
    """Its real proportions and the reason, as the end of a sentence; empty where they are those of the recipe.

    Of an older manifest, which does not tell the tokens of the parts, nothing is said.
    """
    recipe = recorded_recipe(config.recipe)
    parts = [
        (one.recipe, one.share, config.mixture[one.recipe]) for one in recipe.mixture if one.recipe in config.mixture
    ]
    if recipe.kind != "mixture" or len(parts) < 2 or not all(part.tokens for _, _, part in parts):
        return ""
    unit = min(reversed(parts), key=lambda one: one[1])
    wanted = [share / unit[1] for _, share, _ in parts]
    real = [part.tokens / unit[2].tokens for _, _, part in parts]
    if all(abs(one / other - 1) <= _CLOSE for one, other in zip(real, wanted, strict=True)):
        return ""
    least = min(parts, key=lambda one: one[2].tokens / one[1])
    longest = max(parts, key=lambda one: one[2].tokens / max(1, one[2].rows))
    if least[2].rows >= least[2].made:
        reason = f"only {counted(least[2].made, 'row')} of {least[0]} were made"
    else:
        reason = f"{counted(config.rows, 'row')} cannot be shared out otherwise"
    return f"{_ratio(real)} by tokens instead of {_ratio(wanted)}, because {longest[0]} rows come whole and {reason}"


def _ratio(values: list[float]) -> str:
    return " : ".join(f"{value:.3g}" for value in values)
