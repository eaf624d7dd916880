"""A caller's call, from the INVITE to the BYE.

    RINGING --ACK--> MENU --EnterQueue--> LOOKUP --> QUEUED <--> CHOOSING
                      |                    (who was it last time?)  |  |--ConfirmCallBack--> LEAVING
                      |--FlowFinished--> LEAVING                    |--Connect--> TALKING
                                                                    |--OverflowCaller--> MENU | LEAVING
    any --caller hangs up--> ENDED (CallerLeft when he was in the queue)

The session owns the caller's leg and what he hears; the voice menu (`ivr.flow`), the line he waits in
(`call.waiting`), the agent's phones (`call.ring`) and the conversation (`call.talk`) are objects of their own.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from softswitch.acd.messages import (
    AnnounceWaiting,
    CallerLeft,
    CallerNoted,
    CallerWentOn,
    CancelRing,
    Choice,
    ConfirmCallBack,
    Connect,
    ConversationEnded,
    OfferChoice,
    OverflowCaller,
    RefuseAnswer,
    RingAgent,
)
from softswitch.call import telling
from softswitch.call.board import Board
from softswitch.call.call_back_desk import CallBackDesk
from softswitch.call.handing import Handing
from softswitch.call.hours import is_open
from softswitch.call.known import QueuePlace
from softswitch.call.leg import CallLeg
from softswitch.call.records import InteractionClosed, PreviousAgentFound
from softswitch.call.ring import Ring
from softswitch.call.routing import Route
from softswitch.call.settings import CALL_BACK, LET_FIRST, QueueWays
from softswitch.call.talk import NORMAL_CLEARING, RTP_LOST, Talk, TalkFacts
from softswitch.call.waiting import Waiting
from softswitch.ids import FlowId, InteractionId, QueueId, RingAttemptId
from softswitch.ivr.flow import FlowRun
from softswitch.ivr.messages import (
    DigitPressed,
    EnterQueue,
    FlowFinished,
    FlowStarted,
    PlayPrompt,
    PromptEnded,
    Say,
    StopPrompt,
    Target,
)
from softswitch.media.messages import DigitReceived, PlaybackEnded, RtpSilent
from softswitch.sip.messages import AckReceived, EndedBy, InfoDigitReceived, LegEnded, OfferReceived

LOOKUP_SECONDS = 0.25  # the caller never waits longer than this for the store
QUEUE_CLOSED = "queue closed"
NOT_SAVED = "call-back not saved"  # because of `AnnounceWaiting`
QUEUE_FULL = "queue full"  # because of `OverflowCaller`, as the next
NOBODY = "nobody logged in"


def _own_step(ways: QueueWays, because: str) -> Target | None:
    """The next step that the queue has for this reason alone."""
    if because == QUEUE_FULL:
        return ways.full
    return ways.nobody if because == NOBODY else None


class Stage(Enum):
    RINGING = "ringing in"
    MENU = "in menu"
    LOOKUP = "looking up"
    QUEUED = "waiting"
    CHOOSING = "choosing"
    TALKING = "talking"
    LEAVING = "leaving"
    ENDED = "ended"


class CallerSession:
    """One caller on the line. Made by `Calls` for an accepted INVITE."""

    def __init__(self, board: Board, interaction: InteractionId, leg: CallLeg, route: Route, now: float) -> None:
        self._board = board
        self._route = route
        self._flow: FlowRun | None = None
        self._deadline: float | None = None
        self.interaction = interaction
        self.leg = leg
        self.stage = Stage.RINGING
        self.waiting = Waiting(board, leg, route.number.language)
        self.rings: dict[RingAttemptId, Ring] = {}  # one, or as many as the queue rings together
        self.talk: Talk | None = None
        self.handing = Handing(board, self, self._talked)
        self.since = now

    # -------------------------------------------------------------- timers

    def next_deadline(self) -> float | None:
        flow = self._flow
        in_flow = flow.next_deadline() if flow is not None else None
        if in_flow is None or (self._deadline is not None and self._deadline < in_flow):
            return self._deadline
        return in_flow

    def tick(self, now: float) -> None:
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            if self.stage is Stage.LOOKUP:
                self.enter_line(now)
            elif self.stage is Stage.QUEUED and not self.rings:
                self.waiting.say_offer()
        flow = self._flow
        if flow is not None:
            due = flow.next_deadline()
            if due is not None and due <= now:
                self._run(flow.tick(now), now)

    def _become(self, stage: Stage, now: float) -> None:
        self.stage = stage
        self.since = now

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, DigitReceived | InfoDigitReceived):
            if leg.keys.counts(event, now):
                self._digit(event.digit, now)
        elif isinstance(event, PlaybackEnded):
            self._played(event, now)
        elif isinstance(event, AckReceived):
            self._acknowledged(event, now)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, RtpSilent) and not leg.on_hold:
            leg.hang_up(RTP_LOST)

    def _digit(self, digit: str, now: float) -> None:
        if self._flow is not None:
            self._run(self._flow.handle(DigitPressed(digit), now), now)
        elif self.stage is Stage.QUEUED:
            self._way_out(digit, now)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        """The caller is gone. Whatever rings for him stops: the ACD answers CallerLeft with CancelRing."""
        before = self.stage
        self._become(Stage.ENDED, now)
        self._flow = None
        self._deadline = None
        if before in (Stage.QUEUED, Stage.CHOOSING):
            self._board.emit(CallerLeft(self.interaction, hung_up=event.by is not EndedBy.US))
        elif not self.waiting.has_entered:
            self._close_in_menu(now)

    def _close_in_menu(self, now: float) -> None:
        waited = 0.0
        at = self._board.line.wall(now)
        self._board.emit(InteractionClosed(self.interaction, "menu", None, at, waited, ""))

    # -------------------------------------------------------------- the menu

    def _acknowledged(self, event: AckReceived, now: float) -> None:
        if self.leg.acknowledged(event.sdp) and self.stage is Stage.RINGING:
            self.leg.facts.answered_at = self.leg.facts.answered_at or now
            self.waiting.ask_ahead(self.interaction, now)
            self._start_flow(self._route.flow, now)

    def _start_flow(self, flow: FlowId, now: float) -> None:
        self._become(Stage.MENU, now)
        self._flow = FlowRun(self._board.call.flows, flow, self._board.ids, self._board.line.flow_rules)
        facts, place = self.leg.facts, self.waiting.place
        values = {**facts.start_values, **self.waiting.identity_values()}
        started = FlowStarted(self.waiting.language, values)
        if place is not None:  # after a queue: nothing that was entered is lost
            started = FlowStarted(
                self.waiting.language, values, entered=place.entered, path=place.path, customer_id=place.customer or ""
            )
        self._run(self._flow.handle(started, now), now)

    def _run(self, commands: list[Any], now: float) -> None:
        for command in commands:
            if isinstance(command, PlayPrompt):
                if not self.leg.play(command.segments, command.loops, command.playback) and self._flow is not None:
                    self._run(self._flow.handle(PromptEnded(command.playback, False), now), now)
            elif isinstance(command, StopPrompt):
                self.leg.stop_play()
            elif isinstance(command, EnterQueue):
                self.enter_queue(command, now)
            elif isinstance(command, FlowFinished):
                self._flow_finished(command, now)
            else:  # RecordCall
                self._board.recordings.flow(self.leg, self.interaction, command.action, command.since_seconds)

    def _played(self, event: PlaybackEnded, now: float) -> None:
        if not self.leg.played(event.playback):
            return
        if self._flow is not None:
            self._run(self._flow.handle(PromptEnded(event.playback, event.finished), now), now)
        elif self.stage is Stage.LEAVING:
            self.leg.hang_up(NORMAL_CLEARING)
        elif self.stage is Stage.QUEUED:
            self.waiting.prompt_over(event.playback)

    def _flow_finished(self, command: FlowFinished, now: float) -> None:
        flow, self._flow = self._flow, None
        desk, self.waiting.desk = self.waiting.desk, None
        if desk is not None and flow is not None:
            self._call_back_answered(desk, desk.answer(command, flow, now), now)
        elif self.stage is not Stage.CHOOSING:
            self._leave(now)
        elif command.chosen == CALL_BACK.choose and not self.rings:
            self._ask_call_back(now, after_choice=True)
        else:
            self._become(Stage.QUEUED, now)
            if self.rings:  # she became free while he chose
                self.waiting.play_ringback()
            self.waiting.chosen(command.chosen)

    def _leave(self, now: float) -> None:
        """Nothing more to do for this caller: let the last prompt end, then hang up."""
        self._become(Stage.LEAVING, now)
        if self.leg.playback is None:
            self.leg.hang_up(NORMAL_CLEARING)

    # -------------------------------------------------------------- the queue

    def enter_queue(self, command: EnterQueue, now: float) -> None:
        self._flow = None
        self.leg.stop_play()
        self.waiting.language = command.language
        waits_for_store = self.waiting.prepare(self.interaction, command, now)
        place = self.waiting.place
        assert place is not None
        if self._closed(place.queue, now):
            self._next_step(self._board.texts(place.queue).ways.closed, place, QUEUE_CLOSED, now)
        elif waits_for_store:
            self._become(Stage.LOOKUP, now)
            self._deadline = now + LOOKUP_SECONDS
        else:
            self.enter_line(now)

    def _closed(self, queue: QueueId, now: float) -> bool:
        line = self._board.line
        hours = self._board.call.hours.get(self._board.texts(queue).ways.hours)
        return hours is not None and not is_open(hours, line.local_time(line.wall(now)))

    def previous_agent_found(self, event: PreviousAgentFound, now: float) -> None:
        if self.waiting.previous_agent_found(event) and self.stage is Stage.LOOKUP:
            self._deadline = None
            self.enter_line(now)

    def enter_line(self, now: float) -> None:
        self._become(Stage.QUEUED, now)
        self.waiting.enter(self.interaction, now)
        self._deadline = self.waiting.offer_at()

    def announce(self, command: AnnounceWaiting, now: float) -> None:
        self._drop_choice(now)  # she went while he chose
        if command.because == NOT_SAVED and self.waiting.place is not None:
            self.waiting.place.going = None  # a key, or a move, while a call-back was being promised: not obeyed
        if self.stage is Stage.QUEUED:
            self.waiting.announce(command, now)

    def noted(self, command: CallerNoted, now: float) -> None:
        self.waiting.note(command.note)

    def _drop_choice(self, now: float) -> None:
        """There is nothing to choose any more."""
        if self.stage is Stage.CHOOSING and self.waiting.desk is None:
            self._flow = None
            self.leg.stop_play()
            self._become(Stage.QUEUED, now)

    def offer_choice(self, command: OfferChoice, now: float) -> None:
        if self.stage is not Stage.QUEUED:
            return
        self._become(Stage.CHOOSING, now)
        self._flow = self.waiting.choice_menu(command)
        self._run(self._flow.handle(self.waiting.choice_values(command, now), now), now)

    def confirm_call_back(self, command: ConfirmCallBack, now: float) -> None:
        """From here on the interaction belongs to the call-back; this leg only hears the good-bye."""
        self._flow = None
        self._deadline = None
        self._become(Stage.LEAVING, now)
        if not self.waiting.say_call_back(command, now):
            self.leg.hang_up(NORMAL_CLEARING)

    def overflow(self, command: OverflowCaller, now: float) -> None:
        self._flow = self.waiting.desk = None
        self._deadline = None
        place = self.waiting.place
        assert place is not None
        self.waiting.left_line(now)
        if place.going is not None:
            if place.going.hang_up:
                self.waiting.say_goodbye()
                self._leave(now)
            else:
                self.go(place.going, place, now)
            return
        texts = self._board.texts(place.queue)
        target = _own_step(texts.ways, command.because) or texts.after_overflow
        self._next_step(target, place, command.because, now)

    def _next_step(self, target: Target, place: QueuePlace, because: str, now: float) -> None:
        """The queue cannot take him: where the configuration leads, but never round and round."""
        if self.waiting.overflowed_too_often():
            target = Target(hang_up=True)
        if target.choose == CALL_BACK.choose:
            self._offer_call_back(place, because, now)
        else:
            self.go(target, place, now)

    def go(self, target: Target, place: QueuePlace, now: float) -> None:
        if target.queue:
            entered = EnterQueue(
                QueueId(target.queue),
                target.because,
                self.waiting.language,
                place.entered,
                place.path,
                place.customer or "",
            )
            self.enter_queue(entered, now)
        elif target.flow:
            self._start_flow(FlowId(target.flow), now)
        else:
            self.waiting.say_nobody_there()
            self._leave(now)

    # -------------------------------------------------------------- ways out, and call-backs

    def _way_out(self, digit: str, now: float) -> None:
        """A key while he waits."""
        place, target = self.waiting.place, self.waiting.way_out(digit)
        if place is None or place.going is not None or target is None:
            return
        if target.choose == CALL_BACK.choose:
            if not self.rings:
                self._ask_call_back(now)
        elif target.choose == LET_FIRST.choose:
            if not self.rings:
                self._let_others_first(now)
        elif target.choose == Choice.COLLEAGUE.value:
            self.waiting.chosen(target.choose)
        elif not target.choose:
            place.going = target
            self._board.emit(CallerWentOn(self.interaction, f"key {digit}"))

    def _let_others_first(self, now: float) -> None:
        """Only what he was offered; once he has done it, the same key takes it back."""
        if self.waiting.let_others_first(self.interaction):
            self._ask_call_back(now)

    def _desk(self, after_choice: bool = False) -> CallBackDesk:
        place = self.waiting.place
        assert place is not None
        caller = self.leg.facts.customer if self.waiting.can_be_called_back else ""
        return CallBackDesk(self._board, place.queue, caller, after_choice)

    def _ask_call_back(self, now: float, after_choice: bool = False) -> None:
        """He asked for it in the line (where his place stays); perhaps at another number."""
        desk = self._desk(after_choice)
        if not desk.possible:
            if after_choice:
                self._become(Stage.QUEUED, now)
                self.waiting.chosen(Choice.COLLEAGUE.value)
        elif desk.has_questions:
            self._become(Stage.CHOOSING, now)
            self._ask(desk, None, now)
        elif after_choice:
            self._become(Stage.QUEUED, now)
            self.waiting.chosen(CALL_BACK.choose)
        else:
            self.waiting.request_call_back(self.interaction, desk.number, now)

    def _ask(self, desk: CallBackDesk, offer: Say | None, now: float) -> None:
        self.leg.stop_play()
        self.waiting.desk = desk
        self._flow = desk.ask(offer)
        self._run(self._flow.handle(desk.values(self.waiting.language), now), now)

    def _offer_call_back(self, place: QueuePlace, because: str, now: float) -> None:
        """Nobody can take him, and he is in no line: may we call him back?"""
        desk = self._desk()
        if not desk.possible:
            self._answered_out_of_line(None, now)
            return
        texts = self._board.texts(place.queue)
        reasons = {QUEUE_CLOSED: texts.call_back_texts.closed, QUEUE_FULL: texts.call_back_texts.full}
        place.because = place.because or because
        self._become(Stage.MENU, now)
        self._ask(desk, reasons.get(because, texts.nobody_there), now)

    def _call_back_answered(self, desk: CallBackDesk, number: str | None, now: float) -> None:
        if self.stage is not Stage.CHOOSING:
            self._answered_out_of_line(number, now)
            return
        self._become(Stage.QUEUED, now)
        if self.rings:  # somebody became free while he was asked, and may yet let him go by: no tone of ringing
            self.waiting.play_music()
        elif number is not None:
            self.waiting.request_call_back(self.interaction, number, now)
        else:
            self.waiting.play_music()
            if desk.after_choice:
                self.waiting.chosen(Choice.COLLEAGUE.value)

    def _answered_out_of_line(self, number: str | None, now: float) -> None:
        place = self.waiting.place
        assert place is not None
        if number is not None:
            self._become(Stage.QUEUED, now)
            self.waiting.request_call_back(self.interaction, number, now, fresh=True)
            return
        target = self._board.texts(place.queue).after_overflow
        if target.queue or target.flow:
            self.go(target, place, now)
        else:
            self.waiting.say_goodbye()
            self._leave(now)

    # -------------------------------------------------------------- the agent

    def ring_agent(self, command: RingAgent, now: float) -> None:
        if not command.sticky:  # somebody else than the one he could choose to wait for
            self._drop_choice(now)
        self.rings[command.attempt] = ring = Ring(self._board, command.attempt, self.interaction, command.agent)
        facts = self.leg.facts
        ring.start(facts.customer, self.waiting.shown_name, now, self.leg)
        if self.stage is Stage.QUEUED and self.leg.playback is None:
            self.waiting.play_ringback()

    def cancel_ring(self, command: CancelRing) -> None:
        ring = self.rings.pop(command.attempt, None)
        if ring is not None:
            ring.cancel(command.end, command.taken)

    def ring_failed(self, attempt: RingAttemptId) -> None:
        self.rings.pop(attempt, None)

    def refuse_answer(self, command: RefuseAnswer) -> None:
        ring = self.rings.pop(command.attempt, None)
        if ring is not None:
            ring.refuse()

    def connect(self, command: Connect, now: float) -> None:
        """The other rings end by the CancelRing that follows for each."""
        ring = self.rings.pop(command.attempt, None)
        place = self.waiting.place
        assert ring is not None and place is not None
        agent_leg = ring.take_winner()
        self._flow = self.waiting.desk = None  # what he was being asked is answered by her voice
        place.going = None  # a key of his that came too late
        if agent_leg is None or not self.leg.alive:
            if agent_leg is not None:
                agent_leg.hang_up(NORMAL_CLEARING)
            self._board.emit(ConversationEnded(command.attempt))
            if self.leg.alive:  # no agent-side failure ends a caller: back into the line with the time he waited
                self.waiting.left_line(now)
                self.enter_line(now)
            return
        self._become(Stage.TALKING, now)
        facts = TalkFacts(
            self.interaction, command.attempt, place.queue, command.agent, self.leg.facts.customer, place.customer
        )
        music = self._board.texts(place.queue).music
        self.talk = Talk(self._board, facts, self.leg, agent_leg, music, self._talked)
        self.talk.keeps_customer = self.waiting.returns
        telling.begin(self._board, self, command.agent, now)

    @property
    def going(self) -> Target:
        """Where his number leads."""
        return Target(flow=str(self._route.flow))

    def take_leg(self) -> None:
        """The conversation is over, and he is still on the line."""
        self._board.give_leg(self.leg, self)

    def _talked(self, now: float) -> None:
        talk = self.talk
        if talk is not None and talk.fell_through:
            self.handing.back_to_line(now)
            return
        entering = self.waiting.back_to(talk.agent) if talk is not None and talk.kept_customer else None
        if entering is None:
            self._become(Stage.ENDED, now)
            return
        self.talk = None
        self.take_leg()
        self.enter_queue(entering, now)
