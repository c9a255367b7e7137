"""Messages: `messages = [{role, content}, …]`, as OpenAI's API, UltraChat 200k and smoltalk2 have them."""

from nextlong_hub.conversations.forms.base import ConversationForm
from nextlong_hub.conversations.forms.columns import listed_turns

FORM = ConversationForm(name="openai", order=10, columns=("messages",), named=(1,), read=listed_turns(("messages",)))
