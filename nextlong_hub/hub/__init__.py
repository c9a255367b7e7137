"""The Hub: the only package that imports huggingface_hub. It handles names, files and commits, not rows.

address      `user/name` and `hf://datasets/…`
files        reading: files by address, datasets by name, files of a tokenizer
repository   one dataset repository: its files, and the requests of a push
changes      differences between the files of a dataset and those on the Hub
extensions   where `hf` keeps the commands of others
listing      the files of a dataset at a commit, cross-checked
budget       seconds and bytes that requests may take
answers      what an answer must be to be believed
transport    where each request and answer is bounded and judged
network      where each wait is timed
keyless      logins of CI jobs
login        endpoint, offline mode, token and cache
errors       every error around the Hub, translated into one of ours
wording      which error and message each failure becomes, by what was attempted
retry        how often to try again, and how long to wait
redact       secrets kept out of what is shown and published
"""
