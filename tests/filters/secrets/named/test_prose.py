"""What documentation says about secrets stays; passwords of words do not."""

import pytest

from codetracer_otel.filters.secrets.named.values import find_named_values


def hidden(text):
    return [text[start:end] for start, end in find_named_values(text, is_cut=False)]


@pytest.mark.parametrize(
    "text",
    [
        "Args:\n    token: The token to revoke.\n",
        "    private_key: The PEM-encoded private key as a byte string\n",
        "    password: Redis password (optional)\n",
        "    cookies: Cookies to include in the handshake request.\n",
        "Sets the cookies.\n\n:param cookies: what to set\n",
        "as a JSON Web Token.\n\n        :param payload: what it holds\n",
        "Pass :meth:`peek` a default value",
        "    cookie: str\n",
        "    signature : string, optional\n",
        "DataStore(user=..., password=...)",
        "password=***",
        "Proxy-Authorization: Basic ",
        "Authorization: Basic %s\r\n",
        "* AUTH=CRAM-MD5",
        "('Authorization', 'Basic')",
        "curl --proxy-auth negotiate",
        "<auth>digest</auth>",
        "it has the following signature::\n\n    f(x)",
        "Signature: 8a477f597d28d172789f06886806bc55\n",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "Use --overwrite-signature to overwrite",
        '["PASS", "FAIL"]',
        '{"pass": "fail"}',
        "PASS=SKIP",
    ],
)
def test_what_describes_a_secret_is_none(text):
    assert hidden(text) == []


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: my dog is Rex", "my dog is Rex"),
        ("passphrase: the cat is on the mat", "the cat is on the mat"),
        ("seed_words: to be or not to be that is", "to be or not to be that is"),
        ("password: the secret is hunter2", "the secret is hunter2"),
        ("password: correct horse battery staple", "correct horse battery staple"),
        ('password: "the password of the user"', "the password of the user"),
        ("PASSWORD=the password of the user", "the password of the user"),
        ("password :hunter:", "hunter:"),
        ("@password = 'hunter2'", "hunter2"),
        ("password=DIGEST&z=1", "DIGEST"),
        ("password: basic", "basic"),
        ("pass=pass&z=1", "pass"),
        ("('pass', 'hunter2')", "hunter2"),
        ("password=fail&z=1", "fail"),
    ],
)
def test_a_password_of_words_is_hidden(text, secret):
    assert secret in hidden(text)[0]
