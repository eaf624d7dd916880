"""The configuration language of what is promised to callers: who counts as theirs, call-backs, rules, passes."""

from __future__ import annotations

from typing import Any

from softswitch.call.answered_by import MACHINE_POLICIES
from softswitch.config.calendars import DATE
from softswitch.config.flow_language import TARGET, TargetDoc
from softswitch.config.kinds import Flag, ListOf, Number, OneOf, Or, Section, Text, key, section
from softswitch.config.problems import Placed
from softswitch.config.values import DIALLED, MENU_KEY, NOTHING, SAY, SayDoc, duration


@section
class AwayDoc(Section):
    """Days on which somebody is away."""

    from_: Placed = key(DATE, "the first day", name="from")
    to: Placed = key(DATE, "the last day, included")


@section
class PreviousDoc(Section):
    """Who counts as the previous agent of a caller."""

    talked_at_least: float = key(duration(0, 3600), "shorter talks do not count", 20.0)
    or_: tuple[Placed, ...] = key(
        ListOf(OneOf("ticket_owner", "named_banker")),
        "ticket_owner: who owns his case, by the API or a flow, comes first; named_banker: then his own banker",
        (),
        name="or",
    )


@section
class HerLineDoc(Section):
    """The line of one agent is bounded, so that her own callers do not make all others wait."""

    callers: Any = key(
        Or({"no_limit": None}, Number(1, 1000)), "when so many wait for her, waiting is not offered", None
    )
    time: Any = key(
        Or({"no_limit": None}, duration(30, 86400)), "nor when serving them would take longer than this", None
    )
    in_a_row: Any = key(
        Or({"no_limit": None}, Number(1, 1000)),
        "after so many of her own comes who has waited longest of all",
        None,
    )


@section
class CallBackRuleDoc(Section):
    """The promise of a call-back: by the previous agent, or by anybody of the queue."""

    within: float = key(duration(60, 7 * 86400), "the customer is called within this time", 3600.0)
    attempts: int = key(Number(1, 20), "so often is the customer called", 3)
    retry: float = key(duration(1, 86400), "pause between two attempts", 60.0)
    first: Placed = key(
        OneOf("agent", "customer"),
        "whose phone rings first; customer: an agent is kept free for him meanwhile",
        Placed("agent", NOTHING.place),
    )
    confirm: bool = key(Flag(), "customer first: he presses 1 before an agent is rung, which a mailbox cannot", True)
    machine: Placed = key(
        OneOf(*MACHINE_POLICIES),
        "an answering machine answers; treat_as_human listens for none; by default that where he is called first, and "
        "note where the agent is: no kept promise",
        NOTHING,
    )
    message: SayDoc | None = key(SAY, "for machine: leave_message, what is said behind its greeting", None)
    expires: Any = key(Or({"max_wait": None}, duration(60, 30 * 86400)), "given up so long after it was promised", None)
    number: Placed = key(
        OneOf("caller", "ask"),
        "caller: the number he calls from; ask: it is read back, and he can key in another one",
        Placed("caller", NOTHING.place),
    )
    allow: tuple[Placed, ...] = key(
        ListOf(DIALLED), "how a number that is keyed in may begin, like +372; needed for number: ask", ()
    )


@section
class RuleDoc(Section):
    """Who waits less: callers of whom something is true get a head start in the line."""

    when: Placed = key(Text("an expression"), "like \"language == 'et' and calls_today >= 3\"")
    head_start: float = key(duration(1, 3600), "he is served as if he had waited so much longer")
    name: Placed = key(Text("a name"), "as it is noted on the call; by default the expression", NOTHING)


@section
class LetFirstDoc(Section):
    """Who has time can let others go first, by a key; the same key takes it back."""

    after: float = key(duration(1, 3600), "he is asked then, once, and only when somebody stands behind him", 30.0)
    gives: float = key(duration(10, 3600), "those who came up to so much later go first", 180.0)
    next_after: float = key(duration(30, 7200), "after this he is the very next, however many came", 360.0)
    press: Placed = key(MENU_KEY, "the key", Placed("5", NOTHING.place), name="key")
    then: Placed = key(
        OneOf("next", "call_back"),
        "what he gets for it: he is next in time, or he is called back",
        Placed("next", NOTHING.place),
    )
    when: Placed = key(Text("an expression"), "only callers of whom this is true are asked, as in `rules`", NOTHING)


@section
class PassesDoc(Section):
    """Nobody is kicked around like a ball."""

    at_most: int = key(Number(1, 20), "so often is a caller passed on to another queue in one call", 2)
    then: TargetDoc = key(TARGET, "and then: a supervisor's queue, or a flow")
