"""What readers of all kinds need: the label of a sample, and what stands beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.audit.units import UNKNOWN, constant

if TYPE_CHECKING:
    from tocsin.core.samples.sample import Sample
    from tocsin.core.truth import Truth
    from tocsin.core.types import AnyArray, FloatArray

# What readers note themselves: where a sample comes from, and labels under their own name.
_FROM = ("dataset", "split", "group", "path", "source", "format", "first_row", "rows", "train_rows", "count", "lines")
OWN = frozenset((*_FROM, "labels", "trace_labels", "trace_kinds"))


def label_of(truth: Truth | None) -> int:
    """Return 1, 0 or -1 for unknown."""
    return UNKNOWN if truth is None or truth.label is None else int(truth.label)


def beside(sample: Sample, count: int) -> tuple[dict[str, FloatArray], dict[str, AnyArray]]:
    """Return the numbers and the words in a sample's meta, each repeated `count` times."""
    numbers: dict[str, Any] = {}
    words: dict[str, Any] = {}
    for name, value in sample.meta.items():
        if name in OWN:
            continue
        if isinstance(value, bool | str):
            words[name] = constant(str(value), count)
        elif isinstance(value, int | float | np.integer | np.floating):
            numbers[name] = np.full(count, float(value))
    return numbers, words
