"""NSL-KDD: connections by 41 features, the name of the attack, and how hard it is to tell; text without a header.

Reference: Tavallaee et al., A Detailed Analysis of the KDD CUP 99 Data Set, 2009.
"""

from __future__ import annotations

from dataclasses import replace

from tocsin.core.samples import Repair
from tocsin.io.events.event_names import word_list
from tocsin.io.events.plan import EventPlan
from tocsin.io.plan import Role
from tocsin.io.table import Table

FEATURES = word_list(
    "duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot num_failed_logins "
    "logged_in num_compromised root_shell su_attempted num_root num_file_creations num_shells num_access_files "
    "num_outbound_cmds is_host_login is_guest_login count srv_count serror_rate srv_serror_rate rerror_rate "
    "srv_rerror_rate same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count "
    "dst_host_same_srv_rate dst_host_diff_srv_rate dst_host_same_src_port_rate dst_host_srv_diff_host_rate "
    "dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate dst_host_srv_rerror_rate"
)
WORDS = ("protocol_type", "service", "flag")


def is_nsl_kdd(table: Table) -> bool:
    """Tell whether a table without a header has the columns of NSL-KDD."""
    if len(table.columns) not in (42, 43) or not table.columns[0].name.startswith("channel "):
        return False
    kinds = {str(cell) for cell in table.columns[1].sample}
    return bool(kinds) and kinds <= {"tcp", "udp", "icmp"}


def with_names(table: Table) -> Table:
    """Return the table with its columns named."""
    names = [*FEATURES, "attack", "difficulty"][: len(table.columns)]
    given = {name: column.name for name, column in zip(names, table.columns, strict=True)}
    columns = tuple(replace(column, name=name) for name, column in zip(names, table.columns, strict=True))
    return replace(
        table, columns=columns, relation=lambda numbers: table.relation(frozenset(given[name] for name in numbers))
    )


def nsl_kdd_plan(table: Table) -> EventPlan:
    """Say what the named columns are for: three of words, 38 of numbers, the label.

    How hard a row is to tell, as found by the set's authors with many classifiers, is no feature.
    """
    roles = [Role(c, "text" if c.name in WORDS else "number") for c in table.columns[: len(FEATURES)]]
    notes = [Repair("how hard a row is to tell, by the set's authors: left out", 1, "difficulty")]
    return EventPlan(
        None,
        tuple(r for r in roles if r.kind == "text"),
        tuple(r for r in roles if r.kind == "number"),
        labels=(Role(table.columns[len(FEATURES)], "text"),),
        left_out=tuple(notes[: len(table.columns) - 42]),
    )
