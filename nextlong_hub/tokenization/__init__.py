"""Texts in, token ids out: the only door to `tokenizers` and `transformers`.

loading      a folder, a Hub name or the embedded GPT-2   ▶  a Tokenizer
tokenizer    a text                                       ▶  its ids, and the piece of it that is exactly the target
templates    a tokenizer's, ours or a file                ▶  a ChatTemplate, and the text it makes of messages
chat         a rendered conversation                      ▶  its ids and loss mask, control tokens where they belong
seams        a tokenizer                                  ▶  the places where texts may be put together, proven
stitching    chunks tokenised before                      ▶  the ids of a text made of them, and its exact cuts
"""

from nextlong_hub.tokenization.cache import TokenCache
from nextlong_hub.tokenization.chat import ChatTokenizer, EncodedChat, framing_tokens
from nextlong_hub.tokenization.chat_templates import ChatTemplate, find_template
from nextlong_hub.tokenization.loading import EMBEDDED, load_tokenizer, reopen
from nextlong_hub.tokenization.special_tokens import SpecialTokens, control_tokens, find_special_tokens
from nextlong_hub.tokenization.stitching import ChunkTokens, Kept, Stitched, bounds
from nextlong_hub.tokenization.sync_points import Seams
from nextlong_hub.tokenization.tokenizer import Fitted, Tokenizer, Unfitted

__all__ = [
    "EMBEDDED",
    "ChatTemplate",
    "ChatTokenizer",
    "ChunkTokens",
    "EncodedChat",
    "Fitted",
    "Kept",
    "Seams",
    "SpecialTokens",
    "Stitched",
    "TokenCache",
    "Tokenizer",
    "Unfitted",
    "bounds",
    "control_tokens",
    "find_special_tokens",
    "find_template",
    "framing_tokens",
    "load_tokenizer",
    "reopen",
]
