"""Names judged by their words."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.depth import examples

import codetracer_otel.filters
from codetracer_otel.filters.patterns.name_words import (
    BUILTIN_SECRET_WORDS,
    compile_words,
    split_words,
)


def _names(text):
    return text.split()


SECRET = _names("""password passwd pwd pass_phrase userPassword db_password2 secret client_secret
SECRET_KEY token api_token accessToken refresh_token csrf_token auth authorization x_auth_token
apikey api_key API_KEY x-api-key private_key ssh_key signing_key encryption_key credential
credentials cookie set_cookie session_id sessionid jwt bearer pin otp cvv cvc ssn iban card_number
credit_card dsn database_url connection_string salt signature passphrase
http.request.header.authorization""")

PUBLIC = _names("""company panel span expand discard author authors authority compass tokenizer
token_count max_tokens passenger bypass cardinality wildcard dashboard japan pandas classname
secretary session sessions_per_user key keyboard monkey pinned spinner opinion shopping hotpot
signed cookies_enabled card""")

ALSO_SECRET = _names("""passwords
PassWord pass-word SMTP_PASS DB_PW accessKeyId aws_secret_access_key
AWS_ACCESS_KEY_ID clientSecret user[password] pAsSwOrD PASSWORD2 password_hash basic_auth OAuth
oauth2 X-Auth-Token proxy-authorization Set-Cookie cookies JSESSIONID PHPSESSID connect.sid
sessionIds APIKey apiKEY xApiKey APIKEYS token2 tokenValue id_token csrfmiddlewaretoken
X-CSRFToken pin_code TOTP mfaCode socialSecurityNumber SQLALCHEMY_DATABASE_URI redis_url
connStr \uff30\uff21\uff33\uff33 creds BANK_KEY merchantKey payment_gateway_key webhook_key
aes_key fernetKey encrypt_key password_fixture secret_metadata credentials_metadata
overwrite_password overwrite_secret want_password api_key_signature access_key_signature
signing_key_signature payment_return_signature secret_settings file_secret_settings""")

ALSO_PUBLIC = _names("""primary_key foreign_key cache_key sort_key public_key keys token_type
auth_type auth_enabled authored pass_count passed passive assets pins pinning ping spin shared
cardholder_name discount description design signal assign asphalt salted basalt dsname url
base_url connect connection sessions session_count monkeys passage encompass bearing forbearer
secretariat otpion cookiecutter author_id key_name user_key dict_key row_key partition_key
keyword index_key bank payment gateway""")


GLUED = _names("""smtppassword dbpasswd githubtoken webhooksecret MYSQLPASSWORD passwordhash
userpassphrase openaiapikey awssecretkey rsaprivatekey tokens token_bytes pw_hash pass_hash psk
privkey priv_key rsa_key pem openai_key stripe_key aws_key unseal_key recovery_key mnemonic
seed_words 2fa_code sms_code security_answer csrf xsrf code_verifier client_assertion saml_response
webhook_url signed_url sas_url jdbc_url amqp_uri account_number routing_number kubeconfig
htpasswd""")

FOREIGN = _names("""passwort db_passwort BenutzerKennwort datenbankpasswort Zugangsdaten motDePasse
mot_de_passe mdp cle_api clé_privée contraseña clave_acceso credenciales senha chave_secreta segredo
parola_d_ordine chiave_privata wachtwoord geheime_sleutel hasło haslo_uzytkownika klucz_prywatny
mima mi_ma miyao 用户密码 pasuwado anshou_bangou パスワード lösenord пароль""")

ABOUT = _names("""func_signature signature_version include_signature cookie_name use_cookies
hide_password include_password password_field_name password_validators credential_cls creds_filename
bearerFormat may_pass cookie_policy_url next_token input_token hasPassword passwordless
public_pem server_cert_pem ca_pem authorization_server_metadata
cookieName password_length secrets_dir credentials_provider salt_length nextToken eos_token
num_tokens max_tokens with_credentials require_auth two_pass one_pass run_pass args_to_pass
function_pass palabra_clave cookie_samesite
passwordfieldname is_secret password_hashers key_signature time_signature return_signature
token_metadata overwrite_signature""")


@pytest.fixture(scope="module")
def builtin():
    return compile_words(BUILTIN_SECRET_WORDS)


@pytest.mark.parametrize("name", SECRET + ALSO_SECRET + GLUED + FOREIGN)
def test_a_secret_name_matches_the_builtin_words(builtin, name):
    assert builtin.matches(name)


@pytest.mark.parametrize("name", PUBLIC + ALSO_PUBLIC + ABOUT)
def test_a_name_that_only_resembles_a_secret_does_not_match(builtin, name):
    assert not builtin.matches(name)


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_name_matches_in_any_case_and_with_trailing_digits(builtin, name):
    for spelling in (name.upper(), name.lower(), name + "1", name + "_42", "my_" + name):
        assert builtin.matches(spelling), spelling


def test_the_builtin_filter_carries_the_builtin_words_wherever_it_uses_words():
    """``@secrets`` stands for them; a list written out must be the same."""
    folder = Path(codetracer_otel.filters.__file__).parent / "builtin"
    lists = [
        line.split(":words:", 1)[1].rstrip().rstrip('"')
        for path in folder.glob("builtin_default.toml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if ":words:" in line and not line.lstrip().startswith("#")
    ]
    assert set(lists) <= {"@secrets", BUILTIN_SECRET_WORDS}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", []),
        ("__", []),
        ("2024", []),
        ("a", ["a"]),
        ("user_name", ["user", "name"]),
        ("userName", ["user", "name"]),
        ("UserName2", ["user", "name"]),
        ("HTTPServer", ["http", "server"]),
        ("userID", ["user", "id"]),
        ("x-api-key", ["x", "api", "key"]),
        ("http.request.header/Set Cookie", ["http", "request", "header", "set", "cookie"]),
        ("s3bucket", ["s", "bucket"]),
        ("API_KEY", ["api", "key"]),
        ("größeÄnderung", ["größe", "änderung"]),
        ("密码", ["密码"]),
        ("user[token]", ["user", "token"]),
    ],
)
def test_a_name_is_cut_at_separators_digits_and_humps(name, words):
    assert split_words(name) == words


WORD = st.text(string.ascii_lowercase, min_size=2, max_size=8)
WORDS = st.lists(WORD, min_size=1, max_size=5)


@settings(max_examples=examples(100))
@given(words=WORDS, separator=st.sampled_from("_-./ 0"))
def test_every_way_to_write_words_is_cut_the_same_way(words, separator):
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    assert split_words(separator.join(words)) == words
    assert split_words(separator.join(words).upper()) == words
    assert split_words(camel) == words
    assert split_words("".join(word.capitalize() for word in words)) == words


@settings(max_examples=examples(200))
@given(name=st.text(max_size=40))
def test_words_are_letters_without_separators_and_stay_what_they_are(name):
    for word in split_words(name):
        assert word
        assert not any(char in "_-./ 0123456789" for char in word)
        assert word == word.lower()


@settings(max_examples=examples(200))
@given(name=st.text(string.ascii_letters + string.digits + "_-./ ", max_size=40))
def test_no_letter_of_a_name_is_lost_or_moved(name):
    assert "".join(split_words(name)) == "".join(filter(str.isalpha, name)).lower()


@settings(max_examples=examples(100))
@given(name=st.text(st.characters(codec=None), max_size=60))
def test_no_name_makes_the_matcher_fail(name):
    assert compile_words("secret, a+b$").matches(name) in (True, False)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("secret", ["secret", "my_secret_name", "secret2"], ["secretary", "secrets"]),
        ("token$", ["token", "apiToken", "token_7"], ["token_count", "tokenizer"]),
        (
            "api+key",
            ["api_key", "apikey", "my_api_key_id", "apiKey"],
            ["api", "key_api", "api_x_key"],
        ),
        ("api+key$", ["api_key", "apikey3"], ["api_key_id", "apikeys"]),
        ("a+b+c", ["a_b_c", "ab_c", "a_bc", "abc"], ["a_c", "a_b"]),
        (" one , two$ ", ["one", "two"], ["two_three"]),
        ("*word", ["word", "mypassword_2"], ["words", "my_words"]),
        ("*word$", ["my_password"], ["password_count"]),
        ("*word*", ["word", "mypasswords", "swordfish"], ["wor_d"]),
        ("^my$, ^your", ["my", "_my_", "yourName"], ["my_name", "name_your"]),
        ("key, !sort+key, !name$", ["key", "key_2"], ["sort_key", "sortKey", "keyName"]),
        ("größe", ["größe", "max_GRÖßE"], ["grösse"]),
    ],
)
def test_an_entry_matches_the_words_it_names(pattern, matching, other):
    matcher = compile_words(pattern)
    assert {name: matcher.matches(name) for name in matching} == dict.fromkeys(matching, True)
    assert {name: matcher.matches(name) for name in other} == dict.fromkeys(other, False)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("secret,", "has an empty entry"),
        ("a,,b", "has an empty entry"),
        ("Secret", "write 'secret'"),
        ("api_key", "'api\\+key'"),
        ("api key$", "'api\\+key\\$'"),
        ("$token", "at the end"),
        ("tok$en", "at the end"),
        ("$", "lower-case letters"),
        ("a++b", "lower-case letters"),
        ("+a", "lower-case letters"),
        ("pass*", "lower-case letters"),
        ("!", "lower-case letters"),
        ("!!a", "lower-case letters"),
        ("*", "lower-case letters"),
        ("**", "lower-case letters"),
        ("a^", "lower-case letters"),
        ("*a+b", "at most 1"),
        ("oauth2", "lower-case letters"),
        ("a+b+c+d+e+f+g", "at most 6"),
    ],
)
def test_a_bad_entry_is_refused_with_what_is_accepted(pattern, message):
    with pytest.raises(ValueError, match=message):
        compile_words(pattern)


def test_a_matcher_shows_its_pattern():
    assert compile_words("a, b").pattern == "a, b"


def test_many_and_long_names_do_not_grow_the_matcher_without_bound():
    matcher = compile_words("onlyhere")
    for number in range(10_000):
        assert not matcher.matches(f"name{number}")
    assert matcher.matches("x" * 100 + "_onlyhere")
    assert len(matcher._known) <= 4096
    assert all(len(name) <= 64 for name in matcher._known)
