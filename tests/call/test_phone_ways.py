"""What a phone does by itself: it forwards (302), or it picks up because it is told to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, MART, House
from tests.call.test_encrypted_legs import BROWSER, wss_phone
from tests.call.test_transfers import EXTENSION, OUTSIDE, allowing, bridged, refer

from softswitch.acd import messages as acd
from softswitch.call.auto_answer import headers
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def forwarded(house: House, to: str) -> tuple[LegId, sip.StartInvite]:
    """Anna's phone is rung and says 302: the caller's leg and the first ring."""
    house.register(ANNA)
    caller = house.to_queue()
    (invite,) = house.ringing()
    house.ended_legs.add(invite.leg)
    house.post(sip.LegEnded(invite.leg, sip.EndedBy.PEER, 302, moved_to=to))
    return caller, invite


def test_she_is_reached_at_her_mobile() -> None:
    house = House(allowing(to=("outside",)))
    caller, _ = forwarded(house, OUTSIDE)
    (mobile,) = house.ringing()
    assert mobile.target == f"sip:{OUTSIDE}@127.0.0.2:5080"
    assert mobile.caller == "+3726310000"
    assert house.state(ANNA) is acd.AgentState.RINGING
    house.answer(mobile)
    assert bridged(house) == {frozenset((caller, mobile.leg))}
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.bye(caller)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.assert_nothing_left()


@pytest.mark.parametrize(
    ("kinds", "to"),
    [((), OUTSIDE), (("outside",), "+3729001234"), (("extensions", "outside"), EXTENSION[ANNA]), (("outside",), "")],
)
def test_a_forward_that_is_not_allowed_is_declined(kinds: tuple[str, ...], to: str) -> None:
    """It leaves the house for nobody, and her phone works: she is not taken for one that cannot be reached."""
    house = House(allowing(to=kinds))
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    caller, _ = forwarded(house, to)
    assert house.ringing() == []
    refused = House()
    refused.register(ANNA)
    refused.to_queue()
    refused.refuse(refused.ringing()[0], 486)
    assert house.state(ANNA) is refused.state(ANNA), "as if she had said no"
    assert caller not in house.ended_legs
    house.post(acd.AgentWentReady(MART))
    assert house.rung() == [MART]


def test_a_forward_of_a_forward_is_not_followed() -> None:
    house = House(allowing(to=("outside",)))
    caller, _ = forwarded(house, OUTSIDE)
    (mobile,) = house.ringing()
    house.ended_legs.add(mobile.leg)
    house.post(sip.LegEnded(mobile.leg, sip.EndedBy.PEER, 302, moved_to="+37255509999"))
    assert house.ringing() == []
    assert caller not in house.ended_legs


def test_he_hangs_up_while_her_mobile_rings() -> None:
    house = House(allowing(to=("outside",)))
    caller, _ = forwarded(house, OUTSIDE)
    house.bye(caller)
    assert house.ringing() == []
    house.assert_nothing_left()


# ------------------------------------------------------------------ picking up


@pytest.mark.parametrize(
    ("how", "agent", "names"),
    [
        ("never", "Yealink SIP-T46S 66.85", []),
        ("by-phone", "Yealink SIP-T46S 66.85", ["Alert-Info"]),
        ("by-phone", "snomD785/10.1", ["Call-Info"]),
        ("by-phone", "PolycomVVX-VVX_411-UA/5.9", ["Alert-Info"]),
        ("by-phone", "something else", ["Call-Info", "Alert-Info", "Answer-Mode", "P-Auto-Answer"]),
        ("answer-mode", "snomD785/10.1", ["Answer-Mode"]),
        ("p-auto-answer", "", ["P-Auto-Answer"]),
    ],
)
def test_the_header_of_each_family(how: str, agent: str, names: list[str]) -> None:
    found = headers(how, agent, "192.0.2.1")
    assert [name for name, _ in found] == names
    assert not [value for _, value in found if "{" in value]


@pytest.mark.parametrize("how", ["never", "call-info"])
def test_calls_of_the_queue_carry_it(how: str) -> None:
    settings = allowing()
    voices = {**settings.call.agents, ANNA: replace(settings.call.agents[ANNA], auto_answer=how)}
    house = House(replace(settings, call=replace(settings.call, agents=voices)))
    house.register(ANNA)
    house.to_queue()
    (invite,) = house.ringing()
    wanted = () if how == "never" else (("Call-Info", "<sip:127.0.0.1>;answer-after=0"),)
    assert invite.headers == wanted


# ------------------------------------------------------------------ a colleague in a browser


@pytest.mark.parametrize("works", [True, False])
def test_a_colleague_in_a_browser_gets_him_when_her_keys_are_there(works: bool) -> None:
    """Called and answered by Anna's browser, for a caller of Mart's: he is not parted from Mart for dead audio."""
    house = House()
    house.register(MART)
    caller = house.to_queue()
    hers = house.ringing()[0].leg
    house.answer(house.ringing()[0])
    wss_phone(house)
    house.post(acd.AgentWentOnBreak(ANNA, "x"))
    assert refer(house, hers, EXTENSION[ANNA]) == 202
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    assert bridged(house) == set()
    if works:
        house.post(media.MediaSecured(invite.leg, "AEAD_AES_256_GCM"))
        assert bridged(house) == {frozenset((caller, invite.leg))}
    else:
        house.post(media.MediaLegFailed(invite.leg, "ICE: no address was proven within 15 s"))
        assert bridged(house) == {frozenset((caller, hers))}
