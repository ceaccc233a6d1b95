"""Holds what a recorder keeps for one traced code object beside its pure plan."""

from __future__ import annotations

import weakref
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.types import Action
from codetracer_otel.instrumentation.values.adjacent_secrets import (
    is_secret_name,
    naming_variables,
    paired_variables,
    told_variables,
    without_named_secret,
)
from codetracer_otel.instrumentation.values.frame_variables import (
    CO_OPTIMIZED,
    HAS_LIVE_F_LOCALS,
    reads_one_by_one,
    variable_reader,
)
from codetracer_otel.model.value import REDACTED_NODE, Captured, Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType, FrameType

    from codetracer_otel.filters.types import Learn, WalkRules
    from codetracer_otel.instrumentation.plan_builder import PlannedCode
    from codetracer_otel.instrumentation.spans.sampling import RuleSampler
    from codetracer_otel.model.record import Plan, Variable

# Values of these exact types need no copy and keep nothing else alive. By id: asking a set for a
# type would call the hash that a metaclass of the program gives it.
PLAIN_TYPE_IDS: Final = frozenset(map(id, (type(None), bool, int, float)))

# Texts up to this length are taken as they are and not counted one by one: the record buffer's
# share for a record covers four of them.
SHORT_TEXT: Final = 128

_NEIGHBOUR: Final = "what another variable names"  # where a value was hidden first, for people

_SUSPENDING: Final = frozenset({"generator", "coroutine", "async_generator"})


class Captures:
    """The value captures of a session, one for each set of walk rules.

    Args:
        build: makes a capture.
    """

    def __init__(self, build: Callable[[WalkRules | None], Callable[[object], Captured]]) -> None:
        self._build = build
        self._known: dict[int, tuple[WalkRules | None, Callable[[object], Captured]]] = {}

    def of(self, attribute_rules: WalkRules | None) -> Callable[[object], Captured]:
        """Return the capture for the rules, always the same one."""
        known = self._known.get(id(attribute_rules))
        if known is None:  # the walk is kept beside its capture, so that its id stays taken
            known = self._known[id(attribute_rules)] = (
                attribute_rules,
                self._build(attribute_rules),
            )
        return known[1]


def forget_in(
    traced_codes: dict[int, Any], key: int, settle: Callable[[Any], None] | None = None
) -> Callable[[weakref.ref[CodeType]], None]:
    """Return the callback of a weak reference to code: takes the entry of ``key`` out of a table.

    Entries hold that reference as ``reference``; ``settle`` is called with the entry before.
    """

    def forget(reference: weakref.ref[CodeType]) -> None:
        traced_code = traced_codes.get(key)
        if traced_code is not None and traced_code.reference is reference:
            if settle is not None:
                settle(traced_code)
            del traced_codes[key]

    return forget


class TracedCode:
    """One traced code object.

    Attributes:
        plan: pure data, handed on with every record; None for a hook alone.
        read: takes the captured arguments out of ``f_locals``, and teaches the hidden ones; None
            when there are neither.
        is_single: ``read`` returns the bare value, not a tuple.
        has_receiver: the first argument is the object whose method is called.
        clears: ``f_locals`` must be emptied after reading, or it keeps the arguments alive (3.12).
        plain_type_ids: ids of the exact types whose values pass without a look.
        takes_plain: whether there are any.
        short_text: texts up to this length pass as they are; -1 for none.
        capture: makes a captured value of anything.
        is_special: some feature beyond arguments and return; `read_arguments` is used then.
        suspends: generator or coroutine.
        start_offset: bytecode offset of PY_START, for throws into never-started generators.
        call_adoption: of hand-written spans on calls of this code, see `call_adoption`; None for
            none.
        hook: called before recording, see `propagation`; None for none.
        sampler: decides per call; None for always.
        ratio_threshold: trace ids whose ratio key reaches it are left out; None for no such rule.
            Set only where this is all there is to decide, so that it costs one comparison.
        shown_locals: names that are read at the end; a redacted one is not even looked up, and
            stands there whether it was assigned or not. So it is with ``shown_globals``.
        learn: takes what is hidden because of its name.
        module_hint: what the module calls itself, to plan the code again.
        reads_at_exit: variables are read as a call ends in any way; ``reads_at_error``: as an
            exception leaves it, which costs a call that returns nothing.
        reads_one_by_one: arguments are not read through ``f_locals``.
        taught_locals: names and places of locals whose values are learned at the end; likewise
            ``taught_globals``.
        seen: calls so far that a sampler was asked about.
        told_plan: of a call whose argument names a secret, which its result then is if it holds
            text; None where no argument may, or the result is shown.
        paired_locals: those of ``shown_locals`` of which one may name the other as a secret.
        kept: calls below ``ratio_threshold``, as the start callback decided; ``sampled_out``: those
            beyond.
    """

    __slots__ = (
        "_keywords",
        "_naming",
        "_paired",
        "call_adoption",
        "capture",
        "clears",
        "has_receiver",
        "hook",
        "is_single",
        "is_special",
        "kept",
        "learn",
        "module_hint",
        "paired_locals",
        "plain_type_ids",
        "plan",
        "ratio_threshold",
        "read",
        "reads_at_error",
        "reads_at_exit",
        "reads_one_by_one",
        "reference",
        "sampled_out",
        "sampler",
        "seen",
        "short_text",
        "shown_globals",
        "shown_locals",
        "start_offset",
        "suspends",
        "takes_plain",
        "taught",
        "taught_globals",
        "taught_locals",
        "told_plan",
    )

    def __init__(
        self,
        code: CodeType,
        planned: PlannedCode,
        capture: Callable[..., Captured],
        forget: Callable[[weakref.ref[CodeType]], None],
        sampler: RuleSampler | None = None,
    ) -> None:
        plan = planned.plan
        names = plan.argument_names
        has_type_rules = plan.attribute_rules is not None and plan.attribute_rules.has_type_patterns
        self.plan: Any = plan  # Any: a hook's is None, and the callbacks do not ask twice
        self.capture = capture
        self.reference = weakref.ref(code, forget)
        self.learn = planned.learn
        self.module_hint = planned.module_hint
        self.taught = _taught(plan.arguments)
        self.read = self._reader(names)
        self.is_single = len(names) == 1
        self.has_receiver = names[:1] == ("self",)
        self.clears = not HAS_LIVE_F_LOCALS and bool(code.co_flags & CO_OPTIMIZED)
        self.takes_plain = not has_type_rules
        self.plain_type_ids = PLAIN_TYPE_IDS if self.takes_plain else frozenset()
        self.short_text = -1 if has_type_rules else SHORT_TEXT
        self.suspends = plan.kind in _SUSPENDING
        self.start_offset = -1
        self.sampler = sampler
        self.ratio_threshold = None if sampler is None else sampler.ratio_threshold
        self.seen = self.kept = self.sampled_out = 0
        self.hook: Any = None
        self.call_adoption: Any = None
        self.reads_at_error = bool(plan.locals or plan.globals)
        self.reads_at_exit = self.reads_at_error and not (plan.locals_on_error and not plan.globals)
        self.shown_locals = _shown(plan.locals)
        self.shown_globals = _shown(plan.globals)
        self.taught_locals = _taught(plan.locals)
        self.taught_globals = _taught(plan.globals)
        read = (*names, *[name for name, _ in self.taught])
        self.reads_one_by_one = bool(read) and reads_one_by_one(code, read)
        self.paired_locals = (
            () if plan.attribute_rules is None else paired_variables(self.shown_locals)
        )
        self._paired = () if plan.attribute_rules is None else paired_variables(names)
        self._naming = () if plan.attribute_rules is None else naming_variables(names)
        self.told_plan: Plan | None = planned.told_plan if self._naming else None
        self._keywords = planned if planned.keywords_name in names else None
        self.is_special = self._needs_special_start()

    def _needs_special_start(self) -> bool:
        return self.reads_one_by_one or not self.is_plain_call

    @property
    def is_plain_call(self) -> bool:
        """Whether a call is its arguments, its result and a ratio that keeps it."""
        has_odd_values = self._keywords is not None or bool(self._paired)
        return self.is_simple_call and not (self.suspends or has_odd_values)

    @property
    def names_secrets(self) -> bool:
        """Whether an argument may say of another one, or of the result, that it is a secret."""
        return bool(self._paired) or self.told_plan is not None

    @property
    def is_simple_call(self) -> bool:
        """Whether a call is its values and a ratio that keeps it, whatever the values are."""
        return self.plan is not None and not (
            (self.sampler is not None and (self.ratio_threshold is None or self.suspends))
            or self.plan.root
            or self.reads_at_exit
            or self.hook is not None
            or self.call_adoption is not None
        )

    @property
    def special_reason(self) -> str:
        """What calls of this code have beyond values and a ratio, for people."""
        has = {
            "hook": self.hook is not None,
            "hand-written span": self.call_adoption is not None,
            "root": self.plan.root,
            "locals": self.reads_at_exit,
            "sampling": self.sampler is not None,
            "generator": self.suspends,
        }
        return next((reason for reason, is_so in has.items() if is_so), "arguments")

    def count(self, kept: int, sampled_out: int) -> None:
        """Count calls that compiled code has decided about by ratio."""
        self.kept += kept
        self.sampled_out += sampled_out
        if self.reference() is None:
            self.settle_counts()

    def settle_counts(self) -> None:
        """Give the counts to the sampler, before the code object is gone."""
        if self.sampler is not None and (self.kept or self.sampled_out):
            counters = self.sampler.counters
            counters["seen"] += self.kept + self.sampled_out
            counters["kept"] += self.kept
            counters["dropped_ratio"] += self.sampled_out
        self.kept = self.sampled_out = 0

    @property
    def naming(self) -> tuple[int, ...]:
        """Places of arguments that may say that others, or the result, are secrets."""
        return self._naming if self.names_secrets else ()

    def hide_told(self, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], bool]:
        """Return arguments, those hidden that others name, and whether the result is to be, too."""
        return self.without_told(values, self._paired), self.tells_result(values)

    def tells_result(self, values: Sequence[Any]) -> bool:
        """Return whether one of the arguments says that the result is a secret."""
        if self.told_plan is None:
            return False
        rules = self.plan.attribute_rules
        return True in [is_secret_name(values[index], rules) for index in self._naming]

    @property
    def keywords_index(self) -> int:
        """The place of ``**kwargs`` among the arguments, -1 for none."""
        if self._keywords is None:
            return -1
        index: int = self.plan.argument_names.index(str(self._keywords.keywords_name))
        return index

    def keyword_action(self, key: str) -> Action:
        """Return what is done with a key of ``**kwargs``, as for an argument of that name."""
        assert self._keywords is not None
        action = self._keywords.judge_keyword(key)
        attribute_rules: WalkRules | None = self.plan.attribute_rules
        if action is not Action.ALLOW or attribute_rules is None:
            return action
        return attribute_rules.attribute_action(key)

    def capture_keywords(self, keywords: dict[str, Any]) -> Node:
        """Return captured ``**kwargs``."""
        assert self._keywords is not None
        return judged_keywords(keywords, self._keywords, self)

    def _reader(self, names: tuple[str, ...]) -> Callable[[Any], Any] | None:
        """Return what reads arguments; code without hidden ones pays nothing for them."""
        read = itemgetter(*names) if names else None
        return _teaching_reader(read, self.taught, self.learn) if self.taught else read

    def teach(self, values: Iterable[Any], taught: tuple[tuple[str, str], ...]) -> None:
        """Let hidden values be known; ``taught``: their names and places."""
        for value, (_, place) in zip(values, taught, strict=True):
            self.learn(value, place)

    def read_arguments(self, frame: FrameType) -> tuple[Captured, ...]:
        """Return the captured arguments of a frame that has just begun."""
        return self.read_call(frame)[1]

    def read_call(self, frame: FrameType) -> tuple[Plan, tuple[Captured, ...]]:
        """Return the plan of a call that has just begun, and its captured arguments."""
        if self.read is None:
            return self.plan, ()
        values = self._read_values(frame)
        plan: Any = self.told_plan if self.tells_result(values) else self.plan
        if self._keywords is not None:
            values = self._replace_keywords(values)
        if self._paired:
            values = self.without_told(values, self._paired)
        return plan, self.capture_all(values)

    def capture_all(self, values: Sequence[Any]) -> tuple[Captured, ...]:
        """Return the captured form of all arguments."""
        if not self.has_receiver:
            return tuple([self.capture_quickly(value) for value in values])
        others = [self.capture_quickly(value) for value in values[1:]]
        return (self.capture(values[0], True), *others)

    def capture_quickly(self, value: Any) -> Captured:
        """Return ``value`` itself where it needs no copy, else its captured form."""
        kind = type(value)
        if id(kind) in self.plain_type_ids or (kind is str and len(value) <= self.short_text):
            return value  # type: ignore[no-any-return]
        return value if type(value) is Node else self.capture(value)

    def without_told(
        self, values: Sequence[Any], paired: tuple[tuple[int, int], ...]
    ) -> tuple[Any, ...]:
        """Return the values of variables, those hidden that another one names as secrets."""
        told = told_variables(
            values, paired, lambda name: is_secret_name(name, self.plan.attribute_rules)
        )
        for index in told:
            self.learn_neighbour(values[index])
        return tuple([REDACTED_NODE if n in told else it for n, it in enumerate(values)])

    def learn_neighbour(self, value: object) -> None:
        """Learn a value that another variable names as a secret."""
        self.learn(value, (_NEIGHBOUR, f" at {self.plan.file}:{self.plan.line}"))

    def _read_values(self, frame: FrameType) -> tuple[Any, ...]:
        if self.reads_one_by_one:
            read_variable = variable_reader()
            if self.taught:
                hidden = [read_variable(frame, name) for name, _ in self.taught]
                self.teach(hidden, self.taught)
            return tuple([read_variable(frame, name) for name in self.plan.argument_names])
        namespace = frame.f_locals
        assert self.read is not None
        values = self.read(namespace)
        if self.clears:
            namespace.clear()
        return (values,) if self.is_single else values

    def _replace_keywords(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        index = self.keywords_index
        return (*values[:index], self.capture_keywords(values[index]), *values[index + 1 :])


def _taught(variables: tuple[Variable, ...]) -> tuple[tuple[str, str], ...]:
    return tuple([(variable.name, variable.place) for variable in variables if variable.place])


def _teaching_reader(
    read: Callable[[Any], Any] | None, taught: tuple[tuple[str, str], ...], learn: Learn
) -> Callable[[Any], Any]:
    def read_and_teach(namespace: Any) -> Any:
        for name, place in taught:
            learn(namespace[name], place)
        return () if read is None else read(namespace)

    return read_and_teach


def _shown(variables: tuple[Variable, ...]) -> tuple[str, ...]:
    return tuple([variable.name for variable in variables if not variable.redacted])


class HookCode(TracedCode):
    """A code object that is not traced, but shows where the program hands work on."""

    def __init__(
        self,
        code: CodeType,
        hook: Callable[[CodeType, FrameType], bool],
        forget: Callable[[weakref.ref[CodeType]], None],
        module_hint: str | None = None,
    ) -> None:
        self.module_hint = module_hint
        self.plan = None
        self.kept = self.sampled_out = 0
        self.sampler = self.ratio_threshold = None
        self.hook = hook
        self.call_adoption = self.told_plan = None
        self.reference = weakref.ref(code, forget)
        self.is_special = True
        self.suspends = self.reads_at_exit = self.reads_at_error = False
        self.start_offset = -1


_MAX_KEYWORDS: Final = 32


def judged_keywords(
    keywords: dict[str, Any], planned: PlannedCode, traced_code: TracedCode
) -> Node:
    """Return captured ``**kwargs`` whose keys were judged like argument names."""
    items: list[tuple[Captured, Captured]] = []
    attribute_rules = traced_code.plan.attribute_rules
    given = without_named_secret(
        tuple(keywords),
        tuple(keywords.items()),
        lambda name: is_secret_name(name, attribute_rules),
        traced_code.learn,
    )
    for key, value in given:
        if len(items) == _MAX_KEYWORDS:
            break
        action = planned.judge_keyword(key)
        is_allowed = action is Action.ALLOW
        if is_allowed and attribute_rules is not None:
            action = attribute_rules.attribute_action(key)
        if action is Action.REDACT:
            if is_allowed or planned.is_secret_keyword(key):
                traced_code.learn(
                    value, (f"arg {key}", f" at {traced_code.plan.file}:{traced_code.plan.line}")
                )
            items.append((key, REDACTED_NODE))
        elif action is not Action.DROP:
            items.append((key, traced_code.capture_quickly(value)))
    omitted = max(len(keywords) - _MAX_KEYWORDS, 0)
    return Node(NodeKind.MAPPING, "dict", tuple(items), omitted)
