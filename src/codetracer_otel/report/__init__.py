"""Draws traces: reads spans, folds what is too much, and writes one self-contained page."""

from __future__ import annotations

from codetracer_otel.report.build import Report, build_report
from codetracer_otel.report.documents import RuleTexts

__all__ = ["Report", "RuleTexts", "build_report"]
