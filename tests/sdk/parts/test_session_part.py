"""Whatever a session does reaches each of its parts, and a part may leave out what it lacks."""

import pytest

import codetracer_otel
from codetracer_otel.sdk.parts.session_part import SessionPart


class Counting(SessionPart):
    """Notes what it is asked for."""

    def __init__(self, name="one", calls=None):
        self.name = name
        self.calls = [] if calls is None else calls

    def stats(self):
        return {self.name: len(self.calls)}


def noting(method):
    def note(self, *arguments):
        self.calls.append((self.name, method))
        return getattr(SessionPart, method)(self, *arguments)

    return note


for each in (
    *("pause", "resume", "fail", "stop_events", "mute_this_thread", "flush", "before_fork"),
    *("after_fork_in_parent", "after_fork_in_child", "close"),
):
    setattr(Counting, each, noting(each))


@pytest.fixture
def session():
    started = codetracer_otel.configure(exporter="none", functions=False)
    yield started
    started.shutdown()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda session: session.pause(), "pause"),
        (lambda session: session.resume(), "resume"),
        (lambda session: session.flush(), "flush"),
        (lambda session: session.stop_recording("Error"), "fail"),
        (lambda session: session.shutdown(), "close"),
    ],
)
def test_what_a_session_is_asked_for_reaches_a_part_once(session, ask, expected):
    part = Counting()
    session.parts.append(part)
    ask(session)
    assert [call for _, call in part.calls if call != "mute_this_thread"].count(expected) == 1


def test_parts_go_on_after_a_fork_in_the_opposite_order(session):
    calls = []
    session.parts.extend([Counting("first", calls), Counting("second", calls)])
    session.before_fork()
    session.after_fork_in_parent()
    forks = [call for call in calls if "fork" in call[1]]
    assert forks == [
        ("first", "before_fork"),
        ("second", "before_fork"),
        ("second", "after_fork_in_parent"),
        ("first", "after_fork_in_parent"),
    ]


def test_the_counters_of_a_part_stand_among_those_of_the_session(session):
    session.parts.append(Counting("rivers"))
    stats = session.stats()
    assert stats["rivers"] == 0
    assert stats["recorder"] == {}


def test_the_status_of_the_program_is_told_to_every_part(session):
    part = Counting()
    session.parts.append(part)
    session.note_exit(3)
    assert part.exit_status == 3


def test_a_part_that_fails_at_the_end_does_not_keep_another_from_ending(session):
    class Failing(Counting):
        def close(self):
            raise RuntimeError

    other = Counting()
    session.parts.extend([Failing(), other])
    session.shutdown()
    assert ("one", "close") in other.calls
