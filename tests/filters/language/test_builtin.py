from __future__ import annotations

import os
import subprocess
import sys
import sysconfig

import pytest
from tests.filters.chains import action, classifier, decide, filter_text, rule

from codetracer_otel.errors import FilterError
from codetracer_otel.filters import (
    ModuleNames,
    builtin_sources,
    compile_chain,
    filter_from_text,
    load_chain,
)
from codetracer_otel.filters.language import sources
from codetracer_otel.filters.language.sources import filter_from_path, parse_chain_text
from codetracer_otel.filters.types import Action, CodeIdentity

REDACTED = """
password passwd pwd pass_phrase userPassword db_password2 secret client_secret SECRET_KEY
token api_token accessToken refresh_token csrf_token auth authorization x_auth_token
apikey api_key API_KEY x-api-key private_key ssh_key signing_key encryption_key credential
credentials cookie set_cookie session_id sessionid jwt bearer pin otp cvv cvc ssn iban
card_number credit_card dsn database_url connection_string salt signature passphrase
http.request.header.authorization
""".split()  # noqa: SIM905 - read as the list in the design
SHOWN = """
company panel span expand discard author authors authority compass tokenizer token_count
max_tokens passenger bypass cardinality wildcard dashboard japan pandas classname
secretary session sessions_per_user key keyboard monkey pinned spinner opinion shopping
hotpot signed cookies_enabled card
""".split()  # noqa: SIM905 - read as the list in the design
SITE_PACKAGES = sysconfig.get_paths()["purelib"]


@pytest.mark.parametrize("kind", ["arg", "local", "global"])
def test_secret_names_are_redacted_and_no_others(kind):
    decision = decide(builtin=True)
    assert [name for name in REDACTED if action(decision, kind, name) != "redact"] == []
    assert [name for name in SHOWN if action(decision, kind, name) != "allow"] == []


def test_functions_with_a_secret_name_return_secrets():
    asked = classifier(builtin=True)

    def answer(name):
        decision = asked.classify(CodeIdentity(("password",), "/p/m.py", f"Token.{name}"))
        return action(decision, "ret", "")

    # A qualified name ends in an identifier; dots and dashes cannot stand in it.
    names = [name for name in REDACTED if name.isidentifier()]
    assert [name for name in names if answer(name) != "redact"] == []
    assert [name for name in SHOWN if answer(name) != "allow"] == []


def test_keys_inside_values_are_judged_the_same():
    attribute_rules = decide(builtin=True).attribute_rules
    assert attribute_rules is not None
    assert [n for n in REDACTED if attribute_rules.attribute_action(n) is not Action.REDACT] == []
    assert [n for n in SHOWN if attribute_rules.attribute_action(n) is not Action.ALLOW] == []


def test_a_project_filter_can_allow_a_secret_name():
    text = filter_text(rule("pkg:app.*", ("arg:literal:token", "allow")))
    assert action(decide(text, builtin=True), "arg", "token") == "allow"
    assert action(decide(text, builtin=True), "local", "token") == "redact"


@pytest.mark.parametrize(
    ("file", "selector"),
    [
        (os.__file__, "file:literal:@stdlib"),
        (sysconfig.get_paths()["stdlib"] + "/json/decoder.py", "file:literal:@stdlib"),
        (SITE_PACKAGES + "/requests/api.py", "file:literal:@site-packages"),
        (pytest.__file__, "file:literal:@site-packages"),
    ],
)
def test_the_standard_library_and_installed_packages_are_skipped(file, selector):
    decision = decide(name="some.module", file=file, builtin=True)
    assert (decision.traces, decision.source.selector) == (False, selector)


@pytest.mark.parametrize("file", ["<frozen os>", "<string>", "<frozen importlib._bootstrap>"])
def test_frozen_and_generated_code_is_skipped(file):
    assert decide(file=file, builtin=True).traces is False


def test_set_up_code_is_skipped_by_a_rule():
    decision = decide(name="_distutils_hack", file="/x/_distutils_hack/__init__.py", builtin=True)
    assert (decision.traces, decision.source.file) == (False, "<builtin:default>")


def test_the_programs_own_code_is_traced():
    assert decide(builtin=True).traces is True


def test_one_rule_turns_an_installed_package_on():
    text = filter_text(rule("pkg:{requests,requests.*}", exec="trace"))
    file = SITE_PACKAGES + "/requests/api.py"
    assert decide(text, name="requests.api", file=file, builtin=True).traces is True
    assert (
        decide(text, name="urllib3.x", file=SITE_PACKAGES + "/x.py", builtin=True).traces is False
    )


def test_the_distribution_that_is_run_is_not_third_party(tmp_path):
    own = SITE_PACKAGES + "/own_tool/"
    asked = compile_chain(load_chain(builtin_sources(), exempt=[own.rstrip("/")]))
    # The directory need not exist: a single file is exempt by its path too.
    found = [
        asked.classify(CodeIdentity(("m",), file, "f")).traces
        for file in (SITE_PACKAGES + "/own_tool", SITE_PACKAGES + "/other/x.py")
    ]
    assert found == [True, False]


@pytest.mark.parametrize("framework", ["pytest", "unittest"])
def test_the_framework_is_skipped_and_its_tests_are_not(framework):
    asked = compile_chain(load_chain(builtin_sources(framework=framework)))

    def traces(name):
        return asked.classify(CodeIdentity((name,), "/p/x.py", "f")).traces

    inside = {
        "pytest": ["pytest", "_pytest.runner", "pluggy._hooks", "xdist.dsession", "pytest_timeout"],
        "unittest": ["unittest", "unittest.case"],
    }
    assert [name for name in inside[framework] if traces(name)] == []
    assert [n for n in ("tests.test_a", "conftest", "test_b", "app") if not traces(n)] == []


@pytest.mark.parametrize("framework", ["pytest", "unittest"])
def test_a_framework_filter_never_weakens_redaction(framework):
    asked = compile_chain(load_chain(builtin_sources(framework=framework)))
    decision = asked.classify(CodeIdentity(("tests.test_a",), "/p/test_a.py", "f"))
    assert action(decision, "arg", "password") == "redact"


def test_an_unknown_framework_is_an_error():
    with pytest.raises(ValueError, match="nose"):
        builtin_sources(framework="nose")


def test_a_script_that_imports_set_up_code_is_not_traced_into_it(tmp_path):
    folder = tmp_path / "_distutils_hack"
    folder.mkdir()
    (folder / "__init__.py").write_text("def f(): pass\n")
    asked = compile_chain(load_chain(builtin_sources()))
    names = ModuleNames((), {}, clock=None)  # type: ignore[arg-type]
    names._index.name_of = lambda _file: None
    found = names.names_for(None, str(folder / "__init__.py"))
    assert asked.classify(CodeIdentity(found, str(folder / "__init__.py"), "f")).traces is False


def test_a_chain_text_is_split_at_double_colons():
    assert [s.label for s in parse_chain_text("/a.toml:: /b.toml ::")] == ["/a.toml", "/b.toml"]


def test_paths_are_absolute_and_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert filter_from_path("~/f.toml").label == str(tmp_path / "f.toml")
    assert filter_from_path("f.toml").label == str(tmp_path / "f.toml")


def test_a_redacted_and_a_dropped_value_have_one_sentinel_each():
    root = os.path.dirname(sys.modules["codetracer_otel"].__file__)
    out = subprocess.run(
        ["grep", "-rno", "--include=*.py", "-e", "<redacted>", "-e", "<dropped>", root],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout
    found = sorted(line.rpartition(":")[2] for line in out.splitlines())
    assert found == ["<dropped>", "<redacted>"]


def test_the_builtin_text_is_hashed_before_placeholders_are_expanded():
    assert len({load_chain(builtin_sources()).summary[0].sha256 for _ in range(2)}) == 1
    assert filter_from_text("x").label == "<inline:filter>"


def test_a_packed_program_without_the_filters_hears_why(monkeypatch):
    class Archive:
        def get_data(self, path):
            raise FileNotFoundError(path)

    monkeypatch.setattr(sources.__spec__, "loader", Archive())
    with pytest.raises(FilterError, match=r"<builtin:default>: .*PyInstaller or the like packed"):
        builtin_sources()
