"""Links: pairs of entities, by their numbers in a model, whose costs are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.core.types import IntArray


@dataclass(frozen=True, eq=False)
class Links:
    """Where each link goes, as a model numbers things.

    Parameters
    ----------
    source, target : ndarray of int, shape (k,)
        Numbers of entities; -1 for those that the model has never seen.
    source_class, target_class : ndarray of int, shape (k,)
        What each is like, in general: a folder, a port, a kind. -1 for classes never seen.
    operation : ndarray of int, shape (k,)
        Number of the operation; -1 for one never seen, 0 where there are none.
    """

    source: IntArray
    target: IntArray
    source_class: IntArray
    target_class: IntArray
    operation: IntArray
