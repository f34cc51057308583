"""The everyday: what people and the scheduler run on the host, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AGENTS = {"www": 8080, "alice": 2201, "bob": 2202, "ops": 2203}
MIRROR, BACKUP = 8090, 8091

PEOPLE: dict[str, tuple[tuple[float, str], ...]] = {
    "alice": (
        (4, "ls -l docs; cat docs/note{n}.txt; grep -n total docs/*.txt | sort | head -5"),
        (
            4,
            "sqlite3 data/sales.db 'select day, sum(n) from sales group by day' > reports/r{n}.csv; "
            "wc -l reports/*.csv",
        ),
        (3, "awk -F, '{{s += $2}} END {{print s}}' reports/r{n}.csv > reports/sum{n}.txt; cat reports/sum{n}.txt"),
        (2, "curl -s http://127.0.0.1:8080/report/{n} -o reports/day{n}.html; head -3 reports/day{n}.html"),
        (1, "cd reports && zip -q week{n}.zip *.csv; ls -l week{n}.zip"),
        (1, "cp reports/r{n}.csv docs/; mv docs/r{n}.csv docs/table{n}.csv; rm -f docs/table{n}.csv"),
        (1, "date >> docs/diary.txt; tail -2 docs/diary.txt; sort -u docs/diary.txt | wc -l"),
    ),
    "bob": (
        (4, "cd src && sed -i 's/VERSION [0-9]*/VERSION {n}/' main.c && make -s && ./app > out.txt; cat out.txt"),
        (3, "cd src && git add -A && git commit -qm 'version {n}'; git log --oneline | head -3"),
        (2, "cd src && git diff HEAD~1 --stat; find . -name '*.c' | xargs wc -l"),
        (2, "curl -s http://127.0.0.1:8090/pkg/lib{n}.tgz -o lib/lib{n}.tgz && tar xzf lib/lib{n}.tgz -C lib; ls lib"),
        (
            1,
            "wget -q http://127.0.0.1:8090/pkg/tool{n}.sh -O lib/tool{n}.sh; chmod 644 lib/tool{n}.sh; "
            "bash lib/tool{n}.sh",
        ),
        (2, "tar czf builds/app{n}.tgz src/main.c src/Makefile; sha256sum builds/app{n}.tgz"),
        (1, "curl -s -T builds/app{n}.tgz http://127.0.0.1:8080/upload/app{n}.tgz"),
        (1, "rm -f builds/app{n}.tgz lib/lib{n}.tgz; ls -lt builds | head -4"),
    ),
}
# Seconds between runs, and what the scheduler runs then.
SCHEDULE: tuple[tuple[float, str], ...] = (
    (45, "{{ df -h /; free -m; uptime; }} >> {root}/log/health.log; tail -1 {root}/log/health.log"),
    (100, "sqlite3 {root}/data/shop.db 'vacuum'; ls -l {root}/data/shop.db"),
    (170, "cd {root}/log && cp access.log access.log.{n} && : > access.log && gzip -f access.log.{n}; ls"),
    (
        230,
        "tar czf {root}/backup/data{n}.tgz -C {root} data site && sha256sum {root}/backup/data{n}.tgz >> "
        "{root}/backup/sums; curl -s -T {root}/backup/data{n}.tgz http://127.0.0.1:8091/data{n}.tgz",
    ),
    (290, "find {root}/upload -name '*.tgz' -mmin +3 -delete; find {root}/backup -name '*.tgz' -mmin +8 -delete"),
    (310, "openssl rand -hex 32 > {root}/data/session.key.new; chmod 600 {root}/data/session.key.new; "
          "mv {root}/data/session.key.new {root}/data/session.key"),
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Job:
    """One command: when (seconds after the start), whose, and for an intrusion its kind."""

    at: float
    user: str
    command: str
    kind: str = ""


def everyday(seconds: float, seed: int, root: str) -> list[Job]:
    """Return the jobs of people (one every 14 s each, at random) and of the scheduler, in the order of time."""
    rng = np.random.default_rng(seed)
    jobs: list[Job] = []
    for user, commands in PEOPLE.items():
        weights = np.array([w for w, _ in commands])
        at = rng.exponential(14)
        while at < seconds:
            command = commands[rng.choice(len(commands), p=weights / weights.sum())][1]
            jobs.append(Job(at, user, command.format(n=int(rng.integers(1, 10)))))
            at += 2 + rng.exponential(12)
    for every, command in SCHEDULE:
        for turn, at in enumerate(np.arange(every / 3, seconds, every)):
            jobs.append(Job(float(at), "ops", command.format(root=root, n=turn % 6)))
    return sorted(jobs)
