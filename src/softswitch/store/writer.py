"""The one queue to the database: group commit, durable acknowledgement, patience while the database is away.

    append ──> queue ──(2 to 50 ms)──> one transaction ──> committed: durable waiters are told
                 ^                        |
                 └── put back, in order ──┴─ failed: degraded, durable waiters are refused,
                                             tried again after 0.1 s, 0.2 s, ... 2 s

Records keep their order. The queue is bounded: while the database is away the newest records stay and what falls
off the old end is counted. A durable record is never kept for later: its sender is told at once that it is not
stored, and nothing of it may turn up after all (a promise whose commit ended unclear is withdrawn by a record of
its own). A row that the database refuses for its values is repaired, or dropped and counted, alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from softswitch.call.records import PromiseOpened, PromiseUpdated
from softswitch.store.database import Database, is_faulty_row, sentence
from softswitch.store.errors import StoreError
from softswitch.store.questions import probe
from softswitch.store.rows import Item, Row, Statements, cleaned

log = structlog.get_logger("softswitch.store")


@dataclass(frozen=True, slots=True)
class WriterSettings:
    max_queue: int = 100_000  # records kept in memory while the database is away
    max_group: int = 2_000  # records per transaction
    group_seconds: float = 0.05  # how long the first record of a group waits for others: larger groups cost less
    durable_group_seconds: float = 0.002  # the same when somebody waits for the commit
    durable_seconds: float = 1.0  # a durable record is refused after this
    retry_first_seconds: float = 0.1
    retry_last_seconds: float = 2.0


@dataclass(slots=True)
class WriterCounts:
    committed: int = 0  # records written
    groups: int = 0  # transactions
    dropped: int = 0  # fell off the queue while the database was away, or were left at the end
    refused: int = 0  # could not be written for their values


class _Durable:
    """A record that somebody waits for."""

    __slots__ = ("done", "item", "withdrawn")

    def __init__(self, item: Item | None, done: asyncio.Future[None]) -> None:
        self.item = item
        self.done = done
        self.withdrawn = False  # the waiter has given up

    def refuse(self, reason: str) -> None:
        self.withdrawn = True
        if not self.done.done():
            self.done.set_exception(StoreError(reason))


class Writer:
    def __init__(
        self,
        database: Database,
        settings: WriterSettings,
        wall_clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._settings = settings
        self._wall_clock = wall_clock
        self._changed = changed  # called when the database goes away or is back
        self._statements = Statements(database.dialect)
        self._queue: deque[Item | _Durable] = deque()
        self._alarm = _Alarm()
        self._task: asyncio.Task[None] | None = None
        self._closing_at: float | None = None  # loop time after which what cannot be written is left
        self.away = ""  # why the database cannot be written; empty: it can
        self.counts = WriterCounts()

    # -------------------------------------------------------------- taking records

    def start(self) -> None:
        self._alarm.loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="store-writer")

    def append(self, item: Item) -> None:
        if len(self._queue) >= self._settings.max_queue:
            self._drop_oldest()
        self._queue.append(item)
        self._alarm.within(self._settings.group_seconds)

    async def append_durable(self, item: Item | None) -> None:
        """Returns when `item` is committed, and everything appended before it; raises StoreError when it is not,
        and then nothing of it stays. None: only wait for what was appended before."""
        if self.away or self._closing_at is not None:
            raise StoreError(f"The database is away: {self.away or 'the switch is stopping'}.")
        if len(self._queue) >= self._settings.max_queue:
            raise StoreError("The database is too slow: the queue to it is full.")
        entry = _Durable(item, asyncio.get_running_loop().create_future())
        self._queue.append(entry)
        self._alarm.within(self._settings.durable_group_seconds)
        try:
            await asyncio.wait_for(entry.done, self._settings.durable_seconds)
        except TimeoutError:
            raise StoreError(
                f"The database did not take the record within {self._settings.durable_seconds:g} seconds."
            ) from None
        finally:
            entry.withdrawn = not entry.done.done() or entry.done.cancelled()

    @property
    def stopped(self) -> bool:
        """The writer ended although nobody closed it: a fault in it."""
        return self._task is not None and self._task.done()

    @property
    def depth(self) -> int:
        return len(self._queue)

    def _drop_oldest(self) -> None:
        oldest = self._queue.popleft()
        if isinstance(oldest, _Durable):
            oldest.refuse("The database is too slow: the queue to it is full.")
        self.counts.dropped += 1

    # -------------------------------------------------------------- writing groups

    async def close(self, within_seconds: float) -> None:
        """Write what is queued; give up after `within_seconds` when the database is away."""
        if self._task is None:
            return
        self._closing_at = asyncio.get_running_loop().time() + within_seconds
        self._alarm.ring()
        self._alarm.hurry.set()
        await self._task
        self._task = None
        left = len(self._queue)
        if left:
            self.counts.dropped += left
            while self._queue:
                entry = self._queue.popleft()
                if isinstance(entry, _Durable):
                    entry.refuse("The switch is stopping and the database is away.")
            log.error("records_lost_at_stop", records=left, because=self.away)

    async def _run(self) -> None:
        delay = self._settings.retry_first_seconds
        while True:
            if self.away and self._closing_at is None:
                await self._alarm.sleep(delay)
                delay = min(delay * 2, self._settings.retry_last_seconds)
            elif self._closing_at is None:
                await self._alarm.wait()
            group = self._take_group()
            if await self._write_group(group):
                delay = self._settings.retry_first_seconds
            if self._finished():
                return
            if self._closing_at is not None and self.away:
                await asyncio.sleep(self._settings.retry_first_seconds)
            elif self._queue and not self._alarm.armed:  # a rest of a large group, or what came while it was away
                self._alarm.ring()

    def _finished(self) -> bool:
        if self._closing_at is None:
            return False
        return not self._queue or (bool(self.away) and asyncio.get_running_loop().time() >= self._closing_at)

    def _take_group(self) -> list[Item | _Durable]:
        group: list[Item | _Durable] = []
        while self._queue and len(group) < self._settings.max_group:
            entry = self._queue.popleft()
            if not (isinstance(entry, _Durable) and entry.withdrawn):
                group.append(entry)
        return group

    async def _write_group(self, group: list[Item | _Durable]) -> bool:
        """True when the database is there."""
        error = await self._try(group)
        if error is not None and is_faulty_row(error):
            error = await self._try(group, cleaned)
            if error is not None and is_faulty_row(error):
                return await self._one_by_one(group)
        if error is not None:
            self._went_away(group, error)
            return False
        self._committed(group)
        return True

    async def _one_by_one(self, group: list[Item | _Durable]) -> bool:
        """No repair helps a row of this group: write each record alone, and drop what still is refused."""
        for place, entry in enumerate(group):
            error = await self._try([entry], cleaned)
            if error is None:
                self._committed([entry])
            elif is_faulty_row(error):
                self.counts.refused += 1
                log.error("record_refused", kind=type(_item(entry)).__name__, because=sentence(error))
                if isinstance(entry, _Durable):
                    entry.refuse(f"The database refuses this record: {sentence(error)}.")
            else:
                self._went_away(group[place:], error)
                return False
        return True

    async def _try(self, group: list[Item | _Durable], clean: Callable[[Row], Row] | None = None) -> Exception | None:
        items = [item for entry in group if (item := _item(entry)) is not None]
        work = partial(self._statements.write, items=items, clean=clean) if items else probe
        try:
            await self._database.write(work)
        except Exception as error:  # whatever a driver can raise: the writer outlives all of it
            return error
        return None

    def _committed(self, group: list[Item | _Durable]) -> None:
        if self.away:
            log.info("database_back", queued=len(self._queue), dropped=self.counts.dropped)
            self.away = ""
            self._changed()
        self.counts.committed += sum(_item(entry) is not None for entry in group)
        self.counts.groups += 1
        for entry in group:
            if isinstance(entry, _Durable):
                if entry.withdrawn:
                    self._take_back(entry.item)
                elif not entry.done.done():
                    entry.done.set_result(None)

    def _went_away(self, group: list[Item | _Durable], error: Exception) -> None:
        first, reason = not self.away, sentence(error)
        self.away = reason
        if first:
            log.error("database_away", database=self._database.name, because=reason)
            # From now on nobody may wait; who waits already is refused. A commit of this group may have happened
            # although its answer was lost, so what it held is undone; what only stood in the queue was never sent.
            now = self._wall_clock()
            sent = self._without_waiters(group, lambda item: _undoing(item, now))
            self._queue = deque(sent + self._without_waiters(self._queue, lambda item: []))
        else:
            self._queue.extendleft(reversed(group))
        while len(self._queue) > self._settings.max_queue:
            self._drop_oldest()
        if first:
            self._changed()

    def _without_waiters(
        self, entries: Iterable[Item | _Durable], instead: Callable[[Item | None], list[Item]]
    ) -> list[Item | _Durable]:
        kept: list[Item | _Durable] = []
        for entry in entries:
            if isinstance(entry, _Durable):
                entry.refuse(f"The database is away: {self.away}.")
                kept.extend(instead(entry.item))
            else:
                kept.append(entry)
        return kept

    def _take_back(self, item: Item | None) -> None:
        for undoing in _undoing(item, self._wall_clock()):
            self.append(undoing)


def _item(entry: Item | _Durable) -> Item | None:
    return entry.item if isinstance(entry, _Durable) else entry


def _undoing(item: Item | None, now_wall: float) -> list[Item]:
    """What must follow a record that was stored after its sender was told it is not. A contact list needs nothing:
    the phone sends its registration again."""
    if isinstance(item, PromiseOpened):
        return [PromiseUpdated(item.promise, "withdrawn", 0, now_wall, "could not be stored in time")]
    return []


class _Alarm:
    """Wakes the writer at the earliest of the moments it was asked for."""

    __slots__ = ("_due", "_rung", "_timer", "hurry", "loop")

    def __init__(self) -> None:
        self.hurry = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def within(self, seconds: float) -> None:
        if self.loop is None:
            return  # the writer rings when it starts
        due = self.loop.time() + seconds
        if self._timer is not None:
            if due >= self._due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self.loop.call_at(due, self.ring)

    def ring(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rung.set()

    @property
    def armed(self) -> bool:
        return self._timer is not None or self._rung.is_set()

    async def wait(self) -> None:
        await self._rung.wait()
        self._rung.clear()

    async def sleep(self, seconds: float) -> None:
        """The pause between two tries; new records do not shorten it, closing does."""
        try:
            await asyncio.wait_for(self.hurry.wait(), seconds)
        except TimeoutError:
            pass
