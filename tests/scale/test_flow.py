"""Few calls are under way at one time, each item ends once, and what this process holds does not grow."""

from __future__ import annotations

import gc
import itertools
import random
import time
import tracemalloc

import pytest

from tocsin.core.errors import InputError
from tocsin.scale.flow import TRIES, flow
from tocsin.scale.needs import Needs

ECHO = "tocsin.scale.remote:echo"


class Unsteady:
    """A cluster without machines: calls end in any order, and some of their workers are lost."""

    def __init__(self, most: int = 8, lost: float = 0.0, nodes=({"CPU": 4.0},)) -> None:
        self.most_in_flight = most
        self.lost, self.machines = lost, list(nodes)
        self.rng = random.Random(0)
        self.under_way: dict[int, str] = {}
        self.highest = 0
        self.numbers = itertools.count()
        self.cancelled: list[int] = []

    def nodes(self):
        return self.machines

    def submit(self, target, text, needs):
        number = next(self.numbers)
        self.under_way[number] = text
        self.highest = max(self.highest, len(self.under_way))
        return number

    def wait(self, calls, seconds):
        return self.rng.sample(calls, self.rng.randint(1, len(calls)))

    def collect(self, ended):
        text = self.under_way.pop(ended)
        return "NodeDiedError" if self.rng.random() < self.lost else (text, {})

    def cancel(self, calls) -> None:
        self.cancelled += calls


def through(cluster, count: int, **more):
    items = iter(range(count))
    return flow(cluster, ECHO, lambda: next(items, None), str, lambda _: Needs(), **more)


def test_every_item_ends_once_and_few_are_under_way() -> None:
    cluster = Unsteady(lost=0.2)
    ended = list(through(cluster, 500))
    assert sorted(e.item for e in ended) == list(range(500))
    assert all(e.text == str(e.item) for e in ended if e.how == "answered")
    lost = [e for e in ended if e.how == "lost"]
    assert len(lost) < 10
    assert {e.why for e in lost} <= {"NodeDiedError"}
    assert cluster.highest == cluster.most_in_flight
    calls = next(cluster.numbers)
    assert 500 * 1.15 < calls < 500 * 1.4


def test_what_is_lost_every_time_is_given_up_and_the_rest_goes_on() -> None:
    cluster = Unsteady(lost=1.0)
    assert [e.how for e in through(cluster, 3)] == ["lost"] * 3
    assert next(cluster.numbers) == 3 * TRIES


def test_a_deadline_stops_what_is_under_way() -> None:
    cluster = Unsteady(most=4)
    ended = list(through(cluster, 10, deadline=time.monotonic()))
    assert [e.how for e in ended] == ["stopped"] * 4
    assert len(cluster.cancelled) == 4


def test_a_gpu_that_nobody_has_is_no_reason_to_wait() -> None:
    items = iter([1, 2])
    ended = flow(Unsteady(), ECHO, lambda: next(items, None), str, lambda n: Needs(1, float(n == 2), must_gpu=n == 2))
    assert {e.item: e.how for e in ended} == {1: "answered", 2: "impossible"}


def test_calls_that_wait_for_a_machine_that_has_gone_are_made_again(monkeypatch) -> None:
    monkeypatch.setattr("tocsin.scale.flow.LOOK", 0.0)

    class Shrinking(Unsteady):
        """The machine with the GPU goes away with the calls that were to run on it."""

        def wait(self, calls, seconds):
            self.machines = [{"CPU": 4.0}]
            return [one for one in calls if one >= 2]

    cluster = Shrinking(nodes=({"CPU": 4.0, "GPU": 1.0},))
    items = iter(range(2))
    ended = list(flow(cluster, ECHO, lambda: next(items, None), str, lambda _: Needs(1, 1.0)))
    assert sorted(e.item for e in ended) == [0, 1]
    assert sorted(cluster.cancelled) == [0, 1]


def peak(count: int) -> int:
    gc.collect()
    tracemalloc.start()
    for _ in through(Unsteady(lost=0.05), count):
        pass
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return highest


def test_what_the_driver_holds_does_not_grow_with_the_jobs() -> None:
    few, many = peak(300), peak(6000)
    assert many < few + 20_000, (few, many)


def test_ray_answers_and_errors_of_a_function_stop_all(own_ray) -> None:
    cluster = own_ray.cluster
    ended = list(through(cluster, 200))
    assert sorted(e.item for e in ended) == list(range(200))
    assert {e.text for e in ended} == {str(n) for n in range(200)}
    items = iter([1])
    with pytest.raises(
        InputError, match=r"cannot do its part \(.*no attribute 'gone'.*\): every machine needs the same"
    ):
        list(flow(cluster, "tocsin.scale.remote:gone", lambda: next(items, None), str, lambda _: Needs()))
