"""The sections about what agents need: breaks, the rest they earn; and about needs that relax."""

from __future__ import annotations

from softswitch.config.kinds import Number, OneOf, Section, key, section
from softswitch.config.problems import Placed
from softswitch.config.values import ID, NOTHING, SKILL_LESS, duration


@section
class BreakDoc(Section):
    """A kind of break, by its reason."""

    at_most: float = key(duration(10, 86400), "how long it may last")
    then: Placed = key(
        OneOf("show", "ready"), "after that: the overrun is shown, or she is ready again", Placed("show", NOTHING.place)
    )


@section
class ReliefDoc(Section):
    """A rest that agents earn; it begins after the wrap-up, and she can end it."""

    rest: float = key(duration(5, 3600), "how long it is; a pause as long as this is one, too")
    after_calls: int | None = key(Number(1, 1000), "after so many conversations without a pause between them", None)
    after_talk: float | None = key(duration(10, 86400), "after a conversation as long as this", None)


@section
class RelaxDoc(Section):
    """What is asked less of the agents for a caller who waits; at once while nobody who meets it all is at work."""

    after: float = key(duration(0, 86400), "so long after the caller came")
    skill: Placed = key(
        SKILL_LESS,
        "levels that agents may lack, like -1 (level 1 is needed all the same), or any: none is needed",
        NOTHING,
    )
    add_queue: Placed = key(ID, "the agents of this queue help out, after all of its own", NOTHING)
