"""Finding: one thing that is wrong with a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# In falling order: results cannot be computed or mean nothing; results are too good; worth knowing.
SEVERITIES = ("serious", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set.

    Parameters
    ----------
    check : str
        Which check found it, such as ``exact-copies``.
    severity : {"serious", "warning", "note"}
        ``serious``: results cannot be computed or mean nothing. ``warning``: results come out too good, or of the
        wrong thing. ``note``: worth knowing, no flaw by itself.
    text : str
        What was found, as a sentence without its full stop.
    advice : str
        What to do about it, as a sentence without its full stop.
    count, total : int
        How many of how many are concerned.
    examples : tuple of str
        A few of them.
    values : mapping
        Numbers behind the sentence.

    Examples
    --------
    >>> print(Finding("base-rates", "serious", "no test sample is anomalous", "report no AUROC on it", 0, 12))
    no test sample is anomalous; report no AUROC on it.
    """

    check: str
    severity: str
    text: str
    advice: str
    count: int = 0
    total: int = 0
    examples: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = f" ({'; '.join(self.examples)})" if self.examples else ""
        return f"{self.text}{shown}; {self.advice}."
