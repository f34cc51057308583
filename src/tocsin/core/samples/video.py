"""Video: frames in time, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.samples.image import Image
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray


@dataclass(frozen=True, eq=False)
class Video(Sample):
    """Frames in time; never held in memory as a whole unless they came that way.

    Parameters
    ----------
    source : array_like of shape (t, h, w) or (t, h, w, c), sequence of paths, or path
        Pixels, picture files in order, or a film that the `video` extra decodes.
    rate : float, optional
        Frames per second; read from a film's header when left out.
    span : (int, int), optional
        The frames that belong to the sample (half open), for parts of a longer film.

    Raises
    ------
    InputError
        If there is no frame, or the file is no film.

    Examples
    --------
    >>> v = Video(np.zeros((3, 4, 6), dtype=np.uint8), rate=25)
    >>> v.grid, v.name(2)
    ((3, 4, 6), 'frame 2 (0.080 s)')
    """

    modality: ClassVar[str] = "video"

    source: AnyArray | Sequence[Path] | Path | str
    rate: float | None = None
    span: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        source = self.source
        if isinstance(source, str | Path):
            object.__setattr__(self, "source", Path(source))
        elif isinstance(source, Sequence):
            if not source:
                raise InputError(f"{self.id or 'the video'} has no frame")
            object.__setattr__(self, "source", tuple(Path(p) for p in source))
        else:
            frames = np.asarray(source)
            if frames.ndim == 3:
                frames = frames[:, :, :, None]
            if frames.ndim != 4 or 0 in frames.shape or frames.dtype.kind not in "fiub":
                raise InputError(f"a video has time, height, width and channels; this has shape {frames.shape}")
            object.__setattr__(self, "source", frames)

    @cached_property
    def _header(self) -> tuple[int, int, int, float | None]:
        """Frames, height, width and rate of the whole source."""
        source = self.source
        if isinstance(source, np.ndarray):
            return source.shape[0], source.shape[1], source.shape[2], self.rate
        if isinstance(source, tuple):
            height, width = Image(source[0]).grid
            return len(source), height, width, self.rate
        assert isinstance(source, Path)
        av = _av()
        try:
            with av.open(str(source)) as film:
                stream = film.streams.video[0]
                rate = float(stream.average_rate) if stream.average_rate else None
                height, width = stream.codec_context.height, stream.codec_context.width
                count = stream.frames or sum(1 for _ in film.decode(stream))
        except (av.FFmpegError, OSError, IndexError, ValueError) as error:
            raise InputError(f"{source.name} cannot be read as a film: {error}") from None
        return int(count), height, width, self.rate or rate

    @property
    def grid(self) -> tuple[int, ...]:
        count, height, width, _ = self._header
        start, stop = self.span or (0, count)
        return (stop - start, height, width)

    @cached_property
    def observed(self) -> BoolArray:
        return np.ones(self.grid[0], dtype=bool)

    @property
    def frames_per_second(self) -> float | None:
        """Frames per second, or None where neither the caller nor the file says."""
        return self._header[3]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[AnyArray]:
        """Yield frames of shape (h, w, c), one by one, from `start` to `stop` of this sample."""
        first = (self.span or (0, 0))[0]
        last = first + (len(self) if stop is None else min(stop, len(self)))
        first += start
        source = self.source
        if isinstance(source, np.ndarray):
            yield from source[first:last]
        elif isinstance(source, tuple):
            for path in source[first:last]:
                yield Image(path).pixels
        else:
            av = _av()
            with av.open(str(source)) as film:
                for index, frame in enumerate(film.decode(video=0)):
                    if index >= last:
                        return
                    if index >= first:
                        yield frame.to_ndarray(format="rgb24")

    def take(self, start: int, stop: int) -> Video:
        first = (self.span or (0, 0))[0]
        return replace(self, span=(first + start, first + min(stop, len(self))))

    def name(self, place: tuple[int, ...] | int) -> str:
        index = place[0] if isinstance(place, tuple) else place
        frame = index + (self.span or (0, 0))[0]
        rate = self.frames_per_second
        when = f" ({frame / rate:.3f} s)" if rate else ""
        spot = f", x={place[2]}, y={place[1]}" if isinstance(place, tuple) and len(place) == 3 else ""
        return f"frame {frame}{when}{spot}"


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise MissingExtra("video", "av", "reading films") from None
    return av
