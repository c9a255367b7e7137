"""Conversations as rows: under a chat template, packed, with a loss mask on the answers.

parse      a row's columns            ▶  its messages, or the reason why it gives none
layout     messages, a chat template  ▶  the text it makes of them, and where each message lies in it
assemble   a conversation             ▶  a document: its tokens and its loss mask
tasks      what a worker runs         ▶  rows of one document each
produce    the producer of the kind `conversations`
check      what is wrong with a conversation in a packed row
"""
