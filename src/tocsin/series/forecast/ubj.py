"""Reading Universal Binary JSON strictly, and checking that it holds boosted trees and nothing else.

The library that grows the trees reads its own files in C++ and trusts them. A model may come from a stranger, so its
bytes are read here first: a tree whose children lead out of its arrays, or round in a circle, never gets that far.
"""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np

from tocsin.core.errors import InputError

NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
DEEPEST = 16
MOST_TREES = 100_000
NODE_ARRAYS = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_conditions",
    "split_type",
    "base_weights",
    "default_left",
    "sum_hessian",
    "loss_changes",
)


def check_trees(raw: bytes, features: int) -> int:
    """Return how many trees some bytes hold, after checking all of them.

    Parameters
    ----------
    raw : bytes
        A model of gradient-boosted regression trees.
    features : int
        How many features its rows must have.

    Raises
    ------
    InputError
        If the bytes are no sound model of that kind.
    """
    try:
        learner = read(raw)["learner"]
        booster, sizes = learner["gradient_booster"], learner["learner_model_param"]
        model, objective = booster["model"], learner["objective"]["name"]
        trees, groups, ends = model["trees"], np.asarray(model["tree_info"]), np.asarray(model["iteration_indptr"])
        base = [float(x) for x in re.split(r"[\[\], ]+", str(sizes["base_score"])) if x]
        sound = (
            booster["name"] == "gbtree"
            and objective == "reg:squarederror"
            and (int(sizes["num_feature"]), int(sizes["num_class"]), int(sizes["num_target"])) == (features, 0, 1)
            and len(base) == 1
            and bool(np.isfinite(base).all())
            and int(model["gbtree_model_param"]["num_trees"]) == len(trees) <= MOST_TREES
            and int(model["gbtree_model_param"]["num_parallel_tree"]) == 1
            and groups.shape == (len(trees),)
            and not groups.any()
            and ends.tolist() == list(range(len(trees) + 1))
            and not any(len(v) for v in model.get("cats", {}).values())
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"a stored forecaster is damaged: {error}") from None
    if not sound:
        raise InputError(f"a stored forecaster is damaged: it holds no regression trees over {features} features")
    for number, tree in enumerate(trees):
        if not _is_tree(tree, features):
            raise InputError(f"a stored forecaster is damaged: tree {number} is none")
    return len(trees)


def _is_tree(tree: Any, features: int) -> bool:
    try:
        nodes = int(tree["tree_param"]["num_nodes"])
        arrays = {
            k: np.asarray(tree[k]) for k in (*NODE_ARRAYS, "parents", "split_type", "sum_hessian", "loss_changes")
        }
        plain = int(tree["tree_param"]["num_feature"]) == features and int(tree["tree_param"]["num_deleted"]) == 0
        plain &= int(tree["tree_param"]["size_leaf_vector"]) in (0, 1)
        plain &= not any(len(tree[k]) for k in tree if k.startswith("categories"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    if not plain or nodes < 1 or any(a.shape != (nodes,) or a.dtype.kind not in "fiu" for a in arrays.values()):
        return False
    left, right, at = arrays["left_children"], arrays["right_children"], np.arange(nodes)
    inner = left != -1
    children = np.concatenate((left[inner], right[inner]))
    # Children after their parents, each of one parent: no circle, and no way out.
    return bool(
        (right[~inner] == -1).all()
        and (left[inner] > at[inner]).all()
        and (right[inner] > at[inner]).all()
        and (children < nodes).all()
        and np.unique(children).size == children.size == nodes - 1
        and (arrays["parents"][children] == np.concatenate((at[inner], at[inner]))).all()
        and (arrays["split_indices"] >= 0).all()
        and (arrays["split_indices"] < features).all()
        and not arrays["split_type"].any()
        and all(np.isfinite(a).all() for a in arrays.values())
    )


def read(raw: bytes) -> Any:
    r"""Return the tree of values that Universal Binary JSON holds; typed arrays as numpy arrays.

    Raises
    ------
    InputError
        If the bytes are cut short, run on, or are too deep.

    Examples
    --------
    >>> read(b"{L" + bytes(7) + b"\x01a[$U#L" + bytes(7) + b"\x02\x05\x06}")["a"].tolist()
    [5, 6]
    """
    try:
        value, end = _value(raw, 0, DEEPEST)
    except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"a stored forecaster is damaged: its bytes cannot be read ({error})") from None
    if end != len(raw):
        raise InputError("a stored forecaster is damaged: there are bytes after its end")
    return value


def _value(raw: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth < 0:
        raise ValueError("too deep")
    kind, at = chr(raw[at]), at + 1
    if kind == "{":
        return _table(raw, at, depth)
    if kind == "[":
        return _array(raw, at, depth)
    if kind == "S":
        return _text(raw, at)
    if kind in "TF":
        return kind == "T", at
    if kind in NUMBERS:
        dtype = np.dtype(NUMBERS[kind])
        if at + dtype.itemsize > len(raw):
            raise ValueError("cut short")
        return np.frombuffer(raw, dtype, 1, at)[0].item(), at + dtype.itemsize
    raise ValueError(f"there is no kind {kind!r}")


def _table(raw: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while raw[at] != ord("}"):
        key, at = _text(raw, at)
        if key in found:
            raise ValueError(f"{key!r} occurs twice")
        found[key], at = _value(raw, at, depth - 1)
    return found, at + 1


def _array(raw: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = ""
    if raw[at] == ord("$"):
        kind, at = chr(raw[at + 1]), at + 2
        if kind not in NUMBERS:
            raise ValueError(f"there are no arrays of kind {kind!r}")
    if raw[at] != ord("#"):
        raise ValueError("an array does not say how long it is")
    count, at = _count(raw, at + 1)
    if kind:
        dtype = np.dtype(NUMBERS[kind])
        end = at + count * dtype.itemsize
        if end > len(raw):
            raise ValueError("cut short")
        return np.frombuffer(raw, dtype, count, at), end
    items = []
    for _ in range(count):
        item, at = _value(raw, at, depth - 1)
        items.append(item)
    return items, at


def _text(raw: bytes, at: int) -> tuple[str, int]:
    count, at = _count(raw, at)
    return raw[at : at + count].decode(), at + count


def _count(raw: bytes, at: int) -> tuple[int, int]:
    if raw[at] != ord("L"):
        raise ValueError("a length is no 64-bit number")
    count = int(struct.unpack_from(">q", raw, at + 1)[0])
    if not 0 <= count <= len(raw) - at:
        raise ValueError("cut short")
    return count, at + 9
