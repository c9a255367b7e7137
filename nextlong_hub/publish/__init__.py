"""The Hub: publish a dataset folder in one commit that happens wholly or not at all, and check what was published.

    publication ▶ survey of the Hub ▶ changes ▶ upload ▶ one commit ▶ check

Only this package changes anything on the Hub. Whatever fails on the way, the Hub holds the dataset before or the
dataset after, never half of one, and the same command again finishes the work without doing any of it twice.
"""

from nextlong_hub.hub.changes import Change, Changes
from nextlong_hub.hub.retry import Patience
from nextlong_hub.publish.plan import PushPlan
from nextlong_hub.publish.pull_request import Limits
from nextlong_hub.publish.push import PreparedPush, PushReport, prepare_push, push
from nextlong_hub.publish.remote_check import RemoteReport, verify_remote

__all__ = [
    "Change",
    "Changes",
    "Limits",
    "Patience",
    "PreparedPush",
    "PushPlan",
    "PushReport",
    "RemoteReport",
    "prepare_push",
    "push",
    "verify_remote",
]
