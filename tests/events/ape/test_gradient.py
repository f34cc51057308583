"""The fast loss and gradient against the definition, and what the potential may not depend on."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tocsin.events.ape._adam import Adam
from tocsin.events.ape._gradient import Batch, gradient, loss
from tocsin.events.ape._model import PairModel

sys.path.insert(0, str(Path(__file__).parent))
from slow_twin import loss as slow_loss
from slow_twin import potential as slow_potential

SIZES = np.array([3, 5, 2, 4])


def model_of(seed: int) -> PairModel:
    rng = np.random.default_rng(seed)
    made = PairModel.start(SIZES, 3, rng)
    weights = rng.random((4, 4))
    weights = weights + weights.T
    np.fill_diagonal(weights, 0)
    return PairModel(rng.normal(size=made.vectors.shape), weights, made.offsets, 0.3)


def batch_of(seed: int, slots: list[int], k: int, shifts: int, masked: bool) -> Batch:
    rng = np.random.default_rng(seed)
    begins = np.concatenate(([0], np.cumsum(SIZES)[:-1]))
    b = 6
    ids = np.stack([rng.integers(size, size=b) for size in SIZES]) + begins[:, None]
    negatives = np.stack([rng.integers(SIZES[j], size=(b, k)) + begins[j] for j in slots])
    kept = rng.random(negatives.shape) < 0.7 if masked else None
    return Batch(ids, rng.normal(size=(shifts, b)), np.array(slots), negatives, rng.normal(size=negatives.shape), kept)


CASES = [([1], 5, 1, False), ([0, 1, 2, 3], 1, 1, False), ([0, 2], 2, 2, True), ([3], 3, 1, True)]


@pytest.mark.parametrize(("slots", "k", "shifts", "masked"), CASES)
def test_loss_is_that_of_every_negative_as_a_row_of_its_own(slots, k, shifts, masked):
    model, batch = model_of(0), batch_of(1, slots, k, shifts, masked)
    assert loss(model, batch) == pytest.approx(
        slow_loss(model.vectors, model.weights, model.constant, batch), rel=1e-10
    )


@pytest.mark.parametrize(("slots", "k", "shifts", "masked"), CASES)
def test_gradient_is_that_of_finite_differences(slots, k, shifts, masked):
    model, batch = model_of(2), batch_of(3, slots, k, shifts, masked)
    found = gradient(model, batch)
    dense = np.zeros_like(model.vectors)
    np.add.at(dense, found.rows, found.vectors)

    def slope(change) -> float:
        values = []
        for step in (1e-5, -1e-5):
            vectors, weights = model.vectors.copy(), model.weights.copy()
            constant = change(vectors, weights, model.constant, step)
            values.append(slow_loss(vectors, weights, constant, batch))
        return (values[0] - values[1]) / 2e-5

    for row in range(len(dense)):
        for axis in range(dense.shape[1]):

            def of_vector(vectors, weights, constant, step, row=row, axis=axis):
                vectors[row, axis] += step
                return constant

            assert dense[row, axis] == pytest.approx(slope(of_vector), abs=1e-7)
    for i, j in zip(*np.triu_indices(4, 1), strict=True):

        def of_weight(vectors, weights, constant, step, i=i, j=j):
            weights[i, j] += step
            weights[j, i] += step
            return constant

        assert found.weights[i, j] == pytest.approx(slope(of_weight), abs=1e-7)
        assert found.weights[j, i] == found.weights[i, j]
    assert found.constant == pytest.approx(slope(lambda v, w, c, step: c + step), abs=1e-7)


def test_of_two_columns_the_potential_is_one_weighted_product():
    vectors = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [3.0, -1.0]])
    model = PairModel(vectors, np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([0, 2, 4]))
    assert model.potential(np.array([[1, 1]])).tolist() == [0.5 * (1 * 3 + 2 * -1)]


def test_potential_pairs_and_lifts_are_those_of_the_definition():
    model = model_of(4)
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(size, size=50) for size in SIZES], axis=1)
    slow = [slow_potential(model.vectors, model.weights, list(row + model.offsets[:-1])) for row in codes]
    assert model.potential(codes) == pytest.approx(slow, rel=1e-5)
    assert model.pairs(codes).sum(axis=1) == pytest.approx(slow, rel=1e-4, abs=1e-4)
    shares = [rng.dirichlet(np.ones(size)) for size in SIZES]
    lifts = model.lifts(codes, [np.log(p) for p in shares])
    for row in range(5):
        for j, size in enumerate(SIZES):
            others = []
            for word in range(size):
                changed = codes[row].copy()
                changed[j] = word
                others.append(slow_potential(model.vectors, model.weights, list(changed + model.offsets[:-1])))
            expected = np.log(shares[j] @ np.exp(others)) - others[codes[row, j]]
            assert lifts[row, j] == pytest.approx(expected, abs=1e-4)


def test_the_potential_does_not_see_rotations_order_names_or_a_shift_of_scale():
    model = model_of(5)
    rng = np.random.default_rng(1)
    codes = np.stack([rng.integers(size, size=80) for size in SIZES], axis=1)
    plain = model.potential(codes)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotated = PairModel(model.vectors @ turn, model.weights, model.offsets)
    scaled = PairModel(model.vectors * 2, model.weights / 4, model.offsets)
    order = np.array([2, 0, 3, 1])
    columns = [model.column(j) for j in order]
    moved = PairModel(
        np.concatenate(columns), model.weights[np.ix_(order, order)], np.concatenate(([0], np.cumsum(SIZES[order])))
    )
    renamed = [rng.permutation(size) for size in SIZES]
    names = PairModel(np.concatenate([model.column(j)[p] for j, p in enumerate(renamed)]), model.weights, model.offsets)
    recoded = np.stack([np.argsort(p)[codes[:, j]] for j, p in enumerate(renamed)], axis=1)
    for other, rows in ((rotated, codes), (scaled, codes), (moved, codes[:, order]), (names, recoded)):
        assert other.potential(rows) == pytest.approx(plain, rel=1e-4, abs=1e-5)


def test_few_rows_of_many_move_as_in_the_dense_form_while_they_occur():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(40, 2))
    few, dense = Adam(start.copy()), Adam(start.copy())
    for _ in range(5):
        rows, gradients = np.array([3, 7, 3]), rng.normal(size=(3, 2))
        few.step_rows(rows, gradients, 0.1)
        full = np.zeros_like(start)
        np.add.at(full, rows, gradients)
        dense.step(full, 0.1)
    assert few.parameter == pytest.approx(dense.parameter, abs=1e-9)
    # Having been idle decays moments as in the dense form, so the next step is the same one.
    for _ in range(3):
        few.step_rows(np.array([20]), np.ones((1, 2)), 0.1)
        dense.step(np.eye(40)[:, [20]] * np.ones((1, 2)), 0.1)
    before = few.parameter[3].copy(), dense.parameter[3].copy()
    few.step_rows(np.array([3]), np.ones((1, 2)), 0.1)
    dense.step(np.eye(40)[:, [3]] * np.ones((1, 2)), 0.1)
    assert few.parameter[3] - before[0] == pytest.approx(dense.parameter[3] - before[1], abs=1e-9)
