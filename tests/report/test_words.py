"""Texts are inert and numbers read well."""

from __future__ import annotations

import math
import re

import pytest

from tocsin.report.words import chart_text, how_often, listed, number, share, span, visible


def test_hostile_text_becomes_harmless(hostile):
    text = visible(hostile, 1000)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert "␛[31m" in text
    text.encode("utf-8")


def test_ordinary_names_of_all_scripts_stay_as_they_are():
    for name in ("Temperatur °C", "温度", "درجة", "👩‍🔬", "café", "a\u200db"):
        assert visible(name) == name


def test_long_text_is_cut_and_says_so():
    assert len(visible("x" * 10_000)) == 240
    assert visible("x" * 10_000).endswith("…")


def test_chart_labels_are_no_markup():
    assert chart_text('<a href="javascript:x">&amp;</a>') == '&lt;a href="javascript:x"&gt;&amp;amp;&lt;/a&gt;'


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 µs"),
        (2.5e-4, "250 µs"),
        (59.4, "59.4 s"),
        (59.8, "1 min"),
        (3599.9, "1 h"),
        (86_399, "1 d"),
        (86_400 * 3 + 7200, "3 d 02 h"),
        (86_400 * 400, "400 d"),
        (86_400 * 365.25 * 3, "3.0 years"),
    ],
)
def test_spans(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (999.96, "1000"), (1234.5, "1\u202f234"), (math.nan, "none"), (-math.inf, "−∞"), (-0.25, "−0.25")],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize("value", [1.5e-320, 9.99e-4, 1e300, 123456789.0, 1e-3])
def test_numbers_of_any_size_are_short_and_right(value):
    text = number(value).replace("\u202f", "")
    plain = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
    assert float(plain) == pytest.approx(value, rel=6e-3)
    assert len(text) <= 12


def test_rates_and_shares():
    assert how_often(0) == "less than once in 1000 years"
    assert how_often(1.0) == "once a day"
    assert how_often(1 / 400) == "once in 13 months"
    assert share(0.9999) == "100 %"
    assert share(1.0) == "100 %"


def test_lists_say_how_many_more():
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
