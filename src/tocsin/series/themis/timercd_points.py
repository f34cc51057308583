"""The encoder of TimeRCD as an embedder: its vector per point, before the head that judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import ArtifactError
from tocsin.series.timercd.prepare import features
from tocsin.series.timercd.settings import Settings
from tocsin.series.timercd.weights import Weights, build

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.series.themis.embedders import Description
    from tocsin.series.timercd.net import TimeRCDNet


class TimeRCDPoints:
    """Vectors of the points of a window; see `tocsin.series.themis.embedders.Embedder`."""

    margin = 0
    patch = 1

    def __init__(self, net: TimeRCDNet, settings: Settings) -> None:
        self.net, self.settings = net, settings
        self.longest: int | None = settings.window

    def embed(self, windows: FloatArray) -> FloatArray:
        """Return embeddings of shape (b, n, d) for windows of shape (b, n)."""
        import torch

        read = torch.from_numpy(features(windows, self.net.config.inputs, self.settings.damped))
        with torch.inference_mode():
            found: FloatArray = self.net.ts_encoder(read[:, :, None, :])[:, :, 0].numpy()
        return np.asarray(found)


def points(description: Description) -> TimeRCDPoints:
    """Build the embedder of a description; see `tocsin.series.themis.embedders.build`."""
    try:
        settings = Settings.from_dict(description.config["settings"])
        weights = Weights(dict(description.config["sizes"]), settings, dict(description.weights))
        return TimeRCDPoints(build(weights), settings)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"this is no encoder of TimeRCD: {error}") from None
