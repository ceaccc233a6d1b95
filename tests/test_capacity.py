"""What a fleet costs is reckoned from what one process was seen to cost."""

from __future__ import annotations

import pytest
from benchmarks.scale import Cost, two_lines
from tools.capacity import BATCH, Fleet, measured_cost, need_of

COST = Cost(1_000, 500_000, 100, 800, 2_000, 0.5, 30)


def test_two_runs_tell_what_a_call_and_what_a_request_costs():
    call, post = 700, 400_000
    points = [(posts, call + post * posts) for posts in (1 / 2048, 1 / 64)]
    assert two_lines(*points) == pytest.approx((call, post))


def test_a_busy_process_pays_for_full_requests():
    need = need_of(Fleet(1, 4 * BATCH), COST)  # 4096 spans a second are two full requests
    assert need.cores == pytest.approx((4 * BATCH * 1_000 + 2 * 500_000) / 1e9)
    assert need.bytes == pytest.approx(4 * BATCH * 100 + 2 * 800)


def test_a_quiet_process_pays_for_two_requests_a_second_at_most():
    assert need_of(Fleet(1, 100), COST).bytes == pytest.approx(100 * 100 + 2 * 800)
    assert need_of(Fleet(1, 1), COST).bytes == pytest.approx(100 + 0.5 * 800)  # one span in 2 s


def test_everything_grows_with_the_processes():
    one, many = need_of(Fleet(1, 1_000), COST), need_of(Fleet(8, 1_000), COST)
    assert vars(many) == pytest.approx({name: 8 * value for name, value in vars(one).items()})


def test_what_is_sampled_out_at_the_start_costs_nothing_here():
    assert need_of(Fleet(1, 1_000, 0.1), COST) == need_of(Fleet(1, 100), COST)


def test_the_stored_figures_of_a_variant_are_found():
    cost = measured_cost("everything, gzip")
    assert 0 < cost.call_bytes < 400  # packed, where a span takes 400 bytes
    assert cost.spans == pytest.approx(1)
