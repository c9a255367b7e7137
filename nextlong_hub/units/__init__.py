"""What a worker runs: each function takes a task, writes one file, and returns the counts of its receipt.

    building       read and cut a corpus, ask the retriever, make long samples    assembly
    tokenising     which chunks samples will need, each tokenised once
    fitting        whole texts at one length, or split for packing
    conversations  conversations under a chat template                            chat_assembly

The functions are pure: what they do depends on the task and on the files it names, so they run anywhere, in any order.
"""
