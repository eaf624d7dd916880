"""What the call room is configured with: numbers, feature codes, opening hours, the texts of the queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.acd.messages import AcdSettings
from softswitch.acd.rules import Condition, Rule
from softswitch.call.dial_settings import DialSettings
from softswitch.call.recording_settings import RecordingPlan
from softswitch.call.speech_settings import SpeechSettings
from softswitch.ids import AgentId, CustomerId, FlowId, QueueId, TrunkId
from softswitch.ivr.messages import Flow, Say, Target
from softswitch.media.messages import MediaSettings
from softswitch.sip.messages import SipSettings


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """A DID: which flow answers. `closed_flow` answers outside `hours` (None: always open)."""

    number: str
    flow: FlowId
    language: str
    hours: str = ""  # id of a calendar
    closed_flow: FlowId | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours of one calendar, local time. `weekly[0]` is Monday: half-open (from, to) minutes of the day.
    `closed_dates` are ISO dates (public holidays and own closing days); `special` overrides a date."""

    id: str
    weekly: tuple[tuple[tuple[int, int], ...], ...]
    closed_dates: frozenset[str] = frozenset()
    special: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueueTexts:
    """What is said in a queue, each with a default in the line's languages. Variables: {agent}, {minutes},
    {time}, {position}."""

    please_wait: Say  # on entry when nobody is free at once
    position: Say  # "You are number {position} in the line."
    choice: Say  # "{agent} is on the phone just now."
    choice_keys: Mapping[str, Target]  # key -> Target(choose="wait" | "colleague" | "call_back")
    wait_for_agent: Say  # "I keep you in {agent}'s own line."
    call_back_confirmed: Say  # "{agent} calls you back by {time}. Goodbye."
    connecting: Say  # "I connect you with {agent}."
    nobody_there: Say  # spoken before a hang-up, when nothing else follows an overflow
    sorry_gone: Say  # the wait was longer than told: "She is still busy, I connect you with a colleague."
    music: str = ""  # audio file; empty: the built-in melody
    after_overflow: Target = field(default_factory=lambda: Target(hang_up=True))
    # `choice` in parts, "intro" and one for each choice offered, so that one can be left out; empty: own text
    choice_parts: Mapping[str, Say] = field(default_factory=dict)
    wait_between: Say = field(default_factory=Say)  # "You wait between {least} and {most}."; empty: not told
    wait_about: Say = field(default_factory=Say)  # "You wait about {minutes}."
    let_first: LetFirstTexts = field(default_factory=lambda: LetFirstTexts())
    away: Say = field(default_factory=Say)  # "{absent} is away." Her deputy is spoken of next; empty: no deputies
    ways: QueueWays = field(default_factory=lambda: QueueWays())
    call_back_texts: CallBackTexts = field(default_factory=lambda: CallBackTexts())
    tell_agent: Say = field(default_factory=Say)  # before she is connected; empty: nothing. {caller} {waiting}
    tell_agent_seconds: float = 10.0  # at most


CALL_BACK = Target(choose="call_back")  # among the ways of a queue: offer to call him back
LET_FIRST = Target(choose="let_first")  # and: he lets others go first, or takes that back


@dataclass(frozen=True, slots=True)
class QueueWays:
    """Where a caller goes when nobody answers him: by a key of his, or because the queue cannot take him."""

    keys: Mapping[str, Target] = field(default_factory=dict)  # while he waits; also CALL_BACK
    offer_call_back_seconds: float | None = None  # he is told of that key after waiting for this long
    ask_number: bool = False  # his number is read back, and he can key in another one
    numbers: tuple[str, ...] = ()  # how a number that he keys in may begin
    hours: str = ""  # id of a calendar; outside of it `closed`
    closed: Target = field(default_factory=lambda: Target(hang_up=True))
    full: Target | None = None  # None: as `after_overflow`
    nobody: Target | None = None
    rules: tuple[Rule, ...] = ()  # head starts by what is known of a caller
    most_passes: int | None = None  # so often is he passed on from here; after that
    after_passes: Target | None = None
    let_first: LetFirst | None = None


@dataclass(frozen=True, slots=True)
class LetFirst:
    """How a caller who has time lets others go first."""

    key: str
    next_after_seconds: float  # then he is the very next
    call_back: bool = False  # and he is called back, instead of waiting on the line
    when: Condition | None = None  # only callers of whom this is true are asked


@dataclass(frozen=True, slots=True)
class LetFirstTexts:
    """What is said about it. Variables: {minutes}."""

    offer: Say = field(default_factory=Say)
    given: Say = field(default_factory=Say)
    taken_back: Say = field(default_factory=Say)


@dataclass(frozen=True, slots=True)
class CallBackTexts:
    """What is said about call-backs that a queue promises. Variables: {caller}, {time}."""

    offer_call_back: Say = field(default_factory=Say)  # in the line: "To be called back, press 1. ..."
    call_back_offer: Say = field(default_factory=Say)  # out of the line: "... press 1."
    closed: Say = field(default_factory=Say)
    full: Say = field(default_factory=Say)
    number_right: Say = field(default_factory=Say)  # "Your number is {caller}. ..."
    number_other: Say = field(default_factory=Say)
    promised: Say = field(default_factory=Say)  # by {time}
    promised_today: Say = field(default_factory=Say)  # from {time}
    promised_tomorrow: Say = field(default_factory=Say)
    promised_next_day: Say = field(default_factory=Say)
    ask_customer: Say = field(default_factory=Say)  # customer first: "... To talk to us now, press 1."
    customer_hold: Say = field(default_factory=Say)  # and then: "I connect you."
    nobody_after_all: Say = field(default_factory=Say)  # no agent took him: "We call you again. Goodbye."
    machine: str = "treat_as_human"  # customer first, a machine answers: or hang_up, leave_message
    message: Say = field(default_factory=Say)  # for leave_message


@dataclass(frozen=True, slots=True)
class FeatureCodes:
    """What agents dial. Empty: not offered."""

    log_in: str = "*11"
    log_out: str = "*12"
    ready: str = "*13"
    take_break: str = "*14"
    pass_on: str = "*15"  # followed by the code of a department
    pass_and_back: str = "*16"  # the same, for a question: then he comes back to her
    outbound: str = "*17"
    more_time: str = "*18"
    listen: str = "*20"  # followed by the extension of an agent
    whisper: str = "*21"
    barge: str = "*22"


@dataclass(frozen=True, slots=True)
class AgentVoice:
    """How an agent is spoken of and reached."""

    spoken_name: Say
    extension: str
    auto_answer: str = "never"  # how her phone is told to pick up by itself: see `call.auto_answer`


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which a person is away, both included: ISO dates."""

    agent: AgentId
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Customer:
    """What we know of a customer by his id."""

    banker: AgentId | None = None
    segment: str = ""


@dataclass(frozen=True, slots=True)
class LineTexts:
    """Short texts of the line itself: errors and feature-code confirmations."""

    wrong_key: Say
    no_input: Say
    logged_in: Say
    logged_out: Say
    now_ready: Say
    on_break: Say
    call_back_intro: Say  # to the agent before we dial the customer: "Call-back."
    goodbye: Say
    call_back_here: Say = field(default_factory=Say)  # to the agent, when the customer was called first
    passed_on: Say = field(default_factory=Say)
    passed_and_back: Say = field(default_factory=Say)
    now_outbound: Say = field(default_factory=Say)
    more_time: Say = field(default_factory=Say)
    not_possible: Say = field(default_factory=Say)  # a code that cannot be obeyed now
    overloaded: Say = field(default_factory=Say)  # to a caller for whom there is no room
    call_again: Say = field(default_factory=Say)


@dataclass(frozen=True, slots=True)
class OverloadSettings:
    """When no more callers are let in, and what they are told."""

    calls: int | None = None  # callers at a time; None: as many as there are ports for
    lines: int = 0  # so many more at a time are told so by a voice; the others get 503
    queue: QueueId | None = None  # whose people call them back
    always: tuple[str, ...] = ()  # numbers whose callers are let in while there is a port


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """Who may transfer callers, and forward her phone, to where: "extensions", "departments", "outside"."""

    to: tuple[str, ...] = ("extensions", "departments")
    agents: Mapping[AgentId, tuple[str, ...]] = field(default_factory=dict)  # instead of `to`, for these
    trunk: TrunkId | None = None  # None: as for call-backs
    ring_seconds: float = 30.0  # then the transfer has failed

    def may(self, agent: AgentId, kind: str) -> bool:
        return kind in self.agents.get(agent, self.to)


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """A way out: steps in order, in each step trunks that share the calls by weight. `next_on`: "timeout",
    "unreachable", statuses and classes of them ("503", "5xx") after which the next trunk is tried."""

    id: str
    steps: tuple[tuple[tuple[TrunkId, int], ...], ...]
    next_on: tuple[str, ...] = ("timeout", "unreachable", "408", "500", "502", "503", "504")


@dataclass(frozen=True, slots=True)
class CallSettings:
    name: str
    timezone: str
    languages: tuple[str, ...]
    numbers: Mapping[str, NumberSettings]
    flows: Mapping[FlowId, Flow]
    hours: Mapping[str, Hours]
    queue_texts: Mapping[QueueId, QueueTexts]
    agents: Mapping[str, AgentVoice]  # by AgentId
    codes: FeatureCodes
    texts: LineTexts
    call_back_trunk: TrunkId | None = None  # customers are called back through this trunk
    call_back_caller: str = ""  # number shown to the customer
    call_back_route: RouteSettings | None = None  # instead of the one trunk
    absences: tuple[Absence, ...] = ()
    customers: Mapping[CustomerId, Customer] = field(default_factory=dict)
    departments: Mapping[str, QueueId] = field(default_factory=dict)  # by the code that agents dial
    human: Target = field(default_factory=lambda: Target(hang_up=True))  # where a caller lost in a menu goes
    dialling: DialSettings = field(default_factory=DialSettings)
    overload: OverloadSettings = field(default_factory=OverloadSettings)
    encryption_of_agents: Mapping[str, str] = field(default_factory=dict)  # by AgentId: a word of media.security
    encryption_of_trunks: Mapping[TrunkId, str] = field(default_factory=dict)
    transfers: TransferSettings = field(default_factory=TransferSettings)
    supervised: Mapping[AgentId, frozenset[AgentId]] = field(default_factory=dict)  # by whom -> who
    recording: RecordingPlan | None = None  # None: nothing is recorded


@dataclass(frozen=True, slots=True)
class ListenSettings:
    transport: str  # "udp" | "tcp" | "tls" | "ws" | "wss"
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM; empty: none (`authorities`: those of the system). `phones`: what becomes of a caller's own
    certificate. `unverified`: hosts whose certificate is not looked at."""

    certificate: str = ""
    key: str = field(default="", repr=False)
    authorities: str = ""
    phones: str = "ignore"  # "ignore" | "ask" | "demand"
    unverified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebPhoneSettings:
    """Phones in browsers. `origins` None: every page may connect; empty: pages of the same host and port."""

    origins: tuple[str, ...] | None = ()
    proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For is believed


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """The append-only journal of what the ACD was told."""

    directory: str = ""  # empty: beside the SQLite database
    keep_seconds: float = 14 * 86400.0
    at_most_bytes: int = 1000 * 1000 * 1000  # all files together
    segment_bytes: int = 32 * 1024 * 1024  # then a new file with a snapshot begins
    segment_seconds: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """Copies of all SIP messages go to this collector (HEPv3 over UDP)."""

    host: str
    port: int
    agent: int = 1  # our number there
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SurviveSettings:
    """What goes on when the switch process ends without warning."""

    calls: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """One immutable snapshot of the whole configuration; what `config.load` returns."""

    listen: tuple[ListenSettings, ...]
    http_host: str  # loopback API
    http_port: int
    database_url: str  # sqlite+aiosqlite:///... or postgresql+asyncpg://...
    prompt_cache: str  # directory
    directory: str  # the configuration directory, for relative audio files
    tts: str  # "espeak-ng", "" (none)
    sip: SipSettings
    media: MediaSettings
    acd: AcdSettings
    call: CallSettings
    journal: JournalSettings | None = None  # None: no journal is kept
    mirror: MirrorSettings | None = None
    survive: SurviveSettings = field(default_factory=SurviveSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    web_phones: WebPhoneSettings = field(default_factory=WebPhoneSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    sip_dscp: int = 0  # RFC 2474: the mark of packets of signalling; 0: none
    warnings: tuple[str, ...] = ()  # what works, and probably not as it should; each with its place

    def speaks(self, language: str) -> bool:
        """Is there an engine for texts of this language?"""
        return bool(self.tts) or language in self.speech.voices or language.partition("-")[0] in self.speech.voices

    @property
    def codecs(self) -> tuple[str, ...]:
        """All that a call may have, of the line and of its trunks, once each."""
        trunks = (name for trunk in self.sip.trunks for name in trunk.codecs)
        return tuple(dict.fromkeys((*self.media.codecs, *trunks)))
