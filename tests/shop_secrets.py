"""What the example shop must never show, listed apart from its sources."""

from __future__ import annotations

# Each is handed on under a redacted name; some also travel inside text, an exception, a URL.
SECRETS = (
    "correct-horse-battery",
    "bobs-dog-is-called-rex",
    "eve-listens-in-1984",
    "4242 4242 4242 4242",
    "4000 0000 0000 0002",
    "5555 5555 5555 4444",
    "kx9-merchant-7Qp",
    "shop-62249369389075490555a758",
)
PERSONAL = ("ada@example.org", "bob@example.org", "eve@example.org")
