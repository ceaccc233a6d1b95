"""Redaction of ours beside Logfire, sentry-sdk and ddtrace: recall, precision, cost.

usage: python -m benchmarks.redaction [--seed N] [--json FILE]

Every tool gets each secret under names that tell nothing, in every position, and counts as right
when the whole secret is gone. A tool that is not installed is left out.
"""

import argparse
import copy
import json
import os
import platform
import random
import statistics
import time
from importlib import metadata

from tools.numeric_arguments import whole_from

from benchmarks.content import plain_text
from benchmarks.redaction_corpus import (
    HELD_OUT,
    HELD_OUT_EIGHTH,
    HELD_OUT_ELEVENTH,
    HELD_OUT_FIFTH,
    HELD_OUT_FOURTEENTH,
    HELD_OUT_FOURTH,
    HELD_OUT_NINTH,
    HELD_OUT_SECOND,
    HELD_OUT_SEVENTH,
    HELD_OUT_SIXTH,
    HELD_OUT_TENTH,
    HELD_OUT_THIRD,
    HELD_OUT_THIRTEENTH,
    HELD_OUT_TWELFTH,
    KNOWN,
    POSITIONS,
    TUNING,
    TUNING_SECOND,
    TUNING_THIRD,
    fill,
    harmless,
    made_up,
    templates,
)
from benchmarks.redaction_rows import formats_but, rows_of
from codetracer_otel._core import load
from codetracer_otel.filters.secrets.scan_tables import scan_tables

PER_TEMPLATE = 3
MADE_UP = 100
HARMLESS = 20_000
BATCH = 64
HELD = "held out"  # how the groups are called that no rule knew when they were measured first
SHOWN = 8  # characters at the end of a secret, of which none may be left together


def texts_in(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    else:
        yield str(value)


def ours():
    # Imported here, because `formats_but` imports the package anew.
    from codetracer_otel.filters.secrets.content_rules import ContentPattern
    from codetracer_otel.filters.secrets.redactor import compile_content
    from codetracer_otel.filters.types import Action, RuleSource

    pattern = ContentPattern("shapes", "all", Action.REDACT, RuleSource("<builtin:default>", 1))

    rules = compile_content([pattern])

    def redact(values):
        texts = [list(texts_in(value)) for value in values]
        shown = iter(rules.redact_texts([text for own in texts for text in own]))
        return [[next(shown) for _ in own] for own in texts]

    redact.texts = rules.redact_texts
    return redact


def compiled(redact_texts):
    """Return what judges texts where calls are recorded in C, or None without a compiled core.

    The core looks through them where they lie; here each text costs a call from Python besides.
    """
    native = load()
    if native.module is None:
        return None
    suspects = native.module.Scanner(**scan_tables()).suspects
    return lambda texts: redact_texts([text for text in texts if suspects(text)])


def logfire():
    from logfire._internal.scrubbing import Scrubber

    scrubber = Scrubber(None)
    return lambda values: [
        list(texts_in(scrubber.scrub_value(("attributes", "value"), value)[0])) for value in values
    ]


def sentry():
    from sentry_sdk.scrubber import EventScrubber

    scrubber = EventScrubber(recursive=True)

    def redact(values):
        events = [{"extra": {"value": copy.deepcopy(value)}} for value in values]
        for event in events:
            scrubber.scrub_event(event)
        return [list(texts_in(event["extra"]["value"])) for event in events]

    return redact


def ddtrace():
    os.environ.setdefault("DD_TRACE_ENABLED", "false")
    from ddtrace import config
    from ddtrace.internal.utils.http import redact_query_string

    # It is for query strings; here it may look at every text.
    pattern = config._obfuscation_query_string_pattern

    def clean(text):
        shown = redact_query_string(text, pattern)
        return shown.decode("utf-8", "replace") if isinstance(shown, bytes) else shown

    return lambda values: [[clean(text) for text in texts_in(value)] for value in values]


TOOLS = {"ours": ours, "logfire": logfire, "sentry-sdk": sentry, "ddtrace": ddtrace}
PACKAGES = {"ours": "codetracer-otel", "logfire": "logfire"}


def available():
    found = {}
    for name, make in TOOLS.items():
        try:
            found[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def secrets(seed):
    """Return group -> secrets."""
    pick = random.Random(seed)
    groups = {
        "listed": templates(KNOWN),
        "held out": templates(HELD_OUT),
        "held out, second": templates(HELD_OUT_SECOND),
        "held out, third": templates(HELD_OUT_THIRD),
        "held out, fourth": templates(HELD_OUT_FOURTH),
        "held out, fifth": templates(HELD_OUT_FIFTH),
        "held out, sixth": templates(HELD_OUT_SIXTH),
        "held out, seventh": templates(HELD_OUT_SEVENTH),
        "held out, eighth": templates(HELD_OUT_EIGHTH),
        "held out, ninth": templates(HELD_OUT_NINTH),
        "held out, tenth": templates(HELD_OUT_TENTH),
        "held out, eleventh": templates(HELD_OUT_ELEVENTH),
        "held out, twelfth": templates(HELD_OUT_TWELFTH),
        "held out, thirteenth": templates(HELD_OUT_THIRTEENTH),
        "held out, fourteenth": templates(HELD_OUT_FOURTEENTH),
        "tuning": templates(TUNING),
        "tuning, second": templates(TUNING_SECOND),
        "tuning, third": templates(TUNING_THIRD),
        "made up": made_up(MADE_UP, pick),
    }
    return {
        group: [
            (name, fill(template, pick))
            for name, template in table.items()
            for _ in range(PER_TEMPLATE)
        ]
        for group, table in groups.items()
    }


def is_hidden(secret, shown):
    joined = " ".join(shown).replace("\0", "")
    return secret not in joined and secret[-SHOWN:] not in joined


def recall(redact, groups):
    """Return group -> position -> share of the secrets that are gone, and what was missed."""
    shares, missed = {}, {}
    for group, members in groups.items():
        shares[group] = {}
        for position, place in POSITIONS.items():
            shown = redact([place(secret) for _, secret in members])
            lost = [
                name
                for (name, secret), texts in zip(members, shown, strict=True)
                if not is_hidden(secret, texts)
            ]
            shares[group][position] = 1 - len(lost) / len(members)
            for name in lost:
                missed.setdefault(group, {}).setdefault(name, []).append(position)
    return shares, missed


def unlisted(seed):
    """Return position -> share of listed formats that are found without their rows; the others."""
    pick = random.Random(seed)
    shares, missed = dict.fromkeys(POSITIONS, 0.0), {}
    for name, template in templates(KNOWN).items():
        members = [(name, fill(template, pick)) for _ in range(PER_TEMPLATE)]
        with formats_but(rows_of([secret for _, secret in members])):
            found, lost = recall(ours(), {name: members})
        for position, share in found[name].items():
            shares[position] += share / len(templates(KNOWN))
        missed |= lost.get(name, {})
    return shares, missed


def precision(redact, seed):
    """Return the share of harmless texts that are changed, with examples."""
    pick = random.Random(seed + 1)
    texts = [harmless(pick) for _ in range(HARMLESS)]
    shown = redact(texts)
    changed = [a for a, b in zip(texts, shown, strict=True) if b != [a]]
    return len(changed) / len(texts), changed[:5]


def cost(redact_texts, seed, make=harmless):
    """Return CPU us per harmless text in batches of `BATCH`, none seen before; best of rounds."""
    pick = random.Random(seed + 2)
    rounds = []
    for _ in range(5):
        texts = list({make(pick) for _ in range(6_400)})
        batches = [texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH)]
        began = time.process_time()
        for batch in batches:
            redact_texts(batch)
        rounds.append((time.process_time() - began) / len(texts) * 1e6)
    return min(rounds)


def costs(redact_texts, seed):
    return {
        "us_per_text": cost(redact_texts, seed),
        "us_per_plain_text": cost(redact_texts, seed, plain_text),
    }


def version_of(name):
    return metadata.version(PACKAGES.get(name, name))


def measure(seed):
    groups = secrets(seed)
    figures = {}
    for name, redact in available().items():
        shares, missed = recall(redact, groups)
        changed, examples = precision(redact, seed)
        figures[name] = {
            "version": version_of(name),
            "recall": shares,
            "changed": changed,
            **costs(getattr(redact, "texts", redact), seed),
        }
        if name == "ours":
            judge = compiled(redact.texts)
            figures[name]["compiled"] = None if judge is None else costs(judge, seed)
            for group, names in missed.items():
                print(f"missed, {group}:", ", ".join(f"{n} {len(p)}" for n, p in names.items()))
            print("changed:", examples)
    without_rows, missed = unlisted(seed)
    print("missed without rows:", ", ".join(f"{n} {len(p)}" for n, p in missed.items()))
    return {
        "python": platform.python_version(),
        "seed": seed,
        "unlisted": without_rows,
        "secrets": {group: len(members) for group, members in groups.items()},
        "harmless": HARMLESS,
        "tools": figures,
    }


def _of_all(recall, counts, position, groups=None):
    """Return the share over all groups that a tool was measured with, or over some."""
    groups = groups or list(recall)
    hidden = sum(recall[group][position] * counts[group] for group in groups)
    return hidden / sum(counts[group] for group in groups)


def table(results):
    """Return the rows of a Markdown table of the results."""
    tools, counts = results["tools"], results["secrets"]
    recall = tools["ours"]["recall"]
    held_out = [group for group in counts if group.startswith(HELD)]
    columns = {"listed": ["listed"], HELD: held_out, "made up": ["made up"]}
    heads = [f"ours, {head}" for head in columns] + ["ours, without the row"]
    heads += [n for n in tools if n != "ours"]
    rows = [
        "| position | " + " | ".join(heads) + " |",
        "|---|" + "---|" * len(heads),
    ]
    for position in recall["listed"]:
        cells = [_of_all(recall, counts, position, groups) for groups in columns.values()]
        cells.append(results["unlisted"][position])
        cells += [
            _of_all(tool["recall"], counts, position)
            for name, tool in tools.items()
            if name != "ours"
        ]
        rows.append(f"| {position} | " + " | ".join(f"{cell:.1%}" for cell in cells) + " |")
    rows += [
        "",
        "| ours | secrets | alone | mean of the positions | lowest |",
        "|---|---|---|---|---|",
    ]
    sets = {group: (str(counts[group]), shares) for group, shares in recall.items()}
    sets["without the row"] = "", results["unlisted"]
    for name, (count, shares) in sets.items():
        found = (shares["argument"], statistics.mean(shares.values()), min(shares.values()))
        rows.append(f"| {name} | {count} | " + " | ".join(f"{it:.1%}" for it in found) + " |")
    rows += [
        "",
        "| tool | harmless texts changed | CPU per harmless text | CPU per text of plain words |",
        "|---|---|---|---|",
    ]
    for name, tool in tools.items():
        rows.append(_cost_row(f"{name} {tool['version']}", tool["changed"], tool))
        if tool.get("compiled"):
            rows.append(_cost_row(f"{name}, compiled core", tool["changed"], tool["compiled"]))
    return rows


def _cost_row(name, changed, figures):
    return (
        f"| {name} | {changed:.2%} | {figures['us_per_text']:.2f} us "
        f"| {_microseconds(figures.get('us_per_plain_text'))} |"
    )


def _microseconds(figure):
    """Return a figure that results of before November 2026 do not have."""
    return "not measured" if figure is None else f"{figure:.2f} us"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=whole_from(0), default=7)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    results = measure(arguments.seed)
    print("\n".join(table(results)))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
