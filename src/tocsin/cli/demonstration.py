"""The job behind `tocsin demo`: a recording with known faults, what was found, and how the two compare."""

from __future__ import annotations

from pathlib import Path

from tocsin.cli.codes import USAGE
from tocsin.cli.detecting import Request, run as run_detect
from tocsin.cli.printing import say, warn


def run(what: str, out: Path, quiet: bool) -> int:
    """Run `tocsin detect` on a shipped recording and compare with its labels."""
    if what != "host":
        warn(f"there is no recording {what!r}; there is host")
        return USAGE
    from tocsin.data import path

    recording = path("host/host.parquet")
    if not quiet:
        say(f"$ tocsin detect {recording.name} -o {out}\n")
    code = run_detect(Request(sources=[str(recording)], out=out, quiet=quiet, fresh=True))
    if code in (0, 1) and not quiet:
        _compare(path("host/host_labels.csv"), out)
    return code


def _compare(labels: Path, out: Path) -> None:
    """Say which injected faults were found, and which anomalies were none of them."""
    import csv
    import json

    import numpy as np

    with labels.open(encoding="utf-8", newline="") as file:
        faults = list(csv.DictReader(file))
    lines = (out / "anomalies.ndjson").read_text(encoding="utf-8").splitlines() if (out / "anomalies.ndjson").is_file() else []
    found = [json.loads(line) for line in lines]
    spans = [
        (np.datetime64(row["where"]["first"].replace(" ", "T")), np.datetime64(row["where"]["last"].replace(" ", "T")), row)
        for row in found
    ]
    matched: set[int] = set()
    say("what was injected, and whether it was found:\n")
    hits = 0
    for fault in faults:
        start, stop = (np.datetime64(fault[k].replace(" ", "T").removesuffix("Z").removesuffix("+00:00")) for k in ("start", "stop"))
        touching = [i for i, (a, b, _) in enumerate(spans) if a <= stop and b >= start]
        matched |= set(touching)
        hits += bool(touching)
        blamed = spans[touching[0]][2]["because"][0]["name"] if touching and spans[touching[0]][2]["because"] else ""
        say(f"  {str(start)[11:19]}  {fault['kind']:<18} {'found, blaming ' + blamed if touching else 'missed'}")
    say(f"\n{hits} of {len(faults)} faults found; {len(spans) - len(matched)} of {len(spans)} anomalies are none of them")
