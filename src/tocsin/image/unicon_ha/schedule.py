"""Schedule: how long, in what steps and by which loss to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.image.unicon_ha.losses import Soft


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Parameters
    ----------
    steps, batch : int
        Steps, and normal pictures or patches in each; their virtual outliers come on top.
    rate : float
        The learning rate at first; one cosine takes it to nothing.
    temperature : float
        Of similarities, also for soft weights.
    outliers : tuple of str
        Kinds of virtual outliers.
    stages : tuple of float
        Weight of the loss at each stage; a stage of weight 0 costs nothing.
    soft : str, optional
        How normal views are weighed at the last stage.
    aggregate : bool
        Whether normal pictures attract each other.
    strength : float
        How much of the full strength views have at every stage, see `Strength.weakened`.
    seed : int
    """

    steps: int = 800
    batch: int = 16
    rate: float = 0.1
    temperature: float = 0.5
    outliers: tuple[str, ...] = ("rotation",)
    stages: tuple[float, ...] = (0.0, 1.0, 1.0, 1.0)
    soft: Soft | None = "text"
    aggregate: bool = True
    strength: float = 0.3
    seed: int = 0
