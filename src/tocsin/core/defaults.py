"""Which detector `tocsin detect` uses when none is named.

The choice is made on measurements (docs/choices.md holds the table), by what a sample looks like, and is the only place
to change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Events

if TYPE_CHECKING:
    from tocsin.core.samples import Sample

DEFAULT = {"series": "window-neighbours", "image": "patch-memory"}

# A table of events is one of measurements if it has more columns of numbers than of words, or so many columns in all
# that most of them follow from the others: models of pairs then see the same fact many times over.
MANY_COLUMNS = 24


@dataclass(frozen=True)
class Choice:
    """A detector and why it was taken.

    Parameters
    ----------
    detector : str
        Its name.
    why : str
        One sentence for a person; empty where a kind of data has one default only.
    """

    detector: str
    why: str = ""


def default_detector(sample: Sample) -> str:
    """Return the name of the detector for a sample.

    Raises
    ------
    InputError
        If there is none yet.
    """
    return choose(sample).detector


def choose(sample: Sample) -> Choice:
    """Choose a detector by what a sample looks like.

    Raises
    ------
    InputError
        If there is no default for its kind yet.

    Examples
    --------
    >>> choose(Events({"event": ["a", "b", "a"]}, trace=["s1", "s1", "s2"])).detector
    'trace-neighbours'
    """
    if isinstance(sample, Events):
        return _for_events(sample)
    if sample.modality not in DEFAULT:
        raise InputError(f"there is no default detector for {sample.modality} yet: name one with --detector")
    return Choice(DEFAULT[sample.modality])


def _for_events(events: Events) -> Choice:
    """Take the first of these that holds; docs/events.md says what each was measured on.

    1. Links with a clock are a graph, and what is strange in one is a path: no row shows it alone.
    2. Sequences of one kind of event, told apart by a trace, are judged trace by trace.
    3. A table that is mostly numbers, or very wide, is one of measurements: pairs of values lose to neighbours there.
    4. One column without traces has nothing to pair with: what follows what is all there is.
    5. Everything else is a table of entities: which values go together.
    """
    names, numbers = list(events.entities), list(events.numbers)
    if {"source", "target"} <= set(names) and events.time is not None:
        return Choice("gid", "chosen because the events are links from a source to a target with a time")
    if len(names) == 1 and not numbers and _traces(events) > 1:
        return Choice("trace-neighbours", f"chosen because the events are sequences of {names[0]!r}, one per trace")
    if events.meta.get("format") == "log" and _traces(events) > 1:
        return Choice("trace-neighbours", "chosen because this is a log whose events belong to traces")
    if len(numbers) > len(names) or len(numbers) + len(names) > MANY_COLUMNS:
        what = f"chosen because the table holds {len(numbers)} columns of numbers beside {len(names)} of words"
        return Choice("mixed-table", what)
    if len(names) == 1 and not numbers:
        return Choice("markov-backoff", f"chosen because the events are one sequence of {names[0]!r}")
    return Choice("ape", f"chosen because the events are rows of {len(names) + len(numbers)} values that go together")


def _traces(events: Events) -> int:
    return 0 if events.trace is None else int(np.unique(events.trace.codes).size)
