"""Who may dial what: rules, night, caps, and what is told about it."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.call.house import ANNA, FLOW, MART, House, make_settings, offer
from tests.call.test_call_back import called_back

from softswitch.call.dial_permission import DialPermission, Verdict, refused
from softswitch.call.dial_settings import (
    AGENTS,
    API,
    CALL_BACKS,
    CALLERS,
    Caps,
    Dialler,
    DialRule,
    DialSettings,
    Night,
)
from softswitch.call.phone_number import NumberPlan, OwnClass
from softswitch.call.settings import Hours
from softswitch.ids import LegId, TrunkId
from softswitch.sip.messages import Hangup, InviteReceived, Origin, Reject, SecurityEvent, StartInvite

OFFICE = Hours("office", (((8 * 60, 18 * 60),),) * 7)
PLAN = NumberPlan("EE", frozenset({"1001"}), classes=(OwnClass("risky", ("+37258",)),))
ANNA_DIALS = Dialler(AGENTS, ANNA)
NOON, MIDNIGHT = 12 * 3600.0, 23 * 3600.0
HOME, ABROAD, COSTLY, RISKY = "6311111", "+4930123456", "9001234", "58123456"


def permission(*rules: DialRule, **more: Any) -> DialPermission:
    settings = DialSettings(PLAN, rules, **more)
    return DialPermission(settings, {"office": OFFICE}.get, lambda at: datetime.fromtimestamp(at, UTC))


def allowed(dials: DialPermission, number: str, who: Dialler = ANNA_DIALS, **more: Any) -> bool:
    return dials.may_dial(who, number, NOON, **more).allowed


def test_what_no_rule_allows_is_refused() -> None:
    dials = permission()
    assert [number for number in (HOME, ABROAD, COSTLY, RISKY) if allowed(dials, number)] == []
    assert allowed(dials, "1001")
    assert allowed(dials, "112")


def test_a_rule_opens_its_classes_to_its_people_only() -> None:
    dials = permission(DialRule(to=("national",), agents=(ANNA,), place="line.yaml:9"))
    verdict = dials.may_dial(ANNA_DIALS, HOME, NOON)
    assert verdict == Verdict(
        True, "+3726311111", "national", "national numbers are allowed to agent anna", "line.yaml:9", 0.0, "EE"
    )
    for other in (Dialler(AGENTS, MART), Dialler(CALLERS, trunk=TrunkId("pstn")), Dialler(CALL_BACKS), Dialler(API)):
        assert not allowed(dials, HOME, other)
    assert not allowed(dials, ABROAD)


def test_never_beats_every_to_and_names_its_line() -> None:
    dials = permission(
        DialRule(to=("national", "risky"), place="line.yaml:3"), DialRule(never=("risky",), place="line.yaml:4")
    )
    verdict = dials.may_dial(ANNA_DIALS, RISKY, NOON)
    assert (verdict.allowed, verdict.kind, verdict.rule) == (False, "risky", "line.yaml:4")


@pytest.mark.parametrize(
    ("rule", "who", "through", "opens"),
    [
        (DialRule(to=("national",), who=AGENTS), ANNA_DIALS, None, True),
        (DialRule(to=("national",), who=AGENTS), Dialler(API), None, False),
        (DialRule(to=("national",), trunk=TrunkId("a")), Dialler(CALLERS, trunk=TrunkId("a")), None, True),
        (DialRule(to=("national",), trunk=TrunkId("a")), Dialler(CALLERS, trunk=TrunkId("b")), None, False),
        (DialRule(to=("national",), trunk=TrunkId("a")), ANNA_DIALS, None, False),
        (DialRule(to=("national",), through=TrunkId("a")), ANNA_DIALS, TrunkId("a"), True),
        (DialRule(to=("national",), through=TrunkId("a")), ANNA_DIALS, TrunkId("b"), False),
        (DialRule(to=("national",), through=TrunkId("a")), ANNA_DIALS, None, False),
        (DialRule(to=("national",), hours="office"), ANNA_DIALS, None, True),
    ],
)
def test_conditions(rule: DialRule, who: Dialler, through: TrunkId | None, opens: bool) -> None:
    assert permission(rule).may_dial(who, HOME, NOON, through).allowed is opens


def test_a_rule_with_hours_sleeps_outside_of_them() -> None:
    dials = permission(DialRule(to=("national",), hours="office"))
    assert not dials.may_dial(ANNA_DIALS, HOME, MIDNIGHT).allowed


def test_emergency_numbers_pass_every_never_cap_and_night() -> None:
    nothing = Caps(at_once=0, calls=0, minutes=0, spend=0)
    dials = permission(
        DialRule(never=("emergency", "national")),
        account=nothing,
        house=nothing,
        night=Night("office", (), nothing, nothing),
    )
    for at in (NOON, MIDNIGHT):
        assert dials.may_dial(Dialler(CALLERS), "tel:112", at).number == "112"
        assert dials.may_dial(Dialler(CALLERS), "tel:112", at).allowed
        assert not dials.may_dial(ANNA_DIALS, "112" + HOME, at).allowed


def dial(dials: DialPermission, leg: int, number: str, at: float, who: Dialler = ANNA_DIALS) -> str:
    """Empty: allowed and placed."""
    verdict = dials.may_dial(who, number, at)
    if verdict.allowed:
        dials.began(LegId(leg), who, verdict, at)
    return "" if verdict.allowed else verdict.reason


def test_calls_at_once_are_counted_for_each_and_for_the_house() -> None:
    everything = DialRule(to=("national",))
    dials = permission(everything, account=Caps(at_once=1), house=Caps(at_once=2, place="line.yaml:7"))
    assert dial(dials, 1, HOME, NOON) == ""
    assert dial(dials, 2, HOME, NOON) == "agent anna: 1 calls at once are the most"
    assert dial(dials, 2, HOME, NOON, Dialler(AGENTS, MART)) == ""
    third = dials.may_dial(Dialler(API), HOME, NOON)
    assert (third.reason, third.rule) == ("house: 2 calls at once are the most", "line.yaml:7")
    dials.ended(LegId(1), NOON)
    assert dial(dials, 3, HOME, NOON) == ""
    dials.ended(LegId(99), NOON)  # a leg that was never counted


def test_calls_in_a_while() -> None:
    dials = permission(DialRule(to=("national",)), account=Caps(calls=2, per_seconds=10.0))
    assert [dial(dials, leg, HOME, NOON + leg) for leg in range(2)] == ["", ""]
    assert "2 calls in 10 s" in dial(dials, 2, HOME, NOON + 9)
    assert dial(dials, 3, HOME, NOON + 10.5) == ""


def test_minutes_of_a_day_end_a_call_that_only_goes_on() -> None:
    dials = permission(DialRule(to=("national",)), account=Caps(minutes=2))
    assert dial(dials, 1, HOME, NOON) == ""
    dials.answered(LegId(1), NOON + 10)  # ringing costs nothing
    assert dials.overdrawn(NOON + 129) == []
    assert dials.overdrawn(NOON + 130) == [LegId(1)]
    dials.ended(LegId(1), NOON + 131)
    assert "minutes of this day are used up" in dial(dials, 2, HOME, NOON + 200)
    assert dial(dials, 2, HOME, NOON + 86400) == "", "tomorrow is a new day"


def test_money_of_a_day_by_the_price_of_the_class() -> None:
    dials = permission(
        DialRule(to=("national", "international")),
        prices=(("international", 0.50),),
        account=Caps(spend=1.0),
    )
    assert dial(dials, 1, HOME, NOON) == ""
    dials.answered(LegId(1), NOON)
    dials.ended(LegId(1), NOON + 3600)
    assert dials.may_dial(ANNA_DIALS, ABROAD, NOON + 3600).per_minute == 0.50
    assert dial(dials, 2, ABROAD, NOON + 3600) == ""
    dials.answered(LegId(2), NOON + 3600)
    assert dials.overdrawn(NOON + 3719) == []
    assert dials.overdrawn(NOON + 3720) == [LegId(2)]


def test_the_night_has_its_own_classes_and_caps() -> None:
    dials = permission(
        DialRule(to=("national", "international")),
        night=Night("office", ("national",), Caps(at_once=0), place="line.yaml:12"),
    )
    assert dials.may_dial(ANNA_DIALS, ABROAD, NOON).allowed
    verdict = dials.may_dial(ANNA_DIALS, ABROAD, MIDNIGHT)
    assert (verdict.allowed, verdict.rule) == (False, "line.yaml:12")
    assert "no calls" in dials.may_dial(ANNA_DIALS, HOME, MIDNIGHT).reason
    assert dials.may_dial(ANNA_DIALS, HOME, MIDNIGHT, later=True).allowed, "a promise is kept by day"


def test_the_first_call_abroad_of_each_account_is_told_once() -> None:
    dials = permission(DialRule(to=("national", "international")))

    def told(leg: int, number: str, who: Dialler) -> list[str]:
        verdict = dials.may_dial(who, number, NOON)
        return [f"{event.kind} {event.account}" for event in dials.began(LegId(leg), who, verdict, NOON)]

    assert told(1, HOME, ANNA_DIALS) == []
    assert told(2, ABROAD, ANNA_DIALS) == ["first_international agent anna"]
    assert told(3, ABROAD, ANNA_DIALS) == []
    assert told(4, ABROAD, Dialler(API)) == ["first_international api"]


def test_a_refusal_says_who_what_and_which_line() -> None:
    dials = permission(DialRule(never=("premium",), place="line.yaml:4"))
    event = refused(ANNA_DIALS, dials.may_dial(ANNA_DIALS, COSTLY, NOON), COSTLY)
    assert (event.kind, event.account) == ("dial_refused", "agent anna")
    assert event.detail == "+3729001234: premium numbers are forbidden [line.yaml:4]"


def test_the_ledger_is_bounded() -> None:
    dials = permission(DialRule(to=("national",)))
    for at in range(10_050):
        leg, who = LegId(at), Dialler(CALLERS, trunk=TrunkId(f"t{at}"))
        dials.began(leg, who, Verdict(True, "+3726311111", "national", ""), NOON)
        dials.ended(leg, NOON)
    assert len(dials.ledger.accounts) <= 10_000


# ------------------------------------------------------------------ in the house


def with_rules(*rules: DialRule, **more: Any) -> Any:
    settings = make_settings()
    return replace(settings, call=replace(settings.call, dialling=DialSettings(PLAN, rules, **more)))


def test_a_caller_with_a_premium_number_is_not_offered_a_call_back() -> None:
    """Somebody calls with a number that costs us money when we call it back."""
    house = House()
    assert house.calls.can_call("+37255512345", house.now)
    assert not house.calls.can_call("+3729001234", house.now)
    assert not house.calls.can_call("+882161234567", house.now)
    strict = House(with_rules(DialRule(to=("national",), who=CALL_BACKS)))
    assert strict.calls.can_call("6311111", strict.now)
    assert not strict.calls.can_call("+4930123456", strict.now)


def test_a_call_back_is_checked_again_when_it_is_dialled() -> None:
    """The promise was made by day; when it is due nothing goes out any more."""
    house = House(with_rules(DialRule(to=("other",), who=CALL_BACKS), account=Caps(at_once=0, place="line.yaml:9")))
    with pytest.raises(ValueError, match="not enough values"):
        called_back(house)  # she was rung, and no customer after her
    (event,) = house.of(SecurityEvent)
    assert (event.kind, event.account) == ("dial_refused", "call_backs")
    assert event.detail == "+3725550001: call_backs: no calls [line.yaml:9]"


def test_a_call_back_ends_when_its_minutes_are_used_up() -> None:
    house = House(with_rules(DialRule(to=("other",), who=CALL_BACKS), account=Caps(minutes=2)))
    _, to_customer = called_back(house)
    house.answer(to_customer)
    house.wait(110)
    assert to_customer.leg not in house.ended_legs
    house.wait(20)
    assert to_customer.leg in house.ended_legs
    (hangup,) = [each for each in house.of(Hangup) if each.leg == to_customer.leg]
    assert hangup.reason == 'Q.850;cause=31;text="Call limit reached"'
    house.wait(600)
    house.assert_nothing_left()


@pytest.mark.parametrize(
    ("dialled", "target"),
    [("112", "sip:112@127.0.0.2:5080"), ("+3729001234", ""), ("6311111", ""), ("+882161234567", "")],
)
def test_what_an_agent_dials_without_any_rule(dialled: str, target: str) -> None:
    """Emergency numbers go out; nothing else does."""
    house = House()
    house.register(ANNA)
    house.post(InviteReceived(LegId(7), Origin(agent=ANNA), dialled, "1000", "", offer(), FLOW))
    assert [each.target for each in house.of(StartInvite)] == ([target] if target else [])
    assert [each.status for each in house.of(Reject)] == ([] if target else [403])
    assert [each.kind for each in house.of(SecurityEvent)] == ([] if target else ["dial_refused"])


def test_whatever_dials_out_asks_the_rule_book() -> None:
    """A call to anything but a registered phone leaves the house: whoever places it has told the rule book."""
    import softswitch.call

    placed = []
    for path in sorted(Path(softswitch.call.__path__[0]).glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            outside = [
                node
                for node in calls
                if isinstance(node.func, ast.Name)
                and node.func.id == "StartInvite"
                and ast.unparse(node.args[1]) != "contact.uri"
            ]
            told = [node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "dialled"]
            placed += [f"{path.name}:{function.name}" for _ in outside]
            assert not outside or told, f"{path.name}:{function.name} dials without asking"
    assert len(placed) >= 3
