"""Recordings sealed at rest: every file has a data key of its own (AES-256-GCM), under a master key that has an id.

    sealed file := "SSREC1\\n\\0" length(4) header chunk*
    header      := JSON: recording, id of the master key, wrapped data key, size of a chunk
    chunk       := AES-GCM of 64 KB of the audio file; the nonce is its number, and authenticated with it are the
                   digest of the header, the number and whether it is the last one

So a chunk that was changed, moved, left out, taken from another file, or cut off at the end does not open. A master key
is replaced by adding another one and naming it: old files keep theirs. Chunks open one by one, in any order.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC: Final = b"SSREC1\n\0"
CHUNK: Final = 65_536
TAG: Final = 16
KEY_BYTES: Final = 32
_LENGTH = struct.Struct(">I")
_PLACE = struct.Struct(">QB")
MOST_HEADER: Final = 65_536

Random = Callable[[int], bytes]


class SealError(Exception):
    """It does not open; the message is one sentence without a full stop."""


class KeyMissing(SealError):
    """No key of ours opens it."""


def read_key(text: str) -> bytes:
    """A master key as it is written: 64 hexadecimal digits, or the same 32 bytes in base64. Raises `ValueError`."""
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a recording key is 32 bytes: 64 hexadecimal digits, or base64")
    return key


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key under a master key."""

    key: str  # id of the master key
    nonce: bytes
    sealed: bytes

    def as_json(self) -> dict[str, str]:
        return {"key": self.key, "nonce": self.nonce.hex(), "sealed": self.sealed.hex()}

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Wrapped:
        try:
            nonce, sealed = (bytes.fromhex(str(document[name])) for name in ("nonce", "sealed"))
            return cls(str(document["key"]), nonce, sealed)
        except (KeyError, ValueError):
            raise SealError("its header is damaged") from None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The master keys by id; `use` is the one for what is new, "": nothing is sealed."""

    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    use: str = ""

    def new(self, about: bytes, random: Random) -> tuple[bytes, Wrapped]:
        """A data key for the file that `about` names."""
        data_key, nonce = random(KEY_BYTES), random(12)
        return data_key, Wrapped(self.use, nonce, AESGCM(self.keys[self.use]).encrypt(nonce, data_key, about))

    def open(self, wrapped: Wrapped, about: bytes) -> bytes:
        master = self.keys.get(wrapped.key)
        if master is None:
            raise KeyMissing(f'the key "{wrapped.key}" is not among ours')
        try:
            return AESGCM(master).decrypt(wrapped.nonce, wrapped.sealed, about)
        except (InvalidTag, ValueError):
            raise KeyMissing(f'the key "{wrapped.key}" does not open it') from None

    def secret(self, key: str, purpose: str) -> bytes:
        """A secret of its own made of a master key; empty for a key that is not ours."""
        master = self.keys.get(key)
        return b"" if master is None else hashlib.sha256(b"softswitch " + purpose.encode() + b"\0" + master).digest()


class Header:
    """The beginning of a sealed file, and the chunks that follow."""

    __slots__ = ("_cipher", "_digest", "chunk", "data", "recording")

    def __init__(self, recording: str, chunk: int, data: bytes, data_key: bytes) -> None:
        self.recording = recording
        self.chunk = chunk
        self.data = data  # all bytes of the header
        self._digest = hashlib.sha256(data).digest()
        self._cipher = AESGCM(data_key)

    @classmethod
    def new(cls, recording: str, ring: KeyRing, random: Random) -> Header:
        data_key, wrapped = ring.new(recording.encode(), random)
        body = json.dumps({"recording": recording, "chunk": CHUNK, **wrapped.as_json()}).encode()
        return cls(recording, CHUNK, MAGIC + _LENGTH.pack(len(body)) + body, data_key)

    @classmethod
    def read(cls, read: Callable[[int], bytes], ring: KeyRing) -> Header:
        """From the beginning of a file. Raises SealError."""
        start = read(len(MAGIC) + 4)
        if len(start) != len(MAGIC) + 4 or not start.startswith(MAGIC):
            raise SealError("this is no sealed recording")
        (size,) = _LENGTH.unpack(start[-4:])
        body = read(size) if size <= MOST_HEADER else b""
        try:
            document = json.loads(body)
            recording, chunk = str(document["recording"]), int(document["chunk"])
        except (ValueError, KeyError, TypeError):
            raise SealError("its header is damaged") from None
        if not 1 <= chunk <= 1 << 24:
            raise SealError("its header is damaged")
        data_key = ring.open(Wrapped.from_json(document), recording.encode())
        return cls(recording, chunk, start + body, data_key)

    def seal(self, number: int, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(number.to_bytes(12, "big"), chunk, self._about(number, last))

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(number.to_bytes(12, "big"), sealed, self._about(number, last))
        except (InvalidTag, ValueError):
            raise SealError(f"chunk {number} was changed, moved or cut") from None

    def _about(self, number: int, last: bool) -> bytes:
        return self._digest + _PLACE.pack(number, last)

    def chunks(self, file_size: int) -> int:
        """How many of them a file of this size has."""
        return max(-(-(file_size - len(self.data)) // (self.chunk + TAG)), 1)

    def plain_size(self, file_size: int) -> int:
        """Of the audio file inside."""
        return max(file_size - len(self.data) - TAG * self.chunks(file_size), 0)

    def offset(self, number: int) -> int:
        """Where a chunk begins in the file."""
        return len(self.data) + number * (self.chunk + TAG)
