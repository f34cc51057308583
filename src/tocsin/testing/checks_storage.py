"""Checks of `save` and `load`: a model alone, in another process, gives the same scores."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tocsin.testing.subject import NotApplicable, Subject, differ, scores_differ
from tocsin.testing.worker import address, scores_in_worker

STORED = 1e-6


def check_saved_model_scores_the_same(subject: Subject) -> None:
    """A model that was saved and loaded, twice, gives the same scores and the same level."""
    made = subject.fitted
    with TemporaryDirectory() as folder:
        for where in (Path(folder) / "directory", Path(folder) / "file.tocsin"):
            made.save(where)
            again = subject.cls.load(where)
            assert type(again) is subject.cls, "load must give the class that was saved"
            stored, wanted = repr(again._stored_parameters()), repr(made._stored_parameters())
            assert stored == wanted, f"parameters change on the way to disk: {stored} instead of {wanted}"
            told = scores_differ(subject.scores, again.score(subject.double.odd), loose=STORED)
            assert not told, f"a model that was saved and loaded scores otherwise ({told}): is all of it in _state?"
            assert again.findings_ == made.findings_, "what the detector found out must be saved as well"
            assert again.reach == made.reach, "the reach changes on the way to disk"
            before = made.detect(subject.double.odd, false_alarms="0.1%").level.value
            after = again.detect(subject.double.odd, false_alarms="0.1%").level.value
            assert np.isclose(before, after), f"the threshold changes on the way to disk, from {before} to {after}"
            second = again.save(Path(folder) / "again.tocsin")
            told = scores_differ(subject.scores, subject.cls.load(second).score(subject.double.odd), loose=STORED)
            assert not told, f"a loaded model that is saved again scores otherwise ({told})"


def check_saved_model_in_a_new_process(subject: Subject) -> None:
    """The saved model alone, in another process, gives the same scores."""
    if address(subject.cls) is None:
        raise NotApplicable("a class made inside a function or a script cannot be imported by another process")
    double = None if subject.own_double is None else address(subject.own_double)
    if subject.own_double is not None and double is None:
        raise NotApplicable("samples made inside a function cannot be made again by another process")
    wanted = {"odd": subject.scores, "normal": subject.fitted.score(subject.double.normal)}
    with TemporaryDirectory() as folder:
        for name in ("directory", "file.tocsin"):
            model = subject.fitted.save(Path(folder) / name)
            found = scores_in_worker(subject.cls, model, double, Path(folder) / "scores.npz")
            for sample, scores in wanted.items():
                for part in ("overall", "local", "parts"):
                    expected = getattr(scores, part)
                    if expected is None:
                        continue
                    left = np.asarray(expected, dtype=np.float64).ravel()
                    told = differ(left, np.asarray(found[f"{sample} {part}"], dtype=np.float64).ravel(), STORED)
                    assert not told, f"the saved model scores otherwise in a new process ({told}): is all in _state?"
