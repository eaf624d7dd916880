"""A call-back that rings the customer first; an agent is kept free for him meanwhile (`acd.customer_first`).

    RingAgent --> DIAL_CUSTOMER --answered--> [LISTENING] --> [ASKING --key 1-->] RING_AGENT --Connect--> TALKING
                      |  no answer, busy       | a machine       |  no key            |  she does not answer
                      v                        v                 v                    v
                  CustomerNotReached   CustomerNotReached    CustomerNotReached    HOLDING: music, the next agent, or
                                       perhaps a message                           after a minute "we call you again"
                                       --> LEAVING                                 --> LEAVING

He hears words or music from his first second on. The session lives as long as he is on the line, through as many ring
attempts as the queue needs for him.
"""

from __future__ import annotations

from typing import Any

from softswitch.acd.matching import ASK_SECONDS
from softswitch.acd.messages import (
    AgentUnreachable,
    CallBackRule,
    CallerLeft,
    CancelRing,
    Connect,
    ConversationEnded,
    CustomerAnswered,
    CustomerNotReached,
    RefuseAnswer,
    RingAgent,
    RingEnd,
)
from softswitch.call import answered_by
from softswitch.call.call_back import CallBackSession, Step
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import music_segment
from softswitch.call.ring import Ring
from softswitch.call.talk import RTP_LOST
from softswitch.ids import AgentId, PlaybackId
from softswitch.ivr.messages import Say
from softswitch.media.messages import AnsweredBy, DigitReceived, PlaybackEnded, RtpSilent
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import EndedBy, InfoDigitReceived, InviteProgressed, LegEnded

HOLD_SECONDS = 60.0  # he is on the line and nobody is free after all
_GOODBYE_SECONDS = 15.0
_ON_LINE = (Step.LISTENING, Step.ASKING, Step.RING_AGENT, Step.HOLDING)
_NOT_YET_HERS = (Step.LISTENING, Step.ASKING)


class CustomerFirstSession(CallBackSession):
    """One call to a customer, to keep a promise."""

    _kept: AgentId | None = None  # who is kept free for him
    _melody: PlaybackId | None = None

    @property
    def agent(self) -> AgentId:
        if self._agent_leg is None and self._kept is not None:
            return self._kept
        return super().agent

    @property
    def _rule(self) -> CallBackRule:
        return self._board.line.queues[self.ticket.queue].call_back or CallBackRule()

    def tick(self, now: float) -> None:
        if self._deadline is None or self._deadline > now:
            self._look_for_room(now)
            return
        if self.step is Step.ASKING:
            self._deadline = None
            self._gone(now, tried=True)  # a mailbox, or nobody who wants to talk
        elif self.step is Step.LISTENING:
            self._is_there(now)
        elif self.step is Step.HOLDING:
            self._sorry(now)
        else:
            super().tick(now)

    # -------------------------------------------------------------- the agent who is kept free

    def ring_agent(self, command: RingAgent, now: float) -> None:
        self._attempt = command.attempt
        self._kept = command.agent
        if self.customer_leg is not None:
            asking = self.step in _NOT_YET_HERS
            self._board.emit(CustomerAnswered(command.attempt, asking))
            if not asking:
                self._ring(now)
        elif not self._board.contacts.get(command.agent):  # nobody is called for an agent who cannot be rung
            self._board.emit(AgentUnreachable(command.attempt))
        else:
            self._dial(now)

    def take(self, leg: CallLeg) -> None:
        """His line is still open: he hears that he will be called just now, and need not be."""
        self.customer_leg = leg
        self._board.give_leg(leg, self)

    def _ring(self, now: float) -> None:
        assert self._attempt is not None and self._kept is not None
        self._deadline = None
        if self.step is not Step.HOLDING:  # there he hears music already
            self._play(self._texts.customer_hold)
        self._become(Step.RING_AGENT, now)
        self.ring = Ring(self._board, self._attempt, self.interaction, self._kept)
        self.ring.start(self.ticket.caller, "", now, self.customer_leg)

    def cancel_ring(self, command: CancelRing, now: float) -> None:
        if command.attempt == self._attempt:
            self._lost_her(command.end, now)

    def refuse_answer(self, command: RefuseAnswer, now: float) -> None:
        if command.attempt == self._attempt:
            self._lost_her(RingEnd.CANCELLED, now)

    def ring_failed(self, now: float) -> None:
        self._lost_her(None, now)

    def _lost_her(self, end: RingEnd | None, now: float) -> None:
        """She will not take him. Who is on the line stays there; who is only dialled is not rung any longer."""
        ring, self.ring = self.ring, None
        self._attempt = self._kept = None
        if ring is not None and end is not None:
            ring.cancel(end)
        if self.step is Step.RING_AGENT and self.customer_leg is not None:
            self._become(Step.HOLDING, now)
            self._deadline = now + HOLD_SECONDS
        elif self.step not in _NOT_YET_HERS:
            self._deadline = None
            self._become(Step.ENDED, now)
            self._hang_up_customer()

    def connect(self, command: Connect, still_here: CallLeg | None, now: float) -> None:
        ring, self.ring = self.ring, None
        assert ring is not None
        self._agent_leg = ring.take_winner()
        if self._agent_leg is None:  # she hung up in this very moment
            self._board.emit(ConversationEnded(command.attempt))
            self._lost_her(None, now)
            return
        self._talk(now)
        talk, board = self.talk, self._board
        assert talk is not None
        voice = board.call.agents.get(command.agent)
        values = {"agent": voice.spoken_name if voice is not None else Say()}
        talk.say_to_customer(board.speak(board.texts(self.ticket.queue).connecting, self.ticket.language, values))
        self._agent_leg.play(board.speak(board.call.texts.call_back_here, self.ticket.language))

    # -------------------------------------------------------------- the customer

    def _progress(self, event: InviteProgressed) -> None:
        """Nobody hears how his phone rings, but a busy tone need not be waited out."""
        customer = self.customer_leg
        if event.sdp is None or customer is None or customer.facts.watched:
            return
        try:
            customer.accept_answer(event.sdp)
        except (NotAcceptable, SdpError):
            return  # the final answer decides
        answered_by.watch(self._board, customer, answered=False)

    def _customer_there(self, now: float) -> None:
        assert self._attempt is not None and self.customer_leg is not None
        if self._texts.machine == answered_by.TREAT_AS_HUMAN:
            self._is_there(now)
            return
        self._board.emit(CustomerAnswered(self._attempt, asking=True))
        answered_by.watch(self._board, self.customer_leg, answered=True)
        self._become(Step.LISTENING, now)
        self._deadline = now + answered_by.LISTEN_SECONDS

    def _is_there(self, now: float) -> None:
        self._deadline = None
        ask = self._rule.ask_customer
        if self._attempt is not None:
            self._board.emit(CustomerAnswered(self._attempt, ask))
        if not ask:
            self._wants_to_talk(now)
            return
        self._become(Step.ASKING, now)
        self._deadline = now + ASK_SECONDS
        self._play(self._texts.ask_customer)

    def _answered_by(self, event: AnsweredBy, now: float) -> None:
        assert self.customer_leg is not None
        machine = answered_by.is_machine(self.customer_leg, event, self._board)
        if self.step is not Step.LISTENING:
            return
        if not machine:
            self._is_there(now)
        elif event.who == "fax" or self._texts.machine == answered_by.HANG_UP:
            self._gone(now, tried=True)
        else:
            self._released(now)
            self._begin_leaving(now)

    def _released(self, now: float) -> None:
        """The agent need not wait for what the machine says; the promise is tried again."""
        if self._attempt is not None:
            self._board.emit(CustomerNotReached(self._attempt, True))
            self._attempt = self._kept = None
        else:
            self._board.emit(CallerLeft(self.interaction, hung_up=True))
        self._become(Step.ENDED, now)

    def _play(self, say: Say) -> None:
        assert self.customer_leg is not None
        if not self.customer_leg.play(self._board.speak(say, self.ticket.language)):
            self._music()

    def _music(self) -> None:
        assert self.customer_leg is not None
        self.customer_leg.play((music_segment(self._board.texts(self.ticket.queue).music),), loops=0)
        self._melody = self.customer_leg.playback

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if leg is not self.customer_leg:
            return
        if isinstance(event, DigitReceived | InfoDigitReceived):
            if leg.keys.counts(event, now) and event.digit == "1" and self.step is Step.ASKING:
                self._wants_to_talk(now)
        elif isinstance(event, AnsweredBy):
            self._answered_by(event, now)
        elif isinstance(event, RtpSilent):
            if not leg.on_hold:
                leg.hang_up(RTP_LOST)
        elif isinstance(event, PlaybackEnded):
            if leg.played(event.playback) and event.playback != self._melody:  # else it cannot be played
                self._played(now)
        else:
            super().leg_event(leg, event, now)

    def _wants_to_talk(self, now: float) -> None:
        if self._attempt is None:  # she went while he was asked
            self._deadline = now + HOLD_SECONDS
            self._play(self._texts.customer_hold)
            self._become(Step.HOLDING, now)
        else:
            self._board.emit(CustomerAnswered(self._attempt))
            self._ring(now)

    def _played(self, now: float) -> None:
        if self.step is Step.LEAVING:
            self._hang_up_customer()
        elif self.step in (Step.RING_AGENT, Step.HOLDING):
            self._music()

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if leg is not self.customer_leg:
            return
        if self.step in _ON_LINE:
            self._gone(now, tried=event.by is not EndedBy.US)
        else:
            super().leg_ended(leg, event, now)

    def _gone(self, now: float, tried: bool) -> None:
        ring, self.ring = self.ring, None
        if ring is not None:
            ring.cancel(RingEnd.CANCELLED)
        if self._attempt is not None:
            self._fail(now, tried)
            return
        self._become(Step.ENDED, now)
        self._board.emit(CallerLeft(self.interaction, hung_up=tried))
        self._hang_up_customer()

    def _sorry(self, now: float) -> None:
        """Nobody was free after all: the promise stays open, and he is told."""
        self._board.emit(CallerLeft(self.interaction, hung_up=False))
        self._become(Step.ENDED, now)
        self.step = Step.LEAVING
        self._deadline = now + _GOODBYE_SECONDS
        assert self.customer_leg is not None
        if not self.customer_leg.play(self._board.speak(self._texts.nobody_after_all, self.ticket.language)):
            self._hang_up_customer()
