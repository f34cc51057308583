"""The job behind `tocsin demo`: a recording with known faults, what was found, and how the two compare."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from tocsin.cli.codes import USAGE
from tocsin.cli.detecting import run as run_detect
from tocsin.cli.printing import say, warn
from tocsin.cli.request import Request, command_of

# The service and what it does to the host. The host-wide counters also carry other jobs of a busy machine (the
# recording's card says when), which a detector would rightly report.
# Detector, window and budget were picked with this recording's labels in view: the demo shows, it does not measure.
REQUEST = Request(
    sources=[],
    train=["25%"],
    channels="service.*,net.lo.*,mem.used,processes.created",
    detector="subsequence-pca",
    settings=["window=16"],
    false_alarms="1/hour",
    fresh=True,
)


def run(what: str, out: Path, quiet: bool) -> int:
    """Run `tocsin detect` on a shipped recording and compare with its labels."""
    if what != "host":
        warn(f"there is no recording {what!r}; there is host")
        return USAGE
    from tocsin.data import path

    recording = path("host/host.parquet")
    request = replace(REQUEST, sources=[str(recording)], out=out, quiet=quiet)
    if not quiet:
        say(f"$ {command_of(replace(request, sources=[recording.name]))} -o {out}\n")
    code = run_detect(request)
    if code in (0, 1) and not quiet:
        _compare(path("host/host_labels.csv"), out)
    return code


def _compare(labels: Path, out: Path) -> None:
    """Say which injected faults were found, and which anomalies were none of them."""
    with labels.open(encoding="utf-8", newline="") as file:
        faults = [(_stamp(row["start"]), _stamp(row["stop"]), row["kind"]) for row in csv.DictReader(file)]
    anomalies = out / "anomalies.ndjson"
    lines = anomalies.read_text(encoding="utf-8").splitlines() if anomalies.is_file() else []
    found = [json.loads(line) for line in lines]
    spans = [(_stamp(row["where"]["first"]), _stamp(row["where"]["last"])) for row in found]
    matched: set[int] = set()
    say("what was injected, and whether it was found:\n")
    hits = 0
    for start, stop, kind in faults:
        touching = [i for i, (a, b) in enumerate(spans) if a <= stop and b >= start]
        matched |= set(touching)
        hits += bool(touching)
        verdict = "missed"
        if touching:
            strongest = max((found[i] for i in touching), key=lambda row: row["peak"])
            verdict = "found, blaming " + ", ".join(e["name"] for e in strongest["because"][:3])
        say(f"  {str(start)[11:19]}  {kind:<18} {verdict}")
    others = len(spans) - len(matched)
    say(f"\n{hits} of {len(faults)} faults found; {others} of {len(spans)} anomalies are none of them")
    say("(these settings were picked on this very recording: a demonstration, not a measurement)")


def _stamp(text: str) -> np.datetime64:
    """Read a stamp in UTC, however it says so."""
    return np.datetime64(text.replace(" ", "T").removesuffix("Z").removesuffix("+00:00"))
