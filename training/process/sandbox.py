"""The host's files: two homes, a shop's site and data, folders for logs, uploads and backups."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import numpy as np

OWNERS = {"www": 33, "alice": 1001, "bob": 1002, "ops": 1003}
SOURCE = '#include <stdio.h>\n#define VERSION 0\nint main(void) { printf("%d\\n", VERSION); return 0; }\n'
MAKEFILE = "app: main.c\n\tgcc -O1 -o app main.c\n"


def make(root: Path, seed: int) -> None:
    """Make the sandbox; it must not be there yet."""
    rng = np.random.default_rng(seed)
    root.mkdir(mode=0o755)
    for folder in (
        "site",
        "log",
        "upload",
        "backup",
        "data",
        "cron.d",
        *(f"home/{u}" for u in ("alice", "bob", "ops")),
    ):
        (root / folder).mkdir(parents=True)
    for folder in ("docs", "data", "reports"):
        (root / "home/alice" / folder).mkdir()
    for folder in ("src", "lib", "builds"):
        (root / "home/bob" / folder).mkdir()
    for n in range(1, 10):
        (root / "home/alice/docs" / f"note{n}.txt").write_text(f"note {n}\ntotal {rng.integers(1000)}\n" * 20)
        (root / "home/alice/reports" / f"r{n}.csv").write_text("1,2\n3,4\n")
        (root / "site" / f"page{n}.html").write_text(f"<h1>page {n}</h1>\n" * 40)
        (root / "home/bob/builds" / f"app{n}.tgz").write_bytes(rng.bytes(400))
    (root / "data/session.key").write_text("not a key\n")
    (root / "log/access.log").touch()
    (root / "cron.d/shop").write_text("# the shop's own jobs\n")
    (root / "home/bob/.bash_history").write_text("make\ngit log\n")
    (root / "home/alice/.bashrc").write_text("alias ll='ls -l'\n")
    (root / "home/bob/src/main.c").write_text(SOURCE)
    (root / "home/bob/src/Makefile").write_text(MAKEFILE)
    (root / "home/bob/.gitconfig").write_text("[user]\n\tname = bob\n\temail = bob@example.org\n")
    for database, columns in (("data/shop.db", "item"), ("home/alice/data/sales.db", "what")):
        with sqlite3.connect(root / database) as connection:
            connection.execute(f"create table sales (day integer, {columns} text, n integer)")
            rows = [(int(rng.integers(1, 10)), f"i{rng.integers(20)}", int(rng.integers(9))) for _ in range(2000)]
            connection.executemany("insert into sales values (?, ?, ?)", rows)
    environment = {**os.environ, "HOME": str(root / "home/bob")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "begin"]):
        subprocess.run(["git", *command], cwd=root / "home/bob/src", env=environment, check=True)
    _give(root)


def _give(root: Path) -> None:
    for user in ("alice", "bob", "ops"):
        _own(root / "home" / user, OWNERS[user])
    for folder in ("site", "upload", "log", "cron.d"):
        _own(root / folder, OWNERS["www"])
    for folder in ("backup", "data", "log", "upload"):
        _own(root / folder, OWNERS["ops"], mode=0o777)


def _own(folder: Path, owner: int, mode: int = 0o755) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner)
        if path.is_dir():
            path.chmod(mode)
        elif mode == 0o777:
            path.chmod(0o666)
