"""A conversation: two legs bridged, from Connect to the first BYE.

    start -> TALKING --hold re-INVITE--> the other side hears music --resume--> TALKING
               |  either leg ends -> the other is hung up, the ACD starts wrap-up, the talk is recorded

Everything that one side signals inside the dialog (hold, new address) stays between us and that side; the other
side only hears the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softswitch.acd.messages import ConversationEnded
from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import music_segment
from softswitch.call.records import TalkRecord
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, RingAttemptId
from softswitch.ivr.messages import Segment
from softswitch.media.messages import Bridge, RtpSilent, Unbridge
from softswitch.sip.messages import AckReceived, LegEnded, OfferReceived

NORMAL_CLEARING = 'Q.850;cause=16;text="Normal call clearing"'
RTP_LOST = 'Q.850;cause=41;text="RTP timeout"'  # temporary failure: the line is dead, not the person


@dataclass(frozen=True, slots=True)
class TalkFacts:
    """What the record of a conversation needs besides its times."""

    interaction: InteractionId
    attempt: RingAttemptId
    queue: QueueId
    agent: AgentId
    caller: str
    customer: CustomerId | None


class Talk:
    """Owner of both legs while they talk. `on_end` is called once, when the first leg is gone."""

    def __init__(
        self,
        board: Board,
        facts: TalkFacts,
        customer: CallLeg,
        agent: CallLeg,
        music: str,
        on_end: Callable[[float], None],
    ) -> None:
        self._board = board
        self._facts = facts
        self._customer = customer
        self._agent = agent
        self._music = music
        self._on_end = on_end
        self._began_at = 0.0
        self.over = False
        self.keeps_customer = False  # he is not hung up when the agent's leg ends: he is brought back to somebody
        self.kept_customer = False

    @property
    def agent(self) -> AgentId:
        return self._facts.agent

    @property
    def attempt(self) -> RingAttemptId:
        return self._facts.attempt

    def start(self, now: float) -> None:
        self._began_at = now
        board = self._board
        self._customer.stop_play()
        self._agent.stop_play()
        board.give_leg(self._customer, self)
        board.give_leg(self._agent, self)
        board.emit(Bridge(self._customer.id, self._agent.id))
        if self._customer.on_hold:  # since he waited
            self._hold_changed(self._customer)

    def say_to_customer(self, segments: tuple[Segment, ...]) -> None:
        """Over the first words of the agent: a prompt never delays a connect."""
        self._customer.play(segments)

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, OfferReceived | AckReceived):
            was_on_hold = leg.on_hold
            if isinstance(event, OfferReceived):
                leg.answer_reoffer(event.sdp)
            else:
                leg.acknowledged(event.sdp)
            if leg.on_hold != was_on_hold:
                self._hold_changed(leg)
        elif isinstance(event, RtpSilent) and not leg.on_hold:
            leg.hang_up(RTP_LOST)

    def _hold_changed(self, leg: CallLeg) -> None:
        other = self._agent if leg is self._customer else self._customer
        if leg.on_hold:
            other.play((music_segment(self._music),), loops=0)
        else:
            other.stop_play()

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self.over:
            return
        other = self._agent if leg is self._customer else self._customer
        other.stop_play()
        self.kept_customer = self.keeps_customer and leg is self._agent and other.alive
        if self.kept_customer:
            self._board.emit(Unbridge(other.id))
        else:
            other.hang_up(NORMAL_CLEARING)
        self._finish(now)
        self._on_end(now)

    def pass_on(self, now: float) -> None:
        """The agent gives the customer away: her leg ends and her wrap-up begins; his leg is for its owner to take."""
        self._board.emit(Unbridge(self._customer.id))
        self._customer.stop_play()
        self._agent.stop_play()
        self._agent.hang_up(NORMAL_CLEARING)
        self._finish(now)

    def _finish(self, now: float) -> None:
        self.over = True
        facts, wall = self._facts, self._board.line.wall
        self._board.emit(ConversationEnded(facts.attempt))
        self._board.emit(
            TalkRecord(
                interaction=facts.interaction,
                attempt=facts.attempt,
                queue=facts.queue,
                agent=facts.agent,
                caller=facts.caller,
                customer=facts.customer,
                began_at=wall(self._began_at),
                seconds=now - self._began_at,
            )
        )
