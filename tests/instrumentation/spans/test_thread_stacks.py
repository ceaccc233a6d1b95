"""The open calls of each thread, and how other threads find them."""

import gc
import threading

from codetracer_otel.instrumentation.spans.thread_stacks import StackHandle, Stacks


def in_a_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_has_none_before_its_first_traced_call():
    assert Stacks().mine() is None


def test_each_thread_has_one_of_its_own():
    stacks = Stacks()
    mine = stacks.mine_or_new()
    assert stacks.mine_or_new() is mine
    assert in_a_thread(stacks.mine) is None
    assert in_a_thread(stacks.mine_or_new) is not mine


def test_a_new_stack_holds_its_base_alone_and_is_told_of():
    stacks, told = Stacks(), []
    stacks.on_new = lambda: told.append(threading.get_ident())
    assert len(stacks.new()) == 1
    assert told == [threading.get_ident()]


def test_taking_what_is_open_leaves_the_bases_and_begins_innermost():
    stacks = Stacks()
    stack = stacks.new()
    stack += ["outer", "inner"]
    assert stacks.take_open() == ["inner", "outer"]
    assert len(stack) == 1
    assert stacks.take_open() == []


def test_what_another_thread_has_open_is_found():
    stacks, ready, done = Stacks(), threading.Event(), threading.Event()

    def run():
        stacks.new().append("theirs")
        ready.set()
        done.wait(30)

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(30)
    try:
        assert stacks.take_open() == ["theirs"]
    finally:
        done.set()
        thread.join()


def test_the_stack_of_an_ended_thread_is_forgotten():
    stacks = Stacks()
    in_a_thread(lambda: stacks.new().append("lost"))
    gc.collect()
    assert stacks.take_open() == []


def test_after_a_fork_only_this_threads_stack_is_left():
    stacks, other = Stacks(), StackHandle(["base", "theirs"])
    mine = stacks.new()
    mine.append("mine")
    stacks._remember(other)
    stacks.forget_other_threads()
    assert stacks.take_open() == ["mine"]
    assert other.stack == ["base", "theirs"]
