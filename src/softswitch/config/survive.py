"""The section about what outlives the process."""

from __future__ import annotations

from typing import Any

from softswitch.call.settings import SurviveSettings
from softswitch.config.kinds import Flag, Section, key, section


@section
class SurviveDoc(Section):
    """What goes on when the switch process ends without warning."""

    calls: bool = key(Flag(), "calls that are up go on in the next process, where that comes soon", True)


def build_survive(document: Any) -> SurviveSettings:
    doc: SurviveDoc | None = document.survive
    return SurviveSettings() if doc is None else SurviveSettings(calls=doc.calls)
