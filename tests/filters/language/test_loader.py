from __future__ import annotations

import os

import pytest
from tests.filters.chains import filter_text, problems, rule

from codetracer_otel.errors import ErrorCode, FilterError
from codetracer_otel.filters import filter_from_path, filter_from_text, load_chain
from codetracer_otel.filters.types import Action

META = '[meta]\nname = "t"\nversion = 2\n'
SCOPE = '[scope]\ndefault_exec = "trace"\ndefault_value_action = "allow"\n'
RULE = '[[scope.rules]]\nselector = "pkg:a"\n'
PATTERN = '[[scope.rules.value_patterns]]\nselector = "arg:a"\naction = "drop"\n'

# text -> "line: table: part of the message"
MISTAKES = [
    ("", "1: None: the key `meta` is missing"),
    (META, "1: None: the key `scope` is missing"),
    (SCOPE, "1: None: the key `meta` is missing"),
    ("meta = 1\n" + SCOPE, "1: meta: wrong type, got 1; expected a table"),
    ("[meta]\nversion = 2\n" + SCOPE, "1: meta: the key `name` is missing"),
    ('[meta]\nname = " "\nversion = 2\n' + SCOPE, "2: meta.name: the name is blank"),
    ("[meta]\nname = 3\nversion = 2\n" + SCOPE, "2: meta.name: wrong type, got 3"),
    ('[meta]\nname = "x"\n' + SCOPE, "1: meta: the key `version` is missing"),
    ('[meta]\nname = "x"\nversion = "2"\n' + SCOPE, "3: meta.version: wrong type, got '2'"),
    ('[meta]\nname = "x"\nversion = true\n' + SCOPE, "3: meta.version: wrong type, got true"),
    ('[meta]\nname = "x"\nversion = 0\n' + SCOPE, "3: meta.version: out of range, got 0"),
    ('[meta]\nname = "x"\nversion = 3\n' + SCOPE, "3: meta.version: schema version 3 is newer"),
    (META + "description = 1\n" + SCOPE, "4: meta.description: wrong type"),
    (META + 'labels = "a"\n' + SCOPE, "4: meta.labels: wrong type"),
    (META + "labels = [\n1]\n" + SCOPE, "5: meta.labels[0]: wrong type, got 1"),
    (META + 'lables = ["a"]\n' + SCOPE, "4: meta.lables: unknown key 'lables'"),
    (META + SCOPE + "[scop]\n", "7: scop: unknown key 'scop'"),
    (META + "[scope]\ndefault_value_action='allow'\n", "4: scope: the key `default_exec` is"),
    (META + "[scope]\ndefault_exec='trace'\n", "4: scope: the key `default_value_action` is"),
    (META + SCOPE.replace("trace", "trac"), "5: scope.default_exec: not accepted, got 'trac'"),
    (META + SCOPE.replace("allow", "hide"), "6: scope.default_value_action: not accepted"),
    (META + SCOPE.replace("trace", "inherit"), "5: scope.default_exec: 'inherit' has no"),
    (META + SCOPE.replace("allow", "inherit"), "6: scope.default_value_action: 'inherit' has"),
    (META + SCOPE + "default = 1\n", "7: scope.default: unknown key"),
    (META + SCOPE + "rules = 1\n", "7: scope.rules: wrong type, got 1; expected an array"),
    (META + SCOPE + "rules = [1]\n", "7: scope.rules[0]: wrong type, got 1; expected a table"),
    (META + "[io]\ncapture = 1\n" + SCOPE, "5: io.capture: wrong type, got 1"),
    (META + "[io]\ncapture = true\n" + SCOPE, "4: io: `capture = true` needs streams"),
    (META + "[io]\nstreams = ['stdot']\n" + SCOPE, "5: io.streams[0]: not accepted"),
    (META + "[io]\nmodes = ['x']\n" + SCOPE, "5: io.modes: reserved"),
    (META + "[io]\nmode = []\n" + SCOPE, "5: io.mode: unknown key"),
    (META + SCOPE + "[[scope.rules]]\n", "7: scope.rules[0]: the key `selector` is missing"),
    (META + SCOPE + "[[scope.rules]]\nselector=1\n", "8: scope.rules[0].selector: wrong type"),
    (META + SCOPE + "[[scope.rules]]\nselector='arg:x'\n", "8: scope.rules[0].selector: 'arg:x'"),
    (META + SCOPE + "[[scope.rules]]\nselector='pkg:[a'\n", "8: scope.rules[0].selector: 'pkg:["),
    (META + SCOPE + RULE + "exec = 'run'\n", "9: scope.rules[0].exec: not accepted"),
    (META + SCOPE + RULE + "value_default = 'x'\n", "9: scope.rules[0].value_default: not"),
    (META + SCOPE + RULE + "reason = 1\n", "9: scope.rules[0].reason: wrong type"),
    (META + SCOPE + RULE + "capture = ['arg']\n", "9: scope.rules[0].capture[0]: not accepted"),
    (META + SCOPE + RULE + "root = 1\n", "9: scope.rules[0].root: wrong type"),
    (META + SCOPE + RULE + "sampling = 1\n", "9: scope.rules[0].sampling: wrong type"),
    (META + SCOPE + RULE + "[scope.rules.sampling]\nratio=2\n", "10: scope.rules[0].sampling.rat"),
    (META + SCOPE + RULE + "[scope.rules.sampling]\nratio=nan\n", "10: scope.rules[0].sampling.r"),
    (META + SCOPE + RULE + "[scope.rules.sampling]\nper='x'\n", "10: scope.rules[0].sampling.per"),
    (META + SCOPE + RULE + "[scope.rules.sampling]\nfirst=-1\n", "10: scope.rules[0].sampling.f"),
    (META + SCOPE + RULE + "[scope.rules.sampling]\nfirst=1.5\n", "10: scope.rules[0].sampling.f"),
    (META + SCOPE + RULE + "[scope.rules.sampling]\nrate=1\n", "10: scope.rules[0].sampling.rate"),
    (META + SCOPE + RULE + "[scope.rules.events]\nnames=['[']\n", "10: scope.rules[0].events.nam"),
    (META + SCOPE + RULE + "[scope.rules.events]\nline=true\n", "10: scope.rules[0].events.line:"),
    (META + SCOPE + RULE + PATTERN + "repr = true\n", "12: scope.rules[0].value_patterns[0].repr"),
    (META + SCOPE + RULE + PATTERN.replace("drop", "dorp"), "11: scope.rules[0].value_patterns[0]"),
    (META + SCOPE + RULE + PATTERN.replace("arg:a", "pkg:a"), "10: scope.rules[0].value_patterns["),
    (META + SCOPE + RULE + PATTERN + "name = 1\n", "12: scope.rules[0].value_patterns[0].name: un"),
    (META + SCOPE + RULE + RULE + "x = 1\n", "11: scope.rules[1].x: unknown key 'x'"),
    (META + SCOPE + "rules = [\n{selector='pkg:a'},\n{selecto='x'}]", "9: scope.rules[1]"),
    (
        META + SCOPE + "[scope.rules]\nselector='pkg:a'\n",
        "7: scope.rules: wrong type, got one table",
    ),
    ("[meta\n", "1: None: not valid TOML"),
    (META + META, "4: None: not valid TOML"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_each_mistake_is_found_where_it_stands(text, expected):
    found = problems(text)
    assert any(problem.startswith(expected) for problem in found), found


def test_a_misspelt_required_key_is_one_problem():
    found = problems(META + "[scope]\ndefault_exec='trace'\ndefault_value_acton='allow'\n")
    assert len(found) == 1
    assert "did you mean 'default_value_action'" in found[0]


@pytest.mark.parametrize(
    "line",
    ["capture = ['args']", "root = true", "[scope.rules.sampling]", "[scope.rules.events]"],
)
def test_a_second_version_key_in_a_first_version_file_says_so(line):
    found = problems(filter_text(RULE + line + "\n", version=1))
    assert len(found) == 1
    assert "version = 2" in found[0]


def test_repr_in_a_first_version_file_says_so():
    found = problems(filter_text(RULE + PATTERN + "repr = true\n", version=1))
    assert len(found) == 1
    assert "version = 2" in found[0]


def test_all_problems_of_all_files_come_together_in_order(tmp_path):
    missing, broken = tmp_path / "missing.toml", tmp_path / "broken.toml"
    broken.write_text(META + SCOPE.replace("trace", "trac") + RULE.replace("pkg", "pgk"))
    sources = [
        filter_from_path(missing),
        filter_from_path(broken),
        filter_from_text("[meta\n", "text"),
    ]
    with pytest.raises(FilterError) as caught:
        load_chain(sources)
    found = [(p.code, p.file, p.line, p.column, p.table) for p in caught.value.problems]
    assert found == [
        (ErrorCode.IO, str(missing), None, None, None),
        (ErrorCode.INVALID_FILTER, str(broken), 5, 1, "scope.default_exec"),
        (ErrorCode.INVALID_FILTER, str(broken), 8, 1, "scope.rules[0].selector"),
        (ErrorCode.INVALID_FILTER, "<inline:text>", 1, 6, None),
    ]


def test_a_newer_schema_is_the_only_problem_of_its_file():
    with pytest.raises(FilterError) as caught:
        load_chain([filter_from_text("[meta]\nversion = 9\nfuture = 1\n[new]\n", "x")])
    codes = [problem.code for problem in caught.value.problems]
    assert codes == [ErrorCode.UNSUPPORTED_SCHEMA_VERSION]


def test_every_good_key_is_read():
    chain = load_chain(
        [
            filter_from_text(
                META
                + 'description = "d"\nlabels = ["a", "b", "a"]\n'
                + '[io]\ncapture = true\nstreams = ["stdout", "files", "stdout"]\nmodes = []\n'
                + SCOPE
                + '[[scope.rules]]\nselector = "obj:a.b"\nexec = "skip"\nvalue_default = "deny"\n'
                + 'reason = "r"\ncapture = ["args", "lines"]\nroot = true\n'
                + '[scope.rules.sampling]\nratio = 0.5\nper = "span"\nmax_per_second = 3\n'
                + "first = 2\nmin_duration_ms = 1.5\nkeep_errors = false\n"
                + '[scope.rules.events]\nlines = true\nnames = ["a*"]\nratio = 0.1\n'
                + "max_per_span = 3\nmax_per_second = 1.5\nexceptions = false\nio = false\n"
                + '[[scope.rules.value_patterns]]\nselector = "type:m.T"\naction = "allow"\n'
                + 'repr = true\nreason = "q"\n',
                "full",
            )
        ]
    )
    file = chain.files[0]
    only = file.rules[0]
    assert (file.description, file.labels) == ("d", ("a", "b"))
    assert chain.io is not None
    assert (chain.io.capture, chain.io.streams) == (True, ("stdout", "files"))
    assert len(chain.notices) == 1
    assert (only.traces, only.value_default, only.root) == (False, Action.REDACT, True)
    assert only.capture == frozenset({"args", "lines"})
    assert (only.source.line, only.source.reason) == (13, "r")
    assert only.sampling == {
        "ratio": 0.5,
        "per_span": True,
        "max_per_second": 3,
        "first": 2,
        "min_duration_ns": 1_500_000,
        "keep_errors": False,
    }
    assert only.events["names"] == ("a*",)
    assert (only.patterns[0].allows_repr, only.patterns[0].source.reason) == (True, "q")


def test_the_summary_says_where_rules_come_from(tmp_path):
    import hashlib

    path = tmp_path / "f.toml"
    path.write_bytes(filter_text().encode())
    chain = load_chain([filter_from_path(path), filter_from_text(filter_text(version=1), "in")])
    assert [(p.path, p.name, p.version) for p in chain.summary] == [
        (str(path), "t", 2),
        ("<inline:in>", "t", 1),
    ]
    assert chain.summary[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert chain.roots == (str(tmp_path),)


def test_a_later_io_table_replaces_the_earlier():
    first = META + "[io]\ncapture = true\nstreams = ['stdout']\n" + SCOPE
    second = META + "[io]\nstreams = ['stderr']\n" + SCOPE
    texts = [filter_from_text(first, "a"), filter_from_text(second, "b")]
    chain = load_chain([*texts, filter_from_text(filter_text(), "c")])
    assert chain.io is not None
    assert (chain.io.capture, chain.io.streams) == (False, ("stderr",))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_do_not_matter(tmp_path, newline, mark):
    path = tmp_path / "f.toml"
    text = filter_text(rule("pkg:app"))
    path.write_bytes(mark + text.replace("\n", newline).encode())
    chain = load_chain([filter_from_path(path)])
    assert chain.files[0].rules[0].source.line == 7


def test_an_empty_chain_is_an_error():
    with pytest.raises(FilterError, match="no filters"):
        load_chain([])


def test_placeholders_stand_for_places_in_a_users_filter_too():
    chain = load_chain([filter_from_text(filter_text(rule("file:literal:@stdlib")), "u")])
    assert chain.files[0].rules[0].matches.matches(os.__file__) is True


def test_a_file_outside_the_project_is_an_error_that_names_the_root(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(filter_text(rule("file:literal:/elsewhere/x.py")))
    with pytest.raises(FilterError, match="outside the project root"):
        load_chain([filter_from_path(path)])


@pytest.mark.parametrize(
    ("selector", "action", "is_accepted"),
    [
        ("type:app.*", "allow", True),
        ("type:app.*", "redact", False),
        ("arg:x", "allow", False),
        ("arg:x", "redact", False),
    ],
)
def test_repr_is_for_types_that_are_allowed(selector, action, is_accepted):
    pattern = f"[[scope.rules.value_patterns]]\nselector = '{selector}'\naction = '{action}'\n"
    found = problems(filter_text(RULE + pattern + "repr = true\n"))
    assert found == [] if is_accepted else "`repr` goes with a `type` selector" in found[0]
