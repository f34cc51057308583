"""An audit as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.core.words import plural

if TYPE_CHECKING:
    from tocsin.bench.audit.report import AuditReport


def as_text(report: AuditReport) -> str:
    """Return a report as plain text: what was looked at, then a line per finding, the gravest first."""
    lines = [f"{report.dataset}: {report.modality}, {'; '.join(report.looked_at)}"]
    lines += [f"  {text}" for text in report.sampled]
    lines += [f"  {f.severity:<8} {f.check}: {f}" for f in report.findings]
    graver = sum(f.severity != "note" for f in report.findings)
    checks = plural(len(report.checks), "check")
    notes = plural(len(report.findings) - graver, "note")
    lines.append(f"  {plural(graver, 'finding') if graver else 'nothing found'} and {notes} from {checks}")
    return "\n".join(lines)
