"""The four readings of a similarity matrix: golden values, slow twins, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.series.themis.adapters import ADAPTERS, Reading, adapter, leading, lof, mean, residual, top
from tocsin.series.themis.similarity import similarity

SIX = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 1, 0], [-0.6, 0.8, 0], [-1, 0, 0.1], [0, 0, 1]])[None]


def cloud(seed, n=150, d=7):
    return np.random.default_rng(seed).normal(size=(1, n, d)) + 0.3


def test_golden_eigenvalues_and_residuals():
    matrix = similarity(SIX, centred=False)
    values = np.sort(np.linalg.eigvalsh(matrix[0]))[::-1]
    wanted = [3.154648278, 1.424533355, 1.004826499, 0.879894761, 0, -0.463902894]
    np.testing.assert_allclose(values, wanted, atol=1e-9)
    for count, rows in (
        (1, [0.497015626, 0.689587209, 1.114410189, 0.900456313, 0.499049454, 1.002025553]),
        (2, [0.228734192, 0.658786703, 0.398905801, 0.560127226, 0.216694158, 0.996470283]),
        (3, [0.223062445, 0.644399364, 0.398895744, 0.550629161, 0.211331897, 0.132067538]),
    ):
        np.testing.assert_allclose(residual(matrix, Reading(eigenvectors=count))[0], rows, atol=1e-9)


def test_golden_means_and_outlier_factors():
    matrix = similarity(SIX, centred=False)
    np.testing.assert_allclose(
        mean(matrix, Reading())[0],
        [0.520992562, 0.56079405, 0.72, 0.600595537, 0.502481405, 0.980099256],
        atol=1e-9,
    )
    np.testing.assert_allclose(
        top(matrix, Reading(share=2 / 6))[0],
        [0.102481405, 0.201985124, 0.3, 0.3, 0.104466529, 0.95024814],
        atol=1e-9,
    )
    np.testing.assert_allclose(
        lof(matrix, Reading(neighbours=3))[0],
        [0.780070899, 1.331274689, 1.165020566, 1.331274689, 0.777321736, 2.141655614],
        atol=1e-8,
    )


def test_the_similarity_by_the_definition():
    e = cloud(0, n=9)[0]
    centred = e - e.mean(axis=0)
    wanted = [[abs(a @ b) / np.sqrt(a @ a) / np.sqrt(b @ b) for b in centred] for a in centred]
    np.testing.assert_allclose(similarity(e[None])[0], wanted, atol=1e-12)


def test_a_constant_window_resembles_itself_and_a_place_without_direction_only_its_like():
    assert (similarity(np.full((1, 5, 3), 7.7)) == 1).all()
    e = np.array([[[1.0, 0], [-1.0, 0], [0, 0], [0, 0]]])
    np.testing.assert_allclose(similarity(e)[0], [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])


@pytest.mark.parametrize(("band", "share", "trim"), [(0, 0.1, 0.0), (5, 0.2, 0.1), (1000, 0.1, 0.05)])
def test_means_equal_the_slow_twin(band, share, trim):
    matrix = similarity(cloud(1, n=40))
    band_used = min(band, 10)
    all_others, most_alike = [], []
    room = 40 - 2 * band_used - 1
    dropped = round(trim * 40)
    for i in range(40):
        row = [matrix[0, i, j] for j in range(40) if abs(i - j) > band_used]
        all_others.append(1 - np.mean(row))
        most_alike.append(1 - np.mean(sorted(row)[::-1][dropped : dropped + min(round(share * 40), room - dropped)]))
    reading = Reading(band=band, share=share, trim=trim)
    np.testing.assert_allclose(mean(matrix, reading)[0], all_others, atol=1e-12)
    np.testing.assert_allclose(top(matrix, reading)[0], most_alike, atol=1e-12)


@pytest.mark.parametrize("neighbours", [1, 7, 149])
def test_outlier_factors_are_those_of_scikit_learn(neighbours):
    from sklearn.neighbors import LocalOutlierFactor

    matrix = similarity(cloud(2))
    apart = 1 - matrix[0]
    np.fill_diagonal(apart, 0)
    theirs = LocalOutlierFactor(n_neighbors=neighbours, metric="precomputed").fit(apart)
    found = lof(matrix, Reading(neighbours=neighbours))[0]
    np.testing.assert_allclose(found, -theirs.negative_outlier_factor_, rtol=1e-7)


@pytest.mark.parametrize("count", [1, 5, 20])
def test_few_leading_directions_equal_the_whole_decomposition(count):
    matrix = similarity(cloud(3, n=200))[0]
    values, vectors = np.linalg.eigh(matrix)
    keep = np.argsort(-np.abs(values))[:count]
    wanted = (vectors[:, keep] * values[keep]) @ vectors[:, keep].T
    found, directions = leading(matrix, count)
    np.testing.assert_allclose((directions * found) @ directions.T, wanted, atol=1e-9)


def test_a_matrix_of_rank_one_has_no_residual():
    assert residual(np.ones((1, 300, 300)), Reading()).max() < 1e-6


def test_an_orthogonal_place_stands_out_until_it_owns_an_eigenvector():
    rng = np.random.default_rng(4)
    flat = np.zeros((1, 30, 4))
    flat[0, :, :3] = rng.normal(size=(30, 3))
    flat[0, 11] = [0, 0, 0, 1]
    # Signed, embeddings in three dimensions make a matrix of rank three; the odd one adds one with a value of 1.
    units = flat[0] / np.linalg.norm(flat[0], axis=1, keepdims=True)
    signed = (units @ units.T)[None]
    rest = residual(signed, Reading(eigenvectors=3))[0]
    assert rest[11] == pytest.approx(1)
    assert np.delete(rest, 11).max() < 1e-9
    assert residual(signed, Reading(eigenvectors=4)).max() < 1e-9


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_rotation_and_scale_change_nothing_and_order_only_the_order(name):
    e = cloud(5)
    turned = e @ np.linalg.qr(np.random.default_rng(6).normal(size=(7, 7)))[0] * 3.7
    order = np.random.default_rng(7).permutation(150)
    read = adapter(name)
    found = read(similarity(e), Reading())
    np.testing.assert_allclose(read(similarity(turned), Reading()), found, rtol=1e-7)
    np.testing.assert_allclose(read(similarity(e[:, order]), Reading())[0], found[0, order], rtol=1e-7)
    together = read(similarity(np.concatenate([e, cloud(8)])), Reading())
    np.testing.assert_allclose(together[0], found[0], rtol=1e-9)


def test_settings_out_of_range_are_refused():
    for given in ({"eigenvectors": 0}, {"neighbours": 0}, {"share": 0.0}, {"trim": 1.0}, {"band": -1}):
        with pytest.raises(InputError, match="not"):
            Reading(**given)
    with pytest.raises(InputError, match="no adapter 'eig'"):
        adapter("eig")
