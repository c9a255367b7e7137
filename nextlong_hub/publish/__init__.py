"""Publish a dataset folder in one commit that happens wholly or not at all, and check what was published.

    contents ▶ look at the Hub ▶ plan ▶ upload ▶ one commit ▶ check

Only this package changes anything on the Hub. Whenever a push fails, the Hub holds the dataset before or the dataset
after, never half of one, and the same command again finishes the work without doing any of it twice.

    push           `push` and `prepare_push`: the attempts, and the report at the end
    contents       the files to publish, checked
    secrets        the secret scan of those files
    card_merge     the card of the folder and that on the Hub become one
    plan           the options, one look at the Hub compared with the folder, and who may publish
    pull_request   a dataset too large for one commit, or for others to merge
    remote_check   is a dataset on the Hub what its manifest says
    commit         a folder becomes a finished dataset, before anything of it is published
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
