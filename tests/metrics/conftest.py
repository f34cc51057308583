"""Property tests of metrics run without a deadline: the slow twins are slow on purpose."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("metrics", deadline=None, max_examples=60)
settings.load_profile("metrics")
