"""Sets without flaws raise no alarm."""

from __future__ import annotations

from typing import Any

import pytest

from tocsin.bench.audit import as_text, audit


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["pictures", "traces", "flows", "recordings"])
def test_nothing_is_found_in_clean_sets(made: Any, kind: str, seed: int) -> None:
    report = audit(made.dataset(made.clean[kind](seed)))
    assert not report.flawed, as_text(report)
    noted = {"split-groups"} if kind == "recordings" else set()  # one model per machine may be meant, or not
    noted |= {"exact-copies"} if kind == "flows" else set()
    assert {finding.check for finding in report.findings} <= noted, as_text(report)
