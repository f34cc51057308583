from __future__ import annotations

import gzip
import io
import random
import sys

import numpy as np
import pytest

from tocsin.core.errors import InputError, TooLargeError
from tocsin.io.logs import LogTemplates, read_log, stream_log
from tocsin.io.logs.lines import LONGEST_LINE
from tocsin.io.logs.records import MOST_LINES

BGL = "{} {} 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS KERNEL {} {}\n"


def log(count=10, start=0):
    return "".join(
        f"2026-03-01 10:{i // 60:02}:{i % 60:02},250 INFO [main] app.Jobs: job {i} of blk_{i % 3} took {i}.5 s\n"
        for i in range(start, start + count)
    )


def said(sample):
    return " | ".join(map(str, sample.repairs))


def test_columns_text_lines_and_templates(write):
    found = read_log(write(log() + "2026-03-01 10:01:00,000 ERROR [io-1] app.Disk: disk 7 is full\n", "app.log"))
    assert list(found.entities) == ["event", "component", "level", "process"]
    assert found.entities["event"].words()[-1] == "disk <*> is full"
    assert found.entities["process"].words()[-1] == "io-1"
    assert found.meta["templates"] == {"job <*> of blk_<*> took <*>": 10, "disk <*> is full": 1}
    assert found.meta["lines"].tolist() == list(range(1, 12))
    assert found.meta["formats"] == ("log4j",)
    assert str(found.time[0]) == "2026-03-01T10:00:00.250000000"
    assert found.text[0].startswith("2026-03-01 10:00:00,250 INFO [main]")
    assert found.repairs == ()


def test_a_stack_trace_stays_with_its_event(write):
    trace = "java.lang.Error: no\n    at a.b(C.java:1)\n\nCaused by: x\n"
    found = read_log(write(log(2) + trace + log(2, 5), "app.log"))
    assert len(found) == 4
    assert found.text[1].splitlines()[1:] == ["java.lang.Error: no", "    at a.b(C.java:1)", "Caused by: x"]
    assert found.meta["lines"].tolist() == [1, 2, 7, 8]
    assert "3 lines without a header: kept with the event before" in said(found)


def test_an_event_of_too_many_lines_is_cut(write):
    found = read_log(write(log(1) + "  at x\n" * (MOST_LINES + 50) + log(1, 1), "app.log"))
    assert found.text[0].count("\n") + 1 == MOST_LINES
    assert "51 lines of events longer than 1,000 lines" in said(found)


def test_labels_are_kept_aside(write):
    rows = [
        ("-", "INFO", "cache parity error"),
        ("KERNDTLB", "FATAL", "data TLB error interrupt"),
        ("-", "INFO", "ok 1"),
    ]
    text = "".join(BGL.format(label, 1117838570 + i, level, m) for i, (label, level, m) in enumerate(rows))
    found = read_log(write(text, "bgl.log"))
    assert found.meta["labels"]["alert"].tolist() == [0, 1, 0]
    assert found.meta["label_words"] == ("-", "KERNDTLB", "-")
    assert list(found.entities) == ["event", "component", "level", "host", "type"]
    assert not any("KERNDTLB" in c.vocabulary or "-" in c.vocabulary for c in found.entities.values())


def test_time_that_goes_back_is_sorted_and_said(write):
    lines = log(6).splitlines(keepends=True)
    found = read_log(write("".join([*lines[:3], lines[5], lines[4], lines[3]]), "app.log"))
    assert (np.diff(found.time.astype(np.int64)) >= 0).all()
    assert found.meta["lines"].tolist() == [1, 2, 3, 6, 5, 4]
    assert "time goes back at 2 events, first in line 5" in said(found)
    assert [t.split("job ")[1][0] for t in found.text] == list("012345")


def test_zone_of_stamps_without_an_offset(write):
    path = write(log(1), "app.log")
    assert str(read_log(path, zone="Europe/Berlin").time[0])[:19] == "2026-03-01T09:00:00"
    with pytest.raises(InputError, match="no time zone"):
        read_log(path, zone="Mars/Base")


def test_a_line_without_an_end_is_cut_and_memory_stays_small(tmp_path):
    import tracemalloc

    path = tmp_path / "app.log"
    with path.open("wb") as file:
        file.write(log(3).encode() + b"2026-03-01 10:00:03,000 INFO [main] app.Jobs: dump ")
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + log(2, 5).encode())
    tracemalloc.start()
    found = read_log(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 6
    assert len(found.text[3]) == LONGEST_LINE
    assert found.meta["lines"].tolist() == [1, 2, 3, 4, 5, 6]
    assert "1 line longer than 65,536 bytes (the first is 4): cut there" in said(found)
    assert peak < 20_000_000


def test_a_cut_line_ends_between_two_characters(write):
    found = read_log(write("2026-03-01 10:00:00 INFO " + "é" * LONGEST_LINE + "\n", "app.log"))
    assert found.text[0].rstrip("é") == "2026-03-01 10:00:00 INFO "
    assert "U+FFFD" not in said(found)


def test_bytes_that_are_no_text_are_replaced_and_counted(write):
    found = read_log(write(log(2).encode() + b"2026-03-01 10:00:09,000 INFO [main] app.Jobs: \xff\xfe\0\n", "app.log"))
    assert found.text[2].endswith("\ufffd\ufffd\0")
    assert "1 line with bytes that are no UTF-8 (the first is 3)" in said(found)


def test_binary_garbage_is_refused(tmp_path):
    (tmp_path / "a.log").write_bytes(random.Random(0).randbytes(100_000))
    with pytest.raises(InputError, match="is binary data and no text log"):
        read_log(tmp_path / "a.log")


def test_garbage_within_a_log_stays_with_the_line_before(write):
    garbage = bytes(range(128, 256)).replace(b"\n", b"") * 3
    found = read_log(write(log(20).encode() + garbage + b"\n" + log(20, 30).encode(), "app.log"))
    assert len(found) == 40


def test_injected_escapes_and_markup_stay_as_they_are_written(write):
    evil = "user \x1b[31mroot\x1b[0m <script>alert(1)</script> =cmd|' /C calc'!A0"
    found = read_log(write(f"2026-03-01 10:00:00 WARN {evil}\n" * 2, "app.log"))
    assert found.text[0].endswith(evil)
    assert "\x1b[" in found.entities["event"].vocabulary[0]


def test_a_stamp_that_is_no_moment(write):
    path = write(log(2) + "2026-02-31 10:00:05,250 INFO [main] app.Jobs: what\n" + log(1, 9), "app.log")
    with pytest.raises(InputError, match="line 3 has the stamp '2026-02-31 10:00:05,250', which is no moment"):
        read_log(path)
    found = read_log(path, on_bad="skip")
    assert found.time[2] == found.time[1]
    assert "1 stamp that is no moment" in said(found)


def test_files_are_read_oldest_first(tmp_path):
    with gzip.open(tmp_path / "app.log.2.gz", "wt") as file:
        file.write(log(3, 0))
    (tmp_path / "app.log.1").write_text(log(3, 3))
    (tmp_path / "app.log").write_text(log(3, 6))
    names = [tmp_path / n for n in ("app.log", "app.log.1", "app.log.2.gz")]
    found = read_log(names)
    assert [t.split("job ")[1][0] for t in found.text] == list("012345678")
    assert found.meta["file"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [n.rpartition("/")[2] for n in found.meta["files"]] == ["app.log.2.gz", "app.log.1", "app.log"]
    assert found.meta["lines"].tolist() == [1, 2, 3] * 3
    assert not found.repairs
    damaged = (tmp_path / "app.log.2.gz").read_bytes()
    (tmp_path / "app.log.2.gz").write_bytes(damaged[:-12])
    with pytest.raises(InputError, match="damaged gzip"):
        read_log(names)


def test_zstd(tmp_path):
    import duckdb

    duckdb.execute(
        f"COPY (SELECT unnest(string_split({log(5)[:-1]!r}, chr(10)))) TO '{tmp_path / 'a.log.zst'}' "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', COMPRESSION zstd)".replace("\\n", "\n")
    )
    assert len(read_log(tmp_path / "a.log.zst")) == 5


def test_traces(write):
    path = write(log(6), "app.log")
    names, numbers = read_log(path, trace="block").by_trace()
    assert names == ("blk_0", "blk_1", "blk_2")
    assert numbers.tolist() == [0, 1, 2, 0, 1, 2]
    assert read_log(path, trace=r"job (\d)").by_trace()[0] == tuple("012345")
    assert read_log(path, trace=r"of (x)?(?P<trace>blk_\d)").by_trace()[0] == names
    assert read_log(path, trace="process").by_trace()[0] == ("main",)
    found = read_log(path, trace=r"job ([0-3])\b")
    assert "2 events without a trace" in said(found)
    with pytest.raises(InputError, match=r"did you mean.*process"):
        read_log(path, trace="proces")
    with pytest.raises(InputError, match="no regular expression"):
        read_log(path, trace="(")


def test_templates_of_a_file_name_known_messages_as_before(write, tmp_path):
    templates = LogTemplates()
    read_log(write(log(5), "a.log"), templates=templates)
    templates.save(tmp_path / "t.json")
    new = log(5, 7) + "2026-03-01 11:00:00,250 INFO [main] app.Jobs: job 8 of blk_1 was lost\n"
    found = read_log(write(new, "b.log"), templates=tmp_path / "t.json")
    assert found.entities["event"].vocabulary == ("job <*> of blk_<*> took <*>", "job <*> of blk_<*> was lost")


def test_plain_lines_without_any_header(write):
    found = read_log(write("starting up\n  with detail\nready on port 80\n\nready on port 81\n", "x.log"))
    assert found.time is None
    assert found.entities["event"].words().tolist() == ["starting up", "ready on port <*>", "ready on port <*>"]
    assert found.text[0] == "starting up\n  with detail"


def test_what_cannot_be_read(write, tmp_path):
    with pytest.raises(InputError, match="is empty"):
        read_log(write("", "a.log"))
    with pytest.raises(InputError, match="nothing but blank lines"):
        read_log(write("\n \n", "a.log"))
    with pytest.raises(InputError, match="there is no file"):
        read_log(tmp_path / "none.log")
    with pytest.raises(InputError, match="name at least one"):
        read_log([])
    with pytest.raises(TooLargeError, match="stream_log"):
        read_log(write(log(3000), "a.log"), limit=1e5)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log(4).encode())))
    assert len(read_log("-")) == 4


def test_chunks_are_the_whole_and_columns_stay_the_same(write):
    text = log(40) + "2026-03-01 10:59:00,250 WARN [x] app.Disk: disk 7 is full\n" * 3
    path = write(text, "app.log")
    whole = read_log(path)
    chunks = list(stream_log(path, rows=7))
    assert [len(c) for c in chunks] == [7] * 6 + [1]
    assert np.concatenate([c.meta["lines"] for c in chunks]).tolist() == whole.meta["lines"].tolist()
    assert [w for c in chunks for w in c.entities["event"].words()] == whole.entities["event"].words().tolist()
    assert {tuple(c.entities) for c in chunks} == {tuple(whole.entities)}


def test_a_shared_vocabulary_grows_from_chunk_to_chunk(write):
    templates = LogTemplates()
    text = log(3) + "2026-03-01 10:59:00,250 WARN [x] app.Disk: disk 7 is full\n" * 3
    sizes = [len(templates) for _ in stream_log(write(text, "app.log"), rows=3, templates=templates)]
    assert sizes == [1, 2]


def test_following_a_file_that_grows_is_truncated_and_rotated(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(log(3))
    chunks = stream_log(path, rows=100, follow=True, wait=0.01)

    def jobs(chunk):
        return [int(t.split("job ")[1].split()[0]) for t in chunk.text]

    assert jobs(next(chunks)) == [0, 1, 2]
    with path.open("a") as file:
        file.write(log(2, 3))
    assert jobs(next(chunks)) == [3, 4]
    path.write_text(log(1, 9))  # truncated: shorter than what was read
    assert jobs(next(chunks)) == [9]
    path.rename(tmp_path / "app.log.1")
    with (tmp_path / "app.log.1").open("a") as file:
        file.write(log(1, 10))
    path.write_text(log(2, 20))
    found = jobs(next(chunks))
    while len(found) < 3:
        found += jobs(next(chunks))
    assert found == [10, 20, 21]
    chunks.close()


def test_what_cannot_be_followed(tmp_path):
    with gzip.open(tmp_path / "a.log.gz", "wt") as file:
        file.write(log(3))
    with pytest.raises(InputError, match="cannot be followed"):
        next(stream_log(tmp_path / "a.log.gz", follow=True))
    with pytest.raises(InputError, match="cannot be followed"):
        stream_log(["a", "b"], follow=True)
    with pytest.raises(InputError, match="size of a chunk"):
        stream_log("a", rows=0)
