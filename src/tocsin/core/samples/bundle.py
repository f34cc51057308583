"""Bundle: named samples that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tocsin.core.errors import InputError
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray


@dataclass(frozen=True, eq=False)
class Bundle(Sample):
    """Samples that belong together: audio and IMU, metrics and logs, query and reference, the views of one part.

    Its places are those of one member, the `primary` one; the others are context, or become `parts` of the scores.

    Parameters
    ----------
    members : mapping of str to Sample
        At least one.
    primary : str, optional
        Whose places the scores have; the first member when left out.

    Raises
    ------
    InputError
        If there is no member, a member is no sample, or `primary` names none of them.

    Examples
    --------
    >>> from tocsin.core.samples import Series
    >>> b = Bundle({"imu": Series([1.0, 2.0]), "audio": Series([0.1, 0.2, 0.3])}, primary="audio")
    >>> b.grid
    (3,)
    """

    modality: ClassVar[str] = "bundle"

    members: Mapping[str, Sample]
    primary: str = ""

    def __post_init__(self) -> None:
        members = dict(self.members)
        if not members:
            raise InputError("a bundle needs at least one member")
        for name, member in members.items():
            if not isinstance(member, Sample):
                raise InputError(f"the member {name!r} of the bundle is a {type(member).__name__}, not a sample")
        primary = self.primary or next(iter(members))
        if primary not in members:
            raise InputError(f"the bundle has no member {primary!r}; it has {', '.join(members)}")
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "primary", primary)

    def __getitem__(self, name: str) -> Sample:
        return self.members[name]

    @property
    def main(self) -> Sample:
        """The member whose places the scores have."""
        return self.members[self.primary]

    @property
    def grid(self) -> tuple[int, ...]:
        return self.main.grid

    @property
    def observed(self) -> BoolArray:
        return self.main.observed

    def take(self, start: int, stop: int) -> Bundle:
        """Cut the primary member, and members of the same length with it; others stay whole."""
        cut = {k: m.take(start, stop) if len(m) == len(self) else m for k, m in self.members.items()}
        return Bundle(cut, self.primary, id=self.id, meta=self.meta, repairs=self.repairs)

    def name(self, place: tuple[int, ...] | int) -> str:
        return self.main.name(place)
