"""A local Hub for your own pytest suite.

In a `conftest.py`, or in one test file:

    from nextlong_hub.testing.fixtures import local_hub  # noqa: F401

    def test_my_push(local_hub):
        subprocess.run([sys.executable, "push.py"], env=os.environ | local_hub.environment(), check=True)
        assert "README.md" in local_hub.files("datasets", "tester/notes")

or, in a `conftest.py` at the root, `pytest_plugins = ["nextlong_hub.testing.fixtures"]`.
"""

from collections.abc import Iterator

import pytest

from nextlong_hub.testing.local_hub import LocalHub


@pytest.fixture
def local_hub() -> Iterator[LocalHub]:
    """A Hub of its own for each test, with nothing in it and `tester` logged in."""
    with LocalHub() as hub:
        yield hub
