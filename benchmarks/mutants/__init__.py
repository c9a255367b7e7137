"""Mutation testing: the package is changed in one place at a time, and the tests must notice; see docs/contributing."""
