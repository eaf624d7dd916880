"""Trunks that have names: where each leads now, looked up ahead of the calls and again before it gets old.

    start ─► ASKING ─all answers there─► KNOWN ──time to live──► ASKING
                └─nobody could tell, nothing found─► KNOWN as before ──10 s, doubled up to five minutes──► ASKING

No call waits for the name service. What was known stays good for an hour when it can no longer be looked up. Only names
of the configuration are ever asked for, and only what they lead to is sent to or believed to be the trunk.
"""

from __future__ import annotations

from collections.abc import Callable

from softswitch.ids import TrunkId
from softswitch.sip.addresses import Addresses, Resolved, is_network
from softswitch.sip.context import Context
from softswitch.sip.locate import Located, LookupDone, Question, locate
from softswitch.sip.messages import Flow
from softswitch.sip.timers import Timer
from softswitch.sip.uri import ip_literal

LEAST_SECONDS = 5.0
MOST_SECONDS = 3600.0
STALE_SECONDS = 3600.0
FIRST_PAUSE = 10.0
LONGEST_PAUSE = 300.0
ANSWER_SECONDS = 30.0  # a look-up that nobody has answered by then is made again
_ROUNDS = 12  # of look-ups that lead to others


class _Name:
    """One name of one trunk. `outgoing`: calls go there; else its calls come from there."""

    __slots__ = (
        "answers",
        "asked",
        "known_until",
        "outgoing",
        "pause",
        "problem",
        "question",
        "rounds",
        "timer",
        "trunk",
    )

    def __init__(self, trunk: TrunkId, question: Question, outgoing: bool) -> None:
        self.trunk = trunk
        self.question = question
        self.outgoing = outgoing
        self.answers: dict[tuple[str, str], LookupDone] = {}
        self.asked: list[tuple[str, str]] = []
        self.rounds = 0
        self.pause = FIRST_PAUSE
        self.known_until = 0.0
        self.problem = ""
        self.timer: Timer | None = None


class Directory:
    """See the module."""

    __slots__ = ("_addresses", "_context", "_located", "_names")

    def __init__(self, context: Context, addresses: Addresses, located: Callable[[TrunkId], None]) -> None:
        self._located = located  # told when something is known (again) of a trunk
        self._context = context
        self._addresses = addresses
        self._names: list[_Name] = []
        flows = context.settings.local_flows
        families = tuple(
            kind for kind, six in (("A", False), ("AAAA", True)) if any((":" in flow.local[0]) is six for flow in flows)
        )
        spoken = tuple(dict.fromkeys(flow.transport for flow in flows if flow.transport in ("udp", "tcp", "tls")))
        for trunk in context.settings.trunks:
            wanted = trunk.transport if trunk.transport != "udp" or trunk.port else ""
            if trunk.host and ip_literal(trunk.host) is None:
                spoken_there = (*spoken, "tls") if wanted == "tls" else spoken
                question = Question(trunk.host.lower(), trunk.port, wanted, spoken_there, families)
                self._add(_Name(trunk.id, question, True))
            for name in trunk.networks:
                if not is_network(name):
                    self._add(_Name(trunk.id, Question(name, 0, "", ("udp", "tcp", "tls"), ("A", "AAAA")), False))

    @property
    def problems(self) -> dict[TrunkId, str]:
        """Of which trunks a name leads nowhere, and why; of several names the first."""
        return {name.trunk: f"{name.question.host} {name.problem}" for name in reversed(self._names) if name.problem}

    def targets(self, trunk: TrunkId) -> list[Flow]:
        """Where calls to this trunk would go now, the best way first."""
        return self._addresses.ways_to(f"sip:{trunk}", trunk) if self._addresses.trunk(trunk).host else []

    def _add(self, name: _Name) -> None:
        self._names.append(name)
        name.problem = "is being looked up"
        self._in(name, 0.0)

    def _in(self, name: _Name, seconds: float) -> None:
        timers = self._context.timers
        timers.cancel(name.timer)
        name.timer = timers.start(self._context.now + seconds, lambda: self._begin(name))

    def _begin(self, name: _Name) -> None:
        name.answers = {}
        name.asked = []
        name.rounds = 0
        self._in(name, ANSWER_SECONDS)
        self._go_on(name)

    def done(self, event: LookupDone) -> None:
        """An answer of the name service, for everybody who waits for it."""
        key = (event.name, event.kind)
        for name in self._names:
            if key in name.asked:
                name.asked.remove(key)
                name.answers[key] = event
                if not name.asked:
                    self._go_on(name)

    def _go_on(self, name: _Name) -> None:
        found = locate(name.question, name.answers)
        name.rounds += 1
        if found.missing and name.rounds <= _ROUNDS:
            for lookup in found.missing:
                name.asked.append((lookup.name, lookup.kind))
                self._context.out.append(lookup)
            return
        self._settled(name, found)

    def _settled(self, name: _Name, found: Located) -> None:
        now = self._context.now
        if found.services:
            seconds = max(LEAST_SECONDS, min(found.ttl, MOST_SECONDS))
            name.known_until = now + seconds + STALE_SECONDS
            name.pause = FIRST_PAUSE
            name.problem = ""
            self._addresses.resolved(name.trunk, Resolved(name.question.host, found.services, name.outgoing))
            self._located(name.trunk)
            self._in(name, FIRST_PAUSE if found.failed else seconds)
            return
        name.problem = "cannot be looked up" if found.failed else "has no address"
        if now >= name.known_until:
            self._addresses.resolved(name.trunk, Resolved(name.question.host, (), name.outgoing))
        self._in(name, name.pause)
        name.pause = min(LONGEST_PAUSE, 2 * name.pause)
