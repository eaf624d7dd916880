"""Between the driver and the store: records are appended, questions asked, durable writes awaited.

Every answer comes back as a posted event. The number of questions under way is bounded: past it a question is
answered at once with "nobody", and a durable write with "not saved", so a slow database never piles up tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from softswitch.acd.messages import AgentRestored, AgentState, PromiseRestored, PromiseSaved, SavePromise
from softswitch.app.clock import Clock
from softswitch.call.record import promise_row, to_record
from softswitch.call.records import AgentRecord, FindPreviousAgent, OpenPromise, PreviousAgentFound, StoredContact
from softswitch.sip.messages import ContactBinding, ContactsSaved, Flow, SaveContacts
from softswitch.store.errors import StoreError
from softswitch.store.store import Store

_MOST_UNDER_WAY = 2_000


class Memory:
    """The effects that reach the store."""

    def __init__(self, store: Store, clock: Clock, post: Callable[[Any], None]) -> None:
        self._store = store
        self._clock = clock
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()

    # -------------------------------------------------------------- effects

    def record(self, command: Any) -> None:
        """An ACD command that is to be kept."""
        self._store.append(to_record(command, self._clock.wall))

    def append(self, record: Any) -> None:
        """A record as the call room made it."""
        self._store.append(record)

    def save_contacts(self, command: SaveContacts) -> None:
        if not self._begin(self._save_contacts(command)):
            self._post(ContactsSaved(command.token, False))

    def save_promise(self, command: SavePromise) -> None:
        if not self._begin(self._save_promise(command)):
            self._post(PromiseSaved(command.promise, False))

    def find_previous(self, query: FindPreviousAgent) -> None:
        if not self._begin(self._find_previous(query)):
            self._post(PreviousAgentFound(query.interaction, None, query.customer))

    def _begin(self, work: Coroutine[Any, Any, None]) -> bool:
        if len(self._tasks) >= _MOST_UNDER_WAY:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _save_contacts(self, command: SaveContacts) -> None:
        rows = tuple(self._stored(contact) for contact in command.contacts)
        try:
            await self._store.save_contacts(command.agent, rows)
        except StoreError:
            self._post(ContactsSaved(command.token, False))
        else:
            self._post(ContactsSaved(command.token, True))

    async def _save_promise(self, command: SavePromise) -> None:
        try:
            await self._store.append_durable(promise_row(command, self._clock.wall))
        except StoreError:
            self._post(PromiseSaved(command.promise, False))
        else:
            self._post(PromiseSaved(command.promise, True))

    async def _find_previous(self, query: FindPreviousAgent) -> None:
        self._post(await self._store.find_previous_agent(query))

    # -------------------------------------------------------------- rows and back

    def _stored(self, contact: ContactBinding) -> StoredContact:
        flow = contact.flow
        return StoredContact(
            contact.agent,
            contact.uri,
            flow.transport,
            flow.local,
            flow.remote,
            contact.call_id,
            contact.cseq,
            self._clock.wall(contact.expires_at),
            contact.q,
            contact.user_agent,
            contact.path,
            contact.instance,
            contact.reg_id,
        )

    def binding(self, stored: StoredContact) -> ContactBinding:
        """A stored registration; a TCP connection of the last life is gone and is made again when needed."""
        connection = 0 if stored.transport == "udp" else -1
        return ContactBinding(
            stored.agent,
            stored.uri,
            Flow(stored.transport, stored.local, stored.remote, connection),
            stored.call_id,
            stored.cseq,
            self._clock.monotonic(stored.expires_at),
            stored.q,
            stored.user_agent,
            stored.path,
            stored.instance,
            stored.reg_id,
        )

    def agent_restored(self, record: AgentRecord, registered: bool) -> AgentRestored:
        deadline = None if record.deadline is None else self._clock.monotonic(record.deadline)
        return AgentRestored(
            record.agent,
            AgentState(record.state),
            record.reason,
            self._clock.monotonic(record.at),
            deadline,
            registered,
            record.logged_out,
        )

    def promise_restored(self, promise: OpenPromise) -> PromiseRestored:
        return PromiseRestored(
            promise.promise,
            promise.interaction,
            promise.queue,
            promise.agent,
            promise.caller,
            promise.customer,
            promise.language,
            self._clock.monotonic(promise.made_at),
            self._clock.monotonic(promise.due_at),
            promise.attempts,
            None if promise.entered_at is None else self._clock.monotonic(promise.entered_at),
        )

    async def finish(self) -> None:
        """Let what is under way end (the store's own bounds apply)."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
