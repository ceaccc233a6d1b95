"""Tokens of vendors that nobody listed are found by how they are built; digests and names stay."""

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.types import Action, RuleSource

DIGEST = "d41d8cd98f00b204e9800998ecf8427e"
LONG = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MIXED = "q7Rt2WmZ9xKd4LpB8vNc3Y"
SMALL = "k3v9qz7m2xw8b4tj6n1y5rpd0gfhlcsu"
RULES = compile_content(
    [ContentPattern("shapes", "token", Action.REDACT, RuleSource("<builtin:default>", 1))]
)


def redacted(text):
    return RULES.redact_texts([text])[0]


UUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


def bot_token(pick):
    number = base64.b64encode(str(pick.randrange(10**17, 10**19)).encode()).decode().rstrip("=")
    code = "".join(pick.choices(string.ascii_letters + string.digits + "_-", k=38))
    return f"{number}.Gx3_aB.{code}"


@pytest.mark.parametrize("seed", range(20))
def test_the_token_of_a_discord_bot_is_found(seed):
    token = bot_token(random.Random(seed))
    for text in (token, f"Authorization: Bot {token}", f'{{"t": "{token}"}}'):
        assert token[-8:] not in redacted(text)


@pytest.mark.parametrize(
    "token",
    [
        f"fc-{DIGEST}",
        f"ctx7sk-{UUID}",
        f"t.{MIXED[:8]}-{MIXED}_{MIXED[9:]}-{MIXED}",
        f"vk1.a.{MIXED[:8]}-{MIXED}_{MIXED[9:]}-{MIXED}",
        f"perm-{MIXED[:10]}=.{MIXED[:8]}.{MIXED}",
        f"MLY|4711081512345678|{DIGEST}",
        "placid-4z33ncawnrgobdiv-4x9e0uxd5laxav7q",
        "rf_GdyocjKbtAHiRqSPjmrSzx1osvnc",
        f"https://open.example.cn/bot/v2/hook/{UUID}",
        f"https://chat.example.com/hooks/65f1c0ffee65f1c0ffee65f1/{MIXED}",
        f"v1:{MIXED}Qz:{MIXED[::-1]}7k",
        f"wk-1.{LONG}",
        "sn4_k3v9qz7m2xw8b4tj6n1y5rpd0gfh",
        f"zpka_{DIGEST}_0a1b2c3d",
        f"bpk-{LONG}",
        f"mlsn.{LONG}",
        f"as-{MIXED}",
        f"unkey_{MIXED}",
        f"ajkey_{SMALL}",
        f"lip_{MIXED[:20]}",
        "pb_q7Rt2-mZ9xKd_4LpB8vNc3",
        f"ser.{MIXED}",
        f"tkn.v1_{MIXED * 3}=",
        f"hawk.{MIXED[:18]}.{MIXED[4:]}",
        f"ptr_{MIXED}+{MIXED}/{MIXED}=",
        f"na1.{MIXED}/{MIXED}+{MIXED}",
        f"QN_{DIGEST}",
        f"bpk8_{LONG}",
        f"dvc_server_{DIGEST}_0a1b2c3",
        f"standard_{LONG * 4}",
        f"ucat_{'01DQE3AJ5EBFLEKI' + 'U9M558TGH2'}",
        f"API_KEY{SMALL.upper()}",
        f"KEY{DIGEST}_{MIXED}",
        f"plainApiKey_{MIXED * 2}",
        "live_sk_JTGvsxsXBraLEKHmNebmCx",
        f"wkt_{UUID}",
        f"item_wkt_{UUID}_item",
        f"RGAPI-{UUID}",
        f"prtapi_{DIGEST}",
        f"item_fhb-{DIGEST}",
        f"itemfhb-{DIGEST}",
        f"itemsk_{LONG}",
        f"bb_pr_{DIGEST[:30]}",
        f"master-{MIXED[:20]}",
        f"oauth:{SMALL}",
        f"luma-{UUID}-{UUID}",
        f"secret-token:{MIXED}",
    ],
)
def test_what_stands_behind_a_vendors_own_abbreviation_is_found(token):
    for text in (token, f"got {token}, ok", f"https://host/p?q={token}&b=1"):
        assert token[-8:] not in redacted(text)


@pytest.mark.parametrize(
    "token",
    [
        f"{MIXED}tt-123456-{MIXED}",
        f"{MIXED[:16]}_{MIXED}-{MIXED}",
        f"{MIXED[:8]}.{MIXED}{MIXED}",
        f"{UUID}.{'a1b2c3d4e5' * 4}",
        f"{DIGEST[:24]}:{LONG}",
        f"{MIXED}==:{MIXED}{MIXED}",
        f"0.{UUID}.{MIXED}{MIXED[:8]}:{MIXED}==",
        f"Ijc3ODhiNzU0Ig.aR3xYz.{MIXED}_{MIXED[:4]}",  # itsdangerous
    ],
)
def test_parts_that_are_all_drawn_at_random_need_no_prefix(token):
    for text in (token, f"got {token}, ok", f"https://host/p?q={token}&b=1", f"['a\\n{token}']"):
        assert token[-8:] not in redacted(text)


@pytest.mark.parametrize(
    "token",
    [
        f"xprv9s21ZrQH143K{MIXED * 4}",
        f"AKLT{MIXED * 2}",
        f"grtu{LONG[:60]}",
        f"qx{UUID}",
        f"a1b2C3.d4E5f6:{MIXED}{MIXED}",
        f"1234${LONG[:60]}",
        f"nsec1{SMALL}{SMALL[4:]}",
    ],
)
def test_a_token_in_one_piece_needs_no_separator(token):
    positions = ("{}", "got {}, ok", "https://host/p?q={}&b=1", "['a\\n{}']", "/hooks/{}/send")
    for position in positions:
        assert token[-8:] not in redacted(position.format(token))


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        LONG,
        f"chapter-{UUID}",
        f"order-user-{LONG[:40]}",
        f"0x{'aB3dE5f7A9' * 4}",
        f"Qm{MIXED * 2}",
        f"pkg/__init__.py,sha256={MIXED}-{MIXED[:20]},7696",
        f"data:image/png;base64,{MIXED}{MIXED}{MIXED}+{MIXED}",
        f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{MIXED * 2} me@host",
        f"{MIXED}{MIXED}{MIXED[:16]}\n{MIXED[7:]}{MIXED}{MIXED[:23]}\n{MIXED[3:]}{MIXED[:3]}==",
        base64.b64encode(b"the quick brown fox jumps over 13 lazy dogs and 7 cats").decode(),
        f"sha256:{LONG}",
        f"file_{DIGEST}",
        f"city_{DIGEST}",
        f"service_{DIGEST}",
        f"fc_{LONG[:48]}",
        f"/static/bpk-{DIGEST}.js",
        f"bpk-{DIGEST}.css",
        f"bpk-{'0' * 32}",
        "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
        f"00-{DIGEST}-00f067aa0ba902b7-01",
        f"cus_{MIXED[:14]}",
        f"index.{LONG}.js",
        "numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "Button_root__a1B2c",
        "v1.2.3-14-gabcdef1",
        f"timer_{DIGEST}",
        f"session-{UUID}",
        f"user_{UUID}",
        f"{DIGEST}.{'0a' * 8}.js",
        "workspace_01h2xcejqtf2nbrexx3vqjhp41",
        f"sha512-{base64.b64encode(bytes(range(0, 256, 4))).decode()}",
        "self.getSomeValue2FromTheNextCell.toString",
        f"/static/main.{MIXED}.js",
        "requests.adapters.HTTPAdapter2WithRetries.sendAll",
    ],
)
def test_digests_identifiers_and_files_stay(text):
    assert redacted(text) == text


@given(st.text("0123456789abcdef", min_size=32, max_size=128))
def test_hexadecimal_digits_alone_are_no_secret(digits):
    assert redacted(digits) == digits


GLUES = (
    "{}",
    "order{}",
    "Order{}",
    "order_{}",
    "my_order-{}",
    "{}_order",
    "17{}",
    "令牌{}结束",
    "got|{}|",
)


@pytest.mark.parametrize("glue", GLUES)
@pytest.mark.parametrize(
    "token",
    [
        f"ghp_{MIXED}{MIXED[:14]}",
        f"SK{DIGEST}",
        f"LTAI{MIXED[:20]}",
        f"fc-{DIGEST}",
        f"SG.{MIXED}.{MIXED}{MIXED}",
        f"crsr_{LONG}",
        f"bpk8_{LONG}",
        f"sk_{MIXED}{MIXED}",
    ],
)
def test_what_is_glued_to_a_token_does_not_show_it(token, glue):
    assert token[-8:] not in redacted(glue.format(token))


@pytest.mark.parametrize(
    "token",
    [
        f"xoxq-123456789012-123456789012-{DIGEST}",
        f"dxp_v1_{LONG}",
        f"PMXK-{DIGEST[:24]}-{DIGEST}",
        "AKXAQ7RT2WMZ9XKD4LPB",
        f"{MIXED}{MIXED[:6]}",
        f"{MIXED[:12]}_{MIXED[:10]}-{MIXED[:9]}",
        f"pxt{MIXED[:14]}.{LONG}",
        f"https://hooks.example.com/services/T0/B1/{MIXED}",
        f"https://quiet-sea-1234.example.com/webhook/{DIGEST}",
        f"gxpl-na1-{MIXED}",
        f"rk-qv-{UUID}",
        f"item_pat_xqo_{UUID}",
        f"ludash_{LONG}",
        f"bos_{LONG[:48]}",
        MIXED + MIXED[:20] + MIXED,  # as long as a digest of 48 bytes
        f"{MIXED}0{MIXED[1:]}",  # as long as one of 32 bytes with its `=`, which this has not
        f"request-bnk_live_{MIXED}",
    ],
)
def test_what_unlisted_vendors_build_as_listed_ones_do_is_found(token):
    for text in (token, f"got {token}, ok"):
        assert token[-8:] not in redacted(text)


KINDS = [
    "cart",
    "cust",
    "corr",
    "stripe",
    "kube",
    "ceph",
    "argo",
    "veth",
    "reqid",
    "docid",
    "velero",
]


@pytest.mark.parametrize(
    "text",
    [
        f"snapshot_{DIGEST}",
        *(f"{word}_{LONG}" for word in ["session", "action", "info", "alive", "alteration"]),
        f"ludash-{LONG}",
        f"msg_{LONG[:50]}",
        *(f"{kind}_{LONG[:48]}" for kind in ["ftjob", "trk"]),
        *(f"{kind}_{LONG[:size]}" for size in (48, 64) for kind in KINDS),
        f"to {MIXED * 2}",  # 32 and 64 bytes in base58: accounts and signatures of blockchains
        f"to {MIXED * 4}",
        f"to {(MIXED * 4)[:86]}",
        f"strlen_{DIGEST}",
        f"packet-{DIGEST}",
        f"texture_{DIGEST}",
        f"orderuser_{DIGEST}",
        f"order_user_{DIGEST}",
        f"chatcmpl-{MIXED}{MIXED[:6]}",
        f"sha512-{MIXED}{MIXED[:14]}",
        "SeamlessM4Tv2TextToUnitModel",
        "PPDocLayoutV2FrozenBatchNorm2d",
        "Qwen2_5OmniVisionEncoderConfig",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "ORDER2024ABCDEFGHIJKLMN",
        f"/static/bpk-{DIGEST}_small.css",
        "https://example.com/webhooks/order-created-2024-01-17",
        f"https://example.com/webhooks/{UUID}/deliveries",
        f"pvc-{UUID}",
        f"svc-{UUID}",
        f"service_{UUID}",
        f"prod-gx-{UUID}",
        f"pat-run-{UUID}",
        f"1700000000|{DIGEST}",
        "Source_SourceBadBytecodePEP451",
        "Frozen_LineEndingTestPEP302",
        "MCC_SelectMultiClamp700B",
    ],
)
def test_words_with_digests_names_of_classes_and_identifiers_are_no_tokens(text):
    assert redacted(text) == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", "\\r\\n"])
@pytest.mark.parametrize("width", [64, 76])
def test_base64_stays_whole_however_its_lines_end(end, width):
    data = base64.b64encode(random.Random(width).randbytes(400)).decode()
    lines = [data[begin : begin + width] for begin in range(0, len(data), width)]
    text = f"Content:{end}{end}{end.join(lines)}{end}"
    assert redacted(text) == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n"])
def test_lines_that_begin_alike_are_a_list_of_tokens_however_they_end(end):
    tokens = [f"Kx7{MIXED[begin:]}{MIXED[:begin]}a{begin}Q" for begin in range(3)]
    shown = redacted(end.join([f"got{end}", *tokens, ""]))
    assert not [token for token in tokens if token[-8:] in shown]


@pytest.mark.parametrize(
    "said",
    [
        "using token {}", "the API key {} was rejected", "secret is {}.", "invalid access_key '{}'",
        "license key = {}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("digits", [DIGEST, f"dev-{DIGEST}", f"sa-{LONG[:40]}", f"chapter-{UUID}"])
def test_digits_are_no_digest_where_the_text_says_what_they_are(said, digits):
    assert digits[-8:] not in redacted(said.format(digits))


@pytest.mark.parametrize(
    "text", [f"token count {DIGEST}", f"tokenizer {DIGEST}", f"monkey {UUID}", f"dev-{DIGEST}"]
)
def test_digits_behind_other_words_stay(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    "said",
    [
        "Issued token for {}", "API key of {}", "no secret with {}", "auth key for device-{}",
        "revoked the access key of user-{}", "unexpected token {}", "Unexpected token: '{}'",
        "expected token {}", 'unrecognized token: "{}"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("digits", [UUID, DIGEST, LONG[:40]])
def test_whose_token_it_is_and_what_a_parser_read_is_no_token(said, digits):
    assert redacted(said.format(digits)) == said.format(digits)


@pytest.mark.parametrize(
    "token",
    [
        f"af_{LONG}",
        f"order_sf_{LONG}",
        f"ZQK-{LONG}",
        f"oat_{LONG[:48]}",
        f"kat_{LONG[:48]}",
        f"acme_authcode_{DIGEST}",
        f"acme_live_sk_{LONG[:24]}",
        f"acme-session-{MIXED}{MIXED[::-1]}",
        f"session_token_{DIGEST}",
        f"2T8kqXw9ZpLrVd3M{UUID}",
        f"{MIXED}9w",
        "PRDQ7H2XK9V4M1ZB8TC6WN3RJ5LGD0FYSA7E4UQ2",
    ],
)
def test_keys_with_initials_or_of_a_length_that_no_digest_has_are_found(token):
    assert redacted(f"got {token} ok") == "got <redacted> ok"


@pytest.mark.parametrize(
    "text",
    [
        f"ip_{LONG}",
        f"session-{UUID}",
        f"session_{LONG}",
        f"session-{MIXED}",
        f"acme_token_{LONG[:24]}",
        f"is-{LONG}",
        f"sf-{LONG}",
        f"sf-{LONG[:40]}",
        f"cache_{LONG[:48]}",
        f"user_{LONG[:48]}",
        f"msg_{LONG[:48]}",
        f"oat-{LONG[:48]}",
        f"fchownat_{DIGEST}",
        f"msghdr-{LONG[:40]}",
        f"getpgid_{LONG}",
    ],
)
def test_digests_behind_small_words_and_names_of_c_stay(text):
    assert redacted(f"got {text} ok") == f"got {text} ok"


@pytest.mark.parametrize("before", ["", "order", "Ticket", "my_", "x17"])
def test_the_token_of_intercom_is_found_glued_to_anything(before):
    token = base64.b64encode(b"tok:" + LONG[:40].encode()).decode()
    assert token[-8:] not in redacted(f"got {before}{token}")


@pytest.mark.parametrize(
    "token",
    [
        *(f"{name}_{LONG}" for name in ("kestrel", "portus", "ask", "shms", "x_s", "o8pw", "ja6k")),
        *(f"{name}_{LONG[:40]}" for name in ("argos", "uten", "ask", "sf")),
        *(f"cr{separator}{LONG[:58]}" for separator in "_-"),
        f"egb2b_{LONG[:48]}",
        f"aska_{LONG[:36]}",
        f"order_ask_{LONG}",
        f"warehousekat_{LONG}",
        f"EED-{LONG}",
    ],
)
def test_as_many_digits_as_keys_have_are_found_behind_short_names_that_programs_may_have(token):
    assert redacted(f"got {token} ok") == "got <redacted> ok"


@pytest.mark.parametrize(
    "text",
    [
        *(f"{name}_{LONG}" for name in ("frame", "asset", "clip", "k8s", "svg", "alice", "p2p")),
        *(f"{name}_{LONG[:40]}" for name in ("portus", "build", "frame", "svg")),
        *(f"{name}-{LONG[:58]}" for name in ("frame", "textures", "alteration")),
        f"order-ab3f_{LONG}",
        f"order_item_ask_{LONG}",
        f"userframe_{LONG}",
        f"ask_{LONG[:56]}",
    ],
)
def test_digests_and_identifiers_behind_words_stay(text):
    assert redacted(f"got {text} ok") == f"got {text} ok"


@pytest.mark.parametrize("public", ["1a2b3c4d", "0123456789ab"])
@pytest.mark.parametrize("name", ["hlq_ag", "kestrel", "portus"])
def test_digits_by_which_a_key_is_looked_up_do_not_show_its_secret(name, public):
    assert redacted(f"got {name}_{public}_{LONG} ok") == "got <redacted> ok"


@pytest.mark.parametrize("name", ["layer", "frame", "1a2b3c4d"])
def test_digits_behind_a_word_and_others_stay(name):
    assert LONG in redacted(f"got {name}_1a2b3c4d_{LONG} ok")


@pytest.mark.parametrize("behind", ["_backup", "-backup", "-order-backup", "_order-copy"])
def test_words_behind_digits_do_not_show_them(behind):
    assert DIGEST not in redacted(f"got zqk_{DIGEST}{behind} ok")
    assert redacted(f"got order_{DIGEST}{behind} ok") == f"got order_{DIGEST}{behind} ok"


@pytest.mark.parametrize("before", ["CORP\\", "got CORP\\", 'user="AD-EU\\\\'])
def test_digits_are_found_behind_the_domain_of_a_login(before):
    assert redacted(f"{before}zqk_{DIGEST}") == f"{before}<redacted>"


@pytest.mark.parametrize("folder", ["C:\\Users\\", "C:\\TMP\\", "\\\\HOST\\"])
def test_a_file_of_windows_is_behind_no_domain(folder):
    assert redacted(f"{folder}zqk_{DIGEST}") == f"{folder}zqk_{DIGEST}"


def base64_of(count):
    return base64.b64encode(random.Random(count).randbytes(count)).decode()


@pytest.mark.parametrize("count", [40, 50, 56, 100, 128])
@pytest.mark.parametrize(
    "position",
    ["{}", "got {}, ok", '{{"key": 1, "item": "{}"}}', "a:{}", "['a\\n{}']", "q=keep+{}&b=2"],
)
def test_base64_with_its_end_is_a_key_where_no_digest_has_as_much(count, position):
    text = position.format(base64_of(count))
    assert redacted(text) == position.format("<redacted>")


@pytest.mark.parametrize("count", [16, 32, 64, 151, 400])
def test_digests_and_long_data_in_base64_stay(count):
    assert redacted(f"got {base64_of(count)} ok") == f"got {base64_of(count)} ok"


@pytest.mark.parametrize("beginning", ["H4sI", "iVBORw0K", "MIIB", "/9j/", "eJw", "gASV"])
def test_files_in_base64_stay(beginning):
    data = f"{beginning}{base64_of(100)[len(beginning) :]}"
    assert redacted(f"got {data} ok") == f"got {data} ok"


BEHIND_TELLING = [
    *(f"{before}{UUID}" for before in (
        "apikey_sp_", "acme_api_", "mb_api_", "lin_api_", "fly_api_", "tok-td-", "notion-key-",
        "acme_key_", "lin_key_", "render_key_", "test_clerk_", "zpfoauth-",
    )),
    *(f"{before}{digest}" for digest in (DIGEST, LONG[:40]) for before in (
        "acme_key_", "lin_key_", "render_key_", "key_turso_", "key-lin-", "api_sa_", "test_clerk_",
        "slackapi-",
    )),
    *(f"{before}{token}" for token in (SMALL[:24], SMALL[:24].upper()) for before in (
        "slack-", "SLACK_", "FLY-", "hook_", "render-", "key-lin-",
    )),
]  # fmt: skip


@pytest.mark.parametrize("token", BEHIND_TELLING)
def test_vendors_whose_names_programs_have_too_are_vendors_beside_what_tells(token):
    for text in (token, f"got {token}, ok", f"X-Header: {token}"):
        assert token[-8:] not in redacted(text)


OBJECT_ID = "507f1f77bcf86cd799439011"


@pytest.mark.parametrize(
    "text",
    [f"/patients/pat_{OBJECT_ID}", f"got pat_{OBJECT_ID} ok", f"order_pat-{OBJECT_ID}"],
)
def test_an_object_s_identifier_behind_pat_is_shown(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    "token",
    [
        f"pat_a{OBJECT_ID[1:]}",  # of no time
        f"acme_pat_{OBJECT_ID}",
        f"zqk_pat_{OBJECT_ID}",
        f"api_pat_{OBJECT_ID}",
        f"sk_{OBJECT_ID}",
        f"pat_{OBJECT_ID}{OBJECT_ID[:8]}",
    ],
)
def test_what_is_no_object_s_identifier_or_beside_a_secret_s_name_is_found(token):
    assert token not in redacted(f"got {token} ok")
