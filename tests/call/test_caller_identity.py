"""What is known of a caller's number reaches the menu, the rules, the agent's phone and the record."""

from __future__ import annotations

from dataclasses import replace

from tests.call.house import ANNA, FLOW, PSTN, House, make_settings, offer, text

from softswitch.call.records import InteractionOpened
from softswitch.call.settings import Settings
from softswitch.ids import FlowId, LegId
from softswitch.ivr.messages import BranchStep, Flow, GotoStep, SayStep, Target
from softswitch.sip import messages as sip
from softswitch.sip.stir_messages import CallerIdentity

PASSED, FAILED = CallerIdentity("passed", "A"), CallerIdentity("failed", code=438)


def branching() -> Settings:
    settings = make_settings()
    steps = (
        BranchStep("", "attestation", {"A": Target(step="trusted")}),
        BranchStep("", "identity", {"failed": Target(step="careful")}, Target(step="plain")),
        SayStep("trusted", text("Trusted.")),
        GotoStep("", Target(queue="everyday")),
        SayStep("careful", text("Careful.")),
        GotoStep("", Target(queue="everyday")),
        SayStep("plain", text("Plain.")),
    )
    flow = FlowId("welcome")
    return replace(settings, call=replace(settings.call, flows={flow: Flow(flow, steps)}))


def calling(house: House, identity: CallerIdentity | None, name: str = "J. Smith") -> LegId:
    leg = LegId(7)
    house.post(
        sip.InviteReceived(
            leg, sip.Origin(trunk=PSTN), "+3726310000", "+3725550001", name, offer(), FLOW, identity=identity
        )
    )
    return leg


def test_the_menu_branches_by_it() -> None:
    for identity, said in ((PASSED, "Trusted."), (FAILED, "Careful."), (None, "Plain.")):
        house = House(branching())
        assert house.heard(calling(house, identity)) == [said]


def test_the_agents_phone_and_the_record_show_it() -> None:
    for identity, shown, kept in (
        (PASSED, "J. Smith [verified A]", "verified A"),
        (FAILED, "J. Smith [failed 438]", "failed 438"),
        (None, "J. Smith", None),
    ):
        house = House()
        house.register(ANNA)
        leg = calling(house, identity)
        house.press(leg, "1")
        (ring,) = house.ringing()
        assert ring.caller_name == shown
        assert [opened.identity for opened in house.of(InteractionOpened)] == [kept]


def test_nobody_writes_the_mark_himself() -> None:
    for identity, shown in ((None, "Bank (verified A)"), (FAILED, "Bank (verified A) [failed 438]")):
        house = House()
        house.register(ANNA)
        house.press(calling(house, identity, "Bank [verified A]"), "1")
        assert house.ringing()[0].caller_name == shown


def test_without_a_name_the_mark_stands_alone() -> None:
    house = House()
    house.register(ANNA)
    house.press(calling(house, FAILED, ""), "1")
    assert house.ringing()[0].caller_name == "[failed 438]"
