"""Rows of kept calls that were damaged: they are no calls, and break nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import House
from tests.call.test_readopted import kept, talking

from softswitch.call.live import CallRestored, CallsResumed, LiveCall
from softswitch.store.live_calls import UnreadableCall, packed, unpacked

DAMAGES: tuple[Callable[[LiveCall], dict[str, Any]], ...] = (
    lambda call: {"at": None},
    lambda call: {"offset": float("nan")},
    lambda call: {"key": "7"},
    lambda call: {"legs": ()},
    lambda call: {"legs": (call.talk,)},
    lambda call: {"caller": call.talk},
    lambda call: {"legs": tuple(replace(leg, sip=replace(leg.sip, flow=None)) for leg in call.legs)},
    lambda call: {"legs": tuple(replace(leg, sip=replace(leg.sip, routes=(1,))) for leg in call.legs)},
    lambda call: {"legs": tuple(replace(leg, sip=replace(leg.sip, leg="x")) for leg in call.legs)},
    lambda call: {"legs": tuple(replace(leg, facts=replace(leg.facts, began_at="then")) for leg in call.legs)},
    lambda call: {"caller": replace(call.caller, memory=None)},
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_call_is_no_call(damage: Callable[[LiveCall], dict[str, Any]]) -> None:
    """One row must not keep the switch from starting, nor the other calls from going on."""
    house = House()
    talking(house)
    (call,) = kept(house)
    with pytest.raises(UnreadableCall):
        unpacked(packed(replace(call, **damage(call))))


def test_flipped_bytes_are_no_call_or_one_that_can_be_taken_up() -> None:
    house = House()
    talking(house)
    (call,) = kept(house)
    body, chance = packed(call), random.Random(5)
    read = 0
    for _ in range(40):
        damaged = bytearray(body)
        damaged[chance.randrange(len(body))] = chance.randrange(256)
        try:
            found = unpacked(bytes(damaged))
        except UnreadableCall:
            continue
        read += 1
        after = House()
        after.post(CallRestored(found))
        after.post(CallsResumed(frozenset()))
    assert 0 < read < 40


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01", b"\x01", b"\x81\xa1_\xa4Gone", b"\x81\xa1_\xa8LiveCall"])
def test_what_cannot_be_read_is_no_call(body: bytes) -> None:
    with pytest.raises(UnreadableCall):
        unpacked(body)
