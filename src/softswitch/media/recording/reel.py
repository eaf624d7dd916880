"""The file that a recording is written to while the call lasts: append only, each record complete in itself.

    reel   := "SSREEL1\\n" record*
    record := length(4) CRC-32(4) body        the first body is the head, JSON; the others are kind(1) content
    kinds  := OPEN (JSON) | BATCH (packets of about a second) | MARK (JSON) | CLOSE (JSON)

Whoever dies, what was appended before stays readable: reading ends at the first record that is cut or damaged. With
a key every body behind the head is sealed (AES-GCM; its number is the nonce), so a record that was moved does not open.
A writer that begins anew begins a new part of the reel.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from softswitch.media.recording.crypt import KeyRing, Random, SealError, Wrapped

MAGIC: Final = b"SSREEL1\n"
OPEN: Final = 1
BATCH: Final = 2
MARK: Final = 3
CLOSE: Final = 4
MOST_BODY: Final = 16 << 20
_HEAD = struct.Struct(">II")


def _record(body: bytes) -> bytes:
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


class ReelWriter:
    """Makes the bytes of one part, in order."""

    __slots__ = ("_about", "_cipher", "_number", "beginning")

    def __init__(self, recording: str, part: int, ring: KeyRing, random: Random) -> None:
        self._about = f"{recording}.{part}".encode()
        head: dict[str, Any] = {"recording": recording, "part": part}
        self._cipher: AESGCM | None = None
        if ring.use:
            data_key, wrapped = ring.new(b"reel " + self._about, random)
            head |= wrapped.as_json()
            self._cipher = AESGCM(data_key)
        self._number = 0
        self.beginning = MAGIC + _record(json.dumps(head).encode())

    def record(self, kind: int, content: bytes) -> bytes:
        """A number is used once, also when the record never reaches the disk."""
        body = bytes([kind]) + content
        self._number += 1
        if self._cipher is not None:
            number = self._number.to_bytes(12, "big")
            body = number + self._cipher.encrypt(number, body, self._about)
        return _record(body)


class ReelReader:
    """The records of one part; `torn` tells that the last one was cut or damaged."""

    __slots__ = ("_about", "_cipher", "_last", "_read", "part", "recording", "torn")

    def __init__(self, read: Callable[[int], bytes], ring: KeyRing) -> None:
        """Raises SealError when it is no reel or its key is not ours."""
        self._read = read
        self._last = 0
        self.torn = False
        if read(len(MAGIC)) != MAGIC:
            raise SealError("this is no reel")
        head = self._body()
        if head is None:
            raise SealError("its head is damaged")
        try:
            document = json.loads(head)
            self.recording, self.part = str(document["recording"]), int(document["part"])
        except (ValueError, KeyError, TypeError):
            raise SealError("its head is damaged") from None
        self._about = f"{self.recording}.{self.part}".encode()
        self._cipher: AESGCM | None = None
        if "key" in document:
            self._cipher = AESGCM(ring.open(Wrapped.from_json(document), b"reel " + self._about))

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while (body := self._body()) is not None:
            opened = self._opened(body)
            if not opened:
                self.torn = True
                return
            yield opened[0], opened[1:]

    def _body(self) -> bytes | None:
        start = self._read(_HEAD.size)
        if len(start) < _HEAD.size:
            self.torn = self.torn or bool(start)
            return None
        size, crc = _HEAD.unpack(start)
        body = self._read(size) if size <= MOST_BODY else b""
        if len(body) != size or zlib.crc32(body) != crc:
            self.torn = True
            return None
        return body

    def _opened(self, body: bytes) -> bytes:
        """Empty when it does not open."""
        if self._cipher is None:
            return body
        number = int.from_bytes(body[:12], "big")
        # numbers grow; one that never reached the disk is missing, and the gap is marked in the reel itself
        if number <= self._last:
            return b""
        self._last = number
        try:
            return self._cipher.decrypt(body[:12], body[12:], self._about)
        except (InvalidTag, ValueError):
            return b""
