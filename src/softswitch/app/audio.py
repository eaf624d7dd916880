"""What people see of the audio of a call: its codecs, and who should be heard and is not."""

from __future__ import annotations

import structlog

from softswitch.call.audio_watch import AudioSilent
from softswitch.call.leg import CallLeg
from softswitch.call.talk import Talk

log = structlog.get_logger()


def spoken(caller: CallLeg | None, talk: Talk | None) -> str:
    """`OPUS`, or `OPUS, agent PCMA` where the two are transcoded."""
    theirs = _codec(caller)
    hers = _codec(talk.agent_leg) if talk is not None and not talk.over else ""
    return theirs if hers in ("", theirs) else f"{theirs}, agent {hers}"


def _codec(leg: CallLeg | None) -> str:
    return leg.remote.codec if leg is not None and leg.remote is not None else ""


def not_heard(caller: CallLeg | None, talk: Talk | None, now: float) -> str:
    """`caller not heard for 5 s`; empty: nobody is missed."""
    legs = [("caller", caller), ("agent", talk.agent_leg if talk is not None and not talk.over else None)]
    return ", ".join(
        f"{who} not heard for {now - leg.facts.silent_since:.0f} s"
        for who, leg in legs
        if leg is not None and leg.facts.silent_since is not None
    )


def note_silence(event: AudioSilent) -> None:
    """One line when it begins, and one when it is over."""
    details = {"leg": event.leg, "interaction": event.interaction, "direction": event.direction, "party": event.party}
    if event.seconds:
        log.warning("nothing is heard of a leg", seconds=round(event.seconds, 1), **details)
    else:
        log.info("a leg is heard again", **details)
