"""A table of events - CSV, JSON, Parquet, Arrow - read as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Column, Repair
from tocsin.io import database, memory
from tocsin.io.events import event_names
from tocsin.io.events.coding import Coding
from tocsin.io.events.finish import EventFrame
from tocsin.io.events.plan import FEW, ROWS_EACH, EventPlan, has_words, make_event_plan
from tocsin.io.fetch import Frame, check_cells, from_numbers, read_batches, read_time
from tocsin.io.options import Options
from tocsin.io.plan import Plan, Role
from tocsin.io.table import Table

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, IntArray

# Texts beside the events are objects, some 100 bytes each and more.
MOST_TEXTS = 500_000


@dataclass(frozen=True)
class Reading:
    """A table whose columns are settled and whose words are numbered.

    Parameters
    ----------
    table : Table
    plan : EventPlan
        With whole numbers settled as entities or amounts.
    coded : tuple of Role
        The columns that have a vocabulary: entities, labels, the trace.
    coding : Coding
    kept : tuple of int
        Which columns of the coding they are.
    """

    table: Table
    plan: EventPlan
    coded: tuple[Role, ...]
    coding: Coding
    kept: tuple[int, ...]

    @property
    def numeric(self) -> Plan:
        """The columns that are read as they are."""
        return Plan(self.plan.time, self.plan.numbers)

    def batches(self) -> Iterator[list[AnyArray]]:
        """Yield the clock (if there is one), the numbers and the codes, batch by batch in the file's order."""
        at = len(self.plan.numbers) + (self.plan.time is not None)
        asked = [self.coding.expressions[k] for k in self.kept]
        for batch in read_batches(self.table, self.numeric, asked):
            yield batch[:at] + [self.coding.codes(k, column) for k, column in zip(self.kept, batch[at:], strict=True)]

    def frame(self, columns: list[AnyArray], options: Options, *, whole: bool = True) -> EventFrame:
        """Give the columns of all rows, or of a part of them, their names.

        Raises
        ------
        InputError
            If a cell is not what its column holds, and bad cells are not to be skipped.
        """
        plan, at = self.plan, 0 if self.plan.time is None else 1
        frame = EventFrame(self.table.where, repairs=list(plan.left_out))
        frame.numbers = {role.name: columns[at + i] for i, role in enumerate(plan.numbers)}
        numbers = Frame(self.table.where, frame.numbers)
        if whole:
            check_cells(self.table, self.numeric, numbers, options)
            frame.repairs += numbers.repairs
        if plan.time is not None:
            frame.time_name = plan.time.name
            read = read_time if whole else read_part_of_time
            frame.time, frame.zoned, notes = read(self.table, plan.time, columns[0], options)
            frame.repairs += notes
        codes = columns[at + len(plan.numbers) :]
        found = {
            role.name: Column(code, self.coding.vocabularies[k])
            for role, code, k in zip(self.coded, codes, self.kept, strict=True)
        }
        frame.entities = {role.name: found[role.name] for role in plan.entities}
        frame.labels = {role.name: found[role.name] for role in plan.labels}
        frame.trace = None if plan.trace is None else found[plan.trace.name]
        frame.asked = frozenset((*(options.entities or ()), *(options.numbers or ())))
        return frame


def prepare(table: Table, options: Options, plan: EventPlan | None = None) -> Reading:
    """Settle what the columns are for, unless a plan says so, and number their words."""
    plan = plan or make_event_plan(table, options)
    coded = [*plan.entities, *plan.labels, *([] if plan.trace is None else [plan.trace])]
    coding = Coding(table, coded)
    amounts = {
        role.name
        for role, words in zip(coded, coding.vocabularies, strict=True)
        if role in plan.entities and not plan.asked and _is_amount(role, len(words), table)
    }
    if amounts:
        order = [c.name for c in table.columns]
        numbers = [*plan.numbers, *(role for role in plan.entities if role.name in amounts)]
        plan = replace(
            plan,
            entities=tuple(role for role in plan.entities if role.name not in amounts),
            numbers=tuple(sorted(numbers, key=lambda role: order.index(role.name))),
        )
    kept = [i for i, role in enumerate(coded) if role.name not in amounts]
    return Reading(table, plan, tuple(coded[i] for i in kept), coding, tuple(kept))


def _is_amount(role: Role, words: int, table: Table) -> bool:
    """Tell whether whole numbers, of which the first rows showed few, are amounts after all."""
    if role.kind != "number" or event_names.is_code(role.name) or has_words(role):
        return False
    rows = table.rows or len(role.column.sample)
    return words > FEW or words * ROWS_EACH > rows


def read_part_of_time(
    table: Table, role: Role, values: AnyArray, options: Options
) -> tuple[IntArray, bool, list[Repair]]:
    """Return nanoseconds of some rows and whether they are UTC; stamps written otherwise than the first are missing."""
    if role.column.stored == "stamp":
        return values, "ZONE" in role.column.type.upper(), []
    if role.format is not None:
        return values, role.format.zoned, []
    return from_numbers(values, table.where, role.name, options)[0], True, []


def read_table(table: Table, options: Options, plan: EventPlan | None = None) -> EventFrame:
    """Read all rows of a table, by a plan if there is one.

    Raises
    ------
    InputError
        If it would not fit into memory, holds no rows, or a cell is not what its column holds.
    """
    limit = memory.allowed(options.limit)
    reading = prepare(table, options, plan)
    wide = len(reading.plan.numbers) + (reading.plan.time is not None) + (len(reading.coded) + 1) // 2
    if table.rows is not None:
        memory.check_size(table.where, table.rows, wide, limit, about=not table.exact)
    parts: list[list[AnyArray]] = []
    rows = 0
    for batch in reading.batches():
        rows += len(batch[0])
        memory.check_size(table.where, rows, wide, limit)
        parts.append(batch)
    if not rows:
        raise InputError(f"{table.where} holds no rows")
    columns = []
    for i in range(len(parts[0])):
        columns.append(np.concatenate([part[i] for part in parts]))
        for part in parts:  # what is joined need not be held twice
            part[i] = part[i][:0]
    frame = reading.frame(columns, options)
    if reading.plan.message is not None and rows <= MOST_TEXTS:
        frame.text = _texts(table, reading.plan.message)
    frame.repairs += table.skipped()
    return frame


def _texts(table: Table, role: Role) -> AnyArray:
    import duckdb

    asked = f"SELECT CAST({role.column.sql} AS VARCHAR) AS held FROM {table.relation(frozenset())}"
    try:
        found = table.connection.execute(asked).fetchnumpy()["held"]
    except duckdb.Error as error:
        raise InputError(f"{table.where} cannot be read: {database.first_line(error)}") from None
    texts = np.array(np.ma.getdata(found), dtype=object)
    texts[np.ma.getmaskarray(found)] = ""
    return texts
