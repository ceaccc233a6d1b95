"""Makes the source of random programs: functions of every kind that call one another."""

from __future__ import annotations

import random  # noqa: TC003 - in signatures of what other modules call

KINDS = ("function", "function", "function", "method", "generator", "coroutine", "asyncgen")
SIGNATURES = (
    ("", 0),
    ("a", 1),
    ("a, b=None", 2),
    ("a, /, b, *, key=1", 2),
    ("a, *rest", 3),
    ("a=1, *rest, key=2, **more", 2),
    ("**more", 0),
    ("password, a=1", 2),
    ("a, b=1, c=2, d=3, token='t'", 4),
    (", ".join(f"a{index}=0" for index in range(40)), 5),
    ("*args, **kwargs", 3),
)
SIMPLE = (
    ("x = world.value()",),
    ("x = world.call({call})",),
    ("x = world.call({call})",),
    ("x = [world.call({call}) for _ in range(2)]",),
    ("world.saw(x)",),
    ("y = x; x = None",),
    ("if world.chance(0.15):", "    raise world.error()"),
    ("if world.chance(0.1):", "    return x"),
    ("try:", "    x = world.call({call})", "except Exception as e:", "    world.saw(type(e))"),
    (
        "try:",
        "    world.call({call})",
        "except* ValueError as e:",
        "    world.saw(1)",
        "except* Exception:",
        "    pass",
    ),
    ("try:", "    world.call({call})", "finally:", "    world.call({call})"),
    (
        "try:",
        "    raise world.error()",
        "except Exception as e:",
        "    if world.chance(0.3): raise KeyError(x) from e",
    ),
    ("with world.manager():", "    world.call({call})"),
    ("with world.attached():", "    x = world.call({call})"),
    ("with world.span():", "    x = world.call({call})"),
    (
        "def inner(z=1, *, t=x):",
        "    nonlocal x",
        "    x = world.call({call})",
        "    return x",
        "inner()",
    ),
    ("x = (lambda p=x: world.call({call}))()",),
    ("x = sum(1 for _ in (world.call({call}), 2))",),
    ("class Local:", "    field = x", "    def __del__(self): world.finalize()", "Local()"),
    (
        "class Local:",
        "    def __getattr__(self, n): return world.call({call})",
        "    __repr__ = __str__ = lambda self: world.call({call}) and 'x'",
        "x = Local()",
    ),
    (
        "def many(n):",
        "    return many(n - 1) if n > 0 else world.call({call})",
        "many(7)",
    ),
    ("world.keep(x)",),
    ("world.let_go()",),
    ("world.moment()",),
    ("world.moment()",),
    ("def deeper():", "    deeper()", "world.recurse(deeper)"),
    ("for _ in range(3):", "    world.call({call})"),
    ("del x", "x = None"),
    ("world.switch()",),
    ("x = world.variables(locals())",),
)
STEPS = {
    "generator": (
        ("x = yield x",),
        ("x = yield world.value()",),
        ("x = yield from world.generator({call})",),
        ("try:", "    yield 1", "except Surprise:", "    yield world.value()"),
        ("try:", "    yield 1", "finally:", "    world.call({call})"),
        ("try:", "    yield 1", "except GeneratorExit:", "    if world.chance(0.2): yield 2"),
        ("with world.attached():", "    yield x"),
        ("with world.span():", "    yield x"),
    ),
    "coroutine": (
        ("x = await world.pause()",),
        ("x = await world.coroutine({call})",),
        ("async for x in world.asyncgen({call}):", "    world.saw(x)", "    break"),
        ("async with world.async_manager():", "    await world.pause()"),
        ("try:", "    await world.pause()", "finally:", "    world.call({call})"),
        ("try:", "    await world.pause()", "finally:", "    await world.pause()"),
        ("with world.attached():", "    await world.pause()"),
        ("with world.span():", "    await world.coroutine({call})"),
    ),
    "asyncgen": (
        ("x = yield x",),
        ("await world.pause()",),
        ("try:", "    yield 1", "finally:", "    await world.pause()"),
        ("x = await world.coroutine({call})",),
        ("async for x in world.asyncgen({call}):", "    yield x"),
    ),
}


class Program:
    """A source text, and what its functions are.

    Attributes:
        source: a module that expects ``world`` and ``Surprise`` in its globals.
        kinds: of each function, whose name is ``f`` and its number.
        counts: how many positional arguments each takes without complaint.
    """

    def __init__(self, pick: random.Random) -> None:
        self.kinds = [pick.choice(KINDS) for _ in range(pick.randrange(6, 22))]
        shapes = [pick.choice(SIGNATURES) for _ in self.kinds]
        self.counts = [count for _, count in shapes]
        parts = [
            _function(pick, number, kind, signature, len(self.kinds))
            for number, (kind, (signature, _)) in enumerate(zip(self.kinds, shapes, strict=True))
        ]
        self.source = "\n\n".join(parts) + "\n"


def _function(pick: random.Random, number: int, kind: str, signature: str, count: int) -> str:
    choices = SIMPLE + 3 * STEPS.get(kind, ())
    lines = ["x = None"]
    for _ in range(pick.randrange(1, 7)):
        statement = pick.choice(choices)
        if kind == "asyncgen" and any("return x" in line for line in statement):
            continue
        lines += [line.format(call=pick.randrange(count)) for line in statement]
    if kind in ("generator", "asyncgen"):
        lines.append("yield x")
    if kind != "asyncgen":
        lines.append("return x")
    prefix = "async def" if kind in ("coroutine", "asyncgen") else "def"
    body = "\n".join(f"    {line}" for line in lines)
    if kind != "method":
        return f"{prefix} f{number}({signature}):\n{body}"
    inner = f"{prefix} method({', '.join(filter(None, ('self', signature)))}):\n{body}"
    indented = "\n".join(f"    {line}" for line in inner.split("\n"))
    return (
        f"class C{number}:\n    def __init__(self): self.field, self.secret = [1], 's'\n"
        f"{indented}\nf{number} = C{number}().method"
    )
