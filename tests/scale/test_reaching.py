"""Ray that is not there, or not installed: one sentence, at once."""

from __future__ import annotations

import socket
import sys
import threading
import time

import pytest

from tocsin.core.errors import InputError, MissingExtra
from tocsin.scale import RayEngine
from tocsin.scale.needs import Needs
from tocsin.scale.reaching import check_reachable


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def listen(answer: bytes, wait: float = 0.0) -> str:
    """Answer one caller; return where."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = server.accept()
        with caller, server:
            caller.recv(100)
            caller.sendall(answer)
            time.sleep(wait)

    threading.Thread(target=serve, daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_nobody_listens() -> None:
    address = f"127.0.0.1:{free_port()}"
    begun = time.monotonic()
    with pytest.raises(
        InputError, match=rf"no Ray cluster answers at {address} \(Connection refused\): start one"
    ) as e:
        check_reachable(address)
    assert time.monotonic() - begun < 3
    assert "\n" not in str(e.value)


def test_something_else_listens() -> None:
    with pytest.raises(InputError, match="is no Ray cluster"):
        check_reachable(listen(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(InputError, match="no answer within 1 seconds"):
        check_reachable(listen(b"", wait=3.0), patience=1.0)
    check_reachable(listen(bytes(3) + b"\x04" + bytes(5)))


@pytest.mark.parametrize("address", ["here", "host:", ":6379", "host:99999", "host:port"])
def test_no_address(address: str) -> None:
    with pytest.raises(InputError, match="is no address of a Ray cluster"):
        check_reachable(address)


def test_ray_is_not_installed(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r'pip install "tocsin\[ray\]"'):
        RayEngine()
    with pytest.raises(InputError, match="at least 1 worker"):
        RayEngine(0)


def test_needs_are_cut_down_to_what_a_machine_has() -> None:
    nodes = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "GPU": 1.0, "memory": 4e9}, {"memory": 1e9}]
    assert Needs(16, 0.0, 1e12).on(nodes) == Needs(4.0, 0.0, 8e9)
    assert Needs(1, 1.0, 6e9).on(nodes) == Needs(1, 1.0, 4e9)
    assert Needs(1, 1.0).on(nodes[:1]) == Needs(1, 0.0)
    assert Needs(1, 1.0, must_gpu=True).on(nodes[:1]) is None
    for wanted in (Needs(16, 0.0, 1e12), Needs(1, 1.0, 6e9)):
        assert not wanted.fit(nodes)
        assert wanted.on(nodes).fit(nodes)
