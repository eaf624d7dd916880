"""Every way to write a number gives the one form that is checked and dialled, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.call.phone_number import Destination, NumberPlan, OwnClass, destination, plain_digits

HERE = NumberPlan(
    "EE",
    extensions=frozenset({"1001"}),
    own_numbers=frozenset({"+3726310000", "1210"}),
    emergency=("110",),
    classes=(
        OwnClass("baltics", regions=("LV", "LT")),
        OwnClass("ships", prefixes=("+870", "+881")),
        OwnClass("trap", prefixes=("+3725559",)),
    ),
)


@pytest.mark.parametrize(
    ("written", "number", "kind"),
    [
        ("+3726311111", "+3726311111", "national"),
        ("6311111", "+3726311111", "national"),
        ("003726311111", "+3726311111", "national"),
        ("tel:+372-631-1111", "+3726311111", "national"),
        ("TEL:+372.631.1111;ext=7", "+3726311111", "national"),
        ("tel:6311111;phone-context=+372", "+3726311111", "national"),
        ("sip:+3726311111;user=phone@gw.example:5060;transport=tcp", "+3726311111", "national"),
        ("sips:%2B372%36311111@gw.example", "+3726311111", "national"),
        ("sip:6311111:password@gw", "+3726311111", "national"),
        (" (631) 11/11 ", "+3726311111", "national"),
        ("55512345", "+37255512345", "mobile"),
        ("+3728000123456", "+3728000123456", "toll_free"),
        ("9001234", "+3729001234", "premium"),
        ("%39%30%30%31234", "+3729001234", "premium"),
        ("tel:1234;phone-context=+372900", "+3729001234", "premium"),
        ("00 372 900 1234", "+3729001234", "premium"),
        ("+447012345678", "+447012345678", "premium"),  # a personal number: its owner sets the price
        ("+979123456789", "+979123456789", "premium"),
        ("+18095551234", "+18095551234", "international"),
        ("+441534456789", "+441534456789", "international"),  # Jersey, under the code of the United Kingdom
        ("+882161234567", "+882161234567", "satellite"),
        ("+8816123456789", "+8816123456789", "ships"),
        ("+37167221234", "+37167221234", "baltics"),
        ("+37255512345", "+37255512345", "mobile"),
        ("+37255591234", "+37255591234", "trap"),
        ("1001", "1001", "internal"),
        ("1210", "1210", "internal"),
        ("6310000", "+3726310000", "internal"),
        ("112", "112", "emergency"),
        ("tel:112", "112", "emergency"),
        ("110", "110", "emergency"),
        ("1125551", "+3721125551", "other"),  # nothing behind an emergency number is one
        ("+37212", "+37212", "other"),
        ("99999", "+37299999", "other"),
        ("+37290012345678", "+37290012345678", "premium"),  # digits behind a whole number change nothing
        ("+4487123456789999", "+4487123456789999", "premium"),
        ("+37190123456", "+37190123456", "premium"),  # also where a class has all of Latvia
        ("+882999999", "+882999999", "satellite"),  # of no country, allotted or not
        ("+88215", "+88215", "satellite"),
    ],
)
def test_what_a_number_reaches(written: str, number: str, kind: str) -> None:
    found = destination(HERE, written)
    assert found is not None
    assert (found.number, found.kind) == (number, kind)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "anna",
        "1800FLOWERS",
        "*11",
        "#31#6311111",
        "6311111,,5",
        "6311111p5",
        "%25%33%39001234",  # escaped twice
        "٦٣١١١١١",
        "６３１１１１１",
        "+372 631 1111\r\nX: y",
        "631\x001111",
        "++3726311111",
        "00+3726311111",
        "1" * 21,
        "1" * 300,
        "sip:@gw",
        "http://6311111",
    ],
)
def test_what_is_no_number(written: str) -> None:
    assert destination(HERE, written) is None


def test_the_international_prefix_is_that_of_our_country() -> None:
    assert destination(NumberPlan("US"), "011 372 6311111") == Destination("+3726311111", "international", "EE")
    leeds = destination(NumberPlan("GB"), "0113 496 0000")
    assert leeds is not None
    assert leeds.number == "+441134960000"


def test_without_a_country_only_full_numbers_are_told_apart() -> None:
    nowhere = NumberPlan()
    for written in ("+3729001234", "003729001234", "0113729001234"):
        assert destination(nowhere, written) == Destination("+3729001234", "premium", "EE")
    assert destination(nowhere, "9001234") == Destination("9001234", "other")
    assert destination(nowhere, "+3726311111") == Destination("+3726311111", "international", "EE")
    assert [destination(nowhere, each) for each in ("112", "911")] == [
        Destination("112", "emergency"),
        Destination("911", "emergency"),
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"(sip:|tel:)?[+%0-9()./ ;@-]{0,30}", fullmatch=True))
def test_any_text_gives_plain_digits_or_nothing(text: str) -> None:
    found = destination(HERE, text)
    if found is not None:
        assert found.number.removeprefix("+").isdecimal()
        assert found.number.isascii()
        again = destination(HERE, found.number)
        assert again is not None
        assert again.kind == found.kind, "what is dialled is not what was checked"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_disguise_hides_a_premium_number(data: st.DataObject) -> None:
    """However separators, escapes and prefixes are mixed, +3729001234 stays premium."""
    digits = "".join(
        data.draw(st.sampled_from((digit, f"%{ord(digit):02x}", f"{digit}-", f" {digit}", f"({digit})")))
        for digit in "9001234"
    )
    prefix = data.draw(st.sampled_from(("", "+372", "00372", "%2B372", "%30%30372", "0 0 3 7 2")))
    scheme, end = data.draw(st.sampled_from((("", ""), ("tel:", ";ext=1"), ("sip:", "@x.example;user=phone"))))
    found = destination(HERE, f"{scheme}{prefix}{digits}{end}")
    assert found == Destination("+3729001234", "premium", "EE")


def test_digits_only() -> None:
    assert plain_digits("+372 (631) 1111") == "+3726311111"
