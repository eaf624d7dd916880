"""Who should send and does not: told once and again, until he is heard; pauses that were announced are none."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from softswitch.ids import LegId
from softswitch.media.messages import RtpHeard, RtpSilent, SetRemote
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.outgoing import Outgoing
from softswitch.media.worker.silence import SilenceWatch


@pytest.fixture
def leg() -> Iterator[Leg]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        made = Leg(LegId(1), 4000, sock, Outgoing(1, 2, 3), 0.0)
        made.remote = SetRemote(LegId(1), "127.0.0.1", 4000, 0, 101)
        yield made


def told(watch: SilenceWatch, leg: Leg, *times: float) -> list[RtpSilent | RtpHeard]:
    return [event for at in times if (event := watch.look(leg, at)) is not None]


def half_seconds(first: float, last: float) -> list[float]:
    return [n / 2 for n in range(int(first * 2), int(last * 2) + 1)]


def test_told_at_the_alarm_again_and_at_the_end(leg: Leg) -> None:
    watch = SilenceWatch(4.0, 10.0)
    events = told(watch, leg, *half_seconds(0.5, 15))
    assert events == [RtpSilent(LegId(1), seconds) for seconds in (4.0, 8.0, 10.0, 14.0)]


def test_heard_again(leg: Leg) -> None:
    watch = SilenceWatch(3.0, 30.0)
    assert told(watch, leg, *half_seconds(0.5, 4)) == [RtpSilent(LegId(1), 3.0)]
    leg.route.count += 1
    assert told(watch, leg, 4.5) == [RtpHeard(LegId(1), 4.5)]
    # and silent again, counted from there
    assert told(watch, leg, *half_seconds(5, 8)) == [RtpSilent(LegId(1), 3.0)]


def test_who_speaks_is_never_told_of(leg: Leg) -> None:
    watch = SilenceWatch(3.0, 30.0)
    for at in half_seconds(0.5, 60):
        leg.route.count += at % 3 == 0
        assert watch.look(leg, at) is None


@pytest.mark.parametrize(("send", "receive"), [(False, True), (True, False), (False, False)])
def test_not_on_hold(leg: Leg, send: bool, receive: bool) -> None:
    watch = SilenceWatch(3.0, 30.0)
    leg.remote = SetRemote(LegId(1), "127.0.0.1", 4000, 0, 101, send, receive)
    assert told(watch, leg, *half_seconds(0.5, 60)) == []
    # a silence that was told of is over when he goes on hold
    leg.remote = SetRemote(LegId(1), "127.0.0.1", 4000, 0, 101)
    assert told(watch, leg, *half_seconds(60.5, 63)) == [RtpSilent(LegId(1), 3.0)]
    leg.remote = SetRemote(LegId(1), "127.0.0.1", 4000, 0, 101, False)
    assert told(watch, leg, 64.0) == [RtpHeard(LegId(1), 4.0)]


def test_a_pause_that_comfort_noise_announced(leg: Leg) -> None:
    watch = SilenceWatch(3.0, 30.0)
    leg.route.count = 50
    leg.tally.rests_at = 50  # the last packet was comfort noise
    assert told(watch, leg, *half_seconds(0.5, 30)) == []
    assert told(watch, leg, 30.5) == [RtpSilent(LegId(1), 30.0)]  # but nobody pauses for ever


def test_a_pause_is_over_with_the_next_audio(leg: Leg) -> None:
    watch = SilenceWatch(3.0, 30.0)
    leg.route.count = 50
    leg.tally.rests_at = 50
    assert told(watch, leg, *half_seconds(0.5, 10)) == []
    leg.route.count = 51
    assert told(watch, leg, *half_seconds(10.5, 14)) == [RtpSilent(LegId(1), 3.0)]


def test_without_an_alarm_only_the_end_is_told(leg: Leg) -> None:
    assert told(SilenceWatch(0.0, 10.0), leg, *half_seconds(0.5, 12)) == [RtpSilent(LegId(1), 10.0)]
