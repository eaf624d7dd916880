"""The store as the rest of the switch sees it: one object, records in, a start state and answers out.

    store = Store("sqlite:///var/line.db")
    await store.open()                              # connect, migrate; StoreError: one sentence
    state = await store.load_start_state(now_wall)  # contacts, agents, open promises
    store.append(record)                            # returns at once, written within milliseconds
    await store.append_durable(promise)             # returns when it is on disk
    await store.close()                             # writes the rest

All methods belong to one event loop. Rows never leave this room.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from softswitch.call.records import (
    AgentRecord,
    DialPast,
    FindPreviousAgent,
    FindRecordings,
    PreviousAgentFound,
    PromiseLine,
    Record,
    StartState,
    StoredContact,
    StoredRecording,
    TalkRecord,
)
from softswitch.ids import AgentId, IdSource
from softswitch.store import questions
from softswitch.store.database import Database, connect, may_come_back, sentence
from softswitch.store.errors import StoreAway, StoreError
from softswitch.store.live_calls import KeptCall
from softswitch.store.migrate import migrate
from softswitch.store.recent import RecentTalks
from softswitch.store.rows import ContactList, DialledBefore, Item, NumberedAgentRecord
from softswitch.store.writer import Writer, WriterSettings

log = structlog.get_logger("softswitch.store")

_ANSWER_SECONDS = 0.2  # less than a caller is kept for it (`call.session.LOOKUP_SECONDS`)


@dataclass(frozen=True, slots=True)
class StoreHealth:
    ok: bool
    reason: str  # empty when ok
    depth: int  # records waiting to be written
    committed: int
    groups: int
    dropped: int
    refused: int


class Store:
    def __init__(
        self,
        url: str,
        settings: WriterSettings | None = None,
        wall_clock: Callable[[], float] = time.time,
        on_health: Callable[[StoreHealth], None] | None = None,
    ) -> None:
        """`on_health` is called in the loop when the database goes away and when it is back."""
        self._settings = settings or WriterSettings()
        self._wall_clock = wall_clock
        self._database: Database = connect(url)
        self._writer = Writer(self._database, self._settings, wall_clock, self._health_changed)
        self._on_health = on_health
        self._recent = RecentTalks()
        self._asked: set[asyncio.Task[PreviousAgentFound]] = set()
        self._journal = IdSource()
        self._closed = False

    @property
    def name(self) -> str:
        """Where the data is, for the operator; without the password."""
        return self._database.name

    # -------------------------------------------------------------- start and stop

    async def open(self) -> None:
        """Connect, bring the schema up to date, start the writer. StoreError when that cannot be done, StoreAway when
        it may be possible in a moment, with another object."""
        try:
            await self._database.prepare(migrate)
            last = await self._database.read(questions.last_journal_number)
        except StoreError:
            await self._database.close()
            raise
        except Exception as error:  # whatever a driver can raise
            await self._database.close()
            kind = StoreAway if may_come_back(error) else StoreError
            raise kind(f"The database ({self.name}) cannot be opened: {sentence(error)}.") from error
        # Above everything written before, also when the wall clock was set back.
        self._journal = IdSource(max(last + 1, IdSource.start_for(self._wall_clock())))
        self._writer.start()

    async def close(self, within_seconds: float = 5.0) -> None:
        """Write what is queued (for at most `within_seconds` when the database is away) and disconnect."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close(within_seconds)
        if self._asked:
            await asyncio.wait(tuple(self._asked), timeout=within_seconds)
        await self._database.close()

    async def load_start_state(self, now_wall: float) -> StartState:
        """Live contacts, the newest line of each agent, the promises still open."""
        try:
            return await self._database.read(partial(questions.start_state, now_wall=now_wall))
        except Exception as error:
            raise StoreError(f"The database ({self.name}) cannot be read: {sentence(error)}.") from error

    async def load_dialled(self, day: float, since: float, now: float) -> DialPast:
        """What counts for the caps of today; `day`: when it began."""
        try:
            return await self._database.read(partial(questions.dial_past, day=day, since=since, now=now))
        except Exception as error:
            raise StoreError(f"The database ({self.name}) cannot be read: {sentence(error)}.") from error

    # -------------------------------------------------------------- writing

    def append(self, record: Record) -> None:
        """Remember this; never waits, never raises."""
        if type(record) is TalkRecord:
            self._recent.note(record)
        self._writer.append(self._item(record))

    def keep_call(self, key: int, at: float, body: bytes) -> None:
        """As it is now (`live_calls.packed`), so that it outlives this process."""
        self._writer.append(KeptCall(key, at, body))

    def forget_call(self, key: int) -> None:
        self._writer.append(KeptCall(key, 0.0, None))

    def forget_dialled(self, before: float) -> None:
        """Counted calls that began before this."""
        self._writer.append(DialledBefore(before))

    async def append_durable(self, record: Record) -> None:
        """Returns once the record is on disk. StoreError: it is not stored, and will not be."""
        await self._writer.append_durable(self._item(record))

    async def save_contacts(self, agent: AgentId, contacts: tuple[StoredContact, ...]) -> None:
        """Replace the agent's contact list; returns once that is on disk, else StoreError."""
        await self._writer.append_durable(ContactList(agent, contacts))

    async def flush(self) -> None:
        """Returns once everything appended so far is on disk, else StoreError."""
        await self._writer.append_durable(None)

    def _item(self, record: Record) -> Item:
        return NumberedAgentRecord(self._journal.number(), record) if type(record) is AgentRecord else record

    # -------------------------------------------------------------- asking

    async def find_previous_agent(self, query: FindPreviousAgent) -> PreviousAgentFound:
        """Who spoke with this caller last; from memory alone when the database is away or slow (`recent`)."""
        recent = self._recent.newest(query)
        if not self._writer.away:
            question = asyncio.create_task(self._database.read(partial(questions.answer, query=query, recent=recent)))
            self._asked.add(question)
            question.add_done_callback(self._answered)
            try:
                await asyncio.wait((question,), timeout=_ANSWER_SECONDS)
                if question.done():
                    return question.result()
                log.warning("previous_agent_unknown", because=f"no answer within {_ANSWER_SECONDS:g} seconds")
            except Exception as error:
                log.warning("previous_agent_unknown", because=sentence(error))
            finally:
                question.cancel()  # and not waited for: a driver takes seconds to leave a server that hangs
        return PreviousAgentFound(query.interaction, None if recent is None else recent[1], query.customer)

    def _answered(self, question: asyncio.Task[PreviousAgentFound]) -> None:
        self._asked.discard(question)
        if not question.cancelled():
            question.exception()  # who asked has seen it, or has gone

    async def promises(self, state: str | None, limit: int) -> tuple[PromiseLine, ...]:
        """The ledger, the newest first; StoreError when the database is away."""
        if self._writer.away:
            raise StoreError(f"The database is away: {self._writer.away}.")
        try:
            return await self._database.read(partial(questions.ledger, state=state, limit=limit))
        except Exception as error:
            raise StoreError(f"The database ({self.name}) cannot be read: {sentence(error)}.") from error

    async def recordings(self, wanted: FindRecordings) -> tuple[StoredRecording, ...]:
        """The newest first; StoreError when the database is away."""
        try:
            return await self._database.read(partial(questions.recordings, wanted=wanted))
        except Exception as error:
            raise StoreError(f"The database ({self.name}) cannot be read: {sentence(error)}.") from error

    async def owner(self, kind: str, who: str) -> AgentId | None:
        """Whose case this customer or caller is; StoreError when the database is away."""
        try:
            return await self._database.read(partial(questions.owner, kind=kind, who=who))
        except Exception as error:
            raise StoreError(f"The database ({self.name}) cannot be read: {sentence(error)}.") from error

    def health(self) -> StoreHealth:
        writer, counts = self._writer, self._writer.counts
        reason = f"The database is away: {writer.away}." if writer.away else ""
        if writer.stopped:
            reason = "The database writer has stopped; the log says why."
        if not reason and writer.depth > self._settings.max_queue // 2:
            reason = f"The database is too slow: {writer.depth} records wait for it."
        return StoreHealth(
            not reason, reason, writer.depth, counts.committed, counts.groups, counts.dropped, counts.refused
        )

    def _health_changed(self) -> None:
        if self._on_health is not None:
            self._on_health(self.health())
