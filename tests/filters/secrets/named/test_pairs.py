"""Names and values that stand beside each other: pairs, objects, forms, SQL."""

import json

import pytest

from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, RuleSource
from codetracer_otel.model.value import REDACTED

SHAPES = ContentPattern("shapes", "all", Action.REDACT, RuleSource("f", 1, "value:literal:@shapes"))


def redacted(text):
    return compile_content([SHAPES]).redact_texts([text])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("('password', 'x y')", f"('password', '{REDACTED}')"),
        ('("password", "x")', f'("password", "{REDACTED}")'),
        ("[('Authorization', 'x'), ('n', 'y')]", f"[('Authorization', '{REDACTED}'), ('n', 'y')]"),
        ("(b'x-api-key', b'x')", f"(b'x-api-key', b'{REDACTED}')"),
        ('[["cookie","x"]]', f'[["cookie","{REDACTED}"]]'),
        ('"[[\\"cookie\\", \\"x\\"]]"', f'"[[\\"cookie\\", \\"{REDACTED}\\"]]"'),
        ("('user', 'bob')", "('user', 'bob')"),
        ('["--password", "x", "--help"]', f'["--password", "{REDACTED}", "--help"]'),
        ('["--password", "--help"]', '["--password", "--help"]'),
        ('"[\\"--token\\", \\"--help\\"]"', '"[\\"--token\\", \\"--help\\"]"'),
        ("['password', '--hush']", f"['password', '{REDACTED}']"),
        ("('password', 1)", f"('password', {REDACTED})"),
        ("load('password', 'x')", f"load('password', '{REDACTED}')"),
        ("setattr(user, 'password', 'x')", f"setattr(user, 'password', '{REDACTED}')"),
        ("setattr(user, 'name', 'x')", "setattr(user, 'name', 'x')"),
    ],
)
def test_the_second_of_a_pair_whose_first_is_the_name_of_a_secret_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "password", "value": "x"}', f'{{"name": "password", "value": "{REDACTED}"}}'),
        ('{"Key":"DB_PASSWORD","Value":"x"}', f'{{"Key":"DB_PASSWORD","Value":"{REDACTED}"}}'),
        ("{'name': 'token', 'value': 'x'}", f"{{'name': 'token', 'value': '{REDACTED}'}}"),
        ("- name: DB_PASSWORD\n  value: x y\n", f"- name: DB_PASSWORD\n  value: {REDACTED}\n"),
        ('<add key="DbPassword" value="x" />', f'<add key="DbPassword" value="{REDACTED}" />'),
        ("<input name='password' value='x'>", f"<input name='password' value='{REDACTED}'>"),
        (
            '<input name="password" type="hidden" value="x">',
            f'<input name="password" type="hidden" value="{REDACTED}">',
        ),
        ('{"value":"x","name":"X-Api-Key"}', f'{{"value":"{REDACTED}","name":"X-Api-Key"}}'),
        ('{"value":"x","name":"color"}', '{"value":"x","name":"color"}'),
        ('{"name": "color", "value": "x"}', '{"name": "color", "value": "x"}'),
        ('{"name": "password", "kind": "x"}', '{"name": "password", "kind": "x"}'),
    ],
)
def test_the_value_of_an_object_that_is_named_like_a_secret_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "INSERT INTO u (name, password) VALUES ('ada', 'x'), ('b, c', 'it''s')",
            f"INSERT INTO u (name, password) VALUES ('ada', '{REDACTED}'), ('b, c', '{REDACTED}')",
        ),
        (
            "INSERT INTO s.keys (id, `api_key`, at) VALUES (1, 'x', now())",
            f"INSERT INTO s.keys (id, `api_key`, at) VALUES (1, '{REDACTED}', now())",
        ),
        (
            "insert into users (at, password) values (f('a', 1), N'x')",
            f"insert into users (at, password) values (f('a', 1), N'{REDACTED}')",
        ),
        (
            "INSERT INTO users (name, password) VALUES ('ada', 'x",
            f"INSERT INTO users (name, password) VALUES ('ada', '{REDACTED}",
        ),
        (
            "INSERT INTO users (name, password) VALUES ('ada', ?)",
            "INSERT INTO users (name, password) VALUES ('ada', ?)",
        ),
        (
            "INSERT INTO users (name, city) VALUES ('ada', 'x')",
            "INSERT INTO users (name, city) VALUES ('ada', 'x')",
        ),
    ],
)
def test_the_columns_of_a_row_are_named_before_it(text, expected):
    assert redacted(text) == expected


def test_the_value_of_a_named_object_is_replaced_inside_json_texts():
    text = json.dumps(json.dumps({"env": [{"name": "API_TOKEN", "value": "a b"}], "n": 1}))
    assert json.loads(json.loads(redacted(text))) == {
        "env": [{"name": "API_TOKEN", "value": REDACTED}],
        "n": 1,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'Content-Disposition: form-data; name="password"\r\n\r\nx y\r\n--b\r\nz',
            f'Content-Disposition: form-data; name="password"\r\n\r\n{REDACTED}\r\n--b\r\nz',
        ),
        (
            'form-data; name="secret"\nContent-Type: text/plain\n\nx\ny\n--b--',
            f'form-data; name="secret"\nContent-Type: text/plain\n\n{REDACTED}\n--b--',
        ),
        ('form-data; name="token"\n\nx', f'form-data; name="token"\n\n{REDACTED}'),
        ('form-data; name="n"\n\nx', 'form-data; name="n"\n\nx'),
    ],
)
def test_the_field_of_a_form_that_is_named_like_a_secret_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALTER USER bob WITH PASSWORD 'x y'", f"ALTER USER bob WITH PASSWORD '{REDACTED}'"),
        ("IDENTIFIED BY 'it''s' REQUIRE", f"IDENTIFIED BY '{REDACTED}' REQUIRE"),
        ("identified by password '*AB'", f"identified by password '{REDACTED}'"),
        ("LOGIN x WITH PASSWORD = N'x'", f"LOGIN x WITH PASSWORD = N'{REDACTED}'"),
        ("identified by the owner", "identified by the owner"),
        ("set password='it''s x' where", f"set password='{REDACTED}' where"),
        ("f(password='', n='x')", "f(password='', n='x')"),
        ("SELECT PASSWORD('x')", f"SELECT PASSWORD({REDACTED})"),
        ("where password LIKE 'x'", f"where password LIKE '{REDACTED}'"),
        ("where password <> 'x' and", f"where password <> '{REDACTED}' and"),
        ("password not in ('x', 'y')", f"password not in ({REDACTED})"),
        ("ALTER ROLE bob PASSWORD $$x$$ z", f"ALTER ROLE bob PASSWORD $${REDACTED}$$ z"),
        ("where password is null or n='x'", "where password is null or n='x'"),
        ("says 'password' and 'x'", "says 'password' and 'x'"),
    ],
)
def test_the_password_of_a_statement_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\npassword: |\n  x\n  y\nb: 2", f"a: 1\npassword: |\n  {REDACTED}\nb: 2"),
        (
            "a:\n  password: >-\n    x\n\n    y\n  b: 2",
            f"a:\n  password: >-\n    {REDACTED}\n  b: 2",
        ),
        ("password:\n  x\nb: 2", f"password:\n  {REDACTED}\nb: 2"),
        ("secrets:\n- x\n- y\nb: 2", f"secrets:\n{REDACTED}\nb: 2"),
        ("secrets:\n  - x\n  - y\n", f"secrets:\n  {REDACTED}\n"),
        ("- password:\n    x\n  b: 2", f"- password:\n    {REDACTED}\n  b: 2"),
        ("credentials:  # ours\r\n  a: x\r\nb: 2", f"credentials:  # ours\r\n  {REDACTED}\r\nb: 2"),
        ("password:\nb: 2", "password:\nb: 2"),
        ("password: \nb: 2", "password: \nb: 2"),
        ("if token:\n    use()", "if token:\n    use()"),
    ],
)
def test_the_lines_below_the_name_of_a_secret_are_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password -> x", f"password -> {REDACTED}"),
        ("assert token != 'x'", f"assert token != '{REDACTED}'"),
        ("TOKEN ?= x", f"TOKEN ?= {REDACTED}"),
        ("token += x", f"token += {REDACTED}"),
        ("password\uff1ax", f"password\uff1a{REDACTED}"),
        ("password\uff1dx y", f"password\uff1d{REDACTED} y"),
        ("next=%252Fa%253Fpassword%253Dx", f"next=%252Fa%253Fpassword%253D{REDACTED}"),
        ("<password><![CDATA[x<y]]></password>", f"<password><![CDATA[{REDACTED}]]></password>"),
        ("def token() -> str: pass", "def token() -> str: pass"),
    ],
)
def test_other_ways_to_join_a_name_and_its_value_are_known(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bob:pw@example.com", f"{REDACTED}@example.com"),
        ("bob:p@w:1@db:5432", f"{REDACTED}@db:5432"),
        ("bob@example.com", "bob@example.com"),
        ("mailto:bob@example.com", "mailto:bob@example.com"),
        ("git@github.com:a/b", "git@github.com:a/b"),
        ("img:1.2@sha256:" + "ab" * 32, "img:1.2@sha256:" + "ab" * 32),
        ("12:30@home", "12:30@home"),
        ("ask bob: mail a@b", "ask bob: mail a@b"),
    ],
)
def test_the_user_of_an_address_without_a_scheme_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "attack",
    [
        "('password',",
        "('password', '",
        '[["a"',
        '"name": "password", ',
        "name=password ",
        'name="password" a=b ',
        'form-data; name="password"',
        'form-data; name="password"\n\n',
        "password:\n ",
        "password:\n",
        "secrets:\n- ",
        "password: |\n",
        "password '",
        "password('",
        "password in (",
        "PASSWORD $$",
        "into t (password) values ('",
        "into t (password) values ('x'), ",
        "into t (password) values (",
        "into t (",
        "into t (password) values (f('a',",
        '{"value":"x", ',
        "setattr(",
        "identified by ",
        "identified by 'x''",
        "<password><![CDATA[",
        "password='''",
        "a:@",
        ":@",
    ],
)
@pytest.mark.timeout(60)  # quadratic behaviour would take ten times as long
def test_a_hostile_long_text_of_pairs_is_judged_without_hanging(attack):
    text = attack * (400_000 // len(attack))
    assert len(redacted(text)) <= len(text) * (len(REDACTED) + 1)
