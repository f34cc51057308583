"""Cluster: the connection to Ray."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tocsin.core.errors import InputError
from tocsin.core.extras import need
from tocsin.scale.reaching import check_reachable
from tocsin.scale.remote import call

if TYPE_CHECKING:
    from tocsin.scale.needs import Needs

# Seconds for which what is known of the machines is taken to hold.
FRESH = 2.0
# Bytes that a Ray of this process's own may hold of answers that are on their way; more of them go to the disk.
STORE = 256 << 20
# Ray gives its own processes half a minute to start, which a busy machine may exceed; how often it is tried, and what
# Ray says then.
STARTS, SLOW = 4, "timed out during startup"


class Cluster:
    """The connection to Ray: a Ray of this process's own, or one that runs already.

    tocsin sends text and receives text and bytes, and reads no pickle. How Ray carries them, the function that is
    called and the errors of its own between processes is Ray's affair, and it does pickle: use a cluster only with
    those whom you would let run programs on it. Every machine needs the same version of tocsin, and data and models
    under the paths that they have on this one.

    Parameters
    ----------
    address : str, optional
        ``local`` for a Ray of this process's own, that ends with it; ``auto`` for the one that runs on this machine;
        ``host:port`` of a head whose cluster this machine belongs to. When left out, the environment variable
        ``RAY_ADDRESS``, and ``local`` without. Where this process is connected to a Ray already, that one is used.
    workers : int, optional
        Calls at one time at most; as many as the cluster has processors when left out.

    Raises
    ------
    MissingExtra
        If Ray is not installed.
    InputError
        If `workers` is below 1, or the cluster cannot be reached.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"there is at least 1 worker, not {workers}")
        # Ray reads it when it is imported and tells its makers of its use otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self.address = address or os.environ.get("RAY_ADDRESS") or "local"
        if self.address != "local" and _has_token():
            # `ray start` asks for a token by default, and a program that connects shows its own only when told to.
            os.environ.setdefault("RAY_AUTH_MODE", "token")
        self._ray: Any = need("ray", "ray", "running on a Ray cluster")
        self.workers = workers
        self._owned = not self._ray.is_initialized()
        self._looked = -FRESH
        self._nodes: list[dict[str, float]] = []
        if self._owned:
            self._connect()
        self._call = self._ray.remote(max_retries=0)(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_local(self) -> bool:
        """Whether it is a Ray of this process's own."""
        return self._owned and self.address == "local"

    @property
    def slots(self) -> int:
        """Calls that run at one time at most; changes as machines come and go."""
        there = int(sum(node.get("CPU", 0.0) for node in self.nodes()))
        return max(1, there if self.workers is None else self.workers)

    @property
    def most_in_flight(self) -> int:
        """Calls that may be under way at one time, those included that wait for a processor.

        As many wait as run, which hides the way to the worker and back; where `workers` is below what the cluster has,
        none may wait, or it would run at once.
        """
        return self.slots if self.workers is not None and not self.is_local else 2 * self.slots

    def nodes(self) -> list[dict[str, float]]:
        """Return what each machine that is alive has: ``CPU``, ``GPU``, ``memory``."""
        if time.monotonic() - self._looked >= FRESH:
            self._nodes = [dict(node["Resources"]) for node in self._ray.nodes() if node["Alive"]]
            self._looked = time.monotonic()
        return self._nodes

    def submit(self, target: str, text: str, needs: Needs) -> Any:
        """Start a call; `collect` takes what this returns."""
        options: dict[str, Any] = {"num_cpus": needs.cpus, "num_gpus": needs.gpus}
        if needs.memory:
            options["memory"] = int(needs.memory)
        return self._call.options(**options).remote(target, text)

    def wait(self, calls: list[Any], seconds: float | None) -> list[Any]:
        """Return the calls that have ended, waiting for the first of them."""
        ready, rest = self._ray.wait(calls, num_returns=1, timeout=seconds)
        if ready and rest:
            ready += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        return list(ready)

    def collect(self, ended: Any) -> tuple[str, dict[str, bytes]] | str:
        """Return the answer of a call that has ended, or why it was lost on the way.

        Raises
        ------
        InputError
            If the function could not be called, or raised an error: it will do so everywhere.
        """
        errors = self._ray.exceptions
        try:
            text, files = self._ray.get(ended)
        except errors.RayTaskError as error:
            raise InputError(
                f"a machine of the Ray cluster cannot do its part ({_last_line(error)}): "
                "every machine needs the same tocsin, and the data under the same paths"
            ) from None
        except errors.RayError as error:
            return type(error).__name__
        return text, files

    def cancel(self, calls: list[Any]) -> None:
        """End calls at once, running or not."""
        for one in calls:
            with suppress(Exception):  # it has ended meanwhile
                self._ray.cancel(one, force=True)

    def close(self) -> None:
        """Let go of the cluster; a Ray of this process's own ends."""
        if self._owned and self._ray.is_initialized():
            self._ray.shutdown()

    def _connect(self) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        if self.address == "local":
            # Ray makes its workers yield to everything else on a machine; those of this process's own do its work.
            os.environ.setdefault("RAY_worker_niceness", "0")
            quiet |= {"num_cpus": self.workers, "include_dashboard": False, "object_store_memory": STORE}
        elif "://" in self.address:
            raise InputError(f"{self.address!r}: run this on a machine of the cluster and give host:port or auto")
        elif self.address != "auto":
            check_reachable(self.address)
        for left in reversed(range(STARTS if self.address == "local" else 1)):
            try:
                self._ray.init(address=self.address, **quiet)
            except (Exception, SystemExit) as error:  # Ray ends the process where it does not get on with a head
                self._ray.shutdown()
                if left and SLOW in str(error):
                    continue
                raise InputError(self._cannot(error)) from None
            return

    def _cannot(self, error: BaseException) -> str:
        said = _first_line(error)
        if self.address == "local":
            return f"Ray cannot be started on this machine: {said}"
        return (
            f"the Ray cluster {self.address!r} cannot be used ({said}): "
            "start one with `ray start --head`, or use --address local"
        )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].split(". ")[0].rstrip(".")[:300] if lines else type(error).__name__


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def _has_token() -> bool:
    """Whether there is a token to show to a cluster that asks for one."""
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return given or Path("~/.ray/auth_token").expanduser().is_file()
