"""From a CSV of 10^7 records to the exact top 100 paths: time and memory of GID.

Run with ``python benchmarks/gid.py [RECORDS] [all|bounds]``. The file holds source, target and time of records
between 21,500 entities with repertoires of Zipf's kind. Every measurement runs in a process of its own: CPU seconds are
those of all its threads, memory is the most that it ever held. The pipeline is the whole of it: read, number the words,
build the graph, statistics and costs, references, and the search.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LENGTHS = range(2, 5)
TARGET = 30.0  # million records a minute


def write_file(path, records):
    import duckdb
    import pyarrow as pa
    from gid_churn import zipf_world

    words, source, target, seconds = zipf_world(np.random.default_rng(0), records)
    names = pa.array(words)
    stamps = np.datetime64("2026-01-01", "us") + (seconds * 1e6).astype("timedelta64[us]")

    def column(codes):
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)

    table = pa.table({"time": pa.array(stamps), "source": column(source), "target": column(target)})
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.register("links", table)
        connection.execute(f"COPY links TO '{path}' (HEADER)")


def from_csv(path, timestamps):
    """The records of a file, chunk by chunk, as the reader numbers them."""
    from tocsin.events.gid.builder import GraphBuilder
    from tocsin.io.events.streaming import stream_events

    builder = GraphBuilder(timestamps)
    number: dict[str, int] = {}
    tables: dict[int, np.ndarray] = {}
    for chunk in stream_events(path, rows=1_000_000, entities=["source", "target"], time="time"):
        ends = []
        for name in ("source", "target"):
            column = chunk.entities[name]
            known = tables.get(id(column.vocabulary))
            if known is None:
                codes = [number.setdefault(word, len(number)) for word in column.vocabulary]
                known = tables[id(column.vocabulary)] = np.array([*codes, -1], dtype=np.int32)
            ends.append(known[column.codes])
        builder.add(*ends, chunk.time)
    return builder, tuple(number)


def search(builder, words, report):
    from tocsin.events.gid.entity_types import TypeRules
    from tocsin.events.gid.link_costs import LinkCosts
    from tocsin.events.gid.links import Links
    from tocsin.events.gid.normaliser import LengthNormaliser
    from tocsin.events.gid.path_counts import PathCounts
    from tocsin.events.gid.search import BestFirst
    from tocsin.events.gid.timing import Timing
    from tocsin.events.gid.vocabulary import EntityNames

    graph = builder.build(len(words))
    report(f"graph of {graph.n_edges:,} edges, {graph.n_entities:,} entities")
    names = EntityNames.learn(words, graph, templates=True)
    rules = TypeRules()
    kinds = rules.kinds_of(words)
    graph_of_paths = graph.only(rules.allows(kinds[graph.source], kinds[graph.target]) & (graph.source != graph.target))
    costs = LinkCosts(graph, names, "novelty", 0.15, 0.01)
    source, target = names.group[graph_of_paths.source], names.group[graph_of_paths.target]
    links = Links(source, target, names.class_of_group[source], names.class_of_group[target], graph_of_paths.operation)
    own = costs.of(links, left_out=True)
    report("names, walk and costs")
    counts = PathCounts(graph_of_paths, 4)
    rng = np.random.default_rng(0)
    paths = {r: own[counts.sample(r, 2000, rng)].sum(axis=1) for r in range(1, 5)}
    normaliser = LengthNormaliser.fit(paths, offset=costs.offset, continued=costs.continued)
    report("references")
    best = BestFirst(graph_of_paths, own, normaliser, LENGTHS, Timing(graph_of_paths))
    found = best.top(100)
    report(f"search: {len(found)} paths after {best.pops} steps")
    return counts


def one(what, path, timestamps):
    if what == "csv":
        pass
    else:
        with np.load(path) as held:
            source, target, times, words = held["source"], held["target"], held["times"], tuple(held["words"].tolist())
    begun = wall, cpu = time.perf_counter(), time.process_time()

    def report(text):
        nonlocal wall, cpu
        now, spent = time.perf_counter(), time.process_time()
        print(f"  {text:52} {spent - cpu:6.2f} s CPU {now - wall:6.2f} s wall")
        wall, cpu = now, spent

    if what == "csv":
        builder, words = from_csv(path, timestamps)
    else:
        from tocsin.events.gid.builder import GraphBuilder

        builder = GraphBuilder(timestamps)
        for start in range(0, len(source), 1_000_000):
            builder.add(
                source[start : start + 1_000_000], target[start : start + 1_000_000], times[start : start + 1_000_000]
            )
    records = builder.n_records
    report(f"{records:,} records taken in")
    counts = search(builder, words, report)
    spent, passed = time.process_time() - begun[1], time.perf_counter() - begun[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = records / passed * 60 / 1e6
    print(
        f"  in all {spent:.2f} s CPU, {passed:.2f} s wall: {rate:.0f} million records a minute "
        f"({records / spent * 60 / 1e6:.0f} by CPU), peak {peak:.0f} MB" + ("" if rate >= TARGET else "  BELOW TARGET")
    )
    if what == "count":
        valid = counts.valid
        report(f"exact numbers of paths: {', '.join(f'{v:.4g}' for v in valid)}")


def main() -> None:
    if len(sys.argv) > 3:
        one(sys.argv[3], sys.argv[4], sys.argv[2])
        return
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    timestamps = sys.argv[2] if len(sys.argv) > 2 else "all"
    with tempfile.TemporaryDirectory() as folder:
        csv, arrays = Path(folder, "links.csv"), Path(folder, "links.npz")
        write_file(csv, records)
        from gid_churn import zipf_world

        words, source, target, seconds = zipf_world(np.random.default_rng(0), records)
        np.savez(
            arrays,
            source=source.astype(np.int32),
            target=target.astype(np.int32),
            times=(seconds * 1e9).astype(np.int64),
            words=np.array(words),
        )
        for what, path in (("arrays", arrays), ("csv", csv), ("count", arrays)):
            print(f"{what}, timestamps={timestamps!r}, {path.stat().st_size / 1e6:.0f} MB")
            sys.stdout.flush()
            subprocess.run([sys.executable, __file__, str(records), timestamps, what, str(path)], check=True)


if __name__ == "__main__":
    main()
