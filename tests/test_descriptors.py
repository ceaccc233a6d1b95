from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from codetracer_otel.descriptors import identity

PROGRAM = """
import json, os, sys
from codetracer_otel.descriptors import beyond_the_standard_ones
report = os.dup(1)
os.closerange(0, 2)
opened = os.open(os.devnull, os.O_RDONLY)
kept = beyond_the_standard_ones(opened)
again = beyond_the_standard_ones(kept)
free = os.open(os.devnull, os.O_RDONLY)
found = [opened, kept > 2, again == kept, free, os.get_inheritable(kept), os.read(kept, 1) == b""]
os.write(report, json.dumps(found).encode())
"""


def test_a_descriptor_that_takes_the_place_of_a_closed_stream_is_moved_away():
    # a process of its own: this one's streams are pytest's
    command = [sys.executable, "-c", PROGRAM]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)
    assert json.loads(answer.stdout) == [0, True, True, 0, False, True]


def test_a_descriptor_has_another_identity_when_something_else_is_open_under_it():
    first, second = socket.socketpair()
    with first, second:
        before = identity(first.fileno())
        assert before == identity(first.fileno())
        assert before != identity(second.fileno())
        os.dup2(second.fileno(), first.fileno())
        assert identity(first.fileno()) == identity(second.fileno()) != before
    assert identity(first.fileno()) is None
    assert identity(10**9) is None
