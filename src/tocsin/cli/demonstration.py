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


# Budget chosen with this recording's labels in view, as above.
EVENTS = Request(
    sources=[],
    train=["50%"],
    detector="gid",
    entities="source,target",
    false_alarms="top 20",
    fresh=True,
)


def run(what: str, out: Path, quiet: bool) -> int:
    """Run `tocsin detect` on a shipped recording and compare with its labels."""
    from tocsin.data import path

    if what == "host":
        file, wanted = "host/host.parquet", REQUEST
    elif what == "events":
        file, wanted = "process/process.parquet", EVENTS
    else:
        warn(f"there is no recording {what!r}; there are host and events")
        return USAGE
    recording = path(file)
    request = replace(wanted, sources=[str(recording)], out=out, quiet=quiet)
    if not quiet:
        say(f"$ {command_of(replace(request, sources=[recording.name]))} -o {out}\n")
    code = run_detect(request)
    if code in (0, 1) and not quiet:
        if what == "host":
            _compare(path("host/host_labels.csv"), out)
        else:
            _compare_events(recording, path("process/process_labels.csv"), out)
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


def _compare_events(recording: Path, labels: Path, out: Path) -> None:
    """Say which staged intrusions were found, and which anomalies hold no event of any."""
    import duckdb

    with labels.open(encoding="utf-8", newline="") as file:
        staged = [(_stamp(row["start"]), _stamp(row["stop"]), row["kind"], row["user"]) for row in csv.DictReader(file)]
    with duckdb.connect() as connection:
        links = connection.execute(
            "SELECT epoch_ns(time) AS time, label FROM read_parquet(?) WHERE source IS NOT NULL", [str(recording)]
        ).fetchnumpy()
        scores = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(out / "scores" / "*.parquet")])
        judged = int(scores.fetchall()[0][0])
    # What was judged is the end of the recording; rows are counted from its beginning there.
    time = links["time"][-judged:].astype("datetime64[ns]")
    ours = links["label"][-judged:] == 1
    found = [json.loads(line) for line in (out / "anomalies.ndjson").read_text(encoding="utf-8").splitlines()]
    say("what was staged, and whether it was found:\n")
    hits, matched = 0, set()
    for start, stop, kind, user in staged:
        own = set(np.flatnonzero(ours & (time >= start) & (time <= stop)).tolist())
        touching = [i for i, row in enumerate(found) if own & set(row["where"]["rows"])]
        matched |= set(touching)
        hits += bool(touching)
        verdict = "missed"
        if touching:
            strongest = max((found[i] for i in touching), key=lambda row: row["peak"])
            verdict = f"found: {(strongest['because'] or [{'name': strongest['peak_at']}])[0]['name']}"
        say(f"  {str(start)[11:19]}  {kind:<18} {user:<6} {verdict}")
    others = len(found) - len(matched)
    say(f"\n{hits} of {len(staged)} intrusions found; {others} of {len(found)} anomalies are none of them")
    say("(the budget was picked on this very recording: a demonstration, not a measurement)")


def _stamp(text: str) -> np.datetime64:
    """Read a stamp in UTC, however it says so."""
    return np.datetime64(text.replace(" ", "T").removesuffix("Z").removesuffix("+00:00"))
