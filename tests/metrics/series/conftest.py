"""Shared inputs: recorded results of references, the worked examples, masks from intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "metrics"


@pytest.fixture(scope="session")
def golden():
    """Return a loader of recorded cases; labels and predictions come as arrays."""

    def load(name):
        document = json.loads((GOLDEN / f"{name}.json").read_text())
        for case in document["cases"]:
            for key in ("y", "p"):
                if key in case:
                    case[key] = np.array(list(case[key])).astype(int)
            if "s" in case:
                case["s"] = np.array(case["s"])
        return document["cases"]

    return load


class Example:
    """The worked example that many tests share: labels, scores, and a prediction."""

    y = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    s = np.array(
        [0.1, 0.35, 0.3, 0.8, 0.2, 0.6, 0.15, 0.05, 0.4, 0.55, 0.12, 0.33, 0.07, 0.45, 0.02, 0.5, 0.22, 0.7, 0.25, 0.01]
    )
    b = s >= 0.30
    long_y = np.array([0] * 3 + [1] * 8 + [0] * 3 + [1] * 4 + [0] * 2)
    long_p = np.array([0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1])


@pytest.fixture(scope="session")
def example():
    return Example


@pytest.fixture(scope="session")
def mask():
    """Return a builder of masks from inclusive intervals."""

    def build(n, *intervals):
        out = np.zeros(n, dtype=int)
        for first, last in intervals:
            out[first : last + 1] = 1
        return out

    return build
