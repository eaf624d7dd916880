"""Waiting for the ACK of our 2xx (RFC 3261 section 13.3.1.4): repeat it at T1, 2*T1 ... T2, for 64*T1. A reliable
provisional response waits for its PRACK in the same way (RFC 3262 section 3)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.sip.context import Context
from softswitch.sip.messages import Flow


class AckWait:
    """Runs from construction until `stop`, or until `lost` was called."""

    __slots__ = ("_context", "_data", "_flow", "_interval", "_longest", "_lost", "_timer", "_until")

    def __init__(
        self, context: Context, flow: Flow, data: bytes, lost: Callable[[], None], longest: float = 0.0
    ) -> None:
        self._context = context
        self._flow = flow
        self._data = data
        self._lost = lost
        self._longest = longest or context.settings.t2_seconds
        t1 = context.settings.t1_seconds
        self._interval = t1
        self._until = context.now + 64 * t1
        self._timer = context.timers.start(context.now + t1, self._again)

    def stop(self) -> None:
        self._context.timers.cancel(self._timer)

    def _again(self) -> None:
        context = self._context
        # RFC 3261 13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK,
        # the dialog is confirmed, but the session SHOULD be terminated. This is accomplished with a BYE".
        if context.now >= self._until:
            self._lost()
            return
        # It is repeated on every transport: the hop behind the next one may be UDP.
        context.send(self._flow, self._data)
        self._interval = min(2 * self._interval, self._longest)
        self._timer = context.timers.start(min(context.now + self._interval, self._until), self._again)
