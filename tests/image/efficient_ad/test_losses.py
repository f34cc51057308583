from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from tocsin.core.errors import InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image.efficient_ad.judge import Judge  # noqa: E402
from tocsin.image.efficient_ad.lessons import Lessons  # noqa: E402
from tocsin.image.efficient_ad.losses import hard_loss, jittered, quantile  # noqa: E402
from tocsin.image.efficient_ad.map_scale import MapScale  # noqa: E402
from tocsin.image.efficient_ad.pupils import Pupils  # noqa: E402
from tocsin.image.efficient_ad.teachers import PDNTeacher, untrained  # noqa: E402
from tocsin.image.efficient_ad.training import Schedule, step_loss, train  # noqa: E402


def test_the_hard_loss_of_ten_numbers():
    numbers = torch.arange(1.0, 11.0)
    assert float(quantile(numbers, 0.8)) == pytest.approx(8.2)
    assert float(hard_loss(numbers, 0.8)) == 9.5
    assert float(hard_loss(numbers, 0.0)) == 5.5


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.999])
def test_the_quantile_is_that_of_torch_where_torch_has_one(share):
    values = torch.rand(1000) ** 3
    assert float(quantile(values, share)) == pytest.approx(float(torch.quantile(values, share)), abs=1e-6)


def test_the_quantile_has_no_largest_size():
    values = torch.zeros((1 << 24) + 9)
    values[-20_000:] = torch.arange(1.0, 20_001.0)
    assert float(hard_loss(values, 0.999)) == pytest.approx(np.arange(20_000 - 16_777, 20_001)[1:].mean(), rel=1e-3)


def test_the_easy_differences_get_no_gradient():
    differences = torch.arange(1.0, 11.0, requires_grad=True)
    hard_loss(differences, 0.8).backward()
    assert differences.grad.tolist() == [0.0] * 8 + [0.5] * 2


def test_the_scale_of_maps():
    scale = MapScale.of([np.linspace(0, 1, 1001)])
    found = [float(scale.applied(np.array(v))) for v in (0.5, 0.9, 0.995, 1.2)]
    np.testing.assert_allclose(found, [-0.4210525, 0, 0.1, 0.3157895], atol=1e-6)


def test_the_scale_of_maps_that_are_all_the_same_is_finite():
    scale = MapScale.of([np.zeros((3, 3))])
    assert float(scale.applied(np.array(0.0))) == 0.0
    assert np.isfinite(scale.applied(np.array(1.0)))
    assert float(MapScale.of([np.full((3, 3), 5.0)]).applied(np.array(5.0))) == 0.0


def test_jitter_changes_one_of_three_things():
    torch.manual_seed(0)
    picture = 0.3 + 0.4 * torch.rand(1, 3, 16, 16)
    grey = picture.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    seen = set()
    for seed in range(30):
        rng, again = np.random.default_rng(seed), np.random.default_rng(seed)
        found = jittered(picture, rng)
        factor, kind = again.uniform(0.8, 1.2), int(again.integers(3))
        seen.add(kind)
        luma, before = (found * grey).sum(1), (picture * grey).sum(1)
        if kind == 0:
            np.testing.assert_allclose(found, factor * picture, rtol=1e-5)
        elif kind == 1:  # the mean stays, distances from it grow
            assert float(luma.mean()) == pytest.approx(float(before.mean()), abs=1e-5)
            assert float(luma.std() / before.std()) == pytest.approx(factor, rel=1e-4)
        else:  # brightness stays everywhere
            np.testing.assert_allclose(luma, before, atol=1e-5)
    assert seen == {0, 1, 2}


def lessons(count=3, size=(64, 64), seed=0):
    rng = np.random.default_rng(seed)
    return Lessons([Image(rng.random((*size, 3)).astype(np.float32)) for _ in range(count)], size, seed)


def judge(outputs=6, width=4):
    torch.manual_seed(0)
    pupils = Pupils((64, 64), outputs, width=width)
    return Judge(PDNTeacher(untrained(outputs, "small", width, 0)), pupils, torch.zeros(outputs), torch.ones(outputs))


def test_every_picture_is_seen_once_before_any_is_seen_again():
    some = lessons(5)
    for start in (0, 5, 10):
        shown = {some.normal(step).numpy().tobytes() for step in range(start, start + 5)}
        assert len(shown) == 5
    # By the step's number alone, whatever was asked for before.
    assert torch.equal(lessons(5).made_up(7), some.made_up(7))
    assert not torch.equal(some.made_up(7), some.made_up(8))


def written_out(own, some, schedule, step):
    """The loss as the method's description has it, each net asked for one picture at a time."""
    picture = some.normal(step)
    changed = jittered(picture, some.rng(step, 0))
    outputs = own.pupils.outputs
    structure = own.pupils(picture)[0]
    differences = (own.target(picture) - structure) ** 2
    level = torch.quantile(differences.flatten(), schedule.hard)
    loss = differences[differences >= level].mean()
    if schedule.penalty:
        loss = loss + (own.pupils(some.made_up(step))[0] ** 2).mean()
    _, arrangement, expected = own.pupils(changed)
    assert arrangement.shape[1] == outputs
    goal = expected.detach() if schedule.detach else expected
    return loss + ((own.target(changed) - expected) ** 2).mean() + ((goal - arrangement) ** 2).mean()


@pytest.mark.parametrize(("penalty", "detach"), [(True, False), (False, True)])
def test_the_loss_of_a_step_is_the_sum_of_its_parts(penalty, detach):
    own, some = judge(), lessons()
    own.pupils.eval()  # dropout would differ
    schedule = Schedule(10, hard=0.9, penalty=penalty, detach=detach)
    gradients = []
    for way in (step_loss, written_out):
        own.pupils.zero_grad()
        loss = way(own, some, schedule, 2)
        loss.backward()
        gradients.append([float(loss.detach()), *(p.grad.clone() for p in own.pupils.parameters())])
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-5)
    for left, right in zip(gradients[0][1:], gradients[1][1:], strict=True):
        np.testing.assert_allclose(left, right, rtol=2e-3, atol=1e-6)


def test_training_makes_the_loss_small_and_leaves_the_teacher_alone():
    own, some = judge(), lessons()
    before = {k: v.clone() for k, v in own.teacher.state_dict().items()}
    schedule = Schedule(60, rate=5e-3, penalty=False)
    first = float(step_loss(own, some, schedule, 0).detach())
    train(own, some, schedule)
    assert float(step_loss(own, some, schedule, 0).detach()) < 0.5 * first
    assert all(torch.equal(before[k], v) for k, v in own.teacher.state_dict().items())


def test_a_run_that_was_stopped_ends_where_it_would_have_ended(tmp_path, monkeypatch):
    whole, parts, schedule = judge(), judge(), Schedule(8, rate=2e-3)
    train(whole, lessons(), schedule)
    stopped = SimpleNamespace(count=0)
    import tocsin.image.efficient_ad.training as training

    def breaks(*given):
        stopped.count += 1
        if stopped.count > 5:
            raise KeyboardInterrupt
        return step_loss(*given)

    monkeypatch.setattr("tocsin.nn.run.EVERY", 0.0)  # a checkpoint after every step
    monkeypatch.setattr(training, "step_loss", breaks)
    with pytest.raises(KeyboardInterrupt):
        train(parts, lessons(), schedule, folder=str(tmp_path))
    monkeypatch.setattr(training, "step_loss", step_loss)
    again = judge()
    train(again, lessons(), schedule, folder=str(tmp_path))
    for left, right in zip(whole.pupils.parameters(), again.pupils.parameters(), strict=True):
        np.testing.assert_allclose(left.detach(), right.detach(), rtol=1e-5, atol=1e-7)


def test_values_out_of_range_are_refused():
    with pytest.raises(InputError, match="at least one step"):
        Schedule(0)
    with pytest.raises(InputError, match="hard=1"):
        Schedule(1, hard=1.0)
