"""Texts that try a tokenizer, and where real tokenizers lie."""

import os

from hypothesis import strategies as st

FOLDERS = os.environ.get("NEXTLONG_TOKENIZERS")
"""A folder of tokenizer folders on which the laws shall hold as well."""

PARTS = st.sampled_from(
    [
        "word", " word", "Word", "don't", "we'LL", "x's", "é", "e\u0301", "\ufb1d", "\u1112\u1161\u11ab",
        "\u017f", "'\u017f",
        "日本", "語。", "नमस्ते", "\n", "\n\n", "\r\n", " ", "  ", "\t", "\xa0", "\u2028", "\u200b", "▁", "▁▁▁", "<0x0A>",
        "1234", "1 ", ".", "...\n", "/", "//\n", "<tool_call>", "<mask>", "👩\u200d👧", "\x00", "K", "Ω", "ǅ", "ʰ",
    ]
)  # fmt: skip
TEXTS = st.lists(PARTS | st.text(max_size=3), max_size=14).map("".join)
"""Short texts of parts that tokenizers treat apart."""
