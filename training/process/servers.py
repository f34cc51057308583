"""The other ends, outside the traced host: a package mirror, a backup store, and the intruder's three servers."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from process.intrusions import EXFILTRATION, PAYLOAD, PAYLOADS, SHELL, TYPED
from process.jobs import BACKUP, MIRROR


def start() -> None:
    """Start all of them in threads that end with the process."""
    for port in (MIRROR, BACKUP, PAYLOADS):
        server = ThreadingHTTPServer(("127.0.0.1", port), Files)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=_sink, args=(EXFILTRATION,), daemon=True).start()
    threading.Thread(target=_typist, args=(SHELL,), daemon=True).start()


class Files(BaseHTTPRequestHandler):
    """Hands out small packages, scripts and the payload, and takes uploads."""

    def do_GET(self) -> None:
        """Answer by the end of the path: an archive, a tool's script, or the payload."""
        if self.path.endswith(".tgz"):
            body = _package(self.path.rsplit("/", 1)[-1])
        elif self.path.startswith("/pkg/"):
            body = b"#!/bin/bash\nls -l lib | wc -l; date +%F\n"
        else:
            body = PAYLOAD.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        """Take what is sent and forget it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _package(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for part in ("README", "lib.c", "lib.h"):
            text = f"{name} {part}\n".encode() * 20
            member = tarfile.TarInfo(f"{name.removesuffix('.tgz')}/{part}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return out.getvalue()


def _sink(port: int) -> None:
    """Take whatever comes, and answer like a web server to whoever expects one."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            client, _ = server.accept()
            with client:
                client.settimeout(2)
                try:
                    if client.recv(65536).startswith(b"PUT"):
                        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    while client.recv(65536):
                        pass
                except OSError:
                    continue


def _typist(port: int) -> None:
    """Type a few lines to whoever connects, at a person's pace."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            client, _ = server.accept()
            with client:
                client.settimeout(2)
                try:
                    for line in TYPED:
                        client.sendall(line.encode() + b"\n")
                        time.sleep(1.5)
                        client.recv(65536)
                except OSError:
                    continue
