"""The loop of the media process: one thread, one epoll, rounds on a grid of 2 ms.

    round:  frames that are due -> wait -> packets -> orders -> reports -> sleep to the next grid point

Sleeping to the grid after each batch is what makes it cheap: the packets of all calls that arrive meanwhile share
one wake-up and one epoll_wait. When nobody talks the wait blocks; when a batch was full there is no sleep.
"""

from __future__ import annotations

import select
import time

from softswitch.media.control import MediaEvent
from softswitch.media.messages import OpenMediaLeg
from softswitch.media.worker.channel import Channel
from softswitch.media.worker.player import TICK_SECONDS
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard

MAX_BATCH = 256
HOUSEKEEPING_SECONDS = 0.05
WATCH_SECONDS = 0.5
_IDLE_SECONDS = 1.0


class MediaLoop:
    __slots__ = ("_board", "_channel", "_clock", "_epoll", "_housekeeping_at", "_relay", "_watch_at")

    def __init__(self, channel: Channel, epoll: select.epoll, clock: Clock, relay: Relay, board: Switchboard) -> None:
        self._channel = channel
        self._epoll = epoll
        self._clock = clock
        self._relay = relay
        self._board = board
        self._housekeeping_at = 0.0
        self._watch_at = 0.0
        epoll.register(channel.fd, select.EPOLLIN)

    def run(self) -> None:
        """Serve until the control connection ends."""
        monotonic, poll, pump = time.monotonic, self._epoll.poll, self._relay.pump
        board, channel, clock = self._board, self._channel, self._clock
        wheel = board.wheel
        board.refill(clock.now, first=True)
        while channel.open:
            clock.now = now = monotonic()
            if len(wheel):
                board.send_due_frames(now)
            if now >= self._housekeeping_at:
                self._keep_house(now)
            if board.events:
                self._report()
            ready = poll(self._patience(monotonic()), MAX_BATCH)
            if ready:
                clock.now = monotonic()
                others = pump(ready)
                if others:
                    self._obey()
                board.after_packets()
                if len(ready) == MAX_BATCH:
                    continue
            now = monotonic()
            due = wheel.next_due(now)
            wake = min(now - now % TICK_SECONDS + TICK_SECONDS, due) if ready else due
            if now < wake <= now + 2 * TICK_SECONDS:
                time.sleep(wake - now)

    def _patience(self, now: float) -> float:
        """How long epoll may block: whole milliseconds, ending before the next frame is due."""
        idle = self._housekeeping_at - now if self._board.legs or self._board.short_of_ports else _IDLE_SECONDS
        until_frame = self._board.wheel.next_due(now) - now - 0.001
        milliseconds = int(min(idle, until_frame) * 1000)
        return (milliseconds - 0.5) / 1000 if milliseconds > 0 else 0

    def _obey(self) -> None:
        board = self._board
        opened = False
        for command in self._channel.receive():
            board.handle(command)
            opened = opened or type(command) is OpenMediaLeg
        if opened:
            board.refill(self._clock.now)

    def _keep_house(self, now: float) -> None:
        self._housekeeping_at = now + HOUSEKEEPING_SECONDS
        self._relay.expire_digits(now)
        self._board.after_packets()
        self._board.refill(now)
        if self._channel.waiting:
            self._channel.flush()
        if now >= self._watch_at:
            self._watch_at = now + WATCH_SECONDS
            self._board.watch(now)

    def _report(self) -> None:
        events: list[MediaEvent] = self._board.events
        self._channel.send(events)
        events.clear()
