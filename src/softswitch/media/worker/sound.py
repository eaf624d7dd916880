"""The sound in the packets of a leg, as 8000 samples a second: for whoever listens for tones and voices."""

from __future__ import annotations

import contextlib

from softswitch.media import rtp
from softswitch.media.codecs import CODECS, STATIC, Codec
from softswitch.media.messages import SetRemote
from softswitch.media.probe import RATE
from softswitch.media.worker.coding import Decoder, decoder
from softswitch.media.worker.leg import Leg


class Sound:
    """What one leg receives. Lost packets are left out: a listener hears what comes."""

    __slots__ = ("_codec", "_decoder", "_leg", "_remote")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._remote: SetRemote | None = None
        self._codec: Codec | None = None
        self._decoder: Decoder | None = None

    def of(self, buffer: bytearray | memoryview, size: int) -> bytes:
        """The samples of this packet; empty when it is no audio."""
        remote = self._leg.remote
        if remote is not self._remote:
            self._agreed(remote)
        if remote is None or self._decoder is None or not remote.receive or buffer[1] & 0x7F != remote.comes_as:
            return b""
        start, end = rtp.HEADER_BYTES, size
        if buffer[0] != 0x80:
            packet = rtp.parse(buffer, size)
            if packet is None:
                return b""
            start, end = packet.payload_start, packet.payload_end
        return self._decoder.decode(memoryview(buffer)[start:end])

    def _agreed(self, remote: SetRemote | None) -> None:
        self._remote = remote
        codec = None if remote is None else CODECS.get(remote.codec) or STATIC.get(remote.payload_type)
        if codec is not self._codec:
            self._codec, self._decoder = codec, None
            if codec is not None:
                with contextlib.suppress(ValueError):  # nothing is heard in what we cannot decode
                    self._decoder = decoder(codec, RATE)
