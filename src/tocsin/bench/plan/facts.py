"""What planning has to know of a data set, found by a look at one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.core.samples import Events, Series

if TYPE_CHECKING:
    from tocsin.core.card import Card
    from tocsin.core.dataset import Dataset


@dataclass(frozen=True)
class Facts:
    """What planning has to know of a data set.

    Parameters
    ----------
    modality : str
    channels : int
        Of series; 0 for all else.
    traces : bool
        Whether events are sequences of one kind of event, told apart by a trace.
    timed : bool
        Whether events have a time.
    entities : int
        Kinds of entities that events have.
    graded : bool
        Whether it is known how severe anomalies are.
    placed : bool
        Whether it is known where anomalies are, and not only which samples have one.
    """

    modality: str
    channels: int = 0
    traces: bool = False
    timed: bool = False
    entities: int = 0
    graded: bool = False
    placed: bool = True

    @classmethod
    def of(cls, dataset: Dataset) -> Facts:
        """Look at the first sample that is judged."""
        entry = next((e for e in dataset if e.split == "test"), dataset[0])
        sample, truth = entry.load()
        events = sample if isinstance(sample, Events) else None
        return cls(
            modality=sample.modality,
            channels=len(sample.channels) if isinstance(sample, Series) else 0,
            traces=events is not None and events.trace is not None,
            timed=events is not None and events.time is not None,
            entities=0 if events is None else len(events.entities),
            graded=truth is not None and truth.severity is not None,
            placed=truth is None or truth.mask is not None or truth.intervals is not None,
        )

    def refuses(self, card: Card) -> str:
        """Say why a detector cannot look at these data; empty where it can."""
        if self.modality not in card.modality:
            return f"it looks at {' or '.join(card.modality)}"
        if self.channels > 1 and not card.multichannel:
            return "it looks at one channel"
        if card.arrangement == "traces" and not self.traces:
            return "it looks at events in traces"
        if card.arrangement == "links" and (self.entities < 2 or not self.timed):
            return "it looks at links between two entities at a time"
        if self.modality == "events" and self.traces and not card.arrangement and card.decides != "traces":
            return "it judges single events, and only traces are labelled"
        return ""
