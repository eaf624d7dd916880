"""Who is recorded and was not told? The ways of callers through the flows, as far as the configuration shows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from softswitch.call.recording_settings import NEVER, RecordingPlan
from softswitch.config.flow_language import FlowBody, StepRecord
from softswitch.config.flows import number_flow
from softswitch.config.language import Document
from softswitch.config.problems import Placed, Report, listing
from softswitch.ids import FlowId, QueueId
from softswitch.ivr.messages import (
    BranchStep,
    CollectStep,
    Flow,
    GotoStep,
    MenuStep,
    RecordStep,
    SayStep,
    Step,
    Target,
)
from softswitch.ivr.recorded import RECORD_NOTICE

_Way = tuple[FlowId, int]  # a step before which he was told nothing


class _Untold:
    """Where callers of one number come without having heard a notice."""

    def __init__(self, flows: Mapping[FlowId, Flow], start: FlowId) -> None:
        self._flows = flows
        self._todo: deque[_Way] = deque([(start, 0)])
        self._seen: dict[_Way, None] = {}
        self.queues: dict[QueueId, None] = {}
        self.starts: dict[_Way, None] = {}  # steps that record
        while self._todo:
            self._step(self._todo.popleft())

    def _step(self, way: _Way) -> None:
        flow, at = self._flows.get(way[0]), way[1]
        if flow is None or way in self._seen or at >= len(flow.steps):
            return
        self._seen[way] = None
        step = flow.steps[at]
        if isinstance(step, SayStep) and step.name == RECORD_NOTICE:
            return
        if isinstance(step, RecordStep):
            if step.action == "stop":
                return  # nobody records him any more
            told_yet = any(each.name == RECORD_NOTICE for each in flow.steps[at:])  # it waits for that
            if step.action == "start" and not told_yet:
                self.starts[way] = None
        for target in _targets(step):
            self._go(flow, target)
        if not isinstance(step, GotoStep | MenuStep):
            self._todo.append((flow.id, at + 1))

    def _go(self, flow: Flow, target: Target) -> None:
        if target.queue:
            self.queues[QueueId(target.queue)] = None
        elif target.flow:
            self._todo.append((FlowId(target.flow), 0))
        elif target.step:
            found = (at for at, step in enumerate(flow.steps) if step.name == target.step)
            self._todo.extend((flow.id, at) for at in found)


def _targets(step: Step) -> Iterator[Target]:
    if isinstance(step, GotoStep):
        yield step.target
    elif isinstance(step, MenuStep):
        yield from step.keys.values()
    elif isinstance(step, BranchStep):
        yield from step.cases.values()
        if step.otherwise is not None:
            yield step.otherwise
    if isinstance(step, MenuStep | CollectStep) and step.unclear.then is not None:
        yield step.unclear.then


def warn_of_untold(
    document: Document,
    docs: Mapping[Placed, FlowBody],
    flows: Mapping[FlowId, Flow],
    plan: RecordingPlan | None,
    report: Report,
) -> None:
    """One warning for each queue that records, and for each step, to which callers come untold."""
    if plan is None:
        return
    queues: dict[QueueId, dict[str, None]] = {}
    starts: dict[_Way, None] = {}
    for number, called in document.numbers.items():
        for start in (FlowId(str(called.flow)) if called.flow else number_flow(number), FlowId(str(called.closed))):
            untold = _Untold(flows, start)
            starts |= untold.starts
            for reached in untold.queues:
                queues.setdefault(reached, {})[str(number)] = None
    notices = any(step.name == RECORD_NOTICE for flow in flows.values() for step in flow.steps)
    for name, queue in document.queues.items():
        rule, numbers = plan.rules.get(QueueId(str(name))), queues.get(QueueId(str(name)), {})
        if rule is None or rule.mode == NEVER:
            continue
        if numbers:
            text = f"callers of {listing(numbers, 5)} come here, are recorded, and no record_notice has told them"
            report.warn(queue.at("record"), text)
        elif not notices:
            report.warn(queue.at("record"), "callers are recorded, and no flow has a record_notice that tells them")
    for name, body in docs.items():
        for at, step in enumerate(step for step in body.steps if step is not None):  # numbered as in the flow
            if isinstance(step, StepRecord) and (FlowId(str(name)), at) in starts:
                report.warn(step.record.place, "callers are recorded from here on, and no record_notice has told them")
