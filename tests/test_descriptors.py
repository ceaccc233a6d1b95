from __future__ import annotations

import json
import subprocess
import sys

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
