"""Records to rows: which statement writes which record, and the plain tuple it is written with.

Each statement is built once with SQLAlchemy Core and compiled once for the database at hand; a group then runs as
one executemany of tuples per statement, without SQLAlchemy's work per row. A statement that meets a row written
before leaves it, because a group is written again when the commit's fate was unclear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from softswitch.call.records import (
    AgentRecord,
    CallDetail,
    DialRecord,
    InteractionClosed,
    InteractionLost,
    InteractionOpened,
    InteractionQueued,
    OwnerSet,
    PromiseAnswered,
    PromiseOpened,
    PromiseUpdated,
    Record,
    RecordingDeleted,
    RecordingHeard,
    RecordingMade,
    RingRecord,
    StoredContact,
    TalkRecord,
)
from softswitch.ids import AgentId
from softswitch.store.live_calls import KeptCall
from softswitch.store.tables import (
    agent_event,
    call_detail,
    case_owner,
    contact,
    dialled,
    interaction,
    live_call,
    promise,
    queue_entry,
    recording,
    recording_access,
    ring_attempt,
    talk,
)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ContactList:
    """The whole contact list of an agent; replaces what was stored before."""

    agent: AgentId
    contacts: tuple[StoredContact, ...]


@dataclass(frozen=True, slots=True)
class NumberedAgentRecord:
    """A line of the journal with its place in it."""

    number: int
    record: AgentRecord


@dataclass(frozen=True, slots=True)
class DialledBefore:
    """Counted calls that began before this are of no use to any cap, and go."""

    began_at: float


Item = Record | ContactList | NumberedAgentRecord | KeptCall | DialledBefore

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_agent = attrgetter("agent", "state", "reason", "at", "deadline", "logged_out")
_opened = attrgetter("interaction", "caller", "dialled", "trunk", "language", "began_at", "identity")
_closed = attrgetter("interaction", "outcome", "agent", "at", "waited_seconds", "sticky")
_lost = attrgetter("outcome", "agent", "at", "waited_seconds", "interaction")
_talk = attrgetter("attempt", "interaction", "queue", "agent", "caller", "customer", "began_at", "seconds")
_ring = attrgetter("attempt", "interaction", "queue", "agent", "began_at", "ended_at", "end", "sticky")
_promise = attrgetter("promise", "interaction", "queue", "agent", "caller", "customer", "language", "made_at", "due_at")
_promise_update = attrgetter("state", "attempts", "at", "because", "promise")
_detail = attrgetter(
    "leg", "interaction", "direction", "party", "caller", "dialled", "began_at", "answered_at", "ended_at",
    "ended_by", "status", "cause", "packets_in", "packets_out",
    "loss_percent", "jitter_ms", "mos", "restarted",
    "codec", "silent_seconds", "round_trip_ms", "peer_loss_percent", "answered_by",
)  # fmt: skip


def _journal_row(item: NumberedAgentRecord) -> Row:
    return (item.number, *_agent(item.record))


def _queued_row(item: InteractionQueued) -> Row:
    return (
        item.interaction, item.at, item.queue, item.customer, item.because,
        _dumps(dict(item.entered)), _dumps(item.path), item.previous_agent,
    )  # fmt: skip


_heard = attrgetter("recording", "at", "who", "how")
_deleted = attrgetter("at", "because", "recording")


def _recording_row(item: RecordingMade) -> Row:
    return (
        item.recording, item.interaction, item.caller, item.dialled, _dumps(item.agents), item.queue, item.began_at,
        item.seconds, item.lost_packets, item.gap_seconds, _dumps([dict(mark) for mark in item.marks]), item.path,
        item.bytes, item.sha256, item.key, item.format,
    )  # fmt: skip


_dialled_row = attrgetter("leg", "account", "per_minute", "began_at", "answered_at", "ended_at")


def _owner_row(item: OwnerSet) -> Row:
    return (item.kind, item.who, item.agent or "", item.at)


def contact_row(place: int, item: StoredContact) -> Row:
    return (
        item.agent, place, item.uri, item.transport, *item.local, *item.remote,
        item.call_id, item.cseq, item.expires_at, item.q, item.user_agent, "\n".join(item.path), item.instance,
        item.reg_id,
    )  # fmt: skip


# ------------------------------------------------------------------ statements

_Statement = tuple[ClauseElement, tuple[str, ...]]  # and its parameters in the order of the row


def _once(dialect: Dialect, table: Table, columns: Sequence[str], **fixed: str) -> _Statement:
    """INSERT that leaves a row of the same key as it is."""
    insert = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    values.update({name: literal_column(value) for name, value in fixed.items()})
    return insert.values(values).on_conflict_do_nothing(), tuple(columns)


def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _close_interaction(dialect: Dialect) -> _Statement:
    """Closes the row, and makes it when its opening was lost while the database was away."""
    columns = ("id", "outcome", "agent", "ended_at", "waited_seconds", "sticky")
    insert = (postgresql if dialect.name == "postgresql" else sqlite).insert(interaction)
    statement = insert.values({name: bindparam(name) for name in columns})
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={name: statement.excluded[name] for name in columns[1:]}
    ), columns


def _lose_interaction() -> _Statement:
    """Closes a row that is open still."""
    columns = ("outcome", "agent", "ended_at", "waited_seconds")
    statement = (
        update(interaction)
        .where(interaction.c.id == bindparam("interaction"), interaction.c.outcome.is_(None))
        .values({name: bindparam(name) for name in columns})
    )
    return statement, (*columns, "interaction")


def _own(dialect: Dialect) -> _Statement:
    """The newest word counts; a group that is written again brings no older one back."""
    columns = _names(case_owner)
    insert = (postgresql if dialect.name == "postgresql" else sqlite).insert(case_owner)
    statement = insert.values({name: bindparam(name) for name in columns})
    return statement.on_conflict_do_update(
        index_elements=["kind", "who"],
        set_={"agent": statement.excluded["agent"], "at": statement.excluded["at"]},
        where=case_owner.c.at <= statement.excluded["at"],
    ), columns


def _dial(dialect: Dialect) -> _Statement:
    """What is known of a call only grows; a group that is written again takes nothing away."""
    columns = _names(dialled)
    insert = (postgresql if dialect.name == "postgresql" else sqlite).insert(dialled)
    statement = insert.values({name: bindparam(name) for name in columns})
    known = {name: func.coalesce(statement.excluded[name], dialled.c[name]) for name in ("answered_at", "ended_at")}
    return statement.on_conflict_do_update(index_elements=["leg"], set_=known), columns


def _keep_call(dialect: Dialect) -> _Statement:
    columns = _names(live_call)
    insert = (postgresql if dialect.name == "postgresql" else sqlite).insert(live_call)
    statement = insert.values({name: bindparam(name) for name in columns})
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={name: statement.excluded[name] for name in columns[1:]}
    ), columns


_OPENED = ("id", "caller", "dialled", "trunk", "language", "began_at", "identity")
_PROMISED = ("id", "interaction", "queue", "agent", "caller", "customer", "language", "made_at", "due_at")


class Statements:
    """Every write of the store, compiled for one database."""

    def __init__(self, dialect: Dialect) -> None:
        change = (
            update(promise)
            .where(promise.c.id == bindparam("promise"))
            .values({name: bindparam(name) for name in ("state", "attempts", "changed_at", "because")})
        )
        newest = select(func.max(promise.c.id)).where(promise.c.interaction == bindparam("interaction"))
        who = (
            update(promise)
            .where(promise.c.id == newest.scalar_subquery())
            .values({"answered_by": bindparam("answered_by")})
        )
        gone = (
            update(recording)
            .where(recording.c.id == bindparam("recording"))
            .values({name: bindparam(name) for name in ("deleted_at", "deleted_because")})
        )
        useless = delete(dialled).where(dialled.c.began_at < bindparam("before"))
        forget = delete(contact).where(contact.c.agent == bindparam("owner"))
        plan: list[tuple[type[Any] | None, _Statement, Callable[[Any], Row]]] = [
            (NumberedAgentRecord, _once(dialect, agent_event, _names(agent_event)), _journal_row),
            (InteractionOpened, _once(dialect, interaction, _OPENED), _opened),
            (InteractionQueued, _once(dialect, queue_entry, _names(queue_entry)), _queued_row),
            (TalkRecord, _once(dialect, talk, _names(talk)), _talk),
            (RingRecord, _once(dialect, ring_attempt, _names(ring_attempt)), _ring),
            (InteractionClosed, _close_interaction(dialect), _closed),
            (InteractionLost, _lose_interaction(), _lost),
            (PromiseOpened, _once(dialect, promise, _PROMISED, state="'open'", attempts="0", because="''"), _promise),
            (PromiseUpdated, (change, ("state", "attempts", "changed_at", "because", "promise")), _promise_update),
            (PromiseAnswered, (who, ("answered_by", "interaction")), attrgetter("answered_by", "interaction")),
            (OwnerSet, _own(dialect), _owner_row),
            (RecordingMade, _once(dialect, recording, _names(recording)[:-2]), _recording_row),
            (RecordingDeleted, (gone, ("deleted_at", "deleted_because", "recording")), _deleted),
            (RecordingHeard, _once(dialect, recording_access, _names(recording_access)), _heard),
            (DialRecord, _dial(dialect), _dialled_row),
            (DialledBefore, (useless, ("before",)), lambda item: (item.began_at,)),
            (CallDetail, _once(dialect, call_detail, _names(call_detail)), _detail),
        ]
        # The order above is the order within a group: an opening before its closing, a promise before its changes.
        self._sql = [_compile(dialect, statement) for _, statement, _ in plan]
        self._where = {kind: (index, to_row) for index, (kind, _, to_row) in enumerate(plan)}
        self._forget = _compile(dialect, (forget, ("owner",)))
        self._remember = _compile(dialect, _once(dialect, contact, _names(contact)))
        over = delete(live_call).where(live_call.c.id == bindparam("key"))
        self._calls = _compile(dialect, _keep_call(dialect)), _compile(dialect, (over, ("key",)))

    def write(self, connection: Connection, items: Iterable[Item], clean: Callable[[Row], Row] | None = None) -> None:
        """Write a group in the caller's transaction. `clean` repairs each row first."""
        groups: list[list[Row]] = [[] for _ in self._sql]
        lists: dict[AgentId, ContactList] = {}
        calls: dict[int, KeptCall] = {}
        for item in items:
            if type(item) is ContactList:
                lists[item.agent] = item  # the newest of the group counts
                continue
            if type(item) is KeptCall:
                calls[item.key] = item  # here as well
                continue
            index, to_row = self._where[type(item)]
            groups[index].append(to_row(item))
        for sql, rows in zip(self._sql, groups, strict=True):
            if rows:
                _execute(connection, sql, rows, clean)
        if calls:
            keep, over = self._calls
            kept_calls: list[Row] = [(each.key, each.at, each.body) for each in calls.values() if each.body is not None]
            if kept_calls:
                _execute(connection, keep, kept_calls, clean)
            if len(kept_calls) < len(calls):
                gone: list[Row] = [(key,) for key, each in calls.items() if each.body is None]
                _execute(connection, over, gone, clean)
        if lists:
            _execute(connection, self._forget, [(agent,) for agent in lists], clean)
            kept = [contact_row(place, one) for each in lists.values() for place, one in enumerate(each.contacts)]
            if kept:
                _execute(connection, self._remember, kept, clean)


def _execute(connection: Connection, sql: str, rows: list[Row], clean: Callable[[Row], Row] | None) -> None:
    if clean is not None:
        rows = [clean(row) for row in rows]
    if len(rows) == 1:
        connection.exec_driver_sql(sql, rows[0])
    else:
        connection.exec_driver_sql(sql, rows)


def _compile(dialect: Dialect, statement: _Statement) -> str:
    """The SQL text for the driver; its parameters must come in the order in which rows carry them."""
    element, order = statement
    compiled = element.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    assert names is not None and tuple(names) == order, (names, order)
    return str(compiled)


# ------------------------------------------------------------------ a faulty row

_LARGEST = (1 << 63) - 1


def cleaned(row: Row) -> Row:
    """The row as a database can take it: no NUL, no half surrogate, no number beyond 64 bits."""
    return tuple(_cleaned_value(value) for value in row)


def _cleaned_value(value: Any) -> Any:
    if isinstance(value, str):
        text = value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
        return text.replace("\\u0000", "")
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-_LARGEST, min(_LARGEST, value))
    return value
