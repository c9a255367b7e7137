"""The forms in which published datasets hold a conversation: a file a form, found by the registry.

base                the registry, and what a form answers
openai              messages = [{role, content}, …]                also smoltalk2, UltraChat 200k
sharegpt            conversations = [{from, value}, …]             also OpenHermes, SlimOrca
ultrachat           data = [question, answer, question, …]
prompt_completion   prompt, completion                             strings, or messages
dolly               instruction, context, response
alpaca              instruction, input, output                     with `history` and `system`
magpie              instruction, response
preference          prompt, chosen                                 strings, or messages
openorca            system_prompt, question, response
columns             what several of them share: a question, its context and its answer in columns of their own
"""
