"""What each column of a table of events is for: who and what, an amount, the clock, the trace, a label, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.samples import Repair
from tocsin.io import cells, names
from tocsin.io.database import first_line
from tocsin.io.events import event_names
from tocsin.io.options import Options
from tocsin.io.plan import Role, find_time, roles_of
from tocsin.io.table import Table

# Whole numbers are names of things where they take no more different values than this ...
FEW = 32
# ... and each of them stands in so many rows on average.
ROWS_EACH = 4
# A text is taken for a message, and not for a name, if it has so many words or characters on average ...
PROSE_WORDS, PROSE_LENGTH = 4, 60
# ... and differs in more than this share of the rows.
PROSE_DIFFERS = 0.5
# A column that differs in more than this share of at least so many rows tells nothing about them.
UNIQUE, UNIQUE_FROM = 0.95, 50


@dataclass(frozen=True)
class EventPlan:
    """What is read of a table of events and how.

    Parameters
    ----------
    time : Role or None
        The clock.
    entities : tuple of Role
        Columns that become codes and vocabularies; of kind ``number`` where whole numbers may be names or amounts,
        which only all their values decide.
    numbers : tuple of Role
        Columns of amounts.
    trace : Role or None
        The column that tells runs of events apart.
    labels : tuple of Role
        Columns that may mark anomalies.
    message : Role or None
        A column of texts that differ from row to row, kept as the original of each event.
    left_out : tuple of Repair
        Columns that are not read, and why.
    asked : bool
        Whether the caller named the entities.
    """

    time: Role | None
    entities: tuple[Role, ...]
    numbers: tuple[Role, ...] = ()
    trace: Role | None = None
    labels: tuple[Role, ...] = ()
    message: Role | None = None
    left_out: tuple[Repair, ...] = ()
    asked: bool = False


def make_event_plan(table: Table, options: Options) -> EventPlan:
    """Decide by names and first values what the columns are for.

    1. What the caller names is read as named. Of a kind (entities, numbers) that is named, nothing else is read.
    2. Labels are columns of that name that hold 0 and 1, or words of which some say that nothing is wrong.
    3. Texts are entities. Messages (texts of several words that differ in more than half of the rows) and columns that
       differ in nearly every row are left out, unless nothing else is there.
    4. Whole numbers are entities if their name says so (``port``, ``pid``, ``status`` ...) or they take few values.
    5. All other numbers are amounts.

    Raises
    ------
    InputError
        If a column that the caller names is not there, or there is nothing to read.
    """
    _check_known(table, options)
    roles = roles_of(table)
    time, used = find_time(table, roles, options)
    rest = [role for role in roles if role.name not in used]
    named = set(options.entities or ()) | set(options.numbers or ())
    trace = _find_trace(rest, options, named)
    rest = [role for role in rest if role is not trace]
    labels = tuple(r for r in rest if event_names.is_label(r.name) and r.name not in named and r.kind != "empty")
    rest = [role for role in rest if role not in labels]
    sure, dull = _sort_out(table, [r for r in rest if r.name not in named])
    message = next((r for r, why in dull if why.startswith("holds messages")), None)
    entities = _chosen(rest, options.entities)
    numbers = _chosen(rest, options.numbers)
    for role in numbers or ():
        if role.kind not in ("number", "bool"):
            raise InputError(f"{table.where}: column {role.name!r} holds no numbers: read it as an entity")
    taken = {r.name for r in (*(entities or ()), *(numbers or ()))}
    free = [r for r in sure if r.name not in taken]
    if entities is None:
        entities = tuple(r for r in free if _is_entity(r))
        if not entities and numbers is None and dull and not any(r.kind == "number" for r in free):
            entities = tuple(r for r, _ in dull if r.kind == "text")
            dull = [(r, why) for r, why in dull if r not in entities]
            message = None
    taken |= {r.name for r in entities}
    if numbers is None:
        numbers = tuple(r for r in free if r.kind == "number" and r.name not in taken)
    taken |= {r.name for r in numbers}
    if not entities and not numbers:
        raise InputError(f"{table.where}: no column names who or what an event is about, and none holds numbers")
    dull += [(r, "was not asked for") for r in free if r.name not in taken]
    left_out = tuple(Repair(f"{why}: left out", 1, role.name) for role, why in dull)
    return EventPlan(time, entities, numbers, trace, labels, message, left_out, options.entities is not None)


def _check_known(table: Table, options: Options) -> None:
    known = [c.name for c in table.columns]
    for wanted in (options.time, options.trace, *(options.entities or ()), *(options.numbers or ())):
        if wanted is not None and wanted not in known:
            raise InputError(f"{table.where} has no column {wanted!r}{nearest(wanted, known)}")
    twice = set(options.entities or ()) & set(options.numbers or ())
    if twice:
        raise InputError(f"{table.where}: column {min(twice)!r} is named both as an entity and as a number")


def _find_trace(rest: list[Role], options: Options, named: set[str]) -> Role | None:
    if options.trace is not None:
        return next((role for role in rest if role.name == options.trace), None)
    found = [r for r in rest if event_names.is_trace(r.name) and r.name not in named and r.kind in ("text", "number")]
    return next((role for role in found if _repeats(role)), None)


def _repeats(role: Role) -> bool:
    """Tell whether the first rows name several traces of several rows each."""
    held = [str(v) for v in role.column.sample if v is not None]
    return len(set(held)) * 3 <= len(held) * 2 and bool(held)


def _chosen(rest: Sequence[Role], wanted: tuple[str, ...] | None) -> tuple[Role, ...] | None:
    if wanted is None:
        return None
    by_name = {role.name: role for role in rest}
    return tuple(by_name[name] for name in wanted if name in by_name)


def _is_entity(role: Role) -> bool:
    """Tell whether a column names things; whole numbers of few values are settled once all of them are known."""
    if role.kind in ("text", "bool"):
        return True
    if role.kind != "number":
        return False
    held = [str(v).strip() for v in role.column.sample if v is not None]
    if has_words(role):  # such as a port of 443 or OTHER
        return True
    whole = bool(held) and all(_is_whole(cell) for cell in held)
    return whole and (event_names.is_code(role.name) or len(set(held)) <= FEW)


def has_words(role: Role) -> bool:
    """Tell whether more than a stray cell of a column of numbers is a word."""
    held = [str(v).strip().lower() for v in role.column.sample if v is not None]
    words = [cell for cell in held if not cells.is_number(cell) and cell not in names.MISSING_LOWER]
    return role.kind == "text" or (event_names.is_code(role.name) and bool(words)) or len(words) * 20 > len(held)


def _is_whole(cell: str) -> bool:
    return cell.lower() in names.MISSING_LOWER or cell.removesuffix(".0").lstrip("-+").isdigit()


def _sort_out(table: Table, rest: list[Role]) -> tuple[list[Role], list[tuple[Role, str]]]:
    """Part the columns into those that can be read and those that say nothing, each with the reason."""
    suspects = [r for r in rest if r.kind in ("text", "number") and _is_suspect(r)]
    shares = dict(zip((r.name for r in suspects), _shares(table, suspects), strict=True))
    sure: list[Role] = []
    dull: list[tuple[Role, str]] = []
    for role in rest:
        why = _why_dull(role, shares.get(role.name, 0.0))
        if why:
            dull.append((role, why))
        else:
            sure.append(role)
    return sure, dull


def _why_dull(role: Role, share: float) -> str:
    if role.kind in ("empty", "other", "time", "clock"):
        known = {"empty": "holds nothing", "time": "holds further time stamps", "clock": "holds times of day"}
        return known.get(role.kind, "holds lists or objects")
    held = [str(v) for v in role.column.sample if v is not None]
    if share > PROSE_DIFFERS and _may_be_message(role):
        return f"holds messages, which differ in {share:.0%} of the rows (such as {held[0][:40]!r})"
    unnamed = role.kind == "text" or names.is_index(role.name) or event_names.is_code(role.name)
    if unnamed and share > UNIQUE and len(held) >= UNIQUE_FROM:
        return "differs in nearly every row"
    return ""


def _is_prose(held: Sequence[str]) -> bool:
    words = sum(len(cell.split()) for cell in held)
    length = sum(map(len, held))
    return words >= PROSE_WORDS * len(held) or (length >= PROSE_LENGTH * len(held) and words >= 2 * len(held))


def _may_be_message(role: Role) -> bool:
    held = [str(v) for v in role.column.sample if v is not None]
    return role.kind == "text" and bool(held) and (_is_prose(held) or event_names.is_message(role.name))


def _is_suspect(role: Role) -> bool:
    """Tell whether the first cells differ so much that all of them must be looked at."""
    held = [v for v in role.column.sample if v is not None]
    share = PROSE_DIFFERS if _may_be_message(role) else UNIQUE - 0.05
    return len(set(held)) > share * len(held) and len(held) > 1


def _shares(table: Table, roles: list[Role]) -> list[float]:
    """Return for each column how many different values it has for each of its cells, about."""
    import duckdb

    if not roles:
        return []
    if table.exact and table.rows is not None and table.rows <= len(roles[0].column.sample):
        samples = [[v for v in r.column.sample if v is not None] for r in roles]
        return [len(set(held)) / max(len(held), 1) for held in samples]
    asked = ", ".join(f"approx_count_distinct({r.column.sql}), count({r.column.sql})" for r in roles)
    try:
        (counts,) = table.connection.execute(f"SELECT {asked} FROM {table.relation(frozenset())}").fetchall()
    except duckdb.Error as error:
        problem = table.explain(str(error))
        raise problem or InputError(f"{table.where} cannot be read: {first_line(error)}") from None
    return [min(1.0, counts[i] / max(counts[i + 1], 1)) for i in range(0, len(counts), 2)]
