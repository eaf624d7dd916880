"""What happens when the house is full: how it is written, and `call.settings.OverloadSettings` from it."""

from __future__ import annotations

from typing import Any

from softswitch.call.settings import OverloadSettings
from softswitch.config.kinds import Number, Section, key, section
from softswitch.config.problems import Placed
from softswitch.config.references import Known
from softswitch.config.values import ID, NOTHING
from softswitch.ids import QueueId


@section
class OverloadDoc(Section):
    """When no more callers are let in, and what they are told. Calls that exist are never touched."""

    calls: int | None = key(Number(1, 1_000_000), "callers at a time; by default as many as there are ports", None)
    speak_to: int = key(Number(0, 10_000), "so many more at a time hear that the line is full; the others get 503", 0)
    call_back: Placed = key(ID, "the queue whose people call them back; by default nobody does", NOTHING)


def build_overload(document: Any, known: Known) -> OverloadSettings:
    doc: OverloadDoc | None = document.overload
    if doc is None:
        return OverloadSettings()
    if known.check("queue", doc.call_back) and not doc.speak_to:
        known.report.add(doc.call_back.place, "nobody is asked: speak_to says how many callers are spoken to")
    return OverloadSettings(doc.calls, doc.speak_to, QueueId(str(doc.call_back)) if doc.call_back else None)
