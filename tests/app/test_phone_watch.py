"""Registrations as the ACD hears of them."""

from __future__ import annotations

from typing import Any

from softswitch.acd.messages import PhoneLost, PhoneRegistered
from softswitch.app.phone_watch import PhoneWatch
from softswitch.ids import AgentId
from softswitch.sip.messages import ContactBinding, Flow, PhoneAnswering, RegistrationChanged

ANNA = AgentId("anna")
FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.3", 5070))


def changed(*expiries: float) -> RegistrationChanged:
    contacts = tuple(
        ContactBinding(ANNA, f"sip:{at}@127.0.0.3", FLOW, "c", 1, until) for at, until in enumerate(expiries)
    )
    return RegistrationChanged(ANNA, contacts)


def told(*changes: RegistrationChanged) -> list[Any]:
    posted: list[Any] = []
    watch = PhoneWatch(posted.append)
    for change in changes:
        watch.changed(change)
    return posted


def test_first_phone_and_last_phone() -> None:
    assert told(changed(60.0), changed()) == [PhoneRegistered(ANNA), PhoneLost(ANNA)]


def test_a_refresh_is_a_sign_of_life() -> None:
    assert told(changed(60.0), changed(120.0)) == [PhoneRegistered(ANNA), PhoneRegistered(ANNA)]


def test_one_of_two_phones_gone_is_none() -> None:
    assert told(changed(60.0, 90.0), changed(90.0)) == [PhoneRegistered(ANNA)]


def test_lost_once() -> None:
    assert told(changed(), changed(60.0), changed(), changed()) == [PhoneRegistered(ANNA), PhoneLost(ANNA)]


def test_a_silent_phone_is_not_woken_by_its_registration() -> None:
    posted: list[Any] = []
    watch = PhoneWatch(posted.append)
    watch.changed(changed(60.0))
    watch.answering(PhoneAnswering(ANNA, False))
    watch.changed(changed(120.0))
    watch.answering(PhoneAnswering(ANNA, True))
    watch.changed(changed(180.0))
    assert posted == [
        PhoneRegistered(ANNA),
        PhoneLost(ANNA, silent=True),
        PhoneRegistered(ANNA),
        PhoneRegistered(ANNA),
    ]
