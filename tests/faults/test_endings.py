"""However a program ends, its spans are delivered, as far as there is time to."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from tests.faults.collectors import arrived_once, collecting, spans_of, wait_for_spans
from tests.faults.running import running, wait_until, worked
from tests.traced_run import spans_in

WORK = "__main__.work"


def attributes(span) -> dict:
    return {pair.key: pair.value for pair in span.attributes}


def test_sigterm_delivers_what_is_there_and_what_is_not_finished(tmp_path):
    with collecting() as collector, running(tmp_path, [f"otlp={collector.url}"]) as program:
        program.do(100)
        program.do("serve", answer="serving")
        program.process.send_signal(signal.SIGTERM)
        ended = program.end()
    assert ended.output == ("", "", -signal.SIGTERM)
    assert arrived_once(collector) == {WORK: 100, "__main__.serve": 1}
    (serve,) = [s for s in spans_of(collector.accepted) if s.name == "__main__.serve"]
    assert attributes(serve)["codetracer.unfinished"].bool_value


def test_a_hard_exit_loses_only_what_was_not_yet_delivered(tmp_path):
    file = tmp_path / "spans.jsonl"
    with (
        collecting() as collector,
        running(tmp_path, [f"jsonl={file}", f"otlp={collector.url}"]) as program,
    ):
        program.do(100)
        wait_for_spans(collector, 100)
        wait_until(lambda: len(spans_in(file)) == 100, "100 lines")
        program.process.stdin.write("exit hard\n")
        ended = program.end()
    assert ended.output == ("", "", 5)
    assert arrived_once(collector) == {WORK: 100}
    lines = spans_in(file)
    assert len(lines) == 100


def test_a_daemon_thread_may_work_until_the_very_end(tmp_path):
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "2048"}  # that wait are delivered within the end's 5 s
    with collecting() as collector, running(tmp_path, [f"otlp={collector.url}"], **few) as program:
        program.do(100)
        program.do("daemon")
        wait_for_spans(collector, 5000)
        ended = program.end()
    assert ended.output == worked(100)
    arrived = arrived_once(collector)
    assert set(arrived) == {WORK}
    assert ended.exported == arrived[WORK]
    assert ended.recorded == ended.exported + sum(
        count for cause, count in ended.dropped.items() if cause != "buffer_full"
    )


def test_forks_in_a_loop_send_everything_once_from_processes_of_their_own(tmp_path):
    forks = 15
    with collecting() as collector:
        url = f"otlp={collector.url}"
        with running(tmp_path, [url], "forks.py", str(forks)) as program:
            pid = program.process.pid
            ended = program.end()
    assert ended.output == (f"{[n % 3 for n in range(forks)]}\n", "goodbye\n", 7)
    assert arrived_once(collector) == {WORK: 2 * forks, "__main__.child": forks}
    assert (ended.recorded, ended.exported, ended.dropped) == (forks, forks, {})
    per_process = spans_per_process(collector)
    assert per_process.pop(pid) == [WORK] * forks
    assert list(per_process.values()) == [[WORK, "__main__.child"]] * forks


def test_forks_while_nobody_collects_do_not_wait(tmp_path):
    with running(tmp_path, ["otlp=http://127.0.0.1:9"], "forks.py", "10") as program:
        ended = program.end()
    assert ended.output == (f"{[n % 3 for n in range(10)]}\n", "goodbye\n", 7)
    assert (ended.recorded, ended.exported, ended.dropped) == (10, 0, {"export_failed": 10})


def spans_per_process(collector) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    instances = set()
    for request in collector.accepted:
        for resource in request.resource_spans:
            process = attributes(resource.resource)
            instances.add(process["service.instance.id"].string_value)
            names = [span.name for scope in resource.scope_spans for span in scope.spans]
            found.setdefault(process["process.pid"].int_value, []).extend(names)
    assert len(instances) == len(found)
    return found


@pytest.mark.parametrize(("method", "size"), [("fork", 8), ("spawn", 2), ("forkserver", 2)])
def test_workers_deliver_their_own_spans(tmp_path, method, size):
    with collecting() as collector:
        url = f"otlp={collector.url}"
        with running(tmp_path, [url], "pool.py", method, str(size)) as program:
            pid = program.process.pid
            ended = program.end()
    assert ended.output == (f"{[55] * size}\n", "goodbye\n", 7)
    assert (ended.recorded, ended.exported, ended.dropped) == (1, 1, {})
    per_process = spans_per_process(collector)
    assert per_process.pop(pid) == [WORK]
    names = Counter(name for names in per_process.values() for name in names)
    assert names == {WORK: 10 * size, "__main__.child": size}
    assert arrived_once(collector).total() == names.total() + 1
