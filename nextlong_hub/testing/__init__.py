"""What tests need around nextlong-hub, ours and yours: a Hugging Face Hub that runs inside the test.

with LocalHub() as hub:
    hub.put("datasets", "tester/notes", {"notes.txt": b"hello"})
    subprocess.run([...], env=os.environ | hub.environment())
"""

from nextlong_hub.testing.accounts import Account
from nextlong_hub.testing.faults import Fault
from nextlong_hub.testing.local_hub import LocalHub, LoggedRequest
from nextlong_hub.testing.repositories import Commit, Kind

__all__ = ["Account", "Commit", "Fault", "Kind", "LocalHub", "LoggedRequest"]
