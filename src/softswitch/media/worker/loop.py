"""The loop of the media process: one thread, one epoll, rounds on a grid of 2 ms.

    round:  frames that are due, for 1 ms -> reports -> wait -> packets -> orders -> sleep to the next grid point

Sleeping to the grid after each batch is what makes it cheap: the packets of all calls that arrive meanwhile share
one wake-up and one epoll_wait. When nobody talks the wait blocks; when a batch was full there is no sleep.
"""

from __future__ import annotations

import select
import time

from softswitch.media.control import MediaEvent
from softswitch.media.messages import OpenMediaLeg
from softswitch.media.worker.alarm import Alarm
from softswitch.media.worker.line import Line
from softswitch.media.worker.overload import Overload
from softswitch.media.worker.player import TICK_SECONDS
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard

MAX_BATCH = 256
FRAMES_SECONDS = 0.001  # of prompts and mixes in one round: packets of other calls wait for no more
HOUSEKEEPING_SECONDS = 0.5
HURRIED_SECONDS = 0.05  # while a key is down or ports are short
_IDLE_SECONDS = 2.0


class MediaLoop:
    """Until the line to the switch is over."""

    __slots__ = ("_alarm", "_board", "_clock", "_epoll", "_housekeeping_at", "_line", "_overload", "_relay")

    def __init__(self, line: Line, epoll: select.epoll, clock: Clock, relay: Relay, board: Switchboard) -> None:
        self._line = line
        self._epoll = epoll
        self._clock = clock
        self._relay = relay
        self._board = board
        self._housekeeping_at = 0.0
        self._alarm = Alarm()
        self._overload = Overload(clock.now)
        epoll.register(self._alarm.fd, select.EPOLLIN)

    def run(self) -> None:
        """Serve; at the end every leg is closed."""
        monotonic, poll, pump, alarm = time.monotonic, self._epoll.poll, self._relay.pump, self._alarm
        board, line, clock, overload = self._board, self._line, self._clock, self._overload
        wheel = board.wheel
        while not line.over:
            clock.now = now = monotonic()
            overload.round(now)
            if len(wheel):
                board.send_due_frames(now, FRAMES_SECONDS)
            if now >= self._housekeeping_at:
                self._keep_house(now)
            if board.events:
                self._report()
            due = wheel.next_due(now)
            alarm.set(due)
            ready = poll(self._patience(now), MAX_BATCH)
            clock.now = now = monotonic()
            others = pump(ready)
            if others and others != [alarm.fd]:
                self._obey(others)
            board.after_packets()
            if self._relay.pressed or board.short_of_ports:
                self._housekeeping_at = min(self._housekeeping_at, now + HURRIED_SECONDS)
            if board.events:
                self._report()
            arrived = len(ready) - (alarm.fd in others)
            if not arrived:
                overload.rested_at = now
                continue
            if len(ready) == MAX_BATCH:
                continue
            # those of the other calls that come until the next grid point share its wake-up
            wake = now - now % TICK_SECONDS + TICK_SECONDS
            if due:
                wake = min(wake, due)
            pause = wake - monotonic()
            if pause > 0:
                overload.rested_at = now
                time.sleep(pause)
        for leg in list(board.legs.values()):
            board.close(leg)
        line.close()

    def _patience(self, now: float) -> float:
        """How long the wait may last when nothing happens: until the next housekeeping."""
        if self._relay.handshakes:
            return 0.0
        if not self._board.legs and not self._board.short_of_ports:
            return _IDLE_SECONDS
        return max(self._housekeeping_at - now, 0.0)

    def _obey(self, descriptors: list[int]) -> None:
        board = self._board
        opened = False
        for command in self._line.look(descriptors, self._clock.now):
            board.handle(command)
            opened = opened or type(command) is OpenMediaLeg
        if opened:
            board.refill(self._clock.now)

    def _keep_house(self, now: float) -> None:
        hurried = bool(self._relay.pressed) or self._board.short_of_ports
        self._housekeeping_at = now + (HURRIED_SECONDS if hurried else HOUSEKEEPING_SECONDS)
        self._relay.expire_digits(now)
        self._board.after_packets()
        self._board.refill(now)
        self._board.watch(now)
        self._overload.look(self._board.legs.values(), now)
        self._line.tick(now)

    def _report(self) -> None:
        events: list[MediaEvent] = self._board.events
        self._line.send(events, self._clock.now)
        events.clear()
