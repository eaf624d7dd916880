"""Another place in the line than the one of his age: others go first, or a supervisor moves him.

    asked once, when somebody stands behind him --key--> his place is that of one who came `gives_seconds` later
        the key again --> where he stood before
        `next_after_seconds` have passed --> the very next of all; so whoever lets others go first waits no longer
        than this for his turn, however many come

A place is a number that decides alone, so nothing else changes for anybody.
"""

from __future__ import annotations

from typing import Final

from softswitch.acd import deadlines, matching
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import CallerLetOthersFirst, CallerMovedToFront, CallerNoted
from softswitch.acd.promises import AHEAD_OF_ALL
from softswitch.acd.waiting import Entry, Place, Stage, Told, add_place, remove_place

OTHERS_FIRST: Final = "others first"  # because of the announcement that follows
PLACE_BACK: Final = "place back"
_NEVER: Final = float("inf")
_LOOK_AGAIN_SECONDS: Final = 45.0


def to_be_asked(entry: Entry, told: Told, at: int, estimate: float | None, now: float) -> bool:
    """Is it time to ask him whether others can go first? Once, only when somebody would, and only when his own turn
    comes before the time after which he would be the very next: nobody is to gain by saying yes."""
    rule = entry.pool.queue.settings.let_first
    if rule is None or told.asked_first or entry.stage is not Stage.WAITING:
        return False
    if now < entry.entered_at + rule.after_seconds or at >= len(entry.pool.queue.line):
        return False
    if estimate is None or estimate > rule.next_after_seconds:
        return False
    told.asked_first = True
    return True


def asks_at(entry: Entry, told: Told, now: float) -> float:
    """When to look whether he is to be asked."""
    rule = entry.pool.queue.settings.let_first
    if rule is None or told.asked_first or entry.stage is not Stage.WAITING:
        return _NEVER
    first = entry.entered_at + rule.after_seconds
    return first if first > now else now + _LOOK_AGAIN_SECONDS


def let_others_first(floor: Floor, event: CallerLetOthersFirst, now: float) -> None:
    entry = floor.entries.get(event.interaction)
    if entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
        return
    told, rule = entry.told, entry.pool.queue.settings.let_first
    waits = entry.stage is Stage.WAITING and entry.promise is None
    if told is None or rule is None or not waits or (told.was_at is not None) is not event.undo:
        floor.reject(Rejection.NOT_NOW)
        return
    if event.undo:
        assert told.was_at is not None
        _stand(entry, told.was_at)
        told.was_at = None
        floor.out.append(CallerNoted(entry.id, "takes his place in the line back"))
        matching.announce(floor, entry, now, PLACE_BACK)
        return
    entry.pool.queue.let_first += 1
    told.was_at = entry.place
    told.asked_first = True
    told.until = now + rule.next_after_seconds
    _stand(entry, (entry.place[0] + rule.gives_seconds, entry.id))
    floor.deadlines.add(told.until, deadlines.HIS_TURN, entry)
    floor.out.append(CallerNoted(entry.id, f"lets others go first, up to {rule.gives_seconds:g} s"))
    matching.announce(floor, entry, now, OTHERS_FIRST)


def his_turn(floor: Floor, subject: object, when: float, now: float) -> None:
    """What he was told: now he is the very next. A call-back has its own time."""
    assert isinstance(subject, Entry)
    told = subject.told
    if told is None or told.was_at is None or told.until != when or subject.promise is not None:
        return
    if subject.stage is Stage.WAITING:
        _stand(subject, (told.was_at[0] - AHEAD_OF_ALL, subject.id))
        told.was_at = None
        floor.out.append(CallerNoted(subject.id, "has let others go first, and is next now"))
        matching.announce(floor, subject, now, matching.POSITION)
    elif subject.stage is Stage.RINGING:  # should nobody answer, he is next after this
        told.until = now + subject.pool.queue.settings.ring_seconds
        floor.deadlines.add(told.until, deadlines.HIS_TURN, subject)


def moved_to_front(floor: Floor, event: CallerMovedToFront, now: float) -> None:
    entry = floor.entries.get(event.interaction)
    if entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
        return
    line = entry.pool.queue.line
    if entry.stage is Stage.PERSONAL and entry.bond is not None:
        line = entry.bond.agent.line.live
    elif entry.stage is not Stage.WAITING or entry.promise is not None:
        floor.reject(Rejection.NOT_NOW)
        return
    first: Place = (min(line[0][0], now - 2.0 * AHEAD_OF_ALL) - 1.0, entry.id)
    if entry.stage is Stage.PERSONAL:
        remove_place(line, entry.place)
        entry.place = first
        add_place(line, first)
    else:
        _stand(entry, first)
    if entry.told is not None:
        entry.told.was_at = None
    floor.out.append(CallerNoted(entry.id, f"moved to the front by {event.by}"))


def _stand(entry: Entry, place: Place) -> None:
    """Everybody who is ready has been found for him already: only the order changes."""
    matching.unplace(entry)
    entry.place = place
    add_place(entry.pool.waiting, place)
    add_place(entry.pool.queue.line, place)
