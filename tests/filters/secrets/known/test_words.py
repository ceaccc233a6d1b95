"""Words, names and paths are no secrets, whoever uses one as a password; what is drawn is."""

import random
import string

import pytest

from codetracer_otel.filters.secrets.known.forms import is_ordinary, secrets_in
from codetracer_otel.filters.secrets.known.words import is_of_words


@pytest.mark.parametrize(
    "text",
    [
        "swordfish", "butterfly", "Sunflower", "CHOCOLATE", "Margaret", "Alexander Rodriguez",
        "Kowalski, Stephanie", "O'Donnell Bridget", "Liverpool", "New York City", "read-only",
        "user-agent", "Straßenbahn", "Владимир", "contraseña", "in progress", "starWars",
        "/var/run/secrets/database", "config/settings.yaml", "./reports/summer/orders.csv",
        "~/documents/invoices", "/srv/shop/static/", "SuperSecret", "football",
    ],
)  # fmt: skip
def test_words_names_and_paths_are_never_learned(text):
    assert is_of_words(text)
    assert is_ordinary(text)
    assert secrets_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery staple", "correcthorsebatterystaple", "xqzjvkwpbn", "qJxZvKwPbNtR",
        "Summer!Rain7", "my-secret-password", "a1b2c3d4e5", "hunter22x", "/hooks/T024BE7LD/B0HX",
        "SuperSecret-Value", "wvxqzkjh pqxzjvkw", "jklqxzvb-wqxzvkjp",
        "uploads/9f86d081884c7d65.bin2",
    ],
)  # fmt: skip
def test_passphrases_and_what_is_drawn_at_random_are(text):
    assert not is_of_words(text)
    assert not is_ordinary(text)


@pytest.mark.parametrize(
    ("alphabet", "length", "most"),
    [
        (string.ascii_lowercase, 8, 0.12),
        (string.ascii_lowercase, 14, 0.04),
        (string.ascii_letters, 10, 0.01),
        (string.ascii_letters + string.digits, 12, 0.01),
    ],
)
def test_few_drawn_at_random_are_taken_for_words(alphabet, length, most):
    pick = random.Random(11)
    drawn = ["".join(pick.choices(alphabet, k=length)) for _ in range(2000)]
    assert sum(map(is_of_words, drawn)) <= most * len(drawn)
