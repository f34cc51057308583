from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.errors import InputError
from tocsin.io.logs import LogTemplates
from tocsin.io.logs.cluster import MOST_COMBINATIONS
from tocsin.io.logs.masks import Masker, tidy


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("PacketResponder 1 for block blk_-38865 terminating", "PacketResponder <*> for block blk_<*> terminating"),
        ("10.0.0.1:50010 Served blk_1 to /10.0.0.2", "<*> Served blk_<*> to <*>"),
        ("10.0.0.1,10.0.0.2 said hi", "<*> said hi"),
        ("rhost=218.188.2.4  user=root logname= tty=ssh", "rhost=<*> user=<*> logname=<*> tty=<*>"),
        ("at Sun Jul 17 15:09:16 2005", "at <*>"),
        ("free 40.7 KB of 12 MB", "free <*> of <*>"),
        ("dcbf.........0", "dcbf <*>"),
        ("core.862 and 0x1fff and deadbeef12 and decade", "core.<*> and <*> and <*> and decade"),
        ("open /var/log/a.log or C:\\Windows\\x.dll failed", "open <*> or <*> failed"),
        ("see https://a.b/c?d=1, mail x.y@z.org", "see <*>, mail <*>"),
        ("[req-addc1839-2ed5-4778-b57e-5854eb7b8b09] done", "[req-<*>] done"),
        ("fe80::1ff:fe23:4567:890a and 00:1b:63:84:45:e6", "<*> and <*>"),
        ("names an1 an2 an3 unknown", "names an<*> unknown"),
        ("-5 and +3.5e-7 and 99% and 3ms", "<*> and <*> and <*> and <*>"),
        ("no values here", "no values here"),
    ],
)
def test_masks(message, masked):
    assert Masker()(message) == masked


def test_a_mask_of_ones_own_comes_first():
    templates = LogTemplates(masks=[r"TICKET \w+"])
    assert templates.fit_line("closing TICKET abc") == templates.fit_line("closing TICKET xyz")
    assert [t.text for t in templates] == ["closing <*>"]
    with pytest.raises(InputError, match="cannot be used"):
        LogTemplates(masks=["("])


def test_words_that_take_turns_stay_apart_until_there_are_too_many():
    templates = LogTemplates(most_words=3)
    numbers = [templates.fit_line(f"machine 7 was {state} today") for state in ("paused", "stopped", "started")]
    assert len(set(numbers)) == 3
    assert next(t.text for t in templates) == "machine <*> was paused today"
    fourth = templates.fit_line("machine 7 was resumed today")
    # The three became one, and numbers handed out earlier say so.
    assert {templates.resolve(n) for n in [*numbers, fourth]} == {templates.resolve(numbers[0])}
    assert [(t.text, t.count) for t in templates] == [("machine <*> was <*> today", 4)]


def test_names_of_users_and_quoted_words_are_values_at_once():
    templates = LogTemplates()
    for user in ("cyrus", "news"):
        templates.fit_line(f"session opened for user {user} by root")
    for service in ("'alpha'", "'beta'"):
        templates.fit_line(f"started service {service} on this machine")
    assert {t.text for t in templates} == {
        "session opened for user <*> by root",
        "started service <*> on this machine",
    }


def test_most_words_of_one_is_plain_drain():
    templates = LogTemplates(most_words=1)
    for state in ("Paused", "Resumed"):
        templates.fit_line(f"the VM is {state}")
    assert [t.text for t in templates] == ["the VM is <*>"]


def test_messages_of_other_length_or_first_word_never_meet():
    templates = LogTemplates(similarity=0.1)
    numbers = templates.fit(["a b c d", "a b c", "x b c d"])
    assert len(set(numbers.tolist())) == 3


def _slow(messages, similarity, depth, most_words):
    """The same rules without tree, caches and aliases: all lines are gone through again after each change."""
    from tocsin.io.logs.cluster import is_word

    mask = Masker()
    clusters: list[dict] = []
    for message in messages:
        tokens = mask(message).split()
        heads = ["<*>" if "<*>" in t else t for t in tokens[: max(1, min(depth, len(tokens) - 1))]]
        fitting = [c for c in clusters if len(c["tokens"]) == len(tokens) and c["heads"] == heads]
        best, most = None, -1
        for c in fitting:
            pairs = zip(c["tokens"], tokens, strict=True)
            count = sum(t in mine if isinstance(mine, list) else t == mine for mine, t in pairs)
            if count > most:
                best, most = c, count
        if best is None or (most < similarity * len(tokens) and not (len(tokens) > 1 and len(tokens) - most <= 1)):
            best = {"tokens": list(tokens), "heads": heads, "lines": []}
            clusters.append(best)
        for i, (mine, new) in enumerate(zip(best["tokens"], tokens, strict=True)):
            if isinstance(mine, list):
                if new not in mine:
                    ok = is_word(new) and len(mine) < most_words
                    best["tokens"][i] = [*mine, new] if ok else "<*>"
            elif mine not in (new, "<*>"):
                named = (
                    i and isinstance(best["tokens"][i - 1], str) and best["tokens"][i - 1].lower() in ("user", "host")
                )
                both = is_word(mine) and is_word(new) and not named
                best["tokens"][i] = [mine, new] if both else "<*>"
        best["lines"].append(tokens)
    texts = []
    for message in messages:
        tokens = mask(message).split()
        for c in clusters:
            if tokens in c["lines"]:
                texts.append(" ".join("<*>" if m == "<*>" else t for m, t in zip(c["tokens"], tokens, strict=True)))
                break
    return texts


words = st.sampled_from(
    ["up", "down", "user", "disk", "link", "failed", "7", "12 KB", "/a/b", "10.0.0.1", "x=1", "bob"]
)
lines = st.lists(st.lists(words, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=40)


@settings(deadline=None, max_examples=150)
@given(lines)
def test_the_fast_miner_is_the_slow_one(messages):
    templates = LogTemplates(similarity=0.6, depth=2, most_words=3)
    numbers = templates.fit(messages)
    texts = templates.texts()
    mine = [texts[int(n)] for n in numbers]
    slow = _slow(messages, 0.6, 2, 3)
    assert mine == slow
    assert sum(t.count for t in templates) == len(messages)
    assert {int(n) for n in numbers} == {t.number for t in templates}


def test_every_line_matches_the_template_that_it_was_given_and_nothing_else_does():
    rng = random.Random(0)
    messages = [f"job {rng.randrange(99)} of {rng.choice(['web', 'db'])} took {rng.random():.3f} s" for _ in range(200)]
    templates = LogTemplates()
    numbers = templates.fit(messages)
    assert [templates.match_line(m) for m in messages] == numbers.tolist()
    before = [(t.text, t.count) for t in templates]
    assert templates.match_line("something else entirely") is None
    assert templates.match_line("job 7 of mail took 3 s") is None  # a word that was never seen in that place
    assert [(t.text, t.count) for t in templates] == before


def test_parameters_fill_the_template_up_to_the_message():
    rng = random.Random(1)
    templates = LogTemplates()
    messages = [f"copied /a/{rng.random()}/b to 10.0.{rng.randrange(9)}.1 in {rng.randrange(99)} ms" for _ in range(50)]
    templates.fit(messages)
    (template,) = templates
    for message in messages:
        words, values = template.text.split("<*>"), templates.parameters(message)
        assert "".join(itertools.chain(*zip(words, [*values, ""], strict=True))) == tidy(message)
    assert templates.parameters("unknown 7") == ()


def test_a_cluster_of_many_combinations_gives_up_its_widest_choice():
    templates = LogTemplates(most_words=8)
    rng = random.Random(0)
    letters = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    for _ in range(3000):
        a, b, c = (rng.choice(letters) for _ in range(3))
        templates.fit_line(f"this is a long line about {a} and {b} and {c} said by nobody")
    assert len(templates) <= MOST_COMBINATIONS
    assert sum(t.count for t in templates) == 3000


def test_the_number_of_templates_is_bounded():
    templates = LogTemplates(most_templates=10)
    numbers = templates.fit([f"{'abcdefghijklmnopqrstuvwxyz'[i] * 5} {'x ' * i}" for i in range(26)])
    assert len(templates) == 11
    assert len(set(numbers[10:].tolist())) == 1
    assert list(templates)[-1].text == "<*>"
    assert list(templates)[-1].count == 16


def test_saved_templates_go_on_as_if_never_saved(tmp_path):
    rng = random.Random(2)
    states = ["paused", "resumed", "stopped"]
    messages = [
        rng.choice(
            [f"VM {rng.randrange(9)} {rng.choice(states)} now", f"read {rng.randrange(99)} of blk_{rng.randrange(9)}"]
        )
        for _ in range(100)
    ]
    templates = LogTemplates()
    templates.fit(messages)
    templates.save(tmp_path / "t.json")
    again = LogTemplates.load(tmp_path / "t.json")
    assert [(t.text, t.count) for t in again] == [(t.text, t.count) for t in templates]
    later = [
        f"VM 1 {word} now"
        for word in ["a", "started", "waiting", "frozen", "moved", "copied", "deleted", "lost", "found"]
    ]
    for line in later:
        texts = [kind.texts()[kind.resolve(kind.fit_line(line))] for kind in (templates, again)]
        assert texts[0] == texts[1]
    assert sorted(t.text for t in again) == sorted(t.text for t in templates)


def test_frozen_templates_keep_their_words_and_new_kinds_get_new_ones():
    templates = LogTemplates(most_words=2)
    templates.fit(["the full disk is sda", "link 7 is up"])
    templates.freeze()
    known = {t.text for t in templates}
    numbers = [templates.fit_line(f"the full disk is {d}") for d in ("sda", "sdb", "sdc", "home", "var", "sda")]
    assert known <= {t.text for t in templates}
    assert [templates.texts()[templates.resolve(n)] for n in numbers] == [
        "the full disk is sda",
        *["the full disk is <*>"] * 4,
        "the full disk is sda",
    ]
    assert templates.match_line("link 8 is up") is not None


@pytest.mark.parametrize(
    "break_it",
    [
        lambda s: s | {"format": "x"},
        lambda s: s | {"version": 99},
        lambda s: s | {"similarity": "high"},
        lambda s: s | {"most_words": -1},
        lambda s: s | {"counts": [1, -1, 1]},
        lambda s: s | {"counts": s["counts"][:-1]},
        lambda s: s | {"counts": [*s["counts"], 1]},
        lambda s: s | {"clusters": {}},
        lambda s: s | {"clusters": [s["clusters"][0], s["clusters"][0]]},
        lambda s: s | {"clusters": [s["clusters"][0] | {"path": []}]},
        lambda s: s | {"clusters": [s["clusters"][0] | {"tokens": [None, 7]}]},
        lambda s: s | {"clusters": [s["clusters"][0] | {"tokens": ["two words"]}]},
        lambda s: s | {"clusters": [s["clusters"][0] | {"choices": {"1": ["only"]}}]},
        lambda s: s | {"clusters": [s["clusters"][0] | {"variants": [["never", 0]]}]},
        lambda s: s | {"masks": ["(a+)+$"]},
        lambda s: {k: v for k, v in s.items() if k != "clusters"},
        lambda s: [s],
    ],
)
def test_a_damaged_or_hostile_state_is_refused_in_one_sentence(tmp_path, break_it):
    templates = LogTemplates()
    templates.fit(["VM up", "VM down", "read 7 blocks"])
    templates.save(tmp_path / "t.json")
    state = json.loads((tmp_path / "t.json").read_text())
    (tmp_path / "t.json").write_text(json.dumps(break_it(state)))
    with pytest.raises(InputError, match=r"t\.json") as caught:
        LogTemplates.load(tmp_path / "t.json")
    assert "\n" not in str(caught.value)


def test_a_state_that_is_no_json_or_nested_for_ever_is_refused(tmp_path):
    for text in ("hello", "[" * 100_000, "", "\0"):
        (tmp_path / "t.json").write_text(text)
        with pytest.raises(InputError, match=r"t\.json"):
            LogTemplates.load(tmp_path / "t.json")
    with pytest.raises(InputError, match="cannot be read"):
        LogTemplates.load(tmp_path / "none.json")


def test_masks_of_a_state_must_be_given_again(tmp_path):
    templates = LogTemplates(masks=[r"T\d+"])
    templates.fit(["closing T7"])
    templates.save(tmp_path / "t.json")
    with pytest.raises(InputError, match="give the same to load"):
        LogTemplates.load(tmp_path / "t.json")
    assert len(LogTemplates.load(tmp_path / "t.json", masks=[r"T\d+"])) == 1


@pytest.mark.parametrize("settings", [{"similarity": 0}, {"similarity": 2}, {"depth": 0}, {"most_words": 0.5}])
def test_settings_that_cannot_be(settings):
    with pytest.raises(InputError):
        LogTemplates(**settings)


@settings(deadline=None)
@given(st.text(st.sampled_from("0159afx./:-_=, K[]\"'@é"), max_size=40), st.permutations("0123456789"))
def test_which_digit_it_is_makes_no_difference_and_none_is_left(message, digits):
    mask = Masker()
    masked = mask(message)
    assert mask(message.translate(str.maketrans("0123456789", "".join(digits)))) == masked
    assert not any(c.isdigit() for c in masked)
