"""``[secrets] learn`` of a filter switches known secrets off."""

import pytest

from codetracer_otel.errors import FilterError
from codetracer_otel.filters import filter_from_text, load_chain

BODY = '[scope]\ndefault_exec="trace"\ndefault_value_action="allow"\n'


def chain_of(*tables, version=2):
    texts = [f'[meta]\nname="f"\nversion={version}\n{table}\n{BODY}' for table in tables]
    return load_chain([filter_from_text(text) for text in texts])


@pytest.mark.parametrize(
    ("tables", "learns"),
    [
        ([""], True),
        (["[secrets]"], True),
        (["[secrets]\nlearn=false"], False),
        (["[secrets]\nlearn=false", ""], False),
        (["[secrets]\nlearn=false", "[secrets]\nlearn=true"], True),
    ],
)
def test_the_last_filter_that_says_so_counts(tables, learns):
    assert chain_of(*tables).learns_secrets is learns


@pytest.mark.parametrize(
    ("table", "version", "message"),
    [
        ('[secrets]\nlearn="no"', 2, "wrong type.*expected a boolean"),
        ("[secrets]\nlern=false", 2, "unknown key 'lern'.*learn"),
        ("[secrets]\nlearn=false", 1, "needs `version = 2`"),
    ],
)
def test_what_it_may_not_say_is_refused(table, version, message):
    with pytest.raises(FilterError, match=message):
        chain_of(table, version=version)
