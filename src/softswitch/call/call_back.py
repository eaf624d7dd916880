"""A call-back: the agent rings first, then the customer; both are bridged and the promise is kept.

    RING_AGENT --Connect--> DIAL_CUSTOMER --answered--> TALKING (`call.reaching`) --> ENDED
                    |           |                          |  a machine -> CustomerNotReached [--> LEAVING a message]
                    |           |  no answer, busy, agent hung up -> CustomerNotReached, agent ready again
                    |--the caller still hears his good-bye: no need to dial--> TALKING

The caller has no leg for a while, but his place in the line is the same queue entry (`acd`): this object only
exists while an attempt is being made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from softswitch.acd.messages import (
    CancelRing,
    Connect,
    CustomerNotReached,
    CustomerReached,
    RefuseAnswer,
    RingAgent,
)
from softswitch.call import answered_by
from softswitch.call.board import Board
from softswitch.call.dial_settings import CALL_BACKS, Dialler
from softswitch.call.keys import KeyTold, pass_on
from softswitch.call.leg import CallLeg, LegFacts
from softswitch.call.phone_number import EMERGENCY, INTERNAL
from softswitch.call.prompts import RINGBACK
from softswitch.call.reaching import Reaching
from softswitch.call.ring import Ring
from softswitch.call.routes import SILENT_SECONDS, Routes, WayOut, had_no_room, trunk_uri, written_for
from softswitch.call.settings import CallBackTexts
from softswitch.call.talk import NORMAL_CLEARING, Talk, TalkFacts
from softswitch.ids import AgentId, CustomerId, InteractionId, LegId, QueueId, RingAttemptId
from softswitch.media.messages import AnsweredBy, Bridge, DigitReceived, GreetingOver, PlaybackEnded, ToneHeard
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.causes import meant
from softswitch.sip.messages import (
    AckReceived,
    EndedBy,
    InfoDigitReceived,
    InviteAnswered,
    InviteProgressed,
    LegEnded,
    OfferReceived,
    StartInvite,
)

_RING_CUSTOMER_SECONDS = 45.0
CALL_BACK = Dialler(CALL_BACKS)
_ROOM_SECONDS = 1.0  # when every trunk is full, one is tried again after this


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whom we promised to call, as the promise was stored."""

    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    caller: str
    customer: CustomerId | None
    language: str


class Step(Enum):
    RING_AGENT = "ringing"
    DIAL_CUSTOMER = "calling back"
    ASKING = "asking"  # customer first, as the next two
    HOLDING = "holding"
    LISTENING = "listening"  # who is it that answered?
    LEAVING = "leaving"
    TALKING = "talking"
    ENDED = "ended"


class CallBackSession:
    """One attempt to keep a promise."""

    def __init__(
        self,
        board: Board,
        ticket: Ticket,
        routes: Routes,
        on_over: Callable[[CallBackSession], None],
        now: float,
    ) -> None:
        self._board = board
        self._way = WayOut(routes)
        self._on_over = on_over
        self._attempt: RingAttemptId | None = None
        self._agent_leg: CallLeg | None = None
        self._deadline: float | None = None
        self.ticket = ticket
        self.step = Step.RING_AGENT
        self.ring: Ring | None = None
        self.customer_leg: CallLeg | None = None
        self.talk: Talk | None = None
        self.since = now

    @property
    def board(self) -> Board:
        return self._board

    @property
    def interaction(self) -> InteractionId:
        return self.ticket.interaction

    @property
    def agent(self) -> AgentId:
        """Who keeps it: the one who promised, or a colleague once it is due."""
        if self._agent_leg is not None:
            return agent_of(self._agent_leg)
        return self.ring.agent if self.ring is not None else self.ticket.agent

    def next_deadline(self) -> float | None:
        if self._way.wait_until is not None and (self._deadline is None or self._way.wait_until < self._deadline):
            return self._way.wait_until
        return self._deadline

    def tick(self, now: float) -> None:
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            if self.step is Step.LEAVING:
                self._hang_up_customer()
            elif self._way.wait_until is not None:
                self._fail(now, tried=self._way.rang)
            elif self.customer_leg is not None:
                self._way.left = []
                self.customer_leg.hang_up('SIP;cause=487;text="No answer"')  # leg_ended does the rest
        else:
            self._look_for_room(now)

    def _look_for_room(self, now: float) -> None:
        """Every trunk was full a moment ago."""
        if self._way.wait_until is not None and self._way.wait_until <= now:
            self._way.wait_until = None
            if self.step is Step.DIAL_CUSTOMER:
                self._way.left, self._way.followed = self._way.routes.plan(), 0
                self._dial_next(now)

    def _become(self, step: Step, now: float) -> None:
        self.step = step
        self.since = now
        if step is Step.ENDED:
            self._on_over(self)

    # -------------------------------------------------------------- the agent

    def ring_agent(self, command: RingAgent, now: float) -> None:
        self._attempt = command.attempt
        self.ring = Ring(self._board, command.attempt, self.interaction, command.agent)
        self.ring.start(self.ticket.caller, "", now)

    def cancel_ring(self, command: CancelRing, now: float) -> None:
        if self.ring is not None and self.ring.attempt == command.attempt:
            self.ring.cancel(command.end)
            self.ring = None
            self._become(Step.ENDED, now)

    def ring_failed(self, now: float) -> None:
        """None of her phones could be reached, or she refused."""
        self.ring = None
        self._become(Step.ENDED, now)

    def refuse_answer(self, command: RefuseAnswer, now: float) -> None:
        if self.ring is not None and self.ring.attempt == command.attempt:
            self.ring.refuse()
            self.ring = None
            self._become(Step.ENDED, now)

    def connect(self, command: Connect, still_here: CallLeg | None, now: float) -> None:
        """She answered: tell her what this is and dial the customer. `still_here`: his leg, when she became free
        so quickly that he has not hung up yet (his line would be busy)."""
        ring, self.ring = self.ring, None
        assert ring is not None
        self._agent_leg = ring.take_winner()
        if self._agent_leg is None:
            self._fail(now, tried=False)
            return
        self._board.give_leg(self._agent_leg, self)
        if still_here is not None and still_here.alive:
            self.customer_leg = still_here
            self._talk(now)
            return
        self._agent_leg.play(self._board.speak(self._board.call.texts.call_back_intro, self.ticket.language))
        self._dial(now)

    def _dial(self, now: float) -> None:
        self._become(Step.DIAL_CUSTOMER, now)
        if not self._way.routes.can_call(self.ticket.caller):
            self._fail(now, tried=False)
            return
        self._deadline = now + _RING_CUSTOMER_SECONDS
        self._way.left = self._way.routes.plan()
        self._dial_next(now)

    def _dial_next(self, now: float) -> None:
        if not self._way.left:
            self._fail(now, tried=self._way.rang)
            return
        board, trunk = self._board, self._way.left.pop(0)
        moved_to, self._way.moved_to = self._way.moved_to, ""
        verdict = board.may_dial(CALL_BACK, moved_to or self.ticket.caller, now, trunk.id)
        if not verdict.allowed or (moved_to and verdict.kind in (INTERNAL, EMERGENCY)):
            self._dial_next(now)
            return
        leg_id = LegId(board.ids.number())
        caller = board.call.call_back_caller
        facts = LegFacts("out", trunk.id, caller, self.ticket.caller, now, self.interaction, codecs=trunk.codecs)
        facts.ip6 = ":" in trunk.host
        facts.encryption = board.encryption_of(trunk.id, None)
        leg = board.open_leg(leg_id, facts, self, beside=self._agent_leg)
        if leg is None:
            self._fail(now, tried=False)
            return
        self.customer_leg = leg
        board.dialled(leg_id, CALL_BACK, verdict, now)
        board.emit(
            StartInvite(
                leg_id,
                trunk_uri(trunk, verdict.number),
                None,
                written_for(trunk, caller),
                board.call.name,
                leg.make_offer(self._agent_leg),
                trunk=trunk.id,
                answer_within=SILENT_SECONDS if self._way.left else 0.0,
            )
        )

    def agent_freed(self, attempt: RingAttemptId, now: float) -> None:
        """A supervisor took her out of this call: it ends, with whoever still is on the line."""
        if attempt == self._attempt:
            for leg in (self._agent_leg, self.customer_leg):
                if leg is not None:
                    leg.hang_up(NORMAL_CLEARING)

    def _fail(self, now: float, tried: bool) -> None:
        assert self._attempt is not None
        self._deadline = self._way.wait_until = None
        self._become(Step.ENDED, now)
        self._board.emit(CustomerNotReached(self._attempt, tried))
        if self._agent_leg is not None:
            self._agent_leg.hang_up(NORMAL_CLEARING)
        if self.customer_leg is not None:
            self.customer_leg.hang_up('SIP;cause=487;text="Request Terminated"')

    # -------------------------------------------------------------- LegOwner (both legs, until they talk)

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, AckReceived):
            leg.acknowledged(event.sdp)
        elif isinstance(event, PlaybackEnded):
            if leg.played(event.playback) and self.step is Step.LEAVING:
                self._hang_up_customer()
        elif isinstance(event, GreetingOver):
            self._leave_message(now)
        elif isinstance(event, DigitReceived | InfoDigitReceived):
            self._key(leg, event, now)
        elif leg is not self.customer_leg or self.step is not Step.DIAL_CUSTOMER:
            return
        elif isinstance(event, ToneHeard):
            answered_by.tone_heard(leg, event)
        elif isinstance(event, InviteProgressed):
            self._progress(event)
        elif isinstance(event, InviteAnswered):
            self._customer_answered(event, now)

    def _key(self, leg: CallLeg, event: KeyTold, now: float) -> None:
        """She presses keys while she hears his side already (early media)."""
        if leg is self._agent_leg and self.customer_leg is not None and self.customer_leg.remote is not None:
            pass_on(leg, self.customer_leg, event, now)

    def _progress(self, event: InviteProgressed) -> None:
        """She hears the customer's phone ring: the network's own tone where it sends one (early media)."""
        agent, customer = self._agent_leg, self.customer_leg
        assert agent is not None and customer is not None
        if event.sdp is not None:
            try:
                customer.accept_answer(event.sdp)
            except (NotAcceptable, SdpError):
                return  # the final answer decides
            agent.stop_play()
            self._board.emit(Bridge(customer.id, agent.id))
            answered_by.watch(self._board, customer, answered=False)
        elif event.status == 180 and agent.playback is None and customer.remote is None:
            agent.play((RINGBACK,), loops=0)

    def _customer_answered(self, event: InviteAnswered, now: float) -> None:
        customer = self.customer_leg
        assert customer is not None
        customer.facts.answered_at = now
        answered_by.ignore(self._board, customer)
        try:
            if event.sdp is None:
                raise SdpError("no answer in the 200")
            customer.accept_answer(event.sdp)
        except (NotAcceptable, SdpError):
            self._fail(now, tried=True)
            return
        self._customer_there(now)

    def _customer_there(self, now: float) -> None:
        self._talk(now, listen=self._texts.machine != answered_by.TREAT_AS_HUMAN)

    def _talk(self, now: float, listen: bool = False) -> None:
        agent, customer = self._agent_leg, self.customer_leg
        assert agent is not None and customer is not None and self._attempt is not None
        self._deadline = None
        self._become(Step.TALKING, now)
        ticket = self.ticket
        facts = TalkFacts(
            ticket.interaction, self._attempt, ticket.queue, agent_of(agent), ticket.caller, ticket.customer
        )
        if not listen:
            self._board.emit(CustomerReached(self._attempt))
        music = self._board.texts(ticket.queue).music
        self.talk = Talk(self._board, facts, customer, agent, music, self._talked)
        self.talk.start(now)
        if listen:
            self.talk.listen(Reaching(self._board, self._attempt, customer, self._machine, now))

    # -------------------------------------------------------------- a machine has answered

    @property
    def _texts(self) -> CallBackTexts:
        return self._board.texts(self.ticket.queue).call_back_texts

    def _machine(self, event: AnsweredBy, now: float) -> None:
        """While she hears it: she may talk to it, or is free at once."""
        talk, customer, policy = self.talk, self.customer_leg, self._texts.machine
        assert talk is not None and customer is not None
        if policy == answered_by.NOTE:
            return
        talk.is_nobody()
        if event.who == "fax" or policy == answered_by.HANG_UP:
            customer.hang_up(NORMAL_CLEARING)  # the talk ends with it
            talk.agent_leg.hang_up(NORMAL_CLEARING)
            return
        talk.pass_on(now)
        self._become(Step.ENDED, now)
        self._begin_leaving(now)
        self._board.give_leg(customer, self)
        self._board.alarm(self)

    def _begin_leaving(self, now: float) -> None:
        """This attempt is over for the queue; what is left is to speak behind the greeting."""
        self.step = Step.LEAVING
        self._deadline = now + answered_by.GREETING_SECONDS

    def _leave_message(self, now: float) -> None:
        """Its greeting is over: what is said now is recorded."""
        if self.step is not Step.LEAVING:
            return
        assert self.customer_leg is not None
        self._deadline = now + answered_by.MESSAGE_SECONDS
        if not self.customer_leg.play(self._board.speak(self._texts.message, self.ticket.language)):
            self._hang_up_customer()

    def _hang_up_customer(self) -> None:
        if self.customer_leg is not None:
            self.customer_leg.hang_up(NORMAL_CLEARING)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self.step is Step.LEAVING:
            self._deadline = None
        if self.step is not Step.DIAL_CUSTOMER:
            return
        if leg is not self.customer_leg:
            self._fail(now, tried=self._way.rang)
            return
        self.customer_leg = None
        self._way.rang = self._way.rang or _rang_him(event)
        self._way.follow(event)
        if not self._way.routes.goes_on(event):
            self._fail(now, tried=self._way.rang)
        elif self._way.left or not had_no_room(event):
            self._dial_next(now)
        else:
            self._way.wait_until = now + _ROOM_SECONDS

    def _talked(self, now: float) -> None:
        self._become(Step.ENDED, now)


def _rang_him(event: LegEnded) -> bool:
    """Did he, his network or our patience end the call to him? RFC 3398 7.2.4.1: what a gateway cannot do at all comes
    as 5xx; then, and when the trunk is silent or cannot be reached, his phone did not ring."""
    if event.by is EndedBy.PEER:
        return not 500 <= meant(event.status, event.cause) < 600
    return event.by is EndedBy.US


def agent_of(leg: CallLeg) -> AgentId:
    """The agent whose phone this outgoing leg rang."""
    return AgentId(leg.facts.party)
