"""The one loop that serves every core.

Cores are pure: events in, commands out, `now` handed in. The driver owns the only queue between them. Each message
type is routed once, at start, to the places that want it: another core (its `handle`) or an effect (a plain
function that carries bytes, starts a task, writes a row). A command's result comes back as a posted event, never as
a nested call, so no core ever re-enters itself.

    shell --post--> [queue] --> core.handle --> commands --> [queue] --> core | effect
                                core.tick  --^   (one re-armed timer: the earliest next_deadline)

A broken invariant (AssertionError) in a core ends what the event was about and never the switch: it is logged with
the event and counted in `Driver.broken`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

log = structlog.get_logger()

Effect = Callable[[Any], None]


class Core(Protocol):
    """The contract of every pure core; see docs/architecture.md."""

    def handle(self, event: Any, now: float) -> Sequence[Any]: ...
    def tick(self, now: float) -> Sequence[Any]: ...
    def next_deadline(self) -> float | None: ...


class Driver:
    """Routes messages between cores and effects on one event loop. Not thread-safe by design."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: deque[Any] = deque()
        self._routes: dict[type, tuple[tuple[Core | None, Effect | None], ...]] = {}
        self._cores: list[Core] = []
        self._running = False
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._closed = False
        self.broken = 0
        self.unrouted = 0

    def add_core(self, core: Core, *events: type) -> None:
        """This core handles these message types (in order of registration when several targets want one)."""
        self._cores.append(core)
        for kind in events:
            self._routes[kind] = (*self._routes.get(kind, ()), (core, None))

    def add_effect(self, effect: Effect, *commands: type) -> None:
        for kind in commands:
            self._routes[kind] = (*self._routes.get(kind, ()), (None, effect))

    def now(self) -> float:
        return self._loop.time()

    def post(self, event: Any) -> None:
        """Queue an event; when the driver is idle, work until nothing is left. Called on the loop's thread."""
        self._queue.append(event)
        if not self._running:
            self._drain()

    def close(self) -> None:
        """No timer fires any more and nothing posted is handled."""
        self._closed = True
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drain(self) -> None:
        if self._closed:
            self._queue.clear()
            return
        self._running = True
        try:
            queue, routes = self._queue, self._routes
            now = self._loop.time()
            while queue:
                message = queue.popleft()
                targets = routes.get(type(message))
                if targets is None:
                    self.unrouted += 1
                    log.error("message without a route", kind=type(message).__name__)
                    continue
                for core, effect in targets:
                    self._deliver(core, effect, message, now)
        finally:
            self._running = False
        self._arm()

    def _deliver(self, core: Core | None, effect: Effect | None, message: Any, now: float) -> None:
        # The one broad catch of the switch: whatever a single message breaks stays with that message.
        try:
            if core is not None:
                self._queue.extend(core.handle(message, now))
            elif effect is not None:
                effect(message)
        except Exception:
            self.broken += 1
            log.exception("invariant broken", event_kind=type(message).__name__)

    def _arm(self) -> None:
        soonest: float | None = None
        for core in self._cores:
            deadline = core.next_deadline()
            if deadline is not None and (soonest is None or deadline < soonest):
                soonest = deadline
        if soonest is None:
            return
        if self._timer is not None:
            # A timer that fires early finds nothing due and arms itself again: cheaper than re-arming each time.
            if self._armed_for <= soonest:
                return
            self._timer.cancel()
        self._armed_for = soonest
        self._timer = self._loop.call_at(soonest, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._closed:
            return
        now = self._loop.time()
        for core in self._cores:
            deadline = core.next_deadline()
            if deadline is None or deadline > now:
                continue
            try:
                self._queue.extend(core.tick(now))
            except Exception:
                self.broken += 1
                log.exception("invariant broken in a timer", core=type(core).__name__)
        self._drain()
