"""Servers that serve while a test goes on, and waiting for what other threads and processes do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hub_server import Server
from proxy_server import Proxy

S = TypeVar("S", Server, Proxy)


@contextmanager
def serving(server: S) -> Iterator[S]:
    """The server while it serves, in a thread of its own."""
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something has happened; that it never does is a failure."""
    deadline_s = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
