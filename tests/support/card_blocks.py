"""The lines of a card that its readers copy."""

import re


def trl_lines(card: str) -> str:
    """The one block of Python by which a card has TRL train; what `check_trainers.py` runs."""
    [block] = [block for block in re.findall(r"```python\n(.*?)```", card, re.DOTALL) if "SFTTrainer" in block]
    return str(block)
