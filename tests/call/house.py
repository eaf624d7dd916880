"""A whole house without a network: the call core and the ACD engine, with phones and a store that are told what to do.

Everything that the switch would send is played back by the simplest peer that is right: a Hangup ends its leg, a
closed media leg reports its counts, a question to the store is answered from what was recorded.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

from softswitch.acd import messages as acd
from softswitch.acd.engine import Engine
from softswitch.call import records
from softswitch.call.core import Calls
from softswitch.call.prompts import Prompt, PromptCatalog, segments_needed
from softswitch.call.settings import (
    AgentVoice,
    CallSettings,
    FeatureCodes,
    LineTexts,
    NumberSettings,
    QueueTexts,
    Settings,
)
from softswitch.ids import AgentId, FlowId, IdSource, InteractionId, LegId, QueueId, TrunkId
from softswitch.ivr.messages import CollectStep, Flow, MenuStep, Say, SayStep, Target, Unclear
from softswitch.media import messages as media
from softswitch.media.negotiation import make_offer
from softswitch.media.ports import PortStock
from softswitch.sip import messages as sip

PSTN = TrunkId("pstn")
ANNA, MART, LI = AgentId("anna"), AgentId("mart"), AgentId("li")
EVERYDAY = QueueId("everyday")
FLOW = sip.Flow("udp", ("127.0.0.1", 5060), ("127.0.0.2", 5080))


def text(english: str) -> Say:
    return Say(texts={"en": english})


def make_settings(**queue: Any) -> Settings:
    """A small line: one number, one menu, one queue, three agents."""
    rule = acd.StickyRule(talked_at_least_seconds=5.0, wait_at_most_seconds=600.0)
    everyday = acd.QueueSettings(EVERYDAY, "Everyday", wrap_up_seconds=10.0, sticky=queue.pop("sticky", rule), **queue)
    agents = tuple(acd.AgentSettings(agent, agent.title(), (EVERYDAY,)) for agent in (ANNA, MART, LI))
    human = Target(queue="everyday")
    menu = MenuStep("main", text("Press 1."), {"1": human, "2": Target(step="number")}, Unclear(then=human))
    number = CollectStep("number", text("Your number."), 4, 4, Unclear(then=human), is_customer_id=True)
    to_queue = MenuStep("go", text("Press 1."), {"1": human}, Unclear(then=human))
    steps = (SayStep("hello", text("Welcome.")), menu, number, to_queue)
    choices = {"1": Target(choose="wait"), "2": Target(choose="colleague"), "3": Target(choose="call_back")}
    queue_texts = QueueTexts(
        please_wait=text("Please wait."),
        position=text("You are number {position}."),
        choice=text("{agent} is busy. Wait {minutes}: 1. Colleague: 2. Called back by {time}: 3."),
        choice_keys=choices,
        wait_for_agent=text("Waiting for {agent}."),
        call_back_confirmed=text("{agent} calls you by {time}."),
        connecting=text("{agent}."),
        nobody_there=text("Nobody is here."),
        sorry_gone=text("Sorry, a colleague."),
    )
    words = ("wrong_key", "no_input", "logged_in", "logged_out", "now_ready", "on_break", "call_back_intro", "goodbye")
    line_texts = LineTexts(**{word: text(word) for word in words})
    voices = {agent.id: AgentVoice(text(agent.name), f"100{at}") for at, agent in enumerate(agents)}
    flow = FlowId("welcome")
    call = CallSettings(
        "Bank",
        "UTC",
        ("en",),
        {"+3726310000": NumberSettings("+3726310000", flow, "en")},
        {flow: Flow(flow, steps)},
        {},
        {EVERYDAY: queue_texts},
        voices,
        FeatureCodes(),
        line_texts,
        call_back_caller="+3726310000",
        human=human,
    )
    trunk = sip.TrunkSettings(PSTN, ("127.0.0.2/32",), "127.0.0.2", 5080, max_calls=50)
    return Settings(
        (),
        "127.0.0.1",
        0,
        "",
        "",
        "",
        "",
        sip.SipSettings("bank", ("bank",), (trunk,)),
        media.MediaSettings(),
        acd.AcdSettings((everyday,), agents),
        call,
    )


class House:
    """`now` only moves by `wait`; `sent` is everything that left the two cores for the outside."""

    def __init__(self, settings: Settings | None = None, ports: int = 100, acknowledges: bool = True) -> None:
        self.settings = settings or make_settings()
        needed = segments_needed(self.settings)
        catalog = PromptCatalog({segment: Prompt(f"{at}", 1.0) for at, segment in enumerate(needed)})
        self.names = {f"{at}": segment for at, segment in enumerate(needed)}
        self.now = 1000.0
        ids = IdSource(1)
        self.stock = PortStock()
        self.calls = Calls(
            self.settings,
            catalog,
            self.stock,
            ids,
            lambda at: at + 1e9,
            lambda wall: datetime.fromtimestamp(wall, UTC),
            bytes,  # keys of nothing but zeros: nobody listens
        )
        self.engine = Engine(self.settings.acd, ids)
        self.sent: list[Any] = []
        self.kept: list[Any] = []
        self.ended_legs: set[LegId] = set()
        self.store_answers = True
        self.media_answers = True
        self.offer_status = 200  # how phones answer an offer of ours; 0: not yet
        self._acknowledges = acknowledges
        self._late: list[LegId] = []  # legs whose ACK carries the answer to our offer: the test sends it
        self._queue: deque[Any] = deque()
        self._next_leg = 1_000_000
        self.post(media.PortsLeased(tuple(range(20000, 20000 + 2 * ports, 2))))

    # -------------------------------------------------------------- the driver

    def post(self, event: Any) -> None:
        self._queue.append(event)
        while self._queue:
            self._deliver(self._queue.popleft())

    def _deliver(self, message: Any) -> None:
        kind = type(message)
        if kind in self.calls.events:
            self._queue.extend(self.calls.handle(message, self.now))
        if kind in acd.Event.__args__:
            self._queue.extend(self.engine.handle(message, self.now))
        if kind.__module__ != "softswitch.acd.messages" or kind not in acd.Event.__args__:
            self.sent.append(message)
            self._world(message)

    def _world(self, message: Any) -> None:
        """The peers that need no test to tell them what to do."""
        if isinstance(message, sip.InviteReceived) and message.sdp is None:
            self._late.append(message.leg)
        elif isinstance(message, sip.Answer) and self._acknowledges and message.leg not in self._late:
            self._queue.append(sip.AckReceived(message.leg, None))
        elif isinstance(message, sip.Hangup):
            self._end(message.leg, sip.EndedBy.US, 487)
        elif isinstance(message, sip.Reject):
            self._end(message.leg, sip.EndedBy.US, message.status)
        elif isinstance(message, sip.SendOffer) and self.offer_status and message.leg not in self.ended_legs:
            sdp = offer() if self.offer_status < 300 else None
            self._queue.append(sip.OfferAnswered(message.leg, self.offer_status, sdp))
        elif isinstance(message, media.CloseMediaLeg) and self.media_answers:
            self._queue.append(media.MediaLegClosed(message.leg, 50, 60, 0))
        elif isinstance(message, records.FindPreviousAgent) and self.store_answers:
            self._queue.append(
                records.PreviousAgentFound(message.interaction, self._previous(message), message.customer)
            )
        elif isinstance(message, acd.SavePromise) and self.store_answers:
            self._queue.append(acd.PromiseSaved(message.promise, True))
        elif isinstance(message, records.TalkRecord):
            self.kept.append(message)

    def _end(self, leg: LegId, by: sip.EndedBy, status: int) -> None:
        if leg not in self.ended_legs:
            self.ended_legs.add(leg)
            self._queue.append(sip.LegEnded(leg, by, status))

    def _previous(self, query: records.FindPreviousAgent) -> AgentId | None:
        for talk in reversed(self.kept):
            same = talk.caller == query.caller or (query.customer is not None and talk.customer == query.customer)
            if same and talk.seconds >= query.talked_at_least_seconds:
                return talk.agent
        return None

    def wait(self, seconds: float) -> None:
        """Time passes; every deadline on the way is met in order."""
        end = self.now + seconds
        while True:
            due = [at for at in (self.calls.next_deadline(), self.engine.next_deadline()) if at is not None]
            if not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            for core in (self.calls, self.engine):
                self._queue.extend(core.tick(self.now))
            while self._queue:
                self._deliver(self._queue.popleft())
        self.now = end

    # -------------------------------------------------------------- phones

    def register(self, *agents: AgentId, contacts: int = 1) -> None:
        for agent in agents:
            bindings = tuple(
                sip.ContactBinding(agent, f"sip:{agent}@127.0.0.3:{5070 + at}", FLOW, "c", 1, self.now + 3600)
                for at in range(contacts)
            )
            self.post(sip.RegistrationChanged(agent, bindings))
            self.post(acd.PhoneRegistered(agent))

    def call(self, caller: str = "+3725550001", dialled: str = "+3726310000", sdp: bytes | None = b"") -> LegId:
        self._next_leg += 1
        leg = LegId(self._next_leg)
        body = offer() if sdp == b"" else sdp
        self.post(sip.InviteReceived(leg, sip.Origin(trunk=PSTN), dialled, caller, "", body, FLOW))
        return leg

    def lose_media(self, first: int = 0, last: int = 65535) -> None:
        """The media process dies, with all it knows."""
        answers, self.media_answers = self.media_answers, False
        self.post(media.MediaLost(first, last))
        self.media_answers = answers

    def new_media(self, first: int = 20000, last: int = 20199) -> None:
        """There is one again."""
        self.post(media.AllLegsFound(first, last))
        self.post(media.PortsLeased(tuple(range(first, last, 2))))
        self.wait(0.0)

    def press(self, leg: LegId, digits: str) -> None:
        for digit in digits:
            self.post(media.DigitReceived(leg, digit, 100))

    def to_queue(self, caller: str = "+3725550001") -> LegId:
        leg = self.call(caller)
        self.press(leg, "1")
        return leg

    def ringing(self) -> list[sip.StartInvite]:
        """Outgoing INVITEs that nobody has answered, refused or cancelled."""
        answered = {leg.id for leg in self.calls.board.live_legs() if leg.facts.answered_at is not None}
        live = {leg.id for leg in self.calls.board.live_legs()}
        invites = [each for each in self.sent if isinstance(each, sip.StartInvite)]
        return [each for each in invites if each.leg in live and each.leg not in answered]

    def rung(self) -> list[str]:
        return [each.target.split(":")[1].split("@")[0] for each in self.ringing()]

    def answer(self, invite: sip.StartInvite) -> None:
        self.post(sip.InviteAnswered(invite.leg, offer()))

    def refuse(self, invite: sip.StartInvite, status: int = 486) -> None:
        self.ended_legs.add(invite.leg)
        self.post(sip.LegEnded(invite.leg, sip.EndedBy.PEER, status))

    def bye(self, leg: LegId) -> None:
        if leg not in self.ended_legs:
            self.ended_legs.add(leg)
            self.post(sip.LegEnded(leg, sip.EndedBy.PEER, 200))

    def prompt_over(self, leg: LegId) -> None:
        """Whatever plays on this leg comes to its end."""
        found = self.calls.board.find_leg(leg)
        if found is not None and found[0].playback is not None:
            self.post(media.PlaybackEnded(leg, found[0].playback, True))

    # -------------------------------------------------------------- looking

    def of(self, kind: Any) -> list[Any]:
        return [each for each in self.sent if isinstance(each, kind)]

    def heard(self, leg: LegId) -> list[str]:
        """The texts this leg was played, in order."""
        return [
            self.names[key].text or self.names[key].file
            for play in self.of(media.Play | media.PlayMusic)
            if play.leg == leg
            for key in play.prompts
        ]

    def state(self, agent: AgentId) -> acd.AgentState:
        return next(shot.state for shot in self.engine.agents() if shot.id == agent)

    def session_of(self, leg: LegId) -> Any:
        return next((each for each in self.calls.sessions.values() if each.leg.id == leg), None)

    def interaction_of(self, leg: LegId) -> InteractionId:
        return self.session_of(leg).interaction

    def assert_nothing_left(self) -> None:
        """No leg, session, ring, ticket, timer or media port is left behind."""
        calls = self.calls
        assert calls.board.live_legs() == ()
        assert calls.sessions == {}
        assert calls.call_backs == {}
        assert calls.ringing_attempts == ()
        assert calls.next_deadline() == calls._hours.next_deadline(), "only the opening hours go on"
        opened = [each.leg for each in self.of(media.OpenMediaLeg)]
        closed = [each.leg for each in self.of(media.CloseMediaLeg)]
        assert sorted(set(opened)) == sorted(closed)  # again after a media process was lost
        assert len(self.of(records.CallDetail)) == len(closed)


def offer() -> bytes:
    return make_offer("127.0.0.2", 30000, 7, 1, ("PCMU",)).sdp
