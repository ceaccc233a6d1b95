"""Value patterns: which parts of text are replaced."""

import json
import random
import string
import uuid
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

from codetracer_otel.filters.patterns.patience import MOST_TIMEOUTS
from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.detectors import SHAPES
from codetracer_otel.filters.secrets.named.prose import is_stand_in
from codetracer_otel.filters.secrets.prefilter import shapes_possible
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, ContentCounters, RuleSource
from codetracer_otel.model.value import REDACTED
from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets

ALL = frozenset(shape.name for shape in SHAPES)
SOURCE = RuleSource("/p/.codetracer/trace-filter.toml", 7, "value:regex:x")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----"
ALNUM = "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA2cD4fG6hJ8k"
HEX = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


def pattern(match, text, action=Action.REDACT):
    return ContentPattern(match, text, action, SOURCE)


def rules(*patterns, **options):
    return compile_content(patterns or (pattern("shapes", "all"),), **options)


def test_what_is_presumed_clean_is_looked_at_only_by_patterns_of_a_filter():
    of_shapes = rules()
    of_shapes.presume_clean("password: abc1234")
    assert of_shapes.redact_texts(["password: abc1234"]) == ["password: abc1234"]
    own = rules(pattern("shapes", "all"), pattern("regex", "abc"))
    own.presume_clean("password: abc1234")
    assert own.redact_texts(["password: abc1234"]) != ["password: abc1234"]


def redacted(text, *patterns, cut=False):
    return rules(*patterns).redact_texts([text], [cut])[0]


TOKENS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "ghp_" + ALNUM[:36],
    "gho_" + "a" * 36,
    "ghs_" + ALNUM[:36],
    "github_pat_11ABCDEFG0" + ALNUM,
    "glpat-" + ALNUM[:20],
    "gldt-" + ALNUM[:20],
    "xoxb-123456789012-1234567890123-" + ALNUM[:24],
    "xoxp-1234567890-abcdefghij",
    "xapp-1-A0123456789-" + HEX,
    "sk_live_" + ALNUM[:24],
    "rk_test_" + ALNUM[:24],
    "whsec_" + ALNUM[:32],
    "AIza" + ALNUM[:35],
    "ya29." + ALNUM,
    "GOCSPX-" + ALNUM[:28],
    "npm_" + ALNUM[:36],
    "pypi-AgEIcHlwaS5vcmc" + ALNUM,
    "sk-" + ALNUM,
    "sk-proj-" + ALNUM,
    "sk-ant-api03-" + ALNUM,
    "SG." + ALNUM[:22] + "." + ALNUM,
    "hf_" + ALNUM[:34],
    "dop_v1_" + HEX,
    "shpat_" + HEX[:32],
    "dapi" + HEX[:32],
    "hvs." + ALNUM[:24],
    "glsa_" + ALNUM[:32],
    "lin_api_" + ALNUM,
    "dckr_pat_" + ALNUM[:27],
    "dp.pt." + ALNUM,
    "PMAK-" + HEX[:24] + "-" + HEX[:34],
    "123456789:AA" + ALNUM[:33],
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_with_a_known_prefix_is_replaced_wherever_it_stands(token):
    assert redacted(token) == REDACTED
    assert redacted(f"got <{token}>, ok") == f"got <{REDACTED}>, ok"
    assert redacted("x" * 3000 + " " + token + " " + "y" * 3000) == (
        "x" * 3000 + f" {REDACTED} " + "y" * 3000
    )
    assert REDACTED in redacted(json.dumps({"a": [token]}))
    assert token not in redacted(repr([token, "b\n" + token]))


@pytest.mark.parametrize("token", TOKENS)
def test_what_a_cut_left_of_a_token_is_replaced(token):
    body = token[: len(token) - 8]
    assert redacted("text " + body, cut=True) == f"text {REDACTED}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bearer abc", f"Bearer {REDACTED}"),
        ("bearer  mF_9.B5f-4.1JqM x", f"bearer  {REDACTED} x"),
        ("got BEARER " + ALNUM, f"got BEARER {REDACTED}"),
        ("the bearer of this letter", "the bearer of this letter"),
        ("bearer of bad news", "bearer of bad news"),
        ("Bearer token", "Bearer token"),
        ("a protocol that verifies bearer tokens.", "a protocol that verifies bearer tokens."),
        ("what a bearer needs: a token", "what a bearer needs: a token"),
        ("sent as bearer tok-ab", f"sent as bearer {REDACTED}"),
        (" Bearer abc\r\n", f" Bearer {REDACTED}\r\n"),
        ("Basic dXNlcjpwYXNz", f"Basic {REDACTED}"),
        ("a basic dXNlcjpwYXNzdw== b", f"a basic {REDACTED} b"),
        ("basic authentication is off", "basic authentication is off"),
        ("Basic%20dXNlcjpwYXNz", f"Basic%20{REDACTED}"),
        (JWT, REDACTED),
        (f"a{JWT}.x b", f"a{REDACTED} b"),
        ("eyJhbGciOiJIUzI1NiJ9 only", "eyJhbGciOiJIUzI1NiJ9 only"),
        (PEM, REDACTED),
        (f"a\n{PEM}\nb", f"a\n{REDACTED}\nb"),
        ("a\n" + PEM[:60], f"a\n{REDACTED}"),
        (repr(PEM), f"'{REDACTED}'"),
        (PEM.replace("RSA ", "ENCRYPTED "), REDACTED),
        (PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"), REDACTED),
        (PEM.replace("RSA PRIVATE", "PUBLIC"), PEM.replace("RSA PRIVATE", "PUBLIC")),
        (f"{PEM} and {PEM}", f"{REDACTED} and {REDACTED}"),
    ],
)
def test_credentials_and_keys_are_replaced_by_their_form(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pw@host/x", f"https://{REDACTED}@host/x"),
        (
            "git clone https://ghtoken@github.com/a/b",
            f"git clone https://{REDACTED}@github.com/a/b",
        ),
        (
            "postgresql+psycopg://u:p%40ss@db:5432/app",
            f"postgresql+psycopg://{REDACTED}@db:5432/app",
        ),
        ("amqp://u:p@ss@host", f"amqp://{REDACTED}@host"),
        ("redis://:pa/ss?w#d@host:1/0", f"redis://{REDACTED}@host:1/0"),
        ("a://u:p@h,b://v:q@i", f"a://{REDACTED}@h,b://{REDACTED}@i"),
        (r"https:\/\/user:pw@host\/x", rf"https:\/\/{REDACTED}@host\/x"),
        ("https://host:8080/path?mail=a@b.c", "https://host:8080/path?mail=a@b.c"),
        ("https://host/~user@x", "https://host/~user@x"),
        ("mail alice@example.com", "mail alice@example.com"),
        ("git clone ssh://git@github.com/a/b", "git clone ssh://git@github.com/a/b"),
        ("a token=%r, password=None, secret={}", "a token=%r, password=None, secret={}"),
        (":param token: what opens the door", ":param token: what opens the door"),
    ],
)
def test_the_user_of_a_url_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111111111111111", REDACTED),
        ("4111 1111 1111 1111", REDACTED),
        ("4111-1111-1111-1111.", f"{REDACTED}."),
        ("card4111111111111111x", f"card{REDACTED}x"),
        ("378282246310005", REDACTED),
        ("3782 822463 10005", REDACTED),
        ("4222222222222", REDACTED),
        ("6304000000000000000", REDACTED),
        ("1 4111 1111 1111 1111 12/25", f"1 {REDACTED} 12/25"),
        ("4111 1111 1111 1111 5500 0000 0000 0004", f"{REDACTED} {REDACTED}"),
        ("4111111111111112", "4111111111111112"),
        ("41111111111111111111111", "41111111111111111111111"),
        ("411111111111", "411111111111"),
        ("4111  1111  1111  1111", "4111  1111  1111  1111"),
        ("\u0664111111111111111", "\u0664111111111111111"),
        ("2024-01-01 12:00:00", "2024-01-01 12:00:00"),
        ("2024 4111 1111 1111 1111 123", f"2024 {REDACTED} 123"),
        ("4111+1111+1111+1111", REDACTED),
        ("3056 930902 5904", REDACTED),
        ("6304 0000 0000 0000 000", REDACTED),
        ("4111-1111 1111-1111", "4111-1111 1111-1111"),
    ],
)
def test_card_numbers_are_replaced_when_their_check_digit_is_right(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2", f"password={REDACTED}"),
        ("PASSWORD = hunter2 x", f"PASSWORD = {REDACTED}"),
        ("a=1&password=hunter2&b=2", f"a=1&password={REDACTED}&b=2"),
        ("?api_key=abc#top", f"?api_key={REDACTED}"),
        ("user=bob;Password=x;Server=y", f"user=bob;Password={REDACTED};Server=y"),
        ("user=bob, token=a,b, n=1", f"user=bob, token={REDACTED}, n=1"),
        ("f(user='bob', password='x y', n=1)", f"f(user='bob', password='{REDACTED}', n=1)"),
        ("Config(password=hunter2)", f"Config(password={REDACTED})"),
        ("Config(token=Secret('a b'), n=1)", f"Config(token={REDACTED}, n=1)"),
        ("pAsSwOrD=x", f"pAsSwOrD={REDACTED}"),
        ("my_password2=x", f"my_password2={REDACTED}"),
        ("accessToken: x y", f"accessToken: {REDACTED}"),
        ("log accessToken: x y", f"log accessToken: {REDACTED} y"),
        ("n: 1\n  password: my secret pass\nk: 2", f"n: 1\n  password: {REDACTED}\nk: 2"),
        ("- token: abc # c", f"- token: {REDACTED}"),
        ('Authorization: Digest username="a", response="b"', f"Authorization: {REDACTED}"),
        ("curl -H 'Cookie: a=b; c=d' x", f"curl -H 'Cookie: {REDACTED}' x"),
        ('{"password": "a, b"}', f'{{"password": "{REDACTED}"}}'),
        ('{"password":"a\\"b","n":1}', f'{{"password":"{REDACTED}","n":1}}'),
        ('{"password":"a\\\\","n":1}', f'{{"password":"{REDACTED}","n":1}}'),
        ('{"pin": 1234, "n": 1}', f'{{"pin": {REDACTED}, "n": 1}}'),
        ('{"password"\n : \n"x"}', f'{{"password"\n : \n"{REDACTED}"}}'),
        ('{"user password": "x"}', f'{{"user password": "{REDACTED}"}}'),
        ('{"api key": "x"}', f'{{"api key": "{REDACTED}"}}'),
        (
            '{"credentials": {"a": "x}y", "b": [1]}, "n": 1}',
            f'{{"credentials": {REDACTED}, "n": 1}}',
        ),
        ("{'password': 'x', 'n': 1}", f"{{'password': '{REDACTED}', 'n': 1}}"),
        ("{'password': \"it's\", 'n': 1}", f"{{'password': \"{REDACTED}\", 'n': 1}}"),
        ("{'token': b'x y', 'n': 1}", f"{{'token': b'{REDACTED}', 'n': 1}}"),
        ('token="""a"b""" x', f'token="""{REDACTED}""" x'),
        ('"password" => "x"', f'"password" => "{REDACTED}"'),
        ("export DB_PASSWORD=my pass\nX=1", f"export DB_PASSWORD={REDACTED}\nX=1"),
        ("DEBUG=1\nSECRET_KEY='a b'\nX=1", f"DEBUG=1\nSECRET_KEY='{REDACTED}'\nX=1"),
        ("cmd --password hunter2 -v", f"cmd --password {REDACTED} -v"),
        ("cmd --db-password='a b' -v", f"cmd --db-password='{REDACTED}' -v"),
        ("['cmd', '--token', 'x y', '-v']", f"['cmd', '--token', '{REDACTED}', '-v']"),
        ("cmd --password --verbose", "cmd --password --verbose"),
        ("user%5Bpassword%5D=x", f"user%5Bpassword%5D={REDACTED}"),
        ("next=%2Fa%3Fpassword%3Dhunter2", f"next=%2Fa%3Fpassword%3D{REDACTED}"),
        ("%22password%22%3A%22x%22", f"%22password%22%3A{REDACTED}"),
        ("{&quot;password&quot;:&quot;x&quot;}", f"{{&quot;password&quot;:{REDACTED}}}"),
        ("'a\\npassword=x'", f"'a\\npassword={REDACTED}'"),
        ("a=1%0Apassword=x", f"a=1%0Apassword={REDACTED}"),
        ("token\\u003dabc", f"token\\u003d{REDACTED}"),
        ("\x1b[31mpassword\x1b[0m=x", f"\x1b[31mpassword\x1b[0m={REDACTED}"),
        ("<a><password>x &amp; y</password></a>", f"<a><password>{REDACTED}</password></a>"),
        ("passwort=1 größe=2", f"passwort={REDACTED} größe=2"),
        ("password=", "password="),
        ("password: \nuser: x", "password: \nuser: x"),
        (f"password={REDACTED}", f"password={REDACTED}"),
        ("token_count=5, max_tokens: 7, author=bob", "token_count=5, max_tokens: 7, author=bob"),
        ("https://host/path", "https://host/path"),
        ("C:\\token=x", f"C:\\token={REDACTED}"),
        ("password=ab(c)d e", f"password={REDACTED} e"),
        ('password=a"b c', f"password={REDACTED} c"),
        ('{"cmd": "PGPASSWORD=x psql"}', f'{{"cmd": "PGPASSWORD={REDACTED} psql"}}'),
    ],
)
def test_the_value_behind_the_name_of_a_secret_is_replaced(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2018 2019 2020 2021 2022 2023",
        "4000 4111 1111 1111 1111 5000",
        "0.8799056824848931",
        "-0.4111111111111111",
        ".4111111111111111",
        "4111111111111111.5",
        "1700000000000007",
        "+4915112345678",
        "4915112345679",
        "a4111111-1111-4111-8111-411111111111",
        "ab4111111111111111ef0123",
        "9007199254740993",
        "123456789012345678",
        "1234567890123452",
        "41 11 11 11 11 11 11 11",
    ],
)
def test_numbers_that_are_laid_out_otherwise_are_no_cards(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    "make",
    [
        lambda pick: repr(pick.random()),
        lambda pick: repr(pick.uniform(-1e6, 1e6)),
        lambda pick: f"{pick.randrange(10**9, 2 * 10**9)}.{pick.randrange(10**6):06d}",
        lambda pick: str(pick.randrange(1_500_000_000_000, 1_900_000_000_000)),
        lambda pick: str(pick.randrange(15 * 10**14, 19 * 10**14)),
        lambda pick: str(uuid.UUID(int=pick.getrandbits(128), version=4)),
        lambda pick: f"{pick.getrandbits(256):064x}",
        lambda pick: f"+{pick.randrange(10, 99)} {pick.randrange(10**9, 10**11)}",
        lambda pick: " ".join(str(pick.randrange(1990, 2030)) for _ in range(6)),
        lambda pick: str([pick.randrange(10**4) for _ in range(8)]),
    ],
)
def test_one_number_in_a_thousand_at_most_is_taken_for_a_card(make):
    pick = random.Random(5)
    texts = [make(pick) for _ in range(5_000)]
    shown = rules(pattern("shapes", "card")).redact_texts(texts)
    assert sum(a != b for a, b in zip(texts, shown, strict=True)) <= 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "?next=postgres%3A%2F%2Fadmin%3APW%40db&x=1",
            f"?next=postgres%3A%2F%2F{REDACTED}%40db&x=1",
        ),
        (
            "?next=postgres%253A%252F%252Fadmin%253APW%2540db&x=1",
            f"?next=postgres%253A%252F%252F{REDACTED}%2540db&x=1",
        ),
        ("a=4111%201111%201111%201111&b=2", f"a={REDACTED}&b=2"),
        (f"u=https%3A%2F%2Fhooks.slack.com%2Fservices%2FT0%2FB0%2F{ALNUM}", None),
        (f"u=https%3A%2F%2Fh%2Fb%3Fsv%3D1%26sig%3D{ALNUM}%253D&b=kept", None),
        (f"bot123456789%3AAA{ALNUM}", f"bot{REDACTED}"),
        ("100%25 of u%3Av and a@b", "100%25 of u%3Av and a@b"),
        ("50% off, 20%", "50% off, 20%"),
    ],
)
def test_what_is_percent_encoded_is_read_and_hidden_where_it_stands(text, expected):
    shown = redacted(text)
    assert ALNUM not in shown
    if expected is not None:
        assert shown == expected
    else:
        assert text[:5] == shown[:5]


TABLE = "| user | password | n |\n|---|:--|---|\n| bob | hunter2 | 1 |\n| al | x y | 2 |"
PUTTY = """PuTTY-User-Key-File-3: ssh-ed25519
Encryption: none
Comment: me
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAIPub
Private-Lines: 1
AAAAIHNlY3JldHNlY3JldHNlY3JldA==
Private-MAC: 0123
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "FROM x\nENV DB_PASSWORD hunter2 two\nRUN y",
            f"FROM x\nENV DB_PASSWORD {REDACTED}\nRUN y",
        ),
        ("ENV PASSWORD x", f"ENV PASSWORD {REDACTED}"),
        ("ARG API_TOKEN 'a b'", f"ARG API_TOKEN '{REDACTED}'"),
        ("ENV PATH /usr/bin", "ENV PATH /usr/bin"),
        ("machine h login bob password hunter2", f"machine h login bob password {REDACTED}"),
        (
            "machine h\n  login bob\n  password hunter2\n",
            f"machine h\n  login bob\n  password {REDACTED}\n",
        ),
        (
            "default login a password p4ss\nmachine b",
            f"default login a password {REDACTED}\nmachine b",
        ),
        ("please login with your password now", "please login with your password now"),
        ("| password | hunter2 |", f"| password | {REDACTED} |"),
        (
            TABLE,
            TABLE.replace("hunter2", REDACTED).replace("x y", REDACTED),
        ),
        ("| user | bob |\n| n | 1 |", "| user | bob |\n| n | 1 |"),
        ("ls | grep password | wc", "ls | grep password | wc"),
        (PUTTY, PUTTY.replace("Private-Lines: 1\nAAAAIHNlY3JldHNlY3JldHNlY3JldA==\n", REDACTED)),
    ],
)
def test_lines_of_a_grammar_of_their_own_show_no_secret(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("secret", [f"x ghp_{ALNUM}", "password=hunter22", "https://u:pa55@h/"])
def test_wide_bytes_are_read(encoding, secret):
    shown = redacted(secret.encode(encoding).decode("latin-1")).replace("\0", "")
    assert REDACTED in shown
    assert not any(part in shown for part in (ALNUM, "hunter22", "pa55"))


@pytest.mark.parametrize(
    "token",
    [
        f"acme_live_{ALNUM}",
        f"acme_pat_{HEX[:40]}",
        f"zz-secret-{HEX[:32]}",
        f"my_sk_{ALNUM[:20]}",
        f"newco_{ALNUM[:34]}",
        "tok-0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
        "vendor_api_key_K3V9QZ7M2XW8B4TJ6N1Y5RPD",
        "foo_prod_q7w2e9r4t1y6u3i8o5p0a2s7d4",
    ],
)
def test_tokens_of_unlisted_vendors_are_found_by_how_they_are_built(token):
    assert redacted(f"got <{token}>, ok") == f"got <{REDACTED}>, ok"
    assert token not in redacted(json.dumps({"a": token, "b": f"x={token}"}))


@pytest.mark.parametrize(
    "text",
    [
        f"sha256-{HEX}",
        f"sha512-{ALNUM}",
        f"commit_{HEX[:40]}",
        "user_0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
        "handle_incoming_request_2024_01_17",
        "test_live_streaming_configuration_with_retries_v2",
        "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01",
        "cus_9s6XKzkNRiz8i3",
        "web-7d4b9c6f5d-x2x4z.prod-eu-west-1",
        "sk-estimator-html-documentation-link",
        "MAX_LIVE_CONNECTIONS_PER_SERVER_V2",
        "com.example.LiveUpdateService2Impl",
        "index-BX3k9d2a.js",
        "arn:aws:iam::123456789012:role/prod-service-role-2",
    ],
)
def test_identifiers_and_digests_are_no_tokens(text):
    assert redacted(text) == text
    assert redacted(f"got {text}") == f"got {text}"


SECRET_TEXT = st.text(
    string.ascii_letters + string.digits + "!#%()*+-./:;<>?@[]^_{|}~ \"'\\,&=", min_size=6
).filter(lambda text: not is_stand_in(text))  # such as the name of a type


@settings(max_examples=examples(150))
@given(
    secret=SECRET_TEXT,
    name=st.sampled_from(["password", "apiKey", "X-Auth-Token"]),
    depth=st.integers(0, 3),
)
def test_json_inside_json_shows_no_secret_at_any_depth(secret, name, depth):
    text = json.dumps({"a": 1, name: "~" + secret + "~", "z": "kept"})
    hidden = json.dumps("~" + secret + "~")[1:-1]
    for _ in range(depth):
        text, hidden = json.dumps({"text": text}), json.dumps(hidden)[1:-1]
    result = redacted(text)
    assert hidden not in result
    assert "kept" in result
    for _ in range(depth):
        result = json.loads(result)["text"]
    assert json.loads(result) == {"a": 1, name: REDACTED, "z": "kept"}


@settings(max_examples=examples(150))
@given(secret=SECRET_TEXT)
def test_a_python_repr_shows_no_secret(secret):
    value = {"n": 1, "password": "~" + secret + "~", "z": "kept"}
    assert redacted(repr(value)) == repr({**value, "password": REDACTED}).replace(
        repr(REDACTED), repr("~" + secret + "~")[0] + REDACTED + repr("~" + secret + "~")[0]
    )


@settings(max_examples=examples(100))
@given(secret=SECRET_TEXT)
def test_a_query_string_shows_no_secret(secret):
    query = urlencode({"user": "bob", "password": secret, "z": "kept"})
    assert redacted(query) == f"user=bob&password={REDACTED}&z=kept"
    shown = redacted("next=" + quote(query, safe=""))
    for written in (REDACTED, "password", "user", "next"):  # the secret may be a part of one
        shown = shown.replace(written, "\0")
    assert quote(secret, safe="") not in shown


@settings(max_examples=examples(100))
@given(
    before=st.text(st.characters(codec=None), max_size=20),
    after=st.text(st.characters(codec=None), max_size=20),
    token=st.sampled_from(["ghp_" + ALNUM, JWT, PEM, "glpat-" + ALNUM[:20]]),
)
def test_a_token_is_found_between_any_other_text(before, after, token):
    assert token not in redacted(f"{before} {token} {after}")


@settings(max_examples=examples(200))
@given(
    text=st.one_of(
        st.text(st.characters(codec=None), max_size=60),
        st.text(
            "pasword=:\"{}[](),\\' -@/&%<>\uff1a19\u0660\u212a\u017f\0\ud800BERarbsic", max_size=80
        ),
        st.lists(
            st.sampled_from(
                [
                    *TOKENS,
                    JWT,
                    "password",
                    "=",
                    ": ",
                    '"',
                    "'",
                    "\\",
                    "{",
                    "}",
                    "bearer ",
                    "BASIC dXNlcjpwYXNz",
                    "\u017f",
                    "4111 1111 1111 1111",
                    "://a:b@c",
                    "u:p@host",
                    "('password', 'x')",
                    "PASSWORD 'x'",
                    "\uff1d",
                    "\0",
                    " ",
                ]
            ),
            max_size=8,
        ).map("".join),
    ),
    cut=st.booleans(),
)
def test_the_prefilter_passes_every_text_in_which_a_shape_is_found(text, cut):
    possible = shapes_possible(["a", text, "\0", "b"], [False, cut, False, False], ALL).get(
        1, set()
    )
    for shape in SHAPES:
        spans = list(shape.find(text, is_cut=cut))
        assert all(0 <= start < end <= len(text) for start, end in spans), (shape.name, spans)
        if spans:
            assert shape.name in possible


@settings(max_examples=examples(100))
@given(
    texts=st.lists(
        st.one_of(
            st.text("pasword= x\0'", max_size=20),
            st.sampled_from([*TOKENS[:4], JWT, "plain", "", "\0", "a=1", "password=x", "12:30"]),
        ),
        max_size=12,
    )
)
def test_a_batch_gives_what_each_text_gives_alone(texts):
    assert rules().redact_texts(texts) == [redacted(text) for text in texts]
    both = rules()
    both.redact_texts(texts)
    assert both.redact_texts(texts) == [redacted(text) for text in texts]


@settings(max_examples=examples(100))
@given(text=st.text("pasword=:\"{}[]\\' -@/&%<>", max_size=60))
def test_redacting_again_shows_no_more(text):
    once = redacted(text)
    again = redacted(once)
    assert len(again.replace(REDACTED, "")) <= len(once.replace(REDACTED, ""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x " + PEM[:40], f"x {REDACTED}"),
        ("Bearer ab", f"Bearer {REDACTED}"),
        ("x basic dXN", f"x basic {REDACTED}"),
        ("x eyJhbGciOiJIU", f"x {REDACTED}"),
        ("x " + JWT[:40], f"x {REDACTED}"),
        ("postgres://user:pa", f"postgres://{REDACTED}"),
        ("card 4111 1111 11", f"card {REDACTED}"),
        ("card 4111 1111 1111 1111", f"card {REDACTED}"),
        ("card 41111", "card 41111"),
        ("at 1700000000", "at 1700000000"),
        ("is 0.41111111", "is 0.41111111"),
        ('{"password": "ab', f'{{"password": "{REDACTED}'),
        ('{"credentials": {"a": "b', f'{{"credentials": {REDACTED}'),
        ("nothing here", "nothing here"),
        ("", ""),
    ],
)
def test_a_shape_that_reaches_the_cut_is_replaced_to_the_end(text, expected):
    assert redacted(text, cut=True) == expected


def test_a_text_known_clean_is_judged_again_when_it_is_a_cut_one():
    both = rules()
    assert both.redact_texts(["x eyJhbGci"]) == ["x eyJhbGci"]
    assert both.redact_texts(["x eyJhbGci"], [True]) == [f"x {REDACTED}"]


@pytest.mark.parametrize(
    ("attack", "size"),
    [
        ("eyJ", 1),
        ("eyJa.", 1),
        ("://a:", 1),
        ("://a:b", 1),
        ("@", 1),
        ("://a@b:", 1),
        ("\\", 1),
        ('\\"', 1),
        ('password="\\', 1),
        ("password=[", 1),
        ("password='", 1),
        ("a=", 1),
        ("a.", 1),
        ("a ", 1),
        (" = ", 1),
        ("password=,", 1),
        (",&;", 1),
        ("--a ", 1),
        ("--password ", 1),
        ("<a", 1),
        ("<token>", 1),
        ("1 ", 8),
        ("11-", 4),
        ("1", 1),
        ("-----BEGIN PRIVATE", 1),
        ("-----BEGIN A PRIVATE KEY", 1),
        ("BEGIN ", 1),
        ("bearer ", 1),
        ("bearer a", 1),
        ("sk-", 1),
        ("a_", 1),
        ("| password ", 1),
        ("|password|x|\n", 1),
        ("ENV PASSWORD ", 1),
        ("login a password ", 1),
        ("Private-Lines: 1\n", 1),
        ("sk_a1", 1),
        ("x_live_aB3dE5gH7jK9mN1pQ3s.", 1),
        ("%41", 1),
        ("%2525", 1),
        ("p\0a\0", 1),
        ("pi_aaaaaaaaaa", 1),
        ("ghp_", 1),
        ("xoxb-", 1),
        ("hooks.slack.com/a/", 1),
        ("dp.pt.", 1),
        ("SG.a", 1),
        ("\x1b[1", 1),
        ("\n\n", 1),
        ("\u0660", 1),
        ("\ud800", 1),
        ("secret key ", 1),
    ],
)
@pytest.mark.timeout(60)  # quadratic behaviour would take ten times as long
def test_a_hostile_long_text_is_judged_without_hanging(attack, size):
    text = attack * (400_000 // size // len(attack))
    for cut in (False, True):
        assert len(redacted(text, cut=cut)) <= len(text) * (len(REDACTED) + 1)


def test_shapes_can_be_chosen_by_name():
    only = rules(pattern("shapes", "jwt, card"))
    assert only.redact_texts([JWT, "4111111111111111", "password=x"]) == [
        REDACTED,
        REDACTED,
        "password=x",
    ]


def test_a_regex_replaces_only_what_it_matches():
    only = pattern("regex", r"INT-[0-9]{4}")
    assert redacted("see INT-1234, INT-99 and INT-5678x", only) == (
        f"see {REDACTED}, INT-99 and {REDACTED}x"
    )
    assert redacted("at INT-12", only, cut=True) == f"at {REDACTED}"
    assert redacted("at INT-12", only) == "at INT-12"
    assert redacted("abc", pattern("regex", "x*")) == "abc"


def test_a_glob_and_a_literal_replace_the_whole_text():
    assert redacted("internal: x", pattern("glob", "internal:*")) == REDACTED
    assert redacted("my internal: x", pattern("glob", "internal:*")) == "my internal: x"
    assert redacted("swordfish", pattern("literal", "swordfish")) == REDACTED
    assert redacted("swordfish1", pattern("literal", "swordfish")) == "swordfish1"
    assert redacted("swordf", pattern("literal", "swordfish"), cut=True) == REDACTED
    assert redacted("", pattern("glob", "**")) == ""


def test_overlapping_matches_become_one_sentinel():
    assert redacted("abcdef", pattern("regex", "abcd"), pattern("regex", "cdef")) == REDACTED


def test_a_newer_allow_keeps_its_part_and_nothing_else():
    allow = pattern("regex", r"4111 1111 1111 1111", Action.ALLOW)
    shapes = pattern("shapes", "all")
    text = "card 4111 1111 1111 1111, password=x"
    assert redacted(text, allow, shapes) == f"card 4111 1111 1111 1111, password={REDACTED}"
    assert redacted(text, shapes, allow) == f"card {REDACTED}, password={REDACTED}"


def test_an_allow_that_covers_only_a_part_of_a_match_does_not_save_it():
    allow = pattern("regex", "4111", Action.ALLOW)
    assert redacted("4111 1111 1111 1111", allow, pattern("shapes", "card")) == REDACTED


def test_a_shape_can_be_allowed():
    assert redacted(JWT, pattern("shapes", "jwt", Action.ALLOW), pattern("shapes", "all")) == JWT


def test_drop_is_told_apart_and_an_allow_or_redact_before_it_decides():
    drop = pattern("regex", "top-secret", Action.DROP)
    assert rules(drop).drops("a top-secret b")
    assert not rules(drop).drops("a public b")
    assert not rules(pattern("glob", "a*", Action.ALLOW), drop).drops("a top-secret b")
    assert not rules(pattern("regex", "top-secret"), drop).drops("a top-secret b")
    assert rules(pattern("regex", "top"), drop).drops("a top-secret b")
    assert rules(drop).drops("a top-se", is_cut=True) is False
    assert rules(pattern("shapes", "all", Action.DROP)).drops(f"x {JWT}")
    assert not rules().has_drops
    assert rules(drop).has_drops


def test_what_should_have_been_dropped_is_not_shown_by_redaction_alone():
    both = rules(pattern("regex", "top-secret", Action.DROP))
    assert both.redact_texts(["a top-secret b"]) == [f"a {REDACTED} b"]
    assert both.drops("a top-secret b")


@pytest.fixture
def slow(monkeypatch):
    """A pattern that hangs on text the loader's probe did not try."""
    import regex

    from codetracer_otel.filters.patterns.regex import Expression
    from codetracer_otel.filters.secrets import content_rules

    class Hanging:
        def sub(self, *args, **kwargs):
            raise TimeoutError

    hanging = Expression(regex.compile("x"), needs_limit=True)
    object.__setattr__(hanging, "compiled", Hanging())
    monkeypatch.setattr(content_rules, "compile_expression", lambda _: hanging)


def test_a_pattern_that_takes_too_long_redacts_everything_and_is_reported_once(slow):
    told = []
    counters = ContentCounters()
    hanging = rules(
        pattern("regex", "."),
        counters=counters,
        notify=lambda event, **facts: told.append((event, facts)),
    )
    assert hanging.redact_texts(["one", "two"]) == [REDACTED, REDACTED]
    assert counters.timeouts == 2
    assert told == [
        (
            "value_pattern_timeout",
            {"level": "warning", "selector": SOURCE.selector, "file": SOURCE.file, "line": 7},
        )
    ]


def test_a_pattern_that_times_out_again_and_again_hides_at_once_and_says_so_once(slow):
    told = []
    counters = ContentCounters()
    hanging = rules(
        pattern("regex", "."), counters=counters, notify=lambda event, **_: told.append(event)
    )
    texts = [str(number) for number in range(100)]
    assert hanging.redact_texts(texts) == [REDACTED] * 100
    assert counters.timeouts == MOST_TIMEOUTS
    assert counters.redactions == {"pattern": 100}
    assert told == ["value_pattern_timeout", "pattern_given_up"]


def test_a_timeout_counts_as_a_match_for_drop_and_as_none_for_allow(slow):
    assert rules(pattern("regex", ".", Action.DROP)).drops("x")
    assert redacted("x", pattern("regex", ".", Action.ALLOW), pattern("literal", "x")) == REDACTED


def test_redactions_are_counted_by_kind():
    counters = ContentCounters()
    both = rules(pattern("shapes", "all"), pattern("regex", "zzz"), counters=counters)
    both.redact_texts([JWT, "password=x token=y", "zzz", "clean"])
    assert counters.redactions == {"jwt": 1, "named": 2, "pattern": 1}
    assert both.counters is counters


@pytest.mark.parametrize(("length", "count"), [(10, 10_000), (400, 5_000), (3000, 100)])
def test_the_set_of_clean_texts_is_bounded(length, count):
    both = rules(known=KnownSecrets())
    for number in range(0, count, 50):
        texts = [f"text {n}".ljust(length, " ") for n in range(number, number + 50)]
        assert both.redact_texts(texts) == texts
        for remembered in (both._clean, both._shapeless):
            assert len(remembered) <= 8192
            assert sum(map(len, remembered)) <= 2**20
            assert all(len(text) <= 2048 for text in remembered)
        if number % 1000 == 0:
            both.known.learn(f"tok-9911-{number}", "arg password")


def test_a_long_text_that_was_clean_is_judged_no_more(monkeypatch):
    both = rules()
    text = "Traceback: " + "line one = two\n" * 100
    assert both.redact_texts([text]) == [text]
    monkeypatch.setattr(type(both), "_judge", lambda *_args, **_kwargs: 1 / 0)
    assert both.redact_texts([text]) == [text]


def test_a_cut_text_that_was_clean_is_judged_no_more(monkeypatch):
    both = rules()
    text = "line one = two\n" * 100
    assert both.redact_texts([text, "x"], [True, False]) == [text, "x"]
    monkeypatch.setattr(type(both), "_judge", lambda *_args, **_kwargs: 1 / 0)
    assert both.redact_texts([text, "x"], [True, False]) == [text, "x"]


def test_a_cut_text_that_was_clean_is_judged_again_once_its_end_may_be_of_a_known_secret():
    both = rules(known=KnownSecrets())
    text = "x " * 100 + "tok-9911-half"
    assert both.redact_texts([text], [True]) == [text]
    both.known.learn("tok-9911-half-and-half", "arg password")
    assert "tok-9911" not in both.redact_texts([text], [True])[0]


def test_a_cut_text_in_which_something_was_replaced_is_replaced_again():
    both = rules()
    for _ in range(2):
        assert both.redact_texts(["x eyJhbGci", "y"], [True, True]) == [f"x {REDACTED}", "y"]
    assert both.redact_texts(["x eyJhbGci"]) == ["x eyJhbGci"]
    assert both.redact_texts(["x eyJhbGci"], [True]) == [f"x {REDACTED}"]


def test_a_text_is_not_taken_for_clean_when_judging_it_failed(monkeypatch):
    both = rules()
    monkeypatch.setattr(type(both), "_parts", lambda *_args, **_kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        both.redact_texts(["password=x"])
    monkeypatch.undo()
    assert both.redact_texts(["password=x"]) == [f"password={REDACTED}"]


@pytest.mark.parametrize(
    ("match", "text", "message"),
    [
        ("words", "secret", "not for values"),
        ("fuzzy", "secret", "not for values"),
        ("shapes", "jwt,karte", "unknown shape 'karte'.*credentials, jwt"),
        ("shapes", "", "unknown shape ''"),
        ("regex", "(", "not closed"),
        ("glob", "[", "\\["),
    ],
)
def test_a_bad_pattern_is_refused_with_what_is_accepted(match, text, message):
    with pytest.raises(ValueError, match=message):
        rules(pattern(match, text))
