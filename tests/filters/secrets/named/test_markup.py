"""Values in markup that an attribute or the element before them names."""

import pytest
from tests.filters.secrets.named.test_pairs import redacted

from codetracer_otel.model.value import REDACTED

SECRET = "kD83hs9Ql2fp"


@pytest.mark.parametrize(
    "text",
    [
        '<entry key="password">%s</entry>',
        '<property name="password">%s</property>',
        '<property name="password">\n  <value>%s</value>\n</property>',
        "<dict><key>password</key>\n\t<string>%s</string></dict>",
        "<member><name>password</name><value><string>%s</string></value></member>",
        "<member><name>password</name><value>%s</value></member>",
        '<setting name="ApiKey" serializeAs="String"><value>%s</value></setting>',
        "<input type=password value=%s>",
        '<input type="password" class="wide" value="%s"/>',
        '<input value="%s" type="password">',
        '<input type="hidden" name="csrf_token" class="a" value="%s">',
        '{"page": "<input value=\\"%s\\" name=\\"password\\">"}',
        '<meta name="csrf-token" content="%s">',
        '<meta name="csrf-token" content="%s',
        '<meta content="%s" name="csrf-token" />',
        "<tr><th>Password</th><td>%s</td></tr>",
        "<dl><dt>API key:</dt><dd>%s</dd></dl>",
    ],
)
def test_what_markup_names_like_a_secret_is_replaced(text):
    assert redacted(text % SECRET) == text % REDACTED


@pytest.mark.parametrize(
    "text",
    [
        '<input type="password" name="password" placeholder="Your password">',
        '<label for="password">Password</label>',
        '<a name="token">Tokens</a>',
        '<select name="token"><option>first</option></select>',
        "<tr><th>Password</th><th>Country</th></tr>",
        "<tr><td>Password</td></tr><tr><td>ada</td></tr>",
        "<dt>password</dt><dd>The password of the user.</dd>",
        '<entry key="colour">blue</entry>',
        '<xs:element name="password" type="xs:string">\n',
    ],
)
def test_other_markup_is_shown(text):
    assert redacted(text) == text


@pytest.mark.parametrize(
    "attack",
    [
        "<a ",
        "<a b=",
        '<a b="',
        "<key>pw</key>",
        "<key>password</key>\n",
        "<td>",
        '<a name="pw">\n',
        f"<a {'a' * 1990}>",
    ],
)
@pytest.mark.timeout(60)  # quadratic behaviour would take ten times as long
def test_a_hostile_long_text_of_markup_is_judged_without_hanging(attack):
    text = attack * (400_000 // len(attack))
    assert len(redacted(text)) <= len(text) * (len(REDACTED) + 1)
