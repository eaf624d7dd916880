"""A call leg: one INVITE session of the SIP room together with its audio in the media process.

        incoming:  accept_offer -> (answered) -> reoffered* -> hang_up / ended
        outgoing:  make_offer -> accept_answer* (early media, 200) -> reoffered* -> hang_up / ended

The leg knows its SDP (RFC 3264: one session id, a version that grows with each change, RFC 8866 5.2), its media
port and what plays on it. The state of the dialog, CANCEL/200 crossing included, is the SIP room's business; a leg
ends exactly once, with `LegEnded`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from softswitch.call.keys import LegKeys, press
from softswitch.call.prompts import in_order, music_named
from softswitch.call.routing import one_form
from softswitch.ids import InteractionId, LegId, PlaybackId
from softswitch.ivr.messages import Segment
from softswitch.media.messages import (
    SETUP_SECONDS,
    AnsweredBy,
    CloseMediaLeg,
    DigitReceived,
    FoundLeg,
    GreetingOver,
    MediaSecured,
    OpenMediaLeg,
    Play,
    PlaybackEnded,
    PlayMusic,
    SetKeys,
    SetRemote,
    StartDtls,
    StopPlay,
    ToneHeard,
)
from softswitch.media.negotiation import NOWHERE, NotAcceptable, Offer, RemoteMedia, Usage, accept, answer, make_offer
from softswitch.media.sdp import SdpError, wants_ip6
from softswitch.media.security import Encryption, LegSecurity, Sdes, Security
from softswitch.sip.messages import (
    AckReceived,
    AnswerOffer,
    Forwarded,
    Hangup,
    InfoDigitReceived,
    InviteAnswered,
    InviteProgressed,
    InviteReceived,
    OfferReceived,
)
from softswitch.sip.stir_messages import CallerIdentity

_NOT_ACCEPTABLE = 'SIP;cause=488;text="Not Acceptable Here"'
# Who offers gets our answer when somebody has answered: as long as a phone may ring (RFC 3261 16.6: timer C, > 3 min)
_ANSWER_TAKES_SECONDS = 300.0
_VERSION_GAP = 10  # more descriptions than we make of a leg between two looks at it

# What happens to one leg, and its owner hears.
LEG_EVENTS = (
    AckReceived,
    InviteProgressed,
    InviteAnswered,
    OfferReceived,
    InfoDigitReceived,
    PlaybackEnded,
    DigitReceived,
    MediaSecured,
    ToneHeard,
    AnsweredBy,
    GreetingOver,
)

if TYPE_CHECKING:
    from softswitch.call.board import Board


@dataclass(slots=True)
class LegFacts:
    """What the CDR says about a leg; times are monotonic seconds."""

    direction: str  # "in" | "out"
    party: str  # trunk id, agent id
    caller: str
    dialled: str
    began_at: float
    interaction: InteractionId | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    signalling: str = ""  # the address that the peer's SIP comes from, when it is known
    identity: CallerIdentity | None = None  # what STIR says of the caller's number
    hops: int = 70  # Max-Forwards of the call; a call that is placed for it gets one less
    encryption: Encryption = Encryption.NONE  # what we ask of the peer
    private: bool = False  # the caller's number is known and is shown to nobody
    forwarded: tuple[Forwarded, ...] = ()  # who forwarded this call, the last one first
    caller_as_sent: str = ""  # as the trunk wrote it
    codecs: tuple[str, ...] = ()  # of this trunk; empty: those of the line
    cause: int | None = None  # of Q.850: why we ended it, where it was no usual end
    watched: bool = False  # it is listened to, who answers
    answered_by: str = ""  # human, machine, fax, unknown; empty: nobody listened
    ip6: bool = False  # audio over IPv6, where we have an address there
    silent_since: float | None = None  # he should be heard and is not
    silent_seconds: float = 0.0  # in all, before that
    mended: bool = False  # it was tried to bring his audio back
    restarted: bool = False  # the switch was started again meanwhile
    known_as: str = ""  # the number of an agent whom a colleague has given to the line

    def heard_again(self, now: float) -> None:
        """Or it is over."""
        if self.silent_since is not None:
            self.silent_seconds += now - self.silent_since
            self.silent_since = None

    @property
    def forwarded_from(self) -> str:
        """The number that this call was forwarded from last."""
        return self.forwarded[0].number if self.forwarded else ""

    @property
    def start_values(self) -> dict[str, str]:
        """What a flow knows of the call from the beginning."""
        return {"caller": self.shown_caller, "dialled": self.dialled, "forwarded_from": self.forwarded_from}

    @property
    def shown_caller(self) -> str:
        """What people see of the caller's number."""
        return "" if self.private else self.customer

    @property
    def customer(self) -> str:
        """The number of the person on a customer's leg, whoever called whom."""
        return self.known_as or (self.caller if self.direction == "in" else self.dialled)


def incoming_facts(event: InviteReceived, now: float, interaction: InteractionId | None) -> LegFacts:
    """Of a call that comes in."""
    return LegFacts(
        "in",
        event.origin.trunk or event.origin.agent or "",
        one_form(event.caller),
        event.dialled,
        now,
        interaction,
        signalling=event.flow.remote[0],
        hops=event.hops,
        private=event.private,
        forwarded=event.forwarded,
        caller_as_sent=event.caller_as_sent,
        identity=event.identity,
        ip6=wants_ip6(event.sdp, event.flow.remote[0]),
    )


@lru_cache(maxsize=4096)
def audio_host(described: str, signalling: str) -> str:
    """Where audio is sent to and expected from: the address of the SDP, but where that is a private one and the
    signalling came from a public one, the peer is behind a NAT and only the address it signals from can be reached.
    It is known to be the peer's (digest or trunk list); the port is learned from its first packet."""
    if not signalling or described == signalling:
        return described
    try:
        private, public = ip_address(described).is_private, ip_address(signalling).is_global
    except ValueError:
        return described
    return signalling if private and public else described


@dataclass(frozen=True, slots=True)
class AudioMoved:
    """To the owner of a leg: its audio is in another media process. Nothing is known there but what it plays."""

    leg: LegId


class _OurDescription:
    """What we described to the peer: the last one sent, its version, the payload types that have their meaning for the
    whole session, and our offer while its answer is awaited. `carried`: the media process may know something newer of
    the peer than we do, from the process before."""

    __slots__ = ("carried", "numbers", "offer", "sent", "version")

    def __init__(self) -> None:
        self.carried = False
        self.offer: Offer | None = None
        self.sent = b""
        self.version = 1
        self.numbers: dict[str, int] = {}


class CallLeg:
    """One leg of a call. Made by `Board.open_leg`; dead after `ended`."""

    __slots__ = (
        "_board",
        "_ours",
        "_security",
        "alive",
        "facts",
        "has_media",
        "id",
        "keys",
        "playback",
        "port",
        "remote",
        "sounding",
    )

    def __init__(self, board: Board, leg: LegId, port: int, facts: LegFacts, opens: bool = True) -> None:
        """`opens` False: the media process has carried it over."""
        self._board = board
        self._ours = _OurDescription()
        self.keys = LegKeys()
        self._security = LegSecurity(facts.encryption, board.random_bytes, board.fingerprint_of(port))
        facts.ip6 = facts.ip6 and bool(board.media.host6)
        self.id = leg
        self.port = port
        self.facts = facts
        self.remote: RemoteMedia | None = None
        self.playback: PlaybackId | None = None
        self.sounding: Play | PlayMusic | None = None  # what plays; of no meaning without `playback`
        self.alive = True
        self.has_media = True  # False: its packet counts will never come, and nobody takes orders for its audio
        if opens:
            board.emit(OpenMediaLeg(leg, port, facts.ip6))

    @property
    def version(self) -> int:
        """Of our description."""
        return self._ours.version

    def goes_on(self, version: int, remote: RemoteMedia | None) -> None:
        """As the process before has left it. What it said last is not known to the letter, nor how often: the next is
        new. Keys are with the media process alone; the next description of ours has others."""
        self._ours.version = version + _VERSION_GAP
        self._ours.carried = True
        self.remote = remote
        if remote is not None and remote.security is not None:
            self._security.agree(remote.security, remote.protocol)
            self.keys_agreed()

    def carried_as(self, found: FoundLeg) -> bool:
        """Does the media process know the same of the peer as we do?"""
        remote = self.remote
        if remote is None:
            return True
        host = audio_host(remote.host, self.facts.signalling)
        ours = host, remote.port, remote.send, remote.receive, remote.payload_type
        return ours == (found.host, found.remote_port, found.send, found.receive, found.payload_type)

    # -------------------------------------------------------------- SDP

    @property
    def _where(self) -> tuple[str, int, int, int]:
        """Host, port, session and version of our description."""
        media = self._board.media
        return media.host6 if self.facts.ip6 else media.host, self.port, self.id, self._ours.version

    @property
    def _codecs(self) -> tuple[str, ...]:
        return self.facts.codecs or self._board.media.codecs

    def accept_offer(self, sdp: bytes) -> bytes:
        """Our answer to the peer's offer. Raises NotAcceptable or SdpError (both: 488)."""
        security, usage = self._security, Usage(codec=self.remote.codec if self.remote is not None else "")
        answered = answer(sdp, *self._where, self._codecs, security=security, usage=usage)
        if self._ours.sent and answered.sdp != self._ours.sent:
            # RFC 3264 8: "If the version in the origin line increments" the description has changed, else it has not.
            self._ours.version += 1
            answered = answer(sdp, *self._where, self._codecs, security=security, usage=usage)
        self._ours.sent = answered.sdp
        self._set_remote(answered.remote, _ANSWER_TAKES_SECONDS)
        return answered.sdp

    def make_offer(self, like: CallLeg | None = None) -> bytes:
        """Our offer; sent again unchanged it keeps its version. `like`: prefer the codec of that leg, and its numbers,
        so that a bridge passes the audio through as it is."""
        codecs, leading = self._codecs, self if like is None else like
        streams = ((), ()) if self.remote is None else (self.remote.before, self.remote.after)
        usage = Usage("", self._ours.numbers, False, self._mux, *streams)
        if leading.remote is not None:
            in_use = leading.remote
            codecs = tuple(sorted(codecs, key=lambda codec: codec != in_use.codec))
            usage = replace(usage, numbers=in_use.numbers | self._ours.numbers, comfort=in_use.comfort_type >= 0)
        offer = make_offer(*self._where, codecs, security=self._security, usage=usage)
        if self._ours.sent and offer.sdp != self._ours.sent:
            self._ours.version += 1
            offer = make_offer(*self._where, codecs, security=self._security, usage=usage)
        self._ours.offer = offer
        self._ours.sent = offer.sdp
        self._ours.numbers.update(offer.formats)
        return offer.sdp

    def offer_anew(self) -> bytes:
        """The same offer once more; of a browser, with an ICE restart."""
        self._security.restart_ice()
        return self.make_offer()

    def offer_refused(self) -> None:
        """The session is as it was."""
        self._security.keep_ice()

    @property
    def has_offered(self) -> bool:
        """There is an offer of ours that could be answered."""
        return self._ours.offer is not None

    def listen_anew(self) -> None:
        """His packets may come from another port than before: the first one from his host shows which."""
        if self.remote is not None and self.remote.port:
            self._tell_remote(replace(self.remote, host=NOWHERE, port=0))
            self._tell_remote(self.remote)

    @property
    def _mux(self) -> bool:
        return self.remote is not None and self.remote.mux

    def accept_answer(self, sdp: bytes) -> None:
        """The peer's answer to our offer (also as early media). Raises NotAcceptable or SdpError."""
        assert self._ours.offer is not None
        self._set_remote(accept(sdp, self._ours.offer, self._security))

    def acknowledged(self, sdp: bytes | None) -> bool:
        """Our 200 is acknowledged. RFC 3261 13.2.1: where the 200 carried our offer, the ACK carries the answer; in any
        other ACK a description is not looked at. False: there is no session, and the leg is hung up."""
        if sdp is None and self.remote is not None:
            return True  # an offer that is under way is another one than that of the 200
        offered, self._ours.offer = self._ours.offer, None
        if offered is not None and sdp is not None:
            try:
                self._set_remote(accept(sdp, offered, self._security))
            except (NotAcceptable, SdpError):
                self.hang_up(_NOT_ACCEPTABLE)
                return False
        elif self.remote is None:
            self.hang_up(_NOT_ACCEPTABLE)
            return False
        return True

    def answer_reoffer(self, sdp: bytes | None) -> None:
        """The peer re-INVITEs: hold, resume, another address or codec (RFC 3264 8); None asks us for an offer."""
        if not self.has_media:
            # RFC 3261 14.1: we are about to offer something ourselves (`call.media_again`); he comes again
            self._board.emit(AnswerOffer(self.id, 491, None))
            return
        if sdp is None:
            self._board.emit(AnswerOffer(self.id, 200, self.make_offer()))
            return
        try:
            ours = self.accept_offer(sdp)
        except (NotAcceptable, SdpError):
            # RFC 3261 14.2: the session stays as it was.
            self._board.emit(AnswerOffer(self.id, 488, None))
            return
        self._board.emit(AnswerOffer(self.id, 200, ours))

    def _set_remote(self, remote: RemoteMedia, patience: float = SETUP_SECONDS) -> None:
        """`patience`: how long the peer may take until he knows our description."""
        if remote == self.remote and not self._ours.carried:
            return
        self._ours.carried = False
        self.remote = remote
        self._ours.numbers.update(remote.numbers)
        security = remote.security
        if self.has_media and security is not None and security != self._security.agreed:
            self._secure(security, patience)
        self._security.agree(security, remote.protocol)
        if self.has_media:
            self._tell_remote(remote)

    def _tell_remote(self, remote: RemoteMedia) -> None:
        self._board.emit(
            SetRemote(
                self.id,
                audio_host(remote.host, self.facts.signalling),
                remote.port,
                remote.payload_type,
                remote.dtmf_type,
                remote.send,
                remote.receive,
                remote.codec,
                remote.dtmf_clock,
                remote.comfort_type,
                remote.rtcp_port,
                remote.heard_type,
                remote.heard_dtmf,
            )
        )
        listen = self.keys.agreed(self, self._board.media.in_band_digits)
        if listen is not None:
            self._board.emit(listen)

    def move_audio(self, port: int) -> bytes:
        """The audio goes on at this port of a media process that knows nothing of it: our offer, which says so. What
        plays begins again; where nothing is encrypted, the peer hears it before he answers."""
        assert self.remote is not None
        board = self._board
        self.port, self.has_media = port, True
        self.keys.unheard()
        board.emit(OpenMediaLeg(self.id, port, self.facts.ip6))
        if self.remote.security is None:
            self._tell_remote(self.remote)
        else:
            self._security.renew(board.fingerprint_of(port))
            self.remote = replace(self.remote, security=None)  # whatever is agreed now is new
        if self.playback is not None and self.sounding is not None:
            board.emit(self.sounding)
        return self.make_offer()

    def _secure(self, security: Security, patience: float) -> None:
        """The media process gets the keys, or what it needs to agree on some, before the address."""
        if isinstance(security, Sdes):
            self._board.emit(SetKeys(self.id, security.suite, security.ours, security.theirs))
        else:
            ice = security.ufrag, security.password, security.peer_ufrag
            reports = security.mux and bool(security.ufrag)
            self._board.emit(StartDtls(self.id, security.active, security.fingerprint, *ice, patience, reports))

    @property
    def awaits_keys(self) -> bool:
        """Nothing can be heard yet: the media process and the peer still agree on keys (DTLS)."""
        return self._security.awaits_keys

    def keys_agreed(self) -> None:
        self._security.awaits_keys = False

    @property
    def on_hold(self) -> bool:
        """The peer does not want to hear us (sendonly or inactive)."""
        return self.remote is not None and not self.remote.send

    # -------------------------------------------------------------- audio

    def play(self, segments: tuple[Segment, ...], loops: int = 1, playback: PlaybackId | None = None) -> bool:
        """Play these segments in place of whatever plays. False when there is nothing to be heard."""
        if not self.alive:
            return False
        if playback is None:
            playback = PlaybackId(self._board.ids.number())
        if self._board.make_speech(self.id, playback, segments, loops):
            self.playback, self.sounding = playback, None
            return True
        keys = self._board.prompt_keys(segments)
        if not keys:
            return False
        music = music_named(segments[0]) if loops == 0 else ""
        self.play_keys(playback, keys, loops, music)
        return True

    def play_keys(self, playback: PlaybackId, keys: tuple[str, ...], loops: int, music: str = "") -> None:
        self.playback = playback
        if music:
            self.sounding = PlayMusic(self.id, playback, music, in_order(music, keys, self.id))
        else:
            self.sounding = Play(self.id, playback, keys, loops)
        if self.has_media:
            self._board.emit(self.sounding)

    def stop_play(self) -> None:
        if self.playback is not None:
            self.playback = None
            if self.alive and self.has_media:
                self._board.emit(StopPlay(self.id))

    def played(self, playback: PlaybackId) -> bool:
        """A playback came to its end: True when it was the one that we are waiting for."""
        if playback != self.playback:
            return False
        self.playback = None
        return True

    def press(self, keys: str) -> bool:
        """Press these keys for the peer. False: there is nobody yet."""
        command = press(self, keys)
        if command is not None:
            self._board.emit(command)
        return command is not None

    # -------------------------------------------------------------- end

    def hang_up(self, reason: str | None = None) -> None:
        """Ask the SIP room to end this leg in whatever state it is; `LegEnded` will follow."""
        if self.alive:
            self._board.emit(Hangup(self.id, reason))

    def ended(self, now: float) -> None:
        assert self.alive, "a leg ends once"
        self.alive = False
        self.playback = None
        self.facts.ended_at = now
        self.facts.heard_again(now)
        self._board.emit(CloseMediaLeg(self.id))
