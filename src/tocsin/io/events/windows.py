"""Windows events and Sysmon as winlogbeat, evtx_dump and their kin write them: one JSON object per event."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io.events.collector import Collector, only_links
from tocsin.io.events.finish import EventFrame
from tocsin.io.events.lines import read_lines
from tocsin.io.options import Options
from tocsin.io.source import Source

COLUMNS = ("event", "channel", "computer", "user", "process", "parent", "object")
# What Sysmon's event ids stand for.
SYSMON = {
    "1": "process create", "2": "file time changed", "3": "connect", "4": "service state", "5": "process end",
    "6": "driver load", "7": "image load", "8": "remote thread", "9": "raw disk read", "10": "process access",
    "11": "file create", "12": "registry object", "13": "registry value", "14": "registry rename",
    "15": "file stream", "16": "configuration", "17": "pipe create", "18": "pipe connect", "19": "WMI filter",
    "20": "WMI consumer", "21": "WMI binding", "22": "DNS query", "23": "file delete", "24": "clipboard",
    "25": "process tampering", "26": "file delete", "27": "file block", "28": "file block", "29": "executable found",
}  # fmt: skip
# Which field names the object of an event, and the prefix that types it; the first that is there.
_OBJECTS = (
    ("TargetFilename", "file:"), ("TargetObject", "registry:"), ("ImageLoaded", "file:"), ("PipeName", "pipe:"),
    ("QueryName", "name:"), ("TargetImage", "process:"), ("Device", "device:"), ("ObjectName", "file:"),
    ("ServiceName", "service:"), ("TaskName", "task:"), ("ShareName", "share:"), ("IpAddress", "address:"),
)  # fmt: skip
# Sysmon events in which information goes from the object into the process; in all others it goes out.
_INWARD = frozenset(("driver load", "image load", "raw disk read"))


def is_windows_event(row: object) -> bool:
    """Tell whether a JSON object is a Windows event."""
    if not isinstance(row, Mapping):
        return False
    inner = row.get("Event", row)
    return (isinstance(inner, Mapping) and isinstance(inner.get("System"), Mapping)) or (
        isinstance(row.get("winlog"), Mapping) or {"EventID", "Channel"} <= row.keys()
    )


def looks_like_windows(head: bytes) -> bool:
    """Tell whether the first JSON object of a file is a Windows event."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start != b"{":
        return False
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    try:
        return is_windows_event(json.loads(line))
    except ValueError:
        return False


def read_windows(source: Source, options: Options) -> EventFrame:
    """Read Windows events, one JSON object per line; see `collect`.

    Raises
    ------
    InputError
        If a line is no JSON or no Windows event, unless bad lines are skipped.
    """
    return collect(source.where, _rows(source, options), options)


def _rows(source: Source, options: Options) -> Iterator[tuple[int, str, Any]]:
    for number, line in read_lines(source, options.on_bad):
        try:
            yield number, line or "", json.loads(line or "")
        except (ValueError, RecursionError):
            if options.on_bad == "raise":
                raise InputError(
                    f"{source.where}: line {number} is no JSON ({(line or '')[:40]!r}): correct it, or read with "
                    "on_bad='skip' to leave such lines out"
                ) from None
            yield number, "", None


def collect(where: str, rows: Iterable[tuple[int, str, Any]], options: Options) -> EventFrame:
    """Make events, or links, of parsed records.

    Events have ``event`` (Sysmon's name for it, or ``provider id``), ``channel``, ``computer``, ``user``, ``process``
    (the program), ``parent`` and ``object`` (typed: ``file:``, ``registry:``, ``socket:``, ``process:`` ...).
    Links go from the process to the object, from what is loaded into the process, and from a parent to its child.

    Raises
    ------
    InputError
        If a record is no Windows event, unless bad ones are skipped.
    """
    made = Collector(where, ("source", "target", "operation") if options.links else COLUMNS, options)
    for number, text, row in rows:
        if not is_windows_event(row):
            if options.on_bad == "raise":
                raise InputError(
                    f"{where}: record {number} is no Windows event (it has no System and no winlog part): correct it, "
                    "or read with on_bad='skip' to leave such records out"
                )
            made.skip("that are no Windows events", number)
            continue
        system, data = _parts(row)
        event = _event(system, data)
        if options.links:
            for link in _links(event, data):
                made.add(link, _time(system, data), text)
        else:
            made.add([event[name] for name in COLUMNS], _time(system, data), text)
    frame = made.frame()
    return only_links(frame) if options.links else frame


def _parts(row: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what every event has, under one set of names, and the fields of its own."""
    if isinstance(beat := row.get("winlog"), Mapping):
        system = {
            "EventID": beat.get("event_id"),
            "Channel": beat.get("channel"),
            "Computer": beat.get("computer_name"),
            "Provider": beat.get("provider_name"),
            "Time": row.get("@timestamp"),
        }
        return _flat(system), _flat(beat.get("event_data"))
    inner = row.get("Event", row)
    if isinstance(system := inner.get("System"), Mapping):
        flat = _flat(system)
        flat["EventID"] = flat.get("EventID") or flat.get("EventID.#text", "")
        flat["Provider"] = flat.get("Provider.Name", "")
        flat["Time"] = flat.get("TimeCreated.SystemTime", "")
        return flat, _flat(inner.get("EventData") or inner.get("UserData"))
    flat = _flat(row)
    flat["Time"] = next((flat[n] for n in ("TimeCreated", "EventTime", "@timestamp", "UtcTime") if flat.get(n)), "")
    flat["Provider"] = flat.get("Provider") or flat.get("SourceName", "")
    flat["Computer"] = flat.get("Computer") or flat.get("Hostname", "")
    return flat, flat


def _flat(part: object, prefix: str = "") -> dict[str, str]:
    """Return nested fields under dotted names; XML attributes under the name of their element."""
    found: dict[str, str] = {}
    if isinstance(part, Mapping):
        for name, value in part.items():
            inner = prefix if name in ("#attributes", "@attributes") else f"{prefix}{'.' if prefix else ''}{name}"
            if isinstance(value, Mapping):
                found |= _flat(value, inner)
            elif value is not None and not isinstance(value, list):
                found[inner] = str(value)
        listed = part.get("Data")
        if isinstance(listed, list):  # <Data Name="Image">...</Data>, kept in its XML form
            for one in listed:
                if isinstance(one, Mapping):
                    flat = _flat(one)
                    found[flat.get("Name", "")] = flat.get("#text", "")
    return found


def _event(system: dict[str, str], data: dict[str, str]) -> dict[str, str]:
    sysmon = "Sysmon" in system.get("Channel", "") or "Sysmon" in system.get("Provider", "")
    number = system.get("EventID", "")
    provider = system.get("Provider", "").removeprefix("Microsoft-Windows-")
    return {
        "event": SYSMON.get(number, f"Sysmon {number}") if sysmon else f"{provider} {number}".strip(),
        "channel": system.get("Channel", ""),
        "computer": system.get("Computer", ""),
        "user": next((data[n] for n in ("User", "SubjectUserName", "TargetUserName") if _is_said(data.get(n))), ""),
        "process": next(
            (data[n] for n in ("Image", "NewProcessName", "SourceImage", "ProcessName") if _is_said(data.get(n))), ""
        ),
        "parent": next((data[n] for n in ("ParentImage", "ParentProcessName") if _is_said(data.get(n))), ""),
        "object": _object(data),
    }


def _is_said(value: str | None) -> bool:
    return bool(value) and value != "-"


def _object(data: dict[str, str]) -> str:
    if _is_said(data.get("DestinationIp")):
        return f"socket:{data['DestinationIp']}:{data.get('DestinationPort', '')}"
    return next((f"{prefix}{data[name]}" for name, prefix in _OBJECTS if _is_said(data.get(name))), "")


def _links(event: dict[str, str], data: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    process, name = event["process"], event["event"]
    if process and event["parent"]:
        yield f"process:{event['parent']}", f"process:{process}", name
    if not process or not event["object"]:
        return
    inward = name in _INWARD or (name == "connect" and data.get("Initiated", "true").lower() == "false")
    pair = (event["object"], f"process:{process}")
    yield (*(pair if inward else pair[::-1]), name)


def _time(system: dict[str, str], data: dict[str, str]) -> int | None:
    """Return nanoseconds since 1970; Windows writes UTC."""
    text = (system.get("Time") or data.get("UtcTime", "")).strip().removesuffix("Z").removesuffix(" UTC")
    for moved in ("+00:00", "-00:00"):
        text = text.removesuffix(moved)
    try:
        return int(np.datetime64(text.replace(" ", "T")[:29], "ns").astype(np.int64)) if text else None
    except ValueError:
        return None
