"""Traces of system calls as `strace -f -tt` (or -t, -ttt, with or without -y) writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.events import flow
from tocsin.io.events.collector import Collector, only_links
from tocsin.io.events.event_names import word_set
from tocsin.io.events.finish import EventFrame
from tocsin.io.events.lines import read_lines
from tocsin.io.options import Options
from tocsin.io.source import Source

_LINE = re.compile(
    r"(?:\[pid\s+(?P<a>\d+)\]\s+|(?P<b>\d+)\s+)?"
    r"(?:(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)\s+|(?P<epoch>\d{9,}(?:\.\d+)?)\s+)?(?P<rest>\S.*)"
)
# What -y writes behind a descriptor holds an arrow where it is a connection.
_NOTE = r"(?:->|[^<>]|<[^>]*>)*"
_CALL = re.compile(
    rf"(?P<call>\w+)\((?P<args>.*)\)\s+= (?P<result>-?\d+|\?|0x[0-9a-f]+)(?:<(?P<of>{_NOTE})>)?(?P<more>.*)"
)
_UNFINISHED = re.compile(r"(?P<call>\w+)\((?P<args>.*?),?\s*<unfinished \.\.\.>")
_RESUMED = re.compile(r"<\.\.\. (?P<call>\w+) resumed>(?P<args>.*)")
_SIGNAL = re.compile(r"--- (?P<signal>SIG\w+)")
_END = re.compile(r"\+\+\+ (?:exited with (?P<code>\d+)|killed by (?P<signal>SIG\w+))")
_ERROR = re.compile(r"\s(E[A-Z0-9]+)\b")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FD = re.compile(rf"(?:AT_FDCWD|\d+)(?:<(?P<of>{_NOTE})>)?")
_IPV4 = re.compile(r'htons\((\d+)\).*?inet_addr\("([^"]+)"\)')
_IPV6 = re.compile(r'htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"')
_UNIX = re.compile(r'sun_path=(@?)"([^"]*)"')
_NOTED = re.compile(r"(?:TCP|UDP|TCPv6|UDPv6):\[(?:.*->)?(.+)\]")

_DAY = 86_400 * 10**9
# Calls whose objects are the strings among their arguments, though their first argument may be a file descriptor.
_BY_NAME = word_set(
    "open openat openat2 creat execve execveat unlink unlinkat rename renameat renameat2 stat lstat newfstatat statx "
    "access faccessat faccessat2 readlink readlinkat chmod fchmodat chown lchown fchownat mkdir mkdirat rmdir link "
    "linkat symlink symlinkat mknod mknodat truncate chdir chroot statfs utimensat getxattr setxattr removexattr "
    "inotify_add_watch mount umount2"
)
_BY_ADDRESS = word_set("connect bind accept accept4 sendto recvfrom sendmsg recvmsg")
_BY_FD = word_set(
    "read pread64 readv preadv preadv2 write pwrite64 writev pwritev pwritev2 getdents getdents64 recvfrom recvmsg "
    "recv recvmmsg sendto sendmsg send sendmmsg sendfile sendfile64 close lseek fstat newfstatat statx ioctl fcntl "
    "dup dup2 dup3 fsync fdatasync flock ftruncate fallocate fchmod fchown fchdir fgetxattr fsetxattr shutdown listen "
    "accept accept4 connect bind getsockname getpeername getsockopt setsockopt finit_module"
)
_COPIES = word_set("dup dup2 dup3")


def looks_like_strace(head: bytes) -> bool:
    r"""Tell whether most of the first lines are system calls with their results.

    Examples
    --------
    >>> looks_like_strace(b'12 10:00:00.1 read(3, "", 4096) = 0\n12 10:00:00.2 close(3) = 0\n')
    True
    """
    lines = [line for line in head[:20_000].decode("utf-8", "replace").splitlines() if line.strip()][:50]
    hits = 0
    for line in lines:
        found = _LINE.fullmatch(line.strip())
        rest = found["rest"] if found else ""
        hits += any(p.match(rest) for p in (_CALL, _UNFINISHED, _RESUMED, _SIGNAL, _END))
    return len(lines) >= 2 and hits * 10 >= len(lines) * 8


@dataclass
class _Process:
    """What is known of a process: its program, and what its file descriptors stand for."""

    name: str = ""
    files: dict[str, str] = field(default_factory=dict)
    begun: str = ""


@dataclass(frozen=True)
class _Call:
    """One finished call."""

    pid: str
    process: str
    event: str
    object: str
    result: str
    flags: str = ""
    child: str = ""
    before: str = ""


def read_strace(source: Source, options: Options) -> EventFrame:
    """Read system calls as events, or as links from and to the processes that made them.

    Events have the entities ``process`` (the program, once its start was seen), ``event`` (the call, ``exit``, or the
    signal), ``object`` (``file:/path``, ``socket:address:port``, ``unix:/path``, ``pipe:...``; found through the file
    descriptors that earlier calls opened) and ``result`` (``ok`` or the error). Traces are process ids. Links have
    ``source``, ``target`` and ``operation`` and hold successful calls in which information goes one way.

    Raises
    ------
    InputError
        If a line is none of strace's, unless bad lines are skipped.
    """
    columns = ("source", "target", "operation") if options.links else ("process", "event", "object", "result", "trace")
    made = Collector(source.where, columns, options)
    clock = _Clock()
    processes: dict[str, _Process] = {}
    for number, line in read_lines(source, options.on_bad):
        found = _LINE.fullmatch(line.strip()) if line is not None else None
        if found is None or line is None:
            made.skip("too long to be an event", number)
            continue
        pid = found["a"] or found["b"] or "0"
        time = clock.read(found["clock"], found["epoch"])
        calls = _follow(processes, pid, found["rest"])
        if calls is None:
            if options.on_bad == "raise":
                raise InputError(
                    f"{source.where}: line {number} is no line of strace ({found['rest'][:40]!r}): correct it, or read "
                    "with on_bad='skip' to leave such lines out"
                )
            made.skip("that strace did not write", number)
            continue
        for call in calls:
            if options.links:
                for from_, to, operation in _links(call):
                    made.add((from_, to, operation), time, line)
            else:
                made.add((call.process, call.event, call.object, call.result, call.pid), time, line)
    if clock.dateless:
        made.repairs.append(Repair("strace wrote times of day without a date: counted from 1970-01-01", len(made)))
    frame = made.frame(trace=None if options.links else "trace")
    frame.zoned = not clock.dateless
    return only_links(frame) if options.links else frame


class _Clock:
    """Turns times of day, which start over at midnight, into nanoseconds."""

    def __init__(self) -> None:
        self.dateless = False
        self._day, self._last = 0, 0

    def read(self, clock: str | None, epoch: str | None) -> int | None:
        if epoch is not None:
            whole, _, part = epoch.partition(".")
            return int(whole) * 10**9 + int(part.ljust(9, "0")[:9] or 0)
        if clock is None:
            return None
        self.dateless = True
        hours, minutes, seconds = clock.split(":")
        whole, _, part = seconds.partition(".")
        time = (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 10**9 + int(part.ljust(9, "0")[:9] or 0)
        if time + _DAY // 2 < self._last:
            self._day += 1
        self._last = time
        return self._day * _DAY + time


def _follow(processes: dict[str, _Process], pid: str, rest: str) -> list[_Call] | None:
    """Take in one line; return the calls that it finishes, None if it is none of strace's."""
    process = processes.setdefault(pid, _Process())
    if found := _UNFINISHED.match(rest):
        process.begun = f"{found['call']}({found['args']}"
        return []
    if found := _RESUMED.match(rest):
        begun, process.begun = process.begun or f"{found['call']}(", ""
        joint = "" if begun.endswith("(") or not found["args"].lstrip(", )") else ", "
        rest = f"{begun}{joint}{found['args'].lstrip(', ')}"
    if found := _CALL.fullmatch(rest):
        return [_finished(processes, process, pid, found)]
    if found := _SIGNAL.match(rest):
        return [_Call(pid, process.name, f"signal {found['signal']}", "", "")]
    if found := _END.match(rest):
        return [_Call(pid, process.name, "exit", "", found["signal"] or found["code"])]
    return [] if rest.startswith("strace:") else None


def _finished(processes: dict[str, _Process], process: _Process, pid: str, found: re.Match[str]) -> _Call:
    call, args, result = found["call"], found["args"], found["result"]
    failed = result.startswith("-") and bool(error := _ERROR.match(found["more"]))
    outcome = error[1] if failed and error else ("" if result == "?" else "ok")
    thing = _object(process, call, args)
    before = process.name
    if failed:
        return _Call(pid, before, call, thing, outcome)
    if call in flow.EXECUTING and thing.startswith("file:"):
        process.name = thing.removeprefix("file:")
    elif call in flow.SPAWNING and result.isdigit() and result != "0":
        shared = process.files if "CLONE_FILES" in args else dict(process.files)
        child = processes.setdefault(result, _Process())
        child.name, child.files = child.name or process.name, shared
        return _Call(pid, before, call, thing, outcome, child=child.name)
    elif call == "close":
        process.files.pop(args.partition("<")[0].strip(), None)
    elif result.isdigit():
        _open(process, call, args, result, found["of"], thing)
    if call == "connect" and thing:
        process.files[args.partition(",")[0].partition("<")[0]] = thing
    return _Call(pid, process.name or before, call, thing, outcome, flags=args, before=before)


def _open(process: _Process, call: str, args: str, result: str, noted: str | None, thing: str) -> None:
    """Note what a file descriptor stands for."""
    if noted:
        process.files[result] = _named(noted)
    elif call in flow.OPENING or call in _COPIES or call.startswith("accept") or "F_DUPFD" in args:
        process.files[result] = thing


def _object(process: _Process, call: str, args: str) -> str:
    """Return what a call is about, typed by a prefix."""
    if call in _BY_ADDRESS and (address := _address(args)):
        return address
    if call in _BY_NAME:
        texts = _STRING.findall(args.split("[")[0] if call in flow.EXECUTING else args)
        if texts and texts[0]:
            return f"file:{_absolute(texts[0], args)}"
    if call in _BY_FD:
        return _behind(process, args)
    if call in ("mmap", "mmap2"):  # the descriptor is the last argument but one
        return _behind(process, args.rsplit(", ", 2)[-2] if args.count(", ") > 1 else "")
    return ""


def _behind(process: _Process, argument: str) -> str:
    """Return what a file descriptor at the beginning of an argument stands for."""
    found = _FD.match(argument)
    if found is None:
        return ""
    if found["of"]:
        return _named(found["of"])
    return process.files.get(found[0], "")


def _absolute(path: str, args: str) -> str:
    """Join a relative path to its folder where strace -y wrote it."""
    folder = _FD.match(args)
    if path.startswith("/") or folder is None or not (folder["of"] or "").startswith("/"):
        return path
    return f"{folder['of'].rstrip('/')}/{path}"


def _address(args: str) -> str:
    if found := _IPV4.search(args):
        return f"socket:{found[2]}:{found[1]}"
    if found := _IPV6.search(args):
        return f"socket:[{found[2]}]:{found[1]}"
    if found := _UNIX.search(args):
        return f"unix:{found[1]}{found[2]}"
    return ""


def _named(noted: str) -> str:
    """Return the object that strace -y or -yy wrote behind a file descriptor."""
    if found := _NOTED.match(noted):
        return f"socket:{found[1]}"
    if noted.startswith(("pipe:", "socket:", "anon_inode:", "unix:")):
        return noted
    if noted.startswith("UNIX"):
        return f"unix:{noted.partition(':')[2].strip('[]')}"
    return f"file:{noted}"


def _links(call: _Call) -> Iterator[tuple[str, str, str]]:
    """Return the ways that information goes at a successful call."""
    if call.result != "ok" or not call.process:
        return
    process = f"process:{call.process}"
    if call.event in flow.SPAWNING and call.child:
        yield process, f"process:{call.child}", call.event
        return
    if call.event in flow.EXECUTING and call.before and call.before != call.process:
        yield f"process:{call.before}", process, call.event
    if not call.object:
        return
    way = flow.direction(call.event, call.flags)
    if way == "in":
        yield call.object, process, call.event
    elif way == "out":
        yield process, call.object, call.event
