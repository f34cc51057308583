"""Scores and labels brought together: by time stamps, by row numbers, or row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.words import duration
from tocsin.io.label_book import LabelBook, Points, Spans
from tocsin.io.names import listed, several
from tocsin.io.scores import Scored

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

MISSING = ("error", "drop", "lowest")
# `tocsin detect -o` ends the names of its score files with a dash and eight digits that tell equal names apart.
_STORED = re.compile(r"(-[0-9a-f]{8}|\.(parquet|csv|tsv|txt|npz|npy|json|ndjson|gz|zst))*$")


@dataclass(frozen=True, eq=False)
class Pair:
    """Scores and labels of the same places.

    Parameters
    ----------
    id : str
        The series, video, cloud or list of items.
    labels : ndarray of bool, shape (n,)
    scores : ndarray of float, shape (n,)
        Finite.
    time : ndarray of int64, optional
        Nanoseconds since 1970.
    values : ndarray of float, shape (n, channels), optional
        The data, where they were given.
    fields : ndarray of object, shape (n, columns), optional
        Words that describe each item, where items are scored.
    group : str
        The group that it belongs to.
    notes : tuple of str
        What was left out or filled.
    """

    id: str
    labels: BoolArray
    scores: FloatArray
    time: IntArray | None = None
    values: FloatArray | None = None
    fields: FloatArray | None = None
    group: str = ""
    notes: tuple[str, ...] = field(default=())


def pair_up(scored: Scored, book: LabelBook, *, missing: str = "error", alone: bool = False) -> Pair:
    """Align the scores of one series with its labels.

    Parameters
    ----------
    scored : Scored
    book : LabelBook
    missing : {"error", "drop", "lowest"}
        What becomes of a labelled place without a score: an error, left out, or given the lowest score.
    alone : bool
        The scores are the only ones, so labels of any name are theirs if there are no others.

    Raises
    ------
    InputError
        If there are no labels for it, or they do not fit: one sentence that says where.
    """
    found = book.found[label_of(scored.id, book, alone=alone)]
    labels, labelled = _of_points(scored, found) if isinstance(found, Points) else _of_spans(scored, found)
    values = None
    if isinstance(found, Points) and found.values is not None and len(found.values) == len(scored.scores):
        values = found.values
    scores, keep, notes = _fill(scored, labels, labelled, missing)
    return Pair(
        scored.id,
        labels[keep],
        scores[keep],
        None if scored.time is None else scored.time[keep],
        None if values is None else values[keep],
        _fields(scored, keep) if scored.items else None,
        scored.group,
        tuple(notes + _unscored_labels(scored, found)),
    )


def label_of(name: str, book: LabelBook, *, alone: bool) -> str:
    """Find the labels of a series: under its own name, that of its file, or the only ones without a name.

    Raises
    ------
    InputError
        If there are none, or several could be meant.
    """
    known = book.found
    if name in known:
        return name
    for form in (_base, _stem):
        fitting = [key for key in known if key and form(key) == form(name)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise InputError(
                f"the scores of {name!r} may belong to the labels of {' or '.join(map(repr, fitting[:3]))}: name the "
                "series with --series"
            )
    if "" in known or (alone and len(known) == 1):
        return next(iter(known)) if "" not in known else ""
    near = nearest(name, known)
    if "did you mean" not in near:
        near = f"; there are some for {listed(list(known), 3)}"
    raise InputError(f"there are no labels for {name!r}{near} (--series NAME says which series it is)")


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    return _STORED.sub("", _base(name)).lower()


def _of_points(scored: Scored, points: Points) -> tuple[BoolArray, BoolArray]:
    """Return the label of each scored place, and whether it has one."""
    for ours, theirs in ((scored.time, points.time), (scored.rows, points.rows)):
        if ours is not None and theirs is not None:
            if np.array_equal(ours, theirs):
                return points.labels, np.ones(len(ours), bool)
            return _by_key(scored, points, ours, theirs)
    if len(points.labels) != len(scored.scores):
        raise InputError(
            f"{scored.where} holds {len(scored.scores)} scores{_of(scored)} and {points.where} {len(points.labels)} "
            "labels, and no time or row number in both tells which belong together: give one label for each score"
        )
    return points.labels, np.ones(len(points.labels), bool)


def _by_key(scored: Scored, points: Points, ours: IntArray, theirs: IntArray) -> tuple[BoolArray, BoolArray]:
    order = np.argsort(theirs, kind="stable")
    keys, labels = theirs[order], points.labels[order]
    torn = np.flatnonzero((keys[1:] == keys[:-1]) & (labels[1:] != labels[:-1]))
    is_time = ours is scored.time
    if torn.size:
        raise InputError(
            f"{points.where}: {_name(keys[torn[0]], is_time)} occurs twice, once marked and once not: keep one of them"
        )
    place = np.minimum(np.searchsorted(keys, ours), len(keys) - 1)
    labelled = np.asarray(keys[place] == ours)
    lost = np.flatnonzero(~labelled & ~np.isnan(scored.scores))
    if lost.size:
        at = int(lost[0])
        raise InputError(
            f"{lost.size:,} of {len(ours):,} {'time stamps' if is_time else 'row numbers'} in "
            f"{scored.where}{_of(scored)} have no label in {points.where}: the first is {_name(ours[at], is_time)}, "
            "and "
            f"the nearest label belongs to {_nearest(ours[at], keys, is_time)}"
        )
    return np.asarray(labels[place] & labelled), labelled


def _nearest(key: int, keys: IntArray, is_time: bool) -> str:
    """Name the label nearest to a place, and how far away it is."""
    found = int(keys[np.argmin(np.abs(keys - key))])
    away = abs(found - int(key))
    where = "later" if found > key else "earlier"
    return f"{_name(found, is_time)}, {duration(away / 1e9) if is_time else several(away, 'row')} {where}"


def _of_spans(scored: Scored, spans: Spans) -> tuple[BoolArray, BoolArray]:
    """Return which scored places lie inside an interval, and which must have a score for it: the same."""
    if spans.by_time and scored.time is None:
        raise InputError(
            f"{spans.where} gives intervals by time, but {scored.where}{_of(scored)} has no time column: write the "
            "time "
            "beside the scores, or the intervals as row numbers"
        )
    keys = scored.time if spans.by_time else scored.rows
    if keys is None:
        keys = np.arange(len(scored.scores))
    order = np.argsort(keys, kind="stable")
    rising = keys[order]
    step = int(np.median(np.diff(rising))) if spans.by_time and len(rising) > 1 else 0
    mask = np.zeros(len(keys), bool)
    last = int(rising[-1])
    for number, (start, stop) in enumerate(zip(spans.start.tolist(), spans.stop.tolist(), strict=True), 1):
        end = stop if spans.by_time else stop - 1
        if end < rising[0]:
            continue  # before the first score: the part that was learned from
        if end > last + step or start < rising[0] - step:
            side = "past the end" if end > last + step else "before the beginning"
            edge = last if end > last + step else int(rising[0])
            raise InputError(
                f"{spans.where}: interval {number}{_of(scored)} ({_name(start, spans.by_time)} to "
                f"{_name(stop, spans.by_time)}) runs {side} of the scores in {scored.where}, which "
                f"{'end' if end > last + step else 'begin'} at {_name(edge, spans.by_time)}: cut it there, or score "
                "the rest"
            )
        first, beyond = np.searchsorted(rising, start, side="left"), np.searchsorted(rising, end, side="right")
        if first == beyond:
            raise InputError(
                f"{spans.where}: no score{_of(scored)} lies in interval {number} ({_name(start, spans.by_time)} to "
                f"{_name(stop, spans.by_time)}); the nearest is at {_nearest(start, rising, spans.by_time)}"
            )
        mask[order[first:beyond]] = True
    return mask, mask


def _fill(
    scored: Scored, labels: BoolArray, labelled: BoolArray, missing: str
) -> tuple[FloatArray, BoolArray, list[str]]:
    """Deal with places without a score: those that carry no label are left out, the others are as `missing` says."""
    scores, absent = scored.scores, np.isnan(scored.scores)
    if not absent.any():
        return scores, labelled | True, []
    wanted = absent & labelled
    if wanted.any() and missing == "error":
        row = int(scored.line[np.flatnonzero(wanted)[0]]) if scored.line.size else int(np.flatnonzero(wanted)[0]) + 1
        what = "labelled places" if not np.array_equal(labels, labelled) else "places inside anomalies"
        raise InputError(
            f"{scored.where}{_of(scored)}: {int(wanted.sum())} {what} have no score (NaN; the first in row {row}): "
            "score "
            "them, or say --missing drop (leave them out) or --missing lowest (count them as not anomalous)"
        )
    notes = []
    keep = ~absent
    if missing == "lowest" and wanted.any():
        scores = np.where(wanted, np.nanmin(scores), scores)
        keep = keep | wanted
        notes.append(f"{several(int(wanted.sum()), 'place')} without a score got the lowest score of {scored.id!r}")
    gone = int((~keep).sum())
    if gone:
        marked = int((labels & ~keep).sum())
        tail = f", {marked} of them anomalous" if marked else ""
        notes.append(f"{several(gone, 'place')} without a score left out{tail} of {scored.id!r}")
    return scores, keep, notes


def _unscored_labels(scored: Scored, found: Points | Spans) -> list[str]:
    """Say which labels have no score: the part that was learned from, it is to be hoped."""
    if isinstance(found, Spans):
        keys = scored.time if found.by_time else scored.rows
        first = 0 if keys is None else int(keys.min())
        gone = int(np.count_nonzero(found.stop < first if found.by_time else found.stop <= first))
        return [f"{several(gone, 'interval')} before the first score left out of {scored.id!r}"] if gone else []
    for ours, theirs in ((scored.time, found.time), (scored.rows, found.rows)):
        if ours is not None and theirs is not None:
            absent = ~np.isin(theirs, ours)
            if absent.any():
                lost = f"{several(int(absent.sum()), 'label')} ({int(found.labels[absent].sum())} anomalous)"
                return [f"{lost} without a score left out of {scored.id!r}"]
            return []
    return []


def _fields(scored: Scored, keep: BoolArray) -> FloatArray | None:
    """Return the words that several items share: what a prior on rare values can be made of."""
    columns = [
        words
        for name, words in scored.table.words.items()
        if name != scored.member and 1 < len(set(words.tolist())) < len(words)
    ]
    return np.column_stack([np.array([str(w) for w in c]) for c in columns])[keep] if columns else None


def _of(scored: Scored) -> str:
    """Name the series, where the name of its file does not."""
    return f" of {scored.id!r}" if scored.member or _base(scored.id) != _base(scored.where) else ""


def _name(key: int, is_time: bool) -> str:
    if not is_time:
        return f"row {int(key)}"
    return str(np.datetime64(int(key), "ns").astype("datetime64[ms]")).replace("T", " ").removesuffix(".000")
