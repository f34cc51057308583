"""Small data sets on disk, detectors that behave badly on purpose, and suites that name both."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

DETECTORS = '''
import os
import pathlib
import signal
import time

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores


def card(name, **known):
    known = {"learns_from": "normal", **known}
    return Card(name=name, summary="", modality=("series",), localises="time steps", **known)


class Distance(Detector):
    """Distance from the mean; a little noise makes it depend on the seed."""

    card = card("distance")

    def __init__(self, power=1.0, noise=0.0, random_state=0):
        self.power, self.noise, self.random_state = power, noise, random_state

    def _fit(self, samples, rng):
        self.mean_ = float(np.mean([s.values.mean() for s in samples]))
        self.seed_ = int(rng.integers(1 << 30))

    def _score(self, sample):
        rng = np.random.default_rng(self.seed_)
        values = np.abs(sample.values[:, 0] - self.mean_) ** self.power
        return Scores(values + self.noise * rng.random(len(values)))


class Steady(Distance):
    """As above, slowly enough to be interrupted."""

    card = card("steady")

    def _score(self, sample):
        time.sleep(0.15)
        return super()._score(sample)


class Sleeper(Distance):
    card = card("sleeper")

    def _fit(self, samples, rng):
        time.sleep(600)


class Hungry(Distance):
    card = card("hungry")

    def _fit(self, samples, rng):
        held = []
        while True:
            held.append(np.ones(2_000_000))


class Greedy(Distance):
    card = card("greedy")

    def _fit(self, samples, rng):
        np.ones(10**12)


class Doomed(Distance):
    """Ended as the system ends what has eaten all memory."""

    card = card("doomed")

    def _fit(self, samples, rng):
        os.kill(os.getpid(), signal.SIGKILL)


class Quitter(Distance):
    card = card("quitter")

    def _fit(self, samples, rng):
        os._exit(7)


class Broken(Distance):
    card = card("broken")

    def _score(self, sample):
        raise RuntimeError("no such luck")


class HostKiller(Distance):
    """Kills the process that watches over it, the first time that it is run."""

    card = card("host-killer")

    def __init__(self, mark="", random_state=0):
        self.mark = mark
        super().__init__(random_state=random_state)

    def _fit(self, samples, rng):
        mark = pathlib.Path(self.mark)
        if not mark.exists():
            mark.write_text("")
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        super()._fit(samples, rng)


class Flat(Detector):
    card = card("flat")

    def _fit(self, samples, rng):
        pass

    def _score(self, sample):
        return Scores(overall=1.0)


NotOne = dict
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with detectors, and four series of the UCR layout in two groups."""
    (tmp_path / "odd_detectors.py").write_text(DETECTORS)
    series = tmp_path / "data" / "ucr"
    series.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, name in enumerate(("one", "two", "three", "four"), 1):
        values = np.sin(np.arange(400) / 7) + 0.1 * rng.normal(size=400)
        values[300:310] += 1.5
        (series / f"{number:03d}_UCR_Anomaly_{name}_200_301_310.txt").write_text("\n".join(f"{v:.6f}" for v in values))
    return tmp_path


@pytest.fixture
def write_suite(place: Path) -> Callable[..., Path]:
    """Write a suite of some detectors on the series."""

    def write(*detectors: str, extra: str = "", datasets: str | None = None, name: str = "suite.toml") -> Path:
        rows = "".join(
            f"[[detectors]]\n{d if '=' in d else f'class = {chr(34)}odd_detectors:{d}{chr(34)}'}\n" for d in detectors
        )
        sets = '[[datasets]]\nname = "ucr"\npath = "data/ucr"\n' if datasets is None else datasets
        path = place / name
        path.write_text(f"{extra}\n{sets}\n{rows}")
        return path

    return write


@pytest.fixture
def kill_twice() -> Callable[[list[str], Path, int], None]:
    """Run a suite in a process that is killed at two random moments, and then to its end."""

    def run(arguments: list[str], out: Path, jobs: int) -> None:
        rng = np.random.default_rng(int(time.time()))
        command = [sys.executable, "-m", "tocsin", "bench", *arguments, "--out", str(out), "-j", "2", "--quiet"]
        for share in sorted(rng.uniform(0.1, 0.8, size=2)):
            process = subprocess.Popen(command)
            while len(list(out.glob("done/??/*.json"))) < share * jobs:
                assert process.poll() is None, "it ended before it could be killed"
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        assert subprocess.run(command, check=False).returncode == 0

    return run
