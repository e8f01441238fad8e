"""How hubs are reached: one value for all that connects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from modelhub.quick_dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Network:
    """How hubs are reached.

    Attributes:
        connections: At most so many at once, over all downloads.
        timeout_s: Seconds without a byte after which a connection counts as lost.
        rate_bytes_per_s: Bound on all downloads together; 0 for none.
        ca_bundle: File, or folder, of the authorities that are trusted; ``None`` for those of the libraries.
        proxy_of: The proxy for a URL ("" for none), and the hosts that need none, as in ``NO_PROXY``.
        allow_http: Whether ``http:`` is taken from other hosts than this machine.
        backoff_s: Pause before the first retry of a request; the following ones are longer.
    """

    connections: int = 16
    timeout_s: float = 30.0
    rate_bytes_per_s: int = 0
    ca_bundle: Path | None = None
    proxy_of: Callable[[str], tuple[str, str]] = field(default=lambda url: ("", ""))
    allow_http: bool = False
    backoff_s: float = 0.2
