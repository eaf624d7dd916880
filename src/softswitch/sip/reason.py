"""The Reason header (RFC 3326), both ways."""

from __future__ import annotations

import re

from softswitch.sip.message import Message

_Q850 = re.compile(r"Q\.850\s*+;(?:[^,;]*+;)*?\s*+cause\s*+=\s*+([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_BREAKS = re.compile(r"[\x00-\x1f\x7f]")


def cause_of(message: Message) -> int | None:
    """The Q.850 cause, when there is one in range."""
    value = message.headers.get("reason")
    if value is None:
        return None
    found = _Q850.search(value[:512])
    if found is None:
        return None
    cause = int(found[1])
    return cause if 1 <= cause <= 127 else None


def reason_line(reason: str | None) -> str:
    return f"Reason: {_BREAKS.sub(' ', reason)}\r\n" if reason else ""
