"""Whose child work is that one function hands on and another thread, task or moment runs."""

import asyncio
import concurrent.futures
import contextvars
import queue
import signal
import socket
import threading

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from opentelemetry import trace
from opentelemetry.trace import get_current_span

from codetracer_otel.sdk.session.configure import active_session


def leaf():
    return get_current_span()


async def child():
    await asyncio.sleep(0)
    leaf()


CHILD = ("child", (("leaf", ()),))
LEAF = ("leaf", ())


def test_awaited_coroutines_nest(shape):
    async def main():
        await child()
        await child()

    assert shape(main) == (("main", (CHILD, CHILD)),)


def test_a_task_is_a_child_of_the_function_that_created_it(shape):
    async def creator():
        return asyncio.create_task(child())

    async def main():
        task = await creator()
        await task

    assert shape(main) == (("main", (("creator", (CHILD,)),)),)


def test_tasks_of_one_creator_are_siblings(shape):
    async def main():
        await asyncio.gather(*[asyncio.create_task(child()) for _ in range(3)])

    assert shape(main) == (("main", (CHILD, CHILD, CHILD)),)


def test_gathered_coroutines_are_siblings(shape):
    async def main():
        await asyncio.gather(child(), child())

    assert shape(main) == (("main", (CHILD, CHILD)),)


def test_a_task_groups_tasks_are_children_of_the_function_that_adds_them(shape):
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(child())

    assert shape(main) == (("main", (CHILD, CHILD)),)


def test_a_task_created_by_a_task_is_its_child(shape):
    async def outer():
        await asyncio.create_task(child())

    async def main():
        await asyncio.create_task(outer())

    assert shape(main) == (("main", (("outer", (CHILD,)),)),)


def test_eager_tasks_that_create_eager_tasks_nest(shape):
    async def outer():
        await asyncio.gather(asyncio.create_task(child()), asyncio.create_task(child()))

    async def main():
        await asyncio.gather(asyncio.create_task(outer()), asyncio.create_task(outer()))
        leaf()

    expected = ("outer", (CHILD, CHILD))
    assert shape(main) == (("main", (expected, expected, LEAF)),)


def test_waiting_with_a_timeout_keeps_the_parent(shape):
    async def main():
        await asyncio.wait_for(child(), 5)
        await asyncio.shield(child())

    assert shape(main) == (("main", (CHILD, CHILD)),)


def test_a_callback_is_a_child_of_the_function_that_scheduled_it(shape):
    async def main():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        loop.call_soon(leaf)
        loop.call_later(0, leaf)
        loop.call_at(loop.time(), leaf)
        loop.call_later(0.01, done.set)
        await done.wait()

    assert shape(main) == (("main", (LEAF, LEAF, LEAF)),)


def test_a_callback_from_another_thread_is_a_child_of_who_scheduled_it(shape):
    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def finish():
            leaf()
            done.set()

        def work():
            loop.call_soon_threadsafe(finish)

        thread = threading.Thread(target=work)
        thread.start()
        await done.wait()
        thread.join()

    assert shape(main) == (("main", (("work", (("finish", (LEAF,)),)),)),)


def test_a_done_callback_is_a_child_of_the_function_that_added_it(shape):
    def on_done(_future):
        leaf()

    async def adds(task):
        task.add_done_callback(on_done)

    async def main():
        task = asyncio.create_task(child())
        await adds(task)
        await task
        await asyncio.sleep(0)

    ((name, children),) = shape(main)
    assert (name, set(children)) == ("main", {("adds", (("on_done", (LEAF,)),)), CHILD})


def test_a_coroutine_from_another_thread_is_a_child_of_who_handed_it_over(shape):
    async def main():
        loop = asyncio.get_running_loop()

        def work():
            asyncio.run_coroutine_threadsafe(child(), loop).result()

        await asyncio.to_thread(work)

    assert shape(main) == (("main", (("work", (CHILD,)),)),)


def test_a_thread_pool_of_the_loop_runs_children_of_the_caller(shape):
    async def main():
        await asyncio.to_thread(leaf)
        await asyncio.get_running_loop().run_in_executor(None, leaf)

    assert shape(main) == (("main", (LEAF, LEAF)),)


def test_an_explicit_context_of_a_task_decides_its_parent(shape):
    def context_of():
        return contextvars.copy_context()

    async def main():
        context = context_of()
        await asyncio.create_task(child(), context=context)

    assert shape(main) == (("main", (("context_of", (CHILD,)),)),)


def test_a_signal_handler_of_the_loop_is_a_child_of_who_installed_it(shape):
    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def on_signal():
            leaf()
            done.set()

        loop.add_signal_handler(signal.SIGUSR1, on_signal)
        signal.raise_signal(signal.SIGUSR1)
        await done.wait()
        loop.remove_signal_handler(signal.SIGUSR1)

    assert shape(main) == (("main", (("on_signal", (LEAF,)),)),)


def test_a_reader_callback_is_a_child_of_who_added_it(shape):
    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        near, far = socket.socketpair()

        def on_readable():
            near.recv(1)
            done.set()

        with near, far:
            near.setblocking(False)
            loop.add_reader(near, on_readable)
            far.send(b"x")
            await done.wait()
            loop.remove_reader(near)

    assert shape(main) == (("main", (("on_readable", ()),)),)


def test_an_asynchronous_generator_is_current_only_while_its_body_runs(shape):
    async def numbers():
        leaf()
        yield 1
        await child()
        yield 2

    async def main():
        async for _ in numbers():
            leaf()

    assert shape(main) == (("main", (("numbers", (LEAF, CHILD)), LEAF, LEAF)),)


def test_a_task_that_outlives_its_creator_still_is_its_child(shape):
    async def creator():
        return asyncio.create_task(child())

    async def main():
        task = await creator()
        leaf()
        await task

    assert shape(main) == (("main", (("creator", (CHILD,)), LEAF)),)


def test_create_task_that_fails_leaves_no_context_behind(shape):
    async def main():
        with pytest.raises(TypeError):
            asyncio.create_task(leaf).cancel()
        leaf()

    assert shape(main) == (("main", (LEAF,)),)


def test_a_callback_with_unpacked_arguments_is_a_child_of_the_function_that_scheduled_it(shape):
    async def main():
        done = asyncio.Event()

        def callback(*_):
            leaf()
            done.set()

        def creator(*arguments):
            asyncio.get_running_loop().call_soon(callback, *arguments)

        creator("a", "b")
        await done.wait()

    assert shape(main) == (("main", (("creator", (("callback", (LEAF,)),)),)),)


def test_a_scheduling_that_fails_with_unpacked_arguments_leaves_no_context_behind(shape):
    async def main():
        for arguments in (("no",), ("no", "function")):
            with pytest.raises(TypeError):
                asyncio.get_running_loop().call_later(*arguments, nothing=1)
            leaf()

    assert shape(main) == (("main", (LEAF, LEAF)),)


def test_another_c_call_in_a_hooked_function_does_not_end_the_hook(shape):
    class Loop:
        def create_task(self, coroutine, **keywords):
            len(keywords)
            return asyncio.create_task(coroutine, **keywords)

    async def creator():
        return Loop().create_task(child())

    async def main():
        await (await creator())

    found = shape(main)
    assert found == (("main", (("creator", (("create_task", (CHILD,)),)),)),)


def test_a_hand_written_span_around_a_task_is_its_parent(record, run, tree):
    tracer = trace.get_tracer("hand")

    async def main():
        with tracer.start_as_current_span("hand"):
            task = asyncio.create_task(child())
        await task

    with record() as spans:
        run(main())
    assert tree(spans).shape() == (("main", (("hand", (CHILD,)),)),)


@pytest.mark.parametrize("backend", ["asyncio", "asyncio+uvloop"])
def test_anyio_task_groups_and_threads_keep_the_parent(record, tree, backend):
    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            group.start_soon(child)
        await anyio.to_thread.run_sync(leaf)

    with record() as spans:
        anyio.run(main, backend_options={"use_uvloop": "uvloop" in backend})
    assert tree(spans).shape() == (("main", (CHILD, CHILD, LEAF)),)


def test_anyio_calls_back_from_a_thread_with_the_right_parent(record, tree):
    def work():
        anyio.from_thread.run(child)
        anyio.from_thread.run_sync(leaf)

    async def main():
        await anyio.to_thread.run_sync(work)

    with record() as spans:
        anyio.run(main)
    assert tree(spans).shape() == (("main", (("work", (CHILD, LEAF)),)),)


def test_a_copied_context_carries_its_functions_span(record, tree):
    def copies():
        return contextvars.copy_context()

    def main():
        context = copies()
        context.run(leaf)

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("copies", (LEAF,)),)),)


def test_a_context_copied_by_code_that_is_not_traced_carries_the_span_too(record, tree):
    copies = eval("lambda contextvars: contextvars.copy_context()")

    def main():
        return copies(contextvars)

    with record() as spans:
        main().run(leaf)
    assert tree(spans).shape() == (("main", (LEAF,)),)


def test_a_copied_context_run_in_a_thread_keeps_its_parent(record, tree):
    def copies():
        return contextvars.copy_context()

    def main():
        thread = threading.Thread(target=copies().run, args=(leaf,))
        thread.start()
        thread.join()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("copies", (LEAF,)),)),)


def test_a_thread_is_a_child_of_the_function_that_started_it(record, tree):
    def work():
        leaf()

    def starts():
        thread = threading.Thread(target=work)
        thread.start()
        return thread

    with record() as spans:
        starts().join()
    assert tree(spans).shape() == (("starts", (("work", (LEAF,)),)),)
    assert tree(spans).named("work")[0].attributes["thread.name"].startswith("Thread-")
    assert len({span.trace_id for span in spans}) == 1


def test_a_thread_made_by_one_function_and_started_by_another_is_the_starters(record, tree):
    def makes():
        return threading.Thread(target=leaf)

    def starts(thread):
        thread.start()
        thread.join()

    with record() as spans:
        starts(makes())
    assert tree(spans).parent_of("leaf") == "starts"


def test_a_timer_is_a_child_of_the_function_that_started_it(record, tree):
    def main():
        timer = threading.Timer(0, leaf)
        timer.start()
        timer.join()

    with record() as spans:
        main()
    assert tree(spans).parent_of("leaf") == "main"


def test_a_thread_under_a_hand_written_span_is_its_child(record, tree):
    tracer = trace.get_tracer("hand")

    def main():
        with tracer.start_as_current_span("hand"):
            thread = threading.Thread(target=leaf)
            thread.start()
            thread.join()

    with record() as spans:
        main()
    assert tree(spans).parent_of("leaf") == "hand"


def test_a_thread_that_cannot_start_leaves_nothing_behind(record, tree):
    class Unstartable(threading.Thread):
        def start(self):
            super().start()

    def main():
        thread = Unstartable(target=leaf)
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError):
            thread.start()

    with record() as spans:
        main()
    assert tree(spans).parent_of("leaf") == "start"


def test_pool_work_is_a_child_of_the_function_that_submitted_it(record, tree):
    def first(pool):
        return pool.submit(leaf)

    def second(pool):
        return list(pool.map(lambda _: leaf(), range(2)))

    def main():
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first(pool).result()
            second(pool)

    with record() as spans:
        main()
    assert tree(spans).shape() == (
        ("main", (("first", (LEAF,)), ("second", (("<lambda>", (LEAF,)),) * 2))),
    )


def test_pool_work_submitted_outside_of_traced_code_is_a_root(record, tree):
    with record() as spans, concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(leaf).result()
        pool.submit(leaf).result()
    assert tree(spans).shape() == (LEAF, LEAF)
    assert len({span.trace_id for span in spans}) == 2


def test_cancelled_pool_work_leaves_the_next_works_parent_right(record, tree):
    blocked = threading.Event()

    def main(pool):
        first = pool.submit(blocked.wait)
        second = pool.submit(leaf)
        assert second.cancel()
        blocked.set()
        first.result()

    def after(pool):
        pool.submit(leaf).result()

    with record() as spans, concurrent.futures.ThreadPoolExecutor(1) as pool:
        main(pool)
        after(pool)
    assert tree(spans).parent_of("leaf") == "after"


def test_threads_are_roots_where_handing_over_is_off(record, tree):
    def main():
        thread = threading.Thread(target=leaf)
        thread.start()
        thread.join()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(leaf).result()

    with record(propagate_threads=False) as spans:
        main()
    assert tree(spans).shape() == (("main", ()), LEAF, LEAF)


def test_work_taken_from_a_queue_belongs_to_the_worker_thread(record, tree):
    work = queue.Queue()

    def worker():
        while work.get():
            leaf()

    def main():
        thread = threading.Thread(target=worker)
        thread.start()
        work.put(1)
        work.put(0)
        thread.join()

    with record() as spans:
        main()
    assert tree(spans).shape() == (("main", (("worker", (LEAF,)),)),)


@pytest.mark.parametrize("ratio", ["1.0", "0.0"])
def test_handing_on_works_where_asyncio_and_threading_are_traced_too(record, run, ratio):
    sampled = (
        "[[scope.rules]]\nselector = 'pkg:{asyncio,asyncio.*,concurrent.*,threading}'\n"
        f"exec = 'trace'\n[scope.rules.sampling]\nratio = {ratio}\nkeep_errors = false\n"
    )

    async def main():
        await asyncio.gather(*[asyncio.create_task(child()) for _ in range(3)])
        await asyncio.to_thread(leaf)
        leaf()
        return len(contextvars.Context().run(contextvars.copy_context))

    variables = len(contextvars.copy_context())
    with record(sampled) as spans:
        run(main())
        assert len(contextvars.copy_context()) == variables
        stack = active_session()._leading.recorder.view_this_thread()()
        assert len(stack) == 1
    ids = {span.span_id: span for span in spans}

    def ours_above(span):
        while (span := ids.get(span.parent_span_id)) is not None:
            if ".main" in span.name:
                return True
        return False

    named = [span for span in spans if span.name.endswith((".child", ".leaf"))]
    assert [ours_above(span) for span in named] == [True] * 8
