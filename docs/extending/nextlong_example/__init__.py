"""One extension of each kind; `CONTRIBUTING.md` explains them, and `tests/end_to_end/test_contributing.py` builds with them."""
