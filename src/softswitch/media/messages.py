"""What the switch and the media process say to each other, and the prompt words of both.

The switch leases ports before it needs them: the media process keeps a stock of bound sockets and says so in
`PortsLeased`; an SDP answer therefore never waits for a round trip. Everything else is fire and forget, in order,
over one Unix stream socket (msgpack arrays, see `media.control`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from softswitch.ids import LegId, PlaybackId

SETUP_SECONDS = 15.0  # that keys by DTLS may take

# ------------------------------------------------------------------ switch -> media process


@dataclass(frozen=True, slots=True)
class OpenMediaLeg:
    """Use a leased local RTP port for this leg. Nothing is sent until `SetRemote`. `ip6`: on the IPv6 address of the
    media process, which has the same port there."""

    leg: LegId
    port: int
    ip6: bool = False


@dataclass(frozen=True, slots=True)
class SetRemote:
    """Where the peer wants RTP (from its SDP) and which payload types were agreed. `dtmf_type` -1: none.
    `send` False: peer is on hold (sendonly/inactive), we stay silent. `receive` False: drop what comes.
    May be repeated (re-INVITE); resets latching to the new address."""

    leg: LegId
    host: str
    port: int
    payload_type: int
    dtmf_type: int
    send: bool = True
    receive: bool = True
    codec: str = ""  # a name of `media.codecs.CODECS`; empty: that of the static payload type
    dtmf_clock: int = 8000  # of the agreed telephone events; browsers have 48000 beside Opus
    comfort_type: int = -1  # RFC 3389 comfort noise; -1: none
    rtcp_port: int = 0  # of the peer; that of the audio: both come there (RFC 5761); 0: none
    # RFC 3264 5.1: each side says by which numbers it wants to be sent to. `payload_type` and `dtmf_type` are the
    # peer's; these are ours, by which he sends. -1: the same
    heard_type: int = -1
    heard_dtmf: int = -1

    @property
    def comes_as(self) -> int:
        """The payload type of audio that comes from the peer."""
        return self.heard_type if self.heard_type >= 0 else self.payload_type

    @property
    def digits_come_as(self) -> int:
        return self.heard_dtmf if self.heard_dtmf >= 0 else self.dtmf_type


@dataclass(frozen=True, slots=True)
class SetKeys:
    """From now on this leg is encrypted (SRTP) with these master keys and salts, ours for what is sent, the peer's for
    what comes. Comes before its `SetRemote`; a direction whose key stays the same goes on undisturbed."""

    leg: LegId
    suite: str  # of `media.sdes.SUITES`
    ours: bytes = field(repr=False)
    theirs: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartDtls:
    """From now on this leg is encrypted with keys agreed by DTLS, which begins as soon as the peer's way is known.
    `fingerprint` is that of his certificate, "sha-256 AB:CD:..."; `ufrag` empty: there is no ICE, he is where
    `SetRemote` says. Comes before its `SetRemote`; sent again with another ufrag it is an ICE restart. Answered by
    `MediaSecured`, or the leg fails."""

    leg: LegId
    active: bool  # we are the DTLS client
    fingerprint: str
    ufrag: str
    password: str = field(repr=False)
    peer_ufrag: str
    patience: float = SETUP_SECONDS  # until the peer is heard for the first time; then he has `SETUP_SECONDS`
    reports: bool = True  # RTCP goes both ways on the port of the audio (RFC 5761)


@dataclass(frozen=True, slots=True)
class Play:
    """Play prompts (keys of the prompt catalogue, one after another without gap) to this leg, replacing whatever
    it plays now. `loops` 0: until stopped (music). Digits do not stop it: the call room decides. While a leg is
    bridged, playing replaces the peer's audio. Ends in `PlaybackEnded`."""

    leg: LegId
    playback: PlaybackId
    prompts: tuple[str, ...]
    loops: int = 1


@dataclass(frozen=True, slots=True)
class PlayMusic:
    """Play these pieces to this leg, one after another for ever, until something else is played or it is stopped. The
    same `music` goes on where this leg heard it last. Ends in `PlaybackEnded`."""

    leg: LegId
    playback: PlaybackId
    music: str
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopPlay:
    leg: LegId


@dataclass(frozen=True, slots=True)
class Bridge:
    """Relay RTP between the two legs, both ways (payload untouched, or translated u-law <-> A-law)."""

    leg: LegId
    peer: LegId


@dataclass(frozen=True, slots=True)
class Unbridge:
    leg: LegId


@dataclass(frozen=True, slots=True)
class CloseMediaLeg:
    """Idempotent. The port returns to the stock; answered by `MediaLegClosed` with the leg's counters."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Claim:
    """The first message of a connection to a media process that outlives its switch: `fingerprint` stands for what it
    was started with and for the language of both sides. Answered by `Claimed`; from then on it is ours alone."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class AdoptLegs:
    """After `AllLegsFound` of these ports: these legs go on; the media process closes the others. Never sent, it closes
    all that were found after a while."""

    legs: tuple[int, ...]
    port_first: int = 0
    port_last: int = 65535


@dataclass(frozen=True, slots=True)
class Finish:
    """The switch stops: end at once, whatever grace was agreed."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by `Pong` in the same round of the media process; one that does not answer hangs."""

    number: int


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Press these keys for the peer, one after another, after those that are still being pressed: 0-9 * # A-D, and a
    comma for a pause. As events (RFC 4733) where they were agreed, else as tones, in place of what he hears."""

    leg: LegId
    digits: str
    press_ms: int = 100
    pause_ms: int = 100  # between two keys
    comma_ms: int = 1000


@dataclass(frozen=True, slots=True)
class ListenForKeys:
    """Take tones of keys out of the sound of this leg while it is not bridged, or stop doing so."""

    leg: LegId
    on: bool = True


@dataclass(frozen=True, slots=True)
class WatchAnswer:
    """Listen to what the called side sends: `ToneHeard` for tones of the network (by the habits of this country, and
    such as all have); once it is `answered`, `AnsweredBy` exactly once, and after a machine `GreetingOver`."""

    leg: LegId
    country: str  # ISO 3166, like EE; empty: what most countries have
    answered: bool = False
    on: bool = True


@dataclass(frozen=True, slots=True)
class SetUpCoders:
    """Codecs that calls may have: what they need is loaded now, and not in the middle of the first call. Sent before
    the first leg."""

    codecs: tuple[str, ...]


# ------------------------------------------------------------------ recording: switch -> media process


@dataclass(frozen=True, slots=True)
class SetUpRecording:
    """Where recordings go, and what they are sealed with. Sent before the first leg, and again when it changes; counts
    for what begins from then on."""

    directory: str
    keys: tuple[str, ...] = field(repr=False)  # "id:hexadecimal" each
    use: str  # id of the key that seals what is new; empty: nothing is sealed
    free_megabytes: int  # that are left free
    format: str


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record what this leg hears us say and what we hear from it, until `StopRecording` or the end of the leg. A leg
    that is recorded already goes on so. Ends in `RecordingEnded`."""

    leg: LegId
    recording: int
    interaction: int
    caller: str
    dialled: str
    by: str = ""
    reason: str = ""
    format: str = ""  # empty: that of the setup


@dataclass(frozen=True, slots=True)
class StopRecording:
    leg: LegId
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """On: what is said is not recorded, until off."""

    leg: LegId
    on: bool
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MaskRecording:
    """The same for what must not be recorded (card data); one does not end the other. `lingers`: off only after so many
    seconds, for a key that still sounds. `since`: on since so many seconds, for a key that sounded before."""

    leg: LegId
    on: bool
    by: str = ""
    reason: str = ""
    lingers: float = 0.0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class MarkRecording:
    """Something happened at this moment: "agent" anna, "queue" loans, "held", "transferred" ..."""

    leg: LegId
    mark: str
    detail: str = ""


# ------------------------------------------------------------------ recording: media process -> switch


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """It is a file now; `line` is its line of the manifest (JSON)."""

    recording: int
    line: str


@dataclass(frozen=True, slots=True)
class RecordingProblem:
    """What keeps recordings from being written: `what` is disk, writer, file or start; `recording` 0: all of them.
    An empty `detail`: it is over."""

    recording: int
    what: str
    detail: str


# ------------------------------------------------------------------ media process -> switch


@dataclass(frozen=True, slots=True)
class Claimed:
    """`fits` False: it was started with something else, is of no use, and ends."""

    fits: bool


class FoundLeg(NamedTuple):
    """A leg that a media process carried while nobody told it anything."""

    leg: int
    port: int
    peer: int  # bridged with; 0: nobody
    playback: int  # that plays still; 0: nothing
    packets_in: int
    packets_out: int
    host: str  # where the peer was told to be by `SetRemote`; "": not yet
    remote_port: int
    send: bool = True  # as `SetRemote` said last, like the next two
    receive: bool = True
    payload_type: int = -1


@dataclass(frozen=True, slots=True)
class LegsFound:
    """Legs that a media process has carried over, a part of them at a time. They come before its first `PortsLeased`,
    and end with `AllLegsFound`, which a media process without any says as well."""

    legs: tuple[FoundLeg, ...]


@dataclass(frozen=True, slots=True)
class AllLegsFound:
    """Everything there is in the media process of these ports has been told: it is ready. Whoever knows legs with a
    port of this range that were not among them has to bring them up anew. Answered with `AdoptLegs`. What happened
    meanwhile (digits, ends of prompts) is told after that."""

    port_first: int = 0
    port_last: int = 65535


@dataclass(frozen=True, slots=True)
class Pong:
    number: int


@dataclass(frozen=True, slots=True)
class MediaSaid:
    """A line for the log."""

    level: int  # of `logging`
    text: str


@dataclass(frozen=True, slots=True)
class PortsLeased:
    """More bound ports for the switch to use, each exactly once."""

    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DtlsOffered:
    """The fingerprint of this media process's certificate, for our descriptions of the ports of its range. Comes
    before the first `PortsLeased`; without it there is no DTLS."""

    fingerprint: str
    port_first: int = 0
    port_last: int = 65535


@dataclass(frozen=True, slots=True)
class MediaSecured:
    """The DTLS handshake of this leg is done; `suite` is what the packets are encrypted with."""

    leg: LegId
    suite: str


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """`finished` False: it was replaced or stopped, or a prompt was missing."""

    leg: LegId
    playback: PlaybackId
    finished: bool


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """One key press, once, at its end (or when the next one begins)."""

    leg: LegId
    digit: str
    duration_ms: int
    way: str = "rtp"  # RFC 4733; "tone": heard in the sound


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """A tone of the network or of a machine: ringback, busy, congestion, unobtainable, fax. Told when it begins to be
    sure, and again only after another one."""

    leg: LegId
    tone: str


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    """Who it is that answered: human, machine, fax, or unknown when it could not be told in time."""

    leg: LegId
    who: str
    after_ms: int  # since `WatchAnswer` said that it was answered


@dataclass(frozen=True, slots=True)
class GreetingOver:
    """The machine has said what it says, and records now. `beep`: it said so, else it has fallen silent."""

    leg: LegId
    beep: bool


@dataclass(frozen=True, slots=True)
class RtpSilent:
    """Nothing received on this leg for so long although it should be sending. Comes again each time the configured
    time has gone by, until something is heard (`RtpHeard`)."""

    leg: LegId
    seconds: float


@dataclass(frozen=True, slots=True)
class RtpHeard:
    """A leg that was said to be silent is heard again, or has no need to be heard any more (hold); it was silent for so
    long."""

    leg: LegId
    seconds: float


@dataclass(frozen=True, slots=True)
class MediaLegClosed:
    leg: LegId
    packets_in: int
    packets_out: int
    packets_dropped: int  # wrong source, wrong payload type, malformed
    loss_percent: float = 0.0  # of what came from the peer, as seen here
    jitter_ms: float = 0.0  # at its worst
    mos: float = 0.0  # estimated by the E-model (G.107), 1 to 4.4; 0: too little was heard
    round_trip_ms: float = 0.0  # as the peer's reports (RTCP) tell; 0: he sends none
    peer_loss_percent: float = 0.0  # of what we sent, as the peer reports


@dataclass(frozen=True, slots=True)
class MediaLegFailed:
    """The worker cannot serve this leg (unknown port, socket error)."""

    leg: LegId
    reason: str


@dataclass(frozen=True, slots=True)
class MediaLost:
    """The media process of these ports is gone; every media leg there is dead. A new one is being started: when it is
    ready, `AllLegsFound` says so."""

    port_first: int = 0
    port_last: int = 65535


# ------------------------------------------------------------------ settings


@dataclass(frozen=True, slots=True)
class MediaSettings:
    host: str = "127.0.0.1"  # address in our SDP, and the one RTP sockets bind to
    port_first: int = 20000
    port_last: int = 29999
    silence_seconds: float = 30.0
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    coders: tuple[str, ...] = ()  # codecs of the line and of the trunks together, made ready before the first call
    dtls: bool = False  # keys by DTLS, for browsers
    in_band_digits: str = "auto"  # tones of keys are listened for: auto (where no events were agreed), always, never
    grace_seconds: float = 60.0  # calls go on for so long without the switch; 0: not at all
    workers: int = 1  # media processes; 0: one for each core of the machine but one
    host6: str = ""  # the IPv6 address, for legs whose signalling comes over IPv6; empty: there is none
    dscp: int = 46  # RFC 2474: the mark of packets of audio; 0: none
    silence_alarm_seconds: float = 3.0  # without audio, until it is shown; 0: it is not
    silence_mend: bool = True  # by one re-INVITE
    recording: SetUpRecording | None = None  # None: nothing is recorded
