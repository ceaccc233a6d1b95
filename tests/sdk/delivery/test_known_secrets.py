"""The known secrets of a session: learned cheaply, kept by hash, bounded, wiped."""

import threading

import pytest

from codetracer_otel.sdk.delivery import known_secrets
from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets


def hidden(known, *texts):
    return sorted({(number, *part, place) for number, part, place in known.search(texts)})


def learned(*values, **options):
    known = KnownSecrets(**options)
    for value in values:
        known.learn(value, "arg password at shop.py:3")
    return known


@pytest.mark.parametrize("value", ["tok-9911", b"tok-9911", "Bearer tok-9911", b"sid=tok-9911"])
def test_texts_and_bytes_are_learned_with_their_place(value):
    found = hidden(learned(value), "nothing", "a tok-9911")
    assert found == [(1, 2, 10, "arg password at shop.py:3")]


class Text(str):
    __slots__ = ()

    def __hash__(self):
        raise AssertionError("code of the program ran")

    __len__ = __eq__ = __hash__


def test_nothing_else_is_looked_at():
    values = [Text("tok-9911"), 12345678, ["tok-9911"], None, bytearray(b"tok-9911")]
    assert hidden(learned(*values), "tok-9911") == []


def test_the_parts_of_a_place_are_put_together_for_people():
    known = KnownSecrets()
    known.learn("tok-9911", ("key", "password"))
    known.learn("tok-9922", ("arg token", " at shop.py:4"))
    places = [place for _, _, place in known.search(["tok-9911", "tok-9922"])]
    assert places == ["key password", "arg token at shop.py:4"]


def test_the_first_place_is_the_one_that_is_told():
    known = learned("tok-9911")
    known.search([""])
    known.learn(b"tok-9911", "elsewhere")
    assert hidden(known, "tok-9911")[0][3] == "arg password at shop.py:3"


def test_a_path_is_decided_about_by_the_worker_alone():
    asked = []
    known = learned("/run/k7q2x9/db1", "/tok/99112233", path_exists=asked.append)
    assert hidden(known, "/run/k7q2x9/db1") == []
    assert asked == []
    known.settle()
    assert asked == ["/run/k7q2x9/db1", "/tok/99112233"]
    assert len(known) == 2
    known = learned("/run/k7q2x9/db1", path_exists=lambda _: True)
    known.settle()
    assert len(known) == 0


def test_the_name_of_a_module_is_no_secret():
    assert len(learned("codetracer_otel.sdk")) == 0
    known = learned("collections")
    assert hidden(known, "collections") == []


def test_another_secret_is_another_generation():
    known = KnownSecrets()
    before = known.generation
    known.learn("password", "p")
    assert known.generation == before
    known.learn("tok-9911", "p")
    after = known.generation
    assert after != before
    known.learn("tok-9911", "p")
    assert known.generation == after


def test_it_is_told_which_secrets_come_again_most_often():
    known = learned("tok-9911")
    assert known.most_met() == {}
    known.learn("tok-9922", "p")
    known.search(["tok-9911 and tok-9922", "tok-9922", "innocent"])
    assert known.most_met() == {"p": 2, "arg password at shop.py:3": 1}
    assert list(known.most_met()) == ["p", "arg password at shop.py:3"]
    known.wipe()
    assert known.most_met() == {}


def test_the_secret_that_was_met_least_recently_goes_first(monkeypatch):
    monkeypatch.setattr(known_secrets, "MAX_SECRETS", 3)
    known = learned(*[f"tok-{n}-{n}{n}" for n in range(3)])
    assert len(hidden(known, "tok-0-00")) == 1  # met
    known.learn("tok-3-33", "p")
    texts = [f"tok-{n}-{n}{n}" for n in range(4)]
    assert [number for number, *_ in hidden(known, *texts)] == [0, 2, 3]
    assert len(known) == 3
    known.learn("tok-1-11", "p")  # hidden again, so learned again
    assert (1, 0, 8, "p") in hidden(known, *texts)
    assert len(known) == 3


def test_at_most_4096_are_kept():
    known = learned(*[f"tok-{n:05}" for n in range(4096)])
    known.search([""])
    known.learn("another-1", "p")
    assert hidden(known, "another-1") == [(0, 0, 9, "p")]
    assert len(known) == 4096


def test_what_is_wiped_is_forgotten_and_may_be_learned_again():
    known = learned("tok-9911")
    known.wipe()
    assert hidden(known, "tok-9911") == []
    known.learn("tok-9911", "again")
    assert hidden(known, "tok-9911") == [(0, 0, 8, "again")]


def test_a_pause_forgets_once_what_waits_has_been_judged():
    known = learned("tok-9911")
    known.wipe_later()
    known.learn("tok-9922", "p")
    assert len(hidden(known, "tok-9911", "tok-9922")) == 1
    known.wipe_if_asked()
    assert hidden(known, "tok-9911", "tok-9922") == []
    known.begin_again()
    known.learn("tok-9922", "p")
    assert len(hidden(known, "tok-9922")) == 1


def test_the_environment_is_learned_by_name():
    known = KnownSecrets()
    known.learn_environment(
        {"DB_PASSWORD": "s3cr3t-of-db", "HOME_DIR": "tok-9911", "SECRET_BACKEND": "production"},
        lambda name: "PASSWORD" in name or "SECRET" in name,
    )
    texts = ["s3cr3t-of-db", "tok-9911", "production"]
    assert hidden(known, *texts) == [(0, 0, 12, "environment variable DB_PASSWORD")]


def test_the_working_directory_of_a_shell_is_no_secret_and_not_looked_into(tmp_path):
    known = KnownSecrets()
    environment = {"PWD": str(tmp_path), "OLDPWD": "/gone/4711-0815-beta"}
    known.learn_environment(environment, lambda name: "PWD" in name)
    assert [value for value, _ in known._waiting] == ["/gone/4711-0815-beta"]
    known.learn_environment({"PWD": "tok-9911"}, lambda name: "PWD" in name)
    assert len(hidden(known, "tok-9911")) == 1


def test_a_queue_that_nobody_empties_is_bounded_and_loses_nothing_for_good():
    known = learned(*[f"tok-{n:06}" for n in range(10_000)])
    assert len(known._waiting) <= 4096
    known.search([""])
    known.learn("tok-000001", "again")
    assert hidden(known, "tok-000001") == [(0, 0, 10, "again")]


def test_a_search_on_another_thread_waits_for_what_is_being_learned(monkeypatch):
    known = learned("tok-9911")
    searched, found = [], []

    def slowly(secret):
        searcher = threading.Thread(target=lambda: found.extend(known.search(["tok-9911"])))
        searched.append(searcher)
        searcher.start()
        searcher.join(0.05)  # it may not come to an end before this one has learned
        return [secret.encode()]

    monkeypatch.setattr(known_secrets, "forms_of", slowly)
    known.search([""])
    searched[0].join()
    assert found == [(0, (0, 8), "arg password at shop.py:3")]


def test_who_keeps_it_delays_the_end_of_what_is_known_but_not_a_pause():
    known = learned("tok-9911")
    known.keep()
    known.keep()
    known.wipe(is_off=True)
    known.release()
    assert hidden(known, "tok-9911") != []
    known.release()
    assert hidden(known, "tok-9911") == []
    again = learned("tok-9911")
    again.keep()
    again.wipe_later()
    again.wipe_if_asked()
    assert hidden(again, "tok-9911") == []


class Overtaken:
    """A lock that somebody else has first, once."""

    def __init__(self, lock, others):
        self.lock, self.others = lock, [others]

    def __enter__(self):
        if self.others:
            self.others.pop()()
        return self.lock.__enter__()

    def __exit__(self, *raised):
        return self.lock.__exit__(*raised)


def test_a_session_that_goes_on_just_before_it_is_wiped_learns_again():
    known = KnownSecrets()
    known.wipe_later()
    known._lock = Overtaken(known._lock, known.begin_again)
    known.wipe_if_asked()
    known.learn("hunter-2-hunter-xyz", "argument password")
    known.settle()
    assert len(known) == 1
