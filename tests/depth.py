"""How often the tests repeat what they try: whole once a recorder, a quarter elsewhere.

`make test` runs every test on each interpreter. What random examples find is hardly ever a matter
of the interpreter, so all of them are tried on one interpreter with each recorder.
"""

import os

IS_WHOLE = os.environ.get("CODETRACER_TESTS_DEPTH", "whole") == "whole"
LEAST = 20


def examples(whole):
    """Return how many examples are tried here, of ``whole``."""
    return whole if IS_WHOLE else min(whole, max(LEAST, whole // 4))
