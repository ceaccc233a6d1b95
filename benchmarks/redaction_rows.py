"""Redaction of ours without one row of its table: the format of a vendor that is not listed.

Each listed format is made to look unlisted by leaving out every row of the table that finds it, so
that what is found is found by how tokens are built. Unlike a held-out set, which is unseen only
once, this figure can be measured again after every change.
"""

import contextlib
import importlib
import re
import sys

PACKAGE = "codetracer_otel.filters.secrets"
VENDORS = f"{PACKAGE}.shapes.vendors"


@contextlib.contextmanager
def formats_but(left_out):
    """Import the package of redaction anew, for a while, with a shorter table."""
    parent, _, name = PACKAGE.rpartition(".")
    modules = [module for module in sys.modules if f"{module}.".startswith(f"{PACKAGE}.")]
    saved = {module: sys.modules.pop(module) for module in modules}
    saved_attribute = getattr(sys.modules[parent], name)
    try:
        vendors = importlib.import_module(VENDORS)
        vendors.FORMATS = tuple(row for row in vendors.FORMATS if row[:2] not in left_out)
        yield
    finally:
        for module in [m for m in sys.modules if f"{m}.".startswith(f"{PACKAGE}.")]:
            del sys.modules[module]
        sys.modules.update(saved)
        setattr(sys.modules[parent], name, saved_attribute)


def rows_of(samples):
    """Return vendor and prefixes of the rows that find a part of one of the samples."""
    from codetracer_otel.filters.secrets.shapes.tokens import expressions_of
    from codetracer_otel.filters.secrets.shapes.vendors import FORMATS

    return {
        row[:2]
        for row in FORMATS
        if any(re.search(expressions_of(row)[0], sample) for sample in samples)
    }
