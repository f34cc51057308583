"""Anomalies made on purpose, and normal data to make them in."""
