"""The one place that talks to sys.monitoring."""
