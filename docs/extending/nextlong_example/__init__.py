"""One extension of each kind: see `CONTRIBUTING.md`. `tests/end_to_end/test_contributing.py` builds with them."""
