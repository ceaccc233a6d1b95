"""An agent's questions about traces are answered over the protocol, each in few words."""

from __future__ import annotations

import asyncio
import os
import re
import sys

import pytest
from tests.cli.agent_questions import QUESTIONS
from tests.report.lines import line, write
from tests.traced_run import PROJECT, run_traced

from codetracer_otel.analysis.answers.budget import CHARACTERS, MOST_TOKENS, within
from codetracer_otel.cli import main
from codetracer_otel.cli.agents import TraceCache, build_server
from codetracer_otel.cli.report import FilterRules
from codetracer_otel.errors import UsageError

LIBRARY = """
import sys
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

def newest(versions):
    return str(max(Version(text) for text in versions))

def read(text):
    if len(sys.argv) > 1:
        Version("1.0")
    return str(Requirement(text).specifier)

def main():
    newest(["1.0", "1.10", "1.9"])
    for text in ("a>=1,<2", "b==3.*", "not valid!!"):
        try:
            read(text)
        except InvalidRequirement:
            pass

main()
"""
FILTER = """
[meta]
name = "library"
version = 2
[scope]
default_exec = "skip"
default_value_action = "inherit"
[[scope.rules]]
selector = "pkg:{packaging,packaging.*,__main__}"
exec = "trace"
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder with a trace of the shop, and one with two runs of a program over packaging."""
    shop, library = tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("library")
    script = PROJECT / "examples" / "shop" / "main.py"
    assert not run_traced("--exporter", f"jsonl={shop}/shop.jsonl", script, cwd=shop).returncode
    (library / "app.py").write_text(LIBRARY)
    (library / "f.toml").write_text(FILTER)
    for name, words in (("before.jsonl", ()), ("after.jsonl", ("more",))):
        chosen = ("--trace-filter", "f.toml", "--exporter", f"jsonl={name}")
        assert not run_traced(*chosen, "app.py", *words, cwd=library).returncode
    return {"shop": shop, "library": library}


class Agent:
    """Asks the server of a folder with the protocol's own client."""

    def __init__(self, *paths, filters=()):
        self._paths = [str(path) for path in paths]
        self._filters = filters

    def ask(self, tool, **facts):
        return self.ask_all([(tool, facts)])[0]

    def ask_all(self, questions):
        return asyncio.run(self._ask_all(questions))

    async def _ask_all(self, questions):
        from mcp import Client

        with TraceCache(self._paths) as cache:
            async with Client(build_server(cache, FilterRules(self._filters))) as client:
                return [await self._asked(client, *question) for question in questions]

    async def _asked(self, client, tool, facts):
        facts = dict(facts)
        if "of" in facts:  # an agent has the id from an answer before
            asked = {"name": facts.pop("of"), "error": facts.pop("error", "")}
            found = await client.call_tool("find_calls", asked)
            facts["span_id"] = ID.search(found.content[0].text)[1]
        answer = await client.call_tool(tool, facts)
        return answer.content[0].text


ID = re.compile(r"^([0-9a-f]{16}|#\d+) ", re.MULTILINE)


def test_there_are_thirty_questions():
    assert len(QUESTIONS) == 30


@pytest.mark.parametrize("place", ["shop", "library"])
def test_questions_are_answered_in_few_words(folders, place):
    folder = folders[place]
    agent = Agent(folder, filters=[str(folder / "f.toml")] if place == "library" else [])
    questions = [question for question in QUESTIONS if question[1] == place]
    answers = agent.ask_all((tool, asked) for _, _, tool, asked, _ in questions)
    for (question, *_, facts), answer in zip(questions, answers, strict=True):
        assert [fact for fact in facts if fact not in answer] == [], f"{question}\n{answer}"
        assert len(answer) <= MOST_TOKENS * CHARACTERS, question


def test_an_answer_that_is_cut_says_what_to_do(tmp_path):
    lines = [line(n, n * 10, name=f"app.f{n}", attributes={"x": "y" * 80}) for n in range(1, 800)]
    agent = Agent(write(tmp_path / "a.jsonl", *lines))
    answer = agent.ask("find_calls", limit=700)
    assert len(answer) <= MOST_TOKENS * CHARACTERS
    assert re.search(r"\.\.\. \d+ more lines; narrow name, min_ms, value or error$", answer)
    assert within(["a" * 20_000], "ask less").startswith("... 1 more lines")


def test_what_cannot_be_answered_is_said(tmp_path):
    agent = Agent(write(tmp_path / "a.jsonl", line(1)))
    assert "no call has the id zz" in agent.ask("call", span_id="zz")
    assert "no call has the id #0" in agent.ask("subtree", span_id="#0")
    assert "not a trace of this server; expected one of a.jsonl" in agent.ask(
        "diff", old="x", new="a.jsonl"
    )


def test_only_what_lies_below_is_read(tmp_path):
    outside = write(tmp_path / "outside.jsonl", line(1, name="app.secret"))
    (tmp_path / "inside").mkdir()
    write(tmp_path / "inside" / "a.jsonl", line(2))
    agent = Agent(tmp_path / "inside")
    for name in (outside, "../outside.jsonl", "/etc/passwd"):
        assert "not a trace of this server" in agent.ask("diff", old=name, new="a.jsonl")


def test_a_redacted_value_is_not_found(tmp_path):
    values = {"codetracer.arg.card": "<redacted>"}
    agent = Agent(write(tmp_path / "a.jsonl", line(1, attributes=values)))
    assert agent.ask("find_calls", value="redacted").startswith("0 calls")


def test_files_that_grow_are_read_again(tmp_path):
    path = tmp_path / "a.jsonl"
    write(path, line(1))
    with TraceCache([path]) as cache:
        (first,) = cache.traces()
        assert cache.traces() == [first]
        write(path, line(1), line(2))
        assert [len(traces.spans) for traces in cache.traces()] == [2]


def test_recordings_are_asked_by_the_numbers_of_their_calls(tmp_path):
    from tests.exporters.native.made_trace import call_of, open_trace, plan_of

    from codetracer_otel.model.step_entries import RETURN

    trace = open_trace(tmp_path / "recording")
    inner = plan_of("inner", ("n",))
    trace.write(1, [call_of(plan_of("outer", ("n",)), 7), 11, call_of(inner, 1), 12, (RETURN, 5)])
    trace.write(1, [13, (RETURN, None)])
    trace.finish()
    write(tmp_path / "a.jsonl", line(1))
    agent = Agent(tmp_path)
    assert "app.work" in agent.ask("summary")
    assert re.search(
        r"^#\d+ 2steps inner\(n=1\) -> 5", agent.ask("find_calls", name="inner"), re.MULTILINE
    )
    assert "codetracer.return = 5" in agent.ask("call", of="inner")


def test_the_command_speaks_the_protocol_and_nothing_else(tmp_path):
    write(tmp_path / "a.jsonl", line(1, name="app.only"))
    environ = {**os.environ, "PYTHONWARNINGS": "error"}
    words = ["-m", "codetracer_otel", "mcp", "a.jsonl"]
    server = {"command": sys.executable, "args": words, "cwd": tmp_path, "env": environ}

    async def asked():
        from mcp import Client, StdioServerParameters

        async with Client(StdioServerParameters(**server)) as client:
            tools = await client.list_tools()
            answer = await client.call_tool("find_calls", {})
            return [tool.name for tool in tools.tools], answer.content[0].text

    tools, answer = asyncio.run(asked())
    assert tools == ["summary", "find_calls", "call", "subtree", "diff", "why"]
    assert "app.only" in answer


def test_without_the_package_it_is_said_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mcp.server", None)
    assert main(["mcp", write(tmp_path / "a.jsonl", line(1))]) == 2
    assert "pip install 'codetracer-otel[mcp]'" in capsys.readouterr().err


def test_a_trace_that_is_missing_is_a_usage_error(tmp_path, capsys):
    assert main(["mcp", str(tmp_path / "nosuch")]) == 2
    message = capsys.readouterr().err
    assert "nosuch: cannot be read: No such file or directory; expected a trace" in message


def test_a_trace_that_vanishes_is_said_to_have_vanished(tmp_path):
    path = write(tmp_path / "spans.jsonl", line(1))
    with TraceCache([path]) as cache:
        assert cache.traces()
        os.unlink(path)
        with pytest.raises(UsageError, match="cannot be read: No such file"):
            cache.traces()
