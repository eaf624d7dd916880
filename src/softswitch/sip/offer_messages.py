"""Of offers inside of a call, beside `sip.messages`: what becomes of one that had to wait (RFC 3261 14.1)."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.ids import LegId


@dataclass(frozen=True, slots=True)
class OfferDue:
    """An offer of ours that waited for the peer's is out of date by now: it has not been sent, nor will it be. Send
    another one, or none."""

    leg: LegId
