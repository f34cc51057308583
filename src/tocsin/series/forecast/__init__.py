"""Forecast each channel from its own past, and explain the misses by what other channels did."""
