"""Unlisted tokens are found wherever they stand: on lines, in paths, in forms, glued, in pairs."""

import base64
import random
import sys

import pytest
from benchmarks.redaction_corpus import POSITIONS, fill
from tests.filters.secrets.escapes import BEFORE_SECRETS

from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.secrets.shapes import digests, glue, opaque
from codetracer_otel.filters.types import Action, RuleSource

RULES = compile_content(
    [ContentPattern("shapes", "token", Action.REDACT, RuleSource("<builtin:default>", 1))]
)
DRAWN = 20
# Of what is drawn some looks ordinary.
FOUND = 0.85


def found(template, position):
    """Return which share of the tokens of a template is gone from a position."""
    pick = random.Random(template)
    tokens = [fill(template, pick) for _ in range(DRAWN)]
    shown = RULES.redact_texts([position(token) for token in tokens])
    return sum(t[-8:] not in text for t, text in zip(tokens, shown, strict=True)) / DRAWN


TELLING = (
    "acme_live_{A32}",
    "zqk_secret_{A32}",
    "sk_{A24}",
    "zqk-{A22}",
    "zqk_{L32}",
    "zqk_{W43}",
    "order_{A28}",
    "acme_sk_test_{L32}",
    "acme_live_{U24}",
    "quodex_{L26}",
)
LINES = (
    "login done\n{}",
    "{}\nfinished\n",
    "username\npassword\n{}",
    "begin\n{}\nend\n",
    "{0}\n{0}\n{0}\n",
    "thisisaverylongwordwithoutanyspaceinside\n{}\nok\n",
)


@pytest.mark.parametrize("template", [*TELLING, "{A24}.{A32}", "{A8}.{A32}"])
@pytest.mark.parametrize("line", LINES)
def test_a_token_on_a_line_of_its_own_is_no_line_of_base64(template, line):
    assert found(template, line.format) >= FOUND


ENDS = ("\n", "\r\n", "\\n", "\\r\\n", "\\\\n")


@pytest.mark.parametrize(
    "line",
    ["{H40}", "{H64}", "{H128}", "{U40}", "{A44}", "{A76}", "{A64}", "{B60}{A2}==", "of1word" * 9],
)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("indent", ["", "  "])
def test_a_token_on_a_line_beside_a_long_one_is_no_line_of_base64(line, end, indent):
    other = fill(line, random.Random(line))
    assert found("{A32}", f"got{end}{indent}{other}{end}{indent}{{}}{end}".format) >= FOUND
    assert found("{A32}", f"got{end}{indent}{{}}{end}{indent}{other}".format) >= FOUND


@pytest.mark.parametrize("length", [40, 44, 52, 60, 64, 76, 80, 88, 90])
@pytest.mark.parametrize("end", ENDS)
def test_a_list_of_tokens_is_no_base64_however_long_they_are(length, end):
    pick = random.Random(length)
    tokens = [fill(f"{{A{length}}}", pick) for _ in range(3)]
    shown = RULES.redact_texts([end.join(["keys:", *tokens, ""])])[0]
    assert not [token for token in tokens if token[-8:] in shown]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("width", [60, 64, 72, 76])
@pytest.mark.parametrize("size", [100, 128, 200, 400, 999])
def test_wrapped_base64_stays_between_words(size, width, end):
    data = base64.b64encode(random.Random(size).randbytes(size)).decode()
    lines = [data[begin : begin + width] for begin in range(0, len(data), width)]
    text = end.join(["Content:", "", *lines, "end", ""])
    assert RULES.redact_texts([text]) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "H4sICM2D1UIAA3RleHQAC8nILFYAokSFktSKEoW0zJxUPa7wzJIMhZLyfIWczLzUYj0uAHTs\n3FYlAAAA",
        "<X>MIIE3zCCBEigAwIBAgIBBTANBgkqhkiG9w0BAQQFADCByzELMAkGA1UEBhMCVVMx\nEzARBgNVBAgTCkNhbGlm",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7\nQOjdAAAAAXNSR0IArs4c6QAAAA9J",
    ],
)
def test_wrapped_base64_is_known_by_how_files_begin(text):
    assert RULES.redact_texts([text]) == [text]


BEHIND_ESCAPES = (*TELLING, "zqk_{H32}", "zqk-{G}", "ZQ{H32}", "zqk.{H64}", "{A24}.{A32}")


@pytest.mark.parametrize("escape", BEFORE_SECRETS)
def test_an_unlisted_token_is_found_behind_what_escapes(escape):
    shares = {
        template: found(template, f"got {escape}{{}} ok".format) for template in BEHIND_ESCAPES
    }
    assert min(shares.values()) >= FOUND, shares


@pytest.mark.parametrize("escape", [e for e in BEFORE_SECRETS if e != "=AD"])  # or AD and digits
@pytest.mark.parametrize("harmless", ["layer-{H64}", "{H40}", "{G}", "sha256:{H64}", "task-{G}"])
def test_a_digest_stays_behind_what_escapes(escape, harmless):
    assert found(harmless, f"got {escape}{{}} ok".format) == 0


@pytest.mark.parametrize("word", ["Order", "Warehouse", "Region"])
@pytest.mark.parametrize(
    "template", ["priv_{H32}", "zqk_{H32}", "Client_Secret_{H40}", "zqk_{L32}"]
)
def test_a_token_is_found_behind_a_word_with_a_capital(word, template):
    assert found(template, (word + "{}").format) >= FOUND


@pytest.mark.parametrize("template", ["acme_production_{G}", "zqk_prod_{H48}", "appToken-{G}"])
def test_a_token_of_several_words_is_found_behind_a_number(template):
    assert found(template, "396{}".format) >= FOUND


def test_tokens_without_a_name_are_hidden_beside_short_lines():
    for line in LINES[:4]:
        assert found("{A32}", line.format) >= FOUND


IN_PATHS = (
    "/{}",
    "POST /{}/send HTTP/1.1",
    "https://h.io/API/{}/send",
    "tenants/T0Z9/{}",
    "x/y/{}",
    "https://h.io/cal/{}.ics",
    "https://h.io/feed/{}.json",
    "https://{}@h.io/",
    "https://h.io/{}",
    "https://h.io/a/{}",
)


@pytest.mark.parametrize("template", TELLING)
@pytest.mark.parametrize("path", IN_PATHS)
def test_a_token_in_a_path_is_no_piece_of_base64(template, path):
    assert found(template, path.format) >= FOUND


@pytest.mark.parametrize("template", ["{A32}", "{A40}", "{D10}-{A40}", "zqk.{H64}", "ZQ{H32}"])
@pytest.mark.parametrize(
    "path", ["https://h.io/API/{}/send", "https://h.io/a/API/{}", "/API/{}", "https://h.io/abc/{}"]
)
def test_a_token_without_a_name_is_found_behind_a_folder(template, path):
    assert found(template, path.format) >= FOUND


@pytest.mark.parametrize("template", ["{A32}", "{A48}", "ZQ{H32}", "zq1{A43}"])
def test_a_token_between_words_of_a_form_is_no_base64(template):
    assert found(template, "note=please+keep+{}+private".format) >= FOUND


@pytest.mark.parametrize("template", ["t.{W86}", "ZQ{H32}", "{H32}.{A32}", "zqk.{H64}"])
def test_a_token_with_a_dot_is_found_where_an_address_ends_like_a_file(template):
    assert found(template, "https://h.io/feed/{}.json".format) >= FOUND


@pytest.mark.parametrize("file", ["zqk.{H64}.js", "ZQ{H32}.png"])
def test_the_name_of_a_file_that_a_bundler_made_stays(file):
    assert found(file, "https://h.io/{}".format) == 0


FORMS = (
    "q=use+{}",
    "note=please+keep+{}+private",
    "q={}+now",
    "q=passwort+{}",
    "user=anna+{}",
    "a=1&Msg=Jeton+mon+{}&b=2",
    "note=bitte+behalten+{}",
)


@pytest.mark.parametrize("template", TELLING)
@pytest.mark.parametrize("form", FORMS)
def test_a_token_in_a_form_is_no_piece_of_base64(template, form):
    assert found(template, form.format) >= FOUND


@pytest.mark.parametrize("path", ["https://h.io/cal/{}.ics", "https://h.io/feed/{}.json"])
@pytest.mark.parametrize("template", ["{A32}", "{A40}"])
def test_a_token_without_a_name_is_hidden_in_an_address_that_ends_like_a_file(template, path):
    assert found(template, path.format) >= FOUND


GLUED = (
    "ACMETOKEN{A24}",
    "dbkey{A24}",
    "SECRET{L32}",
    "acmekey{L40}",
    "mytoken{A24}",
    "acmekey{A41}",
    "Bearer{A42}",
    "apikey{U32}",
    "KEY{U24}",
    "17SECRET{L32}",
    "orderTOKEN{A24}",
    "17grtu{H60}",
    "schedulezqk-{A22}",
    "partnerzqk_{L16}_{L20}",
    "scheduleMZQ-{A24}",
    "item_zqk_{L32}_item",
)


@pytest.mark.parametrize("template", GLUED)
@pytest.mark.parametrize("position", ["{}", "got {}, ok", "https://h.io/a?q={}&b=1", "/feed/{}"])
def test_words_that_are_glued_to_a_token_do_not_matter(template, position):
    assert found(template, position.format) >= FOUND


PAIRS = (
    "{H16}:{L32}",
    "{H32}:{L32}",
    "{H16}.{L32}",
    "{H32}.{U32}",
    "{H32}:{U32}",
    "{H32}.{A32}",
    "{L24}.{L32}",
    "{L24}:{L32}",
    "{U20}.{U32}",
    "{U20}:{U32}",
    "{A24}:{A32}",
)


@pytest.mark.parametrize("template", PAIRS)
@pytest.mark.parametrize(
    "position", ["{}", "got {}, ok", "item={};b=2", "令牌{}结束", "\x1b[31m{}\x1b[0m", "q={}+now"]
)
def test_two_halves_that_are_both_drawn_are_a_token(template, position):
    assert found(template, position.format) >= FOUND


@pytest.mark.parametrize("template", TELLING[:6])
@pytest.mark.parametrize("name", [name for name, put in POSITIONS.items() if put("x") != b""])
def test_a_telling_prefix_is_enough_in_every_position(template, name):
    put = POSITIONS[name]
    if isinstance(put("x"), str):
        assert found(template, put) >= FOUND


@pytest.mark.parametrize(
    "text",
    [
        "service-43ae9df3b-wjjzy",
        "network-3afa06cd2-lqfm4",
        f"sha512-0TDbO7WYXMs5908aCD5tdi3pp6MhQ77DnjTcg8ShA+NcP9zUug/ji/{'qOwDTg2xOwkc27p8' * 2}==",
        "xn--fiqs8sirgfmh.xn--j6w193g",
        "https://xn--fiqs8sirgfmh.xn--j6w193g/p",
        "_ZNSt6vectorIiSaIiEE17_M_realloc_insertIJRKiEEEvN9__gnu_cxx17__normal_iteratorIPiS1_EEDpOT_",
        "undefined symbol: _ZSt16__ostream_insertIcSt11char_traitsIcEERSt13basic_ostreamIT_T0_ES6_",
        "test_ftrs_sklrn_xgb_lgbm_cv5_rs42_v2",
        "exp_bert_lg_lr2e5_bs32_ep3_wd01_fp16",
        "dgesvdx_zgghd3_dlaqz0_dtgsyl",
        "zheevd2_dsyevr_cgeqp3_sgesdd",
        "TLR4_MYD88_NFKB1_IL1B_CXCL8_STAT3",
        "MT4_XAUUSD_H1_RSI14_EMA50_ATR14",
        "BTCUSDT_H4_RSI14_EMA200_ATR14_v3",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@h",
    ],
)
def test_abbreviations_that_are_joined_and_names_of_symbols_stay(text):
    assert RULES.redact_texts([text]) == [text]


AT_ROOT = ("EZAK{A54}", "AIza{W35}", "shpat_{H32}", "pul-{H40}", "dop_v1_{H64}", "QN{H32}", "{A40}")


@pytest.mark.parametrize("template", AT_ROOT)
@pytest.mark.parametrize("path", ["/{}", "GET /{} HTTP/1.1", "see '/{}'"])
def test_a_token_is_no_line_of_base64_because_a_path_begins_with_it(template, path):
    assert found(template, path.format) >= FOUND


@pytest.mark.parametrize("template", ["shpat_{H32}", "pul-{H40}", "zq.qx.{A40}"])
@pytest.mark.parametrize("name", ["ics", "json", "xml", "rss"])
def test_a_token_is_no_file_because_a_feed_ends_like_one(template, name):
    assert found(template, f"https://h.io/feed/{{}}.{name}".format) >= FOUND


@pytest.mark.parametrize(
    "text",
    [
        "https://h.io/static/zqk_{H32}.json",
        "https://cdn.h.io/a/zqk-{H40}.json",
        "https://h.io/i18n/zqk-{H40}.json",
        "assets/zqk-{H40}.json",
        "https://h.io/app/zqk-{H40}.js",
        "/var/cache/zqk-{H40}",
    ],
)
def test_what_bundlers_and_caches_write_is_a_file(text):
    shown = fill(text, random.Random(text))
    assert RULES.redact_texts([shown]) == [shown]


def test_lines_that_begin_alike_are_a_list_of_tokens_and_no_base64():
    assert (
        found("EZAK{A54}", lambda token: f"{token}\n{token[:5]}{token[:4:-1]}\n{token}\n") >= FOUND
    )


@pytest.mark.parametrize("size", [64, 76])
def test_lines_of_wrapped_base64_that_begin_alike_are_data(size):
    pick = random.Random(size)
    lines = ["R0lG" + fill(f"{{A{size - 4}}}", pick) for _ in range(6)]
    text = "\n".join([*lines, "R0lG" + fill("{A40}", pick) + "==", ""])
    assert RULES.redact_texts([text]) == [text]


@pytest.mark.parametrize("form", FORMS)
def test_words_of_a_form_before_a_token_are_no_base64(form):
    assert found("AIza{W35}", form.format) >= FOUND
    assert form.endswith("+now") or found("{A32}", form.format) >= FOUND


def test_a_form_whose_value_is_base64_stays():
    pick = random.Random(7)
    texts = [f"data={base64.b64encode(pick.randbytes(48)).decode()}&b=2" for _ in range(200)]
    signed = [text for text in texts if "+" in text[8:60]]
    assert RULES.redact_texts(signed) == signed


@pytest.mark.parametrize("position", ["[{}]", "tags=[{}, 2]", "[{}"])
@pytest.mark.parametrize("template", ["mk_{H40}", "mzq-{G}", "mx{H32}", "mail_key_{A32}"])
def test_a_bracket_alone_takes_no_letter_of_a_token(template, position):
    assert found(template, position.format) >= FOUND


@pytest.mark.parametrize("before", ["\\", "C:\\", "CORP\\", "\\b", "\\v"])
@pytest.mark.parametrize(
    "template",
    ["api_key_{H40}", "bearer_{H40}", "api_{A24}", "bearer_{A32}", "access_key_{H40}"],
)
def test_a_letter_behind_a_backslash_may_be_the_token_s(template, before):
    assert found(template, f"got {before}{{}} ok".format) >= FOUND


@pytest.mark.parametrize("escape", ["\x1b[m", "\\x1b[K", "\\033[m", "\\e[K", "\\n", "\\t"])
@pytest.mark.parametrize("template", ["layer-{H64}", "commit_{H40}", "row_{G}"])
def test_a_digest_behind_an_escape_is_shown(template, escape):
    assert found(template, f"got {escape}{{}} ok".format) == 0


@pytest.mark.parametrize("template", ["zqk_{H32}", "ZQ{H32}", "zqk_{H64}", "zqk_{A32}"])
@pytest.mark.parametrize(
    "words",
    [
        "_order",
        "_order_id",
        "_order-id",
        "_order_id_x",
        "_daily_order_backup",
        "_the_daily_order_of_the_last_backup",
        "_daily_backup_old.txt",
    ],
)
def test_a_token_is_found_before_words(template, words):
    assert found(template, f"got {{}}{words} ok".format) >= FOUND


@pytest.mark.parametrize(
    "text", ["zqk_0f8fad5bd9cb469fa16570867728950e_backup.txt", "get_order_id_of_the_last_backup"]
)
def test_words_behind_names_of_files_and_code_change_nothing(text):
    assert RULES.redact_texts([text]) == [text]


class Counting:
    """A pattern that counts the characters it may look at, where it searches a text."""

    def __init__(self, pattern, counted):
        self._pattern = pattern
        self._counted = counted

    def __getattr__(self, name):
        method = getattr(self._pattern, name)
        if name not in ("search", "finditer"):
            return method

        def counting(text, pos=0, endpos=sys.maxsize):
            self._counted.append(min(endpos, len(text)) - pos)
            return method(text, pos, endpos)

        return counting


@pytest.fixture
def looked_at(monkeypatch):
    """Return a function that says how many characters the finders look at in a text."""
    counted = []
    for module in (digests, glue, opaque):
        for name, value in list(vars(module).items()):
            if isinstance(value, type(digests._ANY)):
                monkeypatch.setattr(module, name, Counting(value, counted))

    def count(text):
        counted.clear()
        RULES.redact_texts([text])
        return sum(counted)

    return count


@pytest.mark.parametrize(
    "template",
    [
        "https://h.io/feed/ZQ{H32}.json ",
        "https://h.io/feed/ZQ{H32}.json/",
        "https://h.io/v1/zqk_{H32}/x ",
        "https://h.io/feed/zqk_{H32}.json ",
        "https://h.io/feed/zqk.{H40}.json ",
        "https://h.io/feed/t.{A40}.json ",
        "a/zqk_{H32} ",
        "zqk_{H32}.json,",
        "notes/zqk_{H32}/",
        "{A20}_word_order_id ",
    ],
)
def test_twice_the_text_is_twice_the_work(looked_at, template):
    pick = random.Random(template)
    text = "".join(fill(template, pick) for _ in range(400))
    assert looked_at(text) < 2.3 * looked_at(text[: len(text) // 2])
