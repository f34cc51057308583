from __future__ import annotations

import numpy as np
import pytest

from tocsin.io.logs import looks_like_log
from tocsin.io.logs.headers import Headers
from tocsin.io.logs.stamps import SECOND, Clock

TODAY = int(np.datetime64("2026-03-10T00:00:00", "ns").astype(np.int64))

# Line; name of the format; moment (UTC); entities; message.
LINES = [
    (
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su 123 ID47 - failed for lonvick",
        ("syslog (RFC 5424)", "2003-10-11T22:14:15.003", "failed for lonvick"),
        {"host": "mymachine.example.com", "component": "su", "process": "123"},
    ),
    (
        '<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 app 8710 - [a x="]"][b y="1"] said it',
        ("syslog (RFC 5424)", "2003-08-24T12:14:15.000003", "said it"),
        {"host": "192.0.2.1", "component": "app", "process": "8710"},
    ),
    (
        "<13>Feb  5 17:32:18 10.0.0.99 sshd(pam_unix)[10]: check pass; user unknown",
        ("syslog", "2026-02-05T17:32:18", "check pass; user unknown"),
        {"host": "10.0.0.99", "component": "sshd(pam_unix)", "process": "10"},
    ),
    (
        "Dec  5 17:32:18 web cron[1]: later than today, so of last year",
        ("syslog", "2025-12-05T17:32:18", "later than today, so of last year"),
        {"host": "web", "component": "cron", "process": "1"},
    ),
    (
        "2023-01-01T00:00:00+0100 web systemd[1]: Started x.",
        ("journal", "2022-12-31T23:00:00", "Started x."),
        {"host": "web", "component": "systemd", "process": "1"},
    ),
    (
        "1700000000.123456 web kernel: hello",
        ("journal", "2023-11-14T22:13:20.123456", "hello"),
        {"host": "web", "component": "kernel"},
    ),
    (
        "2015-10-18 18:01:47,978 INFO [main] org.apache.Master: Created for application_1",
        ("log4j", "2015-10-18T18:01:47.978", "Created for application_1"),
        {"level": "INFO", "process": "main", "component": "org.apache.Master"},
    ),
    (
        "2015-10-18 18:01:47.978 [main] WARN  c.e.App - slow",
        ("logback", "2015-10-18T18:01:47.978", "slow"),
        {"level": "WARN", "process": "main", "component": "c.e.App"},
    ),
    (
        "18:01:47.978 [main] WARN  c.e.App - slow",
        ("logback", "1970-01-01T18:01:47.978", "slow"),
        {"level": "WARN", "process": "main", "component": "c.e.App"},
    ),
    (
        "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]/0:0:2181:FastLeaderElection@774] - time out: 1",
        ("log4j with thread and place", "2015-07-29T17:41:44.747", "time out: 1"),
        {"level": "INFO", "process": "QuorumPeer[myid=1]/0:0:2181", "component": "FastLeaderElection"},
    ),
    (
        "2020-01-01 00:00:00,123 - my.mod - ERROR - boom",
        ("Python logging", "2020-01-01T00:00:00.123", "boom"),
        {"level": "ERROR", "component": "my.mod"},
    ),
    ("WARNING:root:boom", ("Python logging", None, "boom"), {"level": "WARNING", "component": "root"}),
    (
        "2024-01-01 10:00:00.123  INFO 12 --- [main] c.e.App : Started",
        ("Spring Boot", "2024-01-01T10:00:00.123", "Started"),
        {"level": "INFO", "process": "12", "component": "c.e.App"},
    ),
    (
        "- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS KERNEL INFO cache parity error corrected",
        ("Blue Gene", "2005-06-03T22:42:50", "cache parity error corrected"),
        {"host": "R02-M1", "type": "RAS", "component": "KERNEL", "level": "INFO"},
    ),
    (
        "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed for user root",
        ("labelled syslog", "2005-11-09T20:01:01", "session closed for user root"),
        {"host": "dn228", "component": "crond(pam_unix)", "process": "2915"},
    ),
    (
        "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38 terminating",
        ("HDFS", "2008-11-09T20:36:15", "PacketResponder 1 for block blk_38 terminating"),
        {"level": "INFO", "component": "dfs.DataNode$PacketResponder", "process": "148"},
    ),
    (
        "17/06/09 20:10:40 INFO executor.Backend: Registered signal handlers",
        ("Spark", "2017-06-09T20:10:40", "Registered signal handlers"),
        {"level": "INFO", "component": "executor.Backend"},
    ),
    (
        "nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova.server "
        "[req-38101a0b-2096-447d-96ea-a692162415ae 113d3a - - -] 10.11.10.1 said",
        ("OpenStack", "2017-05-16T00:00:00.008", "10.11.10.1 said"),
        {
            "process": "25746",
            "level": "INFO",
            "component": "nova.server",
            "request": "req-38101a0b-2096-447d-96ea-a692162415ae",
        },
    ),
    (
        '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326',
        ("web access", "2000-10-10T20:55:36", '"GET /a.gif HTTP/1.0" 200 2326'),
        {"host": "127.0.0.1", "method": "GET", "status": "200"},
    ),
    (
        "2024/01/02 03:04:05 [error] 31#31: *5 open() failed",
        ("nginx error", "2024-01-02T03:04:05", "open() failed"),
        {"level": "ERROR", "process": "31"},
    ),
    (
        "[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok",
        ("Apache error", "2005-12-04T04:47:44", "workerEnv.init() ok"),
        {"level": "NOTICE"},
    ),
    (
        "[Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 35708:tid 432] File does not exist",
        ("Apache error", "2023-10-11T14:32:52.123456", "File does not exist"),
        {"level": "ERROR", "component": "core", "process": "35708"},
    ),
    (
        "[   12.345678] usb 1-1: new one",
        ("dmesg", "1970-01-01T00:00:12.345678", "new one"),
        {"component": "usb 1-1"},
    ),
    (
        "03-17 16:13:38.811  1702  2395 D WindowManager: freezing",
        ("Android", "2025-03-17T16:13:38.811", "freezing"),
        {"process": "1702", "level": "DEBUG", "component": "WindowManager"},
    ),
    (
        "I0102 15:04:05.123456   12345 server.go:123] started",
        ("glog", "2026-01-02T15:04:05.123456", "started"),
        {"level": "INFO", "process": "12345", "component": "server.go"},
    ),
    (
        "2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack",
        ("Windows servicing", "2016-09-28T04:30:30", "Loaded Servicing Stack"),
        {"level": "INFO", "component": "CBS"},
    ),
    (
        "2024-01-01 10:00:00.123 UTC [123] LOG:  database ready",
        ("PostgreSQL", "2024-01-01T10:00:00.123", "database ready"),
        {"process": "123", "level": "LOG"},
    ),
    (
        'time="2024-01-01T10:00:00Z" level=info msg="hello there"',
        ("key=value", "2024-01-01T10:00:00", 'msg="hello there"'),
        {"level": "INFO"},
    ),
    (
        "2024-01-01T10:00:00Z ERROR something happened",
        ("stamp and level", "2024-01-01T10:00:00", "something happened"),
        {"level": "ERROR"},
    ),
    ("[2024-01-01 10:00:00] something happened", ("stamp", "2024-01-01T10:00:00", "something happened"), {}),
]


@pytest.mark.parametrize(
    ("line", "expected", "fields"), LINES, ids=[f"{e[0]} {i}" for i, (_, e, _) in enumerate(LINES)]
)
def test_formats(line, expected, fields):
    name, moment, message = expected
    headers = Headers.find([line])
    header = headers.split(line)
    assert headers.formats[0].name == name
    assert header is not None
    assert header.message == message
    assert {k: v for k, v in header.fields.items() if v is not None} == fields
    if moment is None:
        assert header.stamp is None
    else:
        assert Clock(TODAY).read(header.stamp, header.way) == np.datetime64(moment, "ns").astype(np.int64)
    assert looks_like_log(line.encode() + b"\n")


def test_a_label_is_no_entity():
    line = "APPREAD 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS APP FATAL ciod: failed"
    header = Headers.find([line]).split(line)
    assert header.label == "APPREAD"
    assert "label" not in header.fields


def test_lines_of_two_formats_are_both_known():
    lines = ["2015-10-18 18:01:47,978 INFO [main] org.a.B: hello"] * 50 + ["[Sun Dec 04 04:47:44 2005] [notice] ok"] * 5
    headers = Headers.find(lines)
    assert all(headers.split(line) is not None for line in lines)
    # A stamp of the same kind with a header that was not among the first lines is still a header.
    assert headers.split("2015-10-18 18:01:48,000 something else") is not None
    assert headers.split("    at org.a.B.run(B.java:10)") is None


def _read(stamps, way, today=TODAY):
    clock = Clock(today)
    return [clock.read(s, way) for s in stamps], clock


def test_years_are_inferred_and_go_on_after_december():
    found, clock = _read(["Dec 30 10:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"], "bsd")
    assert np.array(found, "datetime64[ns]").astype("datetime64[s]").astype(str).tolist() == [
        "2025-12-30T10:00:00",
        "2025-12-31T23:59:59",
        "2026-01-01T00:00:01",
    ]
    assert clock.inferred == "year"


def test_a_small_step_back_is_no_new_year():
    found, _ = _read(["Jan  5 10:00:00", "Jan  5 09:59:59"], "bsd")
    assert found[0] - found[1] == SECOND


def test_the_29th_of_february_tells_a_leap_year():
    (found,), _ = _read(["Feb 29 10:00:00"], "bsd")
    assert str(np.datetime64(found, "ns"))[:10] == "2024-02-29"


def test_a_time_of_day_goes_on_after_midnight():
    found, clock = _read(["23:59:59.5", "00:00:01.0", "23:00:00.0", "00:30:00.0"], "clock")
    assert np.diff(found).tolist() == [1.5 * SECOND, 82799 * SECOND, 5400 * SECOND]
    assert clock.inferred == "day"


@pytest.mark.parametrize(
    "stamp", ["2026-02-30 10:00:00", "2026-01-01 25:00:00", "9999-01-01 00:00:00", "0000-01-01 00:00:00"]
)
def test_a_stamp_that_is_no_moment_is_none(stamp):
    clock = Clock(TODAY)
    assert clock.read(stamp, "iso") is None
    assert clock.unreadable == 1


@pytest.mark.parametrize(
    "text",
    [
        "time,load\n2026-01-01 00:00,1\n2026-01-01 00:01,2\n",
        "2026-01-01 00:00:00,1.5,ok\n2026-01-01 00:00:01,1.7,ok\n",
        "2026-01-01 00:00:00 1.5 2.5\n2026-01-01 00:00:01 1.7 2.5\n",
        "1700000000 1.5\n1700000001 1.7\n",
        '{"time": "2026-01-01", "msg": "hi there"}\n',
        "duration,protocol,label\n0,tcp,normal\n",
        "1 2 3\n4 5 6\n",
        "hello\nworld\n",
        "",
    ],
)
def test_tables_are_no_logs(text):
    assert not looks_like_log(text.encode())


def test_a_log_of_stack_traces_is_a_log_though_few_lines_have_a_header():
    trace = "2026-01-01 00:00:00 ERROR it failed again\n" + "    at a.b.C(D.java:1)\n" * 9
    assert looks_like_log((trace * 3).encode())
