"""What a run was made with, so that a reader of its table can judge where differences come from."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from tocsin import __version__

_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "duckdb",
    "torch",
    "xgboost",
    "transformers",
    "opencv-python-headless",
    "ray",
)


def environment() -> dict[str, str]:
    """Return versions and the kind of machine; nothing that names a person or a host.

    Examples
    --------
    >>> "python" in environment()
    True
    """
    found = {
        "tocsin": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(os.cpu_count() or "unknown"),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
