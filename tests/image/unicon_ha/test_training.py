"""What a short training must already do to views; what a long one is worth is in test_detector."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("lightning_fabric")

from tests.image.unicon_ha.glyphs import one_class  # noqa: E402

from tocsin.image.unicon_ha.net import StageNet  # noqa: E402
from tocsin.image.unicon_ha.outliers import virtual_outliers  # noqa: E402
from tocsin.image.unicon_ha.pool import Pool  # noqa: E402
from tocsin.image.unicon_ha.schedule import Schedule  # noqa: E402
from tocsin.image.unicon_ha.training import Lesson, learn  # noqa: E402


def pool(count, seed):
    good, _, _ = one_class("T", count, 1, seed)
    return Pool([np.ascontiguousarray(image.pixels.transpose(2, 0, 1)) for image in good])


def gathered(lesson):
    """How much more alike fresh normal pictures are to each other than to their virtual outliers, where views meet."""
    normal, _ = pool(32, 77).draw(32, torch.Generator().manual_seed(0))
    outliers = virtual_outliers(normal, ["rotation"], torch.Generator())
    lesson.eval()
    with torch.no_grad():
        z, odd = (lesson.heads["4"](lesson.net(given)) for given in (normal, outliers))
    among = (z @ z.T)[~torch.eye(len(z), dtype=torch.bool)]
    return float(among.mean() - (z @ odd.T).mean())


def made(seed, **settings):
    torch.manual_seed(seed)
    schedule = Schedule(**{"steps": 40, "rate": 0.1, "stages": (0.0, 0.0, 0.0, 1.0), "strength": 0.5, **settings})
    return Lesson(StageNet(8, 1), schedule, pool(48, seed))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_normal_pictures_gather_only_where_they_attract_each_other(seed):
    together, alone = made(seed, steps=80), made(seed, steps=80, aggregate=False)
    before = gathered(together)
    learn(together)
    learn(alone)
    assert gathered(together) > max(before, gathered(alone)) + 0.1


def test_training_draws_from_the_number_of_the_step_alone():
    first, second = made(0, steps=3), made(0, steps=3)
    torch.rand(100)  # what is drawn elsewhere must not matter
    assert learn(first).loss == learn(second).loss
    for name, value in first.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name])


def test_a_stage_without_weight_is_left_as_it_is():
    lesson = made(0, steps=2, stages=(0.0, 1.0, 0.0, 0.0))
    assert list(lesson.heads) == ["2"]
    before = {k: v.clone() for k, v in lesson.net.stages.named_parameters()}
    lesson(0).backward()
    touched = {int(k[0]) for k, v in lesson.net.stages.named_parameters() if v.grad is not None}
    assert touched == {0, 1}
    assert before.keys() == dict(lesson.net.stages.named_parameters()).keys()


def test_each_stage_has_views_of_its_own_strength_and_only_the_last_soft_weights(monkeypatch):
    """Equation 9: a quarter of the weighted sum over stages, each of which sees two views of its own."""
    from tocsin.image.unicon_ha import training
    from tocsin.image.unicon_ha.augment import STRENGTHS

    seen = []
    plain = training.view

    def watched(pictures, strength, generator):
        seen.append((len(pictures), strength))
        return plain(pictures, strength, generator)

    def counted(normal, outliers, temperature, soft, **rest):
        seen.append((normal.shape, outliers.shape, temperature, soft))
        return torch.ones(())

    monkeypatch.setattr(training, "view", watched)
    monkeypatch.setattr(training, "unilateral", counted)
    lesson = made(0, batch=6, stages=(0.5, 0.0, 1.0, 2.0))
    assert float(lesson(0)) == pytest.approx((0.5 + 1 + 2) / 4)
    # Six pictures with three rotations each, 128 numbers per view.
    shapes = (2, 6, 128), (2, 18, 128), 0.5
    assert seen == [
        *[(24, STRENGTHS[0].weakened(0.5))] * 2, (*shapes, None),
        *[(24, STRENGTHS[2].weakened(0.5))] * 2, (*shapes, None),
        *[(24, STRENGTHS[3].weakened(0.5))] * 2, (*shapes, "text"),
    ]  # fmt: skip


def test_one_cosine_takes_the_published_rate_to_nothing(monkeypatch):
    from tocsin.image.unicon_ha import training

    asked = {}
    monkeypatch.setattr(training, "train", lambda *_, **settings: asked.update(settings))
    learn(made(0, rate=0.01))
    rates = [asked["rate"](0, share) for share in (0.0, 0.25, 0.5, 1.0)]
    np.testing.assert_allclose(rates, [0.01, 0.005 + 0.005 / 2**0.5, 0.005, 0.0], atol=1e-12)
    assert asked["optimiser"] == "sgd"
    assert asked["weight_decay"] == 5e-4


def test_validation_keeps_the_weights_that_tell_held_out_pictures_from_their_outliers():
    lesson = made(1, steps=20)
    report = learn(lesson, pool(16, 5))
    assert [step for step, _ in report.validations] == [4, 8, 12, 16, 20]
    assert report.best == min(value for _, value in report.validations)
    assert 0 <= report.best < 0.6
