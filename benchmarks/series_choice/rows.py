"""What is compared: every registered detector with its defaults, variants of the default, combinations, and floors."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from series_choice.tasks import Task
from tocsin.core.periods import choose_window
from tocsin.core.registry import find, make, names
from tocsin.core.samples import Series
from tocsin.core.tails import tail, tail_scale
from tocsin.series.ensemble import joined

LENGTHS = (16, 32, 64, 128, 256)
AUTOMATIC = "automatic window"

# What is tried besides every registered detector for series with its constructor's defaults.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sub-knn, 1000 references": ("sub-knn", {"references": 1000}),
    "sub-knn, 5000 references": ("sub-knn", {"references": 5000}),
    "sub-lof, 5000 references": ("sub-lof", {"references": 5000}),
    "window-neighbours, causal": ("window-neighbours", {"causal": True}),
    "window-neighbours, sum": ("window-neighbours", {"rule": "sum"}),
    "window-neighbours, 1000 references": ("window-neighbours", {"references": 1000}),
    "window-neighbours, centred": ("window-neighbours", {"centred": True}),
    "window-neighbours, not centred": ("window-neighbours", {"centred": False}),
    "window-neighbours, 1st neighbour": ("window-neighbours", {"neighbours": 1}),
    "window-neighbours, 5th neighbour": ("window-neighbours", {"neighbours": 5}),
    "window-neighbours, patterns of switches": ("window-neighbours", {"patterns": True}),
    **{f"window-neighbours, {w} only": ("window-neighbours", {"windows": (w,)}) for w in LENGTHS},
    "window-neighbours, 16/64/256": ("window-neighbours", {"windows": (16, 64, 256)}),
    "window-neighbours, 64/256": ("window-neighbours", {"windows": (64, 256)}),
    **{f"subsequence-pca, {w} only": ("subsequence-pca", {"window": w}) for w in LENGTHS},
}
THREE = tuple(f"subsequence-pca, {w} only" for w in (32, 64, 256))
# Rows of other rows, as the detector `ensemble` joins them; computed from what their members gave, not anew.
COMBINED: dict[str, tuple[tuple[str, ...], str]] = {
    f"ensemble of {' + '.join(members)}, {rule}": (members, rule)
    for members in (("window-neighbours", "timercd"), ("window-neighbours", "timercd", "subsequence-pca"))
    for rule in ("mean", "max")
}
# Do several lengths help a detector that takes one, as they help the default?
COMBINED["subsequence-pca, 32/64/256"] = (THREE, "max")
# Compared with one channel only.
ONE_CHANNEL_ONLY = {
    *(f"subsequence-pca, {w} only" for w in LENGTHS),
    *(f"window-neighbours, {w} only" for w in (32, 128, 256)),
    f"window-neighbours, {AUTOMATIC}",
    *(row for row in COMBINED if "subsequence-pca" in row),
    "window-neighbours, 16/64/256",
    "window-neighbours, 64/256",
    "window-neighbours, 1000 references",
    "window-neighbours, 1st neighbour",
    "window-neighbours, not centred",
    "sub-knn, 5000 references",
    "sub-lof, 5000 references",
}
MANY_CHANNELS_ONLY = {
    "window-neighbours, centred",
    "window-neighbours, 5th neighbour",
    "window-neighbours, patterns of switches",
    "sub-knn, 1000 references",
}
# Their time grows with the square of a series' length: left out above so many rows, and with several channels.
TOO_LONG = {"matrix-profile": 60_000, "sub-knn": 60_000, "sub-lof": 60_000}
# With several channels these take minutes to hours for everything, and are measured on a part: every so-manyeth series
# of either half of a set, so that all of them, and the default beside them, stand on the same series.
PART = {"smd": 3, "asd": 2, "smap_msl": 6, "skab": 3, "hpc_ldms": 3, "rosa": 4}
ON_A_PART = {
    "autoencoder",
    "autoregression",
    "isolation-forest",
    "kmeans-windows",
    "sub-knn, 1000 references",
    "timercd",
    *COMBINED,
}
# Left out: each would take longer than all others together, or says little about channels that belong together.
NOT_ON_SEVERAL = {"forecast", "hypad", "k-shapes", "seasonal-residual", "themis"}
NOT_ON_ONE = {"hypad"}


@dataclass
class Judged:
    """What a row gave for a task: scores, what scores were while learning, and CPU seconds."""

    scores: np.ndarray
    usual: np.ndarray
    seconds: float


class Rows:
    """Rows by name; what several of them need is computed once for each task."""

    def __init__(self) -> None:
        self.detectors: dict[str, tuple[str, dict[str, Any]]] = {}
        for name in names():
            card = find(name).card
            joins = name in ("ensemble", "windowed")
            series = "series" in card.modality and card.localises == "time steps"
            if series and not joins and card.learns_from in ("unlabelled", "normal", "nothing"):
                self.detectors[name] = (name, {})
        self.detectors |= VARIANTS
        self.plain: dict[str, Callable[[Task], np.ndarray]] = {
            "random": random_row,
            "constant": constant_row,
            "first difference": first_difference_row,
            f"window-neighbours, {AUTOMATIC}": automatic_row,
        }
        self._fitted: dict[str, tuple[tuple[Series, ...], Any]] = {}
        self._task: tuple[str, str] = ("", "")
        self._judged: dict[str, Judged] = {}

    @property
    def names(self) -> list[str]:
        return [*self.plain, *self.detectors, *COMBINED]

    def judge(self, row: str, task: Task) -> Judged:
        if self._task != (task.set, task.id):
            self._task, self._judged = (task.set, task.id), {}
        if row not in self._judged:
            self._judged[row] = self._compute(row, task)
        return self._judged[row]

    def _compute(self, row: str, task: Task) -> Judged:
        if row in COMBINED:
            members, rule = COMBINED[row]
            given = [self.judge(member, task) for member in members]
            start = time.process_time()
            rare = [tail(tail_scale(g.usual), g.scores) for g in given]
            scores = joined(rare, rule)
            return Judged(scores, np.empty(0), time.process_time() - start + sum(g.seconds for g in given))
        start = time.process_time()
        if row in self.plain:
            return Judged(self.plain[row](task), np.empty(0), time.process_time() - start)
        name, parameters = self.detectors[row]
        if not task.train:
            detector = make(name, **parameters)
            scores = detector.fit_score(task.sample).local
        else:
            if row not in self._fitted or self._fitted[row][0] is not task.train:
                self._fitted[row] = (task.train, make(name, **parameters).fit(task.train))
            detector = self._fitted[row][1]
            scores = detector.score(task.sample).local
        return Judged(scores, detector.calibration_.scores, time.process_time() - start)


def filled(scores: np.ndarray) -> np.ndarray:
    """Rows without a verdict rank last."""
    known = np.isfinite(scores)
    return np.where(known, scores, np.min(scores[known], initial=0.0))


def wanted(row: str, task: Task) -> bool:
    """Whether a row is measured on a task at all."""
    if not task.train:
        return row not in MANY_CHANNELS_ONLY | NOT_ON_ONE and len(task.sample) <= TOO_LONG.get(row, len(task.sample))
    if row in ONE_CHANNEL_ONLY | NOT_ON_SEVERAL or row in TOO_LONG:
        return False
    return row not in ON_A_PART or on_part(task.set, task.position)


def on_part(name: str, position: int) -> bool:
    """Whether a series, by its position in its set, belongs to the part on which slow detectors are measured."""
    return position // 2 % PART[name] == 0


def random_row(task: Task) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(f"{task.set}/{task.id}".encode()).digest()[:4], "little")
    return np.random.default_rng(seed).random(len(task.sample))


def constant_row(task: Task) -> np.ndarray:
    return np.zeros(len(task.sample))


def first_difference_row(task: Task) -> np.ndarray:
    values = np.nan_to_num(task.sample.values.astype(np.float64))
    scale = values.std(axis=0) + 1e-9
    return np.abs(np.diff(values / scale, axis=0, prepend=values[:1] / scale)).mean(axis=1)


def automatic_row(task: Task) -> np.ndarray:
    """The default with one window, which other detectors would take: from the period of the series."""
    window, _ = choose_window([task.sample.values])
    scores = make("window-neighbours", windows=(window,)).fit_score(task.sample).local
    assert scores is not None
    return scores
