"""Which calls are recorded, from when on, and what is marked in the recording.

    nothing --the queue's rule at the connect, a flow's step, an order--> recorded --stop, refusal--> nothing (for good)
    recorded --pause by an agent, a queue that is never recorded--> silent --resume, another queue--> recorded
    recorded --a secret is keyed in, a mask--> silent --it is over--> recorded
    recorded --the media process is lost, its leg has audio again--> recorded, in a file of its own

What is recorded is the customer's leg, whoever he talks with: hold, transfers and other departments are marks in one
recording. A caller who refused (`record: stop`) is not recorded again in this call, by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from softswitch.call.leg import CallLeg
from softswitch.call.recording_settings import NEVER, RecordingPlan, RecordRule
from softswitch.ids import IdSource, InteractionId, LegId, QueueId
from softswitch.media.messages import (
    MarkRecording,
    MaskRecording,
    PauseRecording,
    StartRecording,
    StopRecording,
)

if TYPE_CHECKING:
    from softswitch.call.board import Board
    from softswitch.call.call_back import CallBackSession
    from softswitch.call.session import CallerSession

_BY_QUEUE: Final = "the queue"
_BY_FLOW: Final = "the flow"
_BY_SWITCH: Final = "the switch"
_SECRET: Final = "a secret"
_FLOW: Final = "the flow"
SECRET_LINGERS_SECONDS: Final = 0.4  # a key is told at its beginning, and may sound on: RFC 4733 and INFO beside tones
SECRET_REACHES_BACK_SECONDS: Final = 0.5  # a tone is known for a key after a moment, and audio comes unevenly


@dataclass(frozen=True, slots=True)
class RecordingOrder:
    """By the API: start | stop | pause | resume | mask | unmask, of this call; who says so and why."""

    interaction: InteractionId
    do: str
    by: str
    reason: str


ORDERS: Final = ("start", "stop", "pause", "resume", "mask", "unmask")


@dataclass(slots=True)
class Recorded:
    """What is known of one leg."""

    number: int = 0  # of the recording; 0: there is none
    interaction: int = 0  # the call that it is of
    refused: bool = False
    announced: bool = False
    queue: str = ""
    agent: str = ""  # the last one
    by_queue: bool = False  # silent because of where he is now
    never: str = ""  # the queue with which he talks, if it is never recorded
    paused: bool = False  # by somebody
    masks: dict[str, None] = field(default_factory=dict)  # who masks it: a flow, a person
    notice_ahead: bool = False  # his flow tells him yet that he is recorded
    waits: tuple[str, ...] = ()  # for that: who ordered it, and why

    @property
    def state(self) -> str:
        if not self.number:
            return "refused" if self.refused else ""
        if self.masks:
            return "masked"
        return "paused" if self.paused or self.by_queue else "recording"


class Recordings:
    """Of all calls. `emit` takes the orders for the media process."""

    def __init__(self, plan: RecordingPlan | None, ids: IdSource, emit: Callable[[Any], None]) -> None:
        self._plan = plan
        self._ids = ids
        self._emit = emit
        self._legs: dict[LegId, Recorded] = {}

    def state(self, leg: LegId) -> str:
        """recording, paused, masked, refused; empty: not recorded."""
        found = self._legs.get(leg)
        return "" if found is None else found.state

    def shown(self, leg: CallLeg | None) -> str:
        """off | waits (for the notice) | on | paused (or masked), for the eyes."""
        known = None if leg is None else self._legs.get(leg.id)
        if known is not None and known.waits:
            return "waits"
        state = "" if known is None else known.state
        return {"recording": "on", "paused": "paused", "masked": "paused"}.get(state, "off")

    def known(self, leg: LegId) -> Recorded | None:
        """What is kept of this leg, so that it outlives the process."""
        return self._legs.get(leg)

    def goes_on(self, leg: CallLeg, known: Recorded, carried: bool, menu: bool = False) -> None:
        """Of the process before: who refused is not asked again. `carried`: its recording went on meanwhile; else it
        goes on in a new file as soon as there is audio. `menu`: his flow begins anew, and masks anew."""
        self._legs[leg.id] = known
        known.notice_ahead, known.waits = False, ()  # his flow begins anew, and says so anew
        if not carried and leg.has_media:
            self.moved(leg)
        self.mark(leg, "the switch was started again")
        for who in (_SECRET, _FLOW) if menu else (_SECRET,):
            if who in known.masks:
                self._mask(leg, known, who, "the switch was started again", on=False, lingers=SECRET_LINGERS_SECONDS)

    def moved(self, leg: CallLeg) -> None:
        """Its audio began anew in another media process: what was recorded is a file of its own, and so is the rest."""
        known = self._legs.get(leg.id)
        if self._plan is None or known is None or not known.number:
            return
        before, known.number = known.number, self._ids.number()
        facts, emit = leg.facts, self._emit
        who = known.interaction or facts.interaction or 0, facts.customer, facts.dialled
        emit(StartRecording(leg.id, known.number, *who, _BY_SWITCH, "the audio began anew"))
        emit(MarkRecording(leg.id, "goes on from", str(before)))
        emit(MarkRecording(leg.id, "announced" if known.announced else "not announced"))
        for mark, detail in (("queue", known.queue), ("agent", known.agent)):
            if detail:
                emit(MarkRecording(leg.id, mark, detail))
        if known.paused or known.by_queue:
            emit(PauseRecording(leg.id, True, _BY_SWITCH, "as before"))
        if known.masks:
            emit(MaskRecording(leg.id, True, _BY_SWITCH, "as before"))

    # -------------------------------------------------------------- what happens to the call

    def talk_began(self, leg: CallLeg, interaction: InteractionId, queue: QueueId, agent: str) -> None:
        """He is connected with an agent of this queue."""
        if self._plan is None:
            return
        rule, known = self._plan.rules.get(queue, RecordRule()), self._of(leg)
        known.never = queue if rule.mode == NEVER else ""
        if known.notice_ahead:  # no flow is left that would tell him
            self._notice(leg, known, interaction, ahead=False)
        if not known.number and rule.takes(interaction):
            self._start(leg, interaction, _BY_QUEUE, f"{queue}: always")
        if not known.number:
            return
        if known.queue != queue:
            known.queue = queue
            self._emit(MarkRecording(leg.id, "queue", queue))
        known.agent = agent
        self._emit(MarkRecording(leg.id, "agent", agent))
        self._silence_by_queue(leg, known, rule, queue)

    def _silence_by_queue(self, leg: CallLeg, known: Recorded, rule: RecordRule, queue: QueueId) -> None:
        never = rule.mode == NEVER
        if never != known.by_queue:
            known.by_queue = never
            if not known.paused:
                self._emit(PauseRecording(leg.id, never, _BY_QUEUE, f"{queue}: {rule.mode}"))

    def mark(self, leg: CallLeg, mark: str, detail: str = "") -> None:
        """Something else happened to him: held, transferred ..."""
        known = self._legs.get(leg.id)
        if known is not None and known.number:
            self._emit(MarkRecording(leg.id, mark, detail))

    def ended(self, leg: LegId) -> None:
        """The media process ends the recording with the leg."""
        self._legs.pop(leg, None)

    # -------------------------------------------------------------- flows

    def flow(self, leg: CallLeg, interaction: InteractionId, action: str, since: float = 0.0) -> None:
        """A step of a flow, as `RecordCall` has it. `since`: so many seconds ago a secret began."""
        if self._plan is None:
            return
        known = self._of(leg)
        if action == "announced":
            known.announced = True
            self.mark(leg, "announced")
            self._notice(leg, known, interaction, ahead=False)
        elif action in ("notice ahead", "no notice"):
            self._notice(leg, known, interaction, ahead=action == "notice ahead")
        elif action == "start":
            self._start(leg, interaction, _BY_FLOW, "agreed")
        elif action == "stop":
            self._stop(leg, known, _BY_FLOW, "refused")
        elif action in ("mask", "unmask"):
            self._mask(leg, known, _FLOW, "the flow", on=action == "mask", lingers=SECRET_LINGERS_SECONDS)
        else:
            on = action == "secret"
            since = since + SECRET_REACHES_BACK_SECONDS
            self._mask(leg, known, _SECRET, "a secret is keyed in", on=on, lingers=SECRET_LINGERS_SECONDS, since=since)

    # -------------------------------------------------------------- orders from outside

    def obey(self, leg: CallLeg, order: RecordingOrder) -> None:
        if self._plan is None:
            return
        known = self._of(leg)
        if order.do == "start":
            if not known.never:
                self._start(leg, order.interaction, order.by, order.reason)
        elif order.do == "stop":
            known.waits = ()
            if known.number:
                known.number = 0
                self._emit(StopRecording(leg.id, order.by, order.reason))
        elif order.do in ("pause", "resume"):
            self._pause(leg, known, order)
        else:
            self._mask(leg, known, "a person", order.reason, on=order.do == "mask", by=order.by)

    def refusal(self, leg: LegId, order: RecordingOrder) -> str | None:
        """Why this cannot be obeyed, in one sentence."""
        if self._plan is None:
            return "This line does not record; its configuration has no section recording."
        known = self._legs.get(leg, Recorded())
        never = f'He talks with the queue "{known.never}", which is never recorded.' if known.never else None
        if order.do == "start":
            if known.refused:
                return "The caller refused to be recorded."
            if known.waits:
                return "It waits already, until he has heard the notice that his flow has for him."
            return "This call is recorded already." if known.number else never
        if order.do == "resume" and known.number and not known.paused:
            return never
        if order.do == "stop" and known.waits:
            return None
        return None if known.number else "This call is not recorded."

    def _pause(self, leg: CallLeg, known: Recorded, order: RecordingOrder) -> None:
        on = order.do == "pause"
        if known.number and on != known.paused:
            known.paused = on
            if not known.by_queue:
                self._emit(PauseRecording(leg.id, on, order.by, order.reason))

    # -------------------------------------------------------------- one recording

    def _of(self, leg: CallLeg) -> Recorded:
        found = self._legs.get(leg.id)
        if found is None:
            found = self._legs[leg.id] = Recorded()
        return found

    def _start(self, leg: CallLeg, interaction: InteractionId, by: str, reason: str) -> None:
        known = self._of(leg)
        if known.number or known.refused or not leg.alive:
            return
        if known.notice_ahead:
            known.waits = by, reason
            return
        known.number, known.interaction = self._ids.number(), interaction
        known.paused = known.by_queue = False
        facts = leg.facts
        self._emit(StartRecording(leg.id, known.number, interaction, facts.customer, facts.dialled, by, reason))
        self._emit(MarkRecording(leg.id, "announced" if known.announced else "not announced"))
        for who in known.masks:
            self._emit(MaskRecording(leg.id, True, _BY_FLOW, who))
            break

    def _notice(self, leg: CallLeg, known: Recorded, interaction: InteractionId, *, ahead: bool) -> None:
        """Nothing is recorded before the notice that his flow has was heard; what is to begin waits for its end."""
        known.notice_ahead = ahead
        if not ahead and known.waits:
            (by, reason), known.waits = known.waits, ()
            self._start(leg, interaction, by, reason)

    def _stop(self, leg: CallLeg, known: Recorded, by: str, reason: str) -> None:
        known.refused = True
        known.waits = ()
        if known.number:
            known.number = 0
            self._emit(StopRecording(leg.id, by, reason))

    def _mask(
        self,
        leg: CallLeg,
        known: Recorded,
        who: str,
        reason: str,
        *,
        on: bool,
        by: str = _BY_FLOW,
        lingers: float = 0.0,
        since: float = 0.0,
    ) -> None:
        """As long as one of those who mask it has not taken it back. Also when no recording is known here: one that
        began before a restart of the switch goes on in the media process, and nothing happens where there is none."""
        was = bool(known.masks)
        if on:
            known.masks[who] = None
        else:
            known.masks.pop(who, None)
        if was != bool(known.masks):
            self._emit(MaskRecording(leg.id, on, by, reason, 0.0 if on else lingers, since if on else 0.0))


# ------------------------------------------------------------------ orders to a call that goes on


class CallsOfCustomers(Protocol):
    """The call core, as far as an order needs it."""

    @property
    def board(self) -> Board: ...
    @property
    def sessions(self) -> Mapping[InteractionId, CallerSession]: ...
    @property
    def call_backs(self) -> Mapping[InteractionId, CallBackSession]: ...


def leg_of(calls: CallsOfCustomers, interaction: InteractionId) -> CallLeg | None:
    """The customer's leg of this call; None when there is none (any more)."""
    session, call_back = calls.sessions.get(interaction), calls.call_backs.get(interaction)
    leg = session.leg if session is not None else call_back.customer_leg if call_back is not None else None
    return leg if leg is not None and leg.alive else None


class RecordingOrders:
    """The core that obeys `RecordingOrder`."""

    def __init__(self, calls: CallsOfCustomers) -> None:
        self._calls = calls

    def handle(self, order: RecordingOrder, now: float) -> list[Any]:
        leg, board = leg_of(self._calls, order.interaction), self._calls.board
        if leg is not None:
            board.recordings.obey(leg, order)
        out, board.outbox = board.outbox, []
        return out

    def tick(self, now: float) -> list[Any]:
        return []

    def next_deadline(self) -> float | None:
        return None
