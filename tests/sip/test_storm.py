"""More than 100 000 dialogs through every weather. `make soak-sip-sim` goes on for millions."""

from __future__ import annotations

import random

import pytest
from tests.sip.bank_storm import play_bank
from tests.sip.owners import ownerless
from tests.sip.peer import Peer
from tests.sip.storm import WEATHERS, Storm, play

from softswitch.ids import LegId
from softswitch.sip.messages import Hangup, LegEnded

# 50 seeds, and in each at least 2000 dialogs (a forked call has two).
CALLS = 1960
DIALOGS = 2000
SEEDS = {"fair": 12, "doubling": 6, "lossy": 15, "stormy": 5, "reordering": 12}


@pytest.mark.parametrize(("weather", "seed"), [(name, seed) for name in SEEDS for seed in range(SEEDS[name])])
def test_no_storm_breaks_the_rules(weather: str, seed: int) -> None:
    storm = play(seed, weather, CALLS)
    seen = storm.seen
    assert seen["InviteReceived"] >= DIALOGS
    assert seen["known by both"] > CALLS / 2
    # Each of the crossings happened.
    assert min(seen[name] for name in ("PRAC", "CANC", "487", "491", "488", "486", "update", "connection")) > 0, seen
    assert seen["UPDA"] > seen["update"], "sessions were refreshed"
    assert seen["TIMEOUT"] > 0
    assert weather == "fair" or seen["reset"] > 0


@pytest.mark.parametrize(("weather", "seed"), [(name, seed) for name in SEEDS for seed in range(2)])
def test_no_storm_confuses_the_whole_switch(weather: str, seed: int) -> None:
    """The call core and the queue engine between a gateway and the agents' phones."""
    seen = play_bank(seed, weather, 120).seen
    assert seen["shared"] > 100
    assert min(seen[f"switch {name}"] for name in ("InviteAnswered", "OfferReceived", "AckReceived")) > 5
    assert seen["CANC"] > 5


def test_there_are_a_hundred_thousand() -> None:
    assert DIALOGS * sum(SEEDS.values()) >= 100_000


def test_a_seed_repeats_its_run() -> None:
    def ends() -> list[tuple[LegId, float, LegEnded]]:
        storm = play(5, "stormy", 60)
        return [(leg, *end) for side in storm.sides.values() for leg, end in side.ended.items()]

    assert ends() == ends()


def test_a_timer_of_nobody_is_found() -> None:
    side = Peer()
    leg, _ = side.talk()
    assert ownerless(side.stack) == []
    side.stack._context.timers.start(side.now + 5.0, lambda: None)
    assert len(ownerless(side.stack)) == 1
    side.do(Hangup(leg))


def test_a_second_final_answer_is_found() -> None:
    storm = Storm(1, WEATHERS["fair"])
    head = b"Via: SIP/2.0/UDP h;branch=z9hG4bK0123456789abcdef\r\nCSeq: 1 INVITE\r\n\r\n"
    caller = storm.sides["caller"]
    storm._one_final_answer(caller, b"SIP/2.0 200 OK\r\n" + head)
    storm._one_final_answer(caller, b"SIP/2.0 200 OK\r\n" + head)
    with pytest.raises(AssertionError, match="and then b'486'"):
        storm._one_final_answer(caller, b"SIP/2.0 486 Busy Here\r\n" + head)


def test_a_call_that_only_one_side_knows_to_be_over_is_found() -> None:
    storm = play(1, "fair", 200)
    caller = storm.sides["caller"]
    leg = random.Random(1).choice([leg for leg in caller.up if caller.ended[leg][1].status == 200])
    at, event = caller.ended[leg]
    caller.ended[leg] = (at + 500.0, event)
    with pytest.raises(AssertionError):
        storm.check_end()
