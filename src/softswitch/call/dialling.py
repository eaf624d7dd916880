"""Somebody is rung at the wish of an agent: a colleague's phones all at once, or a number outside.

    ring / dial -> RINGING --first 200--> ANSWERED: the listener takes the leg
                      |  a trunk failed as `call.routes` goes on after --> the next trunk of the route
                      |  all legs failed, time is up --> FAILED
                      |  cancel --> over, nobody is told

A colleague who is rung so is on a call of her own as far as the queues are concerned: nobody else is offered to her.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from softswitch.call import answered_by
from softswitch.call.auto_answer import headers as auto_answer
from softswitch.call.board import Board
from softswitch.call.destination import OUTSIDE, Destination
from softswitch.call.dial_permission import Verdict
from softswitch.call.dial_settings import AGENTS, Dialler
from softswitch.call.joined import GONE, TAKEN_OVER
from softswitch.call.leg import CallLeg, LegFacts
from softswitch.call.phone_number import EMERGENCY, INTERNAL
from softswitch.call.routes import MOST_REDIRECTS, SILENT_SECONDS, had_no_room, trunk_uri, written_for
from softswitch.ids import AgentId, InteractionId, LegId
from softswitch.media.messages import MediaSecured
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import (
    AckReceived,
    EndedBy,
    InviteAnswered,
    InviteProgressed,
    LegEnded,
    OfferReceived,
    StartInvite,
    TrunkSettings,
)

BUSY, NOT_THERE, NO_ANSWER, NO_ROOM = 486, 480, 408, 503
_NOBODY_ANSWERED = 'SIP;cause=487;text="No answer"'


class Listener(Protocol):
    """Who wanted it."""

    def dial_progressed(self, leg: CallLeg, event: InviteProgressed) -> None: ...
    def dial_goes_on(self) -> None: ...  # over the next trunk: what was heard of the last one is over
    def dial_answered(self, leg: CallLeg, now: float) -> None: ...
    def dial_failed(self, status: int, now: float) -> None: ...


class Outside(NamedTuple):
    """A number outside that may be dialled: by the rule book, for whom, and through which trunk; and through which
    others when that fails."""

    trunk: TrunkSettings
    dialler: Dialler
    verdict: Verdict
    others: tuple[tuple[TrunkSettings, Verdict], ...] = ()
    followed: int = 0  # redirections so far
    keys: str = ""  # that are pressed once he has answered; perhaps a secret

    @property
    def target(self) -> str:
        return trunk_uri(self.trunk, self.verdict.number)

    def shown(self, board: Board) -> str:
        """The number of ours that is shown there."""
        return written_for(self.trunk, board.call.call_back_caller)


def outside_of(board: Board, agent: AgentId, there: Destination, now: float, source: str = "") -> Outside | None:
    """A number outside, when the rule book lets this agent dial it and there is a trunk for it."""
    plan = board.ways.plan_of_agents() if there.kind == OUTSIDE else []
    if not plan:
        return None
    dialler = Dialler(AGENTS, agent=agent)
    asked = [(trunk, board.dialling.may_dial(dialler, there.number, now, trunk.id)) for trunk in plan]
    ways = [(trunk, verdict) for trunk, verdict in asked if verdict.allowed and verdict.kind != INTERNAL]
    if not ways:
        board.may_dial(dialler, there.number, now, plan[0].id, source)  # it is told that it was refused
        return None
    (trunk, verdict), *others = ways
    return Outside(trunk, dialler, verdict, tuple(others))


def may_dial_outside(board: Board, agent: AgentId, there: Destination, now: float) -> bool:
    """Would `outside_of` find a way? For whoever only asks."""
    asked = (
        board.dialling.may_dial(Dialler(AGENTS, agent=agent), there.number, now, trunk.id)
        for trunk in board.ways.plan_of_agents()
    )
    return any(verdict.allowed and verdict.kind != INTERNAL for verdict in asked)


class Dialling:
    """`shown` is the number and the name that the called party sees. `like`: whose codec is preferred."""

    def __init__(
        self,
        board: Board,
        listener: Listener,
        interaction: InteractionId | None,
        shown: tuple[str, str],
        like: CallLeg | None,
    ) -> None:
        self._board = board
        self._interaction = interaction
        self._shown = shown
        self._like = like
        self._legs: dict[LegId, CallLeg] = {}
        self._deadline: float | None = None
        self._status = 0
        self._outside: Outside | None = None  # that is being dialled
        self.hops = 70
        self.picks_up = False  # he has asked for this call himself: his phone may pick it up by itself
        self.listener = listener
        self.over = False

    # -------------------------------------------------------------- begin

    def ring(self, agent: AgentId, now: float) -> None:
        """The colleague's phones. Busy is who is on the phone already, whatever her phone could do."""
        board = self._board
        if board.is_on_the_phone(agent):
            self._fail(BUSY, now)
            return
        contacts = board.contacts.get(agent, ())
        for contact in contacts:
            facts = self._facts(agent, contact.uri, now, contact.flow.remote[0])
            facts.encryption = board.encryption_of(None, agent, contact.flow.transport)
            facts.ip6 = ":" in facts.signalling
            leg = board.open_leg(LegId(board.ids.number()), facts, self, beside=self._like)
            if leg is None:
                break
            self._legs[leg.id] = leg
            board.own_call_began(leg.id, agent)
            offer = leg.make_offer(self._like)
            caller, name = self._shown
            order = StartInvite(
                leg.id, contact.uri, contact.flow, caller, name, offer, hops=self.hops, agent=agent, path=contact.path
            )
            if self.picks_up:
                how = board.call.agents[agent].auto_answer
                how = "by-phone" if how == "never" else how
                order = replace(order, headers=auto_answer(how, contact.user_agent, board.media.host))
            board.emit(order)
        if not self._legs:
            self._fail(NO_ROOM if contacts else NOT_THERE, now)
            return
        self._until(now)

    def dial(self, outside: Outside | None, now: float) -> None:
        if outside is None:
            self._fail(NOT_THERE, now)
            return
        self._place(outside, now)
        if not self.over:
            self._until(now)

    def _place(self, outside: Outside, now: float) -> None:
        board = self._board
        self._outside = outside
        trunk, dialler, verdict, others = outside[:4]
        number = verdict.number
        facts = self._facts(trunk.id, number, now, "")
        facts.encryption = board.encryption_of(trunk.id, None)
        facts.codecs = trunk.codecs
        facts.ip6 = ":" in trunk.host
        leg = board.open_leg(LegId(board.ids.number()), facts, self, beside=self._like)
        if leg is None:
            self._fail(NO_ROOM, now)
            return
        self._legs[leg.id] = leg
        _, name = self._shown
        caller = outside.shown(board)
        board.dialled(leg.id, dialler, verdict, now)
        offer = leg.make_offer(self._like)
        order = StartInvite(leg.id, outside.target, None, caller, name, offer, hops=self.hops, trunk=trunk.id)
        board.emit(replace(order, answer_within=SILENT_SECONDS) if others else order)

    def _dial_on(self, leg: CallLeg, event: LegEnded, now: float) -> bool:
        """Over the next trunk, when there is one and this failure is one to go on after."""
        outside = self._outside
        if self.over or outside is None or leg.facts.answered_at is not None:
            return False
        onward = self._redirected(outside, event, now)
        if onward is None and outside.others and self._board.ways.goes_on_of_agents(event):
            (trunk, verdict), *others = outside.others
            onward = outside._replace(trunk=trunk, verdict=verdict, others=tuple(others))
        if onward is None:
            return False
        self._legs.pop(leg.id, None)
        self.listener.dial_goes_on()
        self._place(onward, now)
        return True

    def _redirected(self, outside: Outside, event: LegEnded, now: float) -> Outside | None:
        """A trunk sends the call behind another one: followed where it may, and for a number that may be dialled."""
        trunk = self._board.ways.redirected(event)
        if trunk is None or outside.followed >= MOST_REDIRECTS:
            return None
        verdict = self._board.may_dial(outside.dialler, event.moved_to, now, trunk.id)
        if not verdict.allowed or verdict.kind == INTERNAL:
            return None
        if verdict.kind == EMERGENCY and outside.verdict.kind != EMERGENCY:  # past all rules, and nobody has dialled it
            return None
        return outside._replace(trunk=trunk, verdict=verdict, followed=outside.followed + 1)

    def _facts(self, party: str, dialled: str, now: float, signalling: str) -> LegFacts:
        return LegFacts("out", party, self._shown[0], dialled, now, self._interaction, signalling=signalling)

    def _until(self, now: float) -> None:
        self._deadline = now + self._board.call.transfers.ring_seconds
        self._board.alarm(self)

    # -------------------------------------------------------------- end

    def next_deadline(self) -> float | None:
        return self._deadline

    def tick(self, now: float) -> None:
        if self._deadline is not None and self._deadline <= now:
            self._status = NO_ANSWER
            for leg in list(self._legs.values()):
                leg.hang_up(_NOBODY_ANSWERED)
            self._fail(NO_ANSWER, now)

    def cancel(self) -> None:
        self._finish()
        for leg in self._legs.values():
            leg.hang_up(_NOBODY_ANSWERED)

    def _finish(self) -> None:
        self.over = True
        self._deadline = None
        self._board.alarm(self)

    def _fail(self, status: int, now: float) -> None:
        if not self.over:
            self._finish()
            self.listener.dial_failed(status, now)

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, AckReceived):
            leg.acknowledged(event.sdp)
        elif isinstance(event, InviteAnswered):
            self._answered(leg, event, now)
        elif isinstance(event, MediaSecured):
            leg.keys_agreed()
            if not self.over and leg.facts.answered_at is not None:
                self._won(leg, now)
        elif isinstance(event, InviteProgressed) and not self.over:
            self.listener.dial_progressed(leg, event)

    def _answered(self, leg: CallLeg, event: InviteAnswered, now: float) -> None:
        leg.facts.answered_at = now
        if self.over:
            leg.hang_up(TAKEN_OVER)
            return
        try:
            if event.sdp is None:
                raise SdpError("no answer in the 200")
            leg.accept_answer(event.sdp)
        except (NotAcceptable, SdpError):
            self._board.give_leg(leg, GONE)
            leg.hang_up()
            self._lost(leg, 488, now)
            return
        if not leg.awaits_keys:
            self._won(leg, now)

    def _won(self, leg: CallLeg, now: float) -> None:
        """Answered, and can hear and speak (a browser agrees on keys first)."""
        self._finish()
        for other in self._legs.values():
            if other is not leg:
                other.hang_up(TAKEN_OVER)
        if self._outside is not None and self._board.dialling.settings.note_machines:
            answered_by.watch(self._board, leg, answered=True)
        self.listener.dial_answered(leg, now)
        if self._outside is not None and self._outside.keys:
            leg.press(self._outside.keys)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self._dial_on(leg, event, now):
            return
        status = event.status if event.by is EndedBy.PEER else NO_ANSWER
        if had_no_room(event):
            status = NO_ROOM
        self._lost(leg, status if status >= 400 else NOT_THERE, now)

    def _lost(self, leg: CallLeg, status: int, now: float) -> None:
        self._legs.pop(leg.id, None)
        # RFC 3261 16.7 step 6: of several failures a 6xx or a busy says more than a phone that was not there.
        if self._status not in (BUSY, 600, 603):
            self._status = status
        if not self._legs:
            self._fail(self._status, now)
