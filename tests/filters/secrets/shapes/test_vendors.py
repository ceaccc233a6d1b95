"""Every format of the table is found, alone, in other text, and percent-encoded."""

import json
import random
import re
import string
from urllib.parse import quote

import pytest
from tests.filters.secrets.escapes import BEFORE_SECRETS

from codetracer_otel.filters.secrets.content_rules import ContentPattern
from codetracer_otel.filters.secrets.redactor import compile_content
from codetracer_otel.filters.secrets.shapes.vendors import ALPHABETS, FORMATS
from codetracer_otel.filters.types import Action, RuleSource
from codetracer_otel.model.value import REDACTED

SOURCE = RuleSource("<builtin:default>", 1)
CHARACTERS = string.ascii_letters + string.digits
ROWS = [(row, prefix) for row in FORMATS for prefix in row.prefixes.split()]
UUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


def body_of(row, pick):
    if row.body == "uuid":
        return UUID
    if not row.length:
        return ""
    allowed = re.compile(ALPHABETS[row.body])
    characters = [char for char in CHARACTERS if allowed.fullmatch(char)]
    if row.body == "path":
        return (
            "services/T" + "".join(pick.choices(characters, k=row.length)) + "/x1Y2z3W4v5U6t7S8r9"
        )
    return "".join(pick.choices(characters, k=max(row.length, 2))) + "7b"[row.body == "upper" : 1]


def sample_of(row, prefix, seed=3):
    before, rest = row.sample
    return before + prefix + body_of(row, random.Random(seed)) + rest


RULES = compile_content([ContentPattern("shapes", "all", Action.REDACT, SOURCE)])


def redacted(text):
    return RULES.redact_texts([text])[0]


def named(case):
    return f"{case[0].vendor}: {case[1]}"


@pytest.mark.parametrize("case", ROWS, ids=named)
def test_the_secrets_of_a_vendor_are_found_wherever_they_stand(case):
    secret = sample_of(*case)
    assert secret not in redacted(secret)
    tail = secret[-8:]
    for text in (
        f"got <{secret}>, ok",
        json.dumps({"a": [secret]}),
        f"X-Header: {secret}",
        f"https://host/path?q={secret}&b=kept",
        f"https://host/path?q={quote(secret, safe='')}&b=kept",
        f"value={quote(quote(secret, safe=''), safe='')}",
        repr([f"b\n{secret}\n"]),
        f"k=({secret})",
    ):
        assert tail not in redacted(text), text


@pytest.mark.parametrize("escape", BEFORE_SECRETS)
def test_the_secrets_of_all_vendors_are_found_behind_what_escapes(escape):
    secrets = [sample_of(*case) for case in ROWS]
    shown = RULES.redact_texts([f"got {escape}{secret} ok" for secret in secrets])
    assert not [s for s, text in zip(secrets, shown, strict=True) if s[-8:] in text]


@pytest.mark.parametrize("case", ROWS, ids=named)
def test_what_stands_beside_the_secret_of_a_vendor_stays(case):
    secret = sample_of(*case)
    shown = redacted(f"before {secret} behind")
    assert shown.startswith("before ")
    assert shown.endswith(" behind")
    assert REDACTED in shown


def test_every_row_says_where_its_format_is_documented_and_stands_once():
    assert all(len(row.source) > 3 and row.vendor and row.prefixes for row in FORMATS)
    keys = [(row.vendor, row.prefixes) for row in FORMATS]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("case", [c for c in ROWS if c[0].rest and c[0].sample[1]], ids=named)
def test_what_a_cut_left_of_the_rest_of_a_secret_is_hidden(case):
    secret = sample_of(*case)
    rules = compile_content([ContentPattern("shapes", "all", Action.REDACT, SOURCE)])
    begin = len(secret) - len(case[0].sample[1])
    for end in (begin + 1, (begin + len(secret)) // 2, len(secret) - 1):
        assert secret[begin - 2 : end] not in rules.redact_texts([f"got {secret[:end]}"], [True])[0]


@pytest.mark.parametrize("kind", ["sk-ecdsa-sha2-nistp256", "sk-ssh-ed25519-cert-v01"])
def test_a_kind_of_key_of_openssh_is_no_key(kind):
    assert redacted(f"a key of {kind}@openssh.com") == f"a key of {kind}@openssh.com"


@pytest.mark.parametrize(
    "name",
    [
        "test_clientConnectionFailedStopsReactorAfterTimeout",
        "test_requestBodyConsumedAfterResponseReceived",
        "secret_santaListOfNames",
        "secret_ConfigurationManagerImpl",
        "pk_UserAccountsTablePrimaryKeyColumn",
        "api_ProductServiceController.ProductServiceControllerImplementation",
        "npm_NodePackageManagerInstallCommand",
        "rnd_RandomNumberGeneratorImpl",
        "hf_HuggingFaceModelLoaderFactory",
    ],
)
def test_words_in_camel_case_behind_a_short_prefix_are_no_secret(name):
    assert redacted(f"ran {name} in 3 s") == f"ran {name} in 3 s"


def test_a_secret_of_webhooks_is_found_whose_slashes_leave_no_run():
    assert "C67T" not in redacted("got whsec_p0fPvAGljnB/IaC67T6tl86/ShqR4v ok")


@pytest.mark.parametrize("prefix", ["glsa_", "glc_", "sntrys_", "fm2_", "ptr_"])
def test_slashes_that_leave_base64_no_long_run_hide_nothing_from_the_prefilter(prefix):
    token = f"{prefix}aB3dE5gH7j/N1pQ3sT5vW7x/Y9zA2cD4fG6h/J8k"
    rules = compile_content([ContentPattern("shapes", "token", Action.REDACT, SOURCE)])
    assert rules.redact_texts([f"got {token}, ok"]) == [f"got {REDACTED}, ok"]


def test_a_documented_key_is_hidden_though_an_identifier_may_look_so():
    assert UUID[-8:] not in redacted(f"got scrapy-{UUID}, ok")
