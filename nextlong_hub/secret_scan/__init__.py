"""Secrets in a text: access tokens, keys of services and private keys, found by their form and by what can be checked.

    kinds        the one table: how each kind looks, and what a real one has beyond its look
    plausible    what tells a random value from a placeholder, and checksums
    finding      `find_secrets`: a quick search for what no secret lacks ▶ the kinds ▶ `Secret`s
    masking      `masked`: the same text with as many `*` in place of what is secret

A text is first asked for a few strings that no secret lacks, by one compiled search of about half a nanosecond a byte.
All else is done for the few texts that have one.
"""

from nextlong_hub.secret_scan.finding import RULES, Secret, find_secrets, may_hold_secret
from nextlong_hub.secret_scan.kinds import HUB_TOKEN, KINDS, title_of
from nextlong_hub.secret_scan.masking import masked

__all__ = ["HUB_TOKEN", "KINDS", "RULES", "Secret", "find_secrets", "masked", "may_hold_secret", "title_of"]
