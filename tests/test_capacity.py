"""What a fleet costs is reckoned from what one process was seen to cost."""

from __future__ import annotations

import pytest
from benchmarks.scale import Cost, line
from tools.capacity import Fleet, measured_cost, need_of

COST = Cost(1_000, 500_000, 400, 100, 800, 2_000, 300_000, 0.5, 30)


def test_two_rates_tell_what_a_call_and_what_a_second_costs():
    call, second = 700, 400_000
    points = [(rate, call * rate + second) for rate in (260, 2_600)]
    assert line(*points) == pytest.approx((call, second))


def test_each_call_and_each_second_has_its_cost():
    need = need_of(Fleet(1, 4_000), COST)
    assert need.cores == pytest.approx((4_000 * 1_000 + 500_000) / 1e9)
    assert need.bytes == pytest.approx(4_000 * 100 + 800)
    assert need.collector_cores == pytest.approx((2_000 * 2_000 + 300_000) / 1e9)
    assert need.spans == pytest.approx(2_000)


def test_a_process_that_calls_nothing_costs_its_seconds():
    assert need_of(Fleet(10, 0), COST).cores == pytest.approx(10 * 500_000 / 1e9)


def test_everything_grows_with_the_processes_but_what_a_collector_takes_for_itself():
    one, many = need_of(Fleet(1, 1_000), COST), need_of(Fleet(8, 1_000), COST)
    itself = COST.collector_second_ns / 1e9
    expected = {name: 8 * value for name, value in vars(one).items()}
    assert vars(many) == pytest.approx(
        {**expected, "collector_cores": 8 * (one.collector_cores - itself) + itself}
    )


def test_what_is_sampled_out_at_the_start_costs_nothing_here():
    assert need_of(Fleet(1, 1_000, 0.1), COST) == need_of(Fleet(1, 100), COST)


def test_the_stored_figures_of_a_variant_are_found():
    cost = measured_cost("everything, gzip")
    assert 0 < cost.call_bytes < 400  # packed, where a span takes 400 bytes
    assert cost.spans == pytest.approx(1)
