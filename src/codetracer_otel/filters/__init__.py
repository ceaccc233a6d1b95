"""Trace filters: which code becomes spans, and which values may be seen."""

from __future__ import annotations

from codetracer_otel.filters.code.module_names import ModuleNames
from codetracer_otel.filters.code.paths import discover
from codetracer_otel.filters.decisions.classifier import Classifier, compile_chain
from codetracer_otel.filters.decisions.decision import Decision
from codetracer_otel.filters.language.loader import load_chain
from codetracer_otel.filters.language.sources import (
    FilterSource,
    builtin_sources,
    filter_from_path,
    filter_from_text,
    filters_discovered,
    parse_chain_text,
    parse_stated_chain,
)

__all__ = [
    "Classifier",
    "Decision",
    "FilterSource",
    "ModuleNames",
    "builtin_sources",
    "compile_chain",
    "discover",
    "filter_from_path",
    "filter_from_text",
    "filters_discovered",
    "load_chain",
    "parse_chain_text",
    "parse_stated_chain",
]
