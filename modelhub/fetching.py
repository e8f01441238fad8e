"""The bytes of an object, over many connections: what to ask next, and what an answer is worth.

Every answer is checked: another range than was asked for, another size or another ETag is never taken for the object.
"""

from __future__ import annotations

from typing import Protocol

from modelhub.asking import Address, Answer, Ask, Asking, Policy, Writer, WrongAnswerError, replaced
from modelhub.connections import Failure
from modelhub.objects import ObjectStat
from modelhub.opening import Opening
from modelhub.ranges import BLOCK_BYTES, Missing, Span

_MIN_PIECE_BYTES = 256 << 10
_MAX_PIECE_BYTES = 768 << 10  # a window must have room for it, or it would never be asked for
# Asked for and not kept yet, over all connections: an interruption may cost all of it, and must cost less than 8 MiB.
_ON_THE_WAY_BYTES = 7 << 20


class Sink(Protocol):
    """Where the bytes of an object go. All is called on the connections' thread."""

    def writer(self, span: Span) -> Writer:
        """Somebody who takes the bytes of a span; ``kept_end`` tells how many of them need not be asked for again."""
        ...

    def horizon(self) -> int | None:
        """Nothing from there on is wanted yet."""
        ...

    def has_room(self) -> bool:
        """Whether a connection that had to wait may go on."""
        ...

    def finish(self, error: BaseException | None) -> None:
        """All is there, or no more will come."""
        ...


class Fetch(Asking):
    """Brings the bytes of an object that are missing.

    Args:
        address: The object.
        stat: What :class:`Opening` found.
        missing: What to bring; ``None`` to bring all in one piece, from a server that knows no ranges.
        sink: Where it goes.
        policy: How.
        opening: Whose blocks are taken over, those that have come and those on their way.
    """

    def __init__(
        self,
        address: Address,
        stat: ObjectStat,
        missing: Missing | None,
        sink: Sink,
        policy: Policy,
        *,
        opening: Opening | None = None,
    ) -> None:
        super().__init__(address, policy)
        self._etag = stat.etag
        self._stat = stat
        self._sink = sink
        self._missing = Missing([]) if missing is None else missing
        end = 1 << 62 if stat.size_bytes is None else stat.size_bytes
        self._whole = Ask(range_text="", span=Span(0, end)) if missing is None else None
        self._on_the_way: dict[Span, Writer | None] = {}
        self._pieces = 0
        self._opening = opening
        self._check_end()

    def has_room(self) -> bool:
        """Whether a connection that had to wait may go on."""
        return self._sink.has_room()

    def fail(self, error: BaseException) -> None:
        """The rest will not come."""
        if not self.is_finished:
            self.is_finished = True
            self._sink.finish(self._as_ours(error))

    def check_head(self, answer: Answer) -> None:
        """See that an answer is a part of the object that was looked at; raises if it is not."""
        ask = answer.ask
        stat, found = answer.stat(), answer.content_range
        assert ask.span is not None
        is_part = answer.status == 206
        if is_part != bool(ask.range_text) or (is_part and (found is None or found.span != ask.span)):
            raise WrongAnswerError
        if stat.etag != self._stat.etag or self._stat.size_bytes not in (None, stat.size_bytes):
            raise replaced(self._address.uri)
        if not ask.range_text and ask.span.start:  # a server without ranges begins anew where it had broken off
            answer.skip_bytes = ask.span.start
            if not stat.etag:
                raise replaced(self._address.uri)
        answer.writer = self._on_the_way[ask.span] = self._sink.writer(ask.span)

    def conclude(self, answer: Answer, failure: Failure | None) -> None:
        """Judge an answer that has come to its end, and ask again for what it lacks."""
        ask = answer.ask
        assert ask.span is not None
        del self._on_the_way[ask.span]
        has_all = answer.writer is not None and answer.writer.kept_end == ask.span.end
        is_whole_end = not ask.range_text and self._stat.size_bytes is None and not failure and answer.status == 200
        if answer.writer and answer.writer.kept_end > ask.span.start and not is_whole_end:
            ask = self._rest_of(ask, answer.writer.kept_end)
        if isinstance(answer.error, WrongAnswerError):
            self._retry(ask, self._network_error("sent another part of itself than was asked for"))
        elif answer.error:
            self.fail(answer.error)
        elif has_all or is_whole_end:
            self._succeeded()
        elif failure:
            self._not_answered(ask, failure)
        elif 200 <= answer.status < 300:
            self._retry(ask, self._network_error("broke off before its end"))
        elif answer.status == 416 and answer.stat().size_bytes not in (None, self._stat.size_bytes):
            self.fail(replaced(self._address.uri))  # by a shorter one
        else:
            self._not_given(ask, answer)
        self._check_end()

    def _rest_of(self, ask: Ask, kept_end: int) -> Ask:
        """What is still to be asked for; as something came, the count of failures begins anew."""
        assert ask.span is not None
        rest = Span(kept_end, ask.span.end)
        return Ask(range_text=str(rest) if ask.range_text else "", span=rest)

    def _check_end(self) -> None:
        is_over = not self._on_the_way and not self._missing.size_bytes and not self._whole
        if is_over and not self.is_finished:
            self.is_finished = True
            self._sink.finish(None)

    def _ask_later(self, ask: Ask, pause_s: float = 0.0) -> None:
        assert ask.span is not None
        self._on_the_way[ask.span] = None
        super()._ask_later(ask, pause_s)

    def next_ask(self) -> Ask | None:
        """The whole object, or the next piece of it; at first what the look has begun is taken over."""
        opening, self._opening = self._opening, None
        if opening:
            self._take_over(opening)
        ask, self._whole = self._whole, None
        if not ask:
            piece_bytes = self._piece_bytes()
            if self._on_the_way_bytes() + piece_bytes > _ON_THE_WAY_BYTES:
                return None
            span = self._missing.take(piece_bytes, before=self._sink.horizon())
            ask = Ask(range_text=str(span), span=span) if span else None
        if ask and ask.span:
            self._pieces += 1
            self._on_the_way[ask.span] = None
        return ask

    def _take_over(self, opening: Opening) -> None:
        """Go on with the answers that are wanted; the others come to their end with their job."""
        for answer, data in opening.hand_over():
            span = answer.ask.span
            assert span is not None
            if not self._missing.take_out(span, before=self._sink.horizon()):
                continue
            self._pieces += 1
            self._on_the_way[span] = None
            answer.job = self
            if answer.writer:
                self.check_head(answer)
                answer.writer.write(data)
            if answer.is_over:
                self.conclude(answer, None)

    def _on_the_way_bytes(self) -> int:
        return sum(span.end - (writer.kept_end if writer else span.start) for span, writer in self._on_the_way.items())

    def _piece_bytes(self) -> int:
        """Small at first, so that unpacking starts early, and at the end, so that all connections end together."""
        if self._pieces < self._policy.max_connections:
            return BLOCK_BYTES
        share = self._missing.size_bytes // (2 * self._policy.max_connections)
        return min(_MAX_PIECE_BYTES, max(share, _MIN_PIECE_BYTES))
