"""What tests need around nextlong-hub, ours and yours: a Hugging Face Hub that runs inside the test, and tiny worlds.

with LocalHub() as hub:
    hub.put("datasets", "tester/notes", {"notes.txt": b"hello"})
    subprocess.run([...], env=os.environ | hub.environment())
See `fixtures` for the same as a pytest fixture, `LocalHub.fail` for a Hub that has a bad day, and `worlds` for a corpus
and a recipe small enough to build in a second.
"""

from nextlong_hub.testing.accounts import Account
from nextlong_hub.testing.faults import InjectedFault
from nextlong_hub.testing.local_hub import LocalHub, LoggedRequest
from nextlong_hub.testing.repositories import Commit, Kind
from nextlong_hub.testing.worlds import make_documents, tiny_recipe, write_corpus

__all__ = [
    "Account",
    "Commit",
    "InjectedFault",
    "Kind",
    "LocalHub",
    "LoggedRequest",
    "make_documents",
    "tiny_recipe",
    "write_corpus",
]
