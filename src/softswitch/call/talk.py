"""A conversation with an agent: a bridge of the queues, from Connect to the first BYE, and its record.

tell -> TOLD (`call.telling`) --> TALKING
start -> TALKING --part--> PARTED (somebody else is rung for him) --resume--> TALKING
           |  either leg ends -> the other is hung up, the ACD starts wrap-up, the talk is recorded
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softswitch.acd.messages import ConversationEnded
from softswitch.call.board import Board
from softswitch.call.joined import NORMAL_CLEARING, RTP_LOST, Joined
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import RINGBACK
from softswitch.call.reaching import Reaching
from softswitch.call.records import TalkRecord
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, RingAttemptId
from softswitch.ivr.messages import Segment
from softswitch.media.messages import AnsweredBy, DigitReceived, GreetingOver, PlaybackEnded, Unbridge
from softswitch.sip.messages import InfoDigitReceived, LegEnded

__all__ = ["NORMAL_CLEARING", "RTP_LOST", "Talk", "TalkFacts"]


@dataclass(frozen=True, slots=True)
class TalkFacts:
    """What the record of a conversation needs besides its times."""

    interaction: InteractionId
    attempt: RingAttemptId
    queue: QueueId
    agent: AgentId
    caller: str
    customer: CustomerId | None


@dataclass(frozen=True, slots=True)
class _Telling:
    deadline: float
    words: tuple[Segment, ...]  # to the customer, when they begin to talk


class Talk(Joined):
    """`on_end` is called once, when the first leg is gone."""

    def __init__(
        self,
        board: Board,
        facts: TalkFacts,
        customer: CallLeg,
        agent: CallLeg,
        music: str,
        on_end: Callable[[float], None],
    ) -> None:
        super().__init__(board, customer, agent, music, on_end)
        self._facts = facts
        self.keeps_customer = False  # he is not hung up when the agent's leg ends: he is brought back to somebody
        self.kept_customer = False
        self.fell_through = False  # she hung up before they could talk
        self.heir: Callable[[float], None] | None = None  # goes on with him when she hangs up
        self._telling: _Telling | None = None
        self._reaching: Reaching | None = None  # of a call-back: is it the customer who has answered?

    def start(self, now: float) -> None:
        super().start(now)
        facts = self._facts
        self._board.recordings.talk_began(self._customer, facts.interaction, facts.queue, facts.agent)
        self._board.floor.began(self, now)

    # -------------------------------------------------------------- before they talk

    def tell(self, said: tuple[Segment, ...], seconds: float, words: tuple[Segment, ...], now: float) -> bool:
        """Tell her who it is, and begin then, with these words to him. False: there is nothing to be heard."""
        if not self._agent.play(said):
            return False
        self._began_at = now
        self._telling = _Telling(now + seconds, words)
        self._board.give_leg(self._customer, self)
        self._board.give_leg(self._agent, self)
        if self._customer.playback is None:
            self._customer.play((RINGBACK,), loops=0)
        self._board.alarm(self)
        return True

    def next_deadline(self) -> float | None:
        if self._telling is not None:
            return self._telling.deadline
        return self._reaching.next_deadline() if self._reaching is not None else None

    def tick(self, now: float) -> None:
        deadline = self.next_deadline()
        if deadline is None or deadline > now:
            return
        if self._telling is not None:
            self._told(self._telling, now)
        else:
            self.is_the_customer()

    def _told(self, telling: _Telling, now: float) -> None:
        self._forget_telling()
        self.start(now)
        self.say_to_customer(telling.words)

    def _forget_telling(self) -> None:
        if self._telling is not None:
            self._telling = None
            self._board.alarm(self)

    # -------------------------------------------------------------- is it the customer?

    def listen(self, reaching: Reaching) -> None:
        """Whether he has been reached is not known yet; they talk meanwhile."""
        self._reaching = reaching
        self._board.alarm(self)

    def is_the_customer(self) -> None:
        if self._reaching is not None:
            self._reaching.certain()
            self._board.alarm(self)

    def is_nobody(self) -> None:
        """A machine: he has not been reached, and she is free."""
        if self._reaching is not None:
            self._reaching.failed()
            self._board.alarm(self)

    @property
    def not_known_whom(self) -> bool:
        return self._reaching is not None and self._reaching.pending

    def part(self) -> None:
        self.is_the_customer()
        self._forget_telling()
        super().part()

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        telling = self._telling
        if self._reaching is not None and leg is self._customer and isinstance(event, AnsweredBy | GreetingOver):
            self._reaching.heard(event, now)
            self._board.alarm(self)
        elif telling is None:
            super().leg_event(leg, event, now)
        elif isinstance(event, DigitReceived | InfoDigitReceived):
            if leg is self._agent and leg.keys.counts(event, now):  # she has heard enough
                self._told(telling, now)
        elif isinstance(event, PlaybackEnded):
            if leg.played(event.playback):
                if leg is self._agent:
                    self._told(telling, now)
                else:  # a text of the line; music and ringing never end
                    leg.play((RINGBACK,), loops=0)
        else:
            super().leg_event(leg, event, now)

    @property
    def agent(self) -> AgentId:
        return self._facts.agent

    @property
    def attempt(self) -> RingAttemptId:
        return self._facts.attempt

    @property
    def facts(self) -> TalkFacts:
        return self._facts

    def say_to_customer(self, segments: tuple[Segment, ...]) -> None:
        """Over the first words of the agent: a prompt never delays a connect."""
        self._customer.play(segments)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self.over:
            return
        other = self._agent if leg is self._customer else self._customer
        if self.heir is not None and other is self._customer and other.alive:
            self.heir(now)
            return
        other.stop_play()
        self.fell_through = self._telling is not None and leg is self._agent and other.alive
        self.kept_customer = self.fell_through or (self.keeps_customer and leg is self._agent and other.alive)
        if self.kept_customer:
            self._board.emit(Unbridge(other.id))
        else:
            other.hang_up(NORMAL_CLEARING)
        self.finish(now)
        self._on_end(now)

    def pass_on(self, now: float) -> None:
        """The agent gives the customer away: her leg ends and her wrap-up begins; his leg is for its owner to take."""
        self.is_the_customer()
        self._board.emit(Unbridge(self._customer.id))
        self._customer.stop_play()
        self._agent.stop_play()
        self._agent.hang_up(NORMAL_CLEARING)
        self.finish(now)

    def finish(self, now: float) -> None:
        self._forget_telling()
        super().finish(now)
        self._board.floor.over(self, now)
        self._board.recordings.mark(self._customer, "agent left", self._facts.agent)
        if self._reaching is not None:
            reached = self._reaching.over(now)
            self._board.alarm(self)
            if not reached:  # she has talked to a machine, or to nobody: no talk, and no wrap-up
                return
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
