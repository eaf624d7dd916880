"""What a killed switch has left open in the records is closed by the next one, at its start.

    an interaction without an outcome    goes on, or is called back    it is left alone
                                         his phone rang, he was in the menu, answered in the last moment ...  `lost`
    a leg that was up, and goes on       its CDR comes at its end, as always
    a leg that does not go on            its CDR is written now: as far as anything is known of it

When it ended is not known to the second: it lasted at least until the last moment in which the switch wrote anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from softswitch.call.live import LiveCall, LiveLeg
from softswitch.call.records import CHAT, LOST, CallDetail, InteractionLost, OpenInteraction, StartState
from softswitch.ids import IdSource, InteractionId, LegId, TrunkId
from softswitch.sip.messages import EndedBy

LONGEST_SECONDS = 24 * 3600.0  # what was not touched for so long is no call any more
TEMPORARY_FAILURE = 41  # of Q.850
_OK = 200

RingSeconds = Callable[[TrunkId | None], float]  # before its callers are answered


def details_of(calls: Iterable[LiveCall], state: StartState) -> Iterator[CallDetail]:
    """Of calls that do not go on. Legs whose CDR is written have it."""
    for call in calls:
        ended_at = _ended(call.at + call.offset, state.lived_until)
        for kept in call.all_legs:
            if kept.sip.leg not in state.over:
                yield _detail(kept, call.offset, ended_at)


def closings(
    state: StartState, goes_on: frozenset[InteractionId], ids: IdSource, ring_seconds: RingSeconds
) -> Iterator[CallDetail | InteractionLost]:
    """A CDR comes before its interaction: should this start be cut short, the next one makes no second."""
    known = interactions_of(state.calls)  # their legs have a CDR, or get one
    for each in state.left_open:
        if each.interaction in goes_on:
            continue
        ended_at = each.left_at if each.left_at is not None else _ended(each.seen_at, state.lived_until)
        if each.left_at is None and each.dialled != CHAT and each.interaction not in known:
            yield _unknown_leg(each, LegId(ids.number()), ended_at, ring_seconds(each.trunk))
        if each.closed:
            continue
        outcome = LOST if each.agent is None else "answered"
        waited = 0.0 if each.entered_at is None else max(ended_at - each.entered_at, 0.0)
        yield InteractionLost(each.interaction, outcome, each.agent, ended_at, waited)


def interactions_of(calls: Iterable[LiveCall]) -> frozenset[InteractionId]:
    """Whose legs are known."""
    facts = (kept.facts for call in calls for kept in call.all_legs)
    return frozenset(each.interaction for each in facts if each.interaction is not None)


def _ended(seen_at: float, lived_until: float) -> float:
    """It went on as long as the switch did; of what is older than any call nothing is known but that it was seen."""
    return max(seen_at, lived_until) if lived_until - seen_at <= LONGEST_SECONDS else seen_at


def _detail(kept: LiveLeg, offset: float, ended_at: float) -> CallDetail:
    facts = kept.facts
    began_at = facts.began_at + offset
    return CallDetail(
        leg=kept.sip.leg,
        interaction=facts.interaction,
        direction=facts.direction,
        party=facts.party,
        caller=facts.caller,
        dialled=facts.dialled,
        began_at=began_at,
        answered_at=None if facts.answered_at is None else facts.answered_at + offset,
        ended_at=max(ended_at, began_at),
        ended_by=EndedBy.US.value,
        status=_OK,
        cause=TEMPORARY_FAILURE,
        restarted=True,
        codec="" if kept.remote is None else kept.remote.codec,
        silent_seconds=round(facts.silent_seconds, 1),
        answered_by=facts.answered_by,
    )


def _unknown_leg(each: OpenInteraction, leg: LegId, ended_at: float, ring_seconds: float) -> CallDetail:
    """His leg was answered too late to be kept. It gets a number of its own."""
    answered_at = each.began_at + ring_seconds
    return CallDetail(
        leg=leg,
        interaction=each.interaction,
        direction="in",
        party=each.trunk or "",
        caller=each.caller,
        dialled=each.dialled,
        began_at=each.began_at,
        answered_at=answered_at if answered_at <= ended_at else None,
        ended_at=max(ended_at, each.began_at),
        ended_by=EndedBy.US.value,
        status=_OK if answered_at <= ended_at else 0,
        cause=TEMPORARY_FAILURE,
        restarted=True,
    )
