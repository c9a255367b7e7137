"""Texts in, token ids out: the only package that imports `tokenizers`, `transformers` and `fastokens`.

loading          a folder, a Hub name or the embedded GPT-2   ▶  a Tokenizer
soundness        the bytes of a tokenizer.json                ▶  refused where it would take memory or time without end
bounded          texts, and the library                       ▶  encodings, or an error in time
encoding         texts                                        ▶  their ids, by the reference or the fast encoder
fast             the bytes of a tokenizer.json                ▶  the fast encoder
trust            the fast encoder under a tokenizer           ▶  whether it gives the ids of the reference, kept
hostile_texts    texts on which two encoders may differ
tokenizer        a text                                       ▶  its ids, and its prefix of exactly the target length
special_tokens   a tokenizer                                  ▶  its bos and eos tokens, as far as a recipe adds them
spelled          texts                                        ▶  the special tokens that they spell
chat_templates   a tokenizer's, ours or a file                ▶  a ChatTemplate, and the text it makes of messages
rendering        a template and messages                      ▶  the text, made in a process with limits
chat             a rendered conversation                      ▶  its ids and loss mask
split_points     a tokenizer                                  ▶  places where texts may be split safely, proven
spellings        token ids                                    ▶  where each token lies in the text
stitching        chunks tokenised before                      ▶  the ids of a text made of them, and its exact cuts
cache            chunks tokenised before                      ▶  files on disk, mapped into memory
tasks            the chunks that samples are likely to need   ▶  the token cache, filled by the executor
compare          a tokenizer                                  ▶  whether transformers makes the same ids

`cache` and `tasks` are imported by their own names: they need pyarrow, which starts a thread when it is imported, and
Python 3.12 warns whoever forks a process that has one.
"""

from nextlong_hub.tokenization.chat import ChatTokenizer, EncodedChat, turn_delimiters
from nextlong_hub.tokenization.chat_templates import ChatTemplate, find_template, template_name
from nextlong_hub.tokenization.encoding import CHOICES, ENCODER_VARIABLE, choose
from nextlong_hub.tokenization.loading import EMBEDDED, load_tokenizer, reopen
from nextlong_hub.tokenization.special_tokens import SpecialTokens, control_tokens, find_padding, find_special_tokens
from nextlong_hub.tokenization.split_points import SplitPoints
from nextlong_hub.tokenization.stitching import ChunkTokens, Kept, Stitched, bounds
from nextlong_hub.tokenization.tokenizer import Fitted, Tokenizer, Unfitted

__all__ = [
    "CHOICES",
    "EMBEDDED",
    "ENCODER_VARIABLE",
    "ChatTemplate",
    "ChatTokenizer",
    "ChunkTokens",
    "EncodedChat",
    "Fitted",
    "Kept",
    "SpecialTokens",
    "SplitPoints",
    "Stitched",
    "Tokenizer",
    "Unfitted",
    "bounds",
    "choose",
    "control_tokens",
    "find_padding",
    "find_special_tokens",
    "find_template",
    "load_tokenizer",
    "reopen",
    "template_name",
    "turn_delimiters",
]
