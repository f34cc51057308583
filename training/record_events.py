"""Record the process events of a small host under an everyday workload, with staged, harmless intrusions.

``python training/record_events.py --minutes 30 --seed 7 -o DIR`` makes a sandbox, runs a web shop and the sessions of
three people in it under ``strace``, stages each kind of intrusion in the second half, and writes ``trace.log.gz`` (what
strace said) and ``jobs.json`` (what was run, when, as which process). ``--convert`` turns these into
``process.parquet`` and ``process_labels.csv``. Linux, root, strace, curl, wget, git, gcc, make, sqlite3, openssl and
perl are needed. All traffic stays on the loopback interface; nothing is written outside the sandbox, /tmp and /dev/shm.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from process import sandbox, servers
from process.convert import convert
from process.intrusions import intrusions
from process.jobs import AGENTS, Job, everyday

ROOT = Path("/srv/shop")
CALLS = (
    "execve,fork,vfork,clone,clone3,exit_group,openat,open,creat,connect,accept,accept4,bind,sendto,"
    "unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,"
    "mkdir,mkdirat,truncate,ftruncate,kill,setuid,setgid,ptrace"
)


def main() -> int:
    """Read the command line, record, convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder, made if missing")
    parser.add_argument("--convert", action="store_true", help="only convert what lies in the folder")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if not args.convert:
        record(args.output, args.minutes * 60, args.seed)
    print(convert(args.output, ROOT))
    return 0


def record(folder: Path, seconds: float, seed: int) -> None:
    """Run the host and everything that happens on it, and keep the trace."""
    sandbox.make(ROOT, seed)
    servers.start()
    trace = folder / "trace.log"
    script = Path(__file__).parent / "process/host.pl"
    shutil.copy(script, ROOT / "host.pl")
    host = subprocess.Popen(
        ["strace", "-f", "-ttt", "-y", "-s", "256", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace),
         "/usr/bin/perl", str(ROOT / "host.pl")],
        env={"SHOP_ROOT": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C"},
        cwd="/",
    )  # fmt: skip
    try:
        time.sleep(3)
        begin = time.time()
        jobs = sorted(everyday(seconds, seed, str(ROOT)) + intrusions(seconds / 2, seconds, seed, str(ROOT)))
        visitors = threading.Thread(target=_visit, args=(begin + seconds, seed), daemon=True)
        visitors.start()
        done = []
        for job in jobs:
            time.sleep(max(0.0, begin + job.at - time.time()))
            done.append({"time": time.time(), "user": job.user, "kind": job.kind, "pid": _run(job)})
        time.sleep(12)
        (folder / "jobs.json").write_text(json.dumps(done))
    finally:
        host.send_signal(signal.SIGTERM)
        subprocess.run(["pkill", "-f", str(ROOT / "host.pl")], check=False)
        host.wait(10)
        shutil.rmtree(ROOT, ignore_errors=True)
        for left in ("/tmp/.u.sh", "/dev/shm/kworker", "/tmp/.d", "/tmp/.c.tgz", "/tmp/.c.bin"):
            Path(left).unlink(missing_ok=True)
    with trace.open("rb") as plain, gzip.open(folder / "trace.log.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    trace.unlink()


def _run(job: Job) -> int:
    """Have an agent run a command; return its process number."""
    with socket.create_connection(("127.0.0.1", AGENTS[job.user]), timeout=30) as agent:
        agent.sendall(f"RUN {job.command}\n".encode())
        return int(agent.makefile().readline())


def _visit(until: float, seed: int) -> None:
    """Visitors of the shop come at random, about every second."""
    rng = np.random.default_rng(seed + 2)
    while time.time() < until:
        time.sleep(float(rng.exponential(1.0)))
        path = f"/page{rng.integers(1, 10)}.html" if rng.random() < 0.8 else f"/report/{rng.integers(1, 10)}"
        try:
            visitor = http.client.HTTPConnection("127.0.0.1", AGENTS["www"], timeout=20)
            visitor.request("GET", path)
            visitor.getresponse().read()
            visitor.close()
        except OSError:
            continue


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
