"""Pictures: folders of them, read one by one when they are looked at."""

from __future__ import annotations

from tocsin.io.images.finding import PictureFiles, find_picture_files, holds_pictures, is_picture_name
from tocsin.io.images.reading import read_each_image, read_images

__all__ = [
    "PictureFiles",
    "find_picture_files",
    "holds_pictures",
    "is_picture_name",
    "read_each_image",
    "read_images",
]
