"""The independent list of calls, against which spans are counted, must itself be right."""

from __future__ import annotations

import textwrap

from tests.shop_calls import Call, independent_calls, paths, select


def tree(calls):
    return paths((call.number, call.parent, call.name) for call in calls)


def calls_of(tmp_path, program):
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    return independent_calls(script, out=tmp_path / "calls.json")


def test_a_generator_is_one_call_and_its_consumers_calls_are_not_its_children(tmp_path):
    calls = calls_of(
        tmp_path,
        """
        def numbers():
            yield from (1, 2)
        def use(number): pass
        def main():
            for number in numbers():
                use(number)
        main()
        """,
    )

    assert tree(calls) == {
        ("<__main__>",): 1,
        ("<__main__>", "__main__.main"): 1,
        ("<__main__>", "__main__.main", "__main__.numbers"): 1,
        ("<__main__>", "__main__.main", "__main__.use"): 2,
    }


def test_a_task_belongs_to_its_creator_and_pool_work_to_its_submitter(tmp_path):
    calls = calls_of(
        tmp_path,
        """
        import asyncio
        async def child():
            await asyncio.to_thread(work)
        def work(): pass
        async def parent():
            await asyncio.gather(child(), child())
        asyncio.run(parent())
        """,
    )

    root = ("<__main__>", "__main__.parent")
    assert tree(calls) == {
        root[:1]: 1,
        root: 1,
        (*root, "__main__.child"): 2,
        (*root, "__main__.child", "__main__.work"): 2,
    }


def test_calls_that_are_not_selected_leave_their_children_to_the_caller_above():
    calls = [Call(0, None, "m", "a", 1), Call(1, 0, "m", "b", 1), Call(2, 1, "m", "c", 1)]

    kept = select(calls, lambda call: call.qualname != "b")

    assert tree(kept) == {("m.a",): 1, ("m.a", "m.c"): 1}


def test_a_parent_that_is_missing_is_visible_in_the_path():
    assert paths([(1, 7, "orphan")]) == {("missing parent 7", "orphan"): 1}
