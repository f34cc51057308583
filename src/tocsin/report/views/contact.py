"""Contact sheet: small copies of many pictures, strangest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Thumb:
    """One small copy.

    Parameters
    ----------
    content : bytes
        The encoded file.
    kind : {'png', 'jpeg', 'webp'}
        Its encoding.
    name : str
        What the picture is called.
    text : str
        Its score, in the measure of the threshold.
    marked : bool
        Whether something was found in it.
    """

    content: bytes
    kind: str
    name: str
    text: str
    marked: bool = False


@dataclass(frozen=True)
class Contact:
    """Small copies in rows; the rest as for `Chart`."""

    thumbs: Sequence[Thumb]
    says: str
    caption: str = ""
    behind: str = ""
