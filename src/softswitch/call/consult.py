"""An agent asks a colleague, or somebody outside, while her caller hears music; and all three in one call.

    AskColleague --> RINGING --answered--> ASKING: she talks with him, the caller hears music
                        |  refused, no answer --> she is back with the caller
    ASKING --together--> THREE: everybody hears everybody    --he hangs up, "back"--> she is back with the caller
           --back, or he hangs up--> she is back with the caller
    ASKING, THREE --over to him, or she hangs up--> the caller talks with him, she is in wrap-up
    RINGING, she hangs up --> the caller is in front of his queue
    the caller hangs up: all of it is over

Keys of hers in ASKING: 1 all three, 2 back to the caller, 3 over to the colleague. What a phone does by itself (hold, a
second call, transfer) is `call.transfers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from softswitch.call.board import Board
from softswitch.call.conference import Guest, Part
from softswitch.call.destination import DEPARTMENTS, OUTSIDE, Destination
from softswitch.call.dialling import Dialling, Outside, may_dial_outside, outside_of
from softswitch.call.joined import NORMAL_CLEARING, RTP_LOST
from softswitch.call.leg import AudioMoved, CallLeg
from softswitch.call.orders import AskColleague, ConsultStep
from softswitch.call.prompts import RINGBACK, music_segment
from softswitch.call.talk import Talk
from softswitch.ids import AgentId, InteractionId
from softswitch.media.messages import Bridge, DigitReceived, RtpSilent, Unbridge
from softswitch.sip.messages import AckReceived, InfoDigitReceived, InviteProgressed, LegEnded, OfferReceived

if TYPE_CHECKING:
    from softswitch.call.handing import Handing
    from softswitch.call.session import CallerSession

TOGETHER, BACK, OVER_TO_HIM = "together", "back", "over"
STEPS = (TOGETHER, BACK, OVER_TO_HIM)
_KEYS: Mapping[str, str] = {"1": TOGETHER, "2": BACK, "3": OVER_TO_HIM}

NO_TALK, ASKS_ALREADY, NOWHERE, MAY_NOT, NOT_NOW = "no talk", "asks already", "nowhere", "may not", "not now"
MAY_NOT_DIAL = "may not dial"


class Step(Enum):
    RINGING = "ringing"
    ASKING = "asking"
    THREE = "together"
    OVER = "over"


class Consult:
    """Owner of the caller's leg and hers until they are together again, and of the colleague's."""

    def __init__(self, board: Board, handing: Handing, talk: Talk, destination: Destination) -> None:
        self._board = board
        self._handing = handing
        self._talk = talk
        self._dialling: Dialling | None = None
        self._guest: Guest | None = None
        self._far: CallLeg | None = None
        self.destination = destination
        self.step = Step.RINGING

    def start(self, outside: Outside | None, shown: tuple[str, str], now: float) -> None:
        talk, board = self._talk, self._board
        talk.part()
        self._handing.marked("consultation", self.destination.shown)
        board.give_leg(talk.customer_leg, self)
        board.give_leg(talk.agent_leg, self)
        talk.customer_leg.play((music_segment(board.texts(talk.facts.queue).music),), loops=0)
        talk.agent_leg.play((RINGBACK,), loops=0)
        self._dialling = dialling = Dialling(board, self, talk.facts.interaction, shown, talk.agent_leg)
        if self.destination.agent is not None:
            dialling.ring(self.destination.agent, now)
        else:
            dialling.dial(outside, now)

    # -------------------------------------------------------------- the colleague is rung

    def dial_progressed(self, leg: CallLeg, event: InviteProgressed) -> None: ...
    def dial_goes_on(self) -> None: ...

    def dial_answered(self, leg: CallLeg, now: float) -> None:
        self._dialling = None
        self._far = leg
        self.step = Step.ASKING
        self._board.give_leg(leg, self)
        self._talk.agent_leg.stop_play()
        self._board.emit(Bridge(self._talk.agent_leg.id, leg.id))

    def dial_failed(self, status: int, now: float) -> None:
        self._dialling = None
        self._back()

    # -------------------------------------------------------------- what she decides

    def can(self, step: str) -> bool:
        if self.step is Step.RINGING:
            return step == BACK
        return step != TOGETHER or self.step is Step.ASKING

    def do(self, step: str, now: float) -> None:
        if self.step is Step.OVER or not self.can(step):
            return
        if step == TOGETHER:
            self._together()
        elif step == BACK:
            self._release_him()
            self._back()
        else:
            self._over_to_him(now)

    def _together(self) -> None:
        far, talk = self._far, self._talk
        assert far is not None
        self.step = Step.THREE
        self._handing.marked("all together", self.destination.shown)
        self._board.emit(Unbridge(far.id))
        self._handing.handover, self._handing.third = None, self
        self._guest = Guest(far, Part.THIRD, on_over=self._talk_over)
        talk.guests.append(self._guest)
        talk.heir = self._over_to_him
        talk.resume()

    def _back(self) -> None:
        """She is with her caller again, without him."""
        before, self.step = self.step, Step.OVER
        self._handing.marked("taken back", "the agent")
        self._forget()
        if before is Step.THREE and self._guest is not None:
            self._talk.heir = None
            self._talk.remove_guest(self._guest)
        else:
            self._talk.resume()

    def _over_to_him(self, now: float) -> None:
        far = self._far
        assert far is not None
        if self.step is Step.ASKING:
            self._board.emit(Unbridge(far.id))
        self.step = Step.OVER
        self._talk.heir = None
        self._forget()
        self._handing.join(self.destination, far, now)

    def _forget(self) -> None:
        handing = self._handing
        handing.handover = None if handing.handover is self else handing.handover
        handing.third = None if handing.third is self else handing.third

    def _release_him(self) -> None:
        dialling, self._dialling = self._dialling, None
        if dialling is not None:
            dialling.cancel()
        if self._far is not None and self._far.alive:
            if self.step is Step.ASKING:
                self._board.emit(Unbridge(self._far.id))
            self._far.hang_up(NORMAL_CLEARING)

    # -------------------------------------------------------------- ends

    def _talk_over(self, now: float) -> None:
        """All three were together, and the talk has ended or goes another way."""
        if self.step is Step.THREE:
            self._release_him()
            self.step = Step.OVER
            self._forget()

    def agent_freed(self, now: float) -> None:
        """She is gone, or taken out of it, and the caller is nobody's."""
        self._release_him()
        self.step = Step.OVER
        self._forget()
        self._talk.finish(now)
        self._talk.agent_leg.hang_up(NORMAL_CLEARING)
        self._talk.customer_leg.stop_play()
        self._handing.back_to_line(now)

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, DigitReceived | InfoDigitReceived):
            step = _KEYS.get(event.digit)
            if leg is self._talk.agent_leg and leg.keys.counts(event, now) and step is not None:
                self.do(step, now)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, AckReceived):
            leg.acknowledged(event.sdp)
        elif isinstance(event, AudioMoved):
            self._sound()
        elif isinstance(event, RtpSilent) and not leg.on_hold:
            leg.hang_up(RTP_LOST)

    def _sound(self) -> None:
        """The audio of a leg is somewhere else: who hears whom is told anew."""
        hers, far = self._talk.agent_leg, self._far
        if self.step is Step.THREE:
            self._talk.sound()
        elif self.step is Step.ASKING and far is not None and hers.has_media and far.has_media:
            self._board.emit(Bridge(hers.id, far.id))

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self.step is Step.OVER:
            return
        if leg is self._far:
            self._back()
        elif leg is self._talk.agent_leg:
            if self.step is Step.ASKING:
                self._over_to_him(now)
            else:
                self.agent_freed(now)
        else:
            self._release_him()
            self.step = Step.OVER
            self._forget()
            self._talk.finish(now)
            self._talk.agent_leg.stop_play()
            self._talk.agent_leg.hang_up(NORMAL_CLEARING)
            self._handing.caller_gone(now)


class Consults:
    """One per `Calls`: orders to ask, and what became of them."""

    def __init__(
        self,
        board: Board,
        sessions: Mapping[InteractionId, CallerSession],
        talk_of: Callable[[AgentId], Talk | None],
    ) -> None:
        self._board = board
        self._sessions = sessions
        self._talk_of = talk_of

    @property
    def handlers(self) -> dict[type, Callable[[Any, float], None]]:
        return {AskColleague: self.ask, ConsultStep: self.go_on}

    def _session(self, agent: AgentId) -> CallerSession | None:
        talk = self._talk_of(agent)
        session = self._sessions.get(talk.facts.interaction) if talk is not None else None
        return session if session is not None and session.talk is talk else None

    def of(self, agent: AgentId) -> Consult | None:
        """Whom she asks, or has in her call."""
        session = self._session(agent)
        if session is None:
            return None
        there = session.handing.handover
        return there if isinstance(there, Consult) else session.handing.third

    def look(self, order: AskColleague, now: float) -> Destination | str:
        """Where to, or why not."""
        board, session = self._board, self._session(order.agent)
        if session is None:
            return NO_TALK
        if session.handing.handover is not None or session.handing.third is not None:
            return ASKS_ALREADY
        there = board.line.places.find(order.to, board.line.local_time(board.line.wall(now)))
        if isinstance(there, int) or there.kind == DEPARTMENTS or there.agent == order.agent:
            return NOWHERE
        if not board.line.places.allowed(order.agent, there):
            return MAY_NOT
        return there if there.kind != OUTSIDE or may_dial_outside(board, order.agent, there, now) else MAY_NOT_DIAL

    def _outside(self, order: AskColleague, talk: Talk, now: float) -> Outside | None:
        board = self._board
        there = board.line.places.find(order.to, board.line.local_time(board.line.wall(now)))
        assert isinstance(there, Destination)
        return outside_of(board, order.agent, there, now, talk.agent_leg.facts.signalling)

    def ask(self, order: AskColleague, now: float) -> None:
        there, session = self.look(order, now), self._session(order.agent)
        if session is None or session.talk is None:
            return
        board, talk, outside = self._board, session.talk, None
        if isinstance(there, str):
            if there == MAY_NOT_DIAL:
                self._outside(order, talk, now)  # it is told that it was refused
                session.waiting.note(f"{order.agent} may not dial {order.to}")
            return
        voice = board.call.agents[order.agent]
        shown = (voice.extension, next(iter(voice.spoken_name.texts.values()), ""))
        if there.kind == OUTSIDE:
            outside = self._outside(order, talk, now)
            shown = (board.call.call_back_caller, board.call.name)
        consult = Consult(board, session.handing, talk, there)
        session.handing.handover = consult
        consult.start(outside, shown, now)

    def go_on(self, order: ConsultStep, now: float) -> None:
        consult = self.of(order.agent)
        if consult is not None:
            consult.do(order.step, now)
