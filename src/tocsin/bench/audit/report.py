"""AuditReport: what an audit found, and what it looked at."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.bench.audit.finding import Finding


@dataclass(frozen=True)
class AuditReport:
    """What an audit found, and what it looked at.

    Parameters
    ----------
    dataset, modality : str
    looked_at : tuple of str
        What the set holds, by split, in words.
    sampled : tuple of str
        What was left out of a large set.
    checks : tuple of str
        What was checked.
    findings : tuple of Finding
        The gravest first.
    """

    dataset: str
    modality: str
    looked_at: tuple[str, ...]
    sampled: tuple[str, ...]
    checks: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def flawed(self) -> bool:
        """Whether anything graver than a note was found."""
        return any(finding.severity != "note" for finding in self.findings)

    def of(self, check: str) -> tuple[Finding, ...]:
        """Return the findings of one check."""
        return tuple(finding for finding in self.findings if finding.check == check)
