from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core import artifacts
from tocsin.core.artifacts import FORMAT, MEMBERS, is_model, read, write
from tocsin.core.errors import ArtifactError, InputError

TREE = {
    "detector": "robust-z",
    "text": "Temperatur °C",
    "numbers": [1, 2.5, None, True, float("nan"), float("inf")],
    "nested": {"a": [{"b": np.arange(6, dtype=np.float32).reshape(2, 3)}], "empty": np.zeros((0, 4))},
    "when": np.array(["2024-01-01", "NaT"], dtype="datetime64[ns]"),
    "step": np.array([5], dtype="timedelta64[s]"),
    "flags": np.array([True, False]),
    "zero": np.array(3.5),
    "scalar": np.float64(0.1),
}


def same(left, right) -> bool:
    if isinstance(left, np.ndarray):
        return (
            isinstance(right, np.ndarray)
            and left.dtype == right.dtype
            and left.shape == right.shape
            and np.array_equal(left, right, equal_nan=left.dtype.kind in "fmM")
        )
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return left == right or (left != left and right != right)


@pytest.fixture(params=["directory", "file.tocsin"])
def model(request, tmp_path):
    return write(tmp_path / request.param, TREE)


def test_a_tree_comes_back_as_it_was(model):
    assert same(TREE, read(model))
    assert is_model(model)


def test_arrays_come_back_writable(model):
    found = read(model)["nested"]["a"][0]["b"]
    found += 1
    assert found[0, 0] == 1


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.tuples(
        st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u2", "?"]), st.integers(0, 2**31), st.integers(0, 3)
    ).map(lambda t: np.random.default_rng(t[1]).integers(0, 2, size=(2,) * t[2]).astype(t[0])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text().filter(lambda k: k != "__array__"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=5).filter(lambda k: k != "__array__"), values, max_size=3))
def test_any_tree_comes_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("any") / "m.tocsin"
    assert same(tree, read(write(path, tree)))


def test_big_endian_and_transposed_arrays_come_back_with_their_values(tmp_path):
    tree = {"big": np.arange(5, dtype=">i4"), "stamps": np.array([1, 2], dtype=">M8[s]"), "turned": np.ones((2, 3)).T}
    found = read(write(tmp_path / "m", tree))
    assert found["big"].tolist() == [0, 1, 2, 3, 4]
    assert (found["stamps"] == tree["stamps"]).all()
    assert found["turned"].shape == (3, 2)


def test_names_that_are_no_proper_text_survive(tmp_path):
    assert read(write(tmp_path / "m.tocsin", {"channel": "caf\udce9"})) == {"channel": "caf\udce9"}


@pytest.mark.parametrize(
    "what",
    [
        object(),
        {1: 2},
        {"__array__": "a0"},
        np.array(["a"]),
        np.array([object()]),
        1j,
        np.array([1j]),
        b"bytes",
        {1, 2},
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_what_cannot_be_stored_is_refused_by_place(tmp_path, what):
    with pytest.raises(InputError, match=r"state\.deep\[1\].*cannot store"):
        write(tmp_path / "m.tocsin", {"state": {"deep": [0, what]}})
    assert not (tmp_path / "m.tocsin").exists()


def test_equal_models_are_equal_files(tmp_path):
    first, second = write(tmp_path / "a.tocsin", TREE), write(tmp_path / "b.tocsin", TREE)
    assert first.read_bytes() == second.read_bytes()


def test_writing_over_a_model_replaces_it_and_leaves_nothing_else(tmp_path):
    for path in (tmp_path / "m", tmp_path / "m.tocsin"):
        write(path, {"v": 1})
        write(path, {"v": 2})
        assert read(path) == {"v": 2}
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {*MEMBERS, "m.tocsin"}


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match=r"cannot be written to .*taken"):
        write(tmp_path / "taken" / "m.tocsin", TREE)


# ------------------------------------------------------------------------------------------ hostile and damaged


def members(path) -> dict[str, bytes]:
    if path.is_dir():
        return {name: (path / name).read_bytes() for name in MEMBERS}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put(path, content: dict[str, bytes], compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def signed(manifest: dict) -> bytes:
    """The manifest with fitting hashes, as anyone can make them."""
    manifest = json.loads(json.dumps(manifest))
    manifest["sha256"].pop("model.json", None)
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
    manifest["sha256"]["model.json"] = hashlib.sha256(text).hexdigest()
    return json.dumps(manifest).encode()


@pytest.fixture
def parts(tmp_path):
    return members(write(tmp_path / "good.tocsin", TREE))


def refused(path, said: str) -> None:
    with pytest.raises(ArtifactError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_flipped_byte_and_any_cut_is_noticed(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    whole = write(folder / "good.tocsin", TREE).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        (folder / "bad.tocsin").write_bytes(whole[:at])
    else:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << data.draw(st.integers(0, 7))
        (folder / "bad.tocsin").write_bytes(bytes(flipped))
    try:
        found = read(folder / "bad.tocsin")
    except ArtifactError as error:
        said = str(error)
    else:
        # A bit that means nothing (the date in a zip header): whatever is read is what was written.
        assert same(TREE, found)
        return
    assert "\n" not in said


@pytest.mark.parametrize("name", MEMBERS)
def test_an_edited_member_is_named(tmp_path, name):
    folder = write(tmp_path / "m", TREE)
    text = bytearray((folder / name).read_bytes())
    text[-2 if name == "arrays.safetensors" else text.index(b"robust-z")] ^= 1
    (folder / name).write_bytes(bytes(text))
    refused(folder, "edited.*save it again")


def test_members_that_are_missing(tmp_path, parts):
    for name in MEMBERS:
        refused(put(tmp_path / "bad.tocsin", {k: v for k, v in parts.items() if k != name}), "not a tocsin model")
        folder = write(tmp_path / f"without {name[:5]}", TREE)
        (folder / name).unlink()
        refused(folder, f"it has no {name}")
    refused(tmp_path / "nowhere", "there is no model at")


@pytest.mark.parametrize("extra", ["../evil.py", "/etc/passwd", "code.pkl", "model.json/x", "sub/model.json"])
def test_members_that_do_not_belong(tmp_path, parts, extra):
    refused(put(tmp_path / "bad.tocsin", {**parts, extra: b"x"}), "has a member")
    assert not (tmp_path.parent / "evil.py").exists()


def test_two_members_of_one_name(tmp_path, parts):
    path = put(tmp_path / "bad.tocsin", parts)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("model.json", parts["model.json"])
    refused(path, "two members of one name")


def test_compressed_members_may_be_bombs(tmp_path, parts):
    bomb = {**parts, "arrays.safetensors": b"\0" * 10_000_000}
    refused(put(tmp_path / "bad.tocsin", bomb, zipfile.ZIP_DEFLATED), "too large or compressed")


def test_sizes_beyond_any_model_are_refused_before_reading(tmp_path, monkeypatch):
    for path in (write(tmp_path / "m", TREE), write(tmp_path / "m.tocsin", TREE)):
        with monkeypatch.context() as patched:
            patched.setattr(artifacts, "MAX_BYTES", 100)
            refused(path, "larger than any|too large")


def test_an_encrypted_member(tmp_path, parts):
    path = put(tmp_path / "bad.tocsin", parts)
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.index(signature)
        raw[at + offset] |= 1
    path.write_bytes(bytes(raw))
    refused(path, "not a tocsin model")


def test_a_zip_that_lies_about_sizes(tmp_path, parts):
    path = put(tmp_path / "bad.tocsin", parts)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02")
    struct.pack_into("<II", raw, at + 20, 1 << 30, 1 << 30)
    path.write_bytes(bytes(raw))
    refused(path, "cut short|not a tocsin model")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("text.npy", b"\x80\x04pickle"),
        ("empty.tocsin", b""),
        ("words.tocsin", b"hello"),
        ("tail.zip", b"PK\x05\x06" + b"\0" * 18),
    ],
)
def test_files_that_are_no_models(tmp_path, path, content):
    (tmp_path / path).write_bytes(content)
    refused(tmp_path / path, "not a tocsin model")
    assert not is_model(tmp_path / path)


@pytest.mark.parametrize("version", [FORMAT + 1, 0, -1, "1", 1.0, True, None, [1]])
def test_other_formats_are_refused_with_the_remedy(tmp_path, parts, version):
    manifest = {**json.loads(parts["model.json"]), "format": version}
    refused(put(tmp_path / "bad.tocsin", {**parts, "model.json": signed(manifest)}), "update tocsin")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'"text"',
        b"12",
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"format": 1, "sha256": 3}',
        b"1" * 10_000,
    ],
)
def test_a_manifest_that_is_no_manifest(tmp_path, parts, text):
    refused(put(tmp_path / "bad.tocsin", {**parts, "model.json": text}), "model.json")


@pytest.mark.parametrize(
    "content",
    [
        [],
        "text",
        {"x": {"__array__": "missing", "shape": [1]}},
        {"x": {"__array__": ["a0"], "shape": [1]}},
        {"x": {"__array__": "a0"}},
        {"x": {"__array__": "a0", "shape": [7, 7]}},
        {"x": {"__array__": "a0", "shape": "none"}},
        {"x": {"__array__": "a0", "shape": [1e400]}},
        {"x": {"__array__": "a0", "as": "O"}},
        {"x": {"__array__": "a0", "as": "V8"}},
        {"x": {"__array__": "a0", "as": "<M8[ns],("}},
        {"x": {"__array__": "a0", "as": "<M8[zz]"}},
        {"x": {"__array__": "a0", "as": ["<M8[ns]"]}},
        {"x": {"__array__": "a0", "as": {"names": ["a"], "formats": ["O"]}}},
    ],
    ids=str,
)
def test_hostile_content_with_fitting_hashes(tmp_path, parts, content):
    manifest = {**json.loads(parts["model.json"]), "content": content}
    refused(put(tmp_path / "bad.tocsin", {**parts, "model.json": signed(manifest)}), "damaged")


@pytest.mark.parametrize("packed", [b"", b"\0" * 8, struct.pack("<Q", 1 << 62) + b"{}", b"\x02\0\0\0\0\0\0\0{]"])
def test_hostile_arrays_with_fitting_hashes(tmp_path, parts, packed):
    manifest = json.loads(parts["model.json"])
    manifest["sha256"]["arrays.safetensors"] = hashlib.sha256(packed).hexdigest()
    refused(
        put(tmp_path / "bad.tocsin", {"model.json": signed(manifest), "arrays.safetensors": packed}), "damaged.*arrays"
    )


def test_special_files_are_not_opened(tmp_path):
    folder = write(tmp_path / "m", TREE)
    (folder / "arrays.safetensors").unlink()
    os.mkfifo(folder / "arrays.safetensors")
    refused(folder, "it has no arrays.safetensors")


def test_other_files_in_a_directory_are_never_looked_at(tmp_path):
    folder = write(tmp_path / "m", TREE)
    (folder / "code.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert same(TREE, read(folder))
