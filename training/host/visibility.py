"""How far each fault moves the channels that should show it, against the part of the recording without faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def robust_scale(values: NDArray[np.float64]) -> float:
    """Return 1.4826 × MAD; the standard deviation where that is 0; one unit where the values are constant."""
    mad = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return mad or float(np.std(values)) or 1.0


def visibility(folder: Path) -> str:
    """Return a Markdown table: one line a fault, with the robust z of each of its channels.

    The z of a channel is the distance of its median inside the fault from its median before the first fault, in units
    of `robust_scale` of the latter part.
    """
    data = pd.read_parquet(folder / "host.parquet").set_index("time")
    labels = pd.read_csv(folder / "host_labels.csv", parse_dates=["start", "stop"])
    if labels.empty:
        return "No fault was injected yet when this recording ended."
    clean = data[data.index < labels["start"].min()]
    begin = data.index[0]
    lines = ["| from (min:s) | seconds | kind | strength | channel: clean → fault (z) |", "|---|---|---|---|---|"]
    for fault in labels.itertuples():
        inside = data[(data.index > fault.start) & (data.index <= fault.stop)]
        cells = []
        for channel in fault.channels.split(";"):
            usual, now = float(clean[channel].median()), float(inside[channel].median())
            z = (now - usual) / robust_scale(clean[channel].to_numpy(np.float64))
            cells.append(f"`{channel}`: {usual:.4g} → {now:.4g} ({f'{z:+.1f}' if abs(z) < 1000 else 'over 1000'})")
        at, seconds = (fault.start - begin).total_seconds(), (fault.stop - fault.start).total_seconds()
        lines.append(
            f"| {int(at // 60)}:{at % 60:02.0f} | {seconds:.0f} | {fault.kind} | {fault.strength:g} {fault.unit} "
            f"| {'; '.join(cells)} |"
        )
    return "\n".join(lines)
