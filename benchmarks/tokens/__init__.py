"""What the tokens of a build cost, beside encoding its chunks once and its rows as a whole."""
