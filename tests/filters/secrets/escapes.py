"""What escapes a character or colors a line, as it stands before a secret."""

import re
from itertools import product

from codetracer_otel.filters.secrets.encodings import ESCAPES


def _example_of(before, own):
    """Return what one of `ESCAPES` matches: the first characters that do."""
    shown = next(text for text in ("=", "%", "\\", "\x1b[0") if re.fullmatch(before, text[-1]))
    return shown + next(text for text in ("n", "m", "3D") if re.fullmatch(own, text))


BEFORE_SECRETS = [
    *(_example_of(*escape) for escape in ESCAPES),
    *map(
        "".join,
        product(
            ("\x1b", "\\x1b", "\\u001b", "\\033", "\\e"),
            ("[m", "[0m", "[32m", "[1;32m", "[38;5;208m", "[K"),
        ),
    ),
    *("=0A", "=0D=0A", "=AD", "=C3=A9", "%0A", "%AD", "\\r", "\\t"),
]
