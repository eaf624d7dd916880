"""The call core: which object of this room hears which event.

    sip.InviteReceived --> CallerSession (a number of ours) | FeatureCall (an agent's code) | Reject
    sip / media events of a leg --> the leg's owner
    acd commands of an interaction --> its CallerSession, or a CallBackSession for a promise
    acd commands of an attempt --> the session that rings

Pure: one `Calls` per switch; time, ids and the wall clock are handed in (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.acd.messages import (
    AnnounceWaiting,
    CallerNoted,
    CancelRing,
    ConfirmCallBack,
    Connect,
    ConversationEnded,
    EndConversation,
    InteractionEnded,
    OfferChoice,
    OrderAnswered,
    OverflowCaller,
    PromiseRestored,
    RefuseAnswer,
    RingAgent,
    RingEnd,
    RingEnded,
    SavePromise,
    WayOutChanged,
)
from softswitch.call import answered_by, passing
from softswitch.call.alarms import Alarms
from softswitch.call.audio_watch import AudioWatch, take_answer
from softswitch.call.board import NOBODY, Board, LineFacts, LocalTime, WallClock
from softswitch.call.call_back import CALL_BACK, CallBackSession, Ticket
from softswitch.call.customer_first import CustomerFirstSession
from softswitch.call.feature_code import Feature, FeatureCall, feature_of
from softswitch.call.hours_clock import HoursClock
from softswitch.call.leg import LEG_EVENTS, CallLeg, LegFacts, incoming_facts
from softswitch.call.live import CallRestored, CallsResumed
from softswitch.call.media_watch import MediaWatch
from softswitch.call.orders import MoveCaller, PassCaller, PassMyCaller, PressKeys, SetOwner, Supervise
from softswitch.call.overload import Admission
from softswitch.call.prompts import PromptCatalog
from softswitch.call.readopted import Readopted
from softswitch.call.record import opened
from softswitch.call.records import DialRestored, PreviousAgentFound
from softswitch.call.routes import Routes
from softswitch.call.routing import Route, resolve
from softswitch.call.session import CallerSession, Stage
from softswitch.call.settings import Settings
from softswitch.call.supervision import Supervision, floor_of
from softswitch.call.transfers import Transfers
from softswitch.ids import IdSource, InteractionId, RingAttemptId
from softswitch.media.messages import AnsweredBy
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.ports import PortStock
from softswitch.media.sdes import RandomBytes
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import (
    Answer,
    EndedBy,
    InviteAnswered,
    InviteReceived,
    LegEnded,
    OfferAnswered,
    ReferReceived,
    RegistrationChanged,
    Reject,
    TrunkAnswering,
)

_RETRY_AFTER_SECONDS = 5


class Calls:
    """See the module docstring."""

    def __init__(
        self,
        settings: Settings,
        catalog: PromptCatalog,
        ports: PortStock,
        ids: IdSource,
        wall: WallClock,
        local_time: LocalTime,
        random_bytes: RandomBytes | None = None,
    ) -> None:
        self.board = Board(LineFacts(settings, wall, local_time), catalog, ports, ids, random_bytes)
        self.sessions: dict[InteractionId, CallerSession] = {}
        self.call_backs: dict[InteractionId, CallBackSession] = {}
        self._tickets: dict[InteractionId, Ticket] = {}
        self._saying_goodbye: dict[InteractionId, CallLeg] = {}  # callers who are told when they are called back
        self.routes = Routes(settings)
        self.board.set_ways(self.routes)
        self._alarms = Alarms()
        self.board.set_alarm(self._alarms.look)
        self.transfers = Transfers(self.board, self.sessions, self.call_backs)
        self._hours = HoursClock(self.board)
        self._admission = Admission(self.board, self.sessions.values())
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            InviteReceived: self._invite,
            LegEnded: self._leg_ended,
            RegistrationChanged: self._registered,
            PreviousAgentFound: self._previous_agent,
            PassCaller: self._pass_on,
            PassMyCaller: self._pass_my_caller,
            MoveCaller: lambda event, now: self._session_do(event, now, passing.move),
            SetOwner: lambda event, now: self._session_do(event, now, passing.set_owner),
            PressKeys: self._press_keys,
            OrderAnswered: self._order_answered,
            AnnounceWaiting: lambda event, now: self._session_do(event, now, CallerSession.announce),
            OfferChoice: lambda event, now: self._session_do(event, now, CallerSession.offer_choice),
            CallerNoted: lambda event, now: self._session_do(event, now, CallerSession.noted),
            OverflowCaller: self._overflow,
            ConfirmCallBack: self._confirm_call_back,
            RingAgent: self._ring_agent,
            CancelRing: self._cancel_ring,
            RefuseAnswer: self._refuse_answer,
            EndConversation: self._end_conversation,
            Connect: self._connect,
            SavePromise: self._promised,
            PromiseRestored: self._promised,
            InteractionEnded: self._interaction_ended,
            RingEnded: self._ring_ended,
            ReferReceived: lambda event, now: self.transfers.refer(event, now),
            TrunkAnswering: self._trunk_answering,
            DialRestored: self._dial_restored,
        }
        readopted = Readopted(self.board, self.sessions, self.transfers)
        self._handlers.update({CallRestored: readopted.restored, CallsResumed: readopted.resumed})
        self._handlers.update(Supervision(self.board, self.sessions).handlers)
        media = MediaWatch(self.board, self._ports_leased, self._leg_event)
        self._handlers.update(media.handlers)
        self._handlers.update(AudioWatch(self.board, self._leg_event, media.again.asks).handlers)
        self._handlers.update(dict.fromkeys(LEG_EVENTS, self._leg_event))
        self._ringing: dict[RingAttemptId, InteractionId] = {}

    # -------------------------------------------------------------- the contract

    @property
    def ringing_attempts(self) -> tuple[RingAttemptId, ...]:
        """The ring attempts that have neither been connected nor ended."""
        return tuple(self._ringing)

    @property
    def events(self) -> tuple[type, ...]:
        """Every message type this core wants to hear."""
        return tuple(self._handlers)

    def handle(self, event: Any, now: float) -> list[Any]:
        self._handlers[type(event)](event, now)
        return self._flush()

    def tick(self, now: float) -> list[Any]:
        while (session := self._alarms.due(now)) is not None:
            session.tick(now)
            self._alarms.look(session)
        return self._flush()

    def next_deadline(self) -> float | None:
        return self._alarms.next()

    def can_call(self, number: str, now: float) -> bool:
        """Is there a way to call this customer, and may we?"""
        return self.routes.can_call(number) and any(
            self.board.dialling.may_dial(CALL_BACK, number, now, trunk, later=True).allowed
            for trunk in self.routes.call_back_trunks
        )

    def _flush(self) -> list[Any]:
        board = self.board
        out, board.outbox = board.outbox, []
        return out

    # -------------------------------------------------------------- incoming calls

    def _invite(self, event: InviteReceived, now: float) -> None:
        origin = event.origin
        if origin.agent is not None:
            feature = feature_of(self.board.call, event.dialled, origin.agent)
            if feature is not None:
                self._feature_call(event, feature, now)
                return
            wish = floor_of(self.board).by_code(event.dialled, origin.agent)
            if wish is not None:
                self._feature_call(event, Feature((), self.board.call.texts.not_possible), now, wish)
                return
            if event.replaces is not None:
                self.transfers.move(event, origin.agent, now)
                return
            if self.transfers.call(event, origin.agent, now):
                return
        wall = self.board.line.wall(now)
        route = resolve(self.board.call, event.dialled, self.board.line.local_time(wall))
        if route is None:
            self._reject(event, 404)
        else:
            self._caller(event, route, now)

    def _reject(self, event: InviteReceived, status: int) -> None:
        retry = _RETRY_AFTER_SECONDS if status == 503 else None
        self.board.emit(Reject(event.leg, status, retry))

    def _caller(self, event: InviteReceived, route: Route, now: float) -> None:
        board = self.board
        interaction = InteractionId(board.ids.number())
        facts = self._facts(event, now, interaction)
        full = not self._admission.has_room(route.number.number)
        if full and not self._admission.can_speak(event.flow.remote):
            self._reject(event, 503)
            return
        leg = self._answer(event, facts, now, admitted=True)
        if leg is None:
            return
        if full:
            can_call = not facts.private and self.can_call(facts.caller, now)
            self._admission.speak(leg, interaction, route.number.language, can_call, now)
        else:
            self._welcome(event, interaction, leg, route, now)
        board.emit(opened(event, interaction, facts.caller, route, board.line.wall(now)))

    def _welcome(
        self, event: InviteReceived, interaction: InteractionId, leg: CallLeg, route: Route, now: float
    ) -> None:
        board, facts = self.board, leg.facts
        session = CallerSession(board, interaction, leg, route, now)
        session.waiting.caller_name = event.caller_name
        from_outside = event.origin.trunk is not None
        session.waiting.can_be_called_back = from_outside and not facts.private and self.can_call(facts.caller, now)
        board.give_leg(leg, session)
        self.sessions[interaction] = session

    def _facts(self, event: InviteReceived, now: float, interaction: InteractionId | None) -> LegFacts:
        facts = incoming_facts(event, now, interaction)
        facts.codecs = self.routes.codecs(event.origin.trunk)
        facts.encryption = self.board.encryption_of(event.origin.trunk, event.origin.agent, event.flow.transport)
        return facts

    def _answer(self, event: InviteReceived, facts: LegFacts, now: float, admitted: bool = False) -> CallLeg | None:
        """Answer an accepted INVITE; None when it had to be refused (no port: 503, no codec: 488)."""
        board = self.board
        beside = board.leg_of_agent(event.origin.agent)
        leg = board.open_leg(event.leg, facts, NOBODY, beside) if admitted or self._admission.has_room() else None
        if leg is None:
            self._reject(event, 503)
            return None
        try:
            sdp = leg.make_offer() if event.sdp is None else leg.accept_offer(event.sdp)
        except (NotAcceptable, SdpError):
            board.emit(Reject(event.leg, 488))
            board.end_leg(LegEnded(event.leg, EndedBy.US, 488), now)
            return None
        bell = self.routes.doorbell(board, leg, event, sdp, now)
        if bell is None:
            leg.facts.answered_at = now
            board.emit(Answer(event.leg, sdp))
        else:
            self._alarms.look(bell)
        if event.origin.agent is not None:
            board.own_call_began(event.leg, event.origin.agent)
        return leg

    def _feature_call(self, event: InviteReceived, feature: Feature, now: float, wish: Supervise | None = None) -> None:
        leg = self._answer(event, self._facts(event, now, None), now)
        if leg is not None and (wish is None or not floor_of(self.board).dialled(wish, leg, now)):
            self.board.give_leg(leg, FeatureCall(self.board, leg, feature))

    # -------------------------------------------------------------- legs

    def _leg_event(self, event: Any, now: float) -> None:
        found = self.board.find_leg(event.leg)
        if found is not None:
            leg, owner = found
            if type(event) is InviteAnswered:
                self.board.dial_answered(event.leg, now)
                self._alarms.look(self._admission.dial_watch)
            elif type(event) is OfferAnswered:
                take_answer(leg, event)
            elif type(event) is AnsweredBy:
                answered_by.note(leg, event)
            owner.leg_event(leg, event, now)
            self._look(owner)

    def _look(self, owner: Any) -> None:
        if isinstance(owner, CallerSession | CallBackSession | FeatureCall):
            self._alarms.look(owner)

    def _leg_ended(self, event: LegEnded, now: float) -> None:
        found = self.board.find_leg(event.leg)
        if found is None:
            return
        leg, owner = found
        self.board.end_leg(event, now)
        self._look(owner)
        if leg.facts.interaction is not None:
            self._caller_gone(leg, leg.facts.interaction)

    def _caller_gone(self, leg: CallLeg, interaction: InteractionId) -> None:
        if self._saying_goodbye.get(interaction) is leg:
            del self._saying_goodbye[interaction]
        session = self.sessions.get(interaction)
        if session is not None and session.leg is leg and not session.rings:
            del self.sessions[interaction]

    def _registered(self, event: RegistrationChanged, now: float) -> None:
        if event.contacts:
            self.board.contacts[event.agent] = event.contacts
        else:
            self.board.contacts.pop(event.agent, None)

    def _dial_restored(self, event: DialRestored, now: float) -> None:
        self.board.dial_restored(event, now)
        self._alarms.look(self._admission.dial_watch)  # calls that go on end as others do

    def _trunk_answering(self, event: TrunkAnswering, now: float) -> None:
        """While no trunk is left to call customers through, call-backs wait; nobody is rung for them."""
        before = self.routes.open
        self.routes.trunk_answering(event)
        if self.routes.open != before:
            self.board.emit(WayOutChanged(self.routes.open))

    def _ports_leased(self, now: float) -> None:
        self._hours.start(now)  # the first ports: calls can come from now on
        self._alarms.look(self._hours)

    # -------------------------------------------------------------- interactions

    def _session_do(self, event: Any, now: float, action: Callable[[CallerSession, Any, float], None]) -> None:
        session = self.sessions.get(event.interaction)
        if session is not None and session.stage is not Stage.ENDED:
            action(session, event, now)
            self._alarms.look(session)

    def _pass_on(self, event: PassCaller, now: float) -> None:
        call_back = self.call_backs.get(event.interaction)
        caller = passing.caller_of(call_back, now) if call_back is not None else None
        if call_back is None or caller is None:
            self._session_do(event, now, passing.pass_on)
            return
        del self.call_backs[event.interaction]
        self.sessions[event.interaction] = caller
        passing.pass_on_call_back(call_back, caller, event, now)
        self._alarms.look(caller)

    def _pass_my_caller(self, event: PassMyCaller, now: float) -> None:
        """By a feature code: whom she talks with."""
        talk = floor_of(self.board).talk_of(event.agent)
        if talk is not None:
            self._pass_on(PassCaller(talk.facts.interaction, event.queue, "", event.come_back), now)
        self.board.emit(OrderAnswered(event.agent, talk is not None))

    def customer_leg(self, interaction: InteractionId) -> CallLeg | None:
        """The line of who called, or was called back, while he is on it."""
        session, call_back = self.sessions.get(interaction), self.call_backs.get(interaction)
        leg = session.leg if session is not None else call_back.customer_leg if call_back is not None else None
        return leg if leg is not None and leg.alive and leg.facts.answered_at is not None else None

    def _press_keys(self, event: PressKeys, now: float) -> None:
        if (leg := self.customer_leg(event.interaction)) is not None:
            leg.press(event.keys)

    def _order_answered(self, event: OrderAnswered, now: float) -> None:
        for leg in self.board.own_calls(event.agent):
            found = self.board.find_leg(leg)
            if found is not None and isinstance(found[1], FeatureCall):
                found[1].answered(event.ok)

    def _previous_agent(self, event: PreviousAgentFound, now: float) -> None:
        self._session_do(event, now, CallerSession.previous_agent_found)

    def _overflow(self, event: OverflowCaller, now: float) -> None:
        self._admission.refused(event, now)
        self._session_do(event, now, CallerSession.overflow)

    def _confirm_call_back(self, event: ConfirmCallBack, now: float) -> None:
        told = self._admission.confirmed(event, now)
        if told is not None:
            self._saying_goodbye[event.interaction] = told
        self._session_do(event, now, CallerSession.confirm_call_back)
        session = self.sessions.pop(event.interaction, None)  # the interaction is the promise now
        if session is not None and session.leg.alive:
            self._saying_goodbye[event.interaction] = session.leg

    def _promised(self, event: SavePromise | PromiseRestored, now: float) -> None:
        self._tickets[event.interaction] = Ticket(
            event.interaction, event.queue, event.agent, event.caller, event.customer, event.language
        )

    def _interaction_ended(self, event: InteractionEnded, now: float) -> None:
        self._tickets.pop(event.interaction, None)

    # -------------------------------------------------------------- ring attempts

    def _ring_agent(self, event: RingAgent, now: float) -> None:
        self._ringing[event.attempt] = event.interaction
        if event.call_back:
            call_back = self._call_back_session(event, now)
            call_back.ring_agent(event, now)
            self._alarms.look(call_back)
            return
        session = self.sessions.get(event.interaction)
        if session is None or not session.leg.alive:
            # He hung up a moment ago; the ACD has his CallerLeft in the queue and will cancel this attempt.
            return
        session.ring_agent(event, now)

    def _call_back_session(self, event: RingAgent, now: float) -> CallBackSession:
        ticket = self._tickets.get(event.interaction)
        assert ticket is not None, "a call-back without its promise"
        there = self.call_backs.get(event.interaction)
        if isinstance(there, CustomerFirstSession):  # the customer is on the line already
            return there
        kind = CustomerFirstSession if event.customer_first else CallBackSession
        made = kind(self.board, ticket, self.routes, self._forget_over, now)
        self.call_backs[event.interaction] = made
        still_here = self._saying_goodbye.get(event.interaction)
        if isinstance(made, CustomerFirstSession) and still_here is not None and still_here.alive:
            made.take(still_here)
        return made

    def _ringer(self, attempt: RingAttemptId) -> CallerSession | CallBackSession | None:
        interaction = self._ringing.pop(attempt, None)
        if interaction is None:
            return None
        return self.call_backs.get(interaction) or self.sessions.get(interaction)

    def _cancel_ring(self, event: CancelRing, now: float) -> None:
        ringer = self._ringer(event.attempt)
        if isinstance(ringer, CallerSession):
            ringer.cancel_ring(event)
            self._forget_dead(ringer)
        elif ringer is not None:
            ringer.cancel_ring(event, now)
            self._alarms.look(ringer)

    def _refuse_answer(self, event: RefuseAnswer, now: float) -> None:
        ringer = self._ringer(event.attempt)
        if isinstance(ringer, CallerSession):
            ringer.refuse_answer(event)
            self._forget_dead(ringer)
        elif ringer is not None:
            ringer.refuse_answer(event, now)
            self._alarms.look(ringer)

    def _end_conversation(self, event: EndConversation, now: float) -> None:
        for session in self.sessions.values():
            if session.talk is not None and session.talk.attempt == event.attempt and not session.talk.over:
                passing.freed(session, now)
                self._alarms.look(session)
                return
        for call_back in list(self.call_backs.values()):
            call_back.agent_freed(event.attempt, now)

    def _connect(self, event: Connect, now: float) -> None:
        ringer = self._ringer(event.attempt)
        if ringer is None:
            self.board.emit(ConversationEnded(event.attempt))
            return
        if isinstance(ringer, CallerSession):
            ringer.connect(event, now)
            self._forget_dead(ringer)
        else:
            ringer.connect(event, self._saying_goodbye.get(event.interaction), now)
        self._alarms.look(ringer)

    def _ring_ended(self, event: RingEnded, now: float) -> None:
        """Her phones refused or were not there: the attempt ended without a CancelRing."""
        if event.end not in (RingEnd.REJECTED, RingEnd.UNREACHABLE):
            return
        ringer = self._ringer(event.attempt)
        if isinstance(ringer, CallerSession):
            ringer.ring_failed(event.attempt)
            self._forget_dead(ringer)
        elif ringer is not None:
            ringer.ring_failed(now)
            self._alarms.look(ringer)

    def _forget_dead(self, session: CallerSession) -> None:
        if not session.leg.alive and not session.rings:
            self.sessions.pop(session.interaction, None)

    def _forget_over(self, session: CallBackSession) -> None:
        if self.call_backs.get(session.interaction) is session:
            del self.call_backs[session.interaction]
