"""The table encoder: codes and words there and back, what is unseen, missing, too many, or stored and damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core import artifacts
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Events
from tocsin.core.samples.events import Column
from tocsin.events._bins import Bins
from tocsin.events._encoder import TableEncoder
from tocsin.events._vocabulary import Vocabulary

WORDS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5))


@given(st.lists(WORDS, min_size=1, max_size=40), st.lists(WORDS, min_size=1, max_size=40))
def test_seen_words_come_back_and_others_are_unseen(learned, scored):
    encoder = TableEncoder().fit([Events({"w": learned})])
    codes = encoder.encode(Events({"w": scored}))[:, 0]
    known = {w or None for w in learned}
    for word, code in zip(scored, codes, strict=True):
        word = word or None
        if word not in known:
            assert code == 0
        else:
            assert encoder.words("w", code) == ("(missing)" if word is None else word)


def test_codes_go_by_frequency_over_all_samples():
    encoder = TableEncoder().fit([Events({"w": ["a", "b", "b"]}), Events({"w": ["c", "c", "c", "a"]})])
    assert [encoder.words(0, i) for i in range(4)] == ["(unseen)", "c", "a", "b"]
    weighted = TableEncoder().fit([Events({"w": ["a", "b", "b"]})], [np.array([5.0, 1, 1])])
    assert weighted.words(0, 1) == "a"


def test_words_that_no_row_uses_are_not_learned():
    cut = Events({"w": ["a", "b", "c"]}).take(0, 1)
    encoder = TableEncoder().fit([cut])
    assert encoder.sizes.tolist() == [2]
    assert encoder.encode(Events({"w": ["b"]})).tolist() == [[0]]


def test_the_word_missing_is_not_what_is_missing():
    encoder = TableEncoder().fit([Events({"w": ["(missing)", "(missing)", None]})])
    codes = encoder.encode(Events({"w": ["(missing)", None]}))[:, 0]
    assert codes.tolist() == [1, 2]
    never = TableEncoder().fit([Events({"w": ["a", "a"]})])
    assert never.encode(Events({"w": [None]})).tolist() == [[0]]


def test_bins_hold_equal_shares_and_have_their_own_place_for_missing_and_outside():
    values = np.append(np.arange(1000.0), np.nan)
    bins = Bins.of(values, 10)
    counts = np.bincount(bins.encode(values))
    assert counts[1:11].tolist() == [100] * 10
    assert counts[11] == 1
    assert bins.word(11) == "(missing)"
    assert bins.word(2) == "100 to 199"
    assert bins.encode(np.array([-1.0, 1000.0, np.inf, -np.inf])).tolist() == [0, 0, 0, 0]
    assert bins.word(0) == "outside 0 to 999"
    assert Bins.of(np.arange(5.0)).encode(np.array([np.nan])).tolist() == [0]


@given(st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=60), st.integers(1, 12))
def test_every_learned_number_lies_in_the_bin_that_its_word_states(values, count):
    values = np.array(values)
    bins = Bins.of(values, count)
    codes = bins.encode(values)
    assert (codes > 0).all()
    assert (bins.low[codes - 1] <= values).all()
    assert (values <= bins.high[codes - 1]).all()
    assert len(bins.low) <= 2 * count + 1


def test_a_frequent_value_has_a_bin_of_its_own():
    values = np.concatenate((np.zeros(900), np.linspace(0.01, 5, 100)))
    bins = Bins.of(values, 10)
    assert bins.word(1) == "0"
    assert bins.encode(np.array([0.0, 0.01])).tolist() == [1, 2]


def test_columns_come_in_order_entities_first_and_others_are_left_aside():
    train = Events({"b": ["x", "y"], "a": ["x", "x"]}, {"n": [1.0, 2.0], "weight": [1, 1]})
    encoder = TableEncoder(exclude=("weight",)).fit([train])
    assert encoder.columns == ("b", "a", "n")
    assert encoder.is_number.tolist() == [False, False, True]
    shuffled = Events({"a": ["x"], "extra": ["?"], "b": ["y"]}, {"n": [2.0]})
    assert encoder.encode(shuffled).tolist() == [[2, 1, 2]]
    assert encoder.count_unseen(encoder.encode(Events({"a": ["q"], "b": ["q"]}, {"n": [9.0]}))).tolist() == [3]


def test_a_missing_column_is_refused_with_the_nearest_names():
    encoder = TableEncoder().fit([Events({"process": ["a", "b"], "user": ["u", "v"]})])
    with pytest.raises(InputError, match=r"no entity column 'process'.*did you mean proces\?"):
        encoder.encode(Events({"proces": ["a"], "user": ["u"]}))
    with pytest.raises(InputError, match="was learned as entity column"):
        encoder.encode(Events({"user": ["u"]}, {"process": [1.0]}))
    with pytest.raises(InputError, match="no entity column 'user'"):
        TableEncoder().fit([Events({"process": ["a"], "user": ["u"]}), Events({"process": ["a"]})])


def test_too_many_values_are_kept_hashed_or_refused():
    many = Events({"id": [f"u{i}" for i in range(500)] + ["root"] * 5})
    assert TableEncoder(max_values=100).fit([many]).sizes.tolist() == [502]
    hashed = TableEncoder(max_values=100, beyond="hashed").fit([many])
    assert hashed.sizes.tolist() == [1 + 100 + 100]
    codes = hashed.encode(Events({"id": ["root", "u499", "u499", "never"]}))[:, 0]
    assert codes[0] == 1
    assert codes[1] == codes[2] > 100
    assert codes[3] > 100
    assert "bucket" in hashed.words("id", codes[1])
    with pytest.raises(InputError, match=r"'id' has 501 different values.*100"):
        TableEncoder(max_values=100, beyond="refused").fit([many])
    with pytest.raises(InputError, match="did you mean hashed"):
        TableEncoder(beyond="hash").fit([many])


def test_growing_keeps_old_codes():
    encoder = TableEncoder().fit([Events({"w": ["a", "b", "b"]}, {"n": [1.0, 2.0, 3.0]})])
    before = encoder.encode(Events({"w": ["a", "b"]}, {"n": [1.0, 3.0]}))
    fresh = encoder.grow([Events({"w": ["c", "a", None, "d"]}, {"n": [7.0] * 4})])
    assert fresh == {"w": 3, "n": 0}
    assert np.array_equal(encoder.encode(Events({"w": ["a", "b"]}, {"n": [1.0, 3.0]})), before)
    assert {encoder.words("w", i) for i in (3, 4, 5)} == {"c", "d", "(missing)"}
    assert encoder.encode(Events({"w": [None]}, {"n": [7.0]}))[0, 1] == 0
    assert encoder.grow([Events({"w": ["c"]}, {"n": [1.0]})]) == {"w": 0, "n": 0}


@pytest.mark.parametrize("beyond", ["kept", "hashed"])
def test_a_stored_encoder_encodes_alike(tmp_path, beyond):
    train = Events(
        {"w": ["ä", "\udc80odd", None, "=1+1", "ä", "\x1b[31m"], "v": list("abcdef")}, {"n": [1, 2, np.nan, 4, 5, 6]}
    )
    encoder = TableEncoder(bins=3, max_values=3, beyond=beyond).fit([train])
    stored = artifacts.read(artifacts.write(tmp_path / "e.tocsin", encoder.state()))
    again = TableEncoder.from_state(stored)
    test = Events({"w": ["\udc80odd", "new", None], "v": list("azc")}, {"n": [9, np.nan, 2]})
    assert np.array_equal(again.encode(test), encoder.encode(test))
    assert [again.words("w", i) for i in range(7)] == [encoder.words("w", i) for i in range(7)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s["parts"][0].update(missing=99),
        lambda s: s["parts"][0].update(lengths=np.array([5, 5], dtype=np.int32)),
        lambda s: s["parts"][0].update(kind="other"),
        lambda s: s["parts"][0].update(text=np.full(2, 255, dtype=np.uint8)),
        lambda s: s["parts"][1].update(low=np.array([np.nan, 1.0])),
        lambda s: s["parts"][1].update(low=s["parts"][1]["low"][::-1].copy(), high=s["parts"][1]["high"][::-1].copy()),
        lambda s: s.update(columns=["a", "a"]),
        lambda s: s.update(columns=["a"]),
        lambda s: s.pop("parts"),
    ],
)
def test_a_damaged_encoder_is_refused(damage):
    state = TableEncoder(bins=2).fit([Events({"w": ["a", "b"]}, {"n": [1.0, 2.0]})]).state()
    damage(state)
    with pytest.raises(ArtifactError, match="damaged"):
        TableEncoder.from_state(state)


def test_rows_are_never_looked_up_one_by_one(monkeypatch):
    rng = np.random.default_rng(0)
    rows = 1_000_000
    sizes = (24, 100, 500, 1000, 3000, 5000)
    columns = {
        f"c{k}": Column(rng.integers(size, size=rows, dtype=np.int32), tuple(f"w{i}" for i in range(size)))
        for k, size in enumerate(sizes)
    }
    encoder = TableEncoder().fit([Events(columns)])
    looked_up = []
    original = Vocabulary.codes_of
    monkeypatch.setattr(Vocabulary, "codes_of", lambda self, w: (looked_up.append(len(w)), original(self, w))[1])
    codes = encoder.encode(Events(columns))
    assert codes.shape == (rows, 6)
    assert looked_up == list(sizes)
    for k, name in enumerate(columns):
        assert encoder.words(name, codes[7, k]) == columns[name].vocabulary[columns[name].codes[7]]
