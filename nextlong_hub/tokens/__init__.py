"""Texts in, token ids out: the only door to `tokenizers` and `transformers`.

loading      a folder, a Hub name or the embedded GPT-2   ▶  a Tokenizer
tokenizer    a text                                       ▶  its ids, and the piece of it that is exactly the target
"""

from nextlong_hub.tokens.loading import EMBEDDED, load_tokenizer, reopen
from nextlong_hub.tokens.tokenizer import Fitted, Tokenizer, Unfitted

__all__ = ["EMBEDDED", "Fitted", "Tokenizer", "Unfitted", "load_tokenizer", "reopen"]
