"""Supervisors in the talks of agents: listen, whisper, barge (docs/supervise.md).

    API --> his phone rings --answered--> IN HER TALK <--4, 5, 6, API--> in another part
    his phone dials a code --------------^   |  he hangs up, API --> over; the two go on as if nobody had been there
                                             |  her talk is over --follow--> WAITING (music) --her next talk--> IN IT
                                             |                   --else----> he is hung up
    rung and her talk is over before he answers --follow--> WAITING, else over

A supervision belongs to the agent, not to the caller: while she holds the call he hears the caller's side; where she
transfers the caller to, he does not go. What he hears while she is parted from her caller is silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softswitch.call.board import Board
from softswitch.call.conference import MOST_GUESTS, Guest, Part
from softswitch.call.consult import Consults
from softswitch.call.dialling import Dialling
from softswitch.call.joined import NORMAL_CLEARING, RTP_LOST
from softswitch.call.leg import AudioMoved, CallLeg
from softswitch.call.orders import ChangeSupervision, EndSupervision, Supervise
from softswitch.call.prompts import CALM_MUSIC
from softswitch.ids import AgentId, InteractionId
from softswitch.media.messages import DigitReceived, RtpSilent
from softswitch.sip.messages import AckReceived, InfoDigitReceived, InviteProgressed, LegEnded, OfferReceived

if TYPE_CHECKING:
    from softswitch.call.session import CallerSession
    from softswitch.call.talk import Talk

PARTS = (Part.LISTEN, Part.WHISPER, Part.BARGE)
KEYS: Mapping[str, Part] = {"4": Part.LISTEN, "5": Part.WHISPER, "6": Part.BARGE}
LEVELS = (25, 200)  # percent, of his voice

NOT_HIS, NO_TALK, FULL, BUSY, NO_PHONE = "not his", "no talk", "full", "busy", "no phone"
_THERE_ALREADY = "there already"  # with another call of his


@dataclass(frozen=True, slots=True)
class SupervisionNoted:
    """For the record: who was in whose talk, and how. `what`: "asked for", "in", "changed", "waits",
    "left" (for another agent), "over", "refused" (`because`)."""

    at: float  # wall clock
    supervisor: AgentId
    agent: AgentId
    what: str
    part: str
    interaction: InteractionId | None
    because: str = ""


class Watch:
    """One supervisor with one agent. Owner of his leg; what Dialling tells while his phone rings."""

    def __init__(self, house: Supervision, order: Supervise) -> None:
        self._house = house
        self._dialling: Dialling | None = None
        self._guest: Guest | None = None  # in a talk
        self.supervisor = order.supervisor
        self.agent = order.agent
        self.part = Part(order.part)
        self.follow = order.follow
        self.level = order.level
        self.leg: CallLeg | None = None
        self.ready = False  # he can hear
        self.talk: Talk | None = None
        self.left: InteractionId | None = None  # whose talk he was in until now

    @property
    def over(self) -> bool:
        """He is being hung up; his phone may not know it yet."""
        return not any(each is self for each in self._house.watches)

    @property
    def state(self) -> str:
        if self.talk is not None:
            return "in talk"
        return "waiting" if self.ready else "ringing"

    # -------------------------------------------------------------- his phone

    def ring(self, board: Board, shown: tuple[str, str], like: CallLeg | None, now: float) -> None:
        self._dialling = dialling = Dialling(board, self, None, shown, like)
        dialling.picks_up = True
        dialling.ring(self.supervisor, now)

    def dial_progressed(self, leg: CallLeg, event: InviteProgressed) -> None: ...
    def dial_goes_on(self) -> None: ...

    def dial_failed(self, status: int, now: float) -> None:
        self._dialling = None
        self._house.ended(self, now)

    def dial_answered(self, leg: CallLeg, now: float) -> None:
        self._dialling = None
        self.here(leg, now)

    def here(self, leg: CallLeg, now: float) -> None:
        """He is on the line and can hear."""
        self.leg, self.ready = leg, True
        self._house.board.give_leg(leg, self)
        self.join(self._house.talk_of(self.agent), now)

    # -------------------------------------------------------------- talks

    def join(self, talk: Talk | None, now: float) -> None:
        """Into this talk of hers; None: she has none (any more)."""
        leg = self.leg
        if leg is None or not self.ready:
            return
        self.leave()
        if talk is not None and len(talk.guests) < MOST_GUESTS:
            self.talk = talk
            self._guest = Guest(leg, self.part, self.level)
            leg.stop_play()
            talk.add_guest(self._guest)
            if self._guest.is_loud:
                self._house.heard(talk, self, True)
            self._house.note(self, "in", now)
        elif self.follow:
            leg.play((CALM_MUSIC,), loops=0)
            self._house.note(self, "waits", now)
        else:
            self.end(now)

    def leave(self) -> None:
        """Out of the talk that he is in."""
        talk, guest, self.talk, self._guest = self.talk, self._guest, None, None
        if talk is not None and guest is not None:
            self.left = talk.facts.interaction
            if guest.is_loud:
                self._house.heard(talk, self, False)
            talk.remove_guest(guest)

    def change(self, order: ChangeSupervision, now: float) -> None:
        self.part = self.part if order.part is None else Part(order.part)
        self.follow = self.follow if order.follow is None else order.follow
        self.level = self.level if order.level is None else order.level
        guest = self._guest
        if guest is not None and self.talk is not None:
            if guest.is_loud != (self.part is Part.BARGE):
                self._house.heard(self.talk, self, self.part is Part.BARGE)
            guest.part, guest.level = self.part, self.level
            self.talk.sound()
        self._house.note(self, "changed", now)

    def end(self, now: float) -> None:
        """He is hung up, and whoever rings stops."""
        self.leave()
        dialling, self._dialling = self._dialling, None
        if dialling is not None:
            dialling.cancel()
        if self.leg is not None:
            self.leg.hang_up(NORMAL_CLEARING)
        self._house.ended(self, now)

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, DigitReceived | InfoDigitReceived):
            part = KEYS.get(event.digit)
            if leg.keys.counts(event, now) and part is not None and not self.over:
                self.change(ChangeSupervision(self.supervisor, part.value), now)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, AckReceived):
            # RFC 3261 15: we may not send a BYE before his ACK, so he may be hung up already when it comes
            if leg.acknowledged(event.sdp) and not self.ready and not self.over:
                leg.facts.answered_at = now
                self.here(leg, now)
        elif isinstance(event, AudioMoved):
            if self.talk is not None:
                self.talk.sound()
        elif isinstance(event, RtpSilent) and not leg.on_hold:
            leg.hang_up(RTP_LOST)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        self.leave()
        self._house.ended(self, now)


class Supervision:
    """One per `Calls`: the talks of all agents, and who is in them. Implements `board.Floor`."""

    def __init__(self, board: Board, sessions: Mapping[InteractionId, CallerSession]) -> None:
        self.board = board
        self.consults = Consults(board, sessions, self.talk_of)
        self._talks: dict[AgentId, Talk] = {}
        self._watches: dict[AgentId, Watch] = {}  # by supervisor
        board.set_floor(self)

    @property
    def watches(self) -> tuple[Watch, ...]:
        return tuple(self._watches.values())

    def talk_of(self, agent: AgentId) -> Talk | None:
        return self._talks.get(agent)

    # -------------------------------------------------------------- Floor

    def began(self, talk: Talk, now: float) -> None:
        self._talks[talk.agent] = talk
        for watch in self.watches:
            if watch.agent == talk.agent and watch.talk is not talk:
                watch.join(talk, now)

    def over(self, talk: Talk, now: float) -> None:
        if self._talks.get(talk.agent) is talk:
            del self._talks[talk.agent]
        for watch in self.watches:
            if watch.talk is talk:
                watch.join(None, now)

    # -------------------------------------------------------------- orders

    @property
    def handlers(self) -> dict[type, Callable[[Any, float], None]]:
        own: dict[type, Callable[[Any, float], None]] = {
            Supervise: self.supervise,
            ChangeSupervision: self.change,
            EndSupervision: self.end,
        }
        return {**own, **self.consults.handlers}

    def refusal(self, order: Supervise) -> str | None:
        """Why not; None: it is possible."""
        board, supervisor = self.board, order.supervisor
        talk, there = self._talks.get(order.agent), self._watches.get(supervisor)
        if order.agent not in board.call.supervised.get(supervisor, ()) or order.agent == supervisor:
            return NOT_HIS
        if talk is None and not order.follow:
            return NO_TALK
        in_it = there is not None and there.talk is talk
        if talk is not None and len(talk.guests) >= MOST_GUESTS and not in_it:
            return FULL
        if there is None and board.is_on_the_phone(supervisor):
            return BUSY
        if there is None and not board.contacts.get(supervisor):
            return NO_PHONE
        return None

    def supervise(self, order: Supervise, now: float) -> None:
        why = self.refusal(order)
        if why is not None:
            self.refused(order, why, now)
            return
        there, talk = self._watches.get(order.supervisor), self._talks.get(order.agent)
        if there is not None and talk is not None and there.talk is talk:  # another part in it
            there.change(ChangeSupervision(order.supervisor, order.part, order.follow, order.level), now)
            return
        if there is not None:  # he goes from one agent to the other
            if there.talk is not None:
                there.leave()
                self.note(there, "left", now)
            there.agent, there.follow, there.level = order.agent, order.follow, order.level
            there.part = Part(order.part)
            self.note(there, "asked for", now)
            if there.ready:
                there.join(talk, now)
            return
        watch = self._begin(order, now)
        voice = self.board.call.agents[order.agent]
        name = next(iter(voice.spoken_name.texts.values()), order.agent)
        watch.ring(self.board, (voice.extension, name), talk.customer_leg if talk is not None else None, now)

    def _begin(self, order: Supervise, now: float) -> Watch:
        watch = self._watches[order.supervisor] = Watch(self, order)
        self.note(watch, "asked for", now)
        return watch

    def change(self, order: ChangeSupervision, now: float) -> None:
        watch = self._watches.get(order.supervisor)
        if watch is not None:
            watch.change(order, now)

    def end(self, order: EndSupervision, now: float) -> None:
        watch = self._watches.get(order.supervisor)
        if watch is not None:
            watch.end(now)

    # -------------------------------------------------------------- codes of his phone

    def by_code(self, dialled: str, supervisor: AgentId) -> Supervise | None:
        """What this phone asks for; None: something else."""
        codes = self.board.call.codes
        for code, part in ((codes.listen, Part.LISTEN), (codes.whisper, Part.WHISPER), (codes.barge, Part.BARGE)):
            agent = self.board.line.places.agent(dialled[len(code) :]) if code and dialled.startswith(code) else None
            if agent is not None:
                return Supervise(supervisor, agent, part.value)
        return None

    def dialled(self, order: Supervise, leg: CallLeg, now: float) -> Watch | None:
        """His own call has been answered: it is how he is there from its ACK on. None: it cannot be."""
        why = _THERE_ALREADY if order.supervisor in self._watches else self.refusal(order)
        if why not in (None, BUSY, NO_PHONE):  # busy: with this very call
            self.refused(order, why, now)
            return None
        watch = self._begin(order, now)
        watch.leg = leg
        self.board.give_leg(leg, watch)
        return watch

    # -------------------------------------------------------------- told by the watches

    def ended(self, watch: Watch, now: float) -> None:
        if self._watches.get(watch.supervisor) is watch:
            del self._watches[watch.supervisor]
            self.note(watch, "over", now)

    def refused(self, order: Supervise, why: str, now: float) -> None:
        self.board.emit(self.refusal_note(order, why, now))

    def refusal_note(self, order: Supervise, why: str, now: float) -> SupervisionNoted:
        """Also who tried what he may not is for the record."""
        at, talk = self.board.line.wall(now), self._talks.get(order.agent)
        interaction = talk.facts.interaction if talk is not None else None
        return SupervisionNoted(at, order.supervisor, order.agent, "refused", order.part, interaction, because=why)

    def heard(self, talk: Talk, watch: Watch, begins: bool) -> None:
        """By the caller: it is his recording in which this voice is."""
        mark = "barged in" if begins else "no longer barged in"
        self.board.recordings.mark(talk.customer_leg, mark, watch.supervisor)

    def note(self, watch: Watch, what: str, now: float) -> None:
        """With the call that he is in, or that he has just left."""
        left, watch.left = watch.left, None
        interaction = watch.talk.facts.interaction if watch.talk is not None else left
        at = self.board.line.wall(now)
        self.board.emit(SupervisionNoted(at, watch.supervisor, watch.agent, what, watch.part.value, interaction))


def floor_of(board: Board) -> Supervision:
    """That of these calls."""
    assert isinstance(board.floor, Supervision)
    return board.floor
