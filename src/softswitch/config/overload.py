"""What happens when the house is full: how it is written, and `call.settings.OverloadSettings` from it."""

from __future__ import annotations

from typing import Any

from softswitch.call.settings import OverloadSettings
from softswitch.config.kinds import ListOf, Number, Section, key, section
from softswitch.config.problems import Placed, did_you_mean, listing
from softswitch.config.references import Known
from softswitch.config.values import DIALLED, ID, NOTHING
from softswitch.ids import QueueId


@section
class OverloadDoc(Section):
    """When no more callers are let in, and what they are told. Calls that exist are never touched."""

    calls: int | None = key(Number(1, 1_000_000), "callers at a time; by default as many as there are ports", None)
    speak_to: int = key(Number(0, 10_000), "so many more at a time hear that the line is full; the others get 503", 0)
    always: tuple[Placed, ...] = key(
        ListOf(DIALLED),
        "numbers of the line whose callers are let in while there is a port, like that for lost cards",
        (),
    )
    call_back: Placed = key(ID, "the queue whose people call them back; by default nobody does", NOTHING)


def build_overload(document: Any, known: Known) -> OverloadSettings:
    doc: OverloadDoc | None = document.overload
    if doc is None:
        return OverloadSettings()
    if known.check("queue", doc.call_back) and not doc.speak_to:
        known.report.add(doc.call_back.place, "nobody is asked: speak_to says how many callers are spoken to")
    for number in doc.always:
        if number and number not in document.numbers:
            hint = did_you_mean(number, document.numbers) or f"; known: {listing(document.numbers)}"
            known.report.add(number.place, f"{number} is no number of the line{hint}")
    queue = QueueId(str(doc.call_back)) if doc.call_back else None
    return OverloadSettings(doc.calls, doc.speak_to, queue, tuple(map(str, doc.always)))
