"""The only door to huggingface_hub. Everything here speaks of names, files and commits; nothing knows our datasets.

address      `user/name` and `hf://datasets/…`: parsed once, used by all
files        reading: files by address, datasets by name, files of a tokenizer
repository   one dataset repository: what is there, and the requests of a push
changes      files of a dataset against those on the Hub
login        endpoint, offline mode, token and cache
errors       the one translator of errors
wording      which error and message each failure becomes, by what was attempted
retry        how often to try again, and how long to wait
redact       tokens and signed addresses kept out of messages
"""
