"""Models on disk: JSON and safetensors, hashed, versioned; nothing in them is ever executed.

A model is a directory, or one file (a plain zip) with the same two members:

``model.json``
    Format version, detector name, parameters, learned state as a tree in which arrays are named, the SHA-256 of the
    arrays, and of the rest of this file itself; versions of the libraries that wrote it.
``arrays.safetensors``
    The arrays.

The hashes reveal damage and careless edits. They do not prove who made a model: whoever can write it can also write
fitting hashes, which is harmless as far as code goes, since a model holds only numbers and words.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.core.errors import ArtifactError, InputError

FORMAT = 1
MEMBERS = ("model.json", "arrays.safetensors")
MAX_BYTES = 4 << 30


def write(path: str | Path, content: dict[str, Any]) -> Path:
    """Write a tree of JSON values and arrays; a path with a suffix becomes one file, another one a directory.

    Raises
    ------
    InputError
        If the place cannot be written, or the tree holds something that a model cannot store.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    tree = _take_out(content, arrays, "")
    packed = save(arrays)
    manifest = {
        "format": FORMAT,
        "content": tree,
        "sha256": {"arrays.safetensors": hashlib.sha256(packed).hexdigest()},
        "written_with": _versions(),
    }
    manifest["sha256"]["model.json"] = _own_hash(manifest)
    text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=True).encode(errors="surrogatepass")
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix and not target.is_dir():
            _replace(target, _zip({"model.json": text, "arrays.safetensors": packed}))
        else:
            target.mkdir(exist_ok=True)
            _replace(target / "arrays.safetensors", packed)
            _replace(target / "model.json", text)
    except OSError as error:
        raise InputError(f"the model cannot be written to {target}: {error.strerror or error}") from None
    return target


def read(path: str | Path) -> dict[str, Any]:
    """Read what `write` wrote, after checking all of it.

    Raises
    ------
    ArtifactError
        If the model is missing, damaged, edited or newer than this version, or if one file holds anything but its two
        members. Other files in a model's directory are never looked at.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    source = Path(path)
    members = _members(source)
    try:
        manifest = json.loads(members["model.json"])
        stated = dict(manifest["sha256"])
        version = manifest["format"]
        own = stated.pop("model.json", None)
        computed = _own_hash({**manifest, "sha256": stated})
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArtifactError(f"{source} is damaged: its model.json cannot be read") from None
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise ArtifactError(f"{source} has format {version!r}; this tocsin reads up to {FORMAT}: update tocsin")
    packed = members["arrays.safetensors"]
    if stated.get("arrays.safetensors") != hashlib.sha256(packed).hexdigest():
        raise ArtifactError(f"{source} is damaged or was edited: the arrays do not match their hash; save it again")
    if own != computed:
        raise ArtifactError(f"{source} is damaged or was edited: model.json does not match its hash; save it again")
    try:
        arrays = load(packed)
        content = _put_back(manifest["content"], arrays)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ArtifactError(f"{source} is damaged: its arrays cannot be read ({error})") from None
    if not isinstance(content, dict):
        raise ArtifactError(f"{source} is damaged: it holds no model")
    return content


def is_model(path: str | Path) -> bool:
    """Say whether a path looks like a model, without trusting it."""
    source = Path(path)
    if source.is_dir():
        return (source / "model.json").is_file() and (source / "arrays.safetensors").is_file()
    if not source.is_file() or not zipfile.is_zipfile(source):
        return False
    try:
        with zipfile.ZipFile(source) as archive:
            return "model.json" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def _members(source: Path) -> dict[str, bytes]:
    if not source.exists():
        raise ArtifactError(f"there is no model at {source}")
    try:
        if source.is_dir():
            return {name: _bounded(source / name) for name in MEMBERS}
        with zipfile.ZipFile(source) as archive:
            if len(archive.infolist()) > len(set(archive.namelist())):
                raise ArtifactError(f"{source} is not a tocsin model: it has two members of one name")
            for info in archive.infolist():
                if info.filename not in MEMBERS:
                    raise ArtifactError(
                        f"{source} is not a tocsin model: it has a member {info.filename[:80]!r}, and models have "
                        f"{' and '.join(MEMBERS)} only"
                    )
                if info.file_size > MAX_BYTES or info.compress_type != zipfile.ZIP_STORED:
                    raise ArtifactError(f"{source} is not a tocsin model: {info.filename} is too large or compressed")
            return {name: archive.read(name) for name in MEMBERS}
    except ArtifactError:
        raise
    except OSError as error:
        raise ArtifactError(f"{source} cannot be read: {error.strerror or error}") from None
    # RuntimeError: an encrypted member, or a kind of zip that Python does not read; ValueError: names and sizes.
    except (zipfile.BadZipFile, KeyError, EOFError, RuntimeError, ValueError, struct.error, OverflowError):
        raise ArtifactError(f"{source} is not a tocsin model, or is cut short") from None


def _bounded(file: Path) -> bytes:
    if not file.is_file():
        raise ArtifactError(f"{file.parent} is not a tocsin model: it has no {file.name}")
    if file.stat().st_size > MAX_BYTES:
        raise ArtifactError(f"{file} is larger than any model tocsin writes")
    return file.read_bytes()


def _replace(target: Path, data: bytes) -> None:
    """Write beside the target and rename, so that a crash leaves the old file whole."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            # A fixed date makes equal models equal files.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def _own_hash(manifest: dict[str, Any]) -> str:
    # File systems hand out names that are no proper text; they are hashed as they are.
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("tocsin", "numpy", "scipy", "scikit-learn", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _take_out(value: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
    """Replace arrays in a tree by their names, collecting them in `arrays`."""
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        if value.dtype.kind in "Mm":
            stamps = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
            arrays[name] = stamps.view(np.int64)
            return {"__array__": name, "as": stamps.dtype.str}
        if value.dtype.kind not in "fiub" or value.dtype.itemsize > 8:
            raise InputError(f"{where or 'the state'} holds an array of {value.dtype}, which a model cannot store")
        arrays[name] = np.ascontiguousarray(value)
        # safetensors flattens zero-dimensional arrays in some versions; the shape is kept here.
        return {"__array__": name, "shape": list(value.shape)}
    if isinstance(value, np.generic) and value.dtype.kind in "fiubU":
        return value.item()
    if isinstance(value, dict):
        for key in value:
            # Other keys would come back as text, and this one as an array.
            if not isinstance(key, str) or key == "__array__":
                raise InputError(
                    f"{where or 'the state'} holds a table with the key {key!r}, which a model cannot store"
                )
        return {k: _take_out(v, arrays, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_take_out(v, arrays, f"{where}[{i}]") for i, v in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(f"{where or 'the state'} holds a {type(value).__name__}, which a model cannot store")


def _put_back(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if "__array__" in value:
            array = arrays[value["__array__"]]
            if "as" in value:
                if not re.fullmatch(r"<[mM]8(\[\d*[a-zA-Z]{1,2}\])?", str(value["as"])):
                    raise ValueError("an array claims a type that models do not have")
                return array.astype(np.int64, casting="safe").view(value["as"])
            # Arrays read from a buffer cannot be written to; a model that goes on learning has to.
            return array.reshape([int(n) for n in value["shape"]]).copy()
        return {k: _put_back(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        return [_put_back(v, arrays) for v in value]
    return value
