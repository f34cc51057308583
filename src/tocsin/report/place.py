"""Putting a page where it was asked for, whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tocsin.core.errors import InputError


def place_page(path: Path, text: str, what: str) -> Path:
    """Write a page beside its place and rename it, so that nobody meets half of one.

    Raises
    ------
    InputError
        If the place cannot be written; `what` names the page in the sentence.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):  # the first error is the one to tell
            partial.unlink()
        raise InputError(f"the {what} {path} cannot be written: {error.strerror or error}") from None
    return path
