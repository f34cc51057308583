from __future__ import annotations

import numpy as np
import pytest

import tocsin
from tocsin.core import artifacts, models
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Series
from tocsin.series.robust_z import RobustZ
from tocsin.series.spectral_residual import SpectralResidual


@pytest.fixture
def fitted():
    return RobustZ().fit(Series(np.random.default_rng(0).normal(size=(50, 2)), ["a", "b"]))


def forged(tmp_path, fitted, **changes):
    """A model with some of its content replaced, hashes and all."""
    content = {"detector": "robust-z", **models.content(fitted)}
    for key, value in changes.items():
        if value is None and key != "profile":
            del content[key]
        else:
            content[key] = value
    return artifacts.write(tmp_path / "forged.tocsin", content)


def state_with(fitted, **more):
    return {**fitted._state(), **more}


def test_load_gives_the_detector_whatever_it_is(tmp_path, fitted):
    path = fitted.save(tmp_path / "m.tocsin")
    for found in (tocsin.load(path), Detector.load(path), RobustZ.load(path)):
        assert type(found) is RobustZ
        assert found.channels_ == ("a", "b")
        assert found.calibration_.scores.tolist() == fitted.calibration_.scores.tolist()


def test_another_kind_is_refused_by_name(tmp_path, fitted):
    path = fitted.save(tmp_path / "m.tocsin")
    with pytest.raises(ArtifactError, match="holds a RobustZ, not a SpectralResidual"):
        SpectralResidual.load(path)


def test_an_unknown_detector_is_refused_with_the_nearest(tmp_path, fitted):
    with pytest.raises(ArtifactError, match="no detector 'robust-zz'; did you mean robust-z"):
        tocsin.load(forged(tmp_path, fitted, detector="robust-zz"))


@pytest.mark.parametrize("name", ["os:system", "builtins:eval", "tocsin.core.models:load", "", None, 3, ["robust-z"]])
def test_a_detector_is_only_ever_found_by_registered_name(tmp_path, fitted, name):
    content = {**models.content(fitted), "detector": name}
    with pytest.raises(ArtifactError, match="cannot be used"):
        tocsin.load(artifacts.write(tmp_path / "m.tocsin", content))


@pytest.mark.parametrize(
    "name",
    ["__class__", "__dict__", "__init__", "fit", "card", "score", "_score", "_fit_", "a b_", "x-y_", "reach", ""],
)
def test_a_state_cannot_name_what_is_not_learned(tmp_path, fitted, name):
    with pytest.raises(ArtifactError, match="unexpected attribute"):
        tocsin.load(forged(tmp_path, fitted, state=state_with(fitted, **{name: 1})))


def test_a_state_cannot_take_the_place_of_a_method(fitted):
    class WithMethods(RobustZ):
        least_ = 3

        def helper_(self):
            return 1

        @property
        def derived_(self):
            return 2

        @classmethod
        def made_(cls):
            return 3

    detector = WithMethods()
    for name in ("helper_", "derived_", "made_"):
        with pytest.raises(InputError, match="unexpected attribute"):
            detector._restore({name: 1})
    detector._restore({"least_": 5})
    assert detector.least_ == 5


@pytest.mark.parametrize("key", ["detector", "parameters", "calibration", "profile", "state"])
def test_missing_content_is_damage(tmp_path, fitted, key):
    content = {"detector": "robust-z", **models.content(fitted)}
    del content[key]
    with pytest.raises(ArtifactError, match=r"damaged|cannot be used"):
        tocsin.load(artifacts.write(tmp_path / "m.tocsin", content))


KINDS = [(k, v) for k in ("parameters", "calibration", "profile", "state") for v in (3, "text", [1, 2])]
KINDS += [(k, {"scores": np.array([np.nan])}) for k in ("calibration", "profile", "state")]


@pytest.mark.parametrize(("key", "value"), KINDS)
def test_content_of_the_wrong_kind_is_damage(tmp_path, fitted, key, value):
    with pytest.raises(ArtifactError):
        tocsin.load(forged(tmp_path, fitted, **{key: value}))


def test_a_calibration_of_nan_is_refused(tmp_path, fitted):
    calibration = {**fitted.calibration_.to_state(), "scores": np.array([0.1, np.nan])}
    calibration["breaks"] = np.zeros(0, dtype=np.int64)
    with pytest.raises(ArtifactError, match="finite"):
        tocsin.load(forged(tmp_path, fitted, calibration=calibration))


def test_a_profile_of_the_wrong_size_or_kind_is_refused(tmp_path, fitted):
    good = fitted.profile_.to_state()
    for name, wrong in (
        ("scale", np.ones(3)),
        ("scale", np.array([1.0, 0.0])),
        ("centre", np.array([np.nan, 0.0])),
        ("low", "text"),
        ("high", np.zeros((2, 2))),
    ):
        with pytest.raises(ArtifactError, match="profile"):
            tocsin.load(forged(tmp_path, fitted, profile={**good, name: wrong}))


def test_a_model_without_channels_is_refused(tmp_path, fitted):
    state = {k: v for k, v in fitted._state().items() if k != "channels_"}
    with pytest.raises(ArtifactError, match="channels"):
        tocsin.load(forged(tmp_path, fitted, state=state))


def test_parameters_unknown_to_this_version_are_left_out(tmp_path, fitted):
    found = tocsin.load(forged(tmp_path, fitted, parameters={"from_the_future": 1}))
    assert type(found) is RobustZ


def test_sequences_come_back_as_tuples(tmp_path):
    from tocsin.series.seasonal_residual import SeasonalResidual

    fitted = SeasonalResidual(period=(10, 25.5)).fit(np.random.default_rng(0).normal(size=200))
    found = SeasonalResidual.load(fitted.save(tmp_path / "m"))
    assert found.period == (10, 25.5)
    assert isinstance(found.seasons_, tuple)


def test_a_class_that_nobody_registered_reads_its_own_models(tmp_path):
    from dataclasses import replace

    class Mine(RobustZ):
        card = replace(RobustZ.card, name="mine-alone")

    path = Mine().fit([1.0, 2.0, 4.0]).save(tmp_path / "m.tocsin")
    assert type(Mine.load(path)) is Mine
    with pytest.raises(ArtifactError, match="no detector 'mine-alone'"):
        tocsin.load(path)
