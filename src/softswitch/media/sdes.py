"""Keys of SRTP in the description itself (SDES, RFC 4568; AEAD suites of RFC 7714): a=crypto lines, read and written.

    a=crypto:<tag> <suite> inline:<base64 of master key and salt>[|lifetime] [session parameters]

A line is of use when its suite is one of ours, its key is whole, and it asks for nothing that we do not do: several
keys and key identifiers (MKI), unencrypted or unauthenticated packets, other key derivation rates, FEC.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

# RFC 4568 6.2, RFC 7714 14.2: bytes of master key and master salt; the most wanted first.
SUITES: Final[dict[str, int]] = {
    "AEAD_AES_256_GCM": 32 + 12,
    "AEAD_AES_128_GCM": 16 + 12,
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
}
# What is offered: phones read every line and take the first they know.
OFFERED: Final = tuple(SUITES)
# RFC 4568 6.3.4: the peer's wish for the size of the replay window; ours is larger than any
_HARMLESS = "WSH="

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line: its tag, its suite, and the key with which its writer encrypts."""

    tag: int
    suite: str
    key: bytes = field(repr=False)


def read(value: str) -> Crypto | None:
    """The value of an a=crypto attribute; None when it is of no use to us."""
    parts = value.split()
    if len(parts) < 3:
        return None
    tag, suite, keys, *parameters = parts
    # RFC 4568 9.1: "tag = 1*9DIGIT"
    if not (tag.isascii() and tag.isdecimal() and len(tag) <= 9):
        return None
    size = SUITES.get(suite.upper())
    if size is None or not all(map(_is_bearable, parameters)):
        return None
    method, _, described = keys.partition(":")
    # RFC 4568 6.1: "inline:<key||salt>[|lifetime][|MKI:length]"; several keys need an MKI
    text, *rest = described.split("|")
    if method.lower() != "inline" or ";" in keys or any(":" in each for each in rest):
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return Crypto(int(tag), suite.upper(), key) if len(key) == size else None


def _is_bearable(parameter: str) -> bool:
    # RFC 4568 6.3.7: an extension with "-" before its name may be ignored, any other not
    return parameter.upper().startswith(_HARMLESS) or parameter.startswith("-")


def first_usable(values: Sequence[str]) -> Crypto | None:
    """RFC 4568 5.1.1: "the crypto attributes MUST be listed in order of preference"; the first that we can do."""
    return next(filter(None, map(read, values)), None)


def line(crypto: Crypto) -> str:
    return f"a=crypto:{crypto.tag} {crypto.suite} inline:{base64.b64encode(crypto.key).decode()}\r\n"


class OwnKeys:
    """The keys with which one leg encrypts: one for each suite, drawn when they are first needed.

    They stay as they are while the peer keeps his, so that a re-INVITE (hold, resume, session timer) leaves both
    directions alone; when he changes his key, ours changes as well, and both directions begin anew.
    """

    __slots__ = ("_keys", "_random_bytes", "_theirs")

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._keys: dict[str, bytes] = {}
        self._theirs = b""

    def offered(self) -> tuple[Crypto, ...]:
        return tuple(Crypto(tag, suite, self._key(suite)) for tag, suite in enumerate(OFFERED, 1))

    def answering(self, theirs: Crypto) -> Crypto:
        """Our line for the one that was chosen. RFC 4568 5.1.2: the answer has the tag of the offered line."""
        self._peer_has(theirs.key)
        return Crypto(theirs.tag, theirs.suite, self._key(theirs.suite))

    def answered(self, theirs: Crypto) -> Crypto | None:
        """Our line that the peer's answer took, None when it takes what was not offered."""
        for ours in self.offered():
            # RFC 4568 5.1.3: the tag and crypto-suite MUST match one that was offered
            if (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
                # our key was in the offer already: it stays, whatever his is
                self._theirs = theirs.key
                return ours
        return None

    def _peer_has(self, key: bytes) -> None:
        if self._theirs and key != self._theirs:
            self._keys.clear()
        self._theirs = key

    def _key(self, suite: str) -> bytes:
        key = self._keys.get(suite)
        if key is None:
            key = self._keys[suite] = self._random_bytes(SUITES[suite])
        return key
