"""A Ray of two processors for all tests, series on disk, and a suite over them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
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


class Distance(Detector):
    """Distance from the mean; noise makes it depend on the seed."""

    card = Card(name="distance", summary="", modality=("series",), localises="time steps", learns_from="normal")

    def __init__(self, noise=0.3, pause=0.0, random_state=0):
        self.noise, self.pause, self.random_state = noise, pause, random_state

    def _fit(self, samples, rng):
        self.mean_ = float(np.mean([s.values.mean() for s in samples]))
        self.seed_ = int(rng.integers(1 << 30))

    def _score(self, sample):
        time.sleep(self.pause)
        values = np.abs(sample.values[:, 0] - self.mean_)
        return Scores(values + self.noise * np.random.default_rng(self.seed_).random(len(values)))


class Broken(Distance):
    def _score(self, sample):
        raise RuntimeError("no such luck")


class Doomed(Distance):
    def _fit(self, samples, rng):
        os.kill(os.getpid(), signal.SIGKILL)


class Sleeper(Distance):
    def _fit(self, samples, rng):
        time.sleep(600)


class WorkerKiller(Distance):
    """Kills the Ray worker that it was started by, the first time that it is run."""

    def __init__(self, mark="", random_state=0):
        self.mark = mark
        super().__init__(random_state=random_state)

    def _fit(self, samples, rng):
        mark = pathlib.Path(self.mark)
        if not mark.exists():
            mark.write_text("")
            host = pathlib.Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
            os.kill(int(host[1]), signal.SIGKILL)
            time.sleep(60)
        super()._fit(samples, rng)
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with detectors and four series of the UCR layout."""
    (tmp_path / "scale_detectors.py").write_text(DETECTORS)
    folder = tmp_path / "ucr"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, name in enumerate(("one", "two", "three", "four"), 1):
        values = np.sin(np.arange(400) / 7) + 0.1 * rng.normal(size=400)
        values[300:310] += 1.5
        (folder / f"{number:03d}_UCR_Anomaly_{name}_200_301_310.txt").write_text("\n".join(f"{v:.6f}" for v in values))
    return tmp_path


@pytest.fixture
def write_suite(place: Path):
    """Write a suite of detectors, each a class or a class with parameters, on the series."""

    def write(*detectors: str, extra: str = "", name: str = "suite.toml") -> Path:
        rows = ""
        for detector in detectors:
            cls, _, parameters = detector.partition(" ")
            rows += f'[[detectors]]\nclass = "scale_detectors:{cls}"\n'
            rows += f"parameters = {parameters}\n" if parameters else ""
        path = place / name
        path.write_text(f'{extra}\n[[datasets]]\nname = "ucr"\npath = "ucr"\n{rows}')
        return path

    return write


_own: list[object] = []


@pytest.fixture
def own_ray() -> object:
    """Return an engine on a Ray of this process's own with two processors; skip where Ray is not installed.

    Starting one takes seconds, so that all tests share it until one needs another cluster and ends it.
    """
    ray = pytest.importorskip("ray", reason='Ray is not installed: pip install "tocsin[ray]"')
    from tocsin.scale import RayEngine

    if not (_own and ray.is_initialized()):
        _own[:] = [RayEngine(2, "local")]
    return _own[0]


class Machines:
    """A cluster of two machines, each started by a `ray start` of its own, with one processor each."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.address, self._started = f"127.0.0.1:{port}", []
        # A token, as `ray start` asks for by default; no niceness, or this takes minutes where others work, too.
        self.environment = {**os.environ, "RAY_AUTH_TOKEN": "t" * 40, "RAY_worker_niceness": "0"}
        self._start("--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false")
        self._start(f"--address={self.address}")
        self.wait(lambda: "ray::RuntimeEnvAgent" in self.names_of_last())

    def _start(self, *more: str) -> None:
        ray = str(Path(sys.executable).parent / "ray")
        common = ("--num-cpus=1", f"--object-store-memory={80 << 20}", "--disable-usage-stats", "--block")
        place = f"--node-ip-address=127.0.0.{len(self._started) + 1}"
        self._started.append(
            subprocess.Popen(
                [ray, "start", place, *common, *more],
                env={**self.environment, "RAY_AUTH_MODE": "token"},
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        if "--head" in more:
            host, _, port = self.address.partition(":")
            self.wait(lambda: socket.socket().connect_ex((host, int(port))) == 0)

    def wait(self, until: Callable[[], bool], seconds: float = 90.0) -> None:
        """Wait until something is so.

        Raises
        ------
        AssertionError
            If it takes too long.
        """
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "nothing happened"
            time.sleep(0.2)

    def names_of_last(self) -> str:
        """Return what the processes of the machine that was started last are called, a line each."""
        names = []
        for process in psutil.Process(self._started[-1].pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                names.append(" ".join(process.cmdline()))
        return "\n".join(names)

    def kill_last(self) -> None:
        """Kill all processes of the machine that was started last, at once."""
        last = psutil.Process(self._started[-1].pid)
        for process in [*last.children(recursive=True), last]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._started.pop().wait()

    def stop(self) -> None:
        """Kill what is left."""
        while self._started:
            self.kill_last()


@pytest.fixture
def machines() -> Iterator[Machines]:
    """Start two machines; nothing else runs on them."""
    pytest.importorskip("ray", reason='Ray is not installed: pip install "tocsin[ray]"')
    # Sockets lie in it, whose paths may not be long.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        found = Machines(Path(folder))
        try:
            yield found
        finally:
            found.stop()
