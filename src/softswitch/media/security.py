"""Encrypted audio in offer and answer: which streams of a peer may be had, and what we say about ours.

    plain    RTP/AVP, RTP/AVPF
    sdes     RTP/SAVP, RTP/SAVPF with a=crypto (RFC 4568); also RTP/AVP with a=crypto, as phones offer "if you can"
    dtls     UDP/TLS/RTP/SAVP, UDP/TLS/RTP/SAVPF with a=fingerprint (RFC 5763); with ICE (RFC 8839) for browsers

An encrypted offer is answered encrypted or not at all, and a leg that was encrypted stays so. We are an ICE lite
agent with one host candidate (RFC 8445 2.5): the peer finds the way, we answer its checks.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from softswitch.media import sdes
from softswitch.media.sdes import OwnKeys, RandomBytes
from softswitch.media.sdp import Media, is_token


class Encryption(Enum):
    """What we ask of a peer, in the words of the configuration."""

    NONE = "none"  # offered plain; an encrypted offer is still answered encrypted
    OPTIONAL = "optional"  # RTP/AVP with keys: who knows them encrypts
    REQUIRED = "required"  # SDES or nothing; a plain offer is refused
    DTLS = "dtls"  # keys by DTLS; a plain offer is refused
    BROWSER = "browser"  # DTLS with ICE


class Kind(Enum):
    PLAIN = "plain"
    SDES = "sdes"
    DTLS = "dtls"


@dataclass(frozen=True, slots=True)
class Sdes:
    suite: str
    ours: bytes = field(repr=False)
    theirs: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dtls:
    """`active`: we are the DTLS client. `fingerprint` is the peer's, as "sha-256 AB:CD:...". The ufrags are empty
    where there is no ICE. `mux`: reports (RTCP) may come on the port of the audio."""

    active: bool
    fingerprint: str
    ufrag: str = ""
    password: str = field(default="", repr=False)
    peer_ufrag: str = ""
    mux: bool = False


Security = Sdes | Dtls

_AVP: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
_SAVP: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
_TLS: Final = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
_OFFERED: Final[Mapping[Encryption, tuple[str, Kind]]] = {
    Encryption.NONE: ("RTP/AVP", Kind.PLAIN),
    Encryption.OPTIONAL: ("RTP/AVP", Kind.SDES),
    Encryption.REQUIRED: ("RTP/SAVP", Kind.SDES),
    Encryption.DTLS: ("UDP/TLS/RTP/SAVP", Kind.DTLS),
    Encryption.BROWSER: ("UDP/TLS/RTP/SAVPF", Kind.DTLS),
}
_DEMANDS: Final = frozenset({Encryption.REQUIRED, Encryption.DTLS})
# RFC 8122 5: hash functions that are no longer fit are not used; what a browser or phone sends is sha-256
_HASHES: Final[Mapping[str, int]] = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_HOST_PRIORITY: Final = (126 << 24) + (65535 << 8) + 255  # RFC 8445 5.1.2.1: a host candidate, component 1
OUR_MID: Final = "0"


@dataclass(frozen=True, slots=True)
class Words:
    """What a description of ours says beside the codecs: the protocol of its m= line, and attributes."""

    protocol: str
    session: str = ""
    stream: str = ""


PLAIN: Final = Words("RTP/AVP")


class LegSecurity:
    """The security of one leg through all its offers and answers."""

    __slots__ = (
        "_agreed",
        "_fingerprint",
        "_ice",
        "_keys",
        "_mid",
        "_peer_ice",
        "_policy",
        "_protocol",
        "_random_bytes",
        "awaits_keys",
    )

    def __init__(self, policy: Encryption, random_bytes: RandomBytes, fingerprint: str) -> None:
        self._policy = policy
        self._random_bytes = random_bytes
        self._fingerprint = fingerprint  # of our certificate; "": there is no DTLS here
        self._keys = OwnKeys(random_bytes)
        self._mid = OUR_MID
        self._ice: tuple[str, str] = ("", "")  # our name and password
        self._peer_ice: tuple[str, str] = ("", "")
        self._agreed: Security | None = None
        self._protocol = ""  # of the stream that was agreed on
        self.awaits_keys = False  # a DTLS handshake is going on

    @property
    def demanded(self) -> bool:
        """Plain audio is not wanted."""
        return self._agreed is not None or self._policy in _DEMANDS

    @property
    def agreed(self) -> Security | None:
        return self._agreed

    def agree(self, security: Security | None, protocol: str) -> None:
        """Offer and answer are complete."""
        if isinstance(security, Dtls):
            before = self._agreed if isinstance(self._agreed, Dtls) else None
            if before is None or (before.active, before.fingerprint) != (security.active, security.fingerprint):
                self.awaits_keys = True
            # RFC 3711 9.1: should the peer go back to SDES, the counters are new, so the keys are new as well
            self._keys = OwnKeys(self._random_bytes)
        else:
            self.awaits_keys = False
        self._agreed = security
        self._protocol = protocol

    def renew(self, fingerprint: str) -> None:
        """The audio is in another media process: nothing of what was agreed holds, but that and how it is encrypted.
        Our keys, and for ICE our name and password, are new ones, so that both sides begin anew."""
        self._fingerprint = fingerprint
        self._keys = OwnKeys(self._random_bytes)
        self._ice = self._peer_ice = ("", "")
        match self._agreed:
            case Sdes():
                self._agreed = replace(self._agreed, ours=b"")
            case Dtls():
                self._agreed = replace(self._agreed, fingerprint="")

    # -------------------------------------------------------------- the peer's stream

    def kind(self, media: Media) -> Kind | None:
        """How this stream can be had; None when it cannot."""
        attributes = media.attributes
        if media.protocol in _AVP:
            wanted = "crypto" in attributes and (self._policy is not Encryption.NONE or self._agreed is not None)
            if wanted and sdes.first_usable(attributes["crypto"]) is not None:
                return Kind.SDES
            return None if self.demanded else Kind.PLAIN
        if media.protocol in _SAVP:
            if sdes.first_usable(attributes.get("crypto", ())) is not None:
                return Kind.SDES
            # RFC 5763 says UDP/TLS/RTP/SAVP; before it was written, the short name was used
            return Kind.DTLS if self._can_dtls(media) else None
        if media.protocol in _TLS and self._can_dtls(media):
            return Kind.DTLS
        return None

    def _can_dtls(self, media: Media) -> bool:
        return bool(self._fingerprint and _fingerprint(media)) and media.attribute("setup") in _SETUP

    # -------------------------------------------------------------- answering

    def answer(
        self, media: Media, kind: Kind, host: str, port: int, groups: tuple[str, ...]
    ) -> tuple[Words, Security | None]:
        """What our answer to this stream of an offer says, and what was agreed by it."""
        if kind is Kind.PLAIN:
            return Words(media.protocol), None
        if kind is Kind.SDES:
            theirs = sdes.first_usable(media.attributes["crypto"])
            assert theirs is not None, "a stream of this kind has a usable key"
            ours = self._keys.answering(theirs)
            return Words(media.protocol, stream=sdes.line(ours)), Sdes(theirs.suite, ours.key, theirs.key)
        security = self._dtls(media, self._is_active(media.attribute("setup")))
        mid = media.attribute("mid")
        if not is_token(mid):
            mid = ""
        self._mid = mid
        where = f"{host} {port}"
        words = self._dtls_words(media.protocol, "active" if security.active else "passive", security, where, mid)
        if not any(group.split()[:1] == ["BUNDLE"] and mid in group.split()[1:] for group in groups):
            words = replace(words, session=words.session.replace(f"a=group:BUNDLE {mid}\r\n", ""))
        # RFC 5761 5.1.1: an answer says rtcp-mux only where the offer did
        if not security.mux:
            words = replace(words, stream=words.stream.replace("a=rtcp-mux\r\n", ""))
        return words, security

    def _is_active(self, setup: str) -> bool:
        """Are we the DTLS client, when the peer offers this?"""
        # RFC 5763 5: the answerer chooses; a new description does not turn an association round
        if setup == "actpass":
            return isinstance(self._agreed, Dtls) and self._agreed.active
        return setup == "passive"

    # -------------------------------------------------------------- offering

    def offer(self, host: str, port: int) -> Words:
        """What our offer says: as the policy wants it, later as it was agreed."""
        protocol, kind = _OFFERED[self._policy]
        if self._protocol:
            protocol = self._protocol
            kind = {Sdes: Kind.SDES, Dtls: Kind.DTLS, type(None): Kind.PLAIN}[type(self._agreed)]
        if kind is Kind.PLAIN:
            return Words(protocol)
        if kind is Kind.SDES:
            return Words(protocol, stream="".join(map(sdes.line, self._keys.offered())))
        with_ice = self._policy is Encryption.BROWSER
        if isinstance(self._agreed, Dtls):
            with_ice = bool(self._agreed.ufrag)
        ours = self._own_ice() if with_ice else ("", "")
        # RFC 5763 5: "The endpoint that is the offerer MUST use the setup attribute value of setup:actpass"
        # RFC 8829 5.2.2: a later offer keeps the names of the streams
        mid = self._mid if with_ice else ""
        return self._dtls_words(protocol, "actpass", Dtls(False, "", *ours), f"{host} {port}", mid)

    def restart_ice(self) -> None:
        """Our next offer has another name and password (RFC 8839 4.4.1.1.1)."""
        if isinstance(self._agreed, Dtls) and self._agreed.ufrag:
            self._ice = ("", "")

    def keep_ice(self) -> None:
        """The offer that had another name and password was refused: those that were agreed on are still in use."""
        if isinstance(self._agreed, Dtls) and self._agreed.ufrag and self._agreed.fingerprint:
            self._ice = self._agreed.ufrag, self._agreed.password

    def read_answer(self, media: Media, offered: Words) -> Security | None:
        """What the peer's answer to our offer agreed on. ValueError when it is none that we can take."""
        crypto = media.attributes.get("crypto", ())
        if "a=crypto:" in offered.stream and media.protocol in _AVP | _SAVP and crypto:
            theirs = sdes.first_usable(crypto)
            ours = self._keys.answered(theirs) if theirs is not None else None
            if theirs is None or ours is None:
                raise ValueError("the answer takes none of the keys that were offered")
            return Sdes(theirs.suite, ours.key, theirs.key)
        if media.protocol in _AVP and offered.protocol in _AVP and not self.demanded:
            return None
        if "a=fingerprint:" in offered.stream and media.protocol in _TLS | _SAVP and self._can_dtls(media):
            setup = media.attribute("setup")
            # RFC 5763 5: an answer to actpass is active or passive
            security = self._dtls(media, setup == "passive", answers=True)
            if setup != "actpass" and bool(security.ufrag) == ("a=ice-ufrag:" in offered.stream):
                return security
        raise ValueError("the answer is not encrypted as the offer was")

    # -------------------------------------------------------------- DTLS and ICE

    def _dtls(self, media: Media, active: bool, *, answers: bool = False) -> Dtls:
        fingerprint = _fingerprint(media)
        peer = media.attribute("ice-ufrag"), media.attribute("ice-pwd")
        mux = "rtcp-mux" in media.attributes
        # RFC 8445 6.1.1: two lite agents make no checks; then what the c= line says is used as without ICE
        if not _is_ice(*peer) or "ice-lite" in media.attributes:
            return Dtls(active, fingerprint, mux=mux)
        # RFC 8839 4.4.1.1.1: a changed ufrag and password in an offer is an ICE restart, which changes ours as well. An
        # answer restarts nothing: ours are in the offer, and another phone has answered than the one before (a fork)
        if self._peer_ice[0] and self._peer_ice != peer and not answers:
            self._ice = ("", "")
        self._peer_ice = peer
        return Dtls(active, fingerprint, *self._own_ice(), peer[0], mux)

    def _own_ice(self) -> tuple[str, str]:
        if not self._ice[0]:
            # RFC 8445 5.3: at least 24 bits in the ufrag and 128 in the password
            name, password = self._random_bytes(6), self._random_bytes(18)
            self._ice = base64.b64encode(name).decode(), base64.b64encode(password).decode()
        return self._ice

    def _dtls_words(self, protocol: str, setup: str, ours: Dtls, where: str, mid: str) -> Words:
        lines = [f"a=fingerprint:{self._fingerprint}", f"a=setup:{setup}", "a=rtcp-mux"]
        session = []
        if mid:
            lines.append(f"a=mid:{mid}")
            session.append(f"a=group:BUNDLE {mid}")
        if ours.ufrag:
            session.append("a=ice-lite")
            lines += [
                f"a=ice-ufrag:{ours.ufrag}",
                f"a=ice-pwd:{ours.password}",
                f"a=candidate:1 1 udp {_HOST_PRIORITY} {where} typ host",
                "a=end-of-candidates",
                "a=msid:switch audio",
            ]
        return Words(protocol, "".join(f"{each}\r\n" for each in session), "".join(f"{each}\r\n" for each in lines))


_SETUP: Final = frozenset({"actpass", "active", "passive"})


def _fingerprint(media: Media) -> str:
    """The first fingerprint of a hash that is fit; "" when there is none."""
    for value in media.attributes.get("fingerprint", ()):
        name, _, text = value.strip().partition(" ")
        size = _HASHES.get(name.lower())
        octets = text.strip().split(":")
        if size == len(octets) and all(len(octet) == 2 and _is_hex(octet) for octet in octets):
            return f"{name.lower()} {text.strip().upper()}"
    return ""


def _is_hex(text: str) -> bool:
    return text.isascii() and all(each in "0123456789abcdefABCDEF" for each in text)


def _is_ice(ufrag: str, password: str) -> bool:
    # RFC 8839 5.4: ufrag = 4*256ice-char, password = 22*256ice-char
    return 4 <= len(ufrag) <= 256 and 22 <= len(password) <= 256 and all(map(_is_ice_text, (ufrag, password)))


def _is_ice_text(text: str) -> bool:
    return text.isascii() and all(each.isalnum() or each in "+/" for each in text)
