"""What `detect` leaves in its out folder, written as it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.cli.inert import inert
from tocsin.cli.stems import is_stem
from tocsin.core.errors import InputError
from tocsin.core.extents import EventSet
from tocsin.core.samples import Events
from tocsin.io.writing import append_ndjson, write_parquet

if TYPE_CHECKING:
    from tocsin.core.detection import Detection
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores


# How many of an anomaly's events are written out, and how much of each.
EVENTS_SHOWN, TEXT_SHOWN = 20, 2000


def anomaly_rows(detection: Detection, source: str) -> list[dict[str, Any]]:
    """Return the anomalies of one detection as JSON-ready rows, in the order of time where they have one.

    Anomalies of events hold their first events with the original of each, made harmless.
    """
    rows = []
    for anomaly in detection.anomalies:
        row = {"source": source, "detector": detection.card.name, **anomaly.to_dict()}
        if isinstance(detection.sample, Events) and isinstance(anomaly.where, EventSet):
            row["events"] = [event_row(detection.sample, int(i)) for i in anomaly.where.rows[:EVENTS_SHOWN]]
            row = _harmless(row)
        rows.append(row)
    return sorted(rows, key=lambda row: row["where"].get("start", 0))


def _harmless(value: Any) -> Any:
    """Make every text of a tree harmless: words of events come from whoever wrote the log."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, dict):
        return {key: _harmless(part) for key, part in value.items()}
    return [_harmless(part) for part in value] if isinstance(value, list) else value


def event_row(events: Events, place: int) -> dict[str, Any]:
    """Return one event for a person: its row or line in the file, its name, and its original."""
    found: dict[str, Any] = {"row": _noted(events, "rows", place, place)}
    line = _noted(events, "lines", place, None)
    if line is not None:
        found["line"] = line
    found["event"] = events.name(place)
    if events.text is not None:
        found["text"] = str(events.text[place])[:TEXT_SHOWN]
    return found


def _noted(events: Events, key: str, place: int, otherwise: int | None) -> int | None:
    """Return what the reader noted of an event, a number of the file."""
    noted = events.meta.get(key)
    return int(noted[place]) if isinstance(noted, np.ndarray) and noted.shape == events.grid else otherwise


def score_columns(sample: Sample, scores: Scores) -> dict[str, np.ndarray]:
    """Return place scores as columns: time, row, line and trace where there are such, score, and one per part.

    Rows that reading inserted to bridge gaps are left out: the table has the rows of the input, under their numbers.
    """
    if scores.local is None or scores.local.ndim != 1:
        raise InputError(f"{sample.id}: only scores along one axis go into a table")
    time = getattr(sample, "time", None)
    columns: dict[str, np.ndarray] = {} if time is None else {"time": np.asarray(time)}
    columns["row"] = np.asarray(sample.meta.get("rows", np.arange(len(scores.local))))
    if isinstance(sample, Events):
        lines = sample.meta.get("lines")
        if isinstance(lines, np.ndarray) and lines.shape == sample.grid:
            columns["line"] = lines
        if sample.trace is not None:
            columns["trace"] = sample.trace.words()
    columns["score"] = scores.local
    if scores.parts is not None and scores.parts.shape[1] > 1:
        for i, name in enumerate(scores.part_names):
            columns[f"part: {name}"] = np.ascontiguousarray(scores.parts[:, i])
    read = columns["row"] >= 0
    return columns if read.all() else {name: column[read] for name, column in columns.items()}


def trace_columns(sample: Sample, scores: Scores) -> dict[str, np.ndarray] | None:
    """Return the scores of traces as columns, None where traces are not what was judged."""
    if scores.traces is None or not isinstance(sample, Events):
        return None
    names, numbers = sample.by_trace()
    first = np.unique(numbers, return_index=True)[1]
    columns: dict[str, np.ndarray] = {} if sample.time is None else {"time": np.asarray(sample.time[first])}
    columns["trace"] = np.array(names, dtype=object)
    columns["events"] = np.bincount(numbers, minlength=len(names))
    columns["score"] = scores.traces
    return columns


def write_scores(path: Path, sample: Sample, scores: Scores) -> None:
    """Write the table of scores, and beside it that of the traces where these were judged."""
    write_parquet(path, score_columns(sample, scores))
    traces = trace_columns(sample, scores)
    if traces is not None:
        write_parquet(path.with_name(f"{path.name.removesuffix('.parquet')}.traces.parquet"), traces)


def store(folder: Path, detection: Detection, source: str, stem: str) -> list[dict[str, Any]]:
    """Write one detection's scores and anomalies; return the anomaly rows."""
    rows = anomaly_rows(detection, source)
    if detection.scores.local is not None and detection.scores.local.ndim == 1:
        write_scores(folder / "scores" / f"{stem}.parquet", detection.sample, detection.scores)
    append_ndjson(folder / "anomalies.ndjson", rows)
    return rows


def clear(folder: Path) -> None:
    """Remove what earlier runs left, so that results of other inputs or settings do not stand beside new ones."""
    for name in ("anomalies.ndjson", "anomalies.parquet", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for file in (folder / "scores").glob("*.parquet"):
        if is_stem(file.name.removesuffix(".parquet").removesuffix(".traces")):
            file.unlink()


def flatten(folder: Path) -> Path | None:
    """Turn anomalies.ndjson into anomalies.parquet, one row per anomaly."""
    source = folder / "anomalies.ndjson"
    if not source.is_file():
        return None
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not rows:
        return None

    def text(get: Any) -> np.ndarray:
        return np.array([get(r) for r in rows], dtype=object)

    def number(get: Any) -> np.ndarray:
        return np.array([np.nan if get(r) is None else float(get(r)) for r in rows])

    columns = {
        "source": text(lambda r: r["source"]),
        "sample": text(lambda r: r["sample"]),
        "detector": text(lambda r: r["detector"]),
        "first": text(lambda r: r["where"].get("first")),
        "last": text(lambda r: r["where"].get("last")),
        "start": number(lambda r: r["where"].get("start")),
        "stop": number(lambda r: r["where"].get("stop")),
        "size": number(lambda r: r["size"]),
        "peak": number(lambda r: r["peak"]),
        "peak_at": text(lambda r: r["peak_at"]),
        "p_value": number(lambda r: r["p_value"]),
        "expected_per_day": number(lambda r: r["expected_per_day"]),
        "extrapolated": np.array([bool(r["extrapolated"]) for r in rows]),
        "because": text(lambda r: "; ".join(f"{e['name']} {e['share']:.2f} {e['text']}".strip() for e in r["because"])),
        "doubts": text(lambda r: "; ".join(r["doubts"])),
    }
    if any("box" in row["where"] for row in rows):
        for place, side in enumerate(("left", "top", "right", "bottom")):
            columns[side] = number(lambda r, place=place: r["where"]["box"][place] if "box" in r["where"] else None)
    if any("events" in row for row in rows):
        columns["trace"] = text(lambda r: r["where"].get("trace") or "")
        columns["text"] = text(lambda r: "\n".join(e.get("text") or e["event"] for e in r.get("events", ())))
    return write_parquet(folder / "anomalies.parquet", columns)
