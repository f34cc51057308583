"""The Linux audit trail as `ausearch --raw` or /var/log/audit/audit.log hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tocsin.core.errors import InputError
from tocsin.io.events import flow
from tocsin.io.events.collector import Collector, only_links
from tocsin.io.events.event_names import word_list
from tocsin.io.events.finish import EventFrame
from tocsin.io.events.lines import read_lines
from tocsin.io.options import Options
from tocsin.io.source import Source

_RECORD = re.compile(
    r"(?:node=\S+ )?type=(?P<type>\S+) msg=audit\((?P<seconds>\d+)\.(?P<milli>\d{3}):(?P<serial>\d+)\):(?P<rest>.*)"
)
_FIELD = re.compile(r"""(\w[\w-]*)=("[^"]*"|'[^']*'|[^\s'"]*)""")
# Texts that a stranger may choose are written in hex where they hold blanks or quotes.
_CODED = frozenset(["comm", "exe", "name", "cwd", "key", "acct", "proctitle", "path"])
# Records of one event come together, but those of several processors may cross.
OPEN = 256
# Numbers of x86-64 system calls that watch rules name; the kernel's table is fixed.
_X86_64 = dict(
    enumerate(
        word_list(
            "read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction "
            "rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield "
            "mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer "
            "getpid sendfile socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen "
            "getsockname getpeername socketpair setsockopt getsockopt clone fork vfork execve exit wait4 kill "
            "uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock fsync fdatasync truncate "
            "ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink readlink chmod "
            "fchmod chown fchown lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog "
            "getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid"
        )
    )
) | {
    157: "prctl", 161: "chroot", 165: "mount", 166: "umount2", 175: "init_module", 176: "delete_module",
    188: "setxattr", 227: "clock_settime", 257: "openat", 258: "mkdirat", 259: "mknodat", 260: "fchownat",
    262: "newfstatat", 263: "unlinkat", 264: "renameat", 265: "linkat", 266: "symlinkat", 267: "readlinkat",
    268: "fchmodat", 269: "faccessat", 280: "utimensat", 288: "accept4", 310: "process_vm_readv",
    311: "process_vm_writev", 313: "finit_module", 316: "renameat2", 319: "memfd_create", 322: "execveat",
    425: "io_uring_setup", 435: "clone3", 437: "openat2", 439: "faccessat2",
}  # fmt: skip

Record = tuple[str, dict[str, str]]

COLUMNS = ("process", "event", "object", "result", "user", "key")
LINKS: tuple[str, ...] = ("source", "target", "operation")


def looks_like_audit(head: bytes) -> bool:
    """Tell whether the first line is a record of the audit trail.

    Examples
    --------
    >>> looks_like_audit(b"type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2")
    True
    """
    lines = [line for line in head[:20_000].decode("utf-8", "replace").splitlines() if line.strip(" -")]
    lines = [line for line in lines if not line.startswith("time->")]
    return bool(lines) and _RECORD.match(lines[0]) is not None


def read_audit(source: Source, options: Options) -> EventFrame:
    """Read audit records, those of one serial number joined, as events or links.

    Events have ``process`` (its program), ``event`` (the system call, or the kind of a record without one),
    ``object`` (``file:/path``, ``socket:address:port``, ``unix:/path``, ``account:name``), ``result``, ``user`` (the
    one who logged in) and ``key`` (of the rule). Links are those of `tocsin.io.events.flow`.

    Raises
    ------
    InputError
        If a line is no record, unless bad lines are skipped.
    """
    columns = LINKS if options.links else COLUMNS
    made = Collector(source.where, columns, options)
    for time, records, text in _events(source, options, made):
        event = _joined(records)
        if not options.links:
            made.add([event[name] for name in columns], time, text)
            continue
        for link in _links(event):
            made.add(link, time, text)
    frame = made.frame()
    return only_links(frame) if options.links else frame


def _events(source: Source, options: Options, made: Collector) -> Iterator[tuple[int, list[Record], str]]:
    """Yield time, records and text of each event, in the order in which they began."""
    held: dict[tuple[str, str, str], tuple[list[Record], list[str]]] = {}
    for number, line in read_lines(source, options.on_bad):
        found = _RECORD.match(line) if line is not None else None
        if line is None or found is None:
            if line is not None and (line.startswith("time->") or not line.strip(" -")):
                continue  # ausearch without --raw writes these between events
            if options.on_bad == "raise":
                raise InputError(
                    f"{source.where}: line {number} is no audit record ({(line or '')[:40]!r}): correct it, or read "
                    "with on_bad='skip' to leave such lines out"
                )
            made.skip("that are no audit records", number)
            continue
        key = (found["seconds"], found["milli"], found["serial"])
        records, lines = held.setdefault(key, ([], []))
        records.append((found["type"], _fields(found["rest"])))
        lines.append(line)
        if len(held) > OPEN:
            yield _taken(held, next(iter(held)))
    while held:
        yield _taken(held, next(iter(held)))


def _taken(
    held: dict[tuple[str, str, str], tuple[list[Record], list[str]]], key: tuple[str, str, str]
) -> tuple[int, list[Record], str]:
    records, lines = held.pop(key)
    return (int(key[0]) * 1000 + int(key[1])) * 10**6, records, "\n".join(lines)


def _fields(rest: str) -> dict[str, str]:
    """Return the fields of a record, and those inside of its quoted message; what it spells out goes before numbers."""
    plain, _, spelt = rest.partition("\x1d")
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(plain):
        if value.startswith("'"):
            found |= _fields(value[1:-1])
        else:
            found[name] = value[1:-1] if value.startswith('"') else _decoded(name, value)
    return found | {f"{name.lower()} spelt": value.strip('"') for name, value in _FIELD.findall(spelt)}


def _decoded(name: str, value: str) -> str:
    if name not in _CODED or len(value) % 2 or not re.fullmatch(r"[0-9A-F]{2,}", value):
        return "" if value in ("(null)", "?") else value
    return bytes.fromhex(value).decode("utf-8", "replace").replace("\0", " ")


def _joined(records: list[Record]) -> dict[str, str]:
    """Make one event of the records that share a serial number."""
    kinds = dict(reversed(records))
    call = kinds.get("SYSCALL")
    main = call if call is not None else records[0][1]
    name = records[0][0] if call is None else _call_name(call)
    result = {"yes": "ok", "success": "ok", "no": "failed"}.get(
        main.get("success", main.get("res", "")), main.get("success", main.get("res", ""))
    )
    user = main.get("auid spelt") or main.get("auid", "")
    return {
        "process": main.get("exe") or main.get("comm", ""),
        "event": name,
        "object": _object(records, name, main),
        "result": result,
        "user": "" if user in ("4294967295", "-1") else user,
        "key": main.get("key", ""),
        "flags": _open_flags(name, main),
    }


def _call_name(call: dict[str, str]) -> str:
    if spelt := call.get("syscall spelt"):
        return spelt
    number = call.get("syscall", "")
    known = _X86_64.get(int(number)) if number.isdigit() and call.get("arch", "").lower() == "c000003e" else None
    return known or (number if number and not number.isdigit() else f"syscall {number}")


def _object(records: list[Record], name: str, main: dict[str, str]) -> str:
    folder = next((fields.get("cwd", "") for kind, fields in records if kind == "CWD"), "")
    paths = [fields for kind, fields in records if kind == "PATH" and fields.get("name")]
    # The folder that a name stands in comes first; the thing itself is what is no parent.
    chosen = next((f for f in paths if f.get("nametype") != "PARENT"), paths[0] if paths else None)
    if chosen is not None:
        path = chosen["name"]
        return f"file:{path if path.startswith('/') or not folder else folder.rstrip('/') + '/' + path}"
    for kind, fields in records:
        if kind == "SOCKADDR" and (address := _address(fields.get("saddr", ""))):
            return address
    if main.get("acct"):
        return f"account:{main['acct']}"
    return f"address:{main['addr']}" if main.get("addr") else ""


def _address(saddr: str) -> str:
    """Decode a socket address: the family in the machine's order, port and address in that of the network."""
    try:
        raw = bytes.fromhex(saddr)
    except ValueError:
        return ""
    family = int.from_bytes(raw[:2], "little")
    if family == 2 and len(raw) >= 8:
        return f"socket:{'.'.join(map(str, raw[4:8]))}:{int.from_bytes(raw[2:4], 'big')}"
    if family == 10 and len(raw) >= 24:
        import ipaddress

        return f"socket:[{ipaddress.IPv6Address(raw[8:24])}]:{int.from_bytes(raw[2:4], 'big')}"
    if family == 1:
        path = raw[2:]
        abstract = path.startswith(b"\0")
        return f"unix:{'@' if abstract else ''}{path.lstrip(bytes(1)).split(bytes(1))[0].decode('utf-8', 'replace')}"
    return ""


def _open_flags(name: str, main: dict[str, str]) -> str:
    """Return whether a file is opened for writing: the two low bits of the flags, the second argument or the third."""
    argument = main.get("a1" if name == "open" else "a2", "")
    try:
        return "O_WRONLY" if name in ("open", "openat") and int(argument, 16) & 3 else ""
    except ValueError:
        return ""


def _links(event: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    if event["result"] not in ("ok", "") or not event["process"] or not event["object"]:
        return
    process, way = f"process:{event['process']}", flow.direction(event["event"], event["flags"])
    if way == "in":
        yield event["object"], process, event["event"]
    elif way == "out":
        yield process, event["object"], event["event"]
