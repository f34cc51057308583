"""What `detect` leaves in its out folder, written as it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.cli.stems import is_stem
from tocsin.core.errors import InputError
from tocsin.io.writing import append_ndjson, write_parquet

if TYPE_CHECKING:
    from tocsin.core.detection import Detection
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores


def anomaly_rows(detection: Detection, source: str) -> list[dict[str, Any]]:
    """Return the anomalies of one detection as JSON-ready rows, in the order of time where they have one."""
    rows = [{"source": source, "detector": detection.card.name, **a.to_dict()} for a in detection.anomalies]
    return sorted(rows, key=lambda row: row["where"].get("start", 0))


def score_columns(sample: Sample, scores: Scores) -> dict[str, np.ndarray]:
    """Return place scores as columns: time or row, score, and one column per part.

    Rows that reading inserted to bridge gaps are left out: the table has the rows of the input, under their numbers.
    """
    if scores.local is None or scores.local.ndim != 1:
        raise InputError(f"{sample.id}: only scores along one axis go into a table")
    time = getattr(sample, "time", None)
    columns: dict[str, np.ndarray] = {} if time is None else {"time": np.asarray(time)}
    columns["row"] = np.asarray(sample.meta.get("rows", np.arange(len(scores.local))))
    columns["score"] = scores.local
    if scores.parts is not None and scores.parts.shape[1] > 1:
        for i, name in enumerate(scores.part_names):
            columns[f"part: {name}"] = np.ascontiguousarray(scores.parts[:, i])
    read = columns["row"] >= 0
    return columns if read.all() else {name: column[read] for name, column in columns.items()}


def store(folder: Path, detection: Detection, source: str, stem: str) -> list[dict[str, Any]]:
    """Write one detection's scores and anomalies; return the anomaly rows."""
    rows = anomaly_rows(detection, source)
    if detection.scores.local is not None and detection.scores.local.ndim == 1:
        write_parquet(folder / "scores" / f"{stem}.parquet", score_columns(detection.sample, detection.scores))
    append_ndjson(folder / "anomalies.ndjson", rows)
    return rows


def clear(folder: Path) -> None:
    """Remove what earlier runs left, so that results of other inputs or settings do not stand beside new ones."""
    for name in ("anomalies.ndjson", "anomalies.parquet", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for file in (folder / "scores").glob("*.parquet"):
        if is_stem(file.name.removesuffix(".parquet")):
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

    return write_parquet(
        folder / "anomalies.parquet",
        {
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
            "because": text(
                lambda r: "; ".join(f"{e['name']} {e['share']:.2f} {e['text']}".strip() for e in r["because"])
            ),
            "doubts": text(lambda r: "; ".join(r["doubts"])),
        },
    )


def _reason(evidence: dict[str, Any]) -> str:
    return f"{evidence['name']} {evidence['share']:.2f} {evidence['text']}".strip()
