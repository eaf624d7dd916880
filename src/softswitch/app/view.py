"""The running switch as the HTTP API sees it: fresh pictures of the cores, and the few things it may do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from softswitch.acd import messages as acd
from softswitch.acd.chat_explain import explain_any
from softswitch.acd.snapshot import AgentSnapshot
from softswitch.app.audio import not_heard, spoken
from softswitch.app.past import Past
from softswitch.call.call_back import CallBackSession
from softswitch.call.call_back import Step as CallBackStep
from softswitch.call.leg import LegFacts
from softswitch.call.orders import PassCaller
from softswitch.call.records import PromiseLine
from softswitch.call.ring import RingState
from softswitch.call.session import CallerSession, Stage
from softswitch.ids import AgentId, CallId, InteractionId, QueueId
from softswitch.sip.uri import host_port
from softswitch.store.errors import StoreError
from softswitch.web.views import (
    AgentAction,
    AgentView,
    CallView,
    CountersView,
    EscalationView,
    HealthStatus,
    HealthView,
    PastError,
    PromiseView,
    QueueView,
    RegistrationView,
)
from softswitch.web.why import Local, document, stamp

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

_STATES = {
    Stage.RINGING: "in menu",
    Stage.MENU: "in menu",
    Stage.LOOKUP: "waiting",
    Stage.QUEUED: "waiting",
    Stage.CHOOSING: "choosing",
    Stage.TALKING: "talking",
    Stage.LEAVING: "in menu",
}


class LiveSwitch:
    """Implements web.views.SwitchView and SwitchControl."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._status = HealthStatus.STARTING
        self._started_at = 0.0
        self._past: Past | None = None

    def started(self, now: float) -> None:
        self._status = HealthStatus.OK
        self._started_at = now

    def stopping(self) -> None:
        self._status = HealthStatus.STOPPING

    @property
    def is_stopping(self) -> bool:
        return self._status is HealthStatus.STOPPING

    # -------------------------------------------------------------- calls

    def calls(self) -> list[CallView]:
        now = self._switch.clock.now()
        calls = self._switch.cores.calls
        shown = calls.board.recordings.shown
        sessions = [each for each in calls.sessions.values() if each.stage is not Stage.ENDED]
        rows = [_caller_view(each, now, shown(each.leg)) for each in sessions]
        rows += [_call_back_view(each, now, shown(each.customer_leg)) for each in calls.call_backs.values()]
        return rows

    # -------------------------------------------------------------- queues and agents

    def queues(self) -> list[QueueView]:
        settings = {queue.id: queue for queue in self._switch.settings.acd.queues}
        states: Counter[tuple[QueueId, acd.AgentState]] = Counter()
        for agent in self._switch.cores.engine.agents():
            states.update((queue, agent.state) for queue in agent.queues)
        rows = []
        for shot in self._switch.cores.engine.queues(self._switch.clock.now()):
            of_queue, tally = settings[shot.id], self._switch.tally.queues[shot.id]
            rows.append(
                QueueView(
                    shot.id,
                    shot.name,
                    shot.waiting + shot.choosing,
                    shot.longest_wait_seconds,
                    agents_ready=states[shot.id, acd.AgentState.READY],
                    agents_ringing=states[shot.id, acd.AgentState.RINGING],
                    agents_talking=states[shot.id, acd.AgentState.TALKING],
                    agents_wrap_up=states[shot.id, acd.AgentState.WRAP_UP],
                    agents_on_break=states[shot.id, acd.AgentState.BREAK],
                    agents_suspended=states[shot.id, acd.AgentState.SUSPENDED],
                    agents_offline=states[shot.id, acd.AgentState.OFFLINE],
                    service_level_seconds=of_queue.service_level_seconds,
                    service_level_goal_percent=of_queue.service_level_percent,
                    offered=tally.offered,
                    answered=tally.answered,
                    answered_within=tally.answered_within,
                    abandoned=tally.abandoned,
                    abandoned_short=tally.abandoned_short,
                    overflowed=tally.overflowed,
                    called_back=tally.called_back,
                    agents_outbound=states[shot.id, acd.AgentState.OUTBOUND],
                    promises_escalated=tally.escalated,
                    estimate_seconds=shot.estimate_seconds,
                    estimate_low_seconds=shot.estimate_low_seconds,
                    estimate_high_seconds=shot.estimate_high_seconds,
                    estimates_measured=shot.estimates_measured,
                    estimate_error_seconds=shot.estimate_error_seconds,
                    estimate_bias_seconds=shot.estimate_bias_seconds,
                    estimate_within_percent=shot.estimate_within_percent,
                    estimates_left=shot.estimates_left,
                    estimates_left_late=shot.estimates_left_late,
                    let_others_first=shot.let_others_first,
                )
            )
        return rows

    def agents(self) -> list[AgentView]:
        now = self._switch.clock.now()
        talking = self._talking_to()
        return [
            AgentView(
                shot.id,
                shot.name,
                shot.state.value,
                shot.reason,
                now - max(shot.since, self._started_at) if shot.since == 0.0 else now - shot.since,
                shot.id in self._switch.cores.calls.board.contacts,
                talking.get(shot.id, ""),
                shot.queues,
                left_seconds=None if shot.deadline is None else shot.deadline - now,
                calls=shot.calls,
                talk_share=_talk_share(shot, now),
                sticky_share=shot.sticky_calls / shot.calls if shot.calls else None,
                on_duty_seconds=_on_duty(shot, now),
                chats=shot.chats,
                chats_at_most=shot.chats_at_most,
                chats_served=shot.chats_served,
                chat_share=_chat_share(shot, now) if shot.chats_at_most else None,
            )
            for shot in self._switch.cores.engine.agents()
        ]

    def _talking_to(self) -> dict[AgentId, str]:
        calls = self._switch.cores.calls
        rows = {each.talk.agent: shown(each.leg.facts) for each in calls.sessions.values() if each.talk is not None}
        rows |= {each.talk.agent: each.ticket.caller for each in calls.call_backs.values() if each.talk is not None}
        return rows

    def escalations(self) -> list[EscalationView]:
        """The newest first."""
        now = self._switch.clock.now()
        return [
            EscalationView(each.promise, each.interaction, each.queue, each.agent or None, each.because, now - each.at)
            for each in reversed(self._switch.tally.escalations)
        ]

    def registrations(self) -> list[RegistrationView]:
        now, stack = self._switch.clock.now(), self._switch.cores.stack
        return [
            RegistrationView(
                agent,
                contact.uri,
                contact.flow.transport,
                host_port(*contact.flow.remote),
                contact.expires_at - now,
                contact.user_agent,
                contact.path[0] if contact.path else "",
                1 + len(stack.other_flows(contact)),
                stack.qualifier.answering(agent, contact.uri),
            )
            for agent, contacts in sorted(self._switch.cores.calls.board.contacts.items())
            for contact in contacts
        ]

    # -------------------------------------------------------------- why, and what was promised

    def why(self, interaction: InteractionId, agent: AgentId | None) -> dict[str, Any] | None:
        clock = self._switch.clock
        seen = explain_any(self._switch.cores.engine.floor, interaction, agent)
        if seen is None:
            return None
        return document(interaction, seen, clock.wall(clock.now()), clock.wall(0.0), clock.local)

    async def why_then(self, interaction: InteractionId, agent: AgentId | None, at: str) -> Mapping[str, Any]:
        journal = self._switch.edges.journal
        if journal is None:
            raise PastError("No journal is kept (journal: off), so the past is not known.")
        journal.flush()
        if self._past is None:
            self._past = Past(journal.directory, self._switch.settings.call.timezone)
        return await self._past.why(interaction, agent, at)

    async def promises(self, state: str | None, limit: int) -> list[PromiseView]:
        clock = self._switch.clock
        try:
            lines = await self._switch.edges.store.promises(state, limit)
        except StoreError as error:
            raise PastError(str(error)) from None
        return [promise_view(line, clock.wall(clock.now()), clock.local) for line in lines]

    # -------------------------------------------------------------- health and counters

    def health(self) -> HealthView:
        up = self._switch.clock.now() - self._started_at
        reasons = []
        store = self._switch.edges.store.health()
        if not store.ok:
            reasons.append(store.reason)
        journal = self._switch.edges.journal
        if journal is not None and journal.away:
            reasons.append(f"The journal of the queues cannot be written: {journal.away}.")
        if self._switch.cores.calls.board.ports.low:
            reasons.append("Nearly all RTP ports are in use.")
        if self._switch.edges.recordings.trouble:
            reasons.append(self._switch.edges.recordings.trouble)
        if self._switch.broken:
            reasons.append(f"{self._switch.broken} internal faults since the start; see the log.")
        status = HealthStatus.DEGRADED if reasons and self._status is HealthStatus.OK else self._status
        return HealthView(status, tuple(reasons), up)

    def counters(self) -> CountersView:
        switch, tally = self._switch, self._switch.tally
        store = switch.edges.store.health()
        media = switch.settings.media
        legs = switch.cores.calls.board.leg_count
        counts = switch.cores.stack.counts()
        return CountersView(
            calls_active=len(switch.cores.calls.sessions) + len(switch.cores.calls.call_backs),
            legs_active=legs,
            calls_total=tally.calls,
            calls_refused=tally.refused,
            outcomes=tally.outcomes,
            rings=tally.rings,
            promises=tally.promises,
            security=tally.security,
            transfers=tally.transfers,
            subscriptions=counts["subscriptions"],
            identities=tally.identities,
            audio=tally.audio.quality,
            silences=tally.audio.silences,
            speech=switch.edges.sounds.live.counts,
            sip_received=switch.edges.transport.received,
            sip_sent=switch.edges.transport.sent,
            sip_transactions=counts["server_transactions"] + counts["client_transactions"],
            media_legs=switch.edges.media.legs,
            media_restarts=switch.edges.media.restarts,
            media_ports_used=legs,
            media_ports_total=(media.port_last - media.port_first + 2) // 2,
            store_depth=store.depth,
            store_committed=store.committed,
            store_dropped=store.dropped,
            store_refused=store.refused,
        )

    # -------------------------------------------------------------- control

    def pass_call(
        self, interaction: InteractionId, queue: QueueId, note: str = "", come_back: bool = False
    ) -> str | None:
        calls = self._switch.cores.calls
        session = calls.sessions.get(interaction) or calls.call_backs.get(interaction)
        if session is None or session.talk is None or session.talk.over:
            return "Nobody talks with this caller now: only who is being served can be passed on."
        self._switch.post(PassCaller(interaction, queue, note, come_back))
        return None

    def set_agent(self, agent: AgentId, action: AgentAction, reason: str = "") -> str | None:
        events: dict[AgentAction, Any] = {
            AgentAction.READY: acd.AgentWentReady(agent),
            AgentAction.BREAK: acd.AgentWentOnBreak(agent, reason),
            AgentAction.LOGIN: acd.AgentLoggedIn(agent),
            AgentAction.LOGOUT: acd.AgentLoggedOut(agent),
            AgentAction.OUTBOUND: acd.AgentWentOutbound(agent, reason),
            AgentAction.EXTEND: acd.AgentNeedsTime(agent),
            AgentAction.FREE: acd.AgentFreed(agent, "a supervisor", reason or "no reason given"),
        }
        before = dict(self._switch.cores.engine.rejected)
        self._switch.post(events[action])
        refused = [why for why, number in self._switch.cores.engine.rejected.items() if number != before.get(why, 0)]
        if not refused:
            return None
        state = next(shot.state.value for shot in self._switch.cores.engine.agents() if shot.id == agent)
        return f"{agent} cannot do '{action.value}' while {state}: {refused[0].value}."


def _on_duty(shot: AgentSnapshot, now: float) -> float:
    return shot.on_duty_seconds + (now - shot.on_duty_since if shot.on_duty_since is not None else 0.0)


def _talk_share(shot: AgentSnapshot, now: float) -> float | None:
    on_duty = _on_duty(shot, now)
    return shot.talked_seconds / on_duty if on_duty > 0 else None


def _chat_share(shot: AgentSnapshot, now: float) -> float | None:
    on_duty = _on_duty(shot, now)
    busy = shot.chat_seconds + (now - shot.chat_since if shot.chat_since is not None else 0.0)
    return min(busy / on_duty, 1.0) if on_duty > 0 else None


def promise_view(line: PromiseLine, now: float, local: Local) -> PromiseView:
    settled = line.changed_at if line.state != "open" else now
    late = None if line.state == "withdrawn" or settled is None else settled - line.due_at
    return PromiseView(
        line.promise,
        line.interaction,
        line.queue,
        line.agent,
        line.caller,
        line.state,
        line.because,
        line.attempts,
        stamp(line.made_at, local),
        stamp(line.due_at, local),
        None if line.changed_at is None else stamp(line.changed_at, local),
        late,
        line.answered_by,
    )


def shown(facts: LegFacts) -> str:
    """A caller who keeps his number to himself is "private" to everybody who looks."""
    return "private" if facts.private else facts.customer


def _caller_view(session: CallerSession, now: float, recording: str) -> CallView:
    place = session.waiting.place
    ring = next((each for each in session.rings.values() if each.state is not RingState.DONE), None)
    talk = session.talk
    agent: AgentId | None = None
    state = _STATES[session.stage]
    if talk is not None:
        agent = talk.agent
    elif ring is not None:
        agent = ring.agent
        state = "ringing" if session.stage is Stage.QUEUED else state
    if session.handing.handover is not None:
        state = "transferring"
    facts = session.leg.facts
    return CallView(
        CallId(session.interaction),
        session.interaction,
        state,
        shown(facts),
        facts.dialled,
        place.queue if place is not None else None,
        agent,
        now - session.since,
        now - facts.began_at,
        session.waiting.sticky_note,
        session.waiting.notes,
        facts.identity.summary if facts.identity is not None else "",
        forwarded_from=facts.forwarded_from,
        caller_as_sent="" if facts.private else facts.caller_as_sent,
        audio=spoken(session.leg, session.talk),
        silent=not_heard(session.leg, session.talk, now),
        recording=recording,
    )


def _call_back_view(session: CallBackSession, now: float, recording: str) -> CallView:
    ticket = session.ticket
    state = "talking" if session.step is CallBackStep.TALKING else "calling back"
    return CallView(
        CallId(ticket.interaction),
        ticket.interaction,
        state,
        ticket.caller,
        ticket.caller,
        ticket.queue,
        session.agent,
        now - session.since,
        now - session.since,
        "call back",
        audio=spoken(session.customer_leg, session.talk),
        silent=not_heard(session.customer_leg, session.talk, now),
        recording=recording,
    )
