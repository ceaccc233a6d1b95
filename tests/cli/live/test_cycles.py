"""A short run of `make live-cycles`: attaching and detaching, resuming and pausing, under load."""

import pytest
from tools.live_cycles.cycles import WAYS, run_cycles


@pytest.mark.parametrize("way", WAYS)
def test_a_busy_process_loses_no_call_and_keeps_nothing(way, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    try:
        outcome = run_cycles(way, 3, tmp_path)
    except AssertionError:
        if "ERR_NOT_PERMITTED" in capsys.readouterr().err:
            pytest.skip("this kernel lets no process look into another one")
        raise
    assert outcome.problems == []
    assert 0 < outcome.expected <= outcome.spans
