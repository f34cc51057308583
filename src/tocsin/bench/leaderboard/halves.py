"""Where settings are chosen on one half of the data and reported on the other."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]


def choose_settings(rows: Rows, metric: str, *, higher: bool) -> tuple[Rows, dict[str, dict[str, str]]]:
    """Return the rows to report, and which settings they come from.

    Of each detector's grid, on each data set, the settings are taken whose mean of `metric` on the first half is best
    (the first of equals); their rows of the second half stand under the name of the detector. Where rows have no
    halves, they are returned as they are, with nothing chosen.

    Examples
    --------
    >>> def row(label, half, value):
    ...     return dict(detector=label, family="d", dataset="x", half=half, metric="m", value=value)
    >>> rows = [row("d(w=1)", "choose", 0.1), row("d(w=2)", "choose", 0.9)]
    >>> rows += [row("d(w=1)", "report", 0.8), row("d(w=2)", "report", 0.5)]
    >>> reported, chosen = choose_settings(rows, "m", higher=True)
    >>> reported[0]["value"], chosen
    (0.5, {'d': {'x': 'd(w=2)'}})
    """
    if not any(row["half"] for row in rows):
        return rows, {}
    first: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        cell = first[(row["family"], row["dataset"])]
        if row["half"] == "choose" and row["metric"] == metric and row["value"] is not None:
            cell[row["detector"]].append(float(row["value"]))
        else:
            _ = cell[row["detector"]]
    sign = 1.0 if higher else -1.0
    chosen: dict[str, dict[str, str]] = defaultdict(dict)
    for (family, dataset), labels in first.items():
        known = {label: sign * float(np.mean(values)) for label, values in labels.items() if values}
        chosen[family][dataset] = max(known, key=lambda label: known[label]) if known else next(iter(labels))
    reported = [
        {**row, "detector": row["family"]}
        for row in rows
        if row["half"] == "report" and chosen[row["family"]][row["dataset"]] == row["detector"]
    ]
    return reported, {family: dict(sets) for family, sets in chosen.items()}
