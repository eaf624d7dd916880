"""What a flow is written in: say, menu, collect, language, set, branch, goto, queue, hang up."""

from __future__ import annotations

from typing import Any

from softswitch.config.kinds import (
    Flag,
    Keys,
    Kind,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Or,
    Schema,
    SchemaParts,
    Section,
    Text,
    key,
    made,
    section,
    what_is,
)
from softswitch.config.problems import Placed, Report, did_you_mean, listing
from softswitch.config.tree import Mapping, Node, Scalar
from softswitch.config.values import ID, LANGUAGE, MENU_KEY, NOTHING, SAY, SayDoc, duration, whole_range


@section
class TargetDoc(Section):
    """Where a caller goes: exactly one of step, flow, queue and hang_up."""

    step: Placed = key(ID, "a menu, collect or named step of this flow", NOTHING)
    flow: Placed = key(ID, "another flow, from its beginning", NOTHING)
    queue: Placed = key(ID, "a queue", NOTHING)
    hang_up: bool = key(Flag(), "true: the call ends", False)
    because: Placed = key(Text(), "the reason, as the agent sees it", NOTHING)
    word: Placed = NOTHING  # written as one word: a step or a flow


class TargetKind(Kind[TargetDoc]):
    """`lost_card` (a step of this flow, or a flow), or { queue: everyday, because: ... }."""

    def __init__(self) -> None:
        self._keys = Keys(TargetDoc, "a target")
        super().__init__(self._keys.blank)

    def read(self, node: Node, report: Report) -> TargetDoc:
        if isinstance(node, Scalar):
            if node.text == "hang_up":
                return made(TargetDoc, node.place, hang_up=True)
            return made(TargetDoc, node.place, word=ID.read(node, report))
        target = self._keys.read(node, report)
        given = [name for name in ("step", "flow", "queue", "hang_up") if name in target.places]
        if isinstance(node, Mapping) and len(given) != 1:
            found = " and ".join(given) or "none of them"
            report.add(node.place, f"a target has one of step, flow, queue and hang_up; found {found}")
        return target

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [ID.schema(parts), self._keys.schema(parts)]}


TARGET = TargetKind()


@section
class UnclearDoc(Section):
    """What happens on a wrong key or none. Only this step is asked again; what was entered before is kept."""

    again: int = key(Number(0, 9), "so often is it asked again", 2)
    then: TargetDoc | None = key(TARGET, "and then; by default to a human", None)
    no_input: float = key(duration(1, 60), "so long is a key waited for", 5.0)


_UNCLEAR = Keys(UnclearDoc, "unclear")


@section
class StepSay(Section):
    """Say something."""

    say: SayDoc = key(SAY, "what is said")
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)
    interruptible: bool = key(Flag(), "false: a key does not cut it short", True)


@section
class StepNotice(Section):
    """Tell that the call is recorded. A key does not cut it short, unless it may."""

    record_notice: SayDoc = key(SAY, "what is said")
    interruptible: bool = key(Flag(), "true: a key cuts it short", False)


@section
class StepRecord(Section):
    """Start to record here, also before somebody answers; or stop for good, because the caller refused: nobody records
    the rest of this call. mask: what follows is silence in the recording, until unmask."""

    record: Placed = key(OneOf("start", "stop", "mask", "unmask"), "what becomes of the recording")
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


@section
class StepMenu(Section):
    """Ask for one key."""

    menu: Placed = key(ID, "its name")
    say: SayDoc = key(SAY, "the question")
    keys: dict[Placed, TargetDoc] = key(
        MapOf(MENU_KEY, TARGET, at_least=1), "where each key leads; 0 leads to a human by itself"
    )
    unclear: UnclearDoc | None = key(_UNCLEAR, "what happens on a wrong key or none", None)
    wrong_key: SayDoc | None = key(SAY, "what is said after a wrong key", None)
    zero: bool = key(Or({"off": False, "human": True}, Flag()), "off: 0 does not lead to a human here", True)


@section
class StepCollect(Section):
    """Ask for digits, ended by # (and begun anew by *)."""

    collect: Placed = key(ID, "its name, and the name of what is entered")
    say: SayDoc = key(SAY, "the question")
    digits: tuple[int, int] = key(whole_range(1, 64, "6..10"), "how many, like 4 or 6..10")
    secret: bool = key(Flag(), "true: never heard, logged, stored or shown", False)
    customer_id: bool = key(Flag(), "true: this is who the caller is", False)
    between_keys: float = key(duration(1, 30), "the pause after the last digit that ends the entry", 4.0)
    unclear: UnclearDoc | None = key(_UNCLEAR, "what happens on too few digits or none", None)


@section
class StepLanguage(Section):
    """Speak this language from here on."""

    language: Placed = key(LANGUAGE, "one of the line's languages")
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


@section
class StepGoto(Section):
    """Go on elsewhere."""

    goto: TargetDoc = key(TARGET, "where")
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


@section
class StepBranch(Section):
    """Go on by what was entered before, or by what is known of the caller: attestation is A, B or C when his number
    was verified (STIR), identity is verified, failed or missing."""

    branch: Placed = key(ID, "what is looked at: the name of a collect step, attestation or identity")
    cases: dict[Placed, TargetDoc] = key(
        MapOf(Text("a value"), TARGET, at_least=1), "where each value leads", name="is"
    )
    otherwise: TargetDoc | None = key(TARGET, "where every other value leads; by default to the next step", None)
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


@section
class StepSet(Section):
    """Note something for this call, as if the caller had entered it: for branch, rules and the agent's screen. A value
    may hold {names} of collect steps."""

    set: dict[Placed, Placed] = key(
        MapOf(ID, Text("a value"), at_least=1),
        "names and their values; owner: whose case it is, an agent's id, or a {name} that holds her id or extension",
    )
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


@section
class StepQueue(Section):
    """Into a queue, with everything that was entered."""

    queue: Placed = key(ID, "which")
    because: Placed = key(Text(), "the reason, as the agent sees it", NOTHING)
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


@section
class StepHangUp(Section):
    """End the call."""

    hang_up: bool = key(Flag(), "true")
    because: Placed = key(Text(), "the reason, as the record shows it", NOTHING)
    name: Placed = key(ID, "a name, to be led here by others", NOTHING)


STEPS: dict[str, Keys[Any]] = {
    "menu": Keys(StepMenu, "a menu"),
    "collect": Keys(StepCollect, "a collect step"),
    "record_notice": Keys(StepNotice, "a record notice"),
    "record": Keys(StepRecord, "a record step"),
    "language": Keys(StepLanguage, "a language step"),
    "goto": Keys(StepGoto, "a goto"),
    "branch": Keys(StepBranch, "a branch"),
    "set": Keys(StepSet, "a set step"),
    "queue": Keys(StepQueue, "a queue step"),
    "hang_up": Keys(StepHangUp, "a hang-up"),
    "say": Keys(StepSay, "a say step"),
}

StepDoc = (
    StepMenu
    | StepCollect
    | StepNotice
    | StepRecord
    | StepLanguage
    | StepGoto
    | StepBranch
    | StepSet
    | StepQueue
    | StepHangUp
    | StepSay
)


class StepKind(Kind[Any]):
    """The key that names the step decides what it is."""

    def __init__(self) -> None:
        super().__init__(None)

    def read(self, node: Node, report: Report) -> Any:
        if not isinstance(node, Mapping):
            report.add(node.place, f"expected a step like {{ say: ... }}, found {what_is(node)}")
            return None
        written = {key_node.text for key_node, _ in node.items}
        for word, kind in STEPS.items():
            if word in written:
                return kind.read(node, report)
        first = node.items[0][0] if node.items else None
        hint = did_you_mean(first.text, STEPS) if first else ""
        place = first.place if first else node.place
        report.add(place, f'"{first.text if first else ""}" is no step{hint or "; known: " + listing(STEPS)}')
        return None

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [kind.schema(parts) for kind in STEPS.values()]}


@section
class FlowBody(Section):
    """What a caller goes through, step by step. Falling off the end hangs up."""

    steps: tuple[Any, ...] = key(ListOf(StepKind(), at_least=1), "the steps, in order")


@section
class FlowFile(FlowBody):
    """One flow in a file of its own, flows/*.yaml."""

    flow: Placed = key(ID, "its id")


FLOW_FILE = Keys(FlowFile, "a flow")
