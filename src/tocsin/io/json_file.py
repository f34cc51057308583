"""JSON as a table: one object per line, a list of objects, or one object of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.io import database
from tocsin.io.source import Source
from tocsin.io.table import LOOK, Column, Table, with_sample

if TYPE_CHECKING:
    from tocsin.io.options import Options

# Records that are looked at to learn which keys there are.
KEYS_FROM = 100_000


def open_json(source: Source, options: Options, connection: Any) -> Table:
    """Lay a relation over a JSON file; nested objects become columns with dotted names.

    Every value is read as text first: whether a column holds numbers, stamps or words is decided as for CSV.

    Raises
    ------
    InputError
        If the JSON is malformed, or is no table.
    """
    import duckdb

    try:
        return _table(source, options, connection)
    except duckdb.Error as error:
        raise _damaged(source, str(error)) from None


def _damaged(source: Source, message: str) -> InputError:
    said = database.first_line(Exception(message)).rstrip(". ").replace(f' in file "{source.path}",', "")
    return InputError(f"{source.where} cannot be read as JSON: {said}; correct it, or write the table as CSV")


def _table(source: Source, options: Options, connection: Any) -> Table:
    place = database.file(source.path)
    common = f"compression = '{source.compression}'"
    lenient = options.on_bad == "skip" and _is_lines(source)
    if lenient:
        common += ", ignore_errors = true, format = 'newline_delimited'"
    frame = connection.sql(f"SELECT * FROM read_json({place}, {common}, sample_size = {KEYS_FROM})")
    kinds = dict(zip(frame.columns, frame.types, strict=True))
    lists = all(kind.id == "list" for kind in kinds.values())
    if lists and list(kinds) != ["json"]:
        inner = ", ".join(f"{database.text(n)}: 'VARCHAR[]'" for n in kinds)
        spread = ", ".join(f"unnest({database.identifier(n)}) AS {database.identifier(n)}" for n in kinds)
        relation = f"(SELECT {spread} FROM read_json({place}, {common}, columns = {{{inner}}}))"
        columns = [Column(name, database.identifier(name), "text") for name in kinds]
    else:
        if list(kinds) == ["json"] and str(kinds["json"]).upper() not in ("BIGINT", "DOUBLE", "HUGEINT", "UBIGINT"):
            raise InputError(
                f"{source.where} holds JSON that is no table: write one object per row, "
                'such as {"time": ..., "value": ...}'
            )
        inner = ", ".join(f"{database.text(n)}: {database.text(_as_text(kind))}" for n, kind in kinds.items())
        if list(kinds) == ["json"]:  # a list of bare numbers has no keys to ask for
            relation = f"(SELECT CAST(json AS VARCHAR) AS json FROM read_json({place}, {common}))"
            columns = [Column("value", "json", "text")]
        else:
            relation = f"read_json({place}, {common}, columns = {{{inner}}})"
            columns = [c for n, kind in kinds.items() for c in _leaves(n, database.identifier(n), kind)]
    seen = with_sample(connection, relation, columns)
    if not seen or not seen[0].sample:
        raise InputError(f"{source.where} holds no rows")
    return Table(
        source.where,
        connection,
        seen,
        lambda numbers: relation,
        rows=_estimate(source, len(seen[0].sample)),
        exact=False,
        explain=lambda message: _damaged(source, message),
    )


def _is_lines(source: Source) -> bool:
    return source.head.lstrip().startswith(b"{")


def _estimate(source: Source, seen: int) -> float | None:
    if source.compression != "none":
        return None
    if source.whole and seen < LOOK:
        return float(seen)
    records = source.head.count(b"\n") if _is_lines(source) else source.head.count(b"{")
    return max(records, 1) * source.size / len(source.head)


def _as_text(kind: Any) -> str:
    """Return the type with every leaf as text."""
    if kind.id != "struct":
        return "VARCHAR"
    return f"STRUCT({', '.join(f'{database.identifier(n)} {_as_text(k)}' for n, k in kind.children)})"


def _leaves(name: str, sql: str, kind: Any) -> list[Column]:
    if kind.id != "struct":
        return [Column(name, sql, "text")]
    return [
        leaf
        for n, k in kind.children
        for leaf in _leaves(f"{name}.{n}", f"struct_extract({sql}, {database.text(n)})", k)
    ]
