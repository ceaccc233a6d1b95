"""Objects show their fields, and none of the program's code runs for it."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from tests.filters.chains import filter_text, rule

import codetracer_otel as ct
from codetracer_otel.filters import ModuleNames, builtin_sources, filter_from_text, load_chain
from codetracer_otel.filters.decisions.class_rules import reads_fields
from codetracer_otel.filters.decisions.classifier import compile_chain
from codetracer_otel.instrumentation.values.capture import build_capture
from codetracer_otel.instrumentation.values.limits import ValueLimits
from codetracer_otel.model.clock import SystemClock
from codetracer_otel.model.value import Node, NodeKind, plain_value
from codetracer_otel.testing import capture_spans

HERE = __name__


def capture(value, *, wanted=lambda _cls: True, rules=None, modules=None, **limits):
    build = build_capture(
        ValueLimits(**limits), rules, allow_repr=False, modules=modules or {}, wanted=wanted
    )
    return plain_value(build(value))


class Money:
    __slots__ = ("amount", "currency", "note")

    def __init__(self, amount):
        self.amount = amount
        self.currency = "EUR"


class Order:
    tax = 19

    def __init__(self, **fields):
        self.__dict__.update(fields)

    @property
    def total(self):
        raise AssertionError("a property ran")


class Special(Money):
    def __init__(self, amount, more):
        super().__init__(amount)
        self.more = more


def test_slots_and_the_dictionary_are_read_and_nothing_of_the_class_is():
    assert capture(Order(item="cup", price=Money(3))) == {
        "item": "cup",
        "price": {"amount": 3, "currency": "EUR"},
    }
    assert capture(Special(1, "x")) == {"amount": 1, "currency": "EUR", "more": "x"}


def test_an_object_without_fields_is_its_type():
    assert capture(Order()) == f"<{HERE}.Order>"
    assert capture(object()) == "<object>"


def test_where_the_filter_does_not_want_fields_it_is_the_type():
    assert capture(Order(item=1), wanted=lambda _cls: None) == f"<{HERE}.Order>"
    assert capture(Order(item=1), wanted=lambda _cls: False) == f"<{HERE}.Order>"


def test_an_object_that_holds_itself_ends():
    order = Order(item=1)
    order.again = order
    assert capture(order) == {"item": 1, "again": f"<cycle {HERE}.Order>"}


def test_a_value_has_so_many_fields_in_all():
    orders = [Order(a=1, b=2, c=3) for _ in range(3)]
    assert capture(orders, max_items=4) == [
        {"a": 1, "b": 2, "c": 3},
        {"a": 1, "...": "2 more"},
        f"<{HERE}.Order>",
    ]


def test_what_has_many_fields_is_its_type_inside_another_object():
    many = Order(**{f"field_{number}": number for number in range(9)})
    few = Order(**{f"field_{number}": number for number in range(8)})
    assert capture(Order(app=many, price=few, items=[many])) == {
        "app": f"<{HERE}.Order>",
        "price": {f"field_{number}": number for number in range(8)},
        "items": [f"<{HERE}.Order>"],
    }


def test_what_has_many_fields_shows_them_where_no_object_holds_it():
    fields = {f"field_{number}": number for number in range(9)}
    assert capture([Order(**fields), {"second": Order(**fields)}]) == [fields, {"second": fields}]


def test_a_model_shows_all_of_its_fields_inside_another_object():
    class BaseModel:
        pass

    class Address(BaseModel):
        pass

    address = Address()
    address.__dict__.update({f"field_{number}": number for number in range(9)})
    pydantic = ModuleType("pydantic.main")
    pydantic.BaseModel = BaseModel
    assert capture(Order(to=address), modules={"pydantic.main": pydantic}) == {
        "to": {f"field_{number}": number for number in range(9)}
    }


def test_odd_keys_of_a_dictionary_are_passed_over():
    class Text(str):
        __slots__ = ()

        def __eq__(self, other):
            raise AssertionError("compared")

        def __hash__(self):
            return 5

    order = Order(item=1)
    order.__dict__[Text("odd")] = 2
    order.__dict__[3] = 4
    assert capture(order) == {"item": 1}


class Haunted:
    """An object each hook of which records that it ran."""

    ran: list[str] = []

    def __init__(self, **fields):
        object.__setattr__(self, "_own", fields)

    def __getattribute__(self, name):
        Haunted.ran.append(f"__getattribute__ {name}")
        return object.__getattribute__(self, name)

    def __getattr__(self, name):
        Haunted.ran.append(f"__getattr__ {name}")
        raise AttributeError(name)

    @property
    def __class__(self):
        Haunted.ran.append("__class__")
        return int

    @property
    def __dict__(self):
        Haunted.ran.append("__dict__")
        return {"invented": 1}

    @property
    def token(self):
        Haunted.ran.append("token")
        return "x"


def _hook(name):
    def method(self, *_arguments):
        Haunted.ran.append(name)
        return NotImplemented

    return method


for _name in ("repr", "str", "len", "iter", "bool", "eq", "hash", "format", "dir", "sizeof"):
    setattr(Haunted, f"__{_name}__", _hook(_name))


class Descriptor:
    def __get__(self, instance, owner):
        Haunted.ran.append("descriptor")
        return 1

    def __set__(self, instance, value):
        Haunted.ran.append("descriptor set")


class HauntedSlots:
    __slots__ = ("kept",)
    made = Descriptor()

    def __getattribute__(self, name):
        Haunted.ran.append(f"__getattribute__ {name}")
        return object.__getattribute__(self, name)


def test_no_hook_of_an_object_runs():
    slots = HauntedSlots()
    slots.kept = 5
    haunted = Haunted(a=1)
    Haunted.ran.clear()
    assert capture(Order(slots=slots, haunted=haunted)) == {
        "slots": {"kept": 5},
        "haunted": f"<{HERE}.Haunted>",  # its dictionary cannot be had without its property
    }
    assert Haunted.ran == []


class Refused(Exception):
    def __init__(self, code, token):
        super().__init__(f"refused {code}")
        self.code, self.token = code, token


def test_an_exception_shows_its_arguments_and_the_fields_of_a_class_of_the_program():
    assert capture(Refused(3, "t")) == {"args": ["refused 3"], "code": 3, "token": "t"}
    assert capture(Refused(3, "t"), wanted=lambda _cls: None) == {"args": ["refused 3"]}
    assert capture(ValueError(1)) == {"args": [1]}


# what a filter says


def judge(text, cls):
    sources = [*builtin_sources(), filter_from_text(text)] if text else builtin_sources()
    chain = load_chain(sources)
    names = ModuleNames(chain.roots, sys.modules, SystemClock())
    return reads_fields(compile_chain(chain), names.names_for, sys.modules)(cls)


@pytest.mark.parametrize(
    ("text", "cls", "wanted"),
    [
        ("", Order, True),  # code of the program
        ("", ct.Session, None),  # ours
        ("", pytest.Item, None),  # an installed package
        (f"obj:{HERE}.Order type", Order, False),
        (f"obj:{HERE}.Order type", Money, True),
        ("pkg:_pytest.* fields", pytest.Item, True),
    ],
)
def test_a_class_is_read_as_its_code_is_traced_or_as_a_rule_says(text, cls, wanted):
    if text:
        selector, _, objects = text.partition(" ")
        rules = rule(selector, objects=objects)
        text = filter_text(rules, execute="inherit", values="inherit", version=2)
    assert judge(text, cls) is wanted


# sessions


def take(order):
    return order


class Shelf:
    def __init__(self):
        self.items = [1]

    def count(self, other):
        return self


def test_arguments_and_results_show_fields_and_the_receiver_is_a_type():
    shelf = Shelf()
    with capture_spans() as spans:
        take(Order(item="cup", password="hunter2", customer=Order(api_key="k", name="ann")))
        shelf.count(shelf)
    by_name = {span.name.rpartition(".")[2]: span for span in spans}
    taken, counted = by_name["take"], by_name["count"]
    assert taken.attributes["codetracer.arg.order"] == (
        '{"item":"cup","password":"<redacted>","customer":{"api_key":"<redacted>","name":"ann"}}'
    )
    assert taken.attributes["codetracer.return"] == taken.attributes["codetracer.arg.order"]
    assert counted.attributes["codetracer.arg.self"] == f"<{HERE}.Shelf>"
    assert counted.attributes["codetracer.arg.other"] == '{"items":[1]}'


def test_the_receiver_of_a_call_is_no_node_with_fields():
    build = build_capture(ValueLimits(), None, allow_repr=False, modules={}, wanted=lambda _: True)
    captured = build(Shelf(), True)
    assert captured == Node(NodeKind.OBJECT, f"{HERE}.Shelf")
