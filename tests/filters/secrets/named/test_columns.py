"""Columns below the name of a secret."""

import pytest
from tests.filters.secrets.named.test_pairs import redacted

from codetracer_otel.model.value import REDACTED


@pytest.mark.parametrize(
    "text",
    [
        "name,password\nada,%s\nbob,%s\n",
        'name,"password"\r\n"Lovelace, Ada","%s"\r\n',
        "name\tpassword\tcity\nada\t%s\tLondon",
        "id;user password;\n",
        "id;password\n1;%s",
        " id | name | password \n----+------+----------\n  1 | ada  | %s\n(1 row)\n",
        "+----+----------+\n| id | password |\n+----+----------+\n|  1 | %s |\n+----+----------+\n",
        "name,city\npassword,London\n",
        "Say user, password\nor name, city\n",
        "name,password\nthis is no row\n",
        "import re,token\nfoo(a, b)\n",
        "return user, token\nfoo(a, b)\n",
    ],
)
def test_the_cells_below_a_name_are_hidden_and_nothing_else(text):
    assert redacted(text.replace("%s", "kD83hs9Ql2fp")) == text.replace("%s", REDACTED)


@pytest.mark.parametrize(
    "attack", ["password,a\n", 'password,"', "password|a\n-+-\n", "a,", "-+-|\n"]
)
@pytest.mark.timeout(60)  # quadratic behaviour would take ten times as long
def test_a_hostile_long_table_is_judged_without_hanging(attack):
    text = "name,password\n" + attack * (400_000 // len(attack))
    assert len(redacted(text)) <= len(text) * (len(REDACTED) + 1)
