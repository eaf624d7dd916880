"""How far each caller's queue has relaxed, as the invariant checker works it out from the settings and the clock."""

from __future__ import annotations

from heapq import heappop
from typing import Any

from picture import AWAY, STAGES, Caller, Group, may_take, step_times

from softswitch.acd.messages import AcdSettings, AgentState, AgentStateChanged, QueueSettings

GENERAL = STAGES[0]


class Relaxing:
    """Groups of callers with the same needs at the same step, and who of the agents may take them."""

    def __init__(self, settings: AcdSettings) -> None:
        self.settings = settings
        self.agents: dict[str, AgentStateChanged] = {
            a.id: AgentStateChanged(a.id, AgentState.OFFLINE, "", 0.0) for a in settings.agents
        }
        self.groups: dict[tuple[Any, ...], Group] = {}
        self.steps = {q.id: step_times(settings, q) for q in settings.queues}
        self.relaxing = any(len(times) > 1 for times in self.steps.values())
        self.step_due: list[tuple[float, int]] = []
        self.callers: dict[int, Caller] = {}
        self.touched: dict[int, None] = {}

    def _group(self, queue: QueueSettings, needs: tuple[Any, ...], step: int) -> Group:
        key = (queue.id, needs, step)
        group = self.groups.get(key)
        if group is None:
            waited = self.steps[queue.id][step]
            agents = [
                str(a.id) for a in self.settings.agents if may_take(self.settings, a, queue, needs[0], needs[1], waited)
            ]
            group = self.groups[key] = Group(agents, step)
        return group

    def _steps_due(self, now: float) -> None:
        while self.step_due and self.step_due[0][0] <= now:
            caller = self.callers.get(heappop(self.step_due)[1])
            if caller is not None:
                self._reach(caller, now)

    def _reach(self, caller: Caller, now: float) -> None:
        """To the step of his time; further, while nobody is at work there and somebody is at a later one."""
        times = self.steps[caller.queue.id]
        at = caller.group.step
        while at + 1 < len(times) and caller.came + times[at + 1] <= now:
            at += 1
        if caller.stage == GENERAL and not self._at_work(caller, at):
            at = next((later for later in range(at + 1, len(times)) if self._at_work(caller, later)), at)
        if at != caller.group.step:
            old, caller.group = caller.group, self._group(caller.queue, caller.needs, at)
            for before, after in ((old.waiting, caller.group.waiting), (old.ringing, caller.group.ringing)):
                if before.pop(caller.id, None) is not None:
                    after[caller.id] = caller
            self.touched[caller.id] = None

    def _at_work(self, caller: Caller, step: int) -> bool:
        group = self._group(caller.queue, caller.needs, step)
        return any(self.agents[agent].state not in AWAY for agent in group.agents)

    def _staffing_changed(self, now: float) -> None:
        for group in list(self.groups.values()):
            for caller in list(group.waiting.values()):
                self._reach(caller, now)
