"""What all calls of the room share: settings, prompts, free ports, the agents' contacts, and the outbox.

The board also keeps the register of live legs (who owns which) and turns each ended leg into its CDR line once the
media process has told the leg's packet counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from softswitch.acd.messages import OwnCallBegan, OwnCallEnded, QueueSettings, StickyRule
from softswitch.acd.rules import HISTORY
from softswitch.call.destination import Places
from softswitch.call.dial_permission import DialPermission, Verdict, refused
from softswitch.call.dial_settings import Dialler
from softswitch.call.leg import CallLeg, LegFacts
from softswitch.call.live_speech import LiveSpeech, MakeSpeech, SpeechMade
from softswitch.call.prompts import PromptCatalog
from softswitch.call.recording import Recordings
from softswitch.call.records import CallDetail, DialRestored
from softswitch.call.settings import CallSettings, QueueTexts, Settings
from softswitch.ids import AgentId, IdSource, LegId, PlaybackId, QueueId, TrunkId
from softswitch.ivr.flow import FlowRules, say_segments
from softswitch.ivr.messages import CollectStep, Flow, Say, Segment, SetStep
from softswitch.media.messages import MediaLegClosed, MediaSettings
from softswitch.media.ports import PortStock
from softswitch.media.sdes import RandomBytes
from softswitch.media.security import Encryption
from softswitch.sip.causes import cause_of_status
from softswitch.sip.messages import ContactBinding, EndedBy, LegEnded, TrunkSettings

if TYPE_CHECKING:
    from softswitch.call.talk import Talk

WallClock = Callable[[float], float]  # monotonic seconds -> seconds since 1970
LocalTime = Callable[[float], datetime]  # seconds since 1970 -> the line's local time


class LegOwner(Protocol):
    """Who hears what happens to a leg: a caller's session, a ring attempt, a bridge ..."""

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None: ...
    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None: ...


class WaysOut(Protocol):
    """The trunks for numbers outside that agents want (`call.routes`)."""

    def plan_of_agents(self) -> list[TrunkSettings]: ...
    def goes_on_of_agents(self, ended: LegEnded) -> bool: ...
    def redirected(self, ended: LegEnded) -> TrunkSettings | None: ...


class _NoWays:
    def plan_of_agents(self) -> list[TrunkSettings]:
        return []

    def goes_on_of_agents(self, ended: LegEnded) -> bool:
        return False

    def redirected(self, ended: LegEnded) -> TrunkSettings | None:
        return None


class Floor(Protocol):
    """Who is told of talks that begin and end (`call.supervision`)."""

    def began(self, talk: Talk, now: float) -> None: ...
    def over(self, talk: Talk, now: float) -> None: ...


class _NoFloor:
    def began(self, talk: Talk, now: float) -> None: ...
    def over(self, talk: Talk, now: float) -> None: ...


def _no_alarm(timed: Any) -> None:
    """Until the core says who minds deadlines."""


def _no_bringer(leg: CallLeg, to: CallLeg) -> None:
    raise AssertionError("there is one media process only")


@dataclass(slots=True)
class _Books:
    """`closing`: ended legs that wait for their packet counts; `own_calls`: those that agents placed themselves or that
    colleagues place to them; `alarm` is told of objects whose deadline has changed."""

    speech: LiveSpeech
    recordings: Recordings
    closing: dict[LegId, tuple[int, CallDetail]] = field(default_factory=dict)  # with their ports
    own_calls: dict[LegId, AgentId] = field(default_factory=dict)
    alarm: Callable[[Any], None] = _no_alarm
    bring: Callable[[CallLeg, CallLeg], None] = _no_bringer
    ways: WaysOut = field(default_factory=_NoWays)
    floor: Floor = field(default_factory=_NoFloor)


class LineFacts:
    """The immutable side of the board, derived once from the settings."""

    __slots__ = (
        "asks_history",
        "asks_owner",
        "call",
        "collected",
        "flow_rules",
        "local_time",
        "media",
        "places",
        "queues",
        "speaking",
        "sticky_everywhere",
        "wall",
    )

    def __init__(self, settings: Settings, wall: WallClock, local_time: LocalTime) -> None:
        self.call: CallSettings = settings.call
        self.media: MediaSettings = settings.media
        self.queues: Mapping[QueueId, QueueSettings] = {queue.id: queue for queue in settings.acd.queues}
        self.wall = wall
        self.local_time = local_time
        self.speaking = settings.speech, settings.speaks
        self.sticky_everywhere = _same_rule(settings)
        names = [rule.when.names for each in settings.call.queue_texts.values() for rule in each.ways.rules]
        self.asks_history = any(each & HISTORY for each in names)  # how often he has called today
        self.asks_owner = any(queue.sticky is not None and queue.sticky.ticket_owner for queue in settings.acd.queues)
        self.collected = collected_names(settings.call.flows.values())
        texts = settings.call.texts
        self.places = Places(settings.call)
        self.flow_rules = FlowRules(settings.call.languages, texts.wrong_key, texts.no_input, settings.call.human)


def collected_names(flows: Iterable[Flow]) -> tuple[str, ...]:
    """What callers can have entered, or flows have set, by its name; never secrets."""
    names: list[str] = []
    for step in (step for flow in flows for step in flow.steps):
        if isinstance(step, CollectStep) and not step.secret:
            names.append(step.name)
        elif isinstance(step, SetStep):
            names.extend(step.values)
    return tuple(dict.fromkeys(names))


def _same_rule(settings: Settings) -> StickyRule | None:
    """The look-back rule shared by all sticky queues (so it can be asked for while the greeting plays), if any."""
    rules = [queue.sticky for queue in settings.acd.queues if queue.sticky is not None]
    if not rules:
        return None
    first = (rules[0].look_back_seconds, rules[0].talked_at_least_seconds)
    same = all((rule.look_back_seconds, rule.talked_at_least_seconds) == first for rule in rules)
    return rules[0] if same else None


def _no_random(size: int) -> bytes:
    raise AssertionError("this line has no source of keys")


class Board:
    """See the module docstring. One per `Calls` core; nothing here outlives it."""

    def __init__(
        self,
        line: LineFacts,
        catalog: PromptCatalog,
        ports: PortStock,
        ids: IdSource,
        random_bytes: RandomBytes | None = None,
    ) -> None:
        self.line = line
        self.ids = ids
        self.random_bytes = random_bytes or _no_random  # of keys: the operating system's, never of a seed
        self._fingerprints: dict[int, str] = {}  # of the media processes' certificates, by their shares of the ports
        self.ports = ports
        self.contacts: dict[AgentId, tuple[ContactBinding, ...]] = {}
        self.outbox: list[Any] = []
        self.missing_prompts = 0
        self.dialling = DialPermission(
            line.call.dialling, line.call.hours.get, lambda at: line.local_time(line.wall(at))
        )
        self._catalog = catalog
        self._legs: dict[LegId, tuple[CallLeg, LegOwner]] = {}
        self._books = _Books(LiveSpeech(*line.speaking), Recordings(line.call.recording, ids, self.emit))

    @property
    def call(self) -> CallSettings:
        return self.line.call

    @property
    def media(self) -> MediaSettings:
        return self.line.media

    @property
    def recordings(self) -> Recordings:
        return self._books.recordings

    def emit(self, command: Any) -> None:
        self.outbox.append(command)

    def texts(self, queue: QueueId) -> QueueTexts:
        return self.line.call.queue_texts[queue]

    def speak(self, say: Say, language: str, values: Mapping[str, str | Say] | None = None) -> tuple[Segment, ...]:
        """The segments of a text in this language (or the line's first one)."""
        return say_segments(say, language, self.line.call.languages, values or {})

    def renew_catalog(self, catalog: PromptCatalog) -> None:
        """From now on these sounds are played."""
        self._catalog = catalog

    def prompt_keys(self, segments: tuple[Segment, ...]) -> tuple[str, ...]:
        keys: list[str] = []
        for segment in segments:
            found = self._catalog.said(segment)
            if not found:
                self.missing_prompts += 1
            keys.extend(prompt.key for prompt in found)
        return tuple(keys)

    def make_speech(self, leg: LegId, playback: PlaybackId, segments: tuple[Segment, ...], loops: int) -> bool:
        """True: a part of this has to be made first; then it is played by `speech_made`."""
        speech = self._books.speech
        wanted = speech.wanted(segments, self._catalog)
        if wanted:
            speech.hold(playback, segments, loops)
            self.emit(MakeSpeech(leg, playback, wanted))
        return bool(wanted)

    def speech_made(self, event: SpeechMade) -> bool:
        """Play what was held; False when nothing is to be heard, so that its playback is over."""
        held = self._books.speech.take(event.playback)
        found = self._legs.get(event.leg)
        if held is None or found is None or found[0].playback != event.playback:
            return True  # something else plays by now
        made = dict(zip(event.segments, event.prompts, strict=True))
        keys: list[str] = []
        for segment in held[0]:
            prompt = made.get(segment)
            keys += (prompt.key,) if prompt is not None else self.prompt_keys((segment,))
        if keys:
            found[0].play_keys(event.playback, tuple(keys), held[1])
        return bool(keys)

    # -------------------------------------------------------------- who may dial what

    def may_dial(
        self, dialler: Dialler, number: str, now: float, through: TrunkId | None = None, source: str = ""
    ) -> Verdict:
        """Asked by everything that places a call, right before it does; a refusal is a security event. Dial
        `Verdict.number`, and tell `dialled` once the call is placed."""
        verdict = self.dialling.may_dial(dialler, number, now, through)
        if not verdict.allowed:
            self.emit(refused(dialler, verdict, number, (source, 0)))
        return verdict

    def dialled(self, leg: LegId, dialler: Dialler, verdict: Verdict, now: float) -> None:
        for event in self.dialling.began(leg, dialler, verdict, now):
            self.emit(event)
        self._keep_dialled(leg)

    def dial_answered(self, leg: LegId, now: float) -> None:
        self.dialling.answered(leg, now)
        self._keep_dialled(leg)

    def _keep_dialled(self, leg: LegId, ended_at: float | None = None) -> None:
        record = self.dialling.record(leg, self.line.wall, ended_at)
        if record is not None:
            self.emit(record)

    def dial_restored(self, event: DialRestored, now: float) -> None:
        # a leg may have ended while the database was read
        event = DialRestored(event.past, event.going_on & self._legs.keys())
        for record in self.dialling.restore(event, self.line.wall(now) - now, now):
            self.emit(record)

    # -------------------------------------------------------------- legs

    def encryption_of(self, trunk: TrunkId | None, agent: AgentId | None, transport: str = "") -> Encryption:
        """What is asked of this peer. A phone on a WebSocket is a browser, unless something else is written."""
        call = self.line.call
        word = call.encryption_of_trunks.get(trunk) if trunk else call.encryption_of_agents.get(agent or "")
        if word:
            return Encryption(word)
        return Encryption.BROWSER if transport in ("ws", "wss") else Encryption.NONE

    def fingerprint_of(self, port: int) -> str:
        """Of the certificate of the media process that has this port; "": it has none."""
        return self._fingerprints.get(self.ports.share(port), "")

    def note_fingerprint(self, port: int, fingerprint: str) -> None:
        self._fingerprints[self.ports.share(port)] = fingerprint

    def open_leg(self, leg: LegId, facts: LegFacts, owner: LegOwner, beside: CallLeg | None = None) -> CallLeg | None:
        """A leg with a media port of its own; None when the stock of ports is used up. `beside`: with whom it will be
        bridged, so that one media process has both."""
        port = self.ports.take(None if beside is None else beside.port)
        if port is None:
            return None
        made = CallLeg(self, leg, port, facts)
        self._legs[leg] = (made, owner)
        return made

    def leg_goes_on(self, leg: LegId, port: int, facts: LegFacts) -> CallLeg:
        """A leg of the process before."""
        self.ports.goes_on(port)
        made = CallLeg(self, leg, port, facts, opens=False)
        self._legs[leg] = (made, NOBODY)
        return made

    def leg_of_agent(self, agent: AgentId | None) -> CallLeg | None:
        """Another call of hers, beside which her next one is placed: she may bring the two together."""
        if agent is None or not self.ports.several:
            return None
        return next((leg for leg, _ in self._legs.values() if leg.facts.party == agent), None)

    def in_one_place(self, leg: CallLeg, *others: CallLeg) -> bool:
        """Are all in the media process of `leg`? Who is not is brought there, and told so by `AudioMoved`."""
        if not self.ports.several:
            return True
        here = self.ports.share(leg.port)
        apart = [other for other in others if self.ports.share(other.port) != here]
        for other in apart:
            self._books.bring(other, leg)
        return not apart

    def set_bringer(self, bring: Callable[[CallLeg, CallLeg], None]) -> None:
        self._books.bring = bring

    def give_leg(self, leg: CallLeg, owner: LegOwner) -> None:
        """From now on `owner` hears what happens to this leg."""
        if leg.alive:
            self._legs[leg.id] = (leg, owner)

    def find_leg(self, leg: LegId) -> tuple[CallLeg, LegOwner] | None:
        return self._legs.get(leg)

    @property
    def leg_count(self) -> int:
        return len(self._legs)

    def live_legs(self) -> tuple[CallLeg, ...]:
        return tuple(leg for leg, _ in self._legs.values())

    def end_leg(self, event: LegEnded, now: float) -> None:
        """The SIP room says that a leg is over: close its audio, keep its CDR, tell its owner."""
        found = self._legs.pop(event.leg, None)
        if found is None:
            return
        leg, owner = found
        leg.ended(now)
        self.ports.ended(leg.port)
        self.recordings.ended(leg.id)
        self._keep_dialled(event.leg, now)
        self.dialling.ended(event.leg, now)
        detail = self._detail(leg, event)
        if leg.has_media:
            self._books.closing[leg.id] = leg.port, detail
        else:
            self.emit(detail)
        owner.leg_ended(leg, event, now)
        self.own_call_over(leg.id)

    def _detail(self, leg: CallLeg, event: LegEnded) -> CallDetail:
        facts, wall = leg.facts, self.line.wall
        assert facts.ended_at is not None
        ours = facts.cause if event.by is EndedBy.US else None
        causes = event.cause, ours, cause_of_status(event.status)
        return CallDetail(
            leg=leg.id,
            interaction=facts.interaction,
            direction=facts.direction,
            party=facts.party,
            caller=facts.caller,
            dialled=facts.dialled,
            began_at=wall(facts.began_at),
            answered_at=None if facts.answered_at is None else wall(facts.answered_at),
            ended_at=wall(facts.ended_at),
            ended_by=event.by.value,
            status=event.status,
            cause=next(each for each in causes if each is not None),
            answered_by=facts.answered_by,
            restarted=facts.restarted,
            codec=leg.remote.codec if leg.remote is not None else "",
            silent_seconds=round(facts.silent_seconds, 1),
        )

    def media_closed(self, event: MediaLegClosed) -> None:
        _, detail = self._books.closing.pop(event.leg, (0, None))
        if detail is not None:
            detail = replace(detail, packets_in=event.packets_in, packets_out=event.packets_out)
            detail = replace(detail, loss_percent=event.loss_percent, jitter_ms=event.jitter_ms, mos=event.mos)
            told = event.round_trip_ms, event.peer_loss_percent
            self.emit(replace(detail, round_trip_ms=told[0], peer_loss_percent=told[1]))

    # -------------------------------------------------------------- calls of the agents' own

    def own_call_began(self, leg: LegId, agent: AgentId) -> None:
        self._books.own_calls[leg] = agent
        self.emit(OwnCallBegan(agent))

    def own_call_over(self, leg: LegId) -> None:
        """This leg is over, or it has become a talk with a caller."""
        agent = self._books.own_calls.pop(leg, None)
        if agent is not None and agent not in self._books.own_calls.values():
            self.emit(OwnCallEnded(agent))

    def set_alarm(self, alarm: Callable[[Any], None]) -> None:
        self._books.alarm = alarm

    @property
    def ways(self) -> WaysOut:
        return self._books.ways

    def set_ways(self, ways: WaysOut) -> None:
        self._books.ways = ways

    @property
    def floor(self) -> Floor:
        return self._books.floor

    def set_floor(self, floor: Floor) -> None:
        self._books.floor = floor

    def alarm(self, timed: Any) -> None:
        """The deadline of this object has changed."""
        self._books.alarm(timed)

    def own_call_of(self, leg: LegId) -> AgentId | None:
        """Whose own call this leg is."""
        return self._books.own_calls.get(leg)

    def own_calls(self, agent: AgentId) -> list[LegId]:
        return [leg for leg, whose in self._books.own_calls.items() if whose == agent]

    def is_on_the_phone(self, agent: AgentId) -> bool:
        return any(leg.facts.party == agent for leg, _ in self._legs.values())

    @property
    def idle(self) -> bool:
        """No leg is alive, and every CDR line is written."""
        return not self._legs and not self._books.closing

    def counts_awaited(self, leg: LegId) -> bool:
        """Its CDR is written when the media process has told how many packets there were."""
        return leg in self._books.closing

    def media_lost(self, first: int, last: int) -> None:
        """The media process of these ports is gone: its counts will never come, and its ports are no longer ours."""
        closing = self._books.closing
        for leg in [leg for leg, (port, _) in closing.items() if first <= port <= last]:
            self.emit(closing.pop(leg)[1])
        self.ports.lose(first, last)
        for share in [share for share in self._fingerprints if first <= self.ports.first_of(share) <= last]:
            del self._fingerprints[share]


class _Nobody:
    """Owner of a leg in the moment between its opening and its session."""

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None: ...
    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None: ...


NOBODY: LegOwner = _Nobody()
