"""The same key press told by several ways counts once."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.media.digits import BY_INFO, BY_RTP, BY_TONE, WINDOW_SECONDS, DigitMerge

WAYS = (BY_RTP, BY_INFO, BY_TONE)


def counted(reports: list[tuple[float, str, str]]) -> str:
    merge = DigitMerge()
    return "".join(key for at, key, way in sorted(reports) if merge.counts(key, way, at))


def test_two_ways_are_one_press() -> None:
    assert counted([(0.0, "5", BY_RTP), (0.02, "5", BY_INFO)]) == "5"
    assert counted([(0.0, "5", BY_TONE), (0.9, "5", BY_INFO)]) == "5"


def test_one_way_twice_is_two_presses_however_quick() -> None:
    assert counted([(0.0, "5", BY_RTP), (0.08, "5", BY_RTP)]) == "55"
    assert counted([(0.0, "5", BY_RTP), (0.01, "5", BY_INFO), (0.08, "5", BY_RTP), (0.3, "5", BY_INFO)]) == "55"


def test_one_way_tells_both_presses_before_the_other_tells_any() -> None:
    reports = [(0.0, "5", BY_RTP), (0.1, "5", BY_RTP), (0.5, "5", BY_INFO), (0.6, "5", BY_INFO)]
    assert counted(reports) == "55"


def test_another_way_takes_over_in_mid_call() -> None:
    assert counted([(0.0, "1", BY_RTP), (1.0, "2", BY_INFO), (2.0, "3", BY_TONE), (3.1, "3", BY_RTP)]) == "1233"


def test_a_report_that_is_too_late_is_a_press() -> None:
    assert counted([(0.0, "5", BY_RTP), (WINDOW_SECONDS + 0.1, "5", BY_INFO)]) == "55"


def test_bounded() -> None:
    merge = DigitMerge()
    assert all(merge.counts("5", BY_RTP, 0.0) for _ in range(1000))


@dataclass(frozen=True)
class Press:
    key: str
    after: float  # since the press before
    delays: tuple[tuple[str, float], ...]  # by which ways it is told, and how late


ways_of_a_phone = st.sets(st.sampled_from(WAYS), min_size=1).map(sorted)
lateness = st.floats(0, 0.45)


@st.composite
def phones(draw: st.DrawFn) -> list[Press]:
    """A phone with some ways that each tell each press, or, press by press, any ways (then one key is not pressed
    twice within the window)."""
    steady = draw(st.booleans())
    own = draw(ways_of_a_phone)
    # a way is as late as it is: it keeps the order
    late = {way: draw(lateness) for way in WAYS}
    presses: list[Press] = []
    last: dict[str, int] = {}
    for n in range(draw(st.integers(1, 12))):
        ways = own if steady else draw(ways_of_a_phone)
        key = draw(st.sampled_from("5#0"))
        gap = draw(st.floats(0.08, 1.0))
        if not steady and key in last:
            gap = max(gap, 1.5 - sum(press.after for press in presses[last[key] + 1 :]))
        last[key] = n
        presses.append(Press(key, gap, tuple((way, late[way]) for way in ways)))
    return presses


@settings(max_examples=150, deadline=None)
@given(phones())
def test_n_presses_are_n_digits(presses: list[Press]) -> None:
    reports, at = [], 0.0
    for press in presses:
        at += press.after
        reports += [(at + late, press.key, way) for way, late in press.delays]
    found = counted(reports)
    assert sorted(found) == sorted(press.key for press in presses)
    if len({way for press in presses for way, _ in press.delays}) == 1 or all(
        press.delays == presses[0].delays for press in presses
    ):
        assert found == "".join(press.key for press in presses)


def test_a_key_that_is_held_down_for_long_is_one() -> None:
    """Told by INFO when it goes down, by the other ways when it comes up."""
    merge = DigitMerge()
    told = [("5", BY_INFO, 0.0, 0.0), ("5", BY_RTP, 3.0, 3.0), ("5", BY_TONE, 3.1, 3.0)]
    assert [merge.counts(*each) for each in told] == [True, False, False]
    assert merge.counts("5", BY_RTP, 4.5, 0.1)  # the next one
    assert not merge.counts("5", BY_INFO, 4.6)
