"""Stored trees from strangers: real ones are read, damaged ones never get to the library."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.series.forecast.boosted import Boosted, settings
from tocsin.series.forecast.ubj import check_trees, read


@pytest.fixture(scope="module")
def grown():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 3)).astype(np.float32)
    return Boosted.grow(rows, rows[:, 0] ** 2 + rows[:, 1], None, settings(3, 0.1, 0, 64), 8), rows


def test_a_stored_model_forecasts_the_same(grown):
    model, rows = grown
    again = Boosted.from_state(model.to_state(), 3)
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    assert check_trees(model.to_state().tobytes(), 3) == 8


def test_tree_values_add_up_to_the_forecast(grown):
    model, rows = grown
    phi = model.contributions(rows)
    assert np.abs(phi.sum(axis=1) - model.predict(rows)).max() < 1e-4
    assert np.abs(phi[:, 0]).mean() > 10 * np.abs(phi[:, 2]).mean()


def test_the_reader_agrees_with_the_librarys_own_text(grown):
    import json

    model, _ = grown
    text = json.loads(bytes(model.booster.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]
    mine = read(model.to_state().tobytes())["learner"]["gradient_booster"]["model"]["trees"]
    for found, wanted in zip(mine, text, strict=True):
        np.testing.assert_array_equal(found["left_children"], wanted["left_children"])
        np.testing.assert_allclose(found["split_conditions"], wanted["split_conditions"], rtol=1e-6)


def _spoiled(raw, name, node, value):
    """The same bytes with one number of the first tree's typed array replaced."""
    key = name.encode()
    at = raw.index(key + b"[$") + len(key) + 2
    kind, start = chr(raw[at]), at + 1 + 2 + 8
    width, dtype = {"l": (4, ">i4"), "d": (4, ">f4"), "U": (1, ">u1")}[kind]
    place = start + width * node
    return raw[:place] + np.array([value], dtype).tobytes() + raw[place + width :]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("left_children", 10_000),
        ("left_children", 0),
        ("right_children", -5),
        ("split_indices", 3),
        ("split_indices", -1),
        ("split_conditions", np.nan),
        ("split_type", 1),
        ("parents", 7),
    ],
)
def test_trees_that_lead_astray_are_refused(grown, name, value):
    raw = grown[0].to_state().tobytes()
    spoiled = _spoiled(raw, name, 1, value)
    with pytest.raises(InputError, match="damaged"):
        Boosted.from_state(np.frombuffer(spoiled, np.uint8), 3)


def test_other_models_cut_files_and_other_arrays_are_refused(grown):
    state = grown[0].to_state()
    with pytest.raises(InputError, match="over 4 features"):
        Boosted.from_state(state, 4)
    for wrong in (
        state[:-1],
        state[:50],
        np.append(state, 1).astype(np.uint8),
        state[:0],
        state.astype(np.int64),
        None,
    ):
        with pytest.raises(InputError, match="damaged"):
            Boosted.from_state(wrong, 3)
    with pytest.raises(InputError, match="too deep"):
        read(b"[#L" + bytes(7) + b"\x01" + b"".join([b"[#L" + bytes(7) + b"\x01"] * 40) + b"T")


def test_flipped_bytes_never_raise_anything_else(grown):
    raw = bytearray(grown[0].to_state().tobytes())
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        place, value = int(rng.integers(len(raw))), int(rng.integers(256))
        spoiled = bytes(raw[:place]) + bytes([value]) + bytes(raw[place + 1 :])
        try:
            check_trees(spoiled, 3)
        except InputError:
            refused += 1
    assert refused > 100
