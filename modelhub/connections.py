"""Many GETs at once, on one thread: libcurl by pycurl, the one module that knows it.

Why libcurl: among seven HTTP layers in the same engine it was the fastest, and it brings what networks need (proxies
with passwords, other authorities, IPv6 and IPv4 tried side by side) where our own code would have to.
"""

from __future__ import annotations

import os
import re
import threading
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import Protocol
from urllib.parse import quote

import pycurl

from modelhub.errors import NetworkError, StoppedError
from modelhub.network import Network
from modelhub.quick_dataclasses import dataclass

_MAX_ERROR_BYTES = 64 << 10
_BUFFER_BYTES = 512 << 10  # libcurl's largest: each piece costs a call into Python
_MIN_BUFFER_BYTES = 1 << 10
_BUFFERS_A_ROUND = 10  # libcurl reads a connection so often before it looks at the next
_CONNECT_TIMEOUT_S = 10.0
_TICK_S = 0.02
_STATUS_LINE = re.compile(r"HTTP/[0-9.]+ ([0-9]{3})")
_URL_SIGNS = "!#$%&'()*+,/:;=?@[]~"  # that stay as they are; others, such as blanks and umlauts, libcurl does not take
_HTTP_1_1 = pycurl.CURL_HTTP_VERSION_1_1
_UNTRUSTED = {pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT, pycurl.E_SSL_CACERT_BADFILE}
_NO_PROXY = {pycurl.E_COULDNT_RESOLVE_PROXY, 97}  # 97: CURLE_PROXY, which pycurl has no name for
_UNREACHED = {pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST}
_BROKEN_OFF = {pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR, pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an exchange came to no good end, below HTTP.

    Attributes:
        kind: ``untrusted``, ``unreached``, ``proxy``, ``timeout``, ``broken off`` or ``other``.
        text: What libcurl says of it.
    """

    kind: str
    text: str


class Exchange(ABC):
    """One GET and what comes of it.

    Args:
        url: Where to; may hold a signature.
        headers: Further lines of the request, such as ``Range: …``.
        has_netrc: Whether ``~/.netrc`` may be asked for user and password.

    Attributes:
        job: Whose it is: who began it, or who has taken it over.
        status: Of the answer; 0 while there is none.
        answer_headers: Of the answer, in lower case.
        error_body: What an answer other than 2xx said.
    """

    job: Job

    def __init__(self, url: str, headers: list[str], *, has_netrc: bool) -> None:
        self.url = url
        self.headers = headers
        self.has_netrc = has_netrc
        self.status = 0
        self.answer_headers: dict[str, str] = {}
        self.error_body = bytearray()
        self.error: BaseException | None = None
        self.is_paused = False
        self.moved_at = 0.0
        self._has_seen_head = False

    def see_head(self) -> None:
        """Look at the head of a 2xx answer, once: not before its body, as a proxy's answer has a head, too."""
        if not self._has_seen_head:
            self._has_seen_head = True
            self.on_head()

    @abstractmethod
    def on_head(self) -> None:
        """The head of a 2xx answer is here; may raise to give the exchange up."""

    @abstractmethod
    def on_body(self, data: bytes) -> bool:
        """Take bytes of a 2xx answer; false where there is no room for them at the moment."""

    @abstractmethod
    def on_end(self, failure: Failure | None) -> None:
        """It is over; ``error`` is what ``on_head`` or ``on_body`` raised."""


class Job(Protocol):
    """What has exchanges to make. All is called on the connections' thread."""

    is_finished: bool

    def next_exchange(self, active: int, now: float) -> Exchange | None:
        """One more, if there is one to be made now beside the active ones."""
        ...

    def has_room(self) -> bool:
        """Whether paused exchanges may go on."""
        ...

    def fail(self, error: BaseException) -> None:
        """The connections cannot go on."""
        ...


class Connections:
    """Runs the exchanges of jobs, as many at once as is allowed.

    Args:
        network: How hubs are reached.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._jobs: list[Job] = []
        self._active: dict[pycurl.Curl, Exchange] = {}
        self._idle: list[pycurl.Curl] = []
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._debt_bytes = 0.0
        self._paid_at = time.monotonic()

    def run(self, job: Job) -> None:
        """Begin a job; it ends when its ``is_finished`` is set, by whomever."""
        with self._wake:
            if self._is_closed:
                job.fail(StoppedError("All connections are closed."))
                return
            if self._thread is None:
                thread = threading.Thread(target=self._go, name="connections", daemon=True)
                try:
                    thread.start()
                except RuntimeError as exc:
                    job.fail(_no_thread(exc))
                    return
                self._thread = thread
            self._jobs.append(job)
            self._wake.notify_all()

    def stop(self, job: Job) -> None:
        """End a job; when this returns nothing of it is called any more."""
        job.is_finished = True
        with self._wake:
            self._wake.notify_all()
            while job in self._jobs and self._thread and self._thread.is_alive():
                self._wake.wait(_TICK_S)

    def close(self) -> None:
        """End all jobs and close all connections."""
        with self._wake:
            self._is_closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._fail_all(StoppedError("The download was stopped."))

    def _fail_all(self, error: BaseException) -> None:
        with self._wake:
            self._is_closed = True
            jobs, self._jobs = self._jobs, []
            self._wake.notify_all()
        for job in jobs:
            job.fail(error)

    # All below runs on the thread.

    def _go(self) -> None:
        with self._wake:  # where an interrupt came while this thread was started, another one may be it by now
            self._thread = self._thread or threading.current_thread()
            if self._thread is not threading.current_thread():
                return
        try:
            multi = pycurl.CurlMulti()
            try:
                self._work(multi)
            finally:
                for curl in (*self._active, *self._idle):
                    curl.close()
                multi.close()
        except BaseException as exc:  # whoever waits for a job raises it
            self._fail_all(exc)

    def _work(self, multi: pycurl.CurlMulti) -> None:
        while self._has_work(multi):
            self._resume_paused(multi)
            self._drive(multi)
            self._pay_debt()
            self._drop_stalled(multi)
            # What has just come may let more be asked for: a round trip is not spent waiting for other sockets. Without
            # a socket yet, as while a name is looked up, select comes back at once.
            if not self._start_exchanges(multi) and self._active and multi.select(_TICK_S) < 0:
                time.sleep(0.001)

    def _has_work(self, multi: pycurl.CurlMulti) -> bool:
        for curl, exchange in list(self._active.items()):
            if exchange.job.is_finished or self._is_closed:
                self._release(multi, curl)
        with self._wake:
            active = [exchange.job for exchange in self._active.values()]
            self._jobs = [job for job in self._jobs if not job.is_finished or job in active]
            self._wake.notify_all()
            while not self._jobs and not self._is_closed:
                self._wake.wait()
            return not self._is_closed

    def _start_exchanges(self, multi: pycurl.CurlMulti) -> bool:
        """Start what may be started, and tell whether anything was.

        Who has the fewest connections is asked first, so that none waits for another.
        """
        is_any = False
        now = time.monotonic()
        jobs = [job for job in self._jobs if not job.is_finished]
        while jobs and len(self._active) < self._network.connections:
            job = min(jobs, key=self._active_of)
            try:
                # Another job may have ended it since: by taking over what it had begun.
                exchange = None if job.is_finished else job.next_exchange(self._active_of(job), now)
                if exchange:
                    self._start(multi, job, exchange, now)
                    is_any = True
                    continue
            except BaseException as exc:  # a signature that cannot be made, for one; the other jobs go on
                job.fail(exc)
            jobs.remove(job)
        if not self._active:
            with self._wake:
                self._wake.wait(_TICK_S)  # all that is left to do waits for its time, or for room
        return is_any

    def _active_of(self, job: Job) -> int:
        return sum(1 for exchange in self._active.values() if exchange.job is job)

    def _start(self, multi: pycurl.CurlMulti, job: Job, exchange: Exchange, now: float) -> None:
        curl = self._idle.pop() if self._idle else self._new_curl()
        proxy, no_proxy = self._network.proxy_of(exchange.url)
        exchange.job, exchange.moved_at = job, now
        curl.setopt(pycurl.URL, quote(exchange.url, safe=_URL_SIGNS, errors="surrogateescape"))
        curl.setopt(pycurl.PROXY, os.fsencode(proxy))  # of a text pycurl takes no more than ASCII
        curl.setopt(pycurl.NOPROXY, os.fsencode(no_proxy))
        curl.setopt(pycurl.NETRC, pycurl.NETRC_OPTIONAL if exchange.has_netrc else pycurl.NETRC_IGNORED)
        curl.unsetopt(pycurl.HTTPHEADER)  # of an empty list pycurl makes nothing, and the last one's would stay
        curl.setopt(pycurl.HTTPHEADER, [line.encode("latin-1") for line in exchange.headers])
        curl.setopt(pycurl.HEADERFUNCTION, partial(self._on_header, exchange))
        curl.setopt(pycurl.WRITEFUNCTION, partial(self._on_data, exchange))
        self._active[curl] = exchange
        multi.add_handle(curl)

    def _new_curl(self) -> pycurl.Curl:
        network = self._network
        curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.HTTP_VERSION, _HTTP_1_1)  # many streams in one connection would share its rate
        curl.setopt(pycurl.BUFFERSIZE, self._buffer_bytes())
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(1000 * min(_CONNECT_TIMEOUT_S, network.timeout_s)))
        curl.setopt(pycurl.USERAGENT, "modelhub")
        if network.ca_bundle:
            path, is_folder = os.fsencode(network.ca_bundle), network.ca_bundle.is_dir()
            curl.setopt(pycurl.CAPATH if is_folder else pycurl.CAINFO, path)
            curl.setopt(pycurl.PROXY_CAPATH if is_folder else pycurl.PROXY_CAINFO, path)  # of an ``https:`` proxy
        return curl

    def _buffer_bytes(self) -> int:
        """So small that one round of reading, over all connections, brings no more than a tenth of a second's worth."""
        if not self._network.rate_bytes_per_s:
            return _BUFFER_BYTES
        share = self._network.rate_bytes_per_s // (10 * _BUFFERS_A_ROUND * self._network.connections)
        return max(_MIN_BUFFER_BYTES, min(_BUFFER_BYTES, share))

    def _on_header(self, exchange: Exchange, line: bytes) -> None:
        text = line.decode("latin-1").strip()
        if status := _STATUS_LINE.match(text):
            exchange.status = int(status[1])
            exchange.answer_headers.clear()
        elif ":" in text:
            name, _, value = text.partition(":")
            exchange.answer_headers[name.lower()] = value.strip()

    def _on_data(self, exchange: Exchange, data: bytes) -> int | None:
        exchange.moved_at = time.monotonic()
        if self._network.rate_bytes_per_s:
            self._debt_bytes += len(data)
        if not 200 <= exchange.status < 300:
            exchange.error_body += data[: _MAX_ERROR_BYTES - len(exchange.error_body)]
            return None if len(exchange.error_body) < _MAX_ERROR_BYTES else -1
        try:  # libcurl must see no exception
            exchange.see_head()
            if not exchange.on_body(data):
                exchange.is_paused = True
                return int(pycurl.WRITEFUNC_PAUSE)
        except BaseException as exc:
            exchange.error = exc
            return -1
        return None

    def _resume_paused(self, multi: pycurl.CurlMulti) -> None:
        for curl, exchange in list(self._active.items()):
            if exchange.is_paused and exchange.job.has_room():
                exchange.is_paused = False
                exchange.moved_at = time.monotonic()
                try:
                    curl.pause(pycurl.PAUSE_CONT)  # calls back with what libcurl has kept
                except pycurl.error as exc:
                    self._end(multi, curl, _failure_of(curl, exc.args[0], str(exc.args[-1])))

    def _drive(self, multi: pycurl.CurlMulti) -> None:
        multi.perform()
        is_more = 1
        while is_more:
            is_more, done, failed = multi.info_read()
            for curl in done:
                self._end(multi, curl, None)
            for curl, code, text in failed:
                self._end(multi, curl, _failure_of(curl, code, text))

    def _end(self, multi: pycurl.CurlMulti, curl: pycurl.Curl, failure: Failure | None) -> None:
        exchange = self._release(multi, curl)
        if len(exchange.error_body) == _MAX_ERROR_BYTES:
            failure = None  # it was we who had read enough
        if not failure and 200 <= exchange.status < 300:  # it may have had no body
            try:
                exchange.see_head()
            except Exception as exc:
                exchange.error = exc
        try:
            exchange.on_end(failure)
        except BaseException as exc:
            exchange.job.fail(exc)

    def _release(self, multi: pycurl.CurlMulti, curl: pycurl.Curl) -> Exchange:
        exchange = self._active.pop(curl)
        multi.remove_handle(curl)
        for kind in (pycurl.HEADERFUNCTION, pycurl.WRITEFUNCTION):  # else it keeps the job, and all that has arrived
            curl.setopt(kind, _ignore)
        self._idle.append(curl)
        return exchange

    def _drop_stalled(self, multi: pycurl.CurlMulti) -> None:
        """A connection on which nothing moves is given up; whoever asked will ask again on another one."""
        now = time.monotonic()
        for curl, exchange in list(self._active.items()):
            if not exchange.is_paused and now - exchange.moved_at > self._network.timeout_s:
                self._end(multi, curl, Failure(kind="timeout", text=f"no byte for {self._network.timeout_s:g} s"))

    def _pay_debt(self) -> None:
        """Read nothing for as long as it takes until all that was read keeps to the rate."""
        rate = self._network.rate_bytes_per_s
        if not rate:
            return
        now = time.monotonic()
        self._debt_bytes = max(0.0, self._debt_bytes - (now - self._paid_at) * rate)
        self._paid_at = now
        if self._debt_bytes:
            pause_s = self._debt_bytes / rate
            with self._wake:
                self._wake.wait(pause_s)
            for exchange in self._active.values():
                exchange.moved_at += pause_s  # it was we who did not read


def _ignore(data: bytes) -> None:
    """Take bytes for nobody."""


def _no_thread(cause: RuntimeError) -> NetworkError:
    error = NetworkError(
        "No connection can be made: the system starts no more threads.",
        hint="Raise the limit of processes (ulimit -u, or that of the container), or end some of them.",
    )
    error.__cause__ = cause
    return error


def _failure_of(curl: pycurl.Curl, code: int, text: str) -> Failure:
    if code in _UNTRUSTED:
        return Failure(kind="untrusted", text=text)
    if curl.getinfo(pycurl.HTTP_CONNECTCODE) >= 400 or code in _NO_PROXY:
        return Failure(kind="proxy", text=text)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return Failure(kind="timeout", text=text)
    if code in _UNREACHED:
        return Failure(kind="unreached", text=text)
    return Failure(kind="broken off" if code in _BROKEN_OFF else "other", text=text)
