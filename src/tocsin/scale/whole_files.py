"""Writing bytes that came from elsewhere: a file is there whole, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tocsin.core.errors import InputError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
