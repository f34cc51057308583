"""Metrics that can be believed: exact, fast, named by definition."""
