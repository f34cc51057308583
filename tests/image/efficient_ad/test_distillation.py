from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from tocsin.core.errors import InputError  # noqa: E402
from tocsin.image.efficient_ad import distillation  # noqa: E402
from tocsin.image.efficient_ad.distillation import distil, embedding  # noqa: E402
from tocsin.image.efficient_ad.judge import statistics  # noqa: E402
from tocsin.image.efficient_ad.pupils import standardised  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402


def averaged(values, count):
    """Adaptive mean of a row: number i is the mean from floor(i n / count) to ceil((i + 1) n / count)."""
    n = len(values)
    return np.array([values[i * n // count : -(-(i + 1) * n // count)].mean() for i in range(count)])


def test_descriptions_of_patches_with_their_neighbours():
    layers = [torch.randn(1, 3, 4, 5), torch.randn(1, 2, 4, 5)]
    found = embedding(layers, 7, (4, 5), wide=10)
    assert tuple(found.shape) == (1, 7, 4, 5)
    for row, column in ((0, 0), (2, 3), (3, 4)):
        parts = []
        for layer in layers:
            around = np.pad(layer[0].numpy(), ((0, 0), (1, 1), (1, 1)))[:, row : row + 3, column : column + 3]
            parts.append(averaged(around.ravel(), 10))
        np.testing.assert_allclose(found[0, :, row, column], averaged(np.concatenate(parts), 7), atol=1e-5)
    assert tuple(embedding([layers[0], torch.randn(1, 2, 2, 3)], 7, (4, 5), wide=10).shape) == (1, 7, 4, 5)


@pytest.mark.slow
def test_a_teacher_learns_what_the_encoder_says():
    """On pictures that it has not seen, and as a share of the error of saying the mean of all pictures."""
    options = {"outputs": 6, "width": 12, "side": 48, "batch": 2, "pictures": 8}
    encoder = make_encoder("random:tocsin")

    def described(number):
        shown = distillation._picture(0, number, 96)
        with torch.inference_mode():
            return shown, embedding(encoder.layers(shown), 6, (12, 12))

    mean, spread = (v.view(1, -1, 1, 1) for v in statistics([described(n)[1] for n in range(8)]))
    errors = []
    for steps in (1, 60):
        teacher = distil("random:tocsin", steps=steps, rate=4e-3, **options)
        error, plain = 0.0, 0.0
        for number in range(5000, 5006):
            shown, wanted = described(number)
            wanted = ((wanted - mean) / spread)[:, :, 4:-4, 4:-4]
            said = teacher(standardised(torch.nn.functional.avg_pool2d(shown, 2)))
            error, plain = error + float(((said - wanted) ** 2).mean()), plain + float((wanted**2).mean())
        errors.append(error / plain)
    assert errors[1] < min(0.7, 0.8 * errors[0])


def test_values_out_of_range_are_refused():
    with pytest.raises(InputError, match="side=50"):
        distil("random:tocsin", side=50, steps=1, batch=1, pictures=1)
