"""Flows as they are written -> `ivr.messages.Flow`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from softswitch.acd.rules import FACTS
from softswitch.config.flow_language import (
    FlowBody,
    StepBranch,
    StepCollect,
    StepGoto,
    StepHangUp,
    StepLanguage,
    StepMenu,
    StepNotice,
    StepQueue,
    StepRecord,
    StepSay,
    StepSet,
    TargetDoc,
    UnclearDoc,
)
from softswitch.config.language import NumberDoc
from softswitch.config.problems import Placed, did_you_mean, listing
from softswitch.config.references import Known
from softswitch.ids import FlowId
from softswitch.ivr import speech
from softswitch.ivr.messages import (
    BranchStep,
    CollectStep,
    Flow,
    GotoStep,
    LanguageStep,
    MenuStep,
    RecordStep,
    Say,
    SayStep,
    SetStep,
    Step,
    Target,
    Unclear,
)
from softswitch.ivr.recorded import RECORD_NOTICE

START_VARIABLES = ("caller", "dialled", "forwarded_from")
KNOWN_OF_CALLERS = ("attestation", "identity")  # what a branch can look at besides
OWNER = "owner"  # `set` says whose case it is


def step_name(step: Any) -> Placed:
    """How others refer to a step; "" when nobody can."""
    if isinstance(step, StepMenu):
        return step.menu
    if isinstance(step, StepCollect):
        return step.collect
    if isinstance(step, StepNotice) or step is None:
        return Placed("", step.place) if step is not None else Placed("", Placed.place)
    name: Placed = step.name
    return name


class FlowBuilder:
    """Builds all flows of a configuration. `human` is where 0 leads ("" when there is no queue)."""

    def __init__(self, known: Known, human: str) -> None:
        self._known = known
        self._human = human
        self._variables: tuple[str, ...] = START_VARIABLES
        self._noted: tuple[str, ...] = ()
        self._secrets: tuple[str, ...] = ()

    def build(self, docs: Mapping[Placed, FlowBody], numbers: Mapping[Placed, NumberDoc]) -> dict[FlowId, Flow]:
        collected = [
            str(step.collect)
            for doc in docs.values()
            for step in doc.steps
            if isinstance(step, StepCollect) and not step.secret
        ]
        self._variables = (*START_VARIABLES, *collected)
        steps_of_all = [step for doc in docs.values() for step in doc.steps]
        self._secrets = tuple(
            str(each.collect) for each in steps_of_all if isinstance(each, StepCollect) and each.secret
        )
        noted = (str(name) for step in steps_of_all if isinstance(step, StepSet) for name in step.set)
        self._noted = tuple(dict.fromkeys(name for name in noted if name != OWNER and name not in collected))
        flows = {FlowId(str(name)): self._flow(name, doc) for name, doc in docs.items()}
        for number, doc in numbers.items():
            if doc.queue:
                steps: list[Step] = []
                if doc.say is not None:
                    steps.append(SayStep("", self._known.say(doc.say, START_VARIABLES)))
                steps.append(GotoStep("", Target(queue=str(doc.queue))))
                flows[number_flow(number)] = Flow(number_flow(number), tuple(steps))
        return flows

    @property
    def collected(self) -> tuple[str, ...]:
        """What callers can enter and flows can set, by its name; known once the flows are built."""
        return (*(name for name in self._variables if name not in START_VARIABLES), *self._noted)

    def target(self, doc: TargetDoc, steps: tuple[str, ...] = ()) -> Target:
        """`steps` are the names within the flow where the target stands."""
        known = self._known
        because = str(doc.because)
        if doc.word:
            return self._word(doc.word, steps)
        if doc.step and doc.step not in steps and steps:
            hint = did_you_mean(doc.step, steps) or f"; it has {listing(steps)}"
            known.report.add(doc.step.place, f'this flow has no step "{doc.step}"{hint}')
        elif doc.step and not steps:
            known.report.add(doc.step.place, "there are no steps here; name a flow or a queue")
        known.check("flow", doc.flow)
        known.check("queue", doc.queue)
        return Target(
            step=str(doc.step), flow=str(doc.flow), queue=str(doc.queue), hang_up=doc.hang_up, because=because
        )

    def _word(self, word: Placed, steps: tuple[str, ...]) -> Target:
        known = self._known
        flows = known.ids["flow"]
        if word in steps and word in flows:
            known.report.add(
                word.place, f'"{word}" is a step here and a flow too; write {{ step: {word} }} or {{ flow: {word} }}'
            )
        if word in steps:
            return Target(step=str(word))
        if word not in flows and "flow" not in known.doubtful:
            queues = known.ids["queue"]
            if word in queues:
                hint = f"; for the queue write {{ queue: {word} }}"
            else:
                hint = did_you_mean(word, (*steps, *flows)) or f"; known: {listing((*steps, *flows))}"
            known.report.add(word.place, f'no step of this flow and no flow is called "{word}"{hint}')
        return Target(flow=str(word))

    # -------------------------------------------------------------- one flow

    def _flow(self, name: Placed, doc: FlowBody) -> Flow:
        steps = [step for step in doc.steps if step is not None]
        seen: dict[str, Placed] = {}
        for step in steps:
            found = step_name(step)
            if found == RECORD_NOTICE:
                text = f'the name "{found}" is that of the step that tells of the recording; take another one'
                self._known.report.add(found.place, text)
            if found and found in seen:
                first = seen[found].place.line
                self._known.report.add(found.place, f'a second step is called "{found}"; the first is in line {first}')
            elif found:
                seen[str(found)] = found
        names = tuple(seen)
        return Flow(FlowId(str(name)), tuple(self._step(step, names) for step in steps))

    def _step(self, step: Any, names: tuple[str, ...]) -> Step:
        known = self._known
        if isinstance(step, StepMenu):
            return self._menu(step, names)
        if isinstance(step, StepCollect):
            return CollectStep(
                name=str(step.collect),
                say=self._say(step.say),
                min_digits=step.digits[0],
                max_digits=step.digits[1],
                unclear=self._unclear(step.unclear, step.collect, names),
                secret=step.secret,
                between_keys_seconds=step.between_keys,
                is_customer_id=self._customer_id(step),
            )
        if isinstance(step, StepSay):
            return SayStep(str(step.name), self._say(step.say), step.interruptible)
        if isinstance(step, StepNotice):
            return SayStep(RECORD_NOTICE, self._say(step.record_notice), step.interruptible)
        if isinstance(step, StepRecord):
            return RecordStep(str(step.name), str(step.record))
        if isinstance(step, StepLanguage):
            return LanguageStep(str(step.name), known.language(step.language))
        if isinstance(step, StepGoto):
            return GotoStep(str(step.name), self.target(step.goto, names))
        if isinstance(step, StepBranch):
            return self._branch(step, names)
        if isinstance(step, StepSet):
            return self._set(step)
        if isinstance(step, StepQueue):
            known.check("queue", step.queue)
            return GotoStep(str(step.name), Target(queue=str(step.queue), because=str(step.because)))
        assert isinstance(step, StepHangUp)
        if not step.hang_up:
            known.report.add(step.at("hang_up"), "hang_up: false does nothing; write true or take the step out")
        return GotoStep(str(step.name), Target(hang_up=True, because=str(step.because)))

    def _branch(self, step: StepBranch, names: tuple[str, ...]) -> BranchStep:
        known = (*self.collected, *KNOWN_OF_CALLERS)
        if step.branch and step.branch not in known:
            hint = did_you_mean(step.branch, known) or f"; known: {listing(known)}"
            self._known.report.add(step.branch.place, f'nothing is known as "{step.branch}" here{hint}')
        otherwise = None if step.otherwise is None else self.target(step.otherwise, names)
        cases = {str(value): self.target(target, names) for value, target in step.cases.items()}
        return BranchStep(str(step.name), str(step.branch), cases, otherwise)

    def _set(self, step: StepSet) -> SetStep:
        report, values, owner = self._known.report, {}, ""
        for name, value in step.set.items():
            taken = name in FACTS or name in START_VARIABLES or name in speech.VARIABLES
            if taken or name in self._secrets:
                why = "is known of every call already" if taken else "is a secret"
                report.add(name.place, f'"{name}" {why} and cannot be set')
            if len(value) > speech.MOST_SET:
                report.add(value.place, f"a value has at most {speech.MOST_SET} characters")
            known = (*self._variables, *KNOWN_OF_CALLERS, *self._noted)
            for used in speech.variables(value):
                if used not in known:
                    hint = did_you_mean(used, known) or f"; known: {listing(known)}"
                    report.add(value.place, f"nothing is known as {{{used}}} here{hint}")
            if name == OWNER:
                owner = str(value)
                if not speech.variables(value):
                    self._known.check("agent", value)
            else:
                values[str(name)] = str(value)
        return SetStep(str(step.name), values, owner)

    def _customer_id(self, step: StepCollect) -> bool:
        if step.customer_id and step.secret:
            self._known.report.add(
                step.at("customer_id"), "a secret cannot be the customer id: that is stored and shown"
            )
        return step.customer_id

    def _menu(self, step: StepMenu, names: tuple[str, ...]) -> MenuStep:
        keys = {str(pressed): self.target(target, names) for pressed, target in step.keys.items()}
        if "0" not in keys and step.zero and self._human:
            keys["0"] = Target(queue=self._human)
        return MenuStep(
            name=str(step.menu),
            say=self._say(step.say),
            keys=keys,
            unclear=self._unclear(step.unclear, step.menu, names),
            wrong_key=self._say(step.wrong_key) if step.wrong_key is not None else None,
        )

    def _unclear(self, doc: UnclearDoc | None, name: Placed, names: tuple[str, ...]) -> Unclear:
        because = f"unclear in {name}"
        human = Target(queue=self._human, because=because) if self._human else Target(hang_up=True, because=because)
        if doc is None:
            return Unclear(then=human)
        then = human if doc.then is None else self.target(doc.then, names)
        return Unclear(again=doc.again, then=then, no_input_seconds=doc.no_input)

    def _say(self, doc: Any) -> Say:
        return self._known.say(doc, self._variables, with_format=self._noted)


def number_flow(number: str) -> FlowId:
    """The id of the flow that is made for a number with a queue and no flow."""
    return FlowId(f"number {number}")
