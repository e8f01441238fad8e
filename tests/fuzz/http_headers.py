"""What a server says: ranges, sizes, redirects and refusals are numbers that make sense, or errors of ours."""

from __future__ import annotations

import random
from collections.abc import Mapping

from fuzz.fuzzing import mutated

from modelhub.arriving import Memory
from modelhub.asking import Answer, Asking, Policy
from modelhub.errors import ModelHubError, NotAllowedError
from modelhub.fetching import Fetch
from modelhub.objects import ObjectStat
from modelhub.opening import Opening
from modelhub.ranges import Missing, Span, parse_content_range, retry_after_s
from modelhub.refusals import explain_refusal

URI = "https://hub.example/public/models/a.zip"
SECRET = "X-Amz-Signature=5ec4e7"
SEEDS = [
    b"206\ncontent-range: bytes 0-9/10\ncontent-length: 10\netag: \"a\"\n\n0123456789",
    b"200\ncontent-length: 10\nlast-modified: Sat, 21 Nov 2026 10:00:00 GMT\n\n0123456789",
    b"416\ncontent-range: bytes */0\n\n",
    b"301\nlocation: https://elsewhere.example/a.zip?X-Amz-Signature=5ec4e7\n\n", b"302\nlocation: ../b.zip\n\n",
    b"503\nretry-after: 0\n\n<Error><Code>SlowDown</Code></Error>",
    b"403\nx-amz-bucket-region: eu-west-1\n\n<Error><Code>AccessDenied</Code>"
    b"<Message>no https://a?X-Amz-Signature=5ec4e7</Message></Error>",
    b"403\ndate: Sat, 21 Nov 2026 10:00:00 GMT\n\n<Error><Code>AccessDenied</Code>"
    b"<Message>Request has expired</Message><Expires>2026-11-21T09:00:00Z</Expires>"
    b"<ServerTime>2026-11-21T10:00:00Z</ServerTime><X-Amz-Expires>60</X-Amz-Expires></Error>",
    b"403\n\n<Error><Code>RequestTimeTooSkewed</Code><RequestTime>20261121T090000Z</RequestTime>"
    b"<ServerTime>2026-11-21T10:00:00Z</ServerTime></Error>",
    b"401\ncontent-type: text/html\n\n<html><title>Log in to Example</title></html>",
    b"200\ncontent-encoding: gzip\n\n\x1f\x8b", b"404\n\n<Error><Code>NoSuchBucket</Code></Error>",
]  # fmt: skip
WORDS = [
    b"bytes ", b"*", b"/", b"-", b"9" * 18, b"9" * 30, b"\xb2", b"206\n", b"200\n", b"302\n", b"\n\n",
    b"content-range: ", b"location: ", b"http://plain.example/", b"file:///etc/passwd", b"//[", b"date: ", b"\x1b[2J",
    b"\x9b", b"identity",
]  # fmt: skip


def make(chance: random.Random) -> bytes:
    """Some mutated answers in a row."""
    return b"\n\n\n".join(mutated(chance, SEEDS, WORDS) for _ in range(chance.choice((1, 1, 2, 3))))


def check(data: bytes) -> bool:
    """Let a server answer so: to a first look, to a range, to who wants to know why."""
    answers = [_parsed(part) for part in data.split(b"\n\n\n")]
    for status, headers, body in answers:
        _check_values(headers)
        error = explain_refusal(URI, status, body, headers, is_signed=True)
        assert error.message and SECRET not in str(error), str(error)
    opening = Opening(_Address(), _POLICY)
    error = _converse(opening, answers)
    if error is None:
        assert opening.stat.size_bytes is None or opening.stat.size_bytes >= 0
        assert len(opening.head) <= max(map(len, (body for _, _, body in answers)))
    memory = Memory(Span(2, 8))
    _converse(Fetch(_Address(), ObjectStat(size_bytes=10, etag='"a"'), Missing([Span(2, 8)]), memory, _POLICY), answers)
    return error is None


def _check_values(headers: Mapping[str, str]) -> None:
    found = parse_content_range(headers.get("content-range", ""))
    if found and found.span:
        assert 0 <= found.span.start < found.span.end
        assert found.total_bytes is None or found.span.end <= found.total_bytes
    assert 0 <= retry_after_s(headers) < 10**6


def _parsed(part: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; the headers as libcurl and we read them."""
    head, _, body = part.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    status = int(lines[0]) if lines[0].isascii() and lines[0].isdigit() and len(lines[0]) == 3 else 200
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "")
    if length and not (length.isascii() and length.isdigit() and len(length) < 19):
        del headers["content-length"]  # libcurl ends such an answer
    return status, headers, body


class _Address:
    uri = URI
    is_signed = False

    def url(self) -> str:
        return URI

    def changed_after(self, status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> bool:
        return False


def _check_url(url: str) -> None:
    if not url.startswith("https://"):
        raise NotAllowedError("This is not encrypted.")


_POLICY = Policy(max_connections=2, backoff_s=0.0, check_url=_check_url)


def _converse(job: Asking, answers: list[tuple[int, dict[str, str], bytes]]) -> BaseException | None:
    """Play the part of the connections; the error that the job ends with is returned, which must be one of ours."""
    errors: list[BaseException] = []
    fail = job.fail
    job.fail = lambda error: (errors.append(error), fail(error))[1]  # type: ignore[method-assign]
    for number in range(40):
        exchange = job.next_exchange(0, float("inf"))
        if exchange is None or job.is_finished:
            break
        assert isinstance(exchange, Answer)
        exchange.status, exchange.answer_headers, body = answers[number % len(answers)]
        try:
            if 200 <= exchange.status < 300:
                exchange.see_head()
                assert exchange.on_body(body) or not body
            else:
                exchange.error_body += body
        except Exception as exc:  # as libcurl must see none
            exchange.error = exc
        exchange.on_end(None)
    assert job.is_finished, "it asks for ever"
    assert all(isinstance(error, ModelHubError) for error in errors), errors
    return errors[0] if errors else None
