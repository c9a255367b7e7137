"""ShareGPT: `conversations = [{from, value}, …]`, as OpenHermes and SlimOrca have them, too."""

from nextlong_hub.conversations.forms.base import ConversationForm
from nextlong_hub.conversations.forms.columns import listed_turns

_COLUMNS = ("conversations", "conversation")

FORM = ConversationForm(name="sharegpt", order=20, columns=_COLUMNS, named=(1,), read=listed_turns(_COLUMNS))
