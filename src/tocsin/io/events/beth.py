"""The process events of BETH, a CSV with one row per system call of hosts that were watched as honeypots.

Reference: Highnam et al., BETH Dataset: Real Cybersecurity Data for Anomaly Detection Research, 2021.
"""

from __future__ import annotations

from tocsin.core.samples import Repair
from tocsin.io import database
from tocsin.io.events import flow
from tocsin.io.events.plan import EventPlan
from tocsin.io.events.zeek import made_role
from tocsin.io.options import Options
from tocsin.io.plan import Role, roles_of
from tocsin.io.table import Table

_COLUMNS = frozenset(["processName", "eventName", "args", "returnValue", "userId", "hostName"])
_LABELS = ("evil", "sus")
EVENT_COLUMNS = ("process", "user", "host", "event", "object", "result")


def is_beth(table: Table) -> bool:
    """Tell whether a table has BETH's columns of process events."""
    return {c.name for c in table.columns} >= _COLUMNS


def beth_plan(table: Table, options: Options) -> EventPlan:
    """Say what BETH's columns are for: the program, its user and host, the call, what it is about and how it ended.

    Process ids are left out: they are given out anew on every host. Stamps count seconds from the start of a host, so
    that they order its rows and are no time of day.
    """
    columns = {c.name: c.sql for c in table.columns}
    event = columns["eventName"]
    thing = _object(columns["args"])
    if options.links:
        process = f"'process:' || {columns['processName']}"
        fine = f"CAST({columns['returnValue']} AS BIGINT) >= 0"
        inward, outward = (f"({fine} AND {way})" for way in _ways(event, columns["args"]))
        entities = [
            made_role(
                "source", f"CASE WHEN {fine} AND {inward} THEN {thing} WHEN {fine} AND {outward} THEN {process} END"
            ),
            made_role(
                "target", f"CASE WHEN {fine} AND {inward} THEN {process} WHEN {fine} AND {outward} THEN {thing} END"
            ),
            made_role("operation", event),
        ]
    else:
        failed = f"CAST({columns['returnValue']} AS BIGINT) < 0"
        entities = [
            made_role("process", columns["processName"]),
            made_role("user", columns["userId"]),
            made_role("host", columns["hostName"]),
            made_role("event", event),
            made_role("object", thing),
            made_role("result", f"CASE WHEN {failed} THEN 'error ' || {columns['returnValue']} ELSE 'ok' END"),
        ]
    roles = {role.name: role for role in roles_of(table)}
    labels = tuple(roles[name] for name in _LABELS if name in roles)
    notes = (Repair("ids of processes, threads and mounts and stack addresses: left out", 1),)
    return EventPlan(_clock(roles, options), tuple(entities), (), labels=labels, left_out=notes)


def _clock(roles: dict[str, Role], options: Options) -> Role | None:
    """Stamps count from the start of a host; only the unit that the caller gives makes them a time."""
    found = roles.get(options.time or "timestamp")
    return found if found is not None and options.unit is not None else None


def _argument(args: str, name: str) -> str:
    pattern = database.text(rf"'name': '{name}', 'type': '[^']*', 'value': '([^']*)'")
    return f"NULLIF(regexp_extract({args}, {pattern}, 1), '')"


def _object(args: str) -> str:
    """Return the SQL of what a call is about: a path, or the address that a socket is bound or connected to."""
    field = {}
    for name in ("sin_addr", "sin_port", "sin6_addr", "sin6_port", "sun_path"):
        pattern = database.text(rf"'{name}': '?([^',}}]*)")
        field[name] = f"NULLIF(regexp_extract({args}, {pattern}, 1), '')"
    address = f"COALESCE({field['sin_addr']}, {field['sin6_addr']})"
    port = f"COALESCE({field['sin_port']}, {field['sin6_port']}, '')"
    return (
        f"COALESCE('file:' || {_argument(args, 'pathname')}, 'socket:' || {address} || ':' || {port}, "
        f"'unix:' || {field['sun_path']})"
    )


def _ways(event: str, args: str) -> tuple[str, str]:
    """Return the SQL conditions under which information goes into the process, and out of it."""

    def among(names: frozenset[str]) -> str:
        return f"{event} IN ({', '.join(database.text(name) for name in sorted(names))})"

    written = f"regexp_matches({args}, {database.text('|'.join(flow.WRITING))})"
    opened = among(flow.OPENING)
    return (
        f"({among(flow.INWARD)} OR ({opened} AND NOT {written}))",
        f"({among(flow.OUTWARD)} OR ({opened} AND {written}))",
    )
