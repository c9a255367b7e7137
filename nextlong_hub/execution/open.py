"""…"""

from nextlong_hub.execution.base import Executor
from nextlong_hub.execution.local import InlineExecutor, LocalExecutor


def make_executor(num_proc: int) -> Executor:
    """One process: run inline. More: run on local workers."""
    return InlineExecutor() if num_proc <= 1 else LocalExecutor(num_proc)
