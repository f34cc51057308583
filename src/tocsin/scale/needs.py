"""Needs: what one call reserves of a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Needs:
    """What one call reserves of a machine.

    Ray counts what is reserved and starts no more than fits; it does not enforce it. What a job may really take is held
    by the process that runs it.

    Parameters
    ----------
    cpus : float
    gpus : float
        0 or 1, or a part of one that several calls share.
    memory : float
        Bytes; 0 to reserve none.
    must_gpu : bool
        Whether it cannot do without the GPU; otherwise it goes without where there is none.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: float = 0.0
    must_gpu: bool = False

    def on(self, nodes: Sequence[Mapping[str, Any]]) -> Needs | None:
        """Return what to ask for so that one of the machines can give it; None if that is a GPU which none has.

        More processors or memory than any machine has are cut down to those of the largest: Ray would otherwise wait
        for such a machine without end.

        Parameters
        ----------
        nodes : sequence of mappings
            What each machine has in all: ``CPU``, ``GPU``, ``memory``.

        Examples
        --------
        >>> Needs(cpus=8, memory=9e9).on([{"CPU": 2.0, "memory": 4e9}])
        Needs(cpus=2.0, gpus=0.0, memory=4000000000.0, must_gpu=False)
        >>> Needs(gpus=1).on([{"CPU": 2.0}])
        Needs(cpus=1.0, gpus=0.0, memory=0.0, must_gpu=False)
        >>> Needs(gpus=1, must_gpu=True).on([{"CPU": 2.0}]) is None
        True
        """
        able = [node for node in nodes if node.get("GPU", 0.0) >= self.gpus and node.get("CPU", 0.0) > 0]
        if not able:
            if self.gpus and not self.must_gpu:
                return replace(self, gpus=0.0).on(nodes)
            return None if self.gpus else self
        largest = max(able, key=lambda node: (min(node["CPU"], self.cpus), node.get("memory", 0.0)))
        return replace(
            self, cpus=min(self.cpus, largest["CPU"]), memory=min(self.memory, float(largest.get("memory", 0.0)))
        )

    def fit(self, nodes: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether one of the machines has all of it."""
        return any(
            node.get("CPU", 0.0) >= self.cpus
            and node.get("GPU", 0.0) >= self.gpus
            and node.get("memory", 0.0) >= self.memory
            for node in nodes
        )
