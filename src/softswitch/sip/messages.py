"""What goes in and out of the SIP room (`sip.stack.SipStack`).

Events come from the transport shell (`PacketReceived` ...) or are orders of the call room (`StartInvite` ...);
commands go to the transport shell (`Transmit` ...), to the store (`SaveContacts`) or up to the call room
(`InviteReceived` ...). A leg is one INVITE session (RFC 3261 section 13) with its dialog; the call room never
sees transactions, tags, CSeq or retransmissions. Each leg that was announced or started ends in exactly one
`LegEnded`, whatever crosses on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.sip.number_plan import Forwarded as Forwarded
from softswitch.sip.number_plan import NumberPlan
from softswitch.sip.stir_messages import CallerIdentity, StirPolicy, StirSettings

# ------------------------------------------------------------------ the wire


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to a peer. `connection` is 0 for UDP, else the shell's number of the connection (`-1`: not connected
    yet, the shell connects to `remote` first). `peer_names`: whom the peer's verified certificate names.
    `server_name`: whom it has to name when the shell connects over TLS; empty: the address."""

    transport: str  # "udp" | "tcp" | "tls" | "ws" | "wss"
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0
    peer_names: tuple[str, ...] = field(default=(), compare=False)
    server_name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PacketReceived:
    """One UDP datagram, or one message of a WebSocket: a SIP message, whole."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamReceived:
    """Bytes of a TCP or TLS connection, cut anywhere."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamClosed:
    flow: Flow


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """The shell could not send to this flow (ICMP unreachable, connection refused)."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class LoadChanged:
    """The switch falls behind its receive queue (or has caught up): new calls get 503 + Retry-After meanwhile,
    calls that exist are served as always. `stopping`: the reason is an orderly stop, which is no alarm."""

    overloaded: bool
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Transmit:
    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class CloseStream:
    flow: Flow


# ------------------------------------------------------------------ legs: stack -> call room


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sends this INVITE, as proven: a trunk by its address, or an agent by digest. Never by From."""

    trunk: TrunkId | None = None
    agent: AgentId | None = None


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A new incoming call, already checked and authenticated; 100 is sent. `dialled` is the user part of the
    request URI; `caller` the asserted number (PAI, RPID or From of a trunk; the extension of an agent). Both are in
    our form; as the trunk wrote them they stand in `dialled_as_sent` and `caller_as_sent`. `private`: the number is
    known, and is shown to nobody. `forwarded`: who forwarded this call, the last one first."""

    leg: LegId
    origin: Origin
    dialled: str
    caller: str
    caller_name: str
    sdp: bytes | None
    flow: Flow
    hops: int = 70  # Max-Forwards: what a call that goes on for this one may still use up, less one
    identity: CallerIdentity | None = None  # None: this trunk's callers are not checked
    replaces: LegId | None = None  # an answered leg of the same agent, which this call takes the place of (RFC 3891)
    private: bool = False
    forwarded: tuple[Forwarded, ...] = ()
    dialled_as_sent: str = ""
    caller_as_sent: str = ""


@dataclass(frozen=True, slots=True)
class AckReceived:
    """Our 2xx is acknowledged (first ACK only). `sdp` is set for a late offer's answer."""

    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class InviteProgressed:
    """18x on an outgoing leg; `sdp` when it carries early media."""

    leg: LegId
    status: int
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class InviteAnswered:
    """First 2xx on an outgoing leg; the ACK is sent already."""

    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """The peer re-INVITEs (hold, resume, codec or address change). Answer with `AnswerOffer`. `sdp` None asks
    us for an offer."""

    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """Final answer to our own re-INVITE; `sdp` None when it was refused."""

    leg: LegId
    status: int
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class InfoDigitReceived:
    """A digit by SIP INFO (application/dtmf-relay or application/dtmf)."""

    leg: LegId
    digit: str


class EndedBy(Enum):
    PEER = "peer"  # BYE, CANCEL or a final error from the other side
    US = "us"  # our Hangup / Reject
    TIMEOUT = "timeout"  # timer B/F, lost ACK
    TRANSPORT = "transport"  # unreachable


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is over on the wire (as far as the call room must care). `status` is the final SIP status of the
    INVITE when it never was answered (486, 408, 487 ...), 200 after a conversation. `cause` is Q.850 from a
    Reason header, or None."""

    leg: LegId
    by: EndedBy
    status: int
    cause: int | None = None
    moved_to: str = ""  # of a 3xx: the number of its first Contact, where that is in our domain (or a tel: URI)
    moved_trunk: TrunkId | None = None  # of a trunk's 3xx: `moved_to` is behind this one, as it may say


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """An agent's phone asks to transfer the other side of this leg (RFC 3515): to `number`, or, attended, to the other
    side of her leg `replaces`. Answered with `AnswerRefer`, then told how it goes with `ReferProgressed`."""

    leg: LegId
    number: str
    replaces: LegId | None = None


# ------------------------------------------------------------------ legs: call room -> stack


@dataclass(frozen=True, slots=True)
class RespondProvisional:
    """180/183 on an incoming leg."""

    leg: LegId
    status: int
    sdp: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """200 OK to an incoming INVITE."""

    leg: LegId
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Reject:
    """Final error to an incoming INVITE. `retry_after_seconds` adds Retry-After; `cause` adds Reason: Q.850."""

    leg: LegId
    status: int
    retry_after_seconds: int | None = None
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class StartInvite:
    """Call out: to `target` (a contact of an agent, or sip:number@trunk, `trunk` then) over `flow` when it is known (a
    registered contact's flow), else to where the URI's host literal says. `caller` is the number or extension
    shown in From (and P-Asserted-Identity); `private` hides it from whoever is not trusted. `path`: the routes of a
    registered contact; `forwarded`: who forwarded this call to us before."""

    leg: LegId
    target: str
    flow: Flow | None
    caller: str
    caller_name: str
    sdp: bytes
    headers: tuple[tuple[str, str], ...] = ()
    hops: int = 70  # Max-Forwards; a call placed for another one hands on what that one has left, less one
    agent: AgentId | None = None  # whose phone this rings
    path: tuple[str, ...] = ()
    private: bool = False
    forwarded: tuple[Forwarded, ...] = ()
    trunk: TrunkId | None = None
    answer_within: float = 0.0  # seconds until the first response; 0: as long as a transaction lives


@dataclass(frozen=True, slots=True)
class SendOffer:
    """re-INVITE from us."""

    leg: LegId
    sdp: bytes


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """Answer to `OfferReceived`: 200 with `sdp`, or an error status (488)."""

    leg: LegId
    status: int
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class AnswerRefer:
    """202, or why not (403, 404, 603 ...)."""

    leg: LegId
    status: int


@dataclass(frozen=True, slots=True)
class ReferProgressed:
    """What the phone is told of the transfer it asked for; a final status ends the subscription."""

    leg: LegId
    status: int


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the leg in whatever state it is: CANCEL while ringing (or BYE after a crossing 200), BYE when
    answered, 487/480 when incoming and unanswered. Idempotent. `reason` becomes the Reason header, as
    'SIP;cause=200;text="Call completed elsewhere"' or 'Q.850;cause=16'."""

    leg: LegId
    reason: str | None = None


# ------------------------------------------------------------------ registrar


@dataclass(frozen=True, slots=True)
class ContactBinding:
    """One registered contact of an agent (RFC 3261 10.3). `expires_at` is monotonic seconds."""

    agent: AgentId
    uri: str
    flow: Flow
    call_id: str
    cseq: int
    expires_at: float
    q: float = 1.0
    user_agent: str = ""
    path: tuple[str, ...] = ()  # RFC 3327: the proxies between, as routes of requests to it
    instance: str = ""  # RFC 5626: the phone, whichever contact it registers
    reg_id: int = 0  # and which of its flows; 0: it has one


@dataclass(frozen=True, slots=True)
class SaveContacts:
    """Make this agent's contact list durable, then answer with `ContactsSaved(token, ok)`; the 200 to the
    phone waits for it (503 when it failed or took longer than a second)."""

    token: int
    agent: AgentId
    contacts: tuple[ContactBinding, ...]


@dataclass(frozen=True, slots=True)
class ContactsSaved:
    token: int
    ok: bool


@dataclass(frozen=True, slots=True)
class ContactsRestored:
    """At start: what the store remembered, `expires_at` already converted to monotonic seconds."""

    contacts: tuple[ContactBinding, ...]


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    """The live contacts of an agent changed: a new or refreshed one, one less (also by expiry). Empty: not
    registered."""

    agent: AgentId
    contacts: tuple[ContactBinding, ...]


@dataclass(frozen=True, slots=True)
class PhoneAnswering:
    """None of an agent's registered phones answers OPTIONS any more, or one does again. Registrations stay."""

    agent: AgentId
    answering: bool


@dataclass(frozen=True, slots=True)
class TrunkAnswering:
    """A trunk answers OPTIONS no more, or again."""

    trunk: TrunkId
    answering: bool


@dataclass(frozen=True, slots=True)
class LampLit:
    """The state of what a phone watches: of an agent "presence" (`word` and `reason` of her state) or "message-summary"
    (`count` call-backs she has promised), of a "queue" the `count` of those who wait."""

    kind: str
    name: str
    word: str = ""
    reason: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class WatchChanged:
    """The first phone watches this, or the last one has ceased: answered with `LampLit`, again at each change."""

    kind: str
    name: str
    watched: bool


@dataclass(frozen=True, slots=True)
class LeaveCarriers:
    """The switch stops: our registrations at carriers are taken back. Answered with `CarriersLeft`."""


@dataclass(frozen=True, slots=True)
class CarriersLeft:
    """None is left; or the carriers that are do not answer."""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One structured security event: 'auth_failed', 'unknown_trunk', 'nonce_replayed', 'malformed', ..."""

    kind: str
    source: tuple[str, int]
    account: str = ""
    detail: str = ""


# ------------------------------------------------------------------ settings


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """A PSTN gateway. `networks` are CIDR strings whose packets are this trunk; `host`/`port` is where we call."""

    id: TrunkId
    networks: tuple[str, ...]
    host: str = ""
    port: int = 5060
    transport: str = "udp"
    max_calls: int = 200
    username: str = ""  # with which this carrier's challenges are answered; nobody else's are
    password: str = field(default="", repr=False)
    realm: str = ""
    register: bool = False  # register there with this name
    tls_verify: bool = True  # its certificate has to name `host`
    demands: tuple[str, ...] = ()  # extensions a caller must know ("timer", "100rel"), else 421
    stir: StirPolicy | None = None  # None: identities of its callers are not looked at
    names: tuple[str, ...] = ()  # names of certificates: a TLS connection that proves one of them is this trunk
    trusted: bool = True  # its P-Asserted-Identity is believed, and it is told who calls also where that is private
    numbers: NumberPlan | None = None  # None: numbers go through as they are written
    forwarding: str = ""  # how it is told who forwarded a call: "diversion", "history-info"; empty: not at all
    calls_per_second: float = 0.0  # new calls, each direction; 0: as many as come
    codecs: tuple[str, ...] = ()  # the preferred one first; empty: those of the line
    ring_seconds: float = 0.0  # its callers hear the ringing tone for so long before they are answered
    early_media: bool = False  # our own tone (183), not that of the caller's exchange (180)
    redirects: tuple[TrunkId, ...] = ()  # its 3xx may send a call to these


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What an agent's phone registers with, or a trunk that logs in for each call. Only the two HA1 =
    H(username:realm:password) are kept."""

    agent: AgentId
    username: str
    extension: str
    ha1_md5: str
    ha1_sha256: str
    trunk: TrunkId | None = None


@dataclass(frozen=True, slots=True)
class DefenceSettings:
    """What a single source may send, and when it is no longer heard; see `sip.guard`. Trunks are exempt."""

    enabled: bool = True
    rate_per_second: float = 100.0  # packets of one source
    burst: float = 400.0
    strangers_per_second: float = 400.0  # packets of all sources together that never logged in
    failures: float = 10.0  # wrong logins in quick succession until the source is banned
    failure_decay_seconds: float = 60.0  # one of them is forgotten in this time
    ban_seconds: float = 300.0  # the first ban; doubled each time
    longest_ban_seconds: float = 86_400.0
    scanners: tuple[str, ...] = ()  # more names for `sip.scanners`
    never_ban: tuple[str, ...] = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class LampSettings:
    """Whom agents may watch (RFC 6665): "everybody", "team" (see `mates`) or "nobody"."""

    who: str = "everybody"
    mates: Mapping[AgentId, tuple[AgentId, ...]] = field(default_factory=dict)
    numbers: bool = False  # with the numbers of those who call
    queues: tuple[str, ...] = ()  # that can be watched like an extension


@dataclass(frozen=True, slots=True)
class SipSettings:
    realm: str  # digest realm and our own domain name
    domains: tuple[str, ...]  # host names and addresses that are "us" in a request URI
    trunks: tuple[TrunkSettings, ...] = ()
    accounts: tuple[AccountSettings, ...] = ()
    nonce_secret: bytes = b""
    min_expires_seconds: int = 60
    max_expires_seconds: int = 3600
    max_contacts: int = 5
    t1_seconds: float = 0.5
    t2_seconds: float = 4.0
    t4_seconds: float = 5.0
    max_message_bytes: int = 65535
    max_transactions: int = 100_000
    max_sessions: int = 10_000  # INVITE sessions; above it 503 + Retry-After
    session_expires_seconds: int = 600  # RFC 4028: a session that nobody refreshes for so long ends; 0: off
    min_session_seconds: int = 90  # shorter wishes get 422
    name_servers: tuple[tuple[str, int], ...] = ()  # empty: those of this machine
    qualify_seconds: float = 0.0  # OPTIONS to phones and trunks at this period; 0: never
    defence: DefenceSettings = field(default_factory=DefenceSettings)
    stir: StirSettings = field(default_factory=StirSettings)
    lamps: LampSettings = field(default_factory=LampSettings)
    local_flows: tuple[Flow, ...] = field(default=())  # our listening addresses, remote = ("", 0)
