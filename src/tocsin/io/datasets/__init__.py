"""Public data sets, recognised by their shape on disk and read as data sets with truth."""

from __future__ import annotations

from tocsin.io.datasets.recognise import layouts, read_dataset

__all__ = ["layouts", "read_dataset"]
