"""The pictures and slow twins that several test files share."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pictures():
    path = Path(__file__).resolve().parent / "pictures.py"
    spec = importlib.util.spec_from_file_location("image_pictures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
