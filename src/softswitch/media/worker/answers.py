"""The department of answers: what the called side of a call that we made says before and after it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from softswitch.media.answering_machine import AnswerJudge, Verdict
from softswitch.media.call_progress import FAX, CallProgress
from softswitch.media.control import MediaEvent
from softswitch.media.hearing import FRAME_MS, SILENT, Frames
from softswitch.media.messages import AnsweredBy, GreetingOver, ToneHeard, WatchAnswer
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.relay import Relay
from softswitch.media.worker.sound import Sound
from softswitch.media.worker.switchboard import Switchboard

_SILENT_SECONDS: Final = 0.1  # without any packet: the rest is silence
_MOST_FRAMES: Final = 100  # of silence that are made up at a time


class Answers:
    """See the module docstring."""

    def __init__(self, board: Switchboard, relay: Relay) -> None:
        self._board = board
        self._relay = relay
        self._watched: dict[Leg, Watcher] = {}

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        return {WatchAnswer: self._watch}

    def closing(self, leg: Leg) -> None:
        self._watched.pop(leg, None)

    def tick(self, now: float) -> None:
        for watcher in list(self._watched.values()):
            watcher.tick(now)
            if watcher.done:
                self._forget(watcher.leg)

    def _watch(self, leg: Leg, order: WatchAnswer) -> None:
        self._forget(leg)
        if order.on:
            made = Watcher(leg, self._relay, order, self._board.events.append)
            self._watched[leg] = made
            leg.route.taps.heard = (*leg.route.taps.heard, made.tap)
            self._relay.rekey(leg)

    def _forget(self, leg: Leg) -> None:
        watcher = self._watched.pop(leg, None)
        if watcher is not None:
            leg.route.taps.heard = tuple(tap for tap in leg.route.taps.heard if tap != watcher.tap)
            self._relay.rekey(leg)


class Watcher:
    """Of one leg."""

    __slots__ = ("_frames", "_heard_at", "_judge", "_progress", "_relay", "_sound", "_tell", "leg", "tap")

    def __init__(self, leg: Leg, relay: Relay, order: WatchAnswer, tell: Callable[[MediaEvent], None]) -> None:
        self.leg = leg
        self._relay = relay
        self._tell = tell
        self._heard_at = relay.now
        self._sound = Sound(leg)
        self._frames = Frames()
        self._judge = AnswerJudge() if order.answered else None
        self._progress = CallProgress(order.country)
        self.tap = self._packet  # one object: taps are told apart by it

    @property
    def done(self) -> bool:
        return self._judge is not None and self._judge.done

    def _packet(self, buffer: bytearray | memoryview, size: int) -> None:
        samples = self._sound.of(buffer, size)
        if not samples:
            return
        now = self._relay.now
        self._make_up(now)
        self._heard_at = now
        for frame in self._frames.of(samples):
            if self._judge is not None:
                self._judged(self._judge.handle(frame))
            elif tone := self._progress.handle(frame):
                self._tell(ToneHeard(self.leg.id, tone))

    def tick(self, now: float) -> None:
        self._make_up(now)

    def _make_up(self, now: float) -> None:
        """A peer that sends nothing while it is silent says nothing."""
        silent = now - self._heard_at
        if silent < _SILENT_SECONDS:
            return
        self._heard_at = now
        for _ in range(min(int(silent * 1000) // FRAME_MS, _MOST_FRAMES)):
            if self._judge is not None:
                self._judged(self._judge.handle(SILENT))
            else:
                tone = self._progress.handle(SILENT)
                if tone and tone != FAX:
                    self._tell(ToneHeard(self.leg.id, tone))

    def _judged(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.who:
                self._tell(AnsweredBy(self.leg.id, verdict.who, verdict.after_ms))
            else:
                self._tell(GreetingOver(self.leg.id, verdict.beep))
