"""The configuration language: every section and key that ops staff can write.

The loader reads by these declarations, and the schema for editors is made from them.
"""

from __future__ import annotations

from typing import Any

from softswitch.call.recording_settings import RecordRule
from softswitch.config.audio import DSCP, SIP_MARK, MediaDoc
from softswitch.config.calendars import CalendarDoc
from softswitch.config.customers import CUSTOMERS
from softswitch.config.dialling import DiallingDoc
from softswitch.config.flow_language import TARGET, FlowBody, TargetDoc
from softswitch.config.kinds import (
    Flag,
    Keys,
    Levels,
    ListOf,
    MapOf,
    Number,
    OneOf,
    OneOrMore,
    Or,
    Section,
    Text,
    key,
    made,
    section,
)
from softswitch.config.mirror import MirrorDoc
from softswitch.config.music import MUSIC, MusicDoc
from softswitch.config.overload import OverloadDoc
from softswitch.config.phones import AUTO_ANSWER, LampsDoc, TransfersDoc
from softswitch.config.problems import Placed
from softswitch.config.promise_language import (
    AwayDoc,
    CallBackRuleDoc,
    HerLineDoc,
    LetFirstDoc,
    PassesDoc,
    PreviousDoc,
    RuleDoc,
)
from softswitch.config.recording import KEEP, RECORD, RECORDING, RecordingDoc
from softswitch.config.rest import BreakDoc, RelaxDoc, ReliefDoc
from softswitch.config.speech import SpeechDoc
from softswitch.config.stir import STIR_POLICY, StirDoc, StirPolicyDoc
from softswitch.config.strategies import orders
from softswitch.config.supervision import SupervisionDoc
from softswitch.config.survive import SurviveDoc
from softswitch.config.text_language import LineTextsDoc, QueueTextsDoc
from softswitch.config.trunk_language import PEER, SOURCE, RouteDoc, TrunkKeys
from softswitch.config.values import (
    AFTER,
    AGENT_ID,
    API,
    CODE,
    COUNTRY,
    DIALLED,
    DIGITS,
    EVERY,
    EXTENSION,
    HOST,
    HOST_PORT,
    ID,
    LANGUAGE,
    LISTEN,
    MENU_KEY,
    NETWORK,
    NOTHING,
    ORIGIN,
    SAY,
    SECRET,
    SERVICE_LEVEL,
    TIMEZONE,
    USERNAME,
    DatabaseKind,
    HostPort,
    Promise,
    SayDoc,
    Secret,
    Url,
    duration,
)
from softswitch.media.security import Encryption

_SKILLS = MapOf(ID, Number(1, 5))
ENCRYPTION = tuple(each.value for each in Encryption)
TRUNK_ENCRYPTION = tuple(word for word in ENCRYPTION if word != Encryption.BROWSER.value)
WAY = Or({"call_back": made(TargetDoc, NOTHING.place, word=Placed("call_back", NOTHING.place))}, TARGET)

# ------------------------------------------------------------------ line.yaml


@section
class LineDoc(Section):
    """The line as a whole."""

    name: Placed = key(Text("the name of the line"), "the name of the line, as reports and pages show it")
    languages: tuple[Placed, ...] = key(
        ListOf(LANGUAGE, at_least=1), "the languages of the callers; the first one is used where a text lacks another"
    )
    timezone: Placed = key(TIMEZONE, "local time of opening hours and of the times told to callers")
    country: Placed = key(COUNTRY, "whose public holidays count and whose numbers are national, like EE", NOTHING)
    domain: Placed = key(
        HOST, "the name behind the @ with which phones register; by default the media address", NOTHING
    )
    human: Placed = key(ID, "the queue that key 0 of every menu leads to; by default the first queue", NOTHING)
    texts: LineTextsDoc | None = key(
        Keys(LineTextsDoc, "texts"), "texts of the line, where the defaults do not fit", None
    )


@section
class PromptsDoc(Section):
    """How texts become audio."""

    cache: Placed = key(
        Text("a directory"),
        "directory for rendered texts, relative to where the switch is started",
        Placed("var/prompts", NOTHING.place),
    )
    tts: Placed = key(
        OneOf("espeak-ng", "none"),
        "the engine that renders texts; none: only what was rendered before",
        Placed("espeak-ng", NOTHING.place),
    )


@section
class TrunkDoc(TrunkKeys):
    """A gateway to the telephone network. It is known by its addresses, its certificate or its login."""

    from_: tuple[str, ...] = key(
        ListOf(SOURCE, at_least=1), "addresses, networks or names that its calls come from", (), name="from"
    )
    to: HostPort = key(
        PEER, "where our calls to it go, an address or a name; without it no call goes out here", HostPort()
    )
    transport: Placed = key(OneOf("udp", "tcp", "tls"), "how our calls to it travel", Placed("udp", NOTHING.place))
    verify: bool = key(Flag(), "with tls: its certificate has to be valid and to name the host of `to`", True)
    max_calls: int = key(Number(1, 100_000), "more calls at a time, in and out together, are refused", 200)
    username: Placed = key(Text("a name"), "our name at this carrier, when it asks for a login", NOTHING)
    password: Secret | None = key(SECRET, "and the password", None)
    realm: Placed = key(Text("a name"), "the realm it asks for; no other is ever answered", NOTHING)
    register: bool = key(Flag(), "register there, so that its calls find us", False)
    encryption: Placed = key(
        OneOf(*TRUNK_ENCRYPTION), "of its audio, by SRTP: see encrypted-media.md", Placed("none", NOTHING.place)
    )
    require: tuple[Placed, ...] = key(
        ListOf(OneOf("timer", "100rel")), "SIP extensions its calls must know, else 421", ()
    )
    stir: StirPolicyDoc | None = key(STIR_POLICY, "callers' identities are checked; what they need", None)


@section
class NumberDoc(Section):
    """A number that customers dial. It has a flow, or, for the simplest line, a queue and a greeting."""

    flow: Placed = key(ID, "the flow that answers", NOTHING)
    queue: Placed = key(ID, "instead of a flow: straight into this queue", NOTHING)
    say: SayDoc | None = key(SAY, "the greeting before the queue", None)
    language: Placed = key(LANGUAGE, "the language the call begins in; by default the line's first", NOTHING)
    hours: Placed = key(ID, "the calendar; without one the number is always open", NOTHING)
    closed: Placed = key(ID, "the flow that answers outside of these hours", NOTHING)


@section
class CallBackDoc(Section):
    """How customers are called back."""

    trunk: Placed = key(ID, "the trunk; by default the only one with `to`", NOTHING)
    route: Placed = key(ID, "instead of a trunk: a route, with others to go on to", NOTHING)
    show: Placed = key(DIALLED, "our number that the customer sees; by default the first of `numbers`", NOTHING)


@section
class CodesDoc(Section):
    """What agents dial on their phone to change their state. `off`: there is no such code."""

    log_in: str = key(Or({"off": ""}, CODE), "come to work", "*11")
    log_out: str = key(Or({"off": ""}, CODE), "go home", "*12")
    ready: str = key(Or({"off": ""}, CODE), "take calls again after a break, wrap-up, suspension or log-out", "*13")
    take_break: str = key(Or({"off": ""}, CODE), "have a break, at once or after the present call", "*14", name="break")
    pass_on: str = key(
        Or({"off": ""}, CODE), "pass the present caller on, followed by the `code` of a queue: *152", "*15"
    )
    pass_and_back: str = key(Or({"off": ""}, CODE), "the same for a question: then he comes back to her", "*16")
    outbound: str = key(Or({"off": ""}, CODE), "call customers herself, and get no calls of queues", "*17")
    more_time: str = key(Or({"off": ""}, CODE), "more time for notes, as `more_time` of the queue says", "*18")
    listen: str = key(
        Or({"off": ""}, CODE), "supervisors: listen to an agent, followed by her extension: *201001", "*20"
    )
    whisper: str = key(Or({"off": ""}, CODE), "the same, and she hears the supervisor", "*21")
    barge: str = key(Or({"off": ""}, CODE), "the same, and her caller hears him, too", "*22")


@section
class OffersDoc(Section):
    """How calls are offered to agents, in all queues."""

    suspend_after: int = key(
        Number(1, 100), "so many unanswered calls in a row, and no more are offered until she is ready again", 1
    )
    choose_within: float = key(duration(5, 600), "who does not choose for this long goes to a colleague", 60.0)
    refused_again_after: float = key(
        duration(0, 3600), "a caller whom an agent refused is not offered to her again for this long", 60.0
    )


@section
class SipDoc(Section):
    """Limits of the telephone protocol. The defaults fit."""

    nonce_secret: Secret | None = key(SECRET, "signs login challenges; by default new at each start", None)
    min_expires: float = key(duration(1, 86400), "phones register at least for this long", 60.0)
    max_expires: float = key(duration(60, 7 * 86400), "and at most for this long", 3600.0)
    max_contacts: int = key(Number(1, 50), "phones that one agent can register at a time", 5)
    max_calls: int = key(Number(1, 1_000_000), "more call legs at a time are refused", 10_000)
    qualify: Any = key(
        Or({"off": False}, duration(10, 3600)), "phones and trunks are asked so often whether they are there", 60.0
    )
    name_servers: tuple[HostPort, ...] = key(
        ListOf(HOST_PORT), "name servers for trunks that have names; by default those of this machine", ()
    )
    dscp: int = key(DSCP, "how packets of signalling are marked for the network: CS3, AF31, a number, or off", SIP_MARK)
    session_timer: float = key(duration(90, 86400), "a call that the other side cannot confirm so long ends", 600.0)


@section
class TlsDoc(Section):
    """Certificates, for `tls` and `wss`. The files are in PEM and read again when they change."""

    certificate: Placed = key(Text("a path"), "our certificate and those it is signed by, up to the root", NOTHING)
    private_key: Placed = key(Text("a path"), "its key, without a password", NOTHING, name="key")
    authorities: Placed = key(
        Text("a path"), "who signs the certificates that we accept; by default whom this machine trusts", NOTHING
    )
    client_certificates: Placed = key(
        OneOf("ignore", "ask", "demand"),
        "certificates of phones and trunks that connect to us; ask: who has one is known by it",
        Placed("ignore", NOTHING.place),
    )


@section
class WebPhonesDoc(Section):
    """Phones in browsers, which connect to a `ws` or `wss` address."""

    origins: Any = key(
        Or({"any": None}, ListOf(ORIGIN)), "pages whose phones are served; by default those of the same host", ()
    )
    proxies: tuple[str, ...] = key(ListOf(NETWORK), "proxies in front of us, whose X-Forwarded-For is believed", ())


@section
class DefenceDoc(Section):
    """What one address may send before it is no longer heard. Trunks are never limited. `defence: off` lets all in."""

    rate: int = key(Number(1, 100_000), "packets a second from one address; five times as many once it logged in", 100)
    burst: int = key(Number(1, 1_000_000), "so many more at a time", 400)
    strangers: int = key(Number(1, 1_000_000), "packets a second from all who never logged in, together", 400)
    failures: int = key(Number(2, 10_000), "wrong logins in a row until an address is banned", 10)
    forget: float = key(duration(1, 86400), "one wrong login is forgotten after this long", 60.0)
    ban: float = key(duration(1, 30 * 86400), "the first ban; each further one is twice as long", 300.0)
    longest_ban: float = key(duration(1, 30 * 86400), "but never longer", 86400.0)
    scanners: tuple[Placed, ...] = key(ListOf(Text("a name")), "more User-Agent names that are never heard", ())
    never_ban: tuple[str, ...] = key(
        ListOf(NETWORK), "addresses and networks without limits", ("127.0.0.0/8", "::1/128")
    )


@section
class JournalDoc(Section):
    """What the queues were told, for `softswitch why`, `replay` and fault reports. `journal: off` keeps none."""

    directory: Placed = key(
        Text("a directory"), "where its files are; by default `journal` beside the SQLite database", NOTHING
    )
    keep: float = key(duration(3600), "older files are deleted", 14 * 86400.0)
    megabytes: int = key(Number(10, 1_000_000), "so are the oldest, when all together are larger than this", 1000)


# ------------------------------------------------------------------ people.yaml


@section
class AgentDoc(Section):
    """A person who answers calls. Her id never changes; her name may."""

    name: Placed = key(Text("a name"), "her name, as callers hear it and reports show it")
    extension: Placed = key(EXTENSION, "her phone's number")
    password: Secret = key(SECRET, "what her phone registers with")
    username: Placed = key(USERNAME, "the name her phone registers with; by default the extension", NOTHING)
    queues: dict[Placed, int] = key(
        Levels(ID, 1, 9), "the queues she takes calls from; with her level there: { everyday: 1, fraud: 2 }", {}
    )
    skills: dict[Placed, int] = key(_SKILLS, "what she knows, from 1 (a little) to 5 (expert)", {})
    languages: dict[Placed, int] = key(
        MapOf(LANGUAGE, Number(1, 5)), "languages she speaks, from 1 to 5; by default all of the line", {}
    )
    encryption: Placed = key(
        OneOf(*ENCRYPTION),
        "of her phone's audio, by SRTP: see encrypted-media.md; by default none, for a phone on a WebSocket browser",
        NOTHING,
    )
    spoken: SayDoc | None = key(SAY, "how her name is spoken, where the written one is spoken wrongly", None)
    chats: int = key(Number(0, 20), "typed chats at the same time, beside one call", 0)
    chats_during_calls: bool = key(Flag(), "she is offered chats also while she talks, is rung or writes notes", False)
    deputy: Placed = key(AGENT_ID, "who takes her returning callers while she is away or not logged in", NOTHING)
    away: tuple[AwayDoc, ...] = key(
        OneOrMore(Keys(AwayDoc, "away")), "vacations: { from: 2027-07-01, to: 2027-07-21 }, or a list of them", ()
    )
    auto_answer: Placed = key(
        AUTO_ANSWER,
        "her phone picks up by itself: by the header it knows, or by this one",
        Placed("never", NOTHING.place),
    )


@section
class TeamDoc(Section):
    """Agents who work together."""

    agents: tuple[Placed, ...] = key(ListOf(AGENT_ID, at_least=1), "its members")
    supervisor: Placed = key(AGENT_ID, "who leads it", NOTHING)


# ------------------------------------------------------------------ queues.yaml


@section
class StickyDoc(Section):
    """Bring a returning caller back to the person he spoke with last."""

    look_back: float = key(duration(60), "talks before this do not count", 30 * 86400.0)
    counts_as_previous: PreviousDoc | None = key(Keys(PreviousDoc, "counts_as_previous"), "which talks count", None)
    offer: tuple[Placed, ...] = key(
        ListOf(OneOf("wait", "colleague", "call_back"), at_least=1),
        "what the caller can choose when she is busy, by the keys 1, 2, 3 in this order",
        ("wait", "colleague", "call_back"),
    )
    wait_at_most: float = key(duration(1, 7200), "after this he goes to a colleague", 240.0)
    her_line: HerLineDoc | None = key(Keys(HerLineDoc, "her_line"), "limits of one agent's own line", None)
    call_back: CallBackRuleDoc | None = key(Keys(CallBackRuleDoc, "call_back"), "details of the call-back", None)


@section
class WaitingDoc(Section):
    """What a waiting caller hears."""

    music: MusicDoc | None = key(MUSIC, "an audio file, or a folder of them; by default a quiet melody", None)
    say_position: float = key(Or({"never": 0.0}, EVERY), "how often he is told his place in the line", 45.0)
    keys: dict[Placed, TargetDoc] = key(
        MapOf(MENU_KEY, WAY), "ways out of the line: where each key leads; call_back keeps his place", {}
    )
    say_wait: bool = key(Flag(), "and between how many minutes he waits", True)
    let_others_first: LetFirstDoc | None = key(
        Keys(LetFirstDoc, "let_others_first"), "callers who have time are asked to let others go first", None
    )
    offer_call_back: Any = key(
        Or({"never": None}, AFTER),
        "when he is told that he can be called back; key 1 if none is named",
        None,
    )


@section
class QueueDoc(Section):
    """A waiting line with the people who serve it."""

    name: Placed = key(Text("a name"), "as reports and pages show it; by default the id", NOTHING)
    code: Placed = key(DIGITS, "what agents dial behind `pass_on` to pass a caller on to it", NOTHING)
    skills: dict[Placed, int] = key(_SKILLS, "only agents with these skills, at least at this level", {})
    prefer: dict[Placed, int] = key(
        MapOf(ID, Number(1, 100)),
        "skills that are good to have, with weights: who has most of it is rung first",
        {},
    )
    relax: tuple[RelaxDoc, ...] = key(ListOf(Keys(RelaxDoc, "relax")), "what is asked less after a while", ())
    order: Placed = key(OneOf(*orders()), "whom to ring first", Placed("longest-idle", NOTHING.place))
    ring_at_once: int = key(
        Or({"all": 0}, Number(1, 100)), "how many agents are rung together; the first answer wins", 1
    )
    next_level: Any = key(
        Or({"when_busy": None}, duration(1, 3600)),
        "when agents of the next level are rung: those before are all busy, or so long after the caller came",
        None,
    )
    weight: int = key(
        Number(1, 100), "for agents of several queues: a second of waiting here counts as so many elsewhere", 1
    )
    suspend_after: Any = key(
        Or({"never": 0}, Number(1, 100)), "unanswered calls in a row, as in `offers`; never: passed over only", None
    )
    more_time: float = key(duration(0, 3600), "by which a wrap-up gets longer when she asks, at most three times", 30.0)
    service_level: Promise = key(SERVICE_LEVEL, "the promise that reports measure", Promise())
    ring: float = key(duration(3, 180), "an agent's phone rings for this long", 20.0)
    wrap_up: float = key(duration(0, 3600), "time for notes after a talk", 30.0)
    max_wait: float = key(duration(1, 86400), "who has waited for this long goes to `overflow`", 600.0)
    nobody_there: Placed = key(
        OneOf("overflow", "wait", "call_back"),
        "when no agent is logged in; call_back: he can be called back, or goes to `overflow`",
        Placed("overflow", NOTHING.place),
    )
    hours: Placed = key(ID, "the calendar of this queue; by default always open", NOTHING)
    closed: TargetDoc | None = key(
        WAY, "outside of these hours: the next step, or call_back; by default `overflow`", None
    )
    most_waiting: Any = key(
        Or({"no_limit": None}, Number(0, 100_000)), "who comes when so many wait goes to `full`", None
    )
    full: TargetDoc | None = key(WAY, "the next step when the line is full, or call_back; by default `overflow`", None)
    overflow: TargetDoc | None = key(TARGET, "the next step of a caller nobody can take; by default hang up", None)
    usual_talk: float = key(duration(5, 7200), "a talk's length, for estimates before any was measured", 180.0)
    rules: tuple[RuleDoc, ...] = key(ListOf(Keys(RuleDoc, "a rule")), "head starts by what is known of a caller", ())
    passes: PassesDoc | None = key(Keys(PassesDoc, "passes"), "how often a caller of this queue is passed on", None)
    lost_callers: Placed = key(
        OneOf("nothing", "call_back"),
        "call_back: who waited when we lost the call (crash, audio gone) is called back, in order",
        Placed("nothing", NOTHING.place),
    )
    call_back: CallBackRuleDoc | None = key(
        Keys(CallBackRuleDoc, "call_back"), "how this queue calls back; by default as `sticky` says", None
    )
    record: RecordRule | None = key(RECORD, "which talks are recorded; by default none", None)
    keep_recordings: float | None = key(KEEP, "so long are they kept; by default as `recording` says", None)
    sticky: Any = key(Or({"off": False}, Keys(StickyDoc, "sticky")), "back to the same person; on by default", None)
    while_waiting: WaitingDoc | None = key(Keys(WaitingDoc, "while_waiting"), "music and comfort", None)
    tell_agent: SayDoc | None = key(
        SAY, "said to the agent before she is connected, {queue} {caller} {waiting}; by default nothing", None
    )
    tell_agent_at_most: float = key(duration(1, 30), "for so long, or until she presses a key", 10.0)
    texts: QueueTextsDoc | None = key(Keys(QueueTextsDoc, "texts"), "texts, where the defaults do not fit", None)


# ------------------------------------------------------------------ all together


@section
class Document(Section):
    """A configuration: these sections stand in one file or in several, each section once."""

    line: LineDoc = key(Keys(LineDoc, "line"), "the line as a whole")
    listen: tuple[Url, ...] = key(
        ListOf(LISTEN, at_least=1), "where phones and trunks reach us", (Url("udp"), Url("tcp"))
    )
    api: Url = key(API, "where the HTTP interface listens, on this machine only", Url("http", "127.0.0.1", 8060))
    database: Any = key(DatabaseKind(), "what has to survive a restart", "sqlite+aiosqlite:///var/line.db")
    media: MediaDoc | None = key(Keys(MediaDoc, "media"), "audio on the network", None)
    prompts: PromptsDoc | None = key(Keys(PromptsDoc, "prompts"), "how texts become audio", None)
    speech: SpeechDoc | None = key(
        Keys(SpeechDoc, "speech"), "who speaks which language, and how values are told", None
    )
    sip: SipDoc | None = key(Keys(SipDoc, "sip"), "limits of the telephone protocol", None)
    tls: TlsDoc | None = key(Keys(TlsDoc, "tls"), "certificates", None)
    web_phones: WebPhonesDoc | None = key(Keys(WebPhonesDoc, "web_phones"), "phones in browsers", None)
    defence: Any = key(Or({"off": False}, Keys(DefenceDoc, "defence")), "limits for strangers; on by default", None)
    trunks: dict[Placed, TrunkDoc] = key(
        MapOf(ID, Keys(TrunkDoc, "a trunk"), referred=True), "gateways to the telephone network", {}
    )
    routes: dict[Placed, RouteDoc] = key(
        MapOf(ID, Keys(RouteDoc, "a route"), referred=True), "ways out over several trunks", {}
    )
    numbers: dict[Placed, NumberDoc] = key(
        MapOf(DIALLED, Keys(NumberDoc, "a number")), "numbers that customers dial", {}
    )
    call_back: CallBackDoc | None = key(Keys(CallBackDoc, "call_back"), "how customers are called back", None)
    overload: OverloadDoc | None = key(Keys(OverloadDoc, "overload"), "what happens when the house is full", None)
    mirror: MirrorDoc | None = key(Keys(MirrorDoc, "mirror"), "copies of SIP messages to a collector", None)
    survive: SurviveDoc | None = key(Keys(SurviveDoc, "survive"), "what goes on when the switch process ends", None)
    stir: StirDoc | None = key(Keys(StirDoc, "stir"), "who signs callers' numbers (STIR/SHAKEN)", None)
    transfers: TransfersDoc | None = key(Keys(TransfersDoc, "transfers"), "who may transfer callers to where", None)
    supervision: SupervisionDoc | None = key(Keys(SupervisionDoc, "supervision"), "who may be in whose talks", None)
    lamps: LampsDoc | None = key(Keys(LampsDoc, "lamps"), "what the lamps of desk phones show", None)
    dialling: DiallingDoc | None = key(Keys(DiallingDoc, "dialling"), "who may dial what, and how much", None)
    codes: CodesDoc | None = key(Keys(CodesDoc, "codes"), "what agents dial", None)
    offers: OffersDoc | None = key(Keys(OffersDoc, "offers"), "how calls are offered to agents", None)
    breaks: dict[Placed, BreakDoc] = key(
        MapOf(ID, Keys(BreakDoc, "a break")), "limits of breaks, by the reason that agents give", {}
    )
    relief: ReliefDoc | None = key(Keys(ReliefDoc, "relief"), "rest that agents earn; by default none", None)
    recording: RecordingDoc | None = key(RECORDING, "where recordings go; without it nothing is recorded", None)
    journal: Any = key(Or({"off": False}, Keys(JournalDoc, "journal")), "the record of the queues; on by default", None)
    agents: dict[Placed, AgentDoc] = key(MapOf(AGENT_ID, Keys(AgentDoc, "an agent"), referred=True), "who answers", {})
    teams: dict[Placed, TeamDoc] = key(MapOf(ID, Keys(TeamDoc, "a team"), referred=True), "who works together", {})
    customers: Any = key(CUSTOMERS, "a CSV file of customers (customer, banker, segment), or customers by their id", {})
    queues: dict[Placed, QueueDoc] = key(MapOf(ID, Keys(QueueDoc, "a queue"), referred=True), "where callers wait", {})
    hours: dict[Placed, CalendarDoc] = key(
        MapOf(ID, Keys(CalendarDoc, "a calendar"), referred=True), "opening hours", {}
    )
    flows: dict[Placed, FlowBody] = key(
        MapOf(ID, Keys(FlowBody, "a flow"), referred=True), "short flows; longer ones in flows/*.yaml", {}
    )


DOCUMENT = Keys(Document, "the configuration")
