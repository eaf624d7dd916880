"""STUN as an ICE lite agent needs it (RFC 8489, RFC 8445): connectivity checks in, answers to them out.

Only a check that is whole, names both sides and is signed with our password is read; everything else is None, and
nothing is sent for it, so that a port answers no stranger.
"""

from __future__ import annotations

import hmac
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

MAX_BYTES: Final = 1280
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_MAGIC: Final = 0x2112A442
_CRC_MASK: Final = 0x5354554E

_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_USERNAME, _INTEGRITY, _ERROR_CODE, _UNKNOWN = 0x0006, 0x0008, 0x0009, 0x000A
_XOR_MAPPED, _PRIORITY, _USE_CANDIDATE = 0x0020, 0x0024, 0x0025
_FINGERPRINT, _CONTROLLED, _CONTROLLING = 0x8028, 0x8029, 0x802A
_REQUIRED_KNOWN: Final = frozenset({_USERNAME, _INTEGRITY, _PRIORITY, _USE_CANDIDATE})
_MAX_ATTRIBUTES: Final = 32


@dataclass(frozen=True, slots=True)
class Check:
    """One connectivity check of the peer, authentic."""

    transaction: bytes
    nominated: bool  # the peer will use this pair of addresses
    controlled: bool  # the peer believes that we control; a lite agent never does
    unknown: tuple[int, ...] = ()  # attributes that must be understood, and are not


def read_check(data: bytes, username: str, password: str) -> Check | None:
    """The check in this datagram. `username` is "ours:theirs", `password` is ours (RFC 8445 7.2.2)."""
    if not _HEADER.size <= len(data) <= MAX_BYTES or len(data) % 4:
        return None
    kind, length, magic, transaction = _HEADER.unpack_from(data)
    if kind != _REQUEST or magic != _MAGIC or length != len(data) - _HEADER.size:
        return None
    named = proven = whole = nominated = controlled = False
    unknown: list[int] = []
    for count, (name, start, size) in enumerate(_attributes(data)):
        if count == _MAX_ATTRIBUTES or start < 0:
            return None
        value = data[start : start + size]
        if name == _FINGERPRINT:
            # RFC 8489 14.7: the last attribute, the CRC of all before it
            if start + size != len(data) or value != _crc(data[: start - 4]):
                return None
            whole = True
        elif proven:
            continue  # RFC 8489 14.5: attributes behind MESSAGE-INTEGRITY are ignored
        elif name == _INTEGRITY:
            if size != 20 or not hmac.compare_digest(value, _sign(data[: start - 4], password)):
                return None
            proven = True
        elif name == _USERNAME:
            named = value == username.encode()
        elif name == _USE_CANDIDATE:
            nominated = True
        elif name == _CONTROLLED:
            controlled = True
        elif name < 0x8000 and name not in _REQUIRED_KNOWN:
            unknown.append(name)
    # RFC 8445 7.1: "The agent MUST use the FINGERPRINT mechanism"
    if not (named and proven and whole):
        return None
    return Check(transaction, nominated, controlled, tuple(unknown))


def _attributes(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, beginning and size of each attribute; the beginning -1 where one is cut off."""
    at = _HEADER.size
    while at < len(data):
        name, size = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        # RFC 8489 14: each value is padded to a multiple of 4 bytes
        end = at + size + -size % 4
        if end > len(data):
            yield name, -1, size
            return
        yield name, at, size
        at = end


def answer(check: Check, address: tuple[str, int], password: str) -> bytes:
    """What the peer gets for his check: the address it came from, or why it does not count."""
    if check.unknown:
        # RFC 8489 6.3.1: "the server MUST reply with an error response with an error code of 420"
        numbers = b"".join(number.to_bytes(2, "big") for number in check.unknown)
        attributes = _error(420, "Unknown Attribute") + _attribute(_UNKNOWN, numbers)
        return _sealed(_ERROR, check.transaction, attributes, password)
    if check.controlled:
        # RFC 8445 7.3.1.1: 487 makes the other side take the controlling role
        return _sealed(_ERROR, check.transaction, _error(487, "Role Conflict"), password)
    host = ip_address(address[0])
    mask = _MAGIC.to_bytes(4, "big") + check.transaction
    family = b"\0\x01" if host.version == 4 else b"\0\x02"
    port = (address[1] ^ _MAGIC >> 16).to_bytes(2, "big")
    # RFC 8489 14.2: XOR-MAPPED-ADDRESS
    mapped = family + port + bytes(a ^ b for a, b in zip(host.packed, mask, strict=False))
    return _sealed(_SUCCESS, check.transaction, _attribute(_XOR_MAPPED, mapped), password)


def check_request(
    username: str, password: str, transaction: bytes, *, nominate: bool, controlled: bool = False, more: bytes = b""
) -> bytes:
    """A connectivity check as the other side sends it (for tests)."""
    attributes = _attribute(_USERNAME, username.encode()) + _attribute(_PRIORITY, (1 << 24).to_bytes(4, "big"))
    attributes += _attribute(_CONTROLLED if controlled else _CONTROLLING, bytes(8))
    if nominate:
        attributes += _attribute(_USE_CANDIDATE, b"")
    return _sealed(_REQUEST, transaction, attributes + more, password)


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)


def _error(code: int, words: str) -> bytes:
    return _attribute(_ERROR_CODE, bytes((0, 0, code // 100, code % 100)) + words.encode())


def _sealed(kind: int, transaction: bytes, attributes: bytes, password: str) -> bytes:
    message = _HEADER.pack(kind, len(attributes), _MAGIC, transaction) + attributes
    message += _attribute(_INTEGRITY, _sign(message, password))
    return _with_length(message, 8) + _attribute(_FINGERPRINT, _crc(message))


def _with_length(message: bytes, more: int) -> bytes:
    """The message as if `more` bytes of attributes followed."""
    return message[:2] + (len(message) - _HEADER.size + more).to_bytes(2, "big") + message[4:]


def _sign(before: bytes, password: str) -> bytes:
    # RFC 8489 14.5: the length field counts up to and including MESSAGE-INTEGRITY
    return hmac.digest(password.encode(), _with_length(before, 24), "sha1")


def _crc(before: bytes) -> bytes:
    return (zlib.crc32(_with_length(before, 8)) ^ _CRC_MASK).to_bytes(4, "big")
