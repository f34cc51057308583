"""Card: what a detector is, as data, so that listings, documents and checks read it from one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

LearnsFrom: TypeAlias = Literal["nothing", "normal", "unlabelled", "video labels", "few anomalies", "text"]
Decides: TypeAlias = Literal["places", "traces", "sample"]
Arrangement: TypeAlias = Literal["", "traces", "links"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a detector is.

    Parameters
    ----------
    name : str
        How users ask for it, such as ``matrix-profile``.
    summary : str
        One sentence: what counts as strange.
    modality : tuple of str
        Kinds of sample that it takes.
    learns_from : str
        ``nothing``, ``normal`` (a clean part), ``unlabelled`` (may hold anomalies), ``video labels``,
        ``few anomalies`` or ``text``.
    localises : str
        What one score stands for: ``time steps``, ``pixels``, ``frames``, ``points``, ``events`` or ``samples``.
    decides : {'places', 'traces', 'sample'}
        Whether the threshold acts on each place, on each trace of events, or on the sample as a whole.
    arrangement : {'', 'traces', 'links'}
        What events must look like, where any table of entities will not do: ``traces`` are sequences of one kind of
        event, told apart by a trace name; ``links`` go from a source entity to a target entity at a time.
    online : bool
        Whether `update` can go on learning.
    multichannel : bool
        Whether several channels are scored together.
    handles_missing : bool
        Whether NaN reaches the method itself; otherwise the base class fills gaps and keeps verdicts out of them.
    streams : bool
        Whether a part of a sample, with `reach` places on both sides, gets the scores it has in the whole.
    needs : tuple of str
        Extras that must be installed.
    cost : str
        How time grows, in words.
    cite : str
        Where the method was published.
    """

    name: str
    summary: str
    modality: tuple[str, ...]
    learns_from: LearnsFrom
    localises: str
    decides: Decides = "places"
    arrangement: Arrangement = ""
    online: bool = False
    multichannel: bool = True
    handles_missing: bool = False
    streams: bool = True
    needs: tuple[str, ...] = field(default=())
    cost: str = ""
    cite: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON-ready values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
