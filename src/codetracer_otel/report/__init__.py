"""Draws traces: reads spans, folds what is too much, and writes one self-contained page."""

from __future__ import annotations

from codetracer_otel.analysis.rules import RuleTexts
from codetracer_otel.report.build import Report, build_comparison, build_report

__all__ = ["Report", "RuleTexts", "build_comparison", "build_report"]
