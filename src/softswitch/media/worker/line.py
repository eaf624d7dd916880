"""The worker's line to the switch: who is served, and what is kept while nobody is.

    ALONE --connection, Claim that fits--> SERVING --connection ends--> ALONE --grace is over, no leg left--> OVER
    ALONE --Claim that does not fit--> OVER            SERVING --Finish--> OVER
    SERVING: whoever else connects is sent away

Without a grace the line is one connection, given from the start, and over with it. What happens while the worker is
alone (digits, ends of prompts) is kept, within bounds, and told to the switch that adopts the legs.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from softswitch.media.control import MediaCommand, MediaEvent
from softswitch.media.messages import (
    AdoptLegs,
    Claim,
    Claimed,
    DtlsOffered,
    Finish,
    MediaSaid,
    Ping,
    Pong,
    PortsLeased,
    RtpHeard,
    RtpSilent,
)
from softswitch.media.worker import door
from softswitch.media.worker.carried import Carried
from softswitch.media.worker.channel import Channel

CLAIM_SECONDS = 5.0  # from the connection to its claim
ADOPT_SECONDS = 15.0  # from the claim to the adoption
MOST_KEPT = 4096
MOST_KEPT_OF_LEG = 64
# told anew to whoever comes, or looked for anew
_NOT_KEPT = (PortsLeased, DtlsOffered, RtpSilent, RtpHeard)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the worker was started with. `grace` 0: it ends with its only connection."""

    fingerprint: str = ""
    grace: float = 0.0
    first_claim: float = 10.0  # for the first one there is so much time


@dataclass(slots=True)
class _Kept:
    """For the next switch."""

    events: deque[MediaEvent] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    of_leg: Counter[int] = field(default_factory=Counter)

    def keep(self, events: list[MediaEvent]) -> None:
        for event in events:
            if isinstance(event, _NOT_KEPT):
                continue
            leg = getattr(event, "leg", 0)
            if self.of_leg[leg] < MOST_KEPT_OF_LEG:
                self.of_leg[leg] += 1
                self.events.append(event)

    def take(self, legs: set[int]) -> list[MediaEvent]:
        events = [event for event in self.events if isinstance(event, MediaSaid) or getattr(event, "leg", 0) in legs]
        self.events.clear()
        self.of_leg.clear()
        return events


class Line:
    """`over` says that the worker has to end; `asked_to_end` that somebody else than the switch wants it to."""

    __slots__ = (
        "_agreed",
        "_carried",
        "_epoll",
        "_kept",
        "_listener",
        "_newcomer",
        "_serving",
        "_until",
        "asked_to_end",
        "over",
    )

    def __init__(
        self, epoll: select.epoll, carried: Carried, agreed: Agreed, listener: socket.socket | None, now: float
    ) -> None:
        self._epoll = epoll
        self._carried = carried
        self._agreed = agreed
        self._listener = listener
        self._newcomer: Channel | None = None
        self._serving: Channel | None = None
        self._kept: _Kept | None = None  # None: nothing waits for an adoption
        self._until = now + agreed.first_claim  # then it is over, or adopted, should nobody come; 0: never
        self.asked_to_end = False
        self.over = False
        if listener is not None:
            listener.setblocking(False)
            epoll.register(listener.fileno(), select.EPOLLIN)

    def serve(self, channel: Channel) -> None:
        """This connection, without a claim."""
        self._epoll.register(channel.fd, select.EPOLLIN)
        self._serving = channel
        self._until = 0.0

    @property
    def alone(self) -> bool:
        return self._serving is None

    # -------------------------------------------------------------- in

    def look(self, descriptors: list[int], now: float) -> list[MediaCommand]:
        """Some of these may be ours: orders for the legs that came, in order."""
        orders: list[MediaCommand] = []
        serving, newcomer, listener = self._serving, self._newcomer, self._listener
        if serving is not None and serving.fd in descriptors:
            orders = self._receive(serving, now)
        if newcomer is not None and newcomer.fd in descriptors:
            self._hear_out(newcomer, now)
        if listener is not None and listener.fileno() in descriptors and not (serving and serving.fd in descriptors):
            self._accept(listener, now)  # else in the next round: the switch that is served may just have said its last
        return orders

    def _receive(self, channel: Channel, now: float) -> list[MediaCommand]:
        orders: list[MediaCommand] = []
        for command in channel.receive():
            order: Any = command
            match order:
                case Ping(number=number):
                    channel.send([Pong(number)])
                case AdoptLegs(legs=legs):
                    self._adopt(set(legs), now)
                case Finish():
                    self.over = True
                case Claim():
                    pass  # it is his already
                case _:
                    orders.append(command)
        self._watch(now)
        return orders

    def _accept(self, listener: socket.socket, now: float) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        try:
            process = door.peer_of(sock)
        except (door.WrongDoor, OSError) as problem:
            log.error("somebody else connected: %s", problem)
            sock.close()
            return
        self._watch(now)
        if self._serving is not None or self._newcomer is not None:
            log.warning("process %d wants this media process, which has a switch", process)
            sock.close()
            return
        self._newcomer = channel = Channel(sock)
        self._epoll.register(channel.fd, select.EPOLLIN)
        self._until = max(self._until, now + CLAIM_SECONDS)

    def _hear_out(self, channel: Channel, now: float) -> None:
        """His first message is a claim that fits, or he is no switch of ours."""
        messages: list[Any] = channel.receive()
        if not messages and channel.open:
            return
        claim = messages[0] if messages else None
        self._newcomer = None
        if not isinstance(claim, Claim):
            self._drop(channel)
            return
        fits = claim.fingerprint == self._agreed.fingerprint
        channel.send([Claimed(fits)])
        if not fits:
            log.warning("the switch has another configuration or version: this media process ends")
            self._drop(channel)
            self.over = True
            return
        self._serving = channel
        self._kept = self._kept or _Kept()
        channel.send(self._carried.tell(now))
        self._until = now + ADOPT_SECONDS
        if not self._carried.waiting:
            self._adopt(set(), now)

    def _adopt(self, legs: set[int], now: float) -> None:
        self._until = 0.0
        self._carried.adopt(legs, now)
        kept, self._kept = self._kept, None
        if kept is not None and self._serving is not None:
            self._serving.send(kept.take(legs))

    # -------------------------------------------------------------- out

    def send(self, events: list[MediaEvent], now: float) -> None:
        """Now; or, of legs that wait for their adoption, after it."""
        if self._kept is not None:
            waiting = set(self._carried.waiting)
            later = [event for event in events if self.alone or getattr(event, "leg", 0) in waiting]
            self._kept.keep(later)
            events = [event for event in events if event not in later]
        if self._serving is not None and events:
            self._serving.send(events)
            self._watch(now)

    def tick(self, now: float) -> None:
        """Twice a second."""
        serving = self._serving
        if serving is not None:
            if serving.waiting:
                serving.flush()
            self._watch(now)
            if self._until and now >= self._until:
                log.error("the switch adopts nothing: what it does not know is closed")
                self._adopt(set(), now)
        elif now >= self._until or self.asked_to_end or (self._kept is not None and not self._carried.any):
            self.over = True  # `_kept`: there was a switch

    def _watch(self, now: float) -> None:
        """Is he still there?"""
        channel = self._serving
        if channel is None or channel.open:
            return
        self._drop(channel)
        self._serving = None
        if self._listener is None or not self._carried.any:
            self.over = True
        if self.over:
            return
        # a switch that left before it adopted leaves the same legs to the next one
        self._kept = self._kept or _Kept()
        self._until = now + self._agreed.grace
        log.error("the switch is gone: %d legs go on for %.0f s", self._carried.count, self._agreed.grace)

    def _drop(self, channel: Channel) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._epoll.unregister(channel.fd)
        channel.close()

    def close(self) -> None:
        for channel in (self._serving, self._newcomer):
            if channel is not None:
                self._drop(channel)
        if self._listener is not None:
            self._listener.close()
