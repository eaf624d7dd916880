"""Recording, the part inside the media process: taps on the caller's leg, and batches for the writer beside it.

    StartRecording -> taps on what the leg hears (left) and is sent (right) -> [a second of packets] -> the writer
    Pause or Mask on -> no tap at all: what is said does not leave this process's packets -> off -> taps again
    StopRecording, or the leg closes -> the rest, and the end

A packet costs two appends. What the writer does not take (a slow disk, a writer that stands still) waits, up to
a bound; past that batches are given up, and the gap is marked when it takes some again. A writer that died
is replaced: each recording goes on in a new part. Telephone events never leave here, so no key is in a recording.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgpack

from softswitch.media.control import MediaEvent
from softswitch.media.messages import (
    MarkRecording,
    MaskRecording,
    PauseRecording,
    RecordingEnded,
    RecordingProblem,
    SetUpRecording,
    StartRecording,
    StopRecording,
)
from softswitch.media.rtp import HEADER_BYTES
from softswitch.media.worker.coding import spoken
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.recordings import frames
from softswitch.media.worker.recordings.link import Writer
from softswitch.media.worker.relay import Relay
from softswitch.media.worker.taps import Tap

log = logging.getLogger(__name__)

PACKETS_AT_ONCE: Final = 50  # of one side: a second
BATCH_SECONDS: Final = 1.25  # and what is older goes with the next look around: of legs that hardly send, not of all
MOST_MARKS: Final = 1000  # of one recording, that a writer which replaces another is told again
MOST_RECORDINGS: Final = 4096


class Unmasking:
    """`due`: a mask that lingers, until then; `last`: when it was unmasked."""

    __slots__ = ("due", "last")

    def __init__(self, now: float) -> None:
        self.due: tuple[float, MaskRecording] | None = None
        self.last = now


class Recording:
    """One recording that goes on."""

    __slots__ = (
        "began",
        "heard",
        "leg",
        "lost_since",
        "marks",
        "order",
        "part",
        "silent_by",
        "since",
        "taps",
        "types",
        "unmasking",
    )

    def __init__(self, leg: Leg, order: StartRecording, now: float) -> None:
        self.leg = leg
        self.order = order
        self.began = (now, time.time())
        self.part = 0
        self.heard: tuple[list[float], list[bytes], list[float], list[bytes]] = ([], [], [], [])
        self.since = now  # of the oldest packet here
        self.silent_by: dict[str, None] = {}  # paused, masked
        self.types: dict[int, str] = {}
        self.taps: tuple[Tap, Tap] | None = None
        self.lost_since = 0.0  # batches were given up
        self.marks: list[bytes] = []  # also those that a writer took with it
        self.unmasking = Unmasking(now)

    @property
    def number(self) -> int:
        return self.order.recording

    def head(self) -> bytes:
        order, (at, wall) = self.order, self.began
        document = {
            "at": at,
            "wall": wall,
            "part": self.part,
            "interaction": str(order.interaction),
            "caller": order.caller,
            "dialled": order.dialled,
            "by": order.by,
            "reason": order.reason,
            "format": order.format,
        }
        return json.dumps(document).encode()


class Recorder:
    """The department of recording."""

    __slots__ = ("_behind", "_events", "_recordings", "_relay", "_told", "writer")

    def __init__(self, relay: Relay, events: list[MediaEvent]) -> None:
        self._relay = relay
        self._events = events
        self._recordings: dict[Leg, Recording] = {}
        self._behind = False  # at the last look
        self._told = ""  # the trouble that the switch was told of
        self.writer = Writer()

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        return {
            StartRecording: self._start,
            StopRecording: self._stop,
            PauseRecording: self._pause,
            MaskRecording: self._mask,
            MarkRecording: self._mark_order,
        }

    @property
    def house_orders(self) -> Mapping[type, Callable[[Any], None]]:
        return {SetUpRecording: self._set_up}

    # -------------------------------------------------------------- orders

    def _set_up(self, order: SetUpRecording) -> None:
        keys = dict(each.split(":", 1) for each in order.keys)
        self.writer.setup = {
            "directory": order.directory,
            "keys": keys,
            "use": order.use,
            "free_megabytes": order.free_megabytes,
            "format": order.format,
        }
        if self.writer.alive:
            setup = {**self.writer.setup, "going_on": []}
            self.writer.send(frames.SETUP, 0, json.dumps(setup).encode(), keep=True)
        else:
            self._start_writer(self._relay.now)

    def _start(self, leg: Leg, order: StartRecording) -> None:
        if leg in self._recordings:
            return  # it goes on as it is
        if not self.writer.setup or len(self._recordings) >= MOST_RECORDINGS:
            reason = "no recordings are set up" if not self.writer.setup else "too many recordings at once"
            self._events.append(RecordingProblem(order.recording, "start", reason))
            return
        recording = Recording(leg, order, self._relay.now)
        self._recordings[leg] = recording
        self._send(recording, frames.OPEN, recording.head())
        self._tap(recording)

    def _stop(self, leg: Leg, order: StopRecording) -> None:
        self._end(leg, order.reason or "stopped", order.by)

    def _pause(self, leg: Leg, order: PauseRecording) -> None:
        self._silence(leg, "paused", "resumed", order)

    def _mask(self, leg: Leg, order: MaskRecording) -> None:
        recording = self._recordings.get(leg)
        if recording is None:
            return
        recording.unmasking.due = None
        if order.lingers and not order.on:
            recording.unmasking.due = self._relay.now + order.lingers, order
        else:
            self._silence(leg, "masked", "unmasked", order)

    def _mark_order(self, leg: Leg, order: MarkRecording) -> None:
        recording = self._recordings.get(leg)
        if recording is not None:
            self._mark(recording, order.mark, order.detail, "")

    def _silence(self, leg: Leg, begins: str, ends: str, order: PauseRecording | MaskRecording) -> None:
        recording = self._recordings.get(leg)
        if recording is None or (begins in recording.silent_by) == order.on:
            return
        if order.on:
            self._hand_over(recording)
            recording.silent_by[begins] = None
        else:
            del recording.silent_by[begins]
        self._tap(recording)
        at = self._relay.now
        if isinstance(order, MaskRecording):
            if order.on:  # what was heard since then is on its way to the reel, and never gets into the file
                at = max(at - order.since, recording.began[0], recording.unmasking.last)
            else:
                recording.unmasking.last = at
        self._mark(recording, begins if order.on else ends, order.reason, order.by, at)

    # -------------------------------------------------------------- the department

    def closing(self, leg: Leg) -> None:
        self._end(leg, "the call ended", "")

    def tick(self, now: float) -> None:
        writer = self.writer
        for kind, recording, content in writer.told():
            writer.works()
            document = json.loads(content)
            if kind == frames.ENDED:
                self._events.append(RecordingEnded(recording, content.decode()))
            elif kind == frames.PROBLEM:
                self._events.append(RecordingProblem(recording, document["what"], document["detail"]))
        writer.flush()
        self._look_at_writer()
        if not writer.alive and writer.setup:
            self._start_writer(now)
        for each in self._recordings.values():
            if each.unmasking.due is not None and each.unmasking.due[0] <= now:
                order, each.unmasking.due = each.unmasking.due[1], None
                self._silence(each.leg, "masked", "unmasked", order)
            if now - each.since >= BATCH_SECONDS:
                self._hand_over(each)

    def _look_at_writer(self) -> None:
        trouble = ""
        if self._recordings and not self.writer.alive:
            trouble = "the writer died"
        elif self.writer.behind and self._behind:  # once is no trouble: many batches may leave at the same moment
            trouble = "the writer does not keep up"
        self._behind = self.writer.behind
        if trouble != self._told:
            self._told = trouble
            if trouble:
                log.error("recordings: %s", trouble)
            self._events.append(RecordingProblem(0, "writer", trouble))

    def _start_writer(self, now: float) -> None:
        """A new one; what went on with the last one goes on in a new part."""
        going_on = [each.number for each in self._recordings.values()]
        if self.writer.start(now, going_on):
            for each in self._recordings.values():
                each.part += 1
                self.writer.send(frames.OPEN, each.number, each.head(), keep=True)
                self._tell_marks(each)
                each.lost_since = each.lost_since or max(each.since - 1.0, each.began[0])  # what it may not have read

    # -------------------------------------------------------------- taps

    def _tap(self, recording: Recording) -> None:
        """Put the taps on, or take them off, as the recording is now."""
        leg = recording.leg
        taps = leg.route.taps
        if recording.taps is not None:
            heard, sent = recording.taps
            taps.heard = tuple(each for each in taps.heard if each is not heard)
            taps.sent = tuple(each for each in taps.sent if each is not sent)
            recording.taps = None
        if not recording.silent_by:
            recording.taps = heard, sent = self._heard(recording), self._sent(recording)
            taps.heard += (heard,)
            taps.sent += (sent,)
        self._relay.rekey(leg)
        self._relay.resend(leg)

    def _heard(self, recording: Recording) -> Tap:
        times, packets = recording.heard[:2]
        clock, note_time, note_packet = self._relay.clock, times.append, packets.append

        def heard(buffer: bytearray | memoryview, size: int) -> None:
            note_packet(buffer[:size])  # type: ignore[arg-type]  # of a bytearray: a copy
            note_time(clock.now)
            if len(packets) >= PACKETS_AT_ONCE:
                self._hand_over(recording)

        return heard

    def _sent(self, recording: Recording) -> Tap:
        times, packets = recording.heard[2:]
        clock, note_time, note_packet = self._relay.clock, times.append, packets.append

        def sent(packet: bytearray | memoryview, size: int) -> None:
            note_packet(bytes(packet))
            note_time(clock.now)
            if len(packets) >= PACKETS_AT_ONCE:
                self._hand_over(recording)

        return sent

    # -------------------------------------------------------------- the writer

    def _hand_over(self, recording: Recording) -> None:
        """What was heard until now goes to the writer."""
        heard_at, heard, sent_at, sent = recording.heard
        recording.since = self._relay.now
        if not heard and not sent:
            return
        first = min((*heard_at[:1], *sent_at[:1]))
        types = self._types(recording)
        batch = (types, *_audio(types, heard_at, heard), *_audio(types, sent_at, sent))
        content = msgpack.packb(batch)
        for each in recording.heard:
            each.clear()
        if not self._send(recording, frames.BATCH, content):
            recording.lost_since = recording.lost_since or first

    def _types(self, recording: Recording) -> dict[int, str]:
        """The payload types that are audio. One that ever stood for telephone events is none."""
        remote, types = recording.leg.remote, recording.types
        if remote is not None:
            for kind in (remote.dtmf_type, remote.digits_come_as):
                types[kind] = ""
            name = spoken(remote).name
            for kind in (remote.payload_type, remote.comes_as):
                types[kind] = types.get(kind, name) and name
        return {kind: name for kind, name in types.items() if name}

    def _send(self, recording: Recording, kind: int, content: bytes) -> bool:
        writer = self.writer
        keep = kind != frames.BATCH
        if recording.lost_since and writer.alive:
            now = self._relay.now
            mark = {"at": recording.lost_since, "until": now, "mark": "gap", "detail": "the writer was away", "by": ""}
            if writer.send(frames.MARK, recording.number, json.dumps(mark).encode(), keep=keep):
                recording.lost_since = 0.0
                self._tell_marks(recording)
        return writer.send(kind, recording.number, content, keep=keep)

    def _mark(self, recording: Recording, mark: str, detail: str, by: str, at: float = 0.0) -> None:
        document = {"at": at or self._relay.now, "mark": mark, "detail": detail, "by": by}
        content = json.dumps(document).encode()
        if len(recording.marks) < MOST_MARKS:
            recording.marks.append(content)
        if not self._send(recording, frames.MARK, content):
            recording.lost_since = recording.lost_since or self._relay.now

    def _tell_marks(self, recording: Recording) -> None:
        """All of them, for nobody knows which ones the last writer had read; one told twice counts once."""
        for content in recording.marks:
            self.writer.send(frames.MARK, recording.number, content, keep=True)

    def _end(self, leg: Leg, because: str, by: str) -> None:
        recording = self._recordings.pop(leg, None)
        if recording is None:
            return
        self._hand_over(recording)
        recording.silent_by["over"] = None
        self._tap(recording)
        document = {"at": self._relay.now, "because": because, "by": by}
        self._send(recording, frames.CLOSE, json.dumps(document).encode())


def _audio(types: dict[int, str], times: list[float], packets: list[bytes]) -> tuple[list[float], list[bytes]]:
    """The packets, of what is no audio the header alone: it shows that nothing was lost, and no key."""
    if len(types) == 1:
        (kind,) = types
        if all([each[1] & 0x7F == kind for each in packets]):  # noqa: C419  # half the time of a generator
            return times, packets
    return times, [each if each[1] & 0x7F in types else each[:HEADER_BYTES] for each in packets]
