"""One subscription of a phone (RFC 6665): its dialog, its clock, its NOTIFYs, one at a time and not too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from softswitch.ids import AgentId
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.lamp_documents import TYPES
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import EndedBy
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_client import ClientTransaction

if TYPE_CHECKING:
    from softswitch.sip.subscriptions import Subscriptions, Watched

LONGEST_SECONDS = 3600
SHORTEST_SECONDS = 30
_INTERVAL = 1.0  # between two NOTIFYs
_SOON = 0.2  # the state is being asked for


def wanted_seconds(request: Request) -> int:
    """RFC 6665 4.2.1.1: the notifier may shorten what is asked for, never lengthen it; too short a wish gets 423."""
    text = request.headers.get("expires", "").strip()
    if not text:
        return LONGEST_SECONDS
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise SipError(400, "malformed Expires")
    seconds = min(int(text), LONGEST_SECONDS)
    if 0 < seconds < SHORTEST_SECONDS:
        raise SipError(423, "too short", f"Min-Expires: {SHORTEST_SECONDS}\r\n")
    return seconds


class Wish(NamedTuple):
    """Who watches what, as he asked for it: `entity` is its URI, `event_id` the id of the Event."""

    agent: AgentId
    package: str
    watched: Watched
    entity: str
    event_id: str


class Subscription:
    """`version` counts the NOTIFYs (RFC 4235 4.1: it "MUST be incremented by one for each" of them)."""

    __slots__ = (
        "_busy",
        "_dirty",
        "_expiry",
        "_house",
        "_next",
        "_sent_at",
        "_until",
        "dialog",
        "over",
        "version",
        "wish",
    )

    def __init__(self, house: Subscriptions, dialog: Dialog, wish: Wish) -> None:
        self._house = house
        self._busy = False
        self._dirty = False
        self._expiry: Timer | None = None
        self._next: Timer | None = None
        self._sent_at = float("-inf")
        self._until = 0.0
        self.dialog = dialog
        self.over = False
        self.version = -1
        self.wish = wish

    def last_until(self, when: float) -> None:
        timers = self._house.context.timers
        timers.cancel(self._expiry)
        self._until = when
        self._expiry = timers.start(when, self._expired)

    def _expired(self) -> None:
        self.end("timeout")

    def end(self, reason: str) -> None:
        """The last NOTIFY, whatever is under way; it still tells the present state."""
        if not self.over:
            self.over = True
            self._notify(f"terminated;reason={reason}", None)
            self.forget()

    def fetch(self) -> None:
        """RFC 6665 4.4.3: the state once, when it is known, and no more."""
        context = self._house.context
        self._expiry = context.timers.start(context.now + _SOON, self._expired)

    def forget(self) -> None:
        self.over = True
        timers = self._house.context.timers
        timers.cancel(self._expiry)
        timers.cancel(self._next)
        self._house.forget(self)

    # ---------------------------------------------------------------- NOTIFY

    def changed(self) -> None:
        """There is something to tell; at once when the last time is long ago."""
        if self.over:
            return
        if not self._until:
            self.end("timeout")  # it was fetched
            return
        now = self._house.context.now
        if self._busy or now < self._sent_at + _INTERVAL:
            if not self._dirty:
                self._dirty = True
                self._at(max(self._sent_at + _INTERVAL, now))
            return
        self._tell()

    def changed_soon(self) -> None:
        """The state was asked for; without it, what is known is told."""
        self._at(self._house.context.now + _SOON)

    def _at(self, when: float) -> None:
        timers = self._house.context.timers
        timers.cancel(self._next)
        self._next = timers.start(when, self._due)

    def _due(self) -> None:
        if not self._busy:  # else the answer to the one under way will do it
            self._tell()

    def _tell(self) -> None:
        self._house.context.timers.cancel(self._next)
        self._dirty = False
        left = max(0, round(self._until - self._house.context.now))
        self._busy = True
        self._notify(f"active;expires={left}", self)

    def _notify(self, state: str, owner: Subscription | None) -> None:
        house, dialog = self._house, self.dialog
        context = house.context
        self._sent_at = context.now
        self.version += 1
        marked = f";id={self.wish.event_id}" if self.wish.event_id else ""
        extra = (
            f"{context.place(dialog.flow).contact}Event: {self.wish.package}{marked}\r\nSubscription-State: {state}\r\n"
        )
        body = house.document(self)
        kind = f"Content-Type: {TYPES[self.wish.package]}\r\n"
        branch = context.token()
        data = dialog.request(context, "NOTIFY", dialog.next_number(), branch, extra, body, kind)
        house.clients.start(branch, "NOTIFY", dialog.flow, data, owner)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        self._busy = False
        if self.over:
            return
        # RFC 6665 4.2.2: after a NOTIFY that was answered with 481, or failed otherwise, there is no subscription.
        if response.status >= 300:
            self.forget()
        elif self._dirty:
            self._dirty = False
            self.changed()

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self._busy = False
        if not self.over:
            self.forget()
