"""What an agent asks, where, with what, and what the answer must hold.

An id is given as the name of a function: an agent has it from an answer before.
"""

from __future__ import annotations

# fmt: off
QUESTIONS = [
    ("what ran?", "shop", "summary", {}, ["run of main.py", "75 calls of 29 functions"]),
    ("what took longest?", "shop", "summary", {}, ["shop.storage.write", "slowest calls:"]),
    ("what failed?", "shop", "summary", {}, ["2 failed calls", "PaymentDeclinedError"]),
    ("how often is a price computed?", "shop", "find_calls", {"name": "*.price_of_item"}, ["6 calls"]),
    ("which threads ran?", "shop", "summary", {}, ["pricing_0", "asyncio_0"]),
    ("where does it begin?", "shop", "summary", {}, ["1 roots:", "<__main__>()"]),
    ("which calls failed?", "shop", "find_calls", {"error": "any"}, ["2 calls", "shop.payments.charge"]),
    ("what was declined?", "shop", "find_calls", {"error": "declined"}, ["shop.payments.post"]),
    ("who paid as BOB?", "shop", "find_calls", {"value": "BOB"}, ['reference="BOB"']),
    ("is a card number in it?", "shop", "find_calls", {"value": "4000"}, ["0 calls"]),
    ("what is slower than 100 ms?", "shop", "find_calls", {"min_ms": 1e6}, ["0 calls"]),
    ("what did the declined charge get?", "shop", "call", {"of": "shop.payments.charge", "error": "any"}, ["amount_cents = 1861", "card_number = <redacted>", " shop.day.check_out"]),
    ("where was it raised?", "shop", "call", {"of": "shop.payments.post", "error": "any"}, ["exception.stacktrace", "payments.py"]),
    ("who called it?", "shop", "call", {"of": "shop.payments.post", "error": "any"}, ["shop.payments.charge", "shop.day.run_day", "__main__.main"]),
    ("what happens in a day?", "shop", "subtree", {"of": "shop.day.run_day"}, ["shop.day.serve", "shop.day.check_out"]),
    ("what happens at the check-out?", "shop", "subtree", {"of": "shop.day.check_out", "depth": 1}, ["shop.payments.charge"]),
    ("why is the card hidden?", "shop", "why", {"of": "shop.payments.charge", "value": "card_number"}, ["redacted by", "words:@secrets"]),
    ("why is it traced?", "shop", "why", {"of": "shop.payments.charge"}, ["traced by", ":9"]),
    ("is there a value of that name?", "shop", "why", {"of": "shop.payments.charge", "value": "cvv"}, ["no value named 'cvv'"]),
    ("what ran?", "library", "summary", {}, ["before.jsonl", "after.jsonl", "packaging.version"]),
    ("what failed?", "library", "summary", {}, ["InvalidRequirement"]),
    ("which requirement is not valid?", "library", "find_calls", {"name": "__main__.read", "error": "any"}, ["2 calls", "not valid!!"]),
    ("what is the newest version?", "library", "find_calls", {"name": "newest"}, ['-> "1.10"']),
    ("which versions were compared?", "library", "call", {"of": "__main__.newest"}, ["1.9", "packaging.version"]),
    ("what does reading call?", "library", "subtree", {"of": "__main__.read"}, ["packaging.requirements"]),
    ("which specifier was read?", "library", "find_calls", {"value": "==3.*"}, ["__main__.read"]),
    ("what changed?", "library", "diff", {"old": "before.jsonl", "new": "after.jsonl"}, ["new       packaging.version.Version.__init__", "in <__main__> > __main__.main > __main__.read"]),
    ("did something change?", "library", "diff", {"old": "before.jsonl", "new": "before.jsonl"}, ["no difference"]),
    ("why is the library traced?", "library", "why", {"of": "packaging.requirements.Requirement.__init__"}, ["pkg:{packaging,packaging.*,__main__}", "f.toml:8"]),
    ("is anything missing?", "library", "summary", {}, ["roots:"]),
]
