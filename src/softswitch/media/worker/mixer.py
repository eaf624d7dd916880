"""The mixer: rooms in which everybody hears those whom he is to hear, and never himself.

    JoinMix --no bridge: at the next turn--------------------> in the room
            --bridged: stays so until a packet of the other
              side was heard, at most 200 ms; both at once ---> in the room, the stream goes on where the bridge left it
    in the room --LeaveMix, Bridge, closed--> out; the next that is sent to him is faded over

A room takes its turn on the wheel every 20 ms: one frame of each party (`worker.voice`), and for each party the sum of
those he hears, in his own stream with steady counters. A leg that is played a prompt hears that alone. A room works
at 8000 samples a second until two of its parties speak in wide band, who alone could hear the difference; from then on
at 16000, which costs twice as much.
"""

from __future__ import annotations

import logging
from audioop import add, mul
from audioop import max as loudness
from collections.abc import Callable, Mapping
from typing import Any, Final

from softswitch.ids import LegId, PlaybackId
from softswitch.media.codecs import PCMU, Codec
from softswitch.media.messages import PlaybackEnded
from softswitch.media.mix_messages import MOST_LEVEL, MOST_PARTIES, JoinMix, LeaveMix, PlayToMix, SetHearing
from softswitch.media.mixing import CHANGE_SECONDS, DUCKED, FULL, continued, crossfade, headroom, mix
from softswitch.media.rtp import FRAME_BYTES, HEADER_BYTES
from softswitch.media.worker.coding import encoder, spoken
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.outgoing import Mode
from softswitch.media.worker.player import Turn
from softswitch.media.worker.relay import Relay
from softswitch.media.worker.switchboard import Switchboard
from softswitch.media.worker.voice import Voice, decode_at

NARROW: Final = 8000
WIDE: Final = 16000
_PATIENCE: Final = 10  # turns: 200 ms

log = logging.getLogger(__name__)


class Sound:
    """Twenty milliseconds of somebody. `peak` 0: silence."""

    __slots__ = ("frame", "peak")

    def __init__(self) -> None:
        self.frame = b""
        self.peak = 0


Hearing = tuple[tuple[Sound, float], ...]


class Ear:
    """What one party hears, and how far it is turned down so that it does not clip."""

    __slots__ = ("_change", "_ease", "_fade_from", "_hears", "_quiet", "last")

    def __init__(self, rate: int) -> None:
        self._change = int(rate * CHANGE_SECONDS)
        self._quiet = bytes(2 * (rate // 50))
        self._hears: Hearing = ()
        self._ease = 1.0
        self._fade_from: Hearing | bytes | None = self._quiet  # a frame, or whom he heard until now
        self.last = b""  # that he heard

    def set(self, hears: Hearing) -> None:
        if hears != self._hears:
            if self._fade_from is None:
                self._fade_from = self._hears
            self._hears = hears

    def fade_from(self, frame: bytes) -> None:
        """He has heard this last, by another way; empty: nothing, or nobody knows what."""
        self._fade_from = frame or self._quiet

    def take(self) -> bytes:
        """The next 20 ms."""
        loud = 0.0
        frame = b""
        for sound, level in self._hears:
            peak = sound.peak
            if peak:
                loud += peak * level
                heard = sound.frame if level == 1.0 else mul(sound.frame, 2, level)
                frame = add(frame, heard, 2) if frame else heard
        if loud > FULL or self._ease != 1.0:
            frame = self._eased(loud)
        elif not frame:
            frame = self._quiet
        if self._fade_from is not None:
            frame = self._changed(frame)
        self.last = frame
        return frame

    def _eased(self, loud: float) -> bytes:
        parts = [(sound.frame, level) for sound, level in self._hears if sound.peak]
        before, self._ease = self._ease, headroom(loud, self._ease)
        frame = mix(parts, self._ease) or self._quiet
        if before == self._ease:
            return frame
        return crossfade(mix(parts, before) or self._quiet, frame, self._change)

    def _changed(self, frame: bytes) -> bytes:
        before, self._fade_from = self._fade_from, None
        assert before is not None
        if isinstance(before, tuple):
            parts = [(sound.frame, level) for sound, level in before if sound.peak]
            before = mix(parts, self._ease) or self._quiet
        return crossfade(before, frame, self._change)


class Party:
    """A leg in a room, or on its way into it."""

    __slots__ = ("_encode", "_fresh", "_send", "ear", "leg", "rate", "second", "sound", "voice", "waits", "wants")

    def __init__(self, leg: Leg, rate: int) -> None:
        self.leg = leg
        self.sound = Sound()
        self.wants: tuple[tuple[LegId, float], ...] = ()
        self.waits = _PATIENCE  # turns, at most, until it is in; -1: it is in
        self._fresh = True  # the next packet begins a talk spurt
        self._send: Callable[[bytearray], int] | None = None
        self.renew(rate)

    def renew(self, rate: int) -> None:
        """The phone has another codec, or the room another rate."""
        remote = self.leg.remote
        assert remote is not None
        codec = spoken(remote)
        self.rate = rate
        self.ear = Ear(rate)
        self.voice = Voice(codec, rate, remote.comes_as if remote.receive else -1)
        self._encode = encoder(codec, rate).encode
        self.second = remote.payload_type

    def way(self) -> None:
        """How the leg is sent to has changed."""
        if self.waits < 0:
            self._send = self.leg.sender()
        remote = self.leg.remote
        if remote is None:
            return
        if self.second != remote.payload_type or self.voice.codec is not spoken(remote):
            ears = self.ear
            self.renew(self.rate)
            self.ear = ears
        self.voice.jitter.type = remote.comes_as if remote.receive else -1

    def heard(self, packet: bytearray | memoryview, size: int) -> None:
        """A tap of the leg."""
        self.voice.jitter.put(packet, size)

    def enter(self) -> None:
        self.waits = -1
        self.leg.outgoing.mode = Mode.OWN
        self._send = self.leg.sender()

    def speak(self, packet: bytearray, now: float) -> None:
        """Send him his next frame."""
        leg = self.leg
        if leg.player is not None:
            self._fresh = True
            self.ear.fade_from(b"")
            return
        frame = self.ear.take()
        outgoing, second = leg.outgoing, self.second
        if self._fresh:
            self._fresh = False
            outgoing.begin(now)
            second |= 0x80
        outgoing.frame(packet, second)
        if self._send is None:
            return
        packet[HEADER_BYTES:] = self._encode(frame)
        try:
            self._send(packet)
            leg.tally.out += 1
        except OSError:
            # ICMP "port unreachable" of an earlier packet, or a full send buffer: this frame is lost
            leg.tally.dropped += 1


class FadeOver:
    """A tap: the first packet that a leg is sent after a mix goes on from what it heard last."""

    __slots__ = ("_decode", "_done", "_encode", "_last", "_type")

    def __init__(self, kind: int, codec: Codec, last: bytes, done: Callable[[FadeOver], None]) -> None:
        self._type = kind
        self._decode = decode_at(codec, NARROW)
        self._encode = encoder(codec).encode
        self._last = last
        self._done = done

    def __call__(self, packet: bytearray | memoryview, size: int) -> None:
        if packet[1] & 0x7F != self._type:
            return
        frame = self._decode(packet[HEADER_BYTES:size])
        payload = self._encode(crossfade(continued(self._last), frame, int(NARROW * CHANGE_SECONDS)))
        if len(payload) == size - HEADER_BYTES:
            packet[HEADER_BYTES:size] = payload
        self._done(self)


class Announcement:
    """A prompt for everybody in a room."""

    __slots__ = ("_at", "_audio", "_decode", "_size", "leg", "playback", "sound")

    def __init__(self, leg: LegId, playback: PlaybackId, audio: bytes, rate: int) -> None:
        self.leg = leg
        self.playback = playback
        self.sound = Sound()
        self._audio = audio  # u-law
        self._at = 0
        self.at(rate)

    def at(self, rate: int) -> None:
        self._decode = decode_at(PCMU, rate)
        self._size = rate // 50 * 2

    def listen(self) -> bool:
        """False: it is over."""
        piece = self._audio[self._at : self._at + FRAME_BYTES]
        self._at += FRAME_BYTES
        self.sound.frame = frame = self._decode(piece).ljust(self._size, b"\0")
        self.sound.peak = loudness(frame, 2)
        return bool(piece)


class Room:
    """One mix."""

    __slots__ = ("_packet", "announcement", "number", "parties", "rate", "said", "turn")

    def __init__(self, number: int, take: Callable[[Room, float], None]) -> None:
        self.number = number
        self.rate = NARROW
        self.parties: dict[LegId, Party] = {}
        self.announcement: Announcement | None = None
        self.said: Announcement | None = None  # to be reported
        self.turn = Turn(lambda now: take(self, now))
        self._packet = bytearray(HEADER_BYTES + FRAME_BYTES)

    def _widen(self) -> None:
        wide = sum(party.voice.codec.rate > NARROW for party in self.parties.values())
        if wide > 1 and self.rate == NARROW:  # for good: each change costs 20 ms of everybody
            self.rate = WIDE
            for party in self.parties.values():
                party.renew(WIDE)
            if self.announcement is not None:
                self.announcement.at(WIDE)

    def rehear(self) -> None:
        """Who hears whom, after anything changed in that."""
        self._widen()
        announced, parties = self.announcement, self.parties
        duck = 1.0 if announced is None else DUCKED
        for party in parties.values():
            hears = [(parties[each].sound, level * duck) for each, level in party.wants if each in parties]
            if announced is not None:
                hears.append((announced.sound, 1.0))
            party.ear.set(tuple(hears))

    def take(self, now: float) -> None:
        """The next 20 ms of everybody."""
        parties = [party for party in self.parties.values() if party.waits < 0]
        announced = self.announcement
        if announced is not None and not announced.listen():
            self.said, self.announcement = announced, None
            self.rehear()
        for party in parties:
            sound = party.sound
            sound.frame = frame = party.voice.take()
            sound.peak = loudness(frame, 2) if frame else 0
        for party in parties:
            party.speak(self._packet, now)


class Mixer:
    """The department. Rooms by number, and which room a leg is in."""

    def __init__(self, board: Switchboard, relay: Relay) -> None:
        self._board = board
        self._relay = relay
        self._rooms: dict[int, Room] = {}
        self._where: dict[LegId, Room] = {}

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        return {JoinMix: self._join, SetHearing: self._set_hearing, LeaveMix: self._leave, PlayToMix: self._announce}

    def closing(self, leg: Leg) -> None:
        if leg.id in self._where:
            self._out(leg)

    def tick(self, now: float) -> None:
        pass

    # -------------------------------------------------------------- orders

    def _join(self, leg: Leg, order: JoinMix) -> None:
        wants = _wants(leg, order)
        if leg.remote is None:
            raise ValueError("nothing is agreed with this leg")
        room = self._where.get(leg.id)
        if room is None or room.number != order.mix:
            if room is not None:
                self._out(leg)
            room = self._rooms.get(order.mix) or self._open(order.mix)
            if len(room.parties) >= MOST_PARTIES:
                raise ValueError(f"a mix has at most {MOST_PARTIES} parties")
            party = Party(leg, room.rate)
            room.parties[leg.id] = party
            self._where[leg.id] = room
            taps = leg.route.taps
            taps.heard = (*taps.heard, party.heard)
            taps.way = (*taps.way, party.way)
            self._relay.rekey(leg)
        room.parties[leg.id].wants = wants
        room.rehear()

    def _open(self, number: int) -> Room:
        room = self._rooms[number] = Room(number, self._take)
        self._board.wheel.add(room.turn)
        return room

    def _set_hearing(self, leg: Leg, order: SetHearing) -> None:
        wants = _wants(leg, order)
        room = self._where.get(leg.id)
        if room is None:
            raise ValueError("this leg is in no mix")
        room.parties[leg.id].wants = wants
        room.rehear()

    def _leave(self, leg: Leg, order: LeaveMix) -> None:
        if leg.id in self._where:
            self._out(leg)

    def _announce(self, leg: Leg, order: PlayToMix) -> None:
        room = self._where.get(leg.id)
        clips = [self._board.prompts.get(key) for key in order.prompts]
        if room is None or None in clips:
            self._board.events.append(PlaybackEnded(leg.id, order.playback, False))
            return
        self._hush(room)
        room.announcement = Announcement(leg.id, order.playback, b"".join(clip for clip in clips if clip), room.rate)
        room.rehear()

    def _hush(self, room: Room) -> None:
        """Who waits for the end of what is announced there is told that it was cut."""
        announced, room.announcement = room.announcement, None
        if announced is not None:
            self._board.events.append(PlaybackEnded(announced.leg, announced.playback, False))

    def _out(self, leg: Leg) -> None:
        room = self._where.pop(leg.id)
        party = room.parties.pop(leg.id)
        taps = leg.route.taps
        taps.heard = tuple(tap for tap in taps.heard if tap != party.heard)
        taps.way = tuple(told for told in taps.way if told != party.way)
        if party.waits < 0 and leg.player is None:
            leg.outgoing.interrupt(self._relay.now)
            # G.722 and Opus remember what was before: who writes into their stream spoils what follows
            if party.ear.last and room.rate == NARROW and party.voice.codec.name in ("PCMU", "PCMA"):
                codec, last = party.voice.codec, party.ear.last
                fade = FadeOver(party.second, codec, last, lambda done: self._faded(leg, done))
                taps.sent = (fade, *taps.sent)
                self._relay.resend(leg)
        self._relay.rekey(leg)
        if room.announcement is not None and room.announcement.leg == leg.id:
            self._hush(room)
        room.rehear()
        if not room.parties:
            self._hush(room)
            del self._rooms[room.number]
            self._board.wheel.remove(room.turn)

    def _faded(self, leg: Leg, done: FadeOver) -> None:
        taps = leg.route.taps
        taps.sent = tuple(tap for tap in taps.sent if tap is not done)
        self._relay.resend(leg)

    # -------------------------------------------------------------- turns

    def _take(self, room: Room, now: float) -> None:
        try:
            coming = [party for party in room.parties.values() if party.waits >= 0]
            if coming:
                self._admit(room, coming)
            room.take(now)
            said, room.said = room.said, None
            if said is not None:
                self._board.events.append(PlaybackEnded(said.leg, said.playback, True))
            for party in list(room.parties.values()):
                if party.waits < 0 and party.leg.peer is not None:  # somebody has bridged it
                    self._out(party.leg)
        except Exception:
            log.exception("mix %d: a turn broke an invariant", room.number)
            for party in list(room.parties.values()):
                self._board.fail(party.leg, "internal error")

    def _admit(self, room: Room, coming: list[Party]) -> None:
        """All at once, so that the two sides of a bridge leave it together."""
        for party in coming:
            party.waits -= 1
        bridged = [party for party in coming if party.leg.peer is not None]
        if any(party.waits > 0 and party.voice.jitter.ssrc < 0 for party in bridged):
            return
        for party in bridged:
            self._from_bridge(room, party)
        for party in coming:
            if party.leg.peer is not None:
                self._board.unbridge(party.leg)
        for party in coming:
            party.enter()

    def _from_bridge(self, room: Room, party: Party) -> None:
        """He has heard all that came from the other side until now, as it was."""
        leg, peer = party.leg, party.leg.peer
        assert peer is not None
        other = room.parties.get(peer.id)
        if other is None or leg.player is not None:
            return
        party.ear.fade_from(continued(other.voice.drained()))
        jitter, outgoing = other.voice.jitter, leg.outgoing
        if jitter.ssrc >= 0 and outgoing.mode is Mode.NATIVE and outgoing.native_peer == peer.id:
            outgoing.adopt(jitter.newest, jitter.timestamp, jitter.ssrc)


def _wants(leg: Leg, order: JoinMix | SetHearing) -> tuple[tuple[LegId, float], ...]:
    if len(order.heard) != len(order.levels) or len(order.heard) >= MOST_PARTIES:
        raise ValueError("levels for others than those who are heard, or too many")
    if leg.id in order.heard or len(set(order.heard)) != len(order.heard):
        raise ValueError("nobody hears himself, or anybody twice")
    if not all(0 <= level <= MOST_LEVEL for level in order.levels):
        raise ValueError(f"a level is 0 to {MOST_LEVEL} percent")
    return tuple((each, level / 100) for each, level in zip(order.heard, order.levels, strict=True) if level)
