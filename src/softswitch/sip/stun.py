"""Keep-alives of UDP flows: a STUN binding request to the SIP port is answered (RFC 5626 4.4.2, RFC 8489).

The answer is a little longer than the question, so only those who logged in from there get one: nobody can
make us send to a forged address.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

_COOKIE = 0x2112A442
_HEAD = struct.Struct("!HHI12s")
_REQUEST, _SUCCESS, _XOR_MAPPED_ADDRESS = 0x0001, 0x0101, 0x0020


def binding_response(data: bytes, remote: tuple[str, int]) -> bytes | None:
    """The answer to a binding request; None when it is none."""
    if len(data) < _HEAD.size:
        return None
    kind, length, cookie, transaction = _HEAD.unpack_from(data)
    if kind != _REQUEST or cookie != _COOKIE or length != len(data) - _HEAD.size or length % 4:
        return None
    host, port = remote
    address = ip_address(host.partition("%")[0])
    mask = struct.pack("!I", _COOKIE) + transaction
    # RFC 8489 14.2: X-Port is the port XORed with the upper 16 bits of the magic cookie, X-Address the address XORed
    # with the cookie (and over IPv6 the transaction ID behind it).
    masked = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    family = 1 if address.version == 4 else 2
    value = struct.pack("!BBH", 0, family, port ^ (_COOKIE >> 16)) + masked
    attribute = struct.pack("!HH", _XOR_MAPPED_ADDRESS, len(value)) + value
    return _HEAD.pack(_SUCCESS, len(attribute), _COOKIE, transaction) + attribute
