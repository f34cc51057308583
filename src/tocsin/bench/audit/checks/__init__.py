"""The checks of an audit, a file each: a name, and a function of what the survey kept that returns findings."""

from __future__ import annotations
