"""SRTP and SRTCP (RFC 3711, RFC 7714) in place, by libsrtp.

The library's Python class copies every packet three times, which costs more than the cipher; so its binding is called
here directly, on the buffer that the packet is in already. This module is all that knows of it; a test compares it
with the class.

Packets that were played back, are too old or are not authentic do not pass. A key is used for a bounded number of
sources (SSRC), each with a roll-over counter of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pylibsrtp import Error, Policy
from pylibsrtp._binding import ffi, lib

MAX_SOURCES = 128  # SSRCs of one key; libsrtp keeps a context for each
MAX_TRAILER = 64  # authentication tag, index and what libsrtp may write behind a packet
_REPLAY_WINDOW = 1024

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


def _session(suite: str, key: bytes, ssrc_type: int) -> object:
    """A libsrtp session; freed with the object. ValueError for a suite or key that it does not take."""
    profile = _PROFILES.get(suite)
    if profile is None:
        raise ValueError(f"unknown SRTP suite {suite!r}")
    try:
        policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile)
        # RFC 3711 9.1: the same index with another packet would use the keystream twice
        policy.allow_repeat_tx = False
        policy.window_size = _REPLAY_WINDOW
        made = ffi.new("srtp_t *")
        status = lib.srtp_create(made, policy._policy)
    except Error as error:
        raise ValueError(f"{suite}: {error}") from error
    if status != lib.srtp_err_status_ok:
        raise ValueError(f"{suite}: libsrtp says {status}")
    return ffi.gc(made[0], lib.srtp_dealloc)


def pin(buffer: bytearray) -> object:
    """The buffer as libsrtp takes it."""
    return ffi.from_buffer(buffer)


class Inbound:
    """What comes with one key, in one buffer."""

    __slots__ = ("_buffer", "_length", "_pinned", "_session", "_sources", "_ssrc", "key")

    def __init__(self, suite: str, key: bytes, buffer: bytearray, pinned: object) -> None:
        self.key = (suite, key)
        self._session = _session(suite, key, Policy.SSRC_ANY_INBOUND)
        self._buffer = buffer
        self._pinned = pinned
        self._length = ffi.new("int *")
        self._ssrc = b""
        self._sources: dict[bytes, None] = {}

    def opener(self) -> Callable[[int], int]:
        """A function that decrypts the packet of so many bytes at the beginning of the buffer, in place, and gives its
        new size; -1: it is not authentic, was there before, or is of one source too many."""
        session, pinned, length, buffer = self._session, self._pinned, self._length, self._buffer
        unprotect: Callable[..., int] = lib.srtp_unprotect

        def unlock(size: int) -> int:
            if buffer[8:12] != self._ssrc and not self._may_begin(size):
                return -1
            length[0] = size
            if unprotect(session, pinned, length):
                return -1
            opened: int = length[0]
            if buffer[8:12] != self._ssrc:
                self._ssrc = bytes(buffer[8:12])
                self._sources[self._ssrc] = None
            return opened

        return unlock

    def _may_begin(self, size: int) -> bool:
        return size >= 12 and (len(self._sources) < MAX_SOURCES or bytes(self._buffer[8:12]) in self._sources)

    def control(self, size: int) -> int:
        """The same for a packet of SRTCP."""
        if size < 8:
            return -1
        source = bytes(self._buffer[4:8])
        if source not in self._sources and len(self._sources) >= MAX_SOURCES:
            return -1
        self._length[0] = size
        if lib.srtp_unprotect_rtcp(self._session, self._pinned, self._length):
            return -1
        self._sources[source] = None
        return int(self._length[0])


class Outbound:
    """What leaves with one key. The packet is copied, for it may be somebody else's as well."""

    __slots__ = ("_buffer", "_length", "_pinned", "_session", "_views", "key")

    def __init__(self, suite: str, key: bytes, largest: int) -> None:
        self.key = (suite, key)
        self._session = _session(suite, key, Policy.SSRC_ANY_OUTBOUND)
        self._buffer = bytearray(largest + MAX_TRAILER)
        self._pinned = ffi.from_buffer(self._buffer)
        self._length = ffi.new("int *")
        view = memoryview(self._buffer)
        self._views = view

    def sealer(
        self, transmit: Callable[[bytearray | memoryview], int], refused: Callable[[], None]
    ) -> Callable[..., int]:
        """A function that encrypts a packet and hands it to `transmit`; `refused` is told of one whose sequence number
        was used already or is too old."""
        session, pinned, length, view = self._session, self._pinned, self._length, self._views
        copy, protect = ffi.memmove, lib.srtp_protect

        def seal(packet: bytearray | memoryview) -> int:
            length[0] = size = len(packet)
            copy(pinned, packet, size)
            if protect(session, pinned, length):
                refused()
                return 0
            return transmit(view[: length[0]])

        return seal

    def control(self, packet: bytes) -> memoryview | None:
        """An RTCP packet, encrypted; None when libsrtp does not want to."""
        self._length[0] = len(packet)
        self._buffer[: len(packet)] = packet
        if lib.srtp_protect_rtcp(self._session, self._pinned, self._length):
            return None
        return self._views[: self._length[0]]
