"""What a fleet costs is calculated from the measured cost of one process."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from benchmarks.scale import CollectorCost, Cost, cpu_ns_of, fitted, line
from benchmarks.workloads import requests as workload
from tools import capacity
from tools.capacity import Fleet, measured_collector, measured_cost, requests_of

COST = Cost(1_000_000, 10_000_000, 400, 100, 800, 0.5, 30)
COLLECTOR = CollectorCost(2_000, 3, 400_000, 300_000)


def need_of(fleet, cost):
    return capacity.need_of(fleet, cost, 1, COLLECTOR)


def test_two_rates_tell_what_a_call_and_what_a_second_costs():
    call, second = 700, 400_000
    points = [(rate, call * rate + second) for rate in (260, 2_600)]
    assert line(*points) == pytest.approx((call, second))


def test_each_call_and_each_second_has_its_cost():
    need = need_of(Fleet(1, 4_000), COST)
    assert need.cores == pytest.approx((10_000_000 + 1_400 * 400) / 1e9)
    assert need.bytes == pytest.approx(4_000 * 100 + 800)
    told = 2_000 * 2_000 + need.bytes * 3 + 2 * 400_000 + 300_000
    assert need.collector_cores == pytest.approx(told / 1e9)
    assert need.spans == pytest.approx(2_000)


def test_a_process_sends_what_half_a_second_brought_at_once_if_it_brought_anything():
    assert requests_of(0, 0) == 0
    assert requests_of(0.13, 0.01) == pytest.approx(0.01, rel=0.01)  # a trace in 100 s
    assert requests_of(1_300, 100) == pytest.approx(2)
    assert requests_of(8_192, 600) == pytest.approx(4)  # which is more than one batch takes


def test_spans_that_were_folded_or_dropped_are_no_sign_of_fewer_traces():
    calls = 0.1 * workload.MEAN_CALLS  # a trace in 10 s
    expected = COLLECTOR.of(calls * COST.spans, calls * 100 + 800, requests_of(0, 0.1)) / 1e9
    assert need_of(Fleet(1, calls), COST).collector_cores == pytest.approx(expected)
    half = capacity.need_of(Fleet(1, calls), COST, 0.5, COLLECTOR)
    told = (requests_of(0, 0.1) - requests_of(0, 0.05)) * COLLECTOR.request_ns / 1e9
    assert half.collector_cores == pytest.approx(expected - told)


def test_the_calls_of_a_measured_request_are_counted():
    called = Counter()
    sys.setprofile(lambda frame, event, _: called.update([frame.f_code] * (event == "call")))
    try:
        for number in range(workload.FAILS_EVERY):
            workload.serve(number)
    finally:
        sys.setprofile(None)
    own = sum(n for code, n in called.items() if code.co_filename == workload.__file__)
    lists = sum(n for code, n in called.items() if code.co_name == "<listcomp>")
    assert (own - lists) / workload.FAILS_EVERY == pytest.approx(workload.MEAN_CALLS)


def test_what_a_collector_takes_is_told_apart_by_what_reaches_it():
    rows = [[1_000, 370_000, 16], [10_000, 3_700_000, 17], [1_000, 36_000, 16], [30, 2_000, 4]]
    found = [COLLECTOR.of(*row) - COLLECTOR.second_ns for row in rows]
    assert fitted(rows, found) == pytest.approx([2_000, 3, 400_000])
    found = [2_000 * spans - 2 * size + 400_000 * requests for spans, size, requests in rows]
    assert min(fitted(rows, found)) == 0


def test_the_cpu_of_another_process_is_told_in_less_than_ticks():
    program = "import sys; print(sum(range(1_000_000)), flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert cpu_ns_of(process.pid) % 10_000_000 != 0
        process.stdin.close()


def test_the_fewer_calls_a_second_has_the_more_each_costs():
    seldom = Cost(4_000_000, 16_000_000, *[0] * 5)
    assert seldom.second_ns(260) == pytest.approx(4_000_000)
    assert seldom.second_ns(2_600) == pytest.approx(16_000_000)
    assert seldom.second_ns(260 * 10**0.5) == pytest.approx(8_000_000)
    assert seldom.second_ns(0) == 0


def test_everything_grows_with_the_processes_but_what_a_collector_takes_for_itself():
    one, many = need_of(Fleet(1, 1_000), COST), need_of(Fleet(8, 1_000), COST)
    itself = COLLECTOR.second_ns / 1e9
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
    assert measured_collector().request_ns > 0
