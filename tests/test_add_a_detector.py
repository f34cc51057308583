"""The promise of CONTRIBUTING: a detector of someone else's is its file, one entry point, and its test file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

DETECTOR = '''
"""Jump: how far each value lies from the one before it."""

from __future__ import annotations

import numpy as np

from tocsin import Card, Detector, Scores
from tocsin.core.channels import join


class Jump(Detector):
    """Distance between neighbouring values, in robust standard deviations of the channel."""

    card = Card(
        name="jump",
        summary="values far from the one before",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear",
    )

    def _fit(self, samples, rng):
        self.window_ = 2

    def _score(self, sample):
        values = self.profile_.standardise(sample.values)
        jumps = np.abs(np.diff(values, axis=0, prepend=values[:1]))
        return Scores(join(jumps), parts=jumps, part_names=sample.channels)
'''
ENTRY_POINTS = """
[tocsin.detectors]
jump = their_package.jump:Jump
broken = their_package.missing:Nothing
stranger = their_package.jump:np
"""
TEST = """
import pytest
from their_package.jump import Jump
from tocsin.testing import check_detector, parametrize_with_checks


@parametrize_with_checks([Jump])
def test_contract(detector, check):
    check(detector)
"""


@pytest.fixture(scope="module")
def plug_in(tmp_path_factory) -> Path:
    site = tmp_path_factory.mktemp("site")
    package = site / "their_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "jump.py").write_text(DETECTOR)
    (site / "test_jump.py").write_text(TEST)
    information = site / "their_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    return site


def run(plug_in: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(plug_in), *(p for p in sys.path if p)])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=plug_in,
        env={**os.environ, "PYTHONPATH": path},
    )


def python(plug_in: Path, code: str) -> str:
    done = run(plug_in, "-c", dedent(code))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_found_made_and_used_by_name(plug_in):
    said = python(
        plug_in,
        """
        import numpy as np, tocsin
        assert "jump" in tocsin.names()
        detector = tocsin.make("jump")
        x = np.sin(np.arange(500) / 9.0); x[300] += 5
        found = detector.fit_detect(x, false_alarms="top 1")
        print(found.card.name, found.anomalies[0].start, found.anomalies[0].stop)
        """,
    )
    name, start, stop = said.split()
    assert name == "jump"
    assert int(start) <= 300 < int(stop)


def test_its_models_are_loaded_by_whoever_asks(plug_in):
    said = python(
        plug_in,
        """
        import numpy as np, tocsin
        x = np.random.default_rng(0).normal(size=200)
        tocsin.make("jump").fit(x).save("model.tocsin")
        print(type(tocsin.load("model.tocsin")).__name__)
        """,
    )
    assert said.strip() == "Jump"


def test_its_own_test_file_of_three_lines_runs_all_checks(plug_in):
    done = run(plug_in, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_jump.py")
    assert done.returncode == 0, done.stdout + done.stderr
    from tocsin.testing import check_names

    passed = int(done.stdout.rsplit(" passed", 1)[0].split()[-1])
    skipped = int(done.stdout.rsplit(" skipped", 1)[0].split()[-1])
    assert passed + skipped == len(check_names())
    assert "registered_under_its_name" in check_names()
    assert "is not registered" not in done.stdout


def test_a_broken_plug_in_says_so_and_hides_no_other(plug_in):
    said = python(
        plug_in,
        """
        import warnings, tocsin
        for name in ("broken", "stranger"):
            try:
                tocsin.make(name)
            except tocsin.InputError as error:
                print(error)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(sorted(card.name for card in tocsin.cards("series") if card.name in ("jump", "robust-z")))
        print(sum("broken" in str(w.message) for w in caught))
        """,
    )
    lines = said.splitlines()
    assert "the plug-in detector 'broken' (their_package.missing:Nothing) cannot be loaded" in lines[0]
    assert "is not a tocsin detector" in lines[1]
    assert lines[2:] == ["['jump', 'robust-z']", "1"]
