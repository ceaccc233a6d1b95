"""No code of the program runs by default: every method of an argument is a trap."""

import pytest


class Traps(type):
    """Records whatever is asked of the class."""

    seen = []

    def __getattribute__(cls, name):
        Traps.seen.append(("class", name))
        return super().__getattribute__(name)

    def __instancecheck__(cls, instance):
        Traps.seen.append("__instancecheck__")
        return False

    def __subclasscheck__(cls, other):
        Traps.seen.append("__subclasscheck__")
        return False


def trap(name):
    def method(self, *_arguments):
        Traps.seen.append(name)
        raise AssertionError(name)

    return method


NAMES = [
    "__repr__",
    "__str__",
    "__eq__",
    "__hash__",
    "__len__",
    "__iter__",
    "__bool__",
    "__getattr__",
    "__getattribute__",
    "__int__",
    "__float__",
    "__index__",
    "__format__",
    "__bytes__",
    "__contains__",
    "__getitem__",
    "__next__",
    "__lt__",
    "__enter__",
    "__call__",
    "__dir__",
    "__sizeof__",
    "__reduce_ex__",
    "__fspath__",
    "keys",
    "items",
]


def trapped_class(name, base):
    namespace = {name: trap(name) for name in NAMES}
    return Traps(name, (base,), {**namespace, "__class__": property(trap("__class__"))})


INSTANCES = {
    "object": trapped_class("Object", object)(),
    "text": trapped_class("Text", str)("text"),
    "items": trapped_class("Items", list)([1]),
    "mapping": trapped_class("Mapping", dict)({1: 2}),
    "number": trapped_class("Number", int)(5),
    "error": trapped_class("Error", Exception)("x"),
}


def takes(value, *rest, **named):
    local = value
    return local


def yields(value):
    yield value


@pytest.mark.parametrize("name", INSTANCES)
@pytest.mark.parametrize("capture", [("args", "return"), ("args", "return", "locals", "globals")])
def test_by_an_argument_a_local_or_a_result(record, name, capture):
    value = INSTANCES[name]
    with record(capture=capture) as spans:
        Traps.seen.clear()
        takes(value, value, key=value)
        takes([value], {"key": value}, (value,))
        for _ in yields(value):
            pass
        seen = list(Traps.seen)
    assert seen == []
    assert Traps.seen == []
    assert len(spans) == 3


def test_by_an_exception_that_leaves_a_function(record):
    def fails():
        raise INSTANCES["error"]

    def seen():
        Traps.seen.clear()
        try:
            fails()
        except BaseException:
            pass
        return list(Traps.seen)

    untraced = seen()  # `raise` itself asks for __subclasscheck__
    with record() as spans:
        traced = seen()
    assert traced == untraced
    spans = [span for span in spans if span.name.endswith(".fails")]
    assert spans[0].status.name == "ERROR"


def test_by_a_redacted_argument(record):
    rules = (
        "[[scope.rules]]\nselector = 'obj:glob:*.takes'\n"
        "[[scope.rules.value_patterns]]\nselector = 'arg:value'\naction = 'redact'\n"
    )
    with record(rules) as spans:
        Traps.seen.clear()
        takes(INSTANCES["object"])
        assert Traps.seen == []
    assert spans[0].attributes["codetracer.arg.value"] == "<redacted>"
