"""What a day came to, counted from the commands of an engine, real or simulated, in wall-clock seconds.

service level   answered within T / (offered - gone within 5 s)        per queue, T is the queue's; then added up
abandon rate    hung up while waiting / offered
ASA             mean wait of those who were answered
waits           of all who entered, up to the answer, the hang-up or the overflow
promises kept   kept / (kept + broken)
occupancy       ringing + talking + wrap-up / (the same + ready), in agent-seconds
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from softswitch.acd import messages as m
from softswitch.ids import AgentId, QueueId

SHORT_ABANDON_SECONDS: Final = 5.0  # counts neither for nor against the service level
PERIOD: Final = 3600

_BUSY: Final = (m.AgentState.RINGING, m.AgentState.TALKING, m.AgentState.WRAP_UP)


@dataclass(slots=True)
class Period:
    """Callers who entered within one hour."""

    offered: int = 0
    answered: int = 0
    within: int = 0
    abandoned: int = 0
    short: int = 0
    overflowed: int = 0
    waited: float = 0.0

    @property
    def level(self) -> float | None:
        counted = self.offered - self.short
        return 100.0 * self.within / counted if counted > 0 else None

    @property
    def ended(self) -> int:
        return self.answered + self.abandoned + self.overflowed


@dataclass(slots=True)
class Figures:
    settings: m.AcdSettings
    total: Period = field(default_factory=Period)
    periods: dict[int, Period] = field(default_factory=dict)  # by wall-clock hour
    waits: list[float] = field(default_factory=list)
    answered_after: float = 0.0
    promised: int = 0
    kept: int = 0
    broken: int = 0
    busy: float = 0.0
    ready: float = 0.0
    thresholds: dict[QueueId, float] = field(default_factory=dict)
    states: dict[AgentId, tuple[m.AgentState, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.thresholds = {queue.id: queue.service_level_seconds for queue in self.settings.queues}

    def entered(self, event: m.CallerEntered, wall: float) -> None:
        if event.queue in self.thresholds:
            self.total.offered += 1
            self._period(wall).offered += 1

    def see(self, commands: list[m.Command], offset: float) -> None:
        """`offset`: wall-clock minus the seconds of the commands."""
        for command in commands:
            if isinstance(command, m.AgentStateChanged):
                self._state(command.agent, command.state, command.since + offset)
            elif isinstance(command, m.InteractionEnded):
                self._ended(command, offset)
            elif isinstance(command, m.SavePromise):
                self.promised += 1
            elif isinstance(command, m.PromiseChanged):
                self.kept += command.state is m.PromiseState.KEPT
                self.broken += command.state is m.PromiseState.BROKEN

    def finish(self, wall: float) -> None:
        """The day is over: what agents are doing counts up to now."""
        for agent, (state, _) in list(self.states.items()):
            self._state(agent, state, wall)

    def _period(self, wall: float) -> Period:
        return self.periods.setdefault(int(wall // PERIOD), Period())

    def _state(self, agent: AgentId, state: m.AgentState, wall: float) -> None:
        before = self.states.get(agent)
        if before is not None and wall > before[1]:
            self.busy += (wall - before[1]) * (before[0] in _BUSY)
            self.ready += (wall - before[1]) * (before[0] is m.AgentState.READY)
        self.states[agent] = (state, wall)

    def _ended(self, command: m.InteractionEnded, offset: float) -> None:
        waited = command.ended_at - command.entered_at
        outcome = command.outcome
        if outcome is m.Outcome.CALLED_BACK or outcome is m.Outcome.CALL_BACK_FAILED:
            return
        self.waits.append(waited)
        for one in (self.total, self._period(command.entered_at + offset)):
            one.waited += waited
            if outcome is m.Outcome.ANSWERED:
                one.answered += 1
                one.within += waited <= self.thresholds[command.queue]
            elif outcome is m.Outcome.ABANDONED:
                one.abandoned += 1
                one.short += waited < SHORT_ABANDON_SECONDS
            else:
                one.overflowed += 1
        if outcome is m.Outcome.ANSWERED:
            self.answered_after += waited

    # ------------------------------------------------------------------ read

    def values(self) -> dict[str, float | None]:
        """The figures by name; None where nothing was counted."""
        total, settled, worked = self.total, self.kept + self.broken, self.busy + self.ready
        return {
            "service_level_percent": total.level,
            "abandoned_percent": 100.0 * total.abandoned / total.offered if total.offered else None,
            "asa_seconds": self.answered_after / total.answered if total.answered else None,
            "wait_p50_seconds": quantile(self.waits, 0.5),
            "wait_p90_seconds": quantile(self.waits, 0.9),
            "wait_max_seconds": max(self.waits, default=None),
            "promises_kept_percent": 100.0 * self.kept / settled if settled else None,
            "occupancy_percent": 100.0 * self.busy / worked if worked else None,
            "offered": float(total.offered),
            "answered": float(total.answered),
            "abandoned": float(total.abandoned),
            "overflowed": float(total.overflowed),
            "promised": float(self.promised),
        }


def quantile(values: list[float], share: float) -> float | None:
    """Linear between the neighbours; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
