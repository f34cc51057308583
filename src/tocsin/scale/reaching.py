"""Whether something that may be a Ray head answers at an address, before Ray itself is asked.

Ray waits for minutes for a head that is not there and then ends the process that asked. Its head speaks gRPC, and that
HTTP/2: a server of that kind answers the opening of a connection with a frame of settings at once.
"""

from __future__ import annotations

import socket

from tocsin.core.errors import InputError

PATIENCE = 5.0
# What a client of HTTP/2 says first (RFC 9113, 3.4), and an empty frame of settings (6.5).
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
HEAD, SETTINGS = 9, 4


def check_reachable(address: str, *, patience: float = PATIENCE) -> None:
    """Check that something which may be a Ray head answers.

    Parameters
    ----------
    address : str
        ``host:port``.
    patience : float
        Seconds to wait.

    Raises
    ------
    InputError
        If the address has another form, nothing answers, or what answers is no Ray head.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(f"{address!r} is no address of a Ray cluster: give host:port, auto or local")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=patience) as line:
            line.settimeout(patience)
            line.sendall(OPENING)
            answer = line.recv(HEAD)
    except TimeoutError:
        raise InputError(_silent(address, f"no answer within {patience:.0f} seconds")) from None
    except OSError as error:
        raise InputError(_silent(address, error.strerror or str(error))) from None
    if len(answer) < HEAD or answer[3] != SETTINGS:
        raise InputError(
            f"what answers at {address} is no Ray cluster: give the address that `ray start --head` printed"
        )


def _silent(address: str, why: str) -> str:
    return f"no Ray cluster answers at {address} ({why}): start one with `ray start --head`, or use --address local"
