"""Keys by SIP INFO: what goes into the SIP room about them."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.ids import LegId


@dataclass(frozen=True, slots=True)
class SendInfoKeys:
    """Press these keys for the peer by INFO requests, one after another, after those that are still being sent. A peer
    that refuses one gets no more of them."""

    leg: LegId
    keys: str  # 0-9 * # A-D
    press_ms: int = 100
