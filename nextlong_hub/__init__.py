"""nextlong-hub: a pile of short documents becomes a published, self-proving long-context dataset.

corpus ▶ chunking ▶ retrieval ▶ negatives ▶ interleave ▶ tokens ▶ shards ▶ manifest
"""

__version__ = "0.1.0"
