"""How far up planted paths come as more and more benign edges are new: literal, published and tocsin's costs.

Run with ``python benchmarks/gid_churn.py [SEEDS] [WORLD]``; one seed plants a path of two, of three and of four edges,
each alone in a test day of its own, at each level of churn. Worlds:

``zipf``
    A million records over two days. A thousand processes pick from repertoires of files, sockets and other processes by
    popularity; names say nothing. New on the second day is the tail of the repertoires.
``host``
    240,000 records over two days on machines where programs have habits: a compiler makes temporary objects, a browser
    meets new hosts, an indexer reads every new document, services do the same few things. Names are real ones.

The path is planted within five minutes of the second day, over edges that never occurred, between entities that did,
drawn with equal probability. Of the new benign edges of the second day none, four hundred or all are kept.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from itertools import pairwise

import numpy as np

from tocsin.core.samples.events import Column, Events
from tocsin.events.gid.detector import Gid

DAY = 86_400
MINUTE = 60 * 10**9
METHODS = {
    "literal product": {"faithful": True},
    "published, log and Box-Cox": {"cost": "published", "entity_templates": False},
    "published, within 10 min": {"cost": "published", "entity_templates": False, "max_span": "10min"},
    "default": {},
    "default, within 10 min": {"max_span": "10min"},
}
SHAPES = {2: "FPI", 3: "FPPI", 4: "FPFPI"}


def zipf_world(rng, records=1_000_000, processes=1000, files=18_000, sockets=2500):
    words = [f"process:p{i}" for i in range(processes)] + [f"file:f{i}" for i in range(files)]
    words += [f"socket:s{i}" for i in range(sockets)]

    def popular(count, slope):
        weight = rng.permutation(1 / np.arange(1, count + 1) ** slope)
        return weight / weight.sum()

    of_process, of_file, of_socket = popular(processes, 1.0), popular(files, 0.9), popular(sockets, 0.9)
    size = np.clip(rng.lognormal(5, 1.2, processes).astype(int), 3, 4000)
    begin = np.concatenate([[0], np.cumsum(size)])
    kind = rng.random(begin[-1])
    partner = np.where(
        kind < 0.75,
        processes + rng.choice(files, begin[-1], p=of_file),
        np.where(
            kind < 0.95,
            processes + files + rng.choice(sockets, begin[-1], p=of_socket),
            rng.choice(processes, begin[-1], p=of_process),
        ),
    )
    outward = (rng.random(begin[-1]) < 0.5) | (partner < processes)
    who = rng.choice(processes, records, p=of_process)
    slot = begin[who] + np.floor(size[who] ** rng.random(records)).astype(int) - 1
    source = np.where(outward[slot], who, partner[slot])
    target = np.where(outward[slot], partner[slot], who)
    return words, source, target, np.sort(rng.uniform(0, 2 * DAY, records))


def host_world(rng, records=240_000):
    """Programs with habits; a few of them do new things all day long, most never."""
    number: dict[str, int] = {}
    rows: list[tuple[int, int]] = []

    def entity(word):
        return number.setdefault(word, len(number))

    services = [f"process:{n}{i}" for n in ("sshd", "cron", "nginx", "postgres", "backup", "mta") for i in range(12)]
    own = {
        s: [f"file:/etc/{s[8:]}/{k}.conf" for k in "abc"]
        + [f"file:/var/lib/{s[8:]}/{k}" for k in "ghijk"]
        + [f"socket:10.0.{rng.integers(4)}.{rng.integers(60)}:{p}" for p in (443, 5432)]
        for s in services
    }
    people = [f"user{chr(97 + i)}" for i in range(20)]
    documents = {p: [f"file:/home/{p}/{w}.txt" for w in _names(rng, 300)] for p in people}
    sites = [f"socket:{a}.{b}.{c}.{d}:443" for a, b, c, d in rng.integers(1, 250, size=(6000, 4))]
    libraries = [f"file:/usr/lib/{w}.so" for w in _names(rng, 800)]

    def link(source, target):
        rows.append((entity(source), entity(target)))

    while len(rows) < records:
        what = rng.random()
        if what < 0.55:
            service = services[int(len(services) * rng.random() ** 2)]
            thing = own[service][int(10 * rng.random() ** 2)]
            link(thing, service) if rng.random() < 0.5 else link(service, thing)
        elif what < 0.65:
            person = people[rng.integers(20)]
            made = f"file:/tmp/cc{_names(rng, 1)[0]}{rng.integers(1000, 9999)}.o"
            link(f"process:gcc-{person}", made)
            link(made, f"process:ld-{person}")
            link(f"process:ld-{person}", f"file:/home/{person}/bin/app")
        elif what < 0.77:
            person = people[rng.integers(20)]
            link(sites[int(len(sites) * rng.random() ** 3)], f"process:browser-{person}")
            link(f"process:browser-{person}", sites[int(len(sites) * rng.random() ** 3)])
        elif what < 0.87:
            person = people[rng.integers(20)]
            page = documents[person][int(300 * rng.random() ** 2)]
            link(page, f"process:editor-{person}")
            link(f"process:editor-{person}", page)
        elif what < 0.97:
            who = f"process:{rng.choice(['browser', 'editor', 'gcc', 'ld'])}-{people[rng.integers(20)]}"
            link(libraries[int(800 * rng.random() ** 3)], who)
        else:
            person = people[rng.integers(20)]
            link(documents[person][rng.integers(300)], "process:indexer")
    source, target = np.array(rows[:records]).T
    return list(number), source, target, np.sort(rng.uniform(0, 2 * DAY, records))


def _names(rng, count):
    letters = rng.integers(97, 123, size=(count, 7)).astype(np.uint8)
    return [bytes(row).decode() for row in letters]


def events(words, source, target, seconds):
    stamps = np.datetime64("2026-01-01", "ns") + (np.asarray(seconds) * 1e9).astype("timedelta64[ns]")
    columns = {"source": Column(source.astype(np.int32), words), "target": Column(target.astype(np.int32), words)}
    return Events(columns, time=stamps)


def plant(words, train, length, rng):
    """Entities and times of a path over edges that never occurred."""
    source, target, _ = train
    known = set((source * len(words) + target).tolist())
    seen = np.unique(np.concatenate([source, target]))
    kind = np.array([words[i][0].upper().replace("S", "I") for i in seen])
    while True:
        nodes = [int(rng.choice(seen[kind == k])) for k in SHAPES[length]]
        pairs = [a * len(words) + b for a, b in pairwise(nodes)]
        if len(set(nodes)) == len(nodes) and not known.intersection(pairs):
            break
    start = rng.uniform(1.05 * DAY, 1.9 * DAY)
    return nodes, np.sort(rng.uniform(start, start + 300, length))


def day_with(test, new, many, nodes, when, size, rng):
    """The second day with so many of its new edges, and the path."""
    source, target, seconds = test
    pairs = source * size + target
    edges = np.unique(pairs[new])
    if many is not None:
        edges = rng.choice(edges, min(many, len(edges)), replace=False)
    kept = ~new | np.isin(pairs, edges)
    source = np.concatenate([source[kept], nodes[:-1]])
    target = np.concatenate([target[kept], nodes[1:]])
    seconds = np.concatenate([seconds[kept], when])
    order = np.argsort(seconds, kind="stable")
    return (source[order], target[order], seconds[order]), len(edges)


def measure(world, seeds, methods, report=print):
    found = defaultdict(list)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        words, source, target, seconds = world(rng)
        words = tuple(words)
        source, target = np.asarray(source, dtype=np.int64), np.asarray(target, dtype=np.int64)
        half = int(np.searchsorted(seconds, DAY))
        train = source[:half], target[:half], seconds[:half]
        test = source[half:], target[half:], seconds[half:]
        new = ~np.isin(test[0] * len(words) + test[1], np.unique(train[0] * len(words) + train[1]))
        fitted = {name: Gid(**given).fit(events(words, *train)) for name, given in methods.items()}
        for level, many in (("0", 0), ("400", 400), ("all", None)):
            for length in SHAPES:
                nodes, when = plant(words, train, length, rng)
                day, edges = day_with(test, new, many, nodes, when, len(words), rng)
                path = tuple(words[i] for i in nodes)
                steps = set(pairwise(path))
                sample = events(words, *day)
                for name, detector in fitted.items():
                    begun = time.process_time()
                    top = [p.entities for p in detector.paths(sample, top=100)]
                    spent = time.process_time() - begun
                    exact = top.index(path) if path in top else 10**6
                    touched = [i for i, p in enumerate(top) if steps & set(pairwise(p))]
                    found[level, name].append(
                        (exact == 0, touched[:1] == [0], exact < 100, bool(touched), edges, spent)
                    )
        report(f"after seed {seed}:")
        for (level, name), rows in found.items():
            table = np.array(rows, dtype=float)
            first, first_touched, top, top_touched = table[:, :4].sum(axis=0).astype(int)
            report(
                f"{level:4} {table[:, 4].mean():8.0f} new  {name:28} of {len(table):2}: first {first:2}, first touched "
                f"{first_touched:2}, in top 100 {top:2}, touched {top_touched:2}; {table[:, 5].mean():.2f} s CPU"
            )
        sys.stdout.flush()
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    worlds = {"zipf": zipf_world, "host": host_world}
    for name in sys.argv[2:] or worlds:
        print(f"== {name}")
        measure(worlds[name], range(count), METHODS)


if __name__ == "__main__":
    main()
