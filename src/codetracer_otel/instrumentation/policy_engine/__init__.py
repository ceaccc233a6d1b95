"""Traces the evaluations of an embedded policy engine."""
