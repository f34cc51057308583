"""`read_log` and `stream_log`: from text logs to events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError, TooLargeError
from tocsin.io.logs.job import LogJob, Name
from tocsin.io.logs.templates import LogTemplates
from tocsin.io.memory import allowed
from tocsin.io.names import listed
from tocsin.io.options import OnBad

if TYPE_CHECKING:
    from tocsin.core.samples import Events


def read_log(
    source: Name | Sequence[Name],
    *,
    templates: LogTemplates | Name | None = None,
    trace: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "raise",
    limit: float | None = None,
) -> Events:
    r"""Read a text log as events, one for each line with a header and the lines that belong to it.

    The format of the headers is found from the lines: syslog (RFC 3164 and 5424), journal, log4j, logback, Python
    logging, Spring Boot, OpenStack, Hadoop, HDFS, Spark, Zookeeper, Blue Gene and Thunderbird, Apache and nginx, access
    logs, PostgreSQL, dmesg, Android, glog, Windows servicing, ``key=value``, or any that begins with a stamp. Files may
    be packed with gzip or zstd; what was rotated is read oldest first.

    Parameters
    ----------
    source : path, "-", or several paths
        Files of one log, or standard input.
    templates : LogTemplates or path, optional
        What names the messages. Templates of a file are frozen: known kinds of message keep their names, and new kinds
        get new ones. Templates that are given as such go on learning (unless frozen). Mined afresh when left out.
    trace : str, optional
        What the events of one trace have in common: a column (``process``), a name (``block``, ``request``, ``uuid``,
        ``container``, ``task``), or a regular expression, of which the group ``trace`` or the first group counts.
    zone : str, optional
        IANA zone of stamps without an offset; they are taken as UTC when left out.
    on_bad : {"raise", "skip"}
        Whether a stamp that is no moment is an error, or replaced by that of the event before, and reported.
    limit : float, optional
        Bytes that the events may take in memory, about; half of what is available when left out.

    Returns
    -------
    Events
        Entities are ``event`` (the template) and, where the log has them, ``component``, ``level``, ``host``,
        ``process`` and others that its format knows; ``text`` holds the original lines. In ``meta``: ``lines`` (number
        of the first line of each event), ``templates`` (how often each occurs), ``formats``, ``files`` and, of several
        files, ``file``; ``labels`` and ``label_words`` where a label stands before the header, as in the Blue Gene and
        Thunderbird logs: it is never an entity.

    Raises
    ------
    InputError
        If it is no log, a stamp is no moment, or a parameter cannot be used.
    TooLargeError
        If the events would not fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "app.log")
    >>> _ = file.write_text('''2026-03-01 10:00:00,250 INFO [main] app.Jobs: job 7 took 3.5 s
    ... 2026-03-01 10:00:01,000 ERROR [main] app.Jobs: job 8 failed
    ... java.lang.IllegalStateException: no disk
    ...     at app.Jobs.run(Jobs.java:10)
    ... 2026-03-01 10:00:02,125 INFO [main] app.Jobs: job 9 took 120 ms
    ... ''')
    >>> found = read_log(file)
    >>> found.entities["event"].words().tolist()
    ['job <*> took <*>', 'job <*> failed', 'job <*> took <*>']
    >>> found.meta["lines"].tolist(), found.text[1].count("\n"), str(found.time[2])
    ([1, 2, 5], 2, '2026-03-01T10:00:02.125000000')
    """
    job = LogJob(source, templates, trace, zone, on_bad)
    most = allowed(limit)
    for _ in job.run():
        if job.gathered.size > most:
            raise TooLargeError(
                f"{job.name} does not fit into the {most / 1e6:,.0f} MB that are allowed: go through it in chunks with "
                "tocsin.io.logs.stream_log, or raise the limit"
            )
    if not len(job.gathered):
        raise InputError(f"{job.name} holds nothing but blank lines")
    return job.gathered.events(job.name, job.meta(), job.repairs(), keep_empty=False)


def stream_log(
    source: Name | Sequence[Name],
    *,
    rows: int = 100_000,
    templates: LogTemplates | Name | None = None,
    trace: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "skip",
    follow: bool = False,
    wait: float = 1.0,
) -> Iterator[Events]:
    r"""Yield the events of a log in chunks, whatever its size.

    The templates grow from chunk to chunk, and so does the vocabulary of ``event``; columns are the same in every
    chunk. Events are sorted by time within a chunk, not across chunks. What `repairs` count is everything read so far.

    Parameters
    ----------
    source, templates, trace, zone, on_bad
        As for `read_log`.
    rows : int
        How many events a chunk has, the last one excepted.
    follow : bool
        Whether to wait for more at the end of the file, for ever; one that was truncated or rotated is read on from
        its new start. Where nothing new has come for `wait` seconds, a chunk is given out however short it is.
    wait : float
        Seconds between two looks at a file that is followed.

    Raises
    ------
    InputError
        As `read_log`; or if several files, or a packed one, are to be followed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "auth.log")
    >>> _ = file.write_text("".join(f"Jun 14 15:16:0{i} web sshd[{i}]: session {i} opened\n" for i in range(5)))
    >>> [len(chunk) for chunk in stream_log(file, rows=2)]
    [2, 2, 1]
    """
    if isinstance(rows, bool) or rows < 1:
        raise InputError(f"rows={rows!r} is no size of a chunk: it must be 1 or more")
    job = LogJob(source, templates, trace, zone, on_bad)
    if follow and (len(job.names) > 1 or job.names[0] == "-"):
        raise InputError(f"{listed(job.names)} cannot be followed: name one file")
    return _chunks(job, rows, wait if follow else None)


def _chunks(job: LogJob, rows: int, wait: float | None) -> Iterator[Events]:
    said: set[str] = set()
    for _ in job.run(rows, wait):
        if len(job.gathered):
            notes = [note for note in job.repairs() if str(note) not in said]
            said.update(map(str, notes))
            yield job.gathered.events(job.name, job.meta(), notes, keep_empty=True)
