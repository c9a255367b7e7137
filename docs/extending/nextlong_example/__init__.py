"""One extension of each kind; `CONTRIBUTING.md` explains them, and `tests/test_contributing.py` builds with them."""
