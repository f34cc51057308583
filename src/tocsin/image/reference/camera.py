"""What a camera that has turned between two passes does to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# Metres between the two cameras below which the turn alone explains most of what moved.
NEAR = 0.03


def rotation_homography(intrinsics: FloatArray, rotation: FloatArray) -> FloatArray:
    """Return the homography that a pure rotation of the camera induces, exact at any depth.

    Parameters
    ----------
    intrinsics : ndarray, shape (3, 3)
        The camera matrix K, in pixels.
    rotation : ndarray, shape (3, 3)
        R, from the reference camera to the query camera. For camera-to-world rotations it is the inverse of the
        query's times the reference's; those of another sensor must be brought to the camera first.

    Returns
    -------
    ndarray, shape (3, 3)
        K R K^-1 with a last element of 1; it takes pixels of the reference to pixels of the query.

    Raises
    ------
    InputError
        If R is no rotation or K cannot be inverted.

    Examples
    --------
    >>> camera = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    >>> bool(np.allclose(rotation_homography(camera, np.eye(3)), np.eye(3)))
    True
    """
    camera, turn = (np.asarray(m, dtype=np.float64) for m in (intrinsics, rotation))
    if camera.shape != (3, 3) or not np.isfinite(camera).all() or abs(np.linalg.det(camera)) < 1e-12:
        raise InputError("the camera matrix must have shape (3, 3) and an inverse")
    if turn.shape != (3, 3) or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-4) or np.linalg.det(turn) < 0:
        raise InputError("the rotation between the cameras must be a matrix of shape (3, 3) that turns and no more")
    found = camera @ turn @ np.linalg.inv(camera)
    return np.asarray(found / found[2, 2])


@dataclass(frozen=True)
class CameraPose:
    """What is known of the two cameras of a pair.

    Parameters
    ----------
    intrinsics : ndarray, shape (3, 3)
    rotation : ndarray, shape (3, 3)
        From the reference camera to the query camera.
    distance : float
        Between them, in metres.
    """

    intrinsics: FloatArray
    rotation: FloatArray
    distance: float = 0.0

    @classmethod
    def of(cls, meta: dict[str, Any], called: str) -> CameraPose | None:
        """Read ``meta["camera"]``, a table with ``intrinsics``, ``rotation`` and perhaps ``distance``.

        Raises
        ------
        InputError
            If it is there and something is missing or no number.
        """
        given = meta.get("camera")
        if given is None:
            return None
        try:
            arrays = [np.asarray(given[name], dtype=np.float64) for name in ("intrinsics", "rotation")]
            return cls(arrays[0], arrays[1], float(given.get("distance", 0.0)))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(
                f"the camera of {called} is described by intrinsics and rotation, both 3 x 3 numbers, and a distance "
                "in metres"
            ) from None

    def homography(self) -> FloatArray | None:
        """Return what the turn does to the picture; None where the cameras stood too far apart for that alone."""
        return rotation_homography(self.intrinsics, self.rotation) if self.distance < NEAR else None
