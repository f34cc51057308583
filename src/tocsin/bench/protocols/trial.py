"""Trial: the data of one task, ready for a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from tocsin.bench.protocols.item import Item
    from tocsin.core.samples import Sample

How: TypeAlias = Literal["learned", "itself", "together", "online"]


@dataclass(frozen=True, eq=False)
class Trial:
    """The data of one task.

    Parameters
    ----------
    items : sequence of Item
        What is judged.
    learn : callable
        Returns the samples to learn from; called once, outside of the time that is measured.
    how : {'learned', 'itself', 'together', 'online'}
        Whether the detector learns first (``learned``), learns from each item alone or from all of them together
        without their labels, or goes on learning from what it has just scored.
    chunk : int
        Places scored before they are learned from, in ``online``.
    notes : dict
        What the protocol wants told beside the result, such as the share of noise that was drawn.
    """

    items: Sequence[Item]
    learn: Callable[[], list[Sample]] = list
    how: How = "learned"
    chunk: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
