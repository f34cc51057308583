"""What column names usually mean in a table of events. A name alone never decides: the values must agree."""

from __future__ import annotations

import re

from tocsin.io import names


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


def word_list(text: str) -> list[str]:
    """Return the words of a text in their order."""
    return text.split()


# Which run of events a row belongs to: a session, a process, a block.
TRACE = word_set(
    "trace traceid tracename session sessionid sequence sequenceid case caseid block blockid transaction "
    "transactionid conversation conversationid container containerid"
)
# Texts that people write, and that differ from row to row.
MESSAGE = word_set("message msg content text line log logline raw rawlog original details description body")
# Whole numbers under these words are names of things, not amounts.
_CODES = word_set(
    "id ids uid gid pid ppid tid sid auid euid suid egid code codes port ports status syscall event type level proto "
    "protocol class flag flags vlan asn category kind method rule severity priority facility action signal exit"
)
# A column that marks anomalies, beyond the names that mark them in series.
_LABEL = word_set("evil malicious ismalicious attack isattack isfraud fraud")
# How a label writes that nothing is wrong.
NORMAL = word_set("normal benign 0 0.0 false no - ok good legitimate")


def is_trace(name: str) -> bool:
    """Tell whether a name says that its column tells runs of events apart."""
    return names.plain(name) in TRACE


def is_message(name: str) -> bool:
    """Tell whether a name says that its column holds what people or programs wrote."""
    return names.plain(name.rpartition(".")[2]) in MESSAGE


def is_label(name: str) -> bool:
    """Tell whether a name says that its column marks anomalies."""
    return names.is_label(name) or names.plain(name) in _LABEL


def is_code(name: str) -> bool:
    """Tell whether whole numbers under this name are names of things rather than amounts.

    Examples
    --------
    >>> [is_code(name) for name in ("eventId", "dst_port", "userid", "bytes", "paid")]
    [True, True, True, False, False]
    """
    words = re.findall(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*", name)
    last = words[-1].lower() if words else ""
    short = names.plain(name)
    joined = short.endswith(("userid", "processid", "eventid", "groupid", "threadid", "sessionid", "parentid"))
    return last in _CODES or joined or short.endswith("port")


def is_identifier(name: str) -> bool:
    """Tell whether a name is that of a port or of an id within one host: never a measured number.

    Examples
    --------
    >>> [is_identifier(name) for name in ("dst_port", "pid", "eventId", "level", "id")]
    [True, True, True, False, False]
    """
    short = names.plain(name)
    return is_code(name) and short not in names.SERIES and short.endswith(("port", "ports", "id"))
