"""Why a stretch is strange: how little it resembles its window, and the stretches that it resembles most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.extents import Interval

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Series
    from tocsin.core.scores import Scores
    from tocsin.core.types import BoolArray, FloatArray
    from tocsin.series.themis.detector import Themis

MOST_CHANNELS, MOST_RELATIVES = 4, 2
LEAST_SHARE = 0.05
# From this share of a window on, an anomaly is much of what it is compared with.
LARGE = 0.25


def reasons(detector: Themis, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
    """Return the channels to blame, each with what it resembles, most important first.

    None where there is nothing to say: the anomaly is no interval, or leaves nothing of its window to compare with.
    """
    if scores.parts is None or not isinstance(anomaly.where, Interval):
        return None
    start, stop = anomaly.where.start, anomaly.where.stop
    window = min(detector.window_, len(sample))
    # In a window with the anomaly in its middle; of a longer anomaly, the window at its highest score is looked at.
    first = min(max(0, (start + stop) // 2 - window // 2), len(sample) - window)
    start, stop = max(start, first), min(stop, first + window)
    if stop - start > window - 2 * detector.reach:
        return None
    peaks = np.nan_to_num(scores.parts[start:stop], nan=0.0).clip(min=0.0).max(axis=0)
    total = float(peaks.sum()) or 1.0
    found: list[Evidence] = []
    for c in np.argsort(-peaks, kind="stable")[:MOST_CHANNELS]:
        share = float(peaks[c]) / total
        if found and share < LEAST_SHARE:
            break
        matrix = detector.similarity(sample, sample.channels[c], first)
        found.append(_told(detector, sample, int(c), share, matrix, first, (start, stop)))
    return found


def _told(
    detector: Themis,
    sample: Series,
    c: int,
    share: float,
    matrix: FloatArray,
    first: int,
    stretch: tuple[int, int],
) -> Evidence:
    patch = detector.embedder_.patch
    window = min(detector.window_, len(sample))
    # Patches are counted from the end of a window.
    lead = len(matrix) * patch - window
    a, b = ((stretch[0] - first + lead) // patch, -(-(stretch[1] - first + lead) // patch))
    near = -(-detector.reach // patch)
    _, unsure = detector._column(sample.values, c)
    outside = detector._known(unsure[first : first + window])
    outside[max(0, a - near) : b + near] = False
    alike = matrix[a:b].mean(axis=0)
    if outside.sum() < 2:
        text = "nothing that was measured around it can be compared with it"
        return Evidence(sample.channels[c], share, text=text)
    seen = float(alike[outside].mean())
    others = matrix[np.ix_(outside, outside)]
    usual = (others.sum(axis=1) - 1.0) / max(1, len(others) - 1)
    low, high = (float(q) for q in np.quantile(usual, [0.05, 0.95]))
    told = []
    for at, height in relatives(matrix, (a, b), outside):
        row = max(first, first + at * patch - lead)
        last = min(row + max(stretch[1] - stretch[0], patch), first + window) - 1
        told.append(f"{sample.name(row)} to {sample.name(last)} ({height:.2f})")
    text = f"resembles little of the {window} rows around it: {seen:.2f}, usually {low:.2f} to {high:.2f}"
    if told:
        text += f"; its nearest relatives are {' and '.join(told)}"
    if stretch[1] - stretch[0] > LARGE * window:
        text += f"; it fills {(stretch[1] - stretch[0]) / window:.0%} of that window, and a longer one would tell more"
    return Evidence(sample.channels[c], share, seen, (low, high), text)


def relatives(matrix: FloatArray, stretch: tuple[int, int], free: BoolArray) -> list[tuple[int, float]]:
    """Return the stretches that a stretch resembles most, as (start, mean similarity), none overlapping another.

    Place is compared with place in order, along a diagonal of the similarity matrix.

    Parameters
    ----------
    matrix : ndarray, shape (m, m)
        Similarities.
    stretch : tuple of int
        First place and place after the last.
    free : ndarray of bool, shape (m,)
        Where relatives may lie.

    Examples
    --------
    >>> matrix = np.array([[1.0, 0.0, 0.2, 0.9, 0.1], [0.0, 1.0, 0.9, 0.3, 0.7]])
    >>> relatives(matrix, (0, 2), np.array([False, False, True, True, True]))
    [(3, 0.8)]
    """
    first, width = stretch[0], stretch[1] - stretch[0]
    places = matrix.shape[1]
    if width < 1 or width > places:
        return []
    starts = places - width + 1
    alike: FloatArray = np.zeros(starts)
    for i in range(width):
        alike += matrix[first + i, i : i + starts]
    alike /= width
    covered = np.concatenate(([0], np.cumsum(~free)))
    alike[covered[width:] > covered[:starts]] = -1.0
    found: list[tuple[int, float]] = []
    while len(found) < MOST_RELATIVES and alike.max() >= 0:
        at = int(alike.argmax())
        found.append((at, float(alike[at])))
        alike[max(0, at - width + 1) : at + width] = -1.0
    return found
