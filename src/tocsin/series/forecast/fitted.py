"""FittedForecasts: what can be read off forecasters once they have learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Series, as_sample
from tocsin.series.forecast.blocks import block_of_rows
from tocsin.series.forecast.circumstances import Circumstances
from tocsin.series.forecast.clock import clock, digest
from tocsin.series.forecast.forecaster import Forecaster
from tocsin.series.forecast.influence import Influence
from tocsin.series.forecast.lags import Lags, has_past
from tocsin.series.forecast.lead import Lead, leads
from tocsin.series.forecast.peak import Peak, strongest
from tocsin.series.forecast.side_by_side import side_by_side

if TYPE_CHECKING:
    from tocsin.core.anomalies import Evidence
    from tocsin.core.types import FloatArray, IntArray

FARTHEST = 1e6


class FittedForecasts(Detector):
    """Forecasts, misses, peaks, delays and influences of a fitted `Forecast`; learning is the subclass's."""

    jobs: int | None
    folds: int
    lags_: Lags
    rows_: int
    targets_: IntArray
    lengths_: tuple[int, ...]
    digests_: tuple[str, ...]
    forecasters_: list[Forecaster]
    circumstances_: Circumstances | None

    # ------------------------------------------------------------- for users

    def forecast(self, sample: Any) -> FloatArray:
        """Return the forecast of each row of each target, in its own units, shape (n, targets).

        A row without enough past has its channel's median.
        """
        return np.asarray(self.expected(self._ready(sample))[:, self.targets_])

    def top(self, sample: Any, count: int = 3, *, within: Any = None, least: float = 3.0) -> tuple[Peak, ...]:
        """Return the strongest misses of each target, with the covariates that go with them.

        Parameters
        ----------
        sample : Sample, array or table
        count : int
            How many per target, at most.
        within : time or rows, optional
            How far apart two of them are at least; 6 hours with a clock, else 36 rows.
        least : float
            Robust standard deviations that a miss must exceed; its stretch is where the score stays above that.

        Returns
        -------
        tuple of Peak
            Target by target, strongest first.
        """
        ready = self._ready(sample)
        places, apart = clock(ready, within)
        signed, expected = self.deviations(ready), self.expected(ready)
        power = np.full(len(self.targets_), np.nan) if self.circumstances_ is None else self.circumstances_.power
        found = []
        for j, c in enumerate(self.targets_):
            for row, start, stop in strongest(np.abs(signed[:, j]), places, count, apart, least):
                found.append(
                    Peak(
                        target=self.channels_[c],
                        start=start,
                        stop=stop,
                        row=row,
                        at=ready.name(row),
                        score=float(abs(signed[row, j])),
                        seen=float(ready.values[row, c]),
                        expected=float(expected[row, c]),
                        power=float(power[j]),
                        because=tuple(self.reasons_at(ready, signed, j, (start, stop))),
                    )
                )
        return tuple(found)

    def follows(self, sample: Any, *, within: Any = None, least: float = 0.2) -> tuple[Lead, ...]:
        """Return which targets are missed some time after others, strongest correlation first.

        Parameters
        ----------
        sample : Sample, array or table
        within : time or rows, optional
            The longest delay; 6 hours with a clock, else 36 rows.
        least : float
            Correlation of log scores that counts.

        Notes
        -----
        Time grows with the square of the number of targets.
        """
        ready = self._ready(sample)
        _, apart = clock(ready, within)
        step = ready.step if ready.time is not None else None
        farthest = apart if step is None else max(1, round(apart / (step * 1e9)))
        names = [self.channels_[c] for c in self.targets_]
        return leads(np.abs(self.deviations(ready)), names, farthest, step, least)

    def influence(self, sample: Any, target: str, rows: Sequence[int]) -> Influence:
        """Return what each channel adds to the score of a target at some rows.

        Raises
        ------
        InputError
            If the channel is no target, a row is not there, or nothing was learned about covariates.
        """
        ready = self._ready(sample)
        names = [self.channels_[c] for c in self.targets_]
        if target not in names:
            raise InputError(f"{target!r} is no target: there are {', '.join(names[:8])}")
        if self.circumstances_ is None:
            raise InputError("nothing was learned about covariates: there are none, or reasons is off")
        places = np.asarray(rows, dtype=np.int64)
        if places.ndim != 1 or (places < 0).any() or (places >= len(ready)).any():
            raise InputError(f"rows lie between 0 and {len(ready) - 1}")
        back, own = self.circumstances_.lags.look_back(ready), self._own_blocks(ready)
        phi, base = self.circumstances_.contributions(names.index(target), self._scaled(ready), back, places, own)
        return Influence(self.channels_, ready.values[places], phi.sum(axis=2), base)

    # --------------------------------------------------- what those rest on

    def expected(self, sample: Series) -> FloatArray:
        """Return the forecasts of all channels, shape (n, c); NaN for channels that are not forecast."""
        assert self.profile_ is not None
        found = np.full(sample.values.shape, np.nan)
        centre, scale = self.profile_.centre[self.targets_], self.profile_.scale[self.targets_]
        found[:, self.targets_] = self._forecasts(sample) * scale + centre
        return found

    def deviations(self, sample: Series) -> FloatArray:
        """Return signed misses in robust standard deviations, shape (n, targets)."""
        known = has_past(self.lags_.look_back(sample))
        misses = self._scaled(sample)[:, self.targets_] - self._forecasts(sample)
        return np.stack([f.in_deviations(m, known) for f, m in zip(self.forecasters_, misses.T, strict=True)], axis=1)

    def _forecasts(self, sample: Series) -> FloatArray:
        """Forecasts on the scale of the trees, shape (n, targets)."""
        scaled, back, own = self._scaled(sample), self.lags_.look_back(sample), self._own_blocks(sample)

        def one(j: int) -> FloatArray:
            return self.forecasters_[j].forecast(scaled[:, self.targets_[j]], back, own)

        return np.stack(side_by_side(one, range(len(self.targets_)), "", self.jobs), axis=1)

    def _scaled(self, sample: Series) -> FloatArray:
        assert self.profile_ is not None
        values = (sample.values.astype(np.float64) - self.profile_.centre) / self.profile_.scale
        return np.asarray(np.clip(values, -FARTHEST, FARTHEST))

    def _own_blocks(self, sample: Series) -> IntArray | None:
        """The block of each row of a sample that was learned from; None for others."""
        if len(sample) not in self.lengths_:
            return None
        name = digest(sample)
        if name not in self.digests_:
            return None
        start = sum(self.lengths_[: self.digests_.index(name)])
        return block_of_rows(self.lengths_, self.folds)[start : start + len(sample)]

    def reasons_at(self, sample: Series, deviations: FloatArray, j: int, span: tuple[int, int]) -> list[Evidence]:
        """Return the covariates that raised the score of target `j`; none where they do not explain it."""
        if self.circumstances_ is None:
            return []
        back, own = self.circumstances_.lags.look_back(sample), self._own_blocks(sample)
        height = float(np.abs(deviations[span[0] : span[1], j]).mean())
        return self.circumstances_.reasons(
            j, self._scaled(sample), back, own, span, height, self.channels_, sample.values
        )

    def _ready(self, sample: Any) -> Series:
        self._check_fitted()
        ready = self._bridged(self._check(as_sample(sample), first=None))
        assert isinstance(ready, Series)
        return ready
