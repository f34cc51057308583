"""From samples to what the audit keeps of them, a file per kind of data."""

from __future__ import annotations
