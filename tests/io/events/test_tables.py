"""Tables of events: what each column becomes, exact codes, bad input, and chunks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Series
from tocsin.io import read
from tocsin.io.events import read_events, stream_events
from tocsin.io.events.lookup import Lookup

Write = Callable[..., Path]


def said(events: Events) -> list[str]:
    return [str(repair) for repair in events.repairs]


def logins(rows: int = 200, header: str = "time,user,port,bytes,note,site") -> str:
    lines = [header]
    for i in range(rows):
        stamp = np.datetime64("2026-01-01T00:00:00") + np.timedelta64(i * i % 7 + i * 10, "s")
        text = f"the connection number {i} was opened by somebody"
        lines.append(f"{str(stamp).replace('T', ' ')},u{i % 5},{(22, 80, 443)[i % 3]},{i * 1.5},{text},one")
    return "\n".join(lines) + "\n"


def test_columns_are_typed_by_name_and_values(write: Write) -> None:
    found = read_events(write(logins()))
    assert list(found.entities) == ["user", "port"]
    assert found.entities["port"].vocabulary == ("22", "443", "80")
    assert list(found.numbers) == ["bytes"]
    assert found.time is not None
    assert "site: is constant (one): left out" in said(found)
    assert any(text.startswith("note: holds messages, which differ in 100% of the rows") for text in said(found))
    assert found.text is not None
    assert found.text[3] == "the connection number 3 was opened by somebody"
    assert found.meta["format"] == "table"


def test_what_the_caller_names_is_read_as_named(write: Write) -> None:
    path = write(logins())
    found = read_events(path, entities=["site", "user"], numbers="port")
    assert list(found.entities) == ["site", "user"]
    assert list(found.numbers) == ["port"]
    found = read_events(path, trace="user")
    assert found.trace is not None
    assert found.by_trace()[0] == ("u0", "u1", "u2", "u3", "u4")
    assert "user" not in found.entities


def test_a_missing_column_is_refused_with_the_nearest_names(write: Write) -> None:
    path = write(logins())
    for options in ({"entities": ["usr"]}, {"numbers": ["usr"]}, {"trace": "usr"}, {"time": "usr"}):
        with pytest.raises(InputError, match=r"events.csv has no column 'usr'; did you mean user\?"):
            read_events(path, **options)
    with pytest.raises(InputError, match="named both as an entity and as a number"):
        read_events(path, entities="port", numbers="port")
    with pytest.raises(InputError, match="holds no numbers: read it as an entity"):
        read_events(path, numbers="user")


def test_words_among_numbers_make_an_entity(write: Write) -> None:
    lines = ["port,user"] + [f"{'OTHER' if i % 4 == 0 else i % 9},u{i % 3}" for i in range(80)]
    found = read_events(write("\n".join(lines)))
    assert "OTHER" in found.entities["port"].vocabulary


def test_whole_numbers_of_many_values_are_amounts(write: Write) -> None:
    """Though the first thousand rows show few of them."""
    lines = ["user,size"] + [f"u{i % 7},{i % 3 if i < 1500 else i}" for i in range(4000)]
    found = read_events(write("\n".join(lines)))
    assert list(found.entities) == ["user"]
    assert list(found.numbers) == ["size"]
    assert found.numbers["size"][3999] == 3999


def test_labels_are_never_entities(write: Write) -> None:
    lines = ["user,host,label,attack,evil"]
    lines += [f"u{i % 5},h{i % 3},{int(i == 7)},{'dos' if i == 7 else 'normal'},{(1, -1)[i == 7]}" for i in range(50)]
    found = read_events(write("\n".join(lines)))
    assert list(found.entities) == ["user", "host"]
    assert set(found.meta["labels"]) == {"label", "attack"}
    for marks in found.meta["labels"].values():
        assert np.flatnonzero(marks).tolist() == [7]
    assert "evil: is called a label but holds -1 and 1: left out" in said(found)


def test_time_that_goes_back_is_sorted_and_said(write: Write) -> None:
    lines = ["time,user,host"] + [f"2026-01-01 00:00:{s:02d},u{s},h{s % 2}" for s in (3, 1, 2, 2, 5)]
    found = read_events(write("\n".join(lines)))
    assert found.meta["rows"].tolist() == [1, 2, 3, 0, 4]
    assert found.entities["user"].words().tolist() == ["u1", "u2", "u2", "u3", "u5"]
    assert any("stamps went back 1 time" in text for text in said(found))
    part = found.take(1, 3)
    assert part.meta["rows"].tolist() == [2, 3]


def test_an_event_without_a_stamp_is_kept(write: Write) -> None:
    found = read_events(write("time,user,host\n2026-01-01 00:00:01,a,x\n,b,y\n2026-01-01 00:00:03,c,x\n"))
    assert len(found) == 3
    assert found.time is not None
    assert found.time[1] == found.time[0]
    assert "time: 1 event without a time stamp: took that of the event before" in said(found)


HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "مرحبا",
    "a,b",
    'say "x"',
    "\u202egnp",
]


def test_hostile_cells_are_plain_text(write: Write) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["user", "file"])
    writer.writerows([[HOSTILE[i % len(HOSTILE)], f"f{i % 3}"] for i in range(40)])
    found = read_events(write(out.getvalue()))
    assert set(found.entities["user"].vocabulary) == set(HOSTILE)
    assert found.entities["user"].words()[:7].tolist() == HOSTILE


def test_many_different_values_are_kept(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.io.events.finish.MANY_WORDS", 1000)
    lines = ["object,user"] + [f"file{i % 1200},u{i % 3}" for i in range(3000)]
    found = read_events(write("\n".join(lines)))
    assert len(found.entities["object"].vocabulary) == 1200
    assert any(text.startswith("object: 1,200 different values: all of them kept") for text in said(found))


def test_ids_that_differ_in_every_row_are_left_out(write: Write) -> None:
    lines = ["uid,user,host"] + [f"{i * 7919 % 10007:x}q,u{i % 3},h{i % 2}" for i in range(400)]
    found = read_events(write("\n".join(lines)))
    assert list(found.entities) == ["user", "host"]
    assert "uid: differs in nearly every row: left out" in said(found)
    only = read_events(write("\n".join(line.split(",")[0] for line in lines)))
    assert list(only.entities) == ["uid"]  # nothing else is there


@pytest.mark.parametrize("name", ["events.ndjson", "events.parquet", "events.tsv", "events.csv.gz"])
def test_every_format_of_tables_is_the_same(write: Write, tmp_path: Path, name: str) -> None:
    plain = write(logins())
    there = tmp_path / name
    with duckdb.connect() as connection:
        made = connection.sql(f"SELECT * FROM read_csv('{plain}')")
        if name.endswith("parquet"):
            made.write_parquet(str(there))
        elif name.endswith("ndjson"):
            connection.execute(f"COPY made TO '{there}' (FORMAT json)")
        else:
            connection.execute(
                f"COPY made TO '{there}' (FORMAT csv, HEADER, DELIMITER '{chr(9) if 'tsv' in name else ','}')"
            )
    one, other = read_events(plain), read_events(there)
    assert list(one.entities) == list(other.entities)
    for key in one.entities:
        assert one.entities[key].words().tolist() == other.entities[key].words().tolist()
    assert one.time is not None
    assert other.time is not None
    np.testing.assert_array_equal(one.time, other.time)
    np.testing.assert_array_equal(one.numbers["bytes"], other.numbers["bytes"])


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(WORDS, WORDS), min_size=10, max_size=60))
def test_codes_are_those_of_a_dictionary(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    """Against reading the same rows as JSON one by one."""
    path = tmp_path / "any.ndjson"
    path.write_text("\n".join(json.dumps({"a": a, "b": b}) for a, b in rows))
    found = read_events(path, entities=["a", "b"])
    assert found.entities["a"].words().tolist() == [a for a, _ in rows]
    assert found.entities["b"].words().tolist() == [b for _, b in rows]


def test_words_of_one_hash_are_still_told_apart(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that somebody broke: all words have one."""
    path = write("\n".join(["user,host"] + [f"u{i % 5},h{i % 3}" for i in range(60)]))
    expected = read_events(path).entities["user"].words().tolist()
    monkeypatch.setattr("tocsin.io.events.coding._hash", lambda word: f"CAST(coalesce(length({word}), 0) AS BIGINT)")
    assert read_events(path).entities["user"].words().tolist() == expected


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=200, unique=True), st.data())
def test_lookup_finds_every_key_and_nothing_else(keys: list[int], data: st.DataObject) -> None:
    asked = data.draw(st.lists(st.one_of(st.sampled_from(keys), st.integers(0, 2**63 - 1)), max_size=50))
    expected = [keys.index(value) if value in keys else -1 for value in asked]
    found = Lookup(np.array(keys, dtype=np.int64), np.arange(len(keys)))
    assert found.codes(np.array(asked, dtype=np.int64)).tolist() == expected


def test_keys_that_share_a_slot_are_found() -> None:
    keys = np.arange(50, dtype=np.int64) << 40  # the same low bits
    assert Lookup(keys, np.arange(50)).codes(keys[::-1]).tolist() == list(range(49, -1, -1))


def test_chunks_are_the_whole(write: Write) -> None:
    path = write(logins(250))
    whole = read_events(path, entities=["user", "port"], numbers="bytes")
    chunks = list(stream_events(path, rows=100, entities=["user", "port"], numbers="bytes"))
    assert [len(chunk) for chunk in chunks] == [100, 100, 50]
    assert [chunk.meta["first_row"] for chunk in chunks] == [0, 100, 200]
    assert len({id(chunk.entities["user"].vocabulary) for chunk in chunks}) == 1
    joined = [word for chunk in chunks for word in chunk.entities["port"].words()]
    assert joined == whole.entities["port"].words().tolist()
    np.testing.assert_array_equal(np.concatenate([c.time for c in chunks if c.time is not None]), whole.time)


def test_chunks_refuse_what_they_cannot_read(write: Write) -> None:
    with pytest.raises(InputError, match="rows=0 is no size of a chunk"):
        stream_events(write(logins()), rows=0)
    lines = logins(1500).splitlines()
    lines[1301] = "soon," + lines[1301].partition(",")[2]
    with pytest.raises(InputError, match=r"row 1301 \(line 1302\) has no time stamp"):
        list(stream_events(write("\n".join(lines)), rows=500))


def test_a_table_is_refused_that_does_not_fit(write: Write) -> None:
    with pytest.raises(InputError, match="stream_events"):
        read_events(write(logins()), limit=100)


def test_bad_cells_are_named(write: Write) -> None:
    text = logins().replace(",75.0,", ",oops,")
    with pytest.raises(InputError, match=r"column 'bytes' holds 'oops' in row 51 \(line 52\)"):
        read_events(write(text))
    found = read_events(write(text), on_bad="skip")
    assert np.flatnonzero(np.isnan(found.numbers["bytes"])).tolist() == [50]


def test_ragged_rows_are_named(write: Write) -> None:
    lines = logins().splitlines()
    lines[20] += ",more"
    with pytest.raises(InputError, match=r"row 20 \(line 21\) has 7 cells where the table has 6 columns"):
        read_events(write("\n".join(lines)))


def test_links_of_a_table(write: Write) -> None:
    lines = ["time,source,target,operation"]
    lines += [
        f"2026-01-01 00:00:{i:02d},process:p{i % 3},{'' if i == 4 else f'file:/f{i % 2}'},write" for i in range(30)
    ]
    found = read_events(write("\n".join(lines)), links=True)
    assert list(found.entities) == ["source", "target", "operation"]  # even though one is constant
    assert len(found) == 29
    with pytest.raises(InputError, match="has no columns source and target"):
        read_events(write("user,host\na,b\nc,d\n"), links=True)


# ------------------------------------------------------------------ what is events and what is a series


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (logins(), Events),
        ("\n".join(["user,action"] + [f"u{i % 3},a{i % 4}" for i in range(30)]), Events),
        ("\n".join(["trace,event"] + [f"s{i // 5},{i % 4}" for i in range(30)]), Events),
        ("\n".join(["time,host,load"] + [f"2026-01-01 00:{i:02d}:00,h,{i % 7}.5" for i in range(30)]), Series),
        (  # a regular clock and a measured channel, whatever words stand beside it
            "\n".join(
                ["time,site,room,unit,temp"]
                + [f"2026-01-01 00:{i:02d}:00,s,r{i % 2},C{i % 2},{i * 0.37}" for i in range(40)]
            ),
            Series,
        ),
        ("\n".join(["a,b"] + [f"{i % 5},{i * 0.7}" for i in range(30)]), Series),
    ],
)
def test_what_a_table_is_taken_for(write: Write, text: str, kind: type) -> None:
    assert isinstance(read(write(text)), kind)


def test_the_caller_decides(write: Write) -> None:
    path = write("\n".join(["user,action,size"] + [f"u{i % 3},a{i % 4},{i * 0.7}" for i in range(30)]))
    assert isinstance(read(path), Events)
    assert isinstance(read(path, modality="series"), Series)
    assert isinstance(read(path, channels="size"), Series)
    numbers = write("\n".join(["x,y"] + [f"{i % 5},{i * 0.7}" for i in range(30)]), "numbers.csv")
    assert isinstance(read(numbers, entities="x"), Events)
    assert isinstance(read(numbers, modality="events"), Events)
    with pytest.raises(InputError, match="are of events"):
        read(path, modality="series", entities="user")
    with pytest.raises(InputError, match="none of 'series', 'events' and 'image'"):
        read(path, modality="pictures")  # type: ignore[arg-type]
