"""Test support, also for other packages: a Hugging Face Hub inside the test process, and tiny corpora.

with LocalHub() as hub:
    hub.put("datasets", "tester/notes", {"notes.txt": b"hello"})
    subprocess.run([...], env=os.environ | hub.environment())

fixtures                       the same as a pytest fixture
worlds                         a corpus and a recipe small enough to build in a second
local_hub, state               the Hub, and the state that its routes share
server, routes, messages       HTTP: sockets, the table of routes, requests and answers
reading, writing, discussing   the routes
repositories, xet              repositories and their bytes; storage through Xet
keyless                        logins of CI jobs, see `LocalHub.trust`
accounts, card_check           permissions; the check of a README's header
faults                         injected failures, see `LocalHub.fail`
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
