"""Taps: who else hears what a leg receives, or what is sent to it.

A leg without taps pays nothing for them: they are put around its `receive` and its `send` when these are worked out
anew, never looked for in the middle of a packet. A tap sees plain RTP (before encryption, after decryption), header
and all, of every kind: audio, events, comfort noise. It must not keep the packet, which is overwritten by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# The first `size` bytes of the buffer are the packet.
Tap: TypeAlias = Callable[[bytearray | memoryview, int], None]
Receive: TypeAlias = Callable[[bytearray], int]
Send: TypeAlias = Callable[[bytearray | memoryview], int]


class Taps:
    """Those of one leg. After a change: `Relay.rekey` for `heard`, `Relay.resend` for `sent`. `way` is who sends to the
    leg as well, and has to be told when `Leg.sender` would give something else than before."""

    __slots__ = ("heard", "sent", "way")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.heard: tuple[Tap, ...] = ()
        self.sent: tuple[Tap, ...] = ()
        self.way: tuple[Callable[[], None], ...] = ()


def around_receive(receive: Receive, taps: tuple[Tap, ...]) -> Receive:
    """`receive`, and each of `taps` for what it gave."""
    if not taps:
        return receive
    if len(taps) == 1:
        (tap,) = taps

        def one(buffer: bytearray) -> int:
            size = receive(buffer)
            if size > 12:
                tap(buffer, size)
            return size

        return one

    def several(buffer: bytearray) -> int:
        size = receive(buffer)
        if size > 12:
            for tap in taps:
                tap(buffer, size)
        return size

    return several


def around_send(send: Send, taps: tuple[Tap, ...]) -> Send:
    """Each of `taps`, and then `send`."""
    if not taps:
        return send

    def tapped(packet: bytearray | memoryview) -> int:
        size = len(packet)
        for tap in taps:
            tap(packet, size)
        return send(packet)

    return tapped
