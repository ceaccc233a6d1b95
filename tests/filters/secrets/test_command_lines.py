from __future__ import annotations

import pytest

from codetracer_otel.filters.secrets.command_lines import glued_secret, hides_next
from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.named.values import NAMES
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, RuleSource

RULES = compile_content([ContentPattern("shapes", "all", Action.REDACT, RuleSource("x", 1))])


def redacted(text):
    return RULES.redact_texts([text])[0]


@pytest.mark.parametrize(
    ("flag", "word", "hidden"),
    [
        ("--password", "hunter2", True),
        ("-password", "-hunter2", True),
        ("--token", b"raw", True),
        ("--password", "--verbose", False),
        ("--password=x", "next", False),
        ("password", "x", False),
        ("-a", "user:PW", True),
        ("-u", "bob:hunter2:more", True),
        ("--user", "bob:a b", True),
        ("-sSu", "bob:hunter2", True),
        ("-u", "bob", False),
        ("-u", "1000:1000", False),
        ("-a", "https://example.org", False),
        ("-a", "C:/x", True),
        ("-a", 7, False),
        ("-x", "user:PW", False),
        ("--verbose", "yes", False),
    ],
)
def test_the_word_behind_a_flag_is_hidden_where_the_flag_tells(flag, word, hidden):
    assert hides_next(flag, word, NAMES.matches) is hidden


@pytest.mark.parametrize(
    ("words", "word", "hidden"),
    [
        (["mysql", "-pX"], "-pX", True),
        (["/usr/bin/mariadb-dump", "-pX"], "-pX", True),
        (["mysql", "-p"], "-p", False),
        (["ssh", "-p2222"], "-p2222", False),
        ([b"mysql", "-pX"], "-pX", False),
        (["mysql", 7], 7, False),
    ],
)
def test_a_password_glued_to_its_flag_is_one_where_the_program_reads_it_so(words, word, hidden):
    assert glued_secret(words, word) is hidden


PASSWORD = "hush-4711"


@pytest.mark.parametrize(
    "text",
    [
        "curl -u bob:{} https://h/x",
        "curl -ubob:{} https://h/x",
        "curl -sSu bob:{} https://h/x",
        "curl --user=bob:{} https://h/x",
        "curl --user bob:{}",
        "curl -u 'bob:{}' https://h/x",
        'curl --proxy-user "bob:{} more" https://h/x',
        "http -a bob:{} https://h/x",
        "--user=bob:{}",
        "['curl', '-u', 'bob:{}', 'https://h/x']",
        '["curl", "--user=bob:{}"]',
        "run: curl -u bob:{}\\ncurl https://h/x",
        "mysql -u bob -p{} shop",
        "mysqldump -p{}",
        "/usr/bin/mysql -h db -p'{}' shop",
        "sshpass -p {} ssh host",
        "['mysql', '-ubob', '-p{}', 'shop']",
    ],
)
def test_a_login_inside_a_command_line_is_hidden(text):
    assert PASSWORD not in redacted(text.format(PASSWORD))
    assert PASSWORD not in redacted(f"$ {text.format(PASSWORD)} && echo done")


def test_a_login_glued_to_its_flag_is_hidden_as_a_word_of_a_command():
    assert PASSWORD not in redacted(f"-ubob:{PASSWORD}")


@pytest.mark.parametrize(
    "text",
    [
        "docker run --user 1000:1000 image",
        "docker run -u 1000:1000 image",
        "git push -u origin main: done",
        "python -u -m http.server 8000: serving",
        "curl -u bob https://h/x",
        "sort -u https://h/x",
        "ssh -p 2222 host",
        "mkdir -p/srv/x; mysql -u bob shop",
        "docker run -p8080:80 mysql",
        "rsync -a host:/path there",
        "python -m unittest -k name: ok",
        "the well-used menu-u: x",
    ],
)
def test_other_command_lines_stay(text):
    assert redacted(text) == text
