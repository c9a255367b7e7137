"""One extension of each kind: `CONTRIBUTING.md` explains them, `tests/end_to_end/test_contributing.py` builds with them."""
