"""The department of keys: pressed for a peer (RFC 4733, or as tones), and heard as tones in what comes from him.

Events go between the packets of whatever else this phone hears, in one stream with them: a prompt, its bridge, or
silence. Tones take the place of what it hears, as a prompt does. Tones are listened for while the leg is not bridged:
nobody asks for keys in a conversation, and speech is spared the look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from softswitch.ids import PlaybackId
from softswitch.media import dtmf, rtp
from softswitch.media.codecs import CODECS, STATIC, Codec
from softswitch.media.dtmf import Digit, EventPacket
from softswitch.media.key_tones import KeyTones
from softswitch.media.messages import DigitReceived, ListenForKeys, SendDigits, SetRemote
from softswitch.media.tones import key_sound
from softswitch.media.worker import coding
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.outgoing import Mode
from softswitch.media.worker.player import Player, Turn
from softswitch.media.worker.relay import Relay
from softswitch.media.worker.sound import Sound
from softswitch.media.worker.switchboard import Switchboard

MOST_KEYS: Final = 64  # of one leg that wait to be pressed
SILENT_SECONDS: Final = 0.2  # without any packet: whatever key was down is not any more
_SHORTEST_MS, _LONGEST_MS = 40, dtmf.LONGEST_PRESS_MS
_LONGEST_PAUSE_MS = 10_000
_FRAME_MS = 20
_RATE: Final = 8000  # of tones that are sent as sound
_FRAME_BYTES: Final = 2 * _RATE // 50


class Keys:
    """See the module docstring."""

    def __init__(self, board: Switchboard, relay: Relay) -> None:
        self._board = board
        self._relay = relay
        self._ears: dict[Leg, Ear] = {}
        self._hands: dict[Leg, Hand] = {}

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        return {SendDigits: self._send, ListenForKeys: self._listen}

    def closing(self, leg: Leg) -> None:
        self._ears.pop(leg, None)
        hand = self._hands.pop(leg, None)
        if hand is not None:
            self._board.wheel.remove(hand.turn)

    def tick(self, now: float) -> None:
        for ear in self._ears.values():
            ear.tick(now)

    # -------------------------------------------------------------- heard

    def _listen(self, leg: Leg, order: ListenForKeys) -> None:
        taps, ear = leg.route.taps, self._ears.pop(leg, None)
        if ear is not None:
            taps.heard = tuple(tap for tap in taps.heard if tap != ear.tap)
        if order.on:
            self._ears[leg] = made = Ear(leg, self._relay, self._heard)
            taps.heard = (*taps.heard, made.tap)
        self._relay.rekey(leg)

    def _heard(self, leg: Leg, digit: Digit) -> None:
        self._board.events.append(DigitReceived(leg.id, digit.digit, digit.duration_ms, "tone"))

    # -------------------------------------------------------------- pressed

    def _send(self, leg: Leg, order: SendDigits) -> None:
        remote = leg.remote
        if remote is None:
            return  # nobody is there yet
        strange = order.digits.strip(dtmf.EVENTS + ",")
        if strange:
            raise ValueError(f"{strange[0]!r} is no key")
        press = min(max(order.press_ms, _SHORTEST_MS), _LONGEST_MS)
        pause = min(max(order.pause_ms, _SHORTEST_MS), _LONGEST_PAUSE_MS)
        comma = min(max(order.comma_ms, 0), _LONGEST_PAUSE_MS)
        keys = [(key, press if key != "," else 0, pause if key != "," else comma) for key in order.digits]
        if remote.dtmf_type < 0:
            self._sound(leg, remote, keys)
            return
        hand = self._hands.get(leg)
        if hand is None:
            hand = self._hands[leg] = Hand(leg, self._relay)
        hand.keys.extend(keys[: MOST_KEYS - len(hand.keys)])
        if hand.turn.slot < 0 and hand.keys:
            hand.turn.take = lambda now: self._turn(hand, now)
            self._board.wheel.add(hand.turn)

    def _turn(self, hand: Hand, now: float) -> None:
        if not hand.go_on(now):
            self._board.wheel.remove(hand.turn)
            del self._hands[hand.leg]

    def _sound(self, leg: Leg, remote: SetRemote, keys: list[tuple[str, int, int]]) -> None:
        codec = codec_of(remote)
        player = leg.player
        if player is not None and isinstance(player.playlist, KeySounds) and player.playlist.codec is codec:
            player.playlist.add(keys)
            return
        playlist = KeySounds(codec)
        playlist.add(keys)
        self._board.perform(leg, Player(leg.id, PlaybackId(0), playlist))


def codec_of(remote: SetRemote) -> Codec:
    codec = CODECS.get(remote.codec) or STATIC.get(remote.payload_type)
    if codec is None:
        raise ValueError(f"unknown codec {remote.codec!r}")
    return codec


class Ear:
    """Listens to what one leg receives."""

    __slots__ = ("_heard", "_heard_at", "_leg", "_relay", "_sound", "_tones", "tap")

    def __init__(self, leg: Leg, relay: Relay, heard: Callable[[Leg, Digit], None]) -> None:
        self._leg = leg
        self._relay = relay
        self._heard = heard
        self._heard_at = relay.now
        self._sound = Sound(leg)
        self._tones = KeyTones()
        self.tap = self._packet  # one object: taps are told apart by it

    def _packet(self, buffer: bytearray | memoryview, size: int) -> None:
        leg = self._leg
        if leg.peer is not None:
            return
        samples = self._sound.of(buffer, size)
        if samples:
            self._heard_at = self._relay.now
            for digit in self._tones.samples(samples):
                self._heard(leg, digit)

    def tick(self, now: float) -> None:
        if self._tones.pressed and now - self._heard_at >= SILENT_SECONDS:
            digit = self._tones.quiet()
            if digit is not None:
                self._heard(self._leg, digit)


class Hand:
    """Presses keys as events; one step every 20 ms."""

    __slots__ = ("_after", "_relay", "_started", "_steps", "keys", "leg", "turn")

    def __init__(self, leg: Leg, relay: Relay) -> None:
        self.leg = leg
        self.turn = Turn(None)
        self.keys: deque[tuple[str, int, int]] = deque()  # key, for how long, and the pause behind it, in ms
        self._relay = relay
        self._steps: deque[EventPacket | None] = deque()  # None: pause
        self._started = (0, 0)  # timestamp of the stream, and of the event, when it began
        self._after = -1  # no event begins before this timestamp

    def go_on(self, now: float) -> bool:
        """One step; False: there is nothing more to do."""
        if not self._steps and not self._next_key(now):
            return False
        step = self._steps.popleft()
        if step is not None:
            self._send(step)
            if not self._steps or self._steps[0] is None:
                self._released(now)
        return True

    def _next_key(self, now: float) -> bool:
        if not self.keys:
            return False
        key, press_ms, pause_ms = self.keys.popleft()
        remote = self.leg.remote
        pauses = pause_ms // _FRAME_MS
        if key != "," and remote is not None and remote.dtmf_type >= 0:
            timestamp = self._begin(remote, now)
            packets = dtmf.press(key, timestamp, press_ms, _FRAME_MS, remote.dtmf_clock)
            self._after = timestamp + press_ms * remote.dtmf_clock // 1000 & 0xFFFFFFFF
            self._steps.extend(packets)
            pauses -= 2  # the end was told twice more meanwhile
        self._steps.extend([None] * max(pauses, 1))
        return True

    def _begin(self, remote: SetRemote, now: float) -> int:
        """When this event begins, in the time of the stream."""
        outgoing, peer = self.leg.outgoing, self.leg.peer
        if outgoing.mode is not Mode.OWN:
            outgoing.mode = Mode.OWN
            outgoing.interrupt(now)
            if peer is not None:
                self._relay.rewire(peer)
        outgoing.begin(now)
        timestamp = outgoing.timestamp + codec_of(remote).step & 0xFFFFFFFF
        if self._after >= 0 and rtp.timestamp_delta(timestamp, self._after) < 0:
            timestamp = self._after  # nothing else moves the stream on
        self._started = outgoing.timestamp, timestamp
        return timestamp

    def _send(self, step: EventPacket) -> None:
        leg, remote = self.leg, self.leg.remote
        send = leg.sender()
        if send is None or remote is None or remote.dtmf_type < 0:
            return  # on hold, or another description came meanwhile
        packet = bytearray(rtp.HEADER_BYTES) + step.payload
        leg.outgoing.insert(packet, remote.dtmf_type | (0x80 if step.marker else 0), step.timestamp)
        try:
            send(packet)
            leg.tally.out += 1
        except OSError:
            # ICMP "port unreachable" of an earlier packet, or a full send buffer: this packet is lost
            leg.tally.dropped += 1

    def _released(self, now: float) -> None:
        """Where nobody else sends to this leg, the time of the stream moves on by the event."""
        outgoing = self.leg.outgoing
        if self.leg.player is None and outgoing.timestamp == self._started[0]:
            outgoing.timestamp = self._after
            outgoing.interrupt(now)


class KeySounds:
    """Tones of keys as 20 ms frames of one codec, each made when its turn comes: many would stop the loop."""

    __slots__ = ("_encoder", "_frames", "_keys", "codec")

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self._encoder = coding.encoder(codec, _RATE)
        self._frames: deque[bytes] = deque()  # of samples, of the key that is heard
        self._keys: deque[tuple[str, int, int]] = deque()  # behind it

    def add(self, keys: list[tuple[str, int, int]]) -> None:
        """Each: key, for how long, and the pause behind it, in ms."""
        self._keys.extend(keys[: MOST_KEYS - len(self._keys)])

    def next_frame(self) -> bytes | None:
        frames = self._frames
        while not frames and self._keys:
            key, press_ms, pause_ms = self._keys.popleft()
            sound = key_sound(key, press_ms, _RATE) if press_ms else b""
            sound += bytes(2 * (_RATE * pause_ms // 1000))
            sound += bytes(-len(sound) % _FRAME_BYTES)
            frames.extend(sound[at : at + _FRAME_BYTES] for at in range(0, len(sound), _FRAME_BYTES))
        return self._encoder.encode(frames.popleft()) if frames else None

    def in_codec(self, codec: Codec) -> KeySounds:
        other = KeySounds(codec)
        other._frames, other._keys = self._frames, self._keys
        return other
