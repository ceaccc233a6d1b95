"""Two runs are compared: what was planted is named first, and noise is not named at all."""

from __future__ import annotations

import contextlib
import json

import pytest
from tests.analysis.differences.simulated import shop

from codetracer_otel.analysis.differences.change_texts import comparison_lines, comparison_object
from codetracer_otel.analysis.differences.comparison import compare
from codetracer_otel.cli import main
from codetracer_otel.traces import open_traces

PLANTS = {
    "a slower leaf": ({"slow_leaf": 600}, "self", "app.rate"),
    "a slower function in the middle": ({"slow_middle": 900}, "self", "app.place"),
    "a slow start": ({"slow_start": 900_000}, "self", "app.start"),
    "a longer wait": ({"waiting": 2_000}, "self", "app.notify"),
    "a slower thread": ({"slow_thread": 3_000}, "self", "app.audit"),
    "one more query for each order": ({"one_more_query": True}, "calls", "app.query"),
    "a lost cache": ({"no_cache": True}, "calls", "app.compute"),
    "one more item for each order": ({"items": 4}, "calls", "app.price"),
    "a third report": ({"reports": 3}, "calls", "app.report"),
    "more orders": ({"orders": 60}, "calls", "app.place"),
    "a call made twice on a thread": ({"audit_twice": True}, "calls", "app.audit"),
    "a new function": ({"new_function": True}, "new", "app.discount"),
    "a function around another": ({"wrapper": True}, "new", "app.retry"),
    "a new recursion": ({"recursion": 30}, "new", "app.down"),
    "a vanished function": ({"vanished": True}, "vanished", "app.notify"),
    "a new exception": ({"other_error": 9}, "errors", "app.charge"),
    "another exception": ({"other_error": 7}, "errors", "app.charge"),
    "an exception below": ({"deep_error": 11}, "errors", "app.query"),
    "exceptions on a thread": ({"thread_errors": True}, "errors", "app.audit"),
    "another result": ({"other_result": "it"}, "results", "app.rate"),
    "another result of few calls": ({"report": 2}, "results", "app.report"),
}


@contextlib.contextmanager
def compared(tmp_path, old, new):
    """Yield the comparison of programs, or of lists of them."""
    with contextlib.ExitStack() as opened:
        sides = []
        for name, programs in (("old", old), ("new", new)):
            several = programs if isinstance(programs, list) else [programs]
            paths = [
                program.write(tmp_path / f"{name}{number}.jsonl")
                for number, program in enumerate(several)
            ]
            sides.append([opened.enter_context(open_traces([path])) for path in paths])
        yield compare(*sides)


def shown(found):
    return [(change.kind.value, change.name) for change in found.changes]


def is_first(found, kind, name):
    first = found.changes[0]
    return (first.kind.value, first.name) == (kind, name) and first.is_worse and first.cause is None


@pytest.mark.parametrize("plant", PLANTS)
def test_what_was_planted_is_named_first(tmp_path, plant):
    facts, kind, name = PLANTS[plant]
    with compared(tmp_path, shop(1), shop(2, **facts)) as found:
        assert is_first(found, kind, name)


@pytest.mark.parametrize("plant", list(PLANTS)[::4])
def test_so_it_is_among_repetitions(tmp_path, plant):
    facts, kind, name = PLANTS[plant]
    old, new = [shop(seed) for seed in range(3)], [shop(10 + seed, **facts) for seed in range(3)]
    with compared(tmp_path, old, new) as found:
        assert is_first(found, kind, name)


@pytest.mark.parametrize("plant", list(PLANTS)[1::4])
def test_the_other_way_round_it_is_named_first_too(tmp_path, plant):
    facts, kind, name = PLANTS[plant]
    turned = {"new": "vanished", "vanished": "new"}.get(kind, kind)
    with compared(tmp_path, shop(1, **facts), shop(2)) as found:
        assert (turned, name) in shown(found)[:2]


@pytest.mark.parametrize("seed", range(8))
def test_two_runs_that_differ_by_noise_alone_do_not_differ(tmp_path, seed):
    with compared(tmp_path, shop(seed), shop(1000 + seed)) as found:
        assert shown(found) == []
        assert list(comparison_lines(found))[-1] == "no difference"


@pytest.mark.parametrize("seed", range(0, 9, 3))
def test_repetitions_that_differ_by_noise_alone_do_not_differ(tmp_path, seed):
    old = [shop(seed + number) for number in range(3)]
    new = [shop(1000 + seed + number) for number in range(3)]
    with compared(tmp_path, old, new) as found:
        assert shown(found) == []


def test_repetitions_find_what_one_run_cannot(tmp_path):
    facts = {"slow_middle": 40, "slow_leaf": 90}
    with compared(tmp_path, shop(1), shop(2, **facts)) as found:
        assert shown(found) == []
        assert any("--old A B C" in note for note in found.notes)
    old, new = [shop(n) for n in range(5)], [shop(20 + n, **facts) for n in range(5)]
    with compared(tmp_path, old, new) as found:
        assert shown(found)[0] == ("self", "app.rate")


def test_what_follows_from_a_change_comes_behind_it_and_says_so(tmp_path):
    with compared(tmp_path, shop(1), shop(2, new_function=True)) as found:
        causes = {(c.kind.value, c.name) for c in found.changes if c.cause is None}
        assert causes == {("new", "app.discount")}
        results = [change for change in found.changes if change.kind.value == "results"]
        assert {change.name for change in results} >= {"app.price"}
        [line] = [line for line in comparison_lines(found) if "more follow" in line]
        assert line.startswith(f"{len(found.changes) - 1} more")
        assert len(list(comparison_lines(found, is_complete=True))) > len(found.changes)


def test_two_runs_in_one_file_are_repetitions(tmp_path):
    texts = []
    for number in range(3):
        head = {"schema": "run/1", "timestamp": f"2026-01-01T00:00:0{number}.000000Z"}
        lines = shop(number).lines
        for line in lines:
            line["trace_id"] = f"{number + 1:032x}"
        texts += [json.dumps(line) + "\n" for line in (head, *lines)]
    path = tmp_path / "both.jsonl"
    path.write_text("".join(texts))
    with open_traces([str(path)]) as old, open_traces([str(path)]) as new:
        found = compare([old], [new])
        assert (len(found.old), len(found.new)) == (3, 3)
        assert shown(found) == []


def test_an_empty_side_is_all_new_or_all_gone(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    full = shop(1).write(tmp_path / "a.jsonl")
    with open_traces([str(empty)]) as old, open_traces([full]) as new:
        assert shown(compare([old], [new])) == [("new", "app.main")]
        assert shown(compare([new], [old])) == [("vanished", "app.main")]
        assert shown(compare([old], [old])) == []


def test_the_command_prints_and_is_a_gate(tmp_path, capsys):
    old = shop(1).write(tmp_path / "old.jsonl")
    new = shop(2, one_more_query=True).write(tmp_path / "new.jsonl")
    assert main(["diff", old, new]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("old: old.jsonl, 1 run, ")
    assert "calls     app.query: 40 -> 80 calls (+100%), 1 -> 2 for each call of app.load" in out
    assert "          in app.main > app.place > app.load" in out
    assert main(["diff", old, new, "--fail-on", "self>20%,calls>10%,errors,new"]) == 1
    assert capsys.readouterr().err == "codetracer-otel: --fail-on: calls app.query\n"
    assert main(["diff", old, new, "--fail-on", "calls>150%,errors"]) == 0
    assert main(["diff", "--old", old, "--new", old, "--fail-on", "calls,self,new,results"]) == 0
    capsys.readouterr()
    assert main(["diff", old, new, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["changes"][0]["kind"] == "calls"
    assert answer["changes"][0]["path"] == ["app.main", "app.place", "app.load", "app.query"]
    assert len(answer["changes"][0]["new_span"]) == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.jsonl"], "codetracer-otel: diff: two sides are compared, got 1 trace;"),
        (["--old", "a.jsonl"], "two sides are compared"),
        (
            ["a.jsonl", "a.jsonl", "--fail-on", "speed"],
            "ERR_INVALID_POLICY_VALUE --fail-on: not a condition",
        ),
        (["a.jsonl", "a.jsonl", "--fail-on", "self<3"], "--fail-on: not a condition"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    shop(1).write(tmp_path / "a.jsonl")
    assert main(["diff", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_objects_are_for_programs_too(tmp_path):
    with compared(tmp_path, shop(1), shop(2, other_error=9)) as found:
        answer = json.loads(json.dumps(comparison_object(found)))
    first = answer["changes"][0]
    assert (first["kind"], first["note"], first["ratio"]) == ("errors", "ValueError", None)
    assert first["details"] == ["ValueError: 0 of 40 calls, now 1 of 40"]
