"""Measuring how good detectors are."""
