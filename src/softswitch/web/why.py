"""An explanation of the ACD as a JSON document: for the API, and for the command that reads a journal by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from softswitch.acd.explain import Because, Explanation, Pair
from softswitch.acd.history import Happening
from softswitch.ids import InteractionId

Local = Callable[[float], datetime]


def stamp(wall: float, local: Local) -> str:
    return local(wall).isoformat(timespec="seconds")


def document(
    interaction: InteractionId,
    seen: Explanation | None,
    at: float,
    offset: float,
    local: Local,
    history: Sequence[Happening] = (),
) -> dict[str, Any]:
    """`at`: wall-clock seconds; `offset`: wall-clock minus monotonic seconds, in which the explanation's times are."""
    found: dict[str, Any] = {"interaction": str(interaction), "at": stamp(at, local)}
    if seen is not None:
        now = at - offset
        found |= {
            "summary": seen.headline,
            "queue": seen.queue,
            "state": seen.stage.value,
            "position": seen.position,
            "in_line": seen.in_line,
            "waited_seconds": round(max(now - seen.entered_at, 0.0), 3),
            "sticky": seen.sticky,
            "waits_for": seen.waits_for,
            "eligible": seen.eligible,
            "serving": seen.serving,
            "lets_others_first_seconds": None if seen.next_at is None else round(max(seen.next_at - now, 0.0), 3),
            "agents": [_pair(pair, now) for pair in seen.pairs],
        }
    if history:
        found["history"] = [
            {"at": stamp(one.at, local), "what": one.what, "agent": one.agent, "because": one.because}
            for one in history
        ]
    return found


def _pair(pair: Pair, now: float) -> dict[str, Any]:
    return {
        "agent": pair.agent,
        "name": pair.name,
        "state": pair.state.value,
        "reasons": [_because(one, now) for one in pair.reasons],
    }


def _because(one: Because, now: float) -> dict[str, Any]:
    return {
        "reason": one.reason.value,
        "detail": one.detail,
        "sentence": one.sentence,
        "ends_in_seconds": None if one.until is None else round(max(one.until - now, 0.0), 3),
    }
