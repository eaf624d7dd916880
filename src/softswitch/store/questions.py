"""What the switch asks the database: its state at start, and who spoke with this caller last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import Connection, Text, cast, func, select, text

from softswitch.call.live import LiveCall
from softswitch.call.records import (
    AgentRecord,
    DialPast,
    DialRecord,
    FindPreviousAgent,
    FindRecordings,
    LostCaller,
    OpenInteraction,
    OpenPromise,
    PreviousAgentFound,
    PromiseLine,
    RecordingMade,
    StartState,
    StoredContact,
    StoredRecording,
)
from softswitch.ids import AgentId, LegId
from softswitch.store.live_calls import UnreadableCall, Words, unpacked, words_of
from softswitch.store.recent import NOBODY, Spoken
from softswitch.store.tables import (
    agent_event,
    call_detail,
    contact,
    dialled,
    live_call,
    promise,
    queue_entry,
    recording,
)

log = structlog.get_logger("softswitch.store")

# The newest line of each agent by hopping along the index (agent, id): the cost follows the number of agents, not
# the length of the journal.
_NEWEST_LINES = text(
    """
    WITH RECURSIVE known(agent) AS (
        SELECT min(agent) FROM agent_event
        UNION ALL
        SELECT (SELECT min(agent) FROM agent_event WHERE agent > known.agent) FROM known WHERE known.agent IS NOT NULL
    )
    SELECT line.agent, line.state, line.reason, line.at, line.deadline, line.logged_out
    FROM known JOIN agent_event AS line
      ON line.id = (SELECT max(id) FROM agent_event WHERE agent = known.agent)
    ORDER BY line.id
    """
)


# The queue where each interaction stood whose leg never ended in order, and since when he waits at all: no outcome, or
# one of an earlier queue (he was passed on, or it overflowed), and no promise.
_LOST = text(
    """
    SELECT entry.interaction, entry.queue, call.caller, entry.customer, call.language,
           (SELECT min(first.at) FROM queue_entry AS first WHERE first.interaction = call.id) AS entered_at
    FROM interaction AS call JOIN queue_entry AS entry ON entry.interaction = call.id
    WHERE call.began_at >= :since AND call.caller IS NOT NULL
      AND (call.outcome IS NULL OR call.ended_at <= entry.at)
      AND call.dialled <> 'chat'
      AND NOT EXISTS (SELECT 1 FROM promise WHERE promise.interaction = call.id)
      AND NOT EXISTS (SELECT 1 FROM talk WHERE talk.interaction = call.id AND call.outcome IS NULL)
      AND NOT EXISTS (SELECT 1 FROM call_detail AS leg WHERE leg.interaction = call.id AND leg.direction = 'in')
      AND entry.at = (SELECT max(newest.at) FROM queue_entry AS newest WHERE newest.interaction = call.id)
    ORDER BY entered_at, entry.interaction
    LIMIT 2000
    """
)
LOST_WITHIN_SECONDS = 24 * 3600.0

_MOST_LEFT_OPEN = 10_000  # closed at one start; the others at the next
_LEFT = """
    SELECT call.id, call.caller, call.dialled, call.trunk, call.began_at, call.outcome, call.ended_at,
           (SELECT min(entry.at) FROM queue_entry AS entry WHERE entry.interaction = call.id) AS entered_at,
           (SELECT max(entry.at) FROM queue_entry AS entry WHERE entry.interaction = call.id) AS queued_at,
           (SELECT max(ring.ended_at) FROM ring_attempt AS ring WHERE ring.interaction = call.id) AS rung_at,
           (SELECT max(leg.ended_at) FROM call_detail AS leg
            WHERE leg.interaction = call.id AND leg.direction = 'in') AS left_at,
           (SELECT max(ring.agent) FROM ring_attempt AS ring
            WHERE ring.interaction = call.id AND ring.result = 'answered') AS agent
    FROM interaction AS call
    WHERE {which}
    ORDER BY call.id DESC
    LIMIT :most
    """
# Nobody is going to give it an outcome; or it has one, and its caller's leg has no CDR.
_LEFT_OPEN = tuple(
    text(_LEFT.format(which=which))
    for which in (
        """call.outcome IS NULL AND call.began_at IS NOT NULL
            AND call.id NOT IN (SELECT interaction FROM promise WHERE state = 'open')""",
        """call.outcome IS NOT NULL AND call.began_at >= :since AND call.dialled <> 'chat'
            AND NOT EXISTS (SELECT 1 FROM call_detail AS leg
                            WHERE leg.interaction = call.id AND leg.direction = 'in')""",
    )
)
# Each by an index of its own.
_LIVED_UNTIL = text(
    """
    SELECT max(at) FROM (
        SELECT (SELECT at FROM agent_event ORDER BY id DESC LIMIT 1) AS at
        UNION ALL SELECT max(began_at) FROM interaction
        UNION ALL SELECT max(at) FROM queue_entry
        UNION ALL SELECT max(began_at) FROM call_detail
        UNION ALL SELECT max(at) FROM live_call
    ) AS signs
    """
)
_LEGS_AT_ONCE = 500  # in one question


def start_state(connection: Connection, now_wall: float) -> StartState:
    live = select(contact).where(contact.c.expires_at > now_wall).order_by(contact.c.agent, contact.c.place)
    contacts = tuple(
        StoredContact(
            agent=row.agent,
            uri=row.uri,
            transport=row.transport,
            local=(row.local_host, row.local_port),
            remote=(row.remote_host, row.remote_port),
            call_id=row.call_id,
            cseq=row.cseq,
            expires_at=row.expires_at,
            q=row.q,
            user_agent=row.user_agent,
            path=tuple(filter(None, row.path.split("\n"))),
            instance=row.instance,
            reg_id=row.reg_id,
        )
        for row in connection.execute(live)
    )
    agents = tuple(
        AgentRecord(AgentId(row[0]), row[1], row[2], row[3], row[4], bool(row[5]))
        for row in connection.execute(_NEWEST_LINES)
    )
    columns = (
        promise.c.id, promise.c.interaction, promise.c.queue, promise.c.agent, promise.c.caller,
        promise.c.customer, promise.c.language, promise.c.made_at, promise.c.due_at, promise.c.attempts,
    )  # fmt: skip
    came = (
        select(func.min(queue_entry.c.at))
        .where(queue_entry.c.interaction == promise.c.interaction, queue_entry.c.at <= promise.c.made_at)
        .scalar_subquery()
    )
    place = func.coalesce(came, promise.c.made_at)
    still_open = select(*columns, came).where(promise.c.state == "open").order_by(place, promise.c.id)
    rows: Sequence[Any] = connection.execute(still_open).all()
    promises = tuple(OpenPromise(*row) for row in rows)
    lost = connection.execute(_LOST, {"since": now_wall - LOST_WITHIN_SECONDS})
    calls, unreadable = _live_calls(connection)
    lived_until = min(connection.execute(_LIVED_UNTIL).scalar() or 0.0, now_wall)
    return StartState(
        contacts,
        agents,
        promises,
        tuple(LostCaller(*row) for row in lost),
        calls,
        unreadable,
        _over(connection, calls),
        _left_open(connection, lived_until - LOST_WITHIN_SECONDS),
        lived_until,
    )


def _over(connection: Connection, calls: Sequence[LiveCall]) -> frozenset[LegId]:
    """Whose end is written, while the call still stands there as it was a moment before."""
    legs = [kept.sip.leg for call in calls for kept in call.all_legs]
    over: list[LegId] = []
    for first in range(0, len(legs), _LEGS_AT_ONCE):
        written = select(call_detail.c.leg).where(call_detail.c.leg.in_(legs[first : first + _LEGS_AT_ONCE]))
        over.extend(LegId(leg) for leg in connection.execute(written).scalars())
    return frozenset(over)


def _left_open(connection: Connection, since: float) -> tuple[OpenInteraction, ...]:
    """Without an end, and then those without a CDR."""
    bounds = {"most": _MOST_LEFT_OPEN, "since": since}
    rows = [row for question in _LEFT_OPEN for row in connection.execute(question, bounds)]
    return tuple(
        OpenInteraction(
            row.id, row.caller, row.dialled, row.trunk, row.began_at, row.entered_at,
            max(at for at in (row.began_at, row.queued_at, row.rung_at, row.ended_at) if at is not None),
            row.left_at, row.agent, row.outcome is not None,
        )
        for row in rows
    )  # fmt: skip


MOST_STARTS = 20_000  # of calls that began lately: more than any cap counts of a house
LONGEST_OPEN_SECONDS = 2 * 86400.0
DIALLED_KEPT_SECONDS = LONGEST_OPEN_SECONDS + 2 * 86400.0  # a day may have 25 hours, and clocks are set back


def dial_past(connection: Connection, day: float, since: float, now: float) -> DialPast:
    """What has been dialled: what calls that ended in the day since `day` have used, the starts after `since`, and what
    has no end. A call counts for the day in which it ended."""
    seconds = dialled.c.ended_at - func.coalesce(dialled.c.answered_at, dialled.c.ended_at)
    lately = dialled.c.began_at >= min(day, now) - LONGEST_OPEN_SECONDS
    used = (
        select(dialled.c.account, func.sum(seconds), func.sum(seconds / 60 * dialled.c.per_minute))
        .where(lately, dialled.c.ended_at >= day)
        .group_by(dialled.c.account)
        .order_by(dialled.c.account)
    )
    newest = dialled.c.began_at.desc(), dialled.c.leg.desc()
    starts = select(dialled.c.account, dialled.c.began_at).where(dialled.c.began_at > since).order_by(*newest)
    open_ones = select(dialled).where(lately, dialled.c.ended_at.is_(None)).order_by(*newest)
    return DialPast(
        tuple((row[0], float(row[1]), float(row[2])) for row in connection.execute(used)),
        tuple((row[0], row[1]) for row in connection.execute(starts.limit(MOST_STARTS)))[::-1],
        tuple(DialRecord(*row) for row in connection.execute(open_ones.limit(MOST_STARTS)))[::-1],
    )


def _live_calls(connection: Connection) -> tuple[tuple[LiveCall, ...], tuple[int, ...]]:
    """The calls that the last process has left, and the keys of what can be read as none."""
    calls: list[LiveCall] = []
    unreadable: list[int] = []
    words: dict[int, Words] = {}
    for key, body in connection.execute(select(live_call.c.id, live_call.c.body).order_by(live_call.c.id)):
        try:
            if key < 0:
                words[-key] = words_of(body)
            else:
                calls.append(unpacked(body, words))
        except UnreadableCall as problem:
            log.warning("call_unreadable", call=key, because=str(problem))
            unreadable.append(key)
    return tuple(calls), tuple(unreadable)


def ledger(connection: Connection, state: str | None, limit: int) -> tuple[PromiseLine, ...]:
    """Promises, the newest first."""
    columns = (
        promise.c.id, promise.c.interaction, promise.c.queue, promise.c.agent, promise.c.caller, promise.c.state,
        promise.c.because, promise.c.attempts, promise.c.made_at, promise.c.due_at, promise.c.changed_at,
        promise.c.answered_by,
    )  # fmt: skip
    newest = select(*columns).order_by(promise.c.id.desc()).limit(limit)
    if state is not None:
        newest = newest.where(promise.c.state == state)
    rows: Sequence[Any] = connection.execute(newest).all()
    return tuple(PromiseLine(*row) for row in rows)


def last_journal_number(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(agent_event.c.id), 0))).scalar_one())


def probe(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


# ------------------------------------------------------------------ the previous agent


_NEWEST = """
    SELECT agent, began_at FROM (
        SELECT agent, began_at FROM talk
        WHERE {same} AND began_at >= :since AND seconds >= :seconds
        ORDER BY began_at DESC LIMIT 1
    ) AS by_{name}
"""
_BY_CALLER = _NEWEST.format(same="caller = :caller", name="caller")
_BY_CUSTOMER = _NEWEST.format(same="customer = :customer", name="customer")
# Each half walks its own index from the newest end; an OR would walk neither.
_BY_BOTH = text(
    f"SELECT agent, began_at FROM ({_BY_CALLER} UNION ALL {_BY_CUSTOMER}) AS candidates ORDER BY began_at DESC LIMIT 1"
)
_BY_ONE = {"caller": text(_BY_CALLER), "customer": text(_BY_CUSTOMER)}


_TODAY = text(
    """
    SELECT count(*), count(lost.leg)
    FROM interaction AS call
    LEFT JOIN call_detail AS lost ON lost.interaction = call.id AND lost.direction = 'in' AND lost.cause = 41
    WHERE call.caller = :caller AND call.began_at >= :today AND call.id <> :interaction
    """
)


def answer(connection: Connection, query: FindPreviousAgent, recent: Spoken | None) -> PreviousAgentFound:
    """Who talked with him last and, when asked for, how often he has called today. `recent`: what may not be
    written yet."""
    spoken = max(filter(None, (previous_agent(connection, query), recent)), default=None)
    found = PreviousAgentFound(query.interaction, None if spoken is None else spoken[1], query.customer)
    if query.with_owner:
        found = replace(found, owner=_owner_of(connection, query))
    if query.today is None or query.caller.lower() in NOBODY:
        return found
    named = {"caller": query.caller, "today": query.today, "interaction": query.interaction}
    calls, lost = connection.execute(_TODAY, named).one()
    return replace(found, earlier_calls=int(calls), was_cut_off=lost > 0)


_OWNER = text("SELECT agent FROM case_owner WHERE kind = :kind AND who = :who AND agent <> ''")


def owner(connection: Connection, kind: str, who: str) -> AgentId | None:
    agent = connection.execute(_OWNER, {"kind": kind, "who": who}).scalar()
    return None if agent is None else AgentId(agent)


def _owner_of(connection: Connection, query: FindPreviousAgent) -> AgentId | None:
    """Of the customer, where one is known; else of the number he calls from."""
    found = owner(connection, "customer", query.customer) if query.customer else None
    if found is None and query.caller.lower() not in NOBODY:
        found = owner(connection, "caller", query.caller)
    return found


def previous_agent(connection: Connection, query: FindPreviousAgent) -> Spoken | None:
    """The newest talk with this caller number or this customer, not older than `since` and at least
    `talked_at_least_seconds` long."""
    who: dict[str, str] = {}
    if query.caller.lower() not in NOBODY:
        who["caller"] = query.caller
    if query.customer:
        who["customer"] = query.customer
    if not who:
        return None
    statement = _BY_BOTH if len(who) == 2 else _BY_ONE[next(iter(who))]
    limits = {"since": query.since, "seconds": query.talked_at_least_seconds}
    row = connection.execute(statement, {**who, **limits}).one_or_none()
    return None if row is None else (row.began_at, AgentId(row.agent))


# ------------------------------------------------------------------ recordings


def recordings(connection: Connection, wanted: FindRecordings) -> tuple[StoredRecording, ...]:
    """The newest first; with `kept_since_before` the oldest first."""
    query = select(recording).limit(wanted.limit)
    if wanted.number is not None:
        query = query.where(recording.c.id == wanted.number)
    if wanted.interaction is not None:
        query = query.where(recording.c.interaction == wanted.interaction)
    if wanted.agent is not None:
        query = query.where(cast(recording.c.agents, Text).like(f'%"{_escaped(wanted.agent)}"%', escape="!"))
    if wanted.queue is not None:
        query = query.where(recording.c.queue == wanted.queue)
    if wanted.other_queues:
        query = query.where(recording.c.queue.not_in(wanted.other_queues))
    if wanted.kept_since_before is None:
        query = query.order_by(recording.c.began_at.desc(), recording.c.id.desc())
    else:
        query = query.where(recording.c.deleted_at.is_(None), recording.c.began_at < wanted.kept_since_before)
        query = query.order_by(recording.c.began_at, recording.c.id)
    return tuple(_stored_recording(row) for row in connection.execute(query))


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _stored_recording(row: Any) -> StoredRecording:
    made = RecordingMade(
        row.id,
        row.interaction,
        row.caller,
        row.dialled,
        tuple(row.agents),
        row.queue,
        row.began_at,
        row.seconds,
        row.lost_packets,
        row.gap_seconds,
        tuple(row.marks),
        row.path,
        row.bytes,
        row.sha256,
        row.key,
        row.format,
    )
    return StoredRecording(made, row.deleted_at, row.deleted_because)
