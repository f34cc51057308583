"""Why a stretch is strange: how little it resembles its window, the stretches it resembles most, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.extents import Interval
from tocsin.core.pictures import Matrix
from tocsin.series.themis.surroundings import Surroundings

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Series
    from tocsin.core.scores import Scores
    from tocsin.core.types import FloatArray
    from tocsin.series.themis.detector import Themis

MOST_CHANNELS = 4
LEAST_SHARE = 0.05
# From this share of a window on, an anomaly is much of what it is compared with.
LARGE = 0.25
# A nearest relative that is this much farther than usual is none.
CLEARLY = 0.1


def reasons(detector: Themis, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
    """Return the channels to blame, each with what it resembles, most important first.

    None where there is nothing to say: the anomaly is no interval, or leaves nothing of its window to compare with.
    """
    if scores.parts is None or not isinstance(anomaly.where, Interval):
        return None
    peaks = _peaks(scores.parts, anomaly.where)
    total = float(peaks.sum()) or 1.0
    found: list[Evidence] = []
    for c in np.argsort(-peaks, kind="stable")[:MOST_CHANNELS]:
        share = float(peaks[c]) / total
        if found and share < LEAST_SHARE:
            break
        around = Surroundings.of(detector, sample, int(c), anomaly.where)
        if around is None:
            return None
        found.append(_told(sample, int(c), share, around))
    return found


def pictures(detector: Themis, sample: Series, scores: Scores, anomaly: Anomaly) -> tuple[Matrix, ...]:
    """Return the similarity matrix around an anomaly, of the channel that is blamed most; none where there is none."""
    if scores.parts is None or not isinstance(anomaly.where, Interval):
        return ()
    c = int(np.argmax(_peaks(scores.parts, anomaly.where)))
    around = Surroundings.of(detector, sample, c, anomaly.where)
    if around is None or around.outside.sum() < 2:
        return ()
    starts = np.maximum(around.row_of(0) + around.patch * np.arange(len(around.matrix)), around.first)
    values = around.matrix.copy()
    values[~around.known] = np.nan
    values[:, ~around.known] = np.nan
    return (
        Matrix(
            values=values,
            down=starts,
            across=starts,
            title=f"{sample.channels[c]}: how much each moment resembles each other",
            text=_sentence(sample, around),
            span=around.stretch,
            related=tuple(span for span, _ in around.relatives),
        ),
    )


def _peaks(parts: FloatArray, where: Interval) -> FloatArray:
    return np.asarray(np.nan_to_num(parts[where.start : where.stop], nan=0.0).clip(min=0.0).max(axis=0))


def _told(sample: Series, c: int, share: float, around: Surroundings) -> Evidence:
    if around.outside.sum() < 2:
        text = "nothing that was measured around it can be compared with it"
        return Evidence(sample.channels[c], share, text=text)
    seen, (low, high) = around.resemblance, around.usual
    text = f"resembles little of the {around.rows} rows around it: {seen:.2f}, usually {low:.2f} to {high:.2f}"
    if around.relatives:
        text += f"; its nearest relatives are {_named(sample, around)}"
    long = around.stretch[1] - around.stretch[0]
    if long > LARGE * around.rows:
        text += f"; it fills {long / around.rows:.0%} of that window, and a longer one would tell more"
    return Evidence(sample.channels[c], share, seen, (low, high), text)


def _sentence(sample: Series, around: Surroundings) -> str:
    """What is to be seen in the matrix; nothing it resembles, or something that is rare itself."""
    if not around.relatives:
        return "This stretch resembles nothing: no other stretch of its length was measured around it."
    nearest, usual = around.relatives[0][1], around.usually_related
    relatives = f"its nearest relatives are {_named(sample, around)}"
    if usual is None:
        return f"This stretch resembles little around it; {relatives}."
    if nearest < usual - CLEARLY:
        return f"This stretch resembles nothing; {relatives}, where other stretches have one at {usual:.2f} or nearer."
    if nearest < usual:
        return (
            f"This stretch resembles no other as closely as usual; {relatives}, where other stretches have one at "
            f"{usual:.2f} or nearer."
        )
    return f"This stretch resembles little around it but not nothing; {relatives}, as near as relatives usually are."


def _named(sample: Series, around: Surroundings) -> str:
    told = [f"{sample.name(a)} to {sample.name(b - 1)} ({height:.2f})" for (a, b), height in around.relatives]
    return " and ".join(told)
