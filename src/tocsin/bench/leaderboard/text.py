"""The leaderboard as text; columns of the same run are the same to the last digit, costs stand apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocsin.bench.runner.outcome import MEANING

if TYPE_CHECKING:
    from tocsin.bench.leaderboard.board import Board
    from tocsin.bench.leaderboard.section import Section

SHOWN_FAILURES = 20
LEVEL = 0.05


def as_text(board: Board) -> str:
    """Return the leaderboard as text."""
    parts = [_head(board)]
    for section in board.sections:
        parts += [quality(section), costs(section)]
    if board.published:
        parts.append(_published(board))
    if board.failures:
        parts.append(_failures(board))
    if board.left_out:
        parts.append("left out\n" + "\n".join(f"  {what}: {why}" for what, why in board.left_out.items()))
    return "\n\n".join(parts) + "\n"


def quality(section: Section) -> str:
    """Return what the detectors of a section achieved: nothing in it depends on the machine or the day."""
    lines = [
        f"{section.title}: {section.metric}{'' if section.higher_is_better else ' (lower is better)'}",
        f"  mean over {_many(len(section.datasets), 'data set')} of means over groups; intervals: {section.intervals}",
        "",
    ]
    header = ["", "detector", "mean", "interval", "rank", "wins", "p", *section.datasets, *_other_names(section)]
    rows = [
        [
            "-" if s.floor else "*" if s.missing else "",
            s.detector,
            number(s.mean),
            "" if math.isnan(s.low) else f"[{number(s.low)}, {number(s.high)}]",
            number(s.rank, 2),
            str(s.wins),
            "best" if s.detector == section.best else number(s.p_value),
            *(number(s.by_dataset[name]) + span(s.within.get(name)) for name in section.datasets),
            *(number(value) for value in s.others.values()),
        ]
        for s in section.standings
    ]
    lines += table(header, rows)
    lines += [f"  {line}" for line in _notes(section)]
    return "\n".join(lines)


def costs(section: Section) -> str:
    """Return what the detectors of a section cost."""
    header = ["", "detector", "learning s", "scoring s", "places/s", "memory MB", "beaten by none"]
    rows = [
        [
            "-" if s.floor else "",
            s.detector,
            f"{s.fit_seconds:.2f}",
            f"{s.score_seconds:.2f}",
            "-" if math.isnan(s.per_second) else f"{s.per_second:,.0f}",
            f"{s.memory / 1e6:,.0f}",
            "yes" if s.on_front else "",
        ]
        for s in section.standings
    ]
    return "\n".join(
        [
            f"what it cost ({section.title})",
            *table(header, rows),
        ]
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines: the first two columns to the left, numbers to the right.

    Examples
    --------
    >>> table(["", "who", "n"], [["", "ab", "12"]])
    ['    who   n', '    ab   12']
    """
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = []
    for row in (header, *rows):
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def number(value: float, digits: int = 3) -> str:
    """Return a number as tables show it."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def span(ends: tuple[float, float] | None) -> str:
    """Return an interval as it stands behind a number; empty where there is none."""
    return "" if ends is None else f" [{number(ends[0], 2)}, {number(ends[1], 2)}]"


def _notes(section: Section) -> list[str]:
    told = []
    close = [s.detector for s in section.standings if not s.floor and s.p_value >= LEVEL]
    if close:
        told.append(
            f"not told apart from {section.best} (paired exchange over groups, Holm, p of at least {LEVEL}): "
            + ", ".join(close)
        )
    if not math.isnan(section.critical_difference):
        ranked = len(section.datasets)
        told.append(
            f"mean ranks over {_many(ranked, 'data set')} differ by more than chance from "
            f"{section.critical_difference:.2f} on (Nemenyi, {LEVEL:.0%}, {len(section.standings)} detectors)"
        )
    if any(s.within for s in section.standings):
        told.append(
            "intervals of single data sets: 95 % bootstrap over what was judged there, normal and anomalous apart"
        )
    told.append("- detects nothing: what others have to beat")
    told += [f"* {s.detector}: {s.missing}" for s in section.standings if s.missing]
    for detector, sets in section.chosen.items():
        settings = {name: label for name, label in sets.items() if label != detector}
        if settings:
            told.append(f"{detector}: chosen on the first half: " + ", ".join(f"{n} {l}" for n, l in settings.items()))
    told += [f"! {remark}" for remark in section.remarks]
    return told


def _head(board: Board) -> str:
    done = board.jobs.get("done", 0)
    whole = sum(board.jobs.values())
    told = f"{board.suite}: {done} of {_many(whole, 'job')} done"
    rest = {status: n for status, n in board.jobs.items() if status != "done"}
    told += "".join(f", {n} {MEANING.get(status, status)}" for status, n in rest.items())
    return f"{board.title}\n{told}" if board.title else told


def _other_names(section: Section) -> list[str]:
    return list(section.standings[0].others) if section.standings else []


def _published(board: Board) -> str:
    header = ["", "detector", "data set", "protocol", "metric", "value", "verified", "source"]
    rows = [
        ["", r.detector, r.dataset, r.protocol, r.metric, number(r.value), r.verified, r.source]
        for r in board.published
    ]
    return "\n".join(["published, not measured here; definitions of metrics may differ", *table(header, rows)])


def _failures(board: Board) -> str:
    lines = [f"  {name} {MEANING.get(status, status)}: {message}" for name, status, message in board.failures]
    more = len(lines) - SHOWN_FAILURES
    return "\n".join(
        [
            f"{_many(len(lines), 'job')} given up (failures/ holds a file that repeats each)",
            *lines[:SHOWN_FAILURES],
            *([f"  ... and {more} more"] if more > 0 else []),
        ]
    )


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
