"""Encrypted phones for the bench of the media process: SDES keys, or a browser's ICE and DTLS, done once before."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime

from pylibsrtp import Policy, Session

from softswitch.ids import LegId
from softswitch.media import stun
from softswitch.media.control import MediaMessage
from softswitch.media.messages import SetKeys, SetRemote, StartDtls
from softswitch.media.worker.dtls import Association, Certificate

KINDS = ("sdes", "browser")
SUITE = "AES_CM_128_HMAC_SHA1_80"
_NAME, _PASSWORD, _THEIRS = "ours", "password-of-22-letters", "them"
Lock = Callable[[bytes], bytes]


class SecurePhones:
    """The second phone of each call, of one kind."""

    def __init__(self, kind: str) -> None:
        assert kind in KINDS
        self.kind = kind
        self._key = os.urandom(30)
        self._certificate = Certificate(datetime.fromtimestamp(0, UTC).replace(year=2024))

    def orders(self, leg: LegId, host: str, port: int) -> list[MediaMessage]:
        """What opens such a leg, instead of `SetRemote` alone."""
        if self.kind == "sdes":
            return [SetKeys(leg, SUITE, os.urandom(30), self._key), SetRemote(leg, host, port, 0, 101)]
        start = StartDtls(leg, False, self._certificate.fingerprint, _NAME, _PASSWORD, _THEIRS)
        return [start, SetRemote(leg, "0.0.0.0", 0, 0, 101)]

    def connect(self, sock: socket.socket, target: int, fingerprint: str) -> Lock:
        """Bring the leg up; how this phone encrypts."""
        if self.kind == "sdes":
            key = self._key
        else:
            key = self._shake_hands(sock, target, fingerprint)
        profile = Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        if self.kind == "browser":
            profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
        return Session(Policy(key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)).protect

    def _shake_hands(self, sock: socket.socket, target: int, fingerprint: str) -> bytes:
        where = ("127.0.0.1", target)
        sock.setblocking(True)
        sock.settimeout(5)
        sock.sendto(stun.check_request(f"{_NAME}:{_THEIRS}", _PASSWORD, os.urandom(12), nominate=True), where)
        association = Association(self._certificate, True, fingerprint)
        datagrams = association.begin()
        while association.keys is None:
            for datagram in datagrams:
                sock.sendto(datagram, where)
            data = sock.recv(2048)
            datagrams = association.feed(data) if data[0] >= 20 else []
        for datagram in datagrams:
            sock.sendto(datagram, where)
        sock.setblocking(False)
        assert association.keys[0] == "AEAD_AES_256_GCM"
        return association.keys[1]
