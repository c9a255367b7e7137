"""Conversations: from a row of a corpus to messages, and from messages to their places in a rendered text.

conversations   a row's columns            ▶  its messages, or the reason why it gives none
layout          messages, a chat template  ▶  the text it makes of them, and where each message lies in it
"""

from nextlong_hub.instruct.conversations import Conversation, parse, record_columns
from nextlong_hub.instruct.layout import Layout, lay_out

__all__ = ["Conversation", "Layout", "lay_out", "parse", "record_columns"]
