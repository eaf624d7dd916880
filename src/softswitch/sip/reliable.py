"""Reliable provisional responses (RFC 3262): ours on an incoming leg, the peer's on an outgoing one.

ours   send ─► WAITING ──PRACK──► next, or idle
                  └─64*T1──► the INVITE is refused
theirs first RSeq, or the one after the last ─► PRACK; any other is a repetition or came too early
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from softswitch.sip.ack_wait import AckWait
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.message import Request, Response
from softswitch.sip.transaction_server import ServerTransaction

MAX_WAITING = 8
_RACK = re.compile(r"([0-9]{1,10})\s++([0-9]{1,10})\s++INVITE")
_RSEQ = re.compile(r"[0-9]{1,10}")


class Reliable:
    """18x of one incoming INVITE whose sender wants each one acknowledged. `sent_sdp`: one of them carried our
    answer; `settled`: none waits for its PRACK."""

    __slots__ = ("_context", "_lost", "_next", "_number", "_queue", "_transaction", "_wait", "_with_sdp", "sent_sdp")

    def __init__(self, context: Context, transaction: ServerTransaction, number: int, lost: Callable[[], None]) -> None:
        self._context = context
        self._transaction = transaction
        self._number = number
        self._lost = lost
        # RFC 3262 3: "The value of the header field for the first reliable provisional response in a transaction MUST
        # be between 1 and 2**31 - 1. It is RECOMMENDED that it be chosen uniformly in this range."
        self._next = 1 + context.random_bits(30)
        self._queue: deque[tuple[int, str, bytes]] = deque()
        self._wait: AckWait | None = None
        self._with_sdp = False
        self.sent_sdp = False

    @property
    def settled(self) -> bool:
        return self._wait is None

    @property
    def answer_pending(self) -> bool:
        """A session description of ours is not acknowledged yet."""
        return self._with_sdp and self._wait is not None

    def send(self, status: int, extra: str, body: bytes) -> None:
        # RFC 3262 3: "The UAS MUST NOT send a second reliable provisional response until the first is acknowledged."
        if self._wait is not None:
            if len(self._queue) < MAX_WAITING:
                self._queue.append((status, extra, body))
            return
        lines = f"{extra}Require: 100rel\r\nRSeq: {self._next}\r\n"
        data = self._transaction.respond(status, lines, body)
        self._with_sdp = bool(body)
        self.sent_sdp = self.sent_sdp or bool(body)
        # RFC 3262 3: repeated "with an exponential backoff that starts at T1", without the cap of T2.
        self._wait = AckWait(self._context, self._transaction.flow, data, self._unacknowledged, 64.0)

    def acknowledged(self, prack: Request) -> bool:
        """RFC 3262 3: a PRACK matches by RAck: our RSeq, and number and method of the INVITE."""
        match = _RACK.fullmatch(prack.headers.get("rack", ""))
        if match is None or self._wait is None:
            return False
        if int(match[1]) != self._next or int(match[2]) != self._number:
            return False
        self._wait.stop()
        self._wait = None
        # RFC 3262 3: "each subsequent reliable provisional response MUST contain an RSeq [...] greater by exactly one".
        self._next += 1
        return True

    def go_on(self) -> None:
        """What waited may be sent."""
        if self._queue and self._wait is None and not self._transaction.answered:
            self.send(*self._queue.popleft())

    def stop(self) -> None:
        self._queue.clear()
        if self._wait is not None:
            self._wait.stop()
            self._wait = None

    def _unacknowledged(self) -> None:
        self._wait = None
        self._lost()


class EarlyDialog:
    """What a callee built with a reliable 18x (RFC 3262 4): the dialog of one To tag, the last RSeq, its answer."""

    __slots__ = ("dialog", "rseq", "sdp")

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.rseq = 0
        self.sdp: bytes | None = None

    def takes(self, number: int) -> bool:
        """RFC 3262 4: a number that is not one higher than the last "MUST NOT be acknowledged with a PRACK, and MUST
        NOT be processed further"."""
        if self.rseq and number != self.rseq + 1:
            return False
        self.rseq = number
        return True

    def acknowledgement(self, context: Context, invite_number: int, branch: str) -> bytes:
        dialog = self.dialog
        extra = f"RAck: {self.rseq} {invite_number} INVITE\r\n"
        return dialog.request(context, "PRACK", dialog.next_number(), branch, extra)


def reliable_number(response: Response) -> int:
    """The RSeq of a provisional response that wants a PRACK, 0 of any other."""
    text = response.headers.get("rseq")
    if text is None or "require" not in response.headers or _RSEQ.fullmatch(text) is None:
        return 0
    return int(text) if "100rel" in map(str.lower, response.items("require")) else 0
