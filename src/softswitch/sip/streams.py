"""TCP connections of the SIP room: one framer each, a time limit for half a message, and a bound on their number."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.sip.context import Context
from softswitch.sip.errors import SipError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import CloseStream, Flow, SecurityEvent, StreamReceived
from softswitch.sip.timers import Timer

PARTIAL_SECONDS = 30.0
MAX_STREAMS = 20_000


class Stream:
    __slots__ = ("flow", "framer", "timer")

    def __init__(self, flow: Flow, framer: StreamFramer) -> None:
        self.flow = flow
        self.framer = framer
        self.timer: Timer | None = None


class Streams:
    """`handle` takes a complete message, `broken` a malformed one."""

    __slots__ = ("_broken", "_context", "_handle", "_streams")

    def __init__(
        self,
        context: Context,
        handle: Callable[[Request | Response], None],
        broken: Callable[[SipError, Flow], None],
    ) -> None:
        self._context = context
        self._handle = handle
        self._broken = broken
        self._streams: dict[int, Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def received(self, event: StreamReceived) -> None:
        context = self._context
        flow = event.flow
        stream = self._streams.get(flow.connection)
        if stream is None:
            if len(self._streams) >= MAX_STREAMS:
                context.out.append(SecurityEvent("overload", flow.remote, "", "streams"))
                context.out.append(CloseStream(flow))
                return
            stream = Stream(flow, StreamFramer(flow, context.settings.max_message_bytes))
            self._streams[flow.connection] = stream
            context.open_connections.add(flow.connection)
        framer = stream.framer
        if framer.broken:
            return  # told to close already; what was under way is swallowed
        framer.feed(event.data)
        while True:
            try:
                message = framer.next_message()
                if message is None:
                    break
                self._restart_clock(stream)
                self._handle(message)
            except SipError as error:
                self._restart_clock(stream)
                self._broken(error, flow)
        if framer.pings:
            # RFC 5626 4.4.1: a double CRLF is answered with a single one.
            framer.pings = 0
            context.send(flow, b"\r\n")
        if framer.broken:
            self._close(stream)
        elif framer.partial and stream.timer is None:
            stream.timer = context.timers.start(context.now + PARTIAL_SECONDS, lambda: self._too_slow(stream))
        elif not framer.partial:
            self._restart_clock(stream)

    def closed(self, flow: Flow) -> None:
        self._context.open_connections.discard(flow.connection)
        stream = self._streams.pop(flow.connection, None)
        if stream is not None:
            self._restart_clock(stream)

    def _restart_clock(self, stream: Stream) -> None:
        if stream.timer is not None:
            self._context.timers.cancel(stream.timer)
            stream.timer = None

    def _too_slow(self, stream: Stream) -> None:
        stream.timer = None
        self._context.out.append(SecurityEvent("slow_stream", stream.flow.remote))
        self._close(stream)

    def _close(self, stream: Stream) -> None:
        """The framer stays, broken, until the shell reports the end: what still arrives is swallowed."""
        self._restart_clock(stream)
        stream.framer.broken = True
        self._context.out.append(CloseStream(stream.flow))
