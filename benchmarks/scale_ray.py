"""What Ray costs and gives on one machine: a call, jobs of a suite, many short series, memory of the driver.

    python benchmarks/scale_ray.py [calls] [suite] [series] [memory] [runner] [--workers 2] [--count 10000]

Data are made here. Starting Ray is not counted. CPU seconds are those of all processes that did the work (Linux), and
say more than the clock where the machine is shared: the speed-up by CPU is what the clock would show on an idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tocsin.scale.cluster import Cluster
from tocsin.scale.flow import flow
from tocsin.scale.needs import Needs

ECHO = "tocsin.scale.remote:echo"
# As long as the JSON of a job of a small suite.
ORDER = json.dumps({"job": "x" * 1200})


def calls(workers: int, count: int) -> None:
    """The way to a worker and back, for a job that does nothing."""
    with Cluster("local", workers) as cluster:
        through(cluster, 50 * workers)
        clock, cpu = time.perf_counter(), time.process_time()
        through(cluster, count)
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(f"calls: {count} on {workers} workers: {1e3 * clock / count:.2f} ms a call by the clock, "
          f"{1e3 * cpu / count:.2f} ms CPU of the driver", flush=True)  # fmt: skip


def through(cluster: Cluster, count: int) -> None:
    items = iter(range(count))
    ended = 0
    for one in flow(cluster, ECHO, lambda: next(items, None), lambda _: ORDER, lambda _: Needs()):
        assert one.how == "answered"
        ended += 1
    assert ended == count


def suite(workers: int, count: int) -> None:
    """The same suite on both engines."""
    from tocsin.bench.plan.reading import read_suite
    from tocsin.bench.runner import LocalEngine, run_suite
    from tocsin.scale import RayEngine

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "ucr")
        folder.mkdir()
        rng = np.random.default_rng(0)
        for n in range(count):
            values = np.sin(np.arange(2000) / 9) + 0.1 * rng.normal(size=2000)
            values[1500:1520] += 1
            (folder / f"{n:03d}_UCR_Anomaly_s{n}_1000_1501_1520.txt").write_text("\n".join(map(str, values)))
        text = '[[datasets]]\npath = "ucr"\n[[detectors]]\nname = "robust-z"\n[[detectors]]\nname = "subsequence-pca"\n'
        Path(place, "s.toml").write_text(text)
        read = read_suite(Path(place, "s.toml"))
        engine = RayEngine(workers, "local")
        run_suite(read, Path(place, "warm"), engine)  # starts the workers, which load what jobs need
        found = {}
        for name, one in (("ray", engine), ("local", LocalEngine(workers))):
            clock = time.perf_counter()
            report = run_suite(read, Path(place, name), one)
            found[name] = report.done / (time.perf_counter() - clock)
            assert report.done == report.planned
        engine.close()
        there, here = (Path(place, name, "results.parquet").read_bytes() for name in ("ray", "local"))
    print(f"suite: {report.done} jobs on {workers} workers: {found['ray']:.2f} jobs/s with ray, "
          f"{found['local']:.2f} with the local engine, ratio {found['ray'] / found['local']:.2f}; "
          f"tables {'equal' if there == here else 'DIFFER'}", flush=True)  # fmt: skip


def series(workers: int, count: int) -> None:
    """Short series, each a file: one process against so many workers."""
    from tocsin.cli.app import run

    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        Path("in").mkdir()
        rng = np.random.default_rng(0)
        for n in range(count):
            Path("in", f"{n:05d}.csv").write_text("v\n" + "\n".join(f"{v:.4f}" for v in rng.normal(size=200)) + "\n")
        run(["fit", "in/00000.csv", "-o", "model", "-d", "robust-z", "-q"])
        one = max(count // 10, 1)
        Path("some").mkdir()
        for n in range(one):
            os.link(f"in/{n:05d}.csv", f"some/{n:05d}.csv")
        clock, cpu = time.perf_counter(), time.process_time()
        run(["score", "model", "some", "-o", "alone", "-q"])
        alone, alone_cpu = (time.perf_counter() - clock) / one, (time.process_time() - cpu) / one
        cluster = Cluster("local", workers)
        through(cluster, 20 * workers)
        clock, cpu, theirs = time.perf_counter(), time.process_time(), cpu_of_children()
        run(["score", "model", "in", "-o", "spread", "-q", "--engine", "ray"])
        spread = (time.perf_counter() - clock) / count
        driver, rest = (time.process_time() - cpu) / count, (cpu_of_children() - theirs) / count
        cluster.close()
        assert len(list(Path("spread").glob("*.parquet"))) == count
        os.chdir("/")
    speed, by_cpu = alone / spread, workers * alone_cpu / (driver + rest)
    print(
        f"series: {count} of 200 rows on {workers} workers: {1e3 * alone:.2f} ms a series alone "
        f"({1e3 * alone_cpu:.2f} CPU), {1e3 * spread:.2f} spread ({1e3 * driver:.2f} CPU of the driver, "
        f"{1e3 * rest:.2f} of all else); speed-up {speed:.2f} by the clock, {by_cpu:.2f} by CPU: "
        f"{100 * speed / workers:.0f} % and {100 * by_cpu / workers:.0f} % of the ideal",
        flush=True,
    )


def cpu_of_children() -> float:
    """CPU seconds of every process below this one, Ray's own included."""
    import psutil

    found = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        found += times.user + times.system
    return found


def memory(workers: int, counts: tuple[int, ...]) -> None:
    """What the driver holds at most, each in a process of its own."""
    for count in counts:
        done = subprocess.run([sys.executable, __file__, "--hold", str(count), "--workers", str(workers)], check=True,
                              capture_output=True, text=True)  # fmt: skip
        print(f"memory: {count:7d} simulated jobs: {done.stdout.strip()}", flush=True)


def hold(workers: int, count: int) -> None:
    with Cluster("local", workers) as cluster:
        through(cluster, 500)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        clock = time.perf_counter()
        through(cluster, count)
        clock = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak {after / 1024:.1f} MB, {before / 1024:.1f} after 500; {1e3 * clock / count:.2f} ms a job by the clock")


class Simulated:
    """An engine whose jobs are done at once, with three numbers each."""

    workers = 2

    def run(self, next_job, folder, limits, *, places=False, deadline=None):
        from tocsin.bench.runner import Outcome

        row = {"unit": "series", "group": "", "half": "", "value": 0.5, "reason": "", "places": 400, "anomalous": 10}
        rows = [{**row, "metric": name} for name in ("vus_pr", "average_precision", "auc_roc")]
        cost = dict.fromkeys(
            ("fit_seconds", "score_seconds", "fit_cpu", "score_cpu", "fit_memory", "score_memory"), 0.1
        )
        text = json.dumps({"job": {}, "rows": rows, "cost": {**cost, "scored": 400.0}, "notes": {}})
        while (job := next_job()) is not None:
            file = folder.path / "done" / job.id[:2] / f"{job.id}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            yield Outcome(job, "done", seconds=0.2)


def runner(counts: tuple[int, ...]) -> None:
    """What a whole run of a suite holds at most: planning, the jobs, and the tables at the end."""
    for count in counts:
        done = subprocess.run([sys.executable, __file__, "--simulate", str(count)], check=True, capture_output=True,
                              text=True)  # fmt: skip
        print(f"runner: {count:7d} simulated jobs: {done.stdout.strip()}", flush=True)


def simulate(count: int) -> None:
    from tocsin.bench.plan.reading import read_suite
    from tocsin.bench.runner import run_suite

    with tempfile.TemporaryDirectory() as place:
        points = 20
        Path(place, "kpi").mkdir()
        text = "timestamp,value,label\n" + "\n".join(f"{300 * n},0.5,{int(n == 30)}" for n in range(40))
        for n in range(count // (points + 3)):  # beside the points of the grid, three that detect nothing
            Path(place, "kpi", f"{n:05d}.csv").write_text(text)
        grid = ", ".join(str(2 + n) for n in range(points))
        detector = f'[[detectors]]\nname = "subsequence-pca"\ngrid = {{ window = [{grid}] }}\n'
        Path(place, "s.toml").write_text(f'protocols = ["unsupervised"]\n[[datasets]]\npath = "kpi"\n{detector}')
        read = read_suite(Path(place, "s.toml"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        clock = time.perf_counter()
        report = run_suite(read, Path(place, "run"), Simulated())
        clock = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{report.done} done, peak {after / 1024:.0f} MB, {before / 1024:.0f} before; "
          f"{1e3 * clock / report.done:.2f} ms a job")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["calls", "suite", "series", "memory", "runner"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--hold", type=int)
    parser.add_argument("--simulate", type=int)
    given = parser.parse_args()
    if given.hold:
        hold(given.workers, given.hold)
        return
    if given.simulate:
        simulate(given.simulate)
        return
    run = {
        "calls": lambda: calls(given.workers, given.count),
        "suite": lambda: suite(given.workers, max(given.count // 150, 2)),
        "series": lambda: series(given.workers, given.count),
        "memory": lambda: memory(given.workers, (1_000, 10 * given.count)),
        "runner": lambda: runner((1_000, 10 * given.count)),
    }
    for name in given.what:
        run[name]()


if __name__ == "__main__":
    main()
