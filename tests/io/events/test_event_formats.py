"""Formats of events, each recognised by its content: golden rows, links, and what is wrong with a file."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.samples import Events
from tocsin.io import read, read_many
from tocsin.io.events import read_events
from tocsin.io.events.flow import direction

Write = Callable[..., Path]


def rows(events: Events) -> list[tuple[str | None, ...]]:
    return list(zip(*(column.words().tolist() for column in events.entities.values()), strict=True))


# ------------------------------------------------------------------ strace

STRACE = r"""100 23:59:58.000001 execve("/usr/bin/sh", ["sh"], 0x7ff /* 3 vars */) = 0
100 23:59:58.000002 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
100 23:59:58.000003 read(3, "root:x) = 0:0\n"..., 4096) = 20
100 23:59:58.000004 clone(child_stack=NULL, flags=SIGCHLD) = 101
101 23:59:59.000000 execve("/usr/bin/curl", ["curl", "http://x"], 0x7ff /* 3 vars */ <unfinished ...>
100 23:59:59.100000 wait4(-1,  <unfinished ...>
101 23:59:59.200000 <... execve resumed>) = 0
101 00:00:01.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 4
101 00:00:01.000001 connect(4, {sa_family=AF_INET, sin_port=htons(4444), sin_addr=inet_addr("10.0.0.9")}, 16) = 0
101 00:00:01.000002 write(4, "root:x", 6) = 6
101 00:00:01.000003 openat(AT_FDCWD, "/tmp/new", O_WRONLY|O_CREAT, 0666) = 5
101 00:00:01.000004 dup2(5, 1) = 1
101 00:00:01.000005 write(1, "hi", 2) = 2
101 00:00:01.000006 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = -1 EACCES (Permission denied)
101 00:00:01.000007 --- SIGPIPE {si_signo=SIGPIPE, si_code=SI_USER} ---
101 00:00:01.000008 +++ exited with 0 +++
100 00:00:01.000009 <... wait4 resumed>NULL, 0, NULL) = 101
"""


def test_strace_as_events(write: Write) -> None:
    found = read(write(STRACE, "trace.txt"))
    assert isinstance(found, Events)
    assert found.meta["format"] == "strace"
    assert list(found.entities) == ["process", "event", "object", "result"]
    assert rows(found) == [
        ("/usr/bin/sh", "execve", "file:/usr/bin/sh", "ok"),
        ("/usr/bin/sh", "openat", "file:/etc/passwd", "ok"),
        ("/usr/bin/sh", "read", "file:/etc/passwd", "ok"),
        ("/usr/bin/sh", "clone", None, "ok"),
        ("/usr/bin/curl", "execve", "file:/usr/bin/curl", "ok"),
        ("/usr/bin/curl", "socket", None, "ok"),
        ("/usr/bin/curl", "connect", "socket:10.0.0.9:4444", "ok"),
        ("/usr/bin/curl", "write", "socket:10.0.0.9:4444", "ok"),
        ("/usr/bin/curl", "openat", "file:/tmp/new", "ok"),
        ("/usr/bin/curl", "dup2", "file:/tmp/new", "ok"),
        ("/usr/bin/curl", "write", "file:/tmp/new", "ok"),
        ("/usr/bin/curl", "openat", "file:/etc/shadow", "EACCES"),
        ("/usr/bin/curl", "signal SIGPIPE", None, None),
        ("/usr/bin/curl", "exit", None, "0"),
        ("/usr/bin/sh", "wait4", None, "ok"),
    ]
    assert found.by_trace()[0] == ("100", "101")
    assert found.time is not None
    assert found.time[-1] - found.time[0] == np.timedelta64(3_000_008, "us")  # over midnight
    assert found.text is not None
    assert found.text[2].startswith("100 23:59:58.000003 read(3")


def test_strace_as_links(write: Write) -> None:
    found = read_events(write(STRACE, "trace.txt"), links=True)
    sh, curl = "process:/usr/bin/sh", "process:/usr/bin/curl"
    assert rows(found) == [
        ("file:/usr/bin/sh", sh, "execve"),
        ("file:/etc/passwd", sh, "openat"),
        ("file:/etc/passwd", sh, "read"),
        (sh, sh, "clone"),
        (sh, curl, "execve"),
        ("file:/usr/bin/curl", curl, "execve"),
        (curl, "socket:10.0.0.9:4444", "connect"),
        (curl, "socket:10.0.0.9:4444", "write"),
        (curl, "file:/tmp/new", "openat"),
        (curl, "file:/tmp/new", "write"),
    ]


def test_strace_with_names_behind_descriptors(write: Write) -> None:
    text = (
        '[pid 7] 1767225600.5 read(3</etc/hosts>, "", 10) = 0\n'
        '[pid 7] 1767225601.5 sendto(4<TCP:[127.0.0.1:5000->10.0.0.1:80]>, "x", 1, 0, NULL, 0) = 1\n'
        '[pid 7] 1767225602.5 openat(AT_FDCWD</home/ann>, "notes", O_RDONLY) = 5</home/ann/notes>\n'
        '[pid 7] 1767225603.5 connect(6, {sa_family=AF_UNIX, sun_path=@"bus"}, 110) = 0\n'
        "[pid 7] 1767225604.5 connect(6, {sa_family=AF_INET6, sin6_port=htons(443), "
        'inet_pton(AF_INET6, "2606::1", &sin6_addr)}, 28) = 0\n'
    )
    found = read_events(write(text, "t.strace"))
    assert found.entities["object"].words().tolist() == [
        *("file:/etc/hosts", "socket:10.0.0.1:80", "file:/home/ann/notes", "unix:@bus", "socket:[2606::1]:443"),
    ]
    assert found.time is not None
    assert str(found.time[0]) == "2026-01-01T00:00:00.500000000"
    assert found.meta["zoned"] is True


def test_a_line_that_strace_did_not_write(write: Write) -> None:
    path = write(STRACE + "garbage here\n", "trace.txt")
    with pytest.raises(InputError, match=r"line 18 is no line of strace \('garbage here'\)"):
        read(path)
    found = read_events(path, on_bad="skip")
    assert len(found) == 15
    assert any("1 line that strace did not write (the first is line 18): skipped" in str(r) for r in found.repairs)


def test_a_line_of_many_megabytes_is_never_held(write: Write) -> None:
    path = write(STRACE.encode() + b'100 00:00:02.0 write(1, "' + b"x" * (9 << 20) + b'", 9) = 9\n', "trace.txt")
    with pytest.raises(InputError, match="line 18 is longer than 4 MiB"):
        read(path)
    assert len(read_events(path, on_bad="skip")) == 15


def test_bytes_that_are_no_text(write: Write) -> None:
    path = write(gzip.compress(STRACE.encode().replace(b"/tmp/new", b"/tmp/\xff\xfe")), "trace.txt.gz")
    assert "file:/tmp/\ufffd\ufffd" in read_events(path).entities["object"].vocabulary


@pytest.mark.parametrize(
    ("call", "flags", "way"),
    [
        *(("read", "", "in"), ("accept4", "", "in"), ("execve", "", "in"), ("write", "", "out"), ("unlink", "", "out")),
        *(("openat", "O_RDONLY", "in"), ("openat", "O_RDWR|O_CREAT", "out"), ("creat", "", "out"), ("getpid", "", "")),
    ],
)
def test_which_way_information_goes(call: str, flags: str, way: str) -> None:
    assert direction(call, flags) == way


# ------------------------------------------------------------------ audit

AUDIT = """\
type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 success=no exit=-13 a0=7f a1=0 items=1 \
auid=1000 uid=1000 comm="cat" exe="/bin/cat" key="sshd_config"
type=SYSCALL msg=audit(1364481363.500:24288): arch=c000003e syscall=42 success=yes exit=0 a0=3 auid=4294967295 \
comm=6E6320676F exe="/bin/nc" key=(null)
type=CWD msg=audit(1364481363.243:24287):  cwd="/home/ann"
type=PATH msg=audit(1364481363.243:24287): item=0 name="secret" nametype=NORMAL
type=SOCKADDR msg=audit(1364481363.500:24288): saddr=020000507F0000010000000000000000
type=SYSCALL msg=audit(1364481364.000:24289): arch=c000003e syscall=257 success=yes exit=3 a0=ff a1=7f a2=241 \
exe="/bin/tar" ARCH=x86_64 SYSCALL=openat
type=PATH msg=audit(1364481364.000:24289): item=0 name="/tmp" nametype=PARENT
type=PATH msg=audit(1364481364.000:24289): item=1 name=2F746D702F6120622E746172 nametype=CREATE
type=USER_LOGIN msg=audit(1364481365.100:24290): pid=1 uid=0 auid=1000 msg='op=login acct="root" \
exe="/usr/sbin/sshd" hostname=? addr=10.1.1.7 terminal=ssh res=failed'
"""


def test_audit_records_of_one_event_are_joined(write: Write) -> None:
    found = read(write(AUDIT, "audit.log"))
    assert isinstance(found, Events)
    assert found.meta["format"] == "audit"
    assert rows(found) == [
        ("/bin/cat", "open", "file:/home/ann/secret", "failed", "1000", "sshd_config"),
        ("/bin/nc", "connect", "socket:127.0.0.1:80", "ok", None, None),
        ("/bin/tar", "openat", "file:/tmp/a b.tar", "ok", None, None),
        ("/usr/sbin/sshd", "USER_LOGIN", "account:root", "failed", "1000", None),
    ]
    assert found.time is not None
    assert str(found.time[0]) == "2013-03-28T14:36:03.243000000"
    links = read_events(write(AUDIT, "audit.log"), links=True)
    assert rows(links) == [
        ("process:/bin/nc", "socket:127.0.0.1:80", "connect"),
        ("process:/bin/tar", "file:/tmp/a b.tar", "openat"),
    ]


def test_a_line_that_is_no_audit_record(write: Write) -> None:
    path = write(AUDIT + "hello\n", "audit.log")
    with pytest.raises(InputError, match="line 10 is no audit record"):
        read(path)
    assert len(read_events(path, on_bad="skip")) == 4


# ------------------------------------------------------------------ Windows

SYSMON = [
    {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
                "EventID": 1,
                "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05.678901Z"}},
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "Computer": "PC1",
            },
            "EventData": {"Image": "C:\\cmd.exe", "ParentImage": "C:\\explorer.exe", "User": "PC1\\bob"},
        }
    },
    {
        "@timestamp": "2026-01-02T03:04:06.678Z",
        "winlog": {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "provider_name": "Microsoft-Windows-Sysmon",
            "event_id": 3,
            "computer_name": "PC1",
            "event_data": {"Image": "C:\\cmd.exe", "DestinationIp": "10.0.0.9", "DestinationPort": "4444"},
        },
    },
    {
        "EventID": 4625,
        "Channel": "Security",
        "Hostname": "PC2",
        "SourceName": "Microsoft-Windows-Security-Auditing",
        "EventTime": "2026-01-02 03:04:07",
        "TargetUserName": "admin",
        "IpAddress": "10.0.0.3",
    },
]


def test_windows_events_in_three_shapes(write: Write) -> None:
    path = write("\n".join(map(json.dumps, SYSMON)), "sysmon.ndjson")
    found = read(path)
    assert isinstance(found, Events)
    sysmon = "Microsoft-Windows-Sysmon/Operational"
    assert rows(found) == [
        ("process create", sysmon, "PC1", "PC1\\bob", "C:\\cmd.exe", "C:\\explorer.exe", None),
        ("connect", sysmon, "PC1", None, "C:\\cmd.exe", None, "socket:10.0.0.9:4444"),
        ("Security-Auditing 4625", "Security", "PC2", "admin", None, None, "address:10.0.0.3"),
    ]
    assert found.time is not None
    assert str(found.time[0]) == "2026-01-02T03:04:05.678901000"
    assert rows(read_events(path, links=True)) == [
        ("process:C:\\explorer.exe", "process:C:\\cmd.exe", "process create"),
        ("process:C:\\cmd.exe", "socket:10.0.0.9:4444", "connect"),
    ]


def test_json_that_is_no_windows_event(write: Write) -> None:
    lines = [*map(json.dumps, SYSMON), '{"a": 1}', "{broken"]
    path = write("\n".join(lines), "sysmon.ndjson")
    with pytest.raises(InputError, match="record 4 is no Windows event"):
        read(path)
    with pytest.raises(InputError, match="line 4 is no JSON"):
        read(write("\n".join([*lines[:3], "{broken"]), "sysmon.ndjson"))
    assert len(read_events(path, on_bad="skip")) == 3


def test_evtx_needs_its_extra(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(b"ElfFile\0" + bytes(4096), "Security.evtx")
    monkeypatch.setitem(sys.modules, "evtx", None)
    with pytest.raises(MissingExtra, match=r"pip install \"tocsin\[evtx\]\""):
        read(path)


def test_evtx_records_are_windows_events(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is stood in for by one that yields its kind of records, a damaged one among them."""

    class Records:
        def __init__(self) -> None:
            self.left = [{"data": json.dumps(SYSMON[0])}, RuntimeError("bad chunk"), {"data": json.dumps(SYSMON[2])}]

        def __iter__(self) -> Records:
            return self

        def __next__(self) -> dict[str, str]:
            if not self.left:
                raise StopIteration
            found = self.left.pop(0)
            if isinstance(found, RuntimeError):
                raise found
            return found

    class Parser:
        def __init__(self, path: str, number_of_threads: int) -> None:
            assert path.endswith("Security.evtx")

        def records_json(self) -> Records:
            return Records()

    stand_in = ModuleType("evtx")
    stand_in.PyEvtxParser = Parser  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evtx", stand_in)
    path = write(b"ElfFile\0" + bytes(4096), "Security.evtx")
    with pytest.raises(InputError, match="record 2 is damaged"):
        read(path)
    found = read_events(path, on_bad="skip")
    assert found.entities["event"].words().tolist() == ["process create", "Security-Auditing 4625"]


# ------------------------------------------------------------------ Zeek

CONN = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tconn_state\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tstring\n"
    "1767225600.123456\tC1\t10.0.0.1\t51000\t10.0.0.2\t443\ttcp\tssl\t1.5\t100\tSF\n"
    "1767225601.500000\tC2\t10.0.0.1\t51001\t10.0.0.2\t53\tudp\tdns\t-\t-\tS0\n"
    "1767225602.500000\tC3\t10.0.0.3\t51001\t10.0.0.9\t22\ttcp\tssh\t2.25\t10\tSF\n"
    "#close\t2026-01-01-01-00-00\n"
)


def test_zeek_with_its_header(write: Write) -> None:
    found = read(write(CONN, "conn.log"))
    assert isinstance(found, Events)
    assert found.meta["format"] == "zeek"
    assert list(found.entities) == ["id.orig_h", "id.resp_h", "id.resp_p", "proto", "service", "conn_state"]
    assert found.entities["id.resp_p"].words().tolist() == ["443", "53", "22"]
    np.testing.assert_array_equal(found.numbers["duration"], [1.5, np.nan, 2.25])
    assert found.time is not None
    assert str(found.time[0]) == "2026-01-01T00:00:00.123456000"
    assert rows(read_events(write(CONN, "conn.log"), links=True)) == [
        ("host:10.0.0.1", "socket:10.0.0.2:443", "ssl"),
        ("host:10.0.0.1", "socket:10.0.0.2:53", "dns"),
        ("host:10.0.0.3", "socket:10.0.0.9:22", "ssh"),
    ]


def test_zeek_as_json_is_the_same(write: Write) -> None:
    names = CONN.split("#fields\t")[1].splitlines()[0].split("\t")
    lines = []
    for line in CONN.splitlines():
        if not line.startswith("#"):
            cells = {n: c for n, c in zip(names, line.split("\t"), strict=True) if c != "-"}
            whole = {n: json.loads(c) if n in ("ts", "id.orig_p", "id.resp_p") else c for n, c in cells.items()}
            lines.append(json.dumps(whole | {n: float(cells[n]) for n in ("duration", "orig_bytes") if n in cells}))
    one, other = read(write(CONN, "conn.log")), read(write("\n".join(lines), "conn.json"))
    assert isinstance(one, Events)
    assert isinstance(other, Events)
    assert rows(one) == rows(other)
    np.testing.assert_array_equal(one.numbers["duration"], other.numbers["duration"])


def test_a_damaged_zeek_header(write: Write) -> None:
    with pytest.raises(InputError, match="holds the header of a Zeek log and no rows"):
        read(write(CONN.split("1767225600")[0], "conn.log"))
    with pytest.raises(InputError, match="names no columns, or one of them twice"):
        read(write(CONN.replace("\tuid\t", "\tts\t"), "conn.log"))


# ------------------------------------------------------------------ sequences, bare calls, public tables


def test_a_trace_in_every_row(write: Write) -> None:
    lines = ["block,label,events"] + [f"b{i},{int(i == 3)},{'5 5 9' if i == 3 else '5 22 11'}" for i in range(12)]
    found = read(write("\n".join([*lines, "b12,0,"])))
    assert isinstance(found, Events)
    assert found.meta["format"] == "sequences"
    assert found.by_trace()[0][:2] == ("b0", "b1")
    assert found.entities["event"].words().tolist()[9:12] == ["5", "5", "9"]
    assert np.flatnonzero(found.meta["labels"]["label"]).tolist() == [9, 10, 11]
    assert any("1 traces hold no event" in str(r) for r in found.repairs)


def test_bare_calls_under_adfas_names(write: Write, tmp_path: Path) -> None:
    found = read(write("6 6 63 6 42 120", "UTD-0001.txt"))
    assert isinstance(found, Events)
    assert found.entities["event"].words().tolist() == ["6", "6", "63", "6", "42", "120"]
    assert found.by_trace()[0] == ("UTD-0001",)
    write("3 3 3", "UVD-0002.txt")
    assert [type(r.sample) for r in read_many(tmp_path)] == [Events, Events]
    assert not isinstance(read(write("6 6 63 6 42 120", "numbers.txt")), Events)  # numbers alone are a series
    assert isinstance(read(tmp_path / "numbers.txt", modality="events"), Events)


def test_an_unknown_format_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="format='strance' is no format of events; did you mean strace"):
        read_events(write(STRACE), format="strance")
    path = write(b"", "x.npy")
    np.save(path, np.arange(5.0))
    with pytest.raises(InputError, match="is an array of numbers"):
        read_events(path)


def test_columns_of_a_format_can_be_chosen(write: Write) -> None:
    found = read_events(write(STRACE, "trace.txt"), entities=["event", "result"])
    assert list(found.entities) == ["event", "result"]
    with pytest.raises(InputError, match=r"has no column 'evnt'; did you mean event\?"):
        read_events(write(STRACE, "trace.txt"), entities="evnt")


def test_nsl_kdd_without_a_header(shared: Path) -> None:
    found = read(shared / "data/nsl_kdd/KDDTest+_subset.txt.gz")
    assert isinstance(found, Events)
    assert len(found) == 15918
    assert list(found.entities) == ["protocol_type", "service", "flag"]
    assert len(found.numbers) == 37  # one of 38 never varies here
    assert int(found.meta["labels"]["attack"].sum()) == 9104
