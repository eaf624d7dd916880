"""Numbers of a trunk: what every country's carriers send becomes one form, and goes out in the form a trunk wants."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.number_plan import OUTGOING, NumberPlan, as_sent, to_e164

# country, as a trunk may write it, E.164, national as it is dialled there
TABLE = [
    ("EE", "6310000", "+3726310000", "6310000"),
    ("EE", "5551 2345", "+37255512345", "55512345"),
    ("EE", "+372 631-0000", "+3726310000", "6310000"),
    ("EE", "003726310000", "+3726310000", "6310000"),
    ("EE", "3726310000", "+3726310000", "6310000"),
    ("DE", "030123456", "+4930123456", "030123456"),
    ("DE", "004930123456", "+4930123456", "030123456"),
    ("DE", "+49 (0)30 123456", "+4930123456", "030123456"),
    ("IT", "051234567", "+39051234567", "051234567"),
    ("IT", "3471234567", "+393471234567", "3471234567"),
    ("CZ", "601123456", "+420601123456", "601123456"),
    ("CN", "13800138000", "+8613800138000", "13800138000"),
    ("CN", "01012345678", "+861012345678", "01012345678"),
    ("RU", "89123456789", "+79123456789", "89123456789"),
    ("US", "2025550123", "+12025550123", "2025550123"),
    ("US", "12025550123", "+12025550123", "2025550123"),
    ("GB", "02079460958", "+442079460958", "02079460958"),
    ("FR", "0123456789", "+33123456789", "0123456789"),
    ("HU", "06301234567", "+36301234567", "06301234567"),
]


@pytest.mark.parametrize(("country", "written", "full", "national"), TABLE)
def test_every_way_of_writing(country: str, written: str, full: str, national: str) -> None:
    assert to_e164(NumberPlan(country), written) == full
    sent = {way: as_sent(NumberPlan(country, outgoing=way), full) for way in OUTGOING}
    assert sent == {
        "e164": full,
        "as-written": full,
        "digits": full[1:],
        "international": "00" + full[1:],
        "national": national,
    }


@pytest.mark.parametrize(
    "short", ["112", "1210", "8000", "", "anonymous", "+", "*11", "1" * 40, "\u0663\u0663", "7;x=y"]
)
def test_what_is_no_number_of_a_subscriber_stays(short: str) -> None:
    for country in ("EE", "DE", "US"):
        assert to_e164(NumberPlan(country), short) == short
    assert as_sent(NumberPlan("EE", outgoing="national"), short) == short


def test_what_a_trunk_says_is_taken_as_it_means_it() -> None:
    # A number of ten digits is one of the town of New York, or one of Austria with its country code: the trunk knows.
    assert to_e164(NumberPlan("US", "national"), "4312345678") == "+14312345678"
    assert to_e164(NumberPlan("US", "international"), "4312345678") == "+4312345678"
    assert to_e164(NumberPlan("US"), "5550123") == "5550123"  # for one town only: nobody knows which
    assert to_e164(NumberPlan("EE", "national"), "006310000") == "006310000"


def test_a_national_prefix_of_the_trunk() -> None:
    plan = NumberPlan("EE", "national", "national", "9")
    assert to_e164(plan, "96310000") == "+3726310000"
    assert as_sent(plan, "+3726310000") == "96310000"
    assert as_sent(plan, "+4930123456") == "004930123456"
    assert as_sent(NumberPlan("DE", outgoing="national", national_prefix=""), "+4930123456") == "30123456"


@pytest.mark.parametrize(
    ("country", "number"),
    [("SE", "+46004490987900"), ("IT", "+39004490987900"), ("SE", "+46011449098790"), ("US", "+10112904123")],
)
def test_no_zeros_of_a_caller_make_a_call_abroad(country: str, number: str) -> None:
    """Without its country code it would begin with the prefix of another country."""
    assert as_sent(NumberPlan(country, outgoing="national"), number) == "00" + number[1:]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789+ -().*#ax\u0663", max_size=40), st.sampled_from(["EE", "DE", "IT", "US", "CN"]))
def test_anything_goes_through_and_twice_is_once(text: str, country: str) -> None:
    plan = NumberPlan(country)
    once = to_e164(plan, text)
    assert to_e164(plan, once) == once
    for way in OUTGOING:
        assert isinstance(as_sent(NumberPlan(country, outgoing=way), text), str)


@settings(max_examples=200, deadline=None)
@given(st.integers(3, 6), st.integers(0, 9_999_999), st.sampled_from([way for way in OUTGOING if way != "as-written"]))
def test_what_we_send_is_what_we_would_understand(first: int, rest: int, way: str) -> None:
    """For numbers of Estonia: out in any form and in again is the same number."""
    full = f"+372{first}{rest % 1_000_000:06}"
    incoming = "auto" if way in ("e164", "international") else "national" if way == "national" else "international"
    assert to_e164(NumberPlan("EE", incoming), as_sent(NumberPlan("EE", outgoing=way), full)) == full
