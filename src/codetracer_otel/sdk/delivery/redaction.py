"""Redaction by content, on the worker thread, before any exporter sees a value.

Texts of a batch are judged together, per set of rules: the builtin shapes are searched on joined
texts, which costs a third of searching them one by one.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codetracer_otel.filters.secrets.redactor import KNOWN_KIND
from codetracer_otel.filters.types import CodeIdentity, ContentCounters, learn_nothing
from codetracer_otel.model.bounds import DEFAULT_BOUNDS
from codetracer_otel.model.record import (
    ARGUMENTS,
    EXTRAS,
    PARENT_ID,
    PLAN,
    RESULT,
    SEGMENT,
    SpanDetails,
    stack_trace_text,
)
from codetracer_otel.model.record_block import EVERY_TEXT, NOT_AT_ALL, SUSPECTS, RecordBlock
from codetracer_otel.model.value import DROPPED, Node, attribute_value
from codetracer_otel.model.value_texts import texts_in
from codetracer_otel.sdk.delivery.attribute_keys import judge_keys, key_actions
from codetracer_otel.sdk.delivery.span_texts import (
    cut_texts_of_record,
    cut_texts_of_view,
    note_in_record,
    note_in_view,
    replace_in_record,
    replace_in_view,
    texts_of_extras,
    texts_of_view,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from codetracer_otel.filters import Classifier, Decision
    from codetracer_otel.filters.secrets.redactor import ContentRules
    from codetracer_otel.model.bounds import SpanBounds
    from codetracer_otel.model.record import Event, Link, Plan, Record
    from codetracer_otel.model.span_view import SpanView
    from codetracer_otel.sdk.delivery.known_secrets import KnownSecrets
    from codetracer_otel.sdk.delivery.span_texts import Text

    Render = Callable[[Sequence[Record], Sequence[SpanView]], None]

_MAX_DECISIONS: Final = 1024


class ContentRedaction:
    """Replaces secrets by shape in records and in the spans of others.

    Args:
        classifier: decides which rules are about spans that are not function spans.
        bounds: to which texts are cut once they are judged.
        render: what is done in place with a batch once it is redacted.
        known: the known secrets of the session; None where none are learned.
    """

    def __init__(
        self,
        classifier: Classifier,
        render: Render | None = None,
        bounds: SpanBounds = DEFAULT_BOUNDS,
        known: KnownSecrets | None = None,
    ) -> None:
        self._bounds = bounds
        self._classifier = classifier
        self._known = known
        self._generation = 0
        self._render = render
        self._decisions: dict[tuple[str, str, str], Decision] = {}
        classifier.when_replaced(self._forget_decisions)
        self._rules: dict[int, ContentRules] = {}
        self._shown = {""}  # names of threads and trace states without a secret
        self.counters: Counter[str] = Counter()
        self._judged = ContentCounters()  # not told: a text is judged once for a batch of spans

    def redact(self, records: Sequence[Record], views: Sequence[SpanView]) -> Sequence[SpanView]:
        """Redact records and views in place, and return the views.

        Where the stack has no room for it, it can be called again with the same records and views
        made anew, and counts what it replaces once.
        """
        counted: Counter[str] = Counter()
        block = RecordBlock.of(records)
        if self._known is not None:
            self._known.settle()
        _complete(block)
        self._judge_segments(block)
        decisions = [self._decision_about(view) for view in views]
        for view, decision in zip(views, decisions, strict=True):
            counted["attribute"] += self._judge_keys(view, decision)
        judged = list(zip(views, decisions, strict=True))
        counted += self._redact_texts(block, judged)
        if self._has_learned():  # of this batch: what was judged before it may hold it
            counted += self._redact_texts(block, judged)
        for record in block.owned():
            if record[EXTRAS] is not None and record[EXTRAS].events:
                _complete_events(record[EXTRAS].events)
        changes_every_record = self._render is not None or self._bounds.cut_texts
        owned = block.take_over_all() if changes_every_record else block.owned()
        if self._render is not None:
            self._render(owned, views)
        if self._bounds.cut_texts:
            self._cut(owned, views)
        self._count(block, counted)
        return views

    def _cut(self, records: Sequence[Record], views: Sequence[SpanView]) -> None:
        for record in records:
            cut_texts_of_record(record, self._bounds)
        for view in views:
            cut_texts_of_view(view, self._bounds)

    def _count(self, block: RecordBlock, counted: Counter[str]) -> None:
        for plan, calls in block.plans():
            for kind, count in plan.redactions:
                counted[kind] += calls * count
        for record in block.owned():
            plan = record[PLAN]
            if plan.locals_on_error and record[EXTRAS] is not None and record[EXTRAS].locals:
                counted["local"] += sum(variable.redacted for variable in plan.locals)
        self.counters.update(counted)

    def stats(self) -> dict[str, Any]:
        """Return how many values were redacted, by kind and by secret, and how many timed out."""
        redactions = Counter(self.counters)
        rules = list(self._rules.values())  # the worker adds to it
        shared = {id(item.counters): item.counters for item in rules}.values()
        for item in shared:
            of_known = item.redactions.get(KNOWN_KIND, 0)
            redactions[KNOWN_KIND] += of_known
            redactions["content"] += sum(item.redactions.values()) - of_known
        timeouts = sum(item.timeouts for item in shared)
        return {
            "value_redactions": {kind: count for kind, count in redactions.items() if count},
            "known_secrets": 0 if self._known is None else len(self._known),
            "known_secrets_met": {} if self._known is None else self._known.most_met(),
            "content_timeouts": timeouts,
        }

    def _redact_texts(
        self, block: RecordBlock, views: Sequence[tuple[SpanView, Decision]]
    ) -> Counter[str]:
        """Judge all texts; return how many were replaced in views, and count those in records."""
        groups: dict[int, _Group] = {}
        for record in block.owned():
            rules = record[PLAN].text_rules
            if rules is not None:
                group = groups.get(id(rules))
                (group or self._new_group(groups, rules, block)).records.append(record)
        windows = () if self._known is None else self._known.windows
        modes: dict[int, int] = {}  # by the rules of plans, which many have in common
        judging = partial(self._judging, modes, sees_known=windows is not None)
        for index, text in block.suspicious(judging, windows or ()):
            rules = block.plan_of(index).text_rules
            group = groups.get(id(rules)) or self._new_group(groups, rules, block)
            if text is None:
                group.records.append(block.take_over(index))
            else:
                group.suspects.setdefault(text, []).append(index)
        for view, decision in views:
            own = () if view.text_rules is decision.text_rules else (view.text_rules,)
            for rules in (*own, decision.text_rules):
                if rules is not None:
                    group = groups.get(id(rules))
                    (group or self._new_group(groups, rules, block)).views.append(view)
        try:
            return sum([group.redact(self._judged) for group in groups.values()], Counter[str]())
        finally:
            # they stay replaced, even if the batch has to be judged again
            for group in groups.values():
                self.counters.update(group.in_records)

    def _judging(self, modes: dict[int, int], plan: Plan, *, sees_known: bool) -> int:
        """Return how the texts of a plan's records are judged where a block is bytes."""
        rules = plan.text_rules
        if rules is None:
            return NOT_AT_ALL
        mode = modes.get(id(rules))
        if mode is None:
            is_seen = not rules.known or (sees_known and rules.known is self._known)
            mode = SUSPECTS if is_seen and not rules.looks_at_every_text else EVERY_TEXT
            modes[id(rules)] = mode
        return mode

    def _has_learned(self) -> bool:
        """Return whether more secrets are known than when this was asked last."""
        if self._known is None:
            return False
        before, self._generation = self._generation, self._known.generation
        return self._generation != before

    def _new_group(self, groups: dict[int, _Group], rules: Any, block: RecordBlock) -> _Group:
        self._rules[id(rules)] = rules
        group = groups[id(rules)] = _Group(rules, block)
        return group

    def _forget_decisions(self) -> None:
        self._decisions = {}
        self._shown = {""}

    def _judge_segments(self, block: RecordBlock) -> None:
        """Replace secrets in names of threads and in the state that a remote parent has sent.

        Segments outlive the batch, and what is called next sends their state on as it came.
        """
        if self._has_learned():
            self._shown = {""}
        segments = block.segments()
        texts = {text for one in segments for text in (one.thread_name, one.trace_state)}
        for text in texts - self._shown:
            rules = next((plan.text_rules for plan, _ in block.plans() if plan.text_rules), None)
            shown = text if rules is None else rules.redact_texts([text], None, self._judged)[0]
            if shown == text:
                self._remember_shown(text)
                continue
            for segment in segments:
                if segment.thread_name == text:
                    segment.thread_name = shown
                if segment.trace_state == text:
                    segment.redacted_state = shown

    def _remember_shown(self, text: str) -> None:
        if len(self._shown) >= _MAX_DECISIONS:
            self._shown = {""}
        self._shown.add(text)

    def _decision_about(self, view: SpanView) -> Decision:
        name = view.attributes.get("code.function.name", view.name)
        file = view.attributes.get("code.file.path", "")
        key = (view.scope, str(file), str(name))
        decisions = self._decisions  # another chain puts another one into its place
        decision = decisions.get(key)
        if decision is None:
            if len(decisions) >= _MAX_DECISIONS:
                decisions.clear()
            module, _, qualname = str(name).rpartition(".")
            names = (module,) if module else (view.scope,)
            decision = self._classifier.classify(CodeIdentity(names, str(file), qualname))
            decisions[key] = decision
        return decision

    def _judge_keys(self, view: SpanView, decision: Decision) -> int:
        """Redact and drop by key, at any depth; return how many attributes were redacted."""
        action_for = key_actions(decision)
        if action_for is None:
            return 0
        learn = learn_nothing if self._known is None else self._known.learn
        return sum(
            [judge_keys(attributes, action_for, learn) for attributes in _attribute_maps(view)]
        )


def _attribute_maps(view: SpanView) -> Iterator[dict[str, Any]]:
    view.attributes = dict(view.attributes)
    yield view.attributes
    if view.scope_attributes:
        view.scope_attributes = own = dict(view.scope_attributes)
        yield own
    parts: list[Event | Link] = [*view.events, *view.links]
    for part in parts:
        part.attributes = own = dict(part.attributes)
        yield own


def _complete_events(events: Iterable[Event]) -> None:
    # The variables of a line stay captured values until their texts have been judged one by one.
    for event in events:
        if any(type(value) is Node for value in event.attributes.values()):
            event.attributes = {
                key: attribute_value(value) if type(value) is Node else value
                for key, value in event.attributes.items()
            }


def _complete(block: RecordBlock) -> None:
    """Add what is no part of records as they are recorded, before they are judged."""
    if any(segment.root_attributes is not None for segment in block.segments()):
        for record in block.take_over_all():
            _take_root_attributes(record)
    traces: dict[tuple[Any, ...], str] = {}
    for record in block.owned():
        if record[EXTRAS] is not None:
            _complete_exception(record[EXTRAS], traces)


def _take_root_attributes(record: Record) -> None:
    """Give the span that began a trace the attributes that a sampler has for it."""
    parent_id, given = record[SEGMENT].root_attributes or (None, {})
    if record[PARENT_ID] == parent_id:
        attributes, rules = dict(given), record[PLAN].attribute_rules
        if rules is not None:
            judge_keys(attributes, rules.attribute_action)
        extras = record[EXTRAS] = record[EXTRAS] or SpanDetails()
        extras.attributes = attributes | (extras.attributes or {})


def _complete_exception(extras: SpanDetails, traces: dict[tuple[Any, ...], str]) -> None:
    # Source lines belong to the stack trace, and may hold a secret: they are read before judging.
    exception = extras.exception
    if exception is None or not exception.innermost:
        return
    # A loop may end by the same exception a thousand times in a batch.
    told = exception.type_name, exception.message, exception.frames
    trace = traces.get(told)
    if trace is None:
        trace = traces[told] = stack_trace_text(exception)
    exception.stack_trace = trace


class _Group:
    """The spans of a batch to which one set of rules applies.

    Attributes:
        suspects: texts of records that the block keeps as bytes, with the records' indices.
        in_records: how many texts of records were replaced, by kind.
    """

    def __init__(self, rules: ContentRules, block: RecordBlock) -> None:
        self.rules = rules
        self.records: list[Record] = []
        self.suspects: dict[str, list[int]] = {}
        self._block = block
        self.views: list[SpanView] = []
        self.in_records: Counter[str] = Counter()

    def redact(self, counters: ContentCounters) -> Counter[str]:
        """Judge all texts at once; return how many texts of views were replaced, by kind."""
        originals = self._texts()
        if not originals:
            return Counter()
        known: dict[str, str] = {}
        counters.known = known
        texts, cut = map(list, zip(*originals, strict=True))
        redacted = self.rules.redact_texts(texts, cut, counters)
        changed = {
            original: result
            for original, result in zip(originals, redacted, strict=True)
            if result != original[0]
        }
        if self.rules.has_drops:
            drops = self.rules.drops
            changed |= {text: DROPPED for text in originals if drops(text[0], is_cut=text[1])}
        if not changed:
            return Counter()
        self._take_over(changed)
        return self._replace(changed, known)

    def _take_over(self, changed: Mapping[Text, str]) -> None:
        """Take the records in which something is to be replaced."""
        indices = {
            index
            for text, found in self.suspects.items()
            if (text, False) in changed
            for index in found
        }
        self.records += [self._block.take_over(index) for index in sorted(indices)]

    def _texts(self) -> list[Text]:
        plain: set[str] = set(self.suspects)
        found: set[Text] = set()
        add = plain.add
        for record in self.records:  # flat: a million records a minute come through here
            for value in record[ARGUMENTS]:
                if type(value) is str:
                    add(value)
                elif type(value) is Node:
                    found.update(texts_in(value))
            result = record[RESULT]
            if type(result) is str:
                add(result)
            elif type(result) is Node:
                found.update(texts_in(result))
            if record[EXTRAS] is not None:
                found.update(texts_of_extras(record[EXTRAS]))
        for view in self.views:
            found.update(texts_of_view(view))
        found.update((text, False) for text in plain)
        return list(found)

    def _replace(self, changed: dict[Text, str], known: dict[str, str]) -> Counter[str]:
        count: Counter[str] = Counter()
        places: dict[str, None] = {}

        def change(text: str, cut: bool) -> str:  # noqa: FBT001 - captured_texts' signature
            shown = changed.get((text, cut))
            if shown is None:
                return text
            place = known.get(text)
            if place is not None:
                places[place] = None
            count["content" if place is None else KNOWN_KIND] += 1
            return shown

        for record in self.records:
            replace_in_record(record, change)
            if places:
                note_in_record(record, places)
                places.clear()
        self.in_records.update(count)
        count.clear()
        for view in self.views:
            replace_in_view(view, change)
            if places:
                note_in_view(view, places)
                places.clear()
        return count
