"""Publish a dataset folder in one atomic commit, and check what was published.

    contents ▶ look at the Hub ▶ plan ▶ upload ▶ one commit ▶ check

Only this package changes anything on the Hub. A push that fails leaves either the old or the new dataset on the Hub,
and the same command resumes it without repeating finished work.

    push           `push` and `prepare_push`: the attempts, and the report at the end
    contents       the files to publish, checked
    secrets        the secret scan of those files
    card_merge     merges the card of the folder with the one on the Hub
    plan           the push options, the comparison of folder and Hub, and the permission to write
    pull_request   for a dataset too large for one commit, or for others to merge
    remote_check   compares a dataset on the Hub with its manifest
    commit         the local commit: manifest and card make a folder a finished dataset
"""

from nextlong_hub.hub.changes import Change, Changes
from nextlong_hub.hub.retry import RetryPolicy
from nextlong_hub.publish.plan import PushOptions, PushPlan
from nextlong_hub.publish.pull_request import Limits
from nextlong_hub.publish.push import PreparedPush, PushReport, prepare_push, push
from nextlong_hub.publish.remote_check import RemoteReport, verify_remote

__all__ = [
    "Change",
    "Changes",
    "Limits",
    "PreparedPush",
    "PushOptions",
    "PushPlan",
    "PushReport",
    "RemoteReport",
    "RetryPolicy",
    "prepare_push",
    "push",
    "verify_remote",
]
