"""Calls outlive the process: the record of each follows it into the store, and at start they are taken up again.

    a leg changes ──marked──► 0.2 s later: its call is looked at ──► store (group commit), or forgotten when it is over
    start: CallRestored for each, before there is audio ─► ... ─► CallsResumed, when audio and agents are there

Nothing here is on the way of a call: a message that changes a leg costs one entry in a dictionary, and what changes
several times within a fifth of a second is looked at once. What happened in the last fifth before a crash is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import structlog

from softswitch.app.clock import Clock
from softswitch.call.left_open import LONGEST_SECONDS, closings, details_of, interactions_of
from softswitch.call.live import ALONE, CallRestored, CallsResumed, LiveCall
from softswitch.call.live_calls import LiveCalls
from softswitch.call.records import CallDetail, InteractionQueued, StartState
from softswitch.call.settings import Settings
from softswitch.call.unconfigured import missing
from softswitch.ids import IdSource, InteractionId, LegId, TrunkId
from softswitch.media.messages import Bridge, MaskRecording, PauseRecording, StartRecording, StopRecording
from softswitch.sip.messages import (
    AckReceived,
    Answer,
    AnswerOffer,
    InviteAnswered,
    LegEnded,
    OfferAnswered,
    TrunkSettings,
)
from softswitch.sip.survivor import LegsRestored
from softswitch.store.live_calls import WORDS_NUMBER, WRITTEN_WORDS, packed
from softswitch.store.store import Store

log = structlog.get_logger()

LOOK_SECONDS = 0.2


class Survivors:
    """`looked_at` are the messages that may change what is kept."""

    OF_LEGS = (
        *(Answer, AckReceived, InviteAnswered, AnswerOffer, OfferAnswered, LegEnded, CallDetail, Bridge),
        *(StartRecording, StopRecording, PauseRecording, MaskRecording),
    )

    def __init__(self, store: Store, clock: Clock, live: LiveCalls, post: Callable[[Any], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._clock = clock
        self._live = live
        self._post = post
        self._changed: dict[LegId, None] = {}
        self._key_of: dict[LegId, int] = {}
        self._legs_of: dict[int, dict[LegId, None]] = {}
        self._kept: dict[int, bool] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    # -------------------------------------------------------------- while calls go on

    def leg_changed(self, message: Any) -> None:
        self._changed[message.leg] = None
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_SECONDS, self.look)

    def queued(self, record: InteractionQueued) -> None:
        """Where a caller stands is known by his interaction."""
        for leg in self._legs_of.get(record.interaction, ()):
            self._changed[leg] = None
        if self._timer is None and self._changed:
            self._timer = self._loop.call_later(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Write what has changed."""
        self._timer = None
        if self._closed:
            return
        changed, self._changed = self._changed, {}
        keys: dict[int, None] = {}
        for leg in changed:
            key = self._live.key_of(leg)
            before = self._key_of.get(leg)
            if key is None and before is not None and self._live.unwritten(leg):
                continue  # it is forgotten when its CDR is on the way to the store, which comes here as well
            if before is not None and before != key:
                self._drop(leg, before)
                keys[before] = None
            if key is not None:
                self._key_of[leg] = key
                self._legs_of.setdefault(key, {})[leg] = None
                keys[key] = None
        now = self._clock.now()
        for key in keys:
            call = self._live.look(key, self._legs_of[key], now) if key in self._legs_of else None
            if call is not None:
                self._keep(call, now)
            elif self._kept.pop(key, False):
                self._store.forget_call(key)

    def _keep(self, call: LiveCall, now: float) -> None:
        try:
            body = packed(call)
        except LookupError as problem:  # a defect: something new is in a call, and nobody has said how it is written
            log.error("call cannot be kept", call=call.key, because=str(problem))
            return
        self._kept[call.key] = True
        self._store.keep_call(call.key, now + call.offset, body)

    def _drop(self, leg: LegId, key: int) -> None:
        del self._key_of[leg]
        legs = self._legs_of[key]
        del legs[leg]
        if not legs:
            del self._legs_of[key]

    def close(self) -> None:
        """What ended in order is forgotten in order."""
        if self._timer is not None:
            self._timer.cancel()
        self.look()
        self._closed = True

    # -------------------------------------------------------------- at start

    @staticmethod
    def forget(store: Store, state: StartState) -> None:
        """Calls are not to outlive the process (any more). Their CDRs come first: a start may be cut short."""
        for detail in details_of(state.calls, state):
            store.append(detail)
        for key in (*(call.key for call in state.calls), *state.unreadable):
            store.forget_call(key)

    def restore(self, state: StartState, ids: IdSource) -> tuple[LiveCall, ...]:
        """Before the media process is there, which asks which legs are known. The calls that go on."""
        for key in state.unreadable:
            self._store.forget_call(key)
        now = self._clock.wall(self._clock.now())
        self._store.keep_call(-WORDS_NUMBER, now, WRITTEN_WORDS)
        calls: list[LiveCall] = []
        too_old: list[LiveCall] = []
        for call in state.calls:
            known = _without(call, state.over)
            if known is not None and call.at + call.offset >= now - LONGEST_SECONDS:
                calls.append(known)
            else:
                too_old.append(call)
        self.forget(self._store, replace(state, calls=tuple(too_old), unreadable=()))
        if not calls:
            return ()
        ids.above(max(kept.sip.leg for call in calls for kept in call.all_legs))
        for call in calls:
            self._note(call)
            self._post(CallRestored(call))
        legs = tuple(kept.sip for call in calls for kept in call.all_legs)
        self._post(LegsRestored(legs))
        kinds = {kind: sum(call.kind == kind for call in calls) for kind in sorted({call.kind for call in calls})}
        log.warning("calls of the process before go on", **{f"{kind}_calls": number for kind, number in kinds.items()})
        return tuple(calls)

    def _note(self, call: LiveCall) -> None:
        self._kept[call.key] = True
        for kept in call.all_legs:
            self._key_of[kept.sip.leg] = call.key
            self._legs_of.setdefault(call.key, {})[kept.sip.leg] = None

    def resume(self, state: StartState) -> None:
        """There is audio, and the agents' states are known."""
        promised = frozenset(promise.interaction for promise in state.promises)
        self._post(CallsResumed(promised, frozenset(each.interaction for each in state.left_open if not each.closed)))
        for leg in self._key_of:
            self._changed[leg] = None
        self.look()


def _without(call: LiveCall, over: frozenset[LegId]) -> LiveCall | None:
    """The call as it is when some of its legs have ended, and the record of that was late. None: it is over."""
    if not over or not any(kept.sip.leg in over for kept in call.all_legs):
        return call
    legs, others = (tuple(kept for kept in each if kept.sip.leg not in over) for each in (call.legs, call.others))
    if len(legs) == len(call.legs):
        return replace(call, others=others)
    return replace(call, kind=ALONE, legs=(*legs, *others), others=()) if legs or others else None


def survivors_of(calls: Iterable[LiveCall]) -> frozenset[InteractionId]:
    """Callers who are still on the line: they are not called back."""
    return frozenset(call.caller.interaction for call in calls if call.caller is not None and call.kind != ALONE)


def close_left_open(
    state: StartState,
    calls: Iterable[LiveCall],
    called_back: frozenset[InteractionId],
    trunks: Iterable[TrunkSettings],
    ids: IdSource,
    post: Callable[[Any], None],
) -> None:
    """What the process before has left open in the records, and does not go on, has its end."""
    seconds = {trunk.id: trunk.ring_seconds for trunk in trunks}
    ends = list(
        closings(state, interactions_of(calls) | called_back, ids, lambda trunk: seconds.get(trunk or TrunkId(""), 0.0))
    )
    for record in ends:
        post(record)
    if ends:
        legs = sum(isinstance(record, CallDetail) for record in ends)
        log.warning("interactions of the process before are closed", interactions=len(ends) - legs, unknown_legs=legs)


def note_missing(calls: Iterable[LiveCall], settings: Settings) -> None:
    """The configuration has changed meanwhile: one line names what calls that go on are without."""
    without = missing(calls, settings)
    if without:
        log.warning("calls go on without what is no longer configured", **without)
