"""How lines of logs begin: the headers that are known, as data.

A format is one regular expression. Its groups ``time`` and ``message`` are what they say; ``label`` is a mark that
somebody put on the line afterwards; every other group is an entity of the event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"\d{1,2}:\d\d:\d\d"
_PART = r"(?:[.,:]\d{1,9})?"
_OFFSET = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_ISO = rf"\d{{4}}[-/.]\d\d[-/.]\d\d[T ]{_CLOCK}{_PART}{_OFFSET}"
_BSD = rf"{_MONTH} [ \d]?\d (?:\d{{4}} )?{_CLOCK}{_PART}"
_CLF = r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
_CTIME = rf"{_DAY} {_MONTH} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{{4}}"
_LEVEL = (
    r"(?P<level>(?i:TRACE\d?|DEBUG\d?|FINE|FINER|FINEST|VERBOSE|INFO|INFORMATION|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|"
    r"CRIT|CRITICAL|ALERT|FATAL|PANIC|EMERG|EMERGENCY|CONFIG|AUDIT|FAILURE|LOG|HINT|STATEMENT))"
)
_PROCESS = r"(?P<component>[^\s\[\]:]{1,128})(?:\[(?P<process>[^\[\]\s]{1,32})\])?(?: \d[\w.]{0,20}| \([^)]{0,40}\))?"
_SUBSYSTEM = r"(?:(?P<component>[\w .-]{1,40}): )?"
_CLASS = r"(?P<component>[\w$.<>/-]+)"
_THREAD = r"\[(?P<process>[^\]]*)\]"
_LABEL = r"(?P<label>-|[A-Z][A-Z0-9_]{2,})"


@dataclass(frozen=True)
class Format:
    """One way of writing the header of a line.

    Parameters
    ----------
    name : str
        What a person reads in messages.
    pattern : re.Pattern
        Matches a whole line, from its start.
    clock : str
        How the stamp is written, a key of `tocsin.io.logs.stamps.CLOCKS`.
    """

    name: str
    pattern: re.Pattern[str]
    clock: str

    @property
    def entities(self) -> tuple[str, ...]:
        """Names of the groups that become entities, in the order of the line."""
        return tuple(g for g in self.pattern.groupindex if g not in ("time", "message", "label"))


def _format(name: str, clock: str, pattern: str) -> Format:
    return Format(name, re.compile(pattern + r"(?P<message>.*)", re.DOTALL), clock)


# More telling ones first: of two that match equally many lines, the first is taken.
FORMATS: tuple[Format, ...] = (
    _format(
        "Blue Gene",
        "epoch",
        rf"{_LABEL} (?P<time>\d{{9,10}}) \d{{4}}\.\d\d\.\d\d (?P<host>\S+) \d{{4}}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+ \S+ "
        r"(?P<type>\S+) (?P<component>\S+) (?P<level>[A-Z]+) ?",
    ),
    _format(
        "labelled syslog",
        "epoch",
        rf"{_LABEL} (?P<time>\d{{9,10}}) \d{{4}}\.\d\d\.\d\d (?P<host>\S+) {_MONTH} +\d{{1,2}} {_CLOCK} \S+ "
        rf"(?:{_PROCESS}: ?)?",
    ),
    _format(
        "OpenStack",
        "iso",
        rf"(?:[\w.-]{{1,80}}\.log[\w.:-]{{0,80}}[ :])?(?P<time>{_ISO}) (?P<process>\d+) {_LEVEL} "
        r"(?P<component>[\w.-]+) "
        r"\[(?:-|(?P<request>req-[\w-]+)[^\]]*)\] ",
    ),
    _format(
        "log4j with thread and place",
        "iso",
        rf"(?P<time>{_ISO}) - {_LEVEL} +\[(?P<process>.*?):(?P<component>[\w$.<>-]+)@\d+\] - ",
    ),
    _format("log4j", "iso", rf"(?P<time>{_ISO}) {_LEVEL} +{_THREAD} {_CLASS}(?:: | - |:)"),
    _format("logback", "iso", rf"(?P<time>{_ISO}) {_THREAD} {_LEVEL} +{_CLASS}(?:: | - )"),
    _format(
        "Spring Boot",
        "iso",
        rf"(?P<time>{_ISO}) +{_LEVEL} (?P<process>\d+) --- (?:\[[^\]]*\] ?){{1,3}} *(?P<component>\S+) *: ",
    ),
    _format("Python logging", "iso", rf"(?P<time>{_ISO}) - (?P<component>[\w.-]+) - {_LEVEL} - "),
    _format("Windows servicing", "iso", rf"(?P<time>{_ISO}), {_LEVEL} +(?P<component>[A-Za-z]\w*) +"),
    _format("PostgreSQL", "iso", rf"(?P<time>{_ISO})(?: [A-Z]{{2,4}})? \[(?P<process>\d+)\](?: \S+@\S+)? {_LEVEL}: +"),
    _format(
        "nginx error",
        "iso",
        rf"(?P<time>{_ISO}) \[(?P<level>[a-z]+)\] (?P<process>\d+)#\d+: (?:\*\d+ )?",
    ),
    _format(
        "syslog (RFC 5424)",
        "iso",
        rf"<\d{{1,3}}>\d (?P<time>{_ISO}|-) (?P<host>\S+) (?P<component>\S+) (?P<process>\S+) \S+ "
        r'(?:-|(?:\[(?:[^\]\\"]|\\.|"(?:[^"\\]|\\.)*")*\])+) ?',
    ),
    _format("journal", "iso", rf"(?:<\d{{1,3}}>)?(?P<time>{_ISO}) (?P<host>[\w.-]+) {_PROCESS}: "),
    _format("journal", "epoch", rf"(?P<time>\d{{9,10}}\.\d{{1,9}}) (?P<host>[\w.-]+) {_PROCESS}: "),
    _format("syslog", "bsd", rf"(?:<\d{{1,3}}>)?(?P<time>{_BSD}) (?P<host>[\w.:-]+) {_PROCESS}: ?"),
    _format("syslog", "bsd", rf"(?:<\d{{1,3}}>)?(?P<time>{_BSD}) (?P<host>[\w.:-]+) (?:-- )?"),
    _format("HDFS", "compact", r"(?P<time>\d{6} \d{6}) (?P<process>\d+) " + _LEVEL + r" (?P<component>[\w$.]+): "),
    _format("Spark", "short", rf"(?P<time>\d\d/\d\d/\d\d {_CLOCK}) {_LEVEL} (?P<component>[\w$.]+): "),
    _format(
        "web access",
        "clf",
        r"(?P<host>\S+) \S+ (?:\S+|\"[^\"]*\") "
        rf"\[(?P<time>{_CLF})\] (?=\"(?P<method>[A-Z]{{3,20}}) [^\"]*\" (?P<status>\d{{3}}) )",
    ),
    _format("web access", "clf", rf"(?P<host>\S+) \S+ \S+ \[(?P<time>{_CLF})\] "),
    _format(
        "Apache error",
        "ctime",
        rf"\[(?P<time>{_CTIME})\] \[(?:(?P<component>\w+):)?(?P<level>\w+)\] "
        r"(?:\[pid (?P<process>\d+)[^\]]*\] )?",
    ),
    _format(
        "dmesg",
        "ctime",
        rf"\[(?P<time>{_CTIME})\] {_SUBSYSTEM}",
    ),
    _format(
        "dmesg",
        "elapsed",
        rf"(?:<\d+>)?\[ *(?P<time>\d+\.\d{{6}})\](?:\[ *[TC]\d+\])? {_SUBSYSTEM}",
    ),
    _format(
        "Android",
        "monthday",
        rf"(?P<time>(?:\d{{4}}-)?\d\d-\d\d {_CLOCK}\.\d{{3,6}}) +(?P<process>\d+) +\d+ (?P<level>[VDIWEFAS]) "
        r"(?P<component>[^:]{0,80}?) *: ?",
    ),
    _format(
        "glog",
        "glog",
        r"(?P<level>[IWEF])(?P<time>\d{4} \d\d:\d\d:\d\d\.\d{6}) +(?P<process>\d+) (?P<component>[\w./-]+):\d+\] ",
    ),
    _format(
        "HealthApp",
        "dense",
        r"(?P<time>\d{8}-\d{1,2}:\d{1,2}:\d{1,2}:\d{1,3})\|(?P<component>[^|]*)\|(?P<process>[^|]*)\|",
    ),
    _format("Proxifier", "pointed", rf"\[(?P<time>\d\d\.\d\d {_CLOCK})\] (?P<component>\S+)(?: \*64)? - "),
    _format(
        "HPC",
        "epoch",
        r"\d+ (?P<host>\S+) (?P<component>\S+) (?P<state>\S+(?: \S+)?) (?P<time>\d{9,10}) -?\d ",
    ),
    _format(
        "key=value", "iso", rf"(?:ts|time|timestamp)=\"?(?P<time>{_ISO})\"? +(?:level|lvl|severity)=\"?{_LEVEL}\"? +"
    ),
    _format(
        "logback",
        "clock",
        rf"(?P<time>{_CLOCK}{_PART}) \[(?P<process>[^\]]*)\] {_LEVEL} +{_CLASS}(?:: | - )",
    ),
    _format("Android", "none", r"(?P<level>[VDIWEF])/(?P<component>[^(:]{1,80}?) *\( *(?P<process>\d+)\): "),
    _format("Python logging", "none", rf"{_LEVEL}:(?P<component>[\w.-]+):"),
    _format("stamp and level", "iso", rf"\[?(?P<time>{_ISO})\]?(?: -)?[ :|]+\[?{_LEVEL}\]?(?: ?[-:|])? +"),
    _format("clock and level", "clock", rf"\[?(?P<time>{_CLOCK}{_PART})\]?(?: {_THREAD})? \[?{_LEVEL}\]?:? +"),
    _format("stamp", "iso", rf"\[?(?P<time>{_ISO})\]?(?: -)?[ :|]+"),
    _format("stamp", "bsd", rf"\[?(?P<time>{_BSD})\]?[ :|]+"),
    _format("stamp", "epoch", r"\[?(?P<time>\d{10}(?:\.\d{1,9}|\d{3})?)\]?[ :|]+"),
    _format("level", "none", rf"\[?{_LEVEL}\]?(?::| -) +"),
)
LETTERS = {
    "V": "VERBOSE",
    "D": "DEBUG",
    "I": "INFO",
    "W": "WARN",
    "E": "ERROR",
    "F": "FATAL",
    "A": "ASSERT",
    "S": "SILENT",
}
