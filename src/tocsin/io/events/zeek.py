"""Zeek's logs, such as conn.log: text between tabs under a `#fields` header, or JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.csv_file import decoded_head, open_csv
from tocsin.io.dialect import SAMPLE_ROWS, Dialect
from tocsin.io.events.plan import EventPlan
from tocsin.io.options import Options
from tocsin.io.plan import Role, find_time, roles_of
from tocsin.io.source import Source
from tocsin.io.table import Column, Table

# The columns of conn.log that say who spoke to whom and how, and those that say how much.
_ENTITIES = ("id.orig_h", "id.resp_h", "id.resp_p", "proto", "service", "conn_state")
_NUMBERS = ("duration", "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts")


def looks_like_zeek(head: bytes) -> bool:
    r"""Tell whether a file begins with the header of a Zeek log.

    Examples
    --------
    >>> looks_like_zeek(b"#separator \x09\n#set_separator\t,\n#fields\tts\n")
    True
    """
    return head.removeprefix(b"\xef\xbb\xbf").startswith(b"#separator ") and b"#fields" in head[:4096]


def is_conn(table: Table) -> bool:
    """Tell whether a table is Zeek's log of connections."""
    known = {c.name for c in table.columns}
    return {"id.orig_h", "id.resp_h", "id.resp_p", "proto"} <= known


def open_zeek(source: Source, options: Options, connection: Any) -> Table:
    """Lay a relation over a Zeek log with a header.

    Raises
    ------
    InputError
        If the header is damaged, or nothing stands below it.
    """
    lines = decoded_head(source).removeprefix("\ufeff").splitlines()
    if not source.whole:
        lines.pop()
    header = [line for line in lines if line.startswith("#")]
    coded = header[0].removeprefix("#separator").strip()
    delimiter = chr(int(coded[2:], 16)) if coded.startswith("\\x") and len(coded) == 4 else coded or "\t"
    names = next((line.split(delimiter)[1:] for line in header if line.startswith("#fields")), [])
    before = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    rows = [line.split(delimiter) for line in lines[before : before + SAMPLE_ROWS] if not line.startswith("#")]
    if not names or len(set(names)) != len(names):
        raise InputError(f"{source.where}: the #fields line of this Zeek log names no columns, or one of them twice")
    if not rows:
        raise InputError(f"{source.where} holds the header of a Zeek log and no rows")
    missing = {"-", "(empty)"}
    held = [[cell if cell not in missing else "" for cell in row] for row in rows]
    length = sum(len("\t".join(row)) + 1 for row in rows) / len(rows)
    dialect = Dialect(delimiter, before, tuple(names), False, held, source.whole, length, comment="#")
    return open_csv(source, options, connection, dialect)


def conn_plan(table: Table, options: Options) -> EventPlan:
    """Say what the columns of conn.log are for; as links, a host goes to the socket that it spoke to."""
    roles = roles_of(table)
    by_name = {role.name: role for role in roles}
    time, _ = find_time(table, roles, replace(options, time=options.time or ("ts" if "ts" in by_name else None)))
    entities: tuple[Role, ...]
    if options.links:
        sql = {name: by_name[name].column.sql for name in _ENTITIES if name in by_name}
        entities = (
            made_role("source", f"'host:' || {sql['id.orig_h']}"),
            made_role("target", f"'socket:' || {sql['id.resp_h']} || ':' || {sql['id.resp_p']}"),
            made_role("operation", sql.get("service", sql["proto"])),
        )
    else:
        entities = tuple(replace(by_name[name], kind="text") for name in _ENTITIES if name in by_name)
    numbers = tuple(replace(by_name[n], kind="number") for n in _NUMBERS if n in by_name and by_name[n].kind != "empty")
    used = {*_ENTITIES, *_NUMBERS, "" if time is None else time.name}
    rest = [name for name in by_name if name not in used]
    what = "ports of the caller, ids of connections and details: left out; name entities to read them"
    left_out = (Repair(what, len(rest), ", ".join(rest)),) if rest else ()
    return EventPlan(time, entities, numbers, left_out=left_out)


def made_role(name: str, sql: str) -> Role:
    """Return a column of words that SQL makes of others."""
    return Role(Column(name, f"({sql})", "text", "VARCHAR"), "text")
