"""Conversations: from a row of a corpus to messages, and from messages to their places in a rendered text.

conversations   a row's columns            ▶  its messages, or the reason why it gives none
layout          messages, a chat template  ▶  the text it makes of them, and where each message lies in it
"""

from nextlong_hub.conversations.layout import Layout, lay_out
from nextlong_hub.conversations.parse import Conversation, parse, record_columns

__all__ = ["Conversation", "Layout", "lay_out", "parse", "record_columns"]
