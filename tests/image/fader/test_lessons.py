"""Learning to paint, learning to hold back, and the rule by which a gate is used or left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from tests.image.fader.conftest import stripes, turned

from tocsin.image.fader.album import Page, broken_page, crop_size, drawn, normal_page
from tocsin.image.fader.judge import Judge
from tocsin.image.fader.lessons import (
    ErrorScale,
    Lesson,
    Verdict,
    compare_gate,
    error_scale,
    learn_to_hold_back,
    learn_to_paint,
)
from tocsin.image.fader.obfuscation import cell_means
from tocsin.image.fader.painter import Painter, painting_loss
from tocsin.image.fader.saliency import Contrast

CHANNELS = (8, 12, 16)


def pages(count, seed=0, side=64, share=0.3):
    rng = np.random.default_rng(seed)
    return [normal_page(stripes(rng, side).transpose(2, 0, 1), Contrast(), share) for _ in range(count)]


def broken_pages(count, seed=0, side=64):
    rng = np.random.default_rng(seed)
    return [broken_page(stripes(rng, side).transpose(2, 0, 1), Contrast(), 0.3, rng) for _ in range(count)]


# ---------------------------------------------------------------------- album


def test_pages_hold_what_they_say():
    clean, broken = pages(1)[0], broken_pages(1)[0]
    assert (clean.seen == clean.clean).all()
    assert not clean.broken.any()
    assert clean.cells.sum() == round(0.3 * 64)
    changed = (broken.seen != broken.clean).any(axis=0)
    assert changed[broken.broken].mean() > 0.5


def test_crops_lie_on_the_grid_of_cells():
    rng = np.random.default_rng(0)
    values = rng.random((3, 40, 56)).astype(np.float16)
    mask = np.zeros((40, 56), dtype=bool)
    mask[8:16, 24:32] = True
    mask[0, 0] = True  # one pixel of 64 is too little
    cells = np.arange(35, dtype=np.float32).reshape(5, 7)
    page = Page(values, values, cells, mask)
    assert crop_size([page, Page(values[:, :24], values, cells, mask)], 32) == (24, 32)
    batch = drawn([page], rng, 20, (24, 32))
    assert batch.seen.shape == (20, 3, 24, 32)
    for seen, marked, broken in zip(batch.seen, batch.cells[:, 0], batch.broken[:, 0], strict=True):
        top, left = divmod(int(marked[0, 0]), 7)
        wanted = values[:, 8 * top : 8 * top + 24, 8 * left : 8 * left + 32].astype(np.float32)
        assert (seen.numpy() == wanted).all()
        assert (marked.numpy() == cells[top : top + 3, left : left + 4]).all()
        assert (broken.numpy() == (marked.numpy() == 1 * 7 + 3)).all()
    assert torch.equal(
        drawn([page], np.random.default_rng(5), 4, (16, 16)).seen,
        drawn([page], np.random.default_rng(5), 4, (16, 16)).seen,
    )


# -------------------------------------------------------------------- targets


def test_what_should_pass_falls_beyond_one_spread_above_the_mean():
    scale = ErrorScale(0.1, 0.02)
    errors = torch.tensor([0.0, 0.1, 0.12, 0.14, 0.2])
    np.testing.assert_allclose(scale.passing(errors).numpy(), [1, 1, 1, np.exp(-1), np.exp(-4)], rtol=1e-5)


def test_error_scale_is_that_of_all_cells():
    painter = Painter(CHANNELS, 4).eval()
    given = pages(3)
    found = []
    with torch.no_grad():
        for page in given:
            seen, cells = page.tensors()
            found.append(cell_means((painter(seen, cells)[0] - seen).abs().mean(1, keepdim=True)).numpy().ravel())
    scale = error_scale(painter, given)
    assert scale.mean == pytest.approx(np.mean(found), rel=1e-4)
    assert scale.spread == pytest.approx(np.std(found), rel=1e-3)


def test_painting_loss_is_nothing_for_equal_pictures():
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert float(painting_loss(picture, picture)) == pytest.approx(0, abs=1e-5)
    worse = [float(painting_loss(picture + step * torch.randn_like(picture), picture)) for step in (0.02, 0.2)]
    assert 0 < worse[0] < worse[1]


def test_the_opposite_of_a_picture_is_no_way_out():
    """Structure and gradients alone take it for the picture itself: an even grey one must cost less."""
    picture = torch.from_numpy(stripes(np.random.default_rng(0)).transpose(2, 0, 1)[None].copy())
    grey = picture.mean(dim=(2, 3), keepdim=True).expand_as(picture)
    opposite = (-picture).requires_grad_()
    loss = painting_loss(opposite, picture)
    assert float(loss.detach()) > 1.5 * float(painting_loss(grey, picture))
    assert (torch.autograd.grad(loss, opposite)[0] < 0).all()  # every pixel is drawn upwards


# -------------------------------------------------------------------- lessons


@pytest.fixture(scope="module")
def taught():
    """A painter of stripes, and the same with a gate."""
    kept, held, broken = pages(24, 1), pages(6, 2), broken_pages(40, 3)
    painter = Painter(CHANNELS, 4, seed=0)
    lesson = Lesson(120, 4, (40, 40), 3e-3, 0)
    report = learn_to_paint(painter, kept, held, lesson)
    gated = Painter(CHANNELS, 4, "levels", seed=0)
    gated.unet.load_state_dict(painter.unet.state_dict())
    learn_to_hold_back(gated, kept, broken, held + broken_pages(6, 4), replace(lesson, steps=200))
    return painter, gated, report


def test_painting_is_learned(taught):
    painter, _, report = taught
    fresh = Painter(CHANNELS, 4, seed=0).eval()
    with torch.no_grad():
        losses = [
            np.mean([float(painting_loss(p(*page.tensors())[0], page.tensors()[0])) for page in pages(4, 9)])
            for p in (fresh, painter)
        ]
    assert losses[1] < 0.3 * losses[0]
    assert report.best == min(value for _, value in report.validations)


def test_only_the_gate_learns_in_the_second_lesson(taught):
    painter, gated, _ = taught
    for name, value in painter.unet.state_dict().items():  # batch statistics among them
        assert torch.equal(value, gated.unet.state_dict()[name]), name
    start = Painter(CHANNELS, 4, "levels", seed=0).gate.state_dict()
    assert all(not torch.equal(v, start[k]) for k, v in gated.gate.state_dict().items() if k.endswith("2.weight"))
    assert all(p.requires_grad for p in gated.unet.parameters())


def test_a_defect_that_the_mask_half_misses_is_painted_less_faithfully(taught):
    """The mechanism: where the mosaic leaves a half of a defect open, holding back brings the clean picture nearer."""
    painter, gated, _ = taught
    rng = np.random.default_rng(11)
    errors, normal = [], []
    for _ in range(12):
        clean = stripes(rng)
        odd, mask = turned(clean, rng, 24)
        columns = np.flatnonzero(mask.any(axis=0))
        covered = mask.copy()
        covered[:, columns[12:]] = False
        cells = torch.from_numpy((covered.reshape(8, 8, 8, 8).mean((1, 3)) > 0.5).astype(np.float32))[None, None]
        still = mask & ~np.kron(cells[0, 0].numpy(), np.ones((8, 8))).astype(bool)
        given, wanted = (torch.from_numpy(v.transpose(2, 0, 1)[None].copy()) for v in (odd, clean))
        with torch.no_grad():
            errors.append([float(((p(given, cells)[0] - wanted).square())[0][:, still].mean()) for p in taught[:2]])
            normal.append([float((p(wanted, cells)[0] - wanted).abs().mean()) for p in (painter, gated)])
    base, held = np.mean(errors, axis=0)
    assert held < 0.95 * base
    assert np.sum(np.diff(errors, axis=1) < 0) >= 10  # of 12
    base, held = np.mean(normal, axis=0)
    assert held < 1.10 * base


# --------------------------------------------------------------------- verdict


@pytest.mark.parametrize(
    ("figures", "accepted"),
    [
        (((1.0, 1.05), (0.9, 0.9), (0.8, 0.81)), True),
        (((1.0, 1.11), (0.9, 0.95), (0.8, 0.9)), False),
        (((1.0, 0.9), (0.9, 0.89), (0.8, 0.9)), False),
        (((1.0, 0.9), (0.9, 0.95), (0.8, 0.79)), False),
    ],
    ids=["not worse", "blurs normal pictures", "misses pictures", "misses pixels"],
)
def test_rule_of_acceptance(figures, accepted):
    verdict = Verdict(*figures)
    assert verdict.accepted is accepted
    assert "%" in str(verdict)


def test_verdict_compares_both_on_the_same_pictures(taught):
    painter, gated, _ = taught
    judges = [Judge(Contrast(), p, 0.3, "gradients", 5, 0.0).eval() for p in (painter, gated)]
    normals, broken = pages(6, 20), broken_pages(8, 21)
    verdict = compare_gate(*judges, normals, broken)
    swapped = compare_gate(*judges[::-1], normals, broken)
    assert (verdict.normal, verdict.picture, verdict.pixel) == tuple(
        f[::-1] for f in (swapped.normal, swapped.picture, swapped.pixel)
    )
    with torch.no_grad():
        errors = [float((judges[0].view(p.tensors()[0]).painted - p.tensors()[0]).abs().mean()) for p in normals]
    assert verdict.normal[0] == pytest.approx(np.mean(errors), rel=1e-3)
    assert verdict.picture[0] > 0.7


# ----------------------------------------------------------------------- judge


def test_map_and_score(taught):
    painter, _, _ = taught
    judge = Judge(Contrast(), painter, 0.3, "both", 5, 0.02).eval()
    picture = pages(1, 30)[0].tensors()[0]
    with torch.no_grad():
        view = judge.view(picture)
        raw = (picture - view.painted).abs().mean(1)[0].numpy()
        from tocsin.image.fader.similarity import gradient_similarity

        raw = raw + 1 - gradient_similarity(picture, view.painted)[0, 0].numpy()
        smooth = np.array(
            [[raw[max(0, i - 2) : i + 3, max(0, j - 2) : j + 3].mean() for j in range(64)] for i in range(64)]
        )
        inner = smooth[8:-8, 8:-8]
        np.testing.assert_allclose(view.map[0, 0].numpy(), np.pad(inner, 8, mode="edge"), atol=1e-5)
        highest = np.sort(inner.ravel())[-round(0.02 * inner.size) :].mean()
        assert float(judge(picture)[1][0]) == pytest.approx(highest, rel=1e-4)
        judge.highest = 0.0
        assert float(judge(picture)[1][0]) == pytest.approx(inner.max(), rel=1e-4)
    even = torch.full((1, 3, 48, 48), 0.3)
    for compare, wanted in (("gradients", 0.0), ("difference", 0.4), ("both", 0.4)):
        judge.compare = compare
        np.testing.assert_allclose(judge.map(even, even + 0.4).numpy(), wanted, atol=1e-5)
