"""What a file is, by its content first and its name second."""

from __future__ import annotations

import re
import zipfile
from typing import Literal

from tocsin.core.errors import InputError
from tocsin.io.source import Source

Kind = Literal["csv", "json", "parquet", "arrow", "npy", "npz", "plain"]

# First bytes -> what it is and what to do about it.
_FOREIGN = (
    (b"BZh", "is compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first and read the files in it"),
    (b"Rar!", "is a RAR archive: unpack it first and read the files in it"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file: write its table as Parquet or CSV first"),
    (b"CDF\x01", "is a NetCDF file: write its table as Parquet or CSV first"),
    (b"CDF\x02", "is a NetCDF file: write its table as Parquet or CSV first"),
    (b"MATLAB 5.0", "is a MATLAB file: write its arrays as .npy or CSV first"),
    (b"SQLite format 3\x00", "is an SQLite database: write its table as Parquet or CSV first"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel or Office file: save it as CSV first"),
    (b"Obj\x01", "is an Avro file: write it as Parquet or CSV first"),
    (b"%PDF", "is a PDF, not a table"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
# A text file may hold these below the space: tab, line feed, form feed, carriage return, and the escape of terminals.
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE)


def recognise(source: Source) -> Kind:
    """Say which reader takes a file.

    Raises
    ------
    InputError
        If none does; the sentence says what the file is and what to do.

    Notes
    -----
    To read another modality, recognise it here and add its reader to `tocsin.io.reading`.
    """
    head, where = source.head, source.where
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"FEA1")) or (head.startswith(b"\xff\xff\xff\xff") and source.suffix == ".arrows"):
        return "arrow"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(source)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{where} {what}")
    if head[257:262] == b"ustar":
        raise InputError(f"{where} is a tar archive: unpack it first and read the files in it")
    if _PICKLE.match(head):
        raise InputError(
            f"{where} is a Python pickle, which can run any code when it is opened, and is never read: "
            "save the array again with numpy.save(..., allow_pickle=False)"
        )
    if source.suffix in (".npy", ".npz", ".parquet"):
        raise InputError(f"{where} is no {source.suffix[1:]} file: its first bytes are {head[:6]!r}; write it again")
    return _text(source)


def _zip(source: Source) -> Kind:
    """Tell an npz from other zip files by the names of its members; nothing is unpacked."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeError) as error:
        raise InputError(f"{source.where} is a damaged zip or npz file: {error}; copy or download it again") from None
    if members and all(name.endswith(".npy") for name in members):
        return "npz"
    if "[Content_Types].xml" in members:
        raise InputError(f"{source.where} is an Excel workbook: save its sheet as CSV first")
    inside = f" ({', '.join(members[:3])}{' ...' if len(members) > 3 else ''})" if members else ""
    raise InputError(f"{source.where} is a zip archive{inside}: unpack it first and read the files in it")


def _text(source: Source) -> Kind:
    head = source.head
    if b"\0" in head:
        if head[1::2].count(0) > len(head) // 4 or head[::2].count(0) > len(head) // 4:
            raise InputError(
                f"{source.where} looks like UTF-16 without a byte order mark: "
                "convert it with iconv -f utf-16le -t utf-8, then read the copy"
            )
        raise InputError(f"{source.where} is no text, and no format that tocsin reads: it holds a zero byte")
    if len(head) - len(head.translate(None, _CONTROL)) > len(head) // 100:
        raise InputError(f"{source.where} is binary data in no format that tocsin reads")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise InputError(f"{source.where} holds nothing but blanks")
    if start[:1] == b"{" or (start[:1] == b"[" and source.suffix not in (".csv", ".tsv")):
        return "json"
    return "plain" if _is_plain(start, source.whole) else "csv"


def _is_plain(start: bytes, whole: bool) -> bool:
    """Tell whether these are numbers with blanks between them, more than one in a line."""
    text = start.decode("latin-1")
    lines = text.splitlines()
    # A single endless line is cut within a number, which may leave a lone "-" or "1e".
    split = [line.split() for line in (lines if whole or len(lines) == 1 else lines[:-1])[:50]]
    if not whole and len(split) == 1:
        split[0].pop()
    words = [word for line in split for word in line[:1000]]
    return any(len(line) > 1 for line in split) and all(_NUMBER.fullmatch(word) for word in words)
