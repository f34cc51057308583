"""From strace's words to a table of process events with labels."""

from __future__ import annotations

import csv
import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from process.sandbox import OWNERS

from tocsin.io.events import flow
from tocsin.io.events.reading import read_events

_SETUID = re.compile(r"setuid\((\d+)")
_CHILD = re.compile(r"(?:clone|clone3|fork|vfork)(?:\(.*\)| resumed>.*)\s+= (\d+)")
# Numbers that the kernel hands out anew each time: the far port of an accepted connection, inodes of sockets.
_PASSING = re.compile(r"^(socket:127\.0\.0\.1:)(?:3[2-9]|[45]\d|60)\d{3}$|^(socket:\[)\d+\]$")
_USERS = {str(number): name for name, number in OWNERS.items()}
# What agents do for themselves, and what the dynamic linker opens, says nothing about anybody's work.
_QUIET = re.compile(r"/etc/ld\.so|/locale|/usr/lib/|/lib/|gconv|/usr/share/perl|/proc/self|/dev/null")


def convert(folder: Path, root: Path) -> str:
    """Write ``process.parquet`` and ``process_labels.csv``; return what was written, in words."""
    trace = folder / "trace.log.gz"
    with gzip.open(trace, "rt", encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    parents, users = _family(lines)
    jobs = [job for job in json.loads((folder / "jobs.json").read_text()) if job["kind"]]
    intruders = {str(job["pid"]): job for job in jobs}
    rows = _rows(trace, parents, users, intruders)
    kept = [row for row in rows if not _QUIET.search(row["object"])]
    _write(folder / "process.parquet", kept)
    with (folder / "process_labels.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("start", "stop", "kind", "user", "events"))
        for pid, job in sorted(intruders.items(), key=lambda item: item[1]["time"]):
            own = [row for row in kept if row["intruder"] == pid]
            if own:
                ends = [datetime.fromtimestamp(row["time"] / 1e9, UTC).isoformat() for row in (own[0], own[-1])]
                writer.writerow((*ends, job["kind"], job["user"], len(own)))
    size = (folder / "process.parquet").stat().st_size / 1024
    return f"{len(kept)} of {len(rows)} events, {sum(r['label'] for r in kept)} of intrusions, {size:.0f} KiB"


def _family(lines: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Parents of processes, and the users that processes became."""
    parents: dict[str, str] = {}
    users: dict[str, str] = {}
    for line in lines:
        pid, _, rest = line.partition(" ")
        if found := _CHILD.search(rest):
            parents[found[1]] = pid
        if found := _SETUID.search(rest):
            users[pid] = _USERS.get(found[1], found[1])
    return parents, users


def _first(pid: str, parents: dict[str, str], known: dict[str, Any]) -> str:
    """The nearest of a process and its ancestors that is known; '' if none is."""
    while pid:
        if pid in known:
            return pid
        pid = parents.get(pid, "")
    return ""


def _rows(
    trace: Path, parents: dict[str, str], users: dict[str, str], intruders: dict[str, Any]
) -> list[dict[str, Any]]:
    events = read_events(trace, on_bad="skip")
    words = {name: events.entities[name].words() for name in ("process", "event", "object", "result")}
    pids = events.trace.words()
    before: dict[str, str] = {}
    rows = []
    for row, pid in enumerate(pids.tolist()):
        process, event, thing, result = (str(words[name][row] or "") for name in words)
        last, before[pid] = before.get(pid, process), process
        if not process or event in ("exit_group", "exit") or event in flow.SPAWNING or not thing or not result:
            continue
        thing = _PASSING.sub(lambda found: f"{found[1]}*" if found[1] else f"{found[2]}*]", thing)
        user = users.get(_first(pid, parents, users), "root")
        intruder = _first(pid, parents, intruders)
        # Programs such as bash are everybody's: whose they are makes them somebody's.
        own, earlier = f"process:{user} {process}", f"process:{user} {last}"
        source, target = _ends(event, earlier, own, thing, str(events.text[row]), result)
        rows.append(
            {
                "time": int(events.time[row].astype("datetime64[ns]").astype("int64")),
                "pid": int(pid),
                "user": user,
                "process": process,
                "event": event,
                "object": thing,
                "result": result,
                "source": source,
                "target": target,
                "label": int(bool(intruder)),
                "intruder": intruder,
            }
        )
    return rows


def _ends(event: str, last: str, process: str, thing: str, line: str, result: str) -> tuple[str | None, str | None]:
    """Where information goes from and to; None for calls that failed or move nothing."""
    if result != "ok":
        return None, None
    if event in flow.EXECUTING:
        return last, process
    way = flow.direction(event, line)
    return {"in": (thing, process), "out": (process, thing)}.get(way, (None, None))


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table: dict[str, Any] = {"time": pa.array([r["time"] for r in rows], pa.timestamp("ns", tz="UTC")).cast(
        pa.timestamp("us", tz="UTC"), safe=False)}  # fmt: skip
    table["pid"] = pa.array([r["pid"] for r in rows], pa.int32())
    for name in ("user", "process", "event", "object", "result", "source", "target"):
        table[name] = pa.array([r[name] for r in rows]).dictionary_encode()
    table["label"] = pa.array([r["label"] for r in rows], pa.int8())
    pq.write_table(pa.table(table), file, compression="zstd", compression_level=19)
