"""Cython for the stable ABI runs code to have a frame in a traceback: that is no call."""

from __future__ import annotations

import sys

CALL = "_getframe()"


def frame_in_traceback():
    """Make a frame as such an extension module does; nobody wrote the code it is of."""
    code = compile(CALL, __file__, "eval")
    code = code.replace(co_name="extension.send", co_qualname="extension.send", co_firstlineno=188)
    return eval(code, {"_getframe": sys._getframe})


def test_a_frame_that_is_made_for_a_traceback_is_no_span(record):
    with record() as spans:
        assert frame_in_traceback().f_code.co_name == "extension.send"
    assert [span.name.rpartition(".")[2] for span in spans] == ["frame_in_traceback"]
