"""Scores that detect nothing, computed on the same labels: what a number has to beat before it means anything.

Every table of results carries them: a constant, a random score, and for each kind of data the cheap trick that is known
to score well (the middle of the picture, the step from one value to the next, knowing which video without knowing
when, how rare a value is).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, as_labels, as_scores
from tocsin.metrics.image._inputs import as_mask

Floats = npt.NDArray[np.float64]
CENTRE_SPREAD = 0.2  # of the centre prior, as a share of the side (or of the length)


@dataclass(frozen=True)
class Dummy:
    """One way of scoring without detecting.

    Attributes
    ----------
    name : str
    why : str
        What it shows.
    scores : callable
        Returns the scores, fresh each time, in the form that the family's metrics take; equal on every call.
    """

    name: str
    why: str
    scores: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True)
class DummyRow:
    """The metrics of one dummy."""

    name: str
    why: str
    values: dict[str, float]


def dummy_rows(
    metrics: Mapping[str, Callable[[Any, Any], Any]], truth: Any, dummies: Sequence[Dummy]
) -> list[DummyRow]:
    """Compute metrics for dummies on the same truth that a detector is measured on.

    Parameters
    ----------
    metrics : mapping
        Name -> function of (truth, scores); a named tuple counts with its first entry.
    truth
        What the metrics take first.
    dummies : sequence of Dummy

    Examples
    --------
    >>> from tocsin.metrics.ranks import Ranking
    >>> auc = {"auc": lambda y, s: Ranking.from_scores(y, s).auroc()}
    >>> truth = [0, 0, 1, 0]
    >>> [(row.name, row.values["auc"]) for row in dummy_rows(auc, truth, series_dummies(truth, [1, 1, 9, 9]))]
    [('constant', 0.5), ('random', 0.33333333333333337), ('first difference', 1.0)]
    """
    rows = []
    for dummy in dummies:
        found = {name: metric(truth, dummy.scores()) for name, metric in metrics.items()}
        rows.append(DummyRow(dummy.name, dummy.why, {name: _first(value) for name, value in found.items()}))
    return rows


def series_dummies(y_true: npt.ArrayLike, values: npt.ArrayLike | None = None, *, seed: int = 0) -> list[Dummy]:
    """Return the dummies of one series: constant, random, and the size of the step from the value before.

    Parameters
    ----------
    y_true : array-like, shape (n,)
    values : array-like, shape (n,) or (n, channels), optional
        The series itself; channels are divided by their own mean step and the largest counts.  NaN makes no step.
    seed : int
    """
    n = len(as_labels(y_true))
    dummies = _plain([n], seed, single=True)
    if values is None:
        return dummies
    table = np.asarray(values, dtype=np.float64).reshape(len(np.asarray(values)), -1)
    if len(table) != n:
        raise MetricError(f"values has {len(table)} rows and y_true has {n}: they must describe the same places")

    def steps() -> Floats:
        step = np.nan_to_num(np.abs(np.diff(table, axis=0, prepend=table[:1])))
        usual = step.mean(axis=0)
        return np.asarray((step / np.where(usual > 0, usual, 1.0)).max(axis=1))

    why = "spikes and jumps need no model"
    return [*dummies, Dummy("first difference", why, steps)]


def image_dummies(
    masks: Sequence[npt.ArrayLike | None],
    *,
    shapes: Sequence[tuple[int, int]] | None = None,
    seed: int = 0,
) -> list[Dummy]:
    """Return the dummies of pictures: constant, random, and a blob in the middle.

    Parameters
    ----------
    masks : sequence of array-like or None
    shapes : sequence of (height, width), optional
        Needed where a mask is None.
    seed : int
    """
    if shapes is None:
        if any(mask is None for mask in masks):
            raise MetricError("some pictures have no mask: give the shapes of all pictures")
        shapes = [as_mask(mask, f"image {i}").shape for i, mask in enumerate(masks) if mask is not None]
    sizes = list(shapes)

    def centred() -> list[Floats]:
        return [np.outer(_bump(height), _bump(width)) for height, width in sizes]

    why = "objects, and so their defects, lie in the middle of the picture"
    return [*_plain(sizes, seed), Dummy("centre prior", why, centred)]


def video_dummies(y_true: Sequence[npt.ArrayLike], *, seed: int = 0) -> list[Dummy]:
    """Return the dummies of videos; those called oracle look at the labels of whole videos.

    Parameters
    ----------
    y_true : sequence of array-like, each (frames,)
    seed : int
    """
    labels = [as_labels(video, f"y_true[{i}]") for i, video in enumerate(y_true)]
    lengths = [len(video) for video in labels]
    anomalous = [float(video.any()) for video in labels]
    return [
        *_plain(lengths, seed),
        Dummy("centre prior", "something happens in the middle of a clip", lambda: [_bump(n) for n in lengths]),
        Dummy("1 / length", "anomalous clips are cut shorter", lambda: [np.full(n, 1.0 / n) for n in lengths]),
        Dummy(
            "video oracle",
            "knows which videos are anomalous and nothing of when",
            lambda: [np.full(n, bad) for n, bad in zip(lengths, anomalous, strict=True)],
        ),
        Dummy(
            "video oracle x centre prior",
            "knows which videos are anomalous and guesses the middle",
            lambda: [bad * _bump(n) for n, bad in zip(lengths, anomalous, strict=True)],
        ),
    ]


def event_dummies(
    y_true: npt.ArrayLike,
    fields: npt.ArrayLike | None = None,
    *,
    reference: npt.ArrayLike | None = None,
    seed: int = 0,
) -> list[Dummy]:
    """Return the dummies of events: constant, random, and how rare the values of an event are.

    Parameters
    ----------
    y_true : array-like, shape (n,)
    fields : array-like, shape (n,) or (n, columns), optional
        Categorical values of each event.
    reference : array-like of the same columns, optional
        Training events in which rarity is counted; default ``fields`` itself.
    seed : int
    """
    n = len(as_labels(y_true))
    dummies = _plain([n], seed, single=True)
    if fields is None:
        return dummies
    table = _columns(fields, "fields")
    known = table if reference is None else _columns(reference, "reference")
    if len(table) != n:
        raise MetricError(f"fields has {len(table)} rows and y_true has {n}: they must describe the same events")
    if known.shape[1] != table.shape[1]:
        raise MetricError(f"reference has {known.shape[1]} columns and fields has {table.shape[1]}: use the same ones")

    def rarity() -> Floats:
        return np.asarray(sum(_surprise(known[:, j], table[:, j]) for j in range(table.shape[1])))

    why = "rare values are anomalous more often than not: no model of how values go together"
    return [*dummies, Dummy("frequency prior", why, rarity)]


def point_dummies(
    y_true: Sequence[npt.ArrayLike], clouds: Sequence[npt.ArrayLike] | None = None, *, seed: int = 0
) -> list[Dummy]:
    """Return the dummies of point clouds: constant, random, and the distance from the middle of the cloud.

    Parameters
    ----------
    y_true : sequence of array-like, each (points,)
    clouds : sequence of array-like, each (points, 3), optional
    seed : int
    """
    lengths = [len(as_labels(cloud, f"y_true[{i}]")) for i, cloud in enumerate(y_true)]
    dummies = _plain(lengths, seed)
    if clouds is None:
        return dummies
    places = [np.asarray(as_scores(cloud, f"clouds[{i}]"), np.float64) for i, cloud in enumerate(clouds)]
    if [len(p) for p in places] != lengths:
        raise MetricError("clouds and y_true must hold the same numbers of points, cloud by cloud")

    def distances() -> list[Floats]:
        return [np.linalg.norm(p - p.mean(axis=0), axis=1) for p in places]

    return [*dummies, Dummy("distance from centre", "ends and edges stand out in every cloud", distances)]


def severity_dummies(severity: npt.ArrayLike, *, seed: int = 0) -> list[Dummy]:
    """Return the dummies of severity: constant, random, and perfect detection that knows nothing of how bad it is.

    Parameters
    ----------
    severity : array-like, shape (n,)
        0 for normal items.
    seed : int
    """
    levels = np.asarray(as_scores(severity, "severity"), np.float64)
    detection = Dummy("detection oracle", "knows what is anomalous and nothing of how bad", lambda: (levels > 0) * 1.0)
    return [*_plain([len(levels)], seed, single=True), detection]


def _plain(shapes: Sequence[int] | Sequence[tuple[int, int]], seed: int, *, single: bool = False) -> list[Dummy]:
    """Return the constant and the random dummy; ``single`` for one array instead of a list of them."""

    def constant() -> Any:
        made = [np.zeros(shape) for shape in shapes]
        return made[0] if single else made

    def random() -> Any:
        source = np.random.default_rng(seed)
        made = [source.random(shape) for shape in shapes]
        return made[0] if single else made

    return [
        Dummy("constant", "what the metric gives for no information at all", constant),
        Dummy("random", f"what the metric gives for noise (seed {seed})", random),
    ]


def _bump(n: int) -> Floats:
    """Return a bell curve over ``n`` places, highest in the middle."""
    place = (np.arange(n) + 0.5) / n - 0.5
    return np.asarray(np.exp(-0.5 * (place / CENTRE_SPREAD) ** 2))


def _columns(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    table = np.asarray(values)
    if table.ndim not in (1, 2):
        raise MetricError(f"{name} must have shape (n,) or (n, columns), but its shape is {table.shape}")
    return table.reshape(len(table), -1)


def _surprise(known: npt.NDArray[Any], seen: npt.NDArray[Any]) -> Floats:
    """Return minus the log share of each value, counting a value never seen as half an event."""
    names, counts = np.unique(known, return_counts=True)
    place = np.minimum(np.searchsorted(names, seen), len(names) - 1)
    share = np.where(names[place] == seen, counts[place], 0.5) / len(known)
    return np.asarray(-np.log(share))


def _first(value: Any) -> float:
    # A plain float() would strip an undefined value of its reason.
    first: float = value[0] if isinstance(value, tuple) else value
    return first
