"""Finding where to send (RFC 3263, RFC 2782): tables of records and what follows from them, weights by their shares."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.locate import (
    Lookup,
    LookupDone,
    Naptr,
    Question,
    Server,
    Srv,
    Target,
    by_weight,
    locate,
    ordered,
)

BOTH, ALL = ("A",), ("udp", "tcp", "tls")
HOST = "carrier.example"
Records = dict[tuple[str, str], tuple[Any, ...]]


def below(most: int) -> int:
    return 0


def walk(question: Question, zone: Records, failing: tuple[str, ...] = ()) -> tuple[list[Target], list[Lookup]]:
    """Answers every look-up from the zone; the targets, and what was asked for in order."""
    answers: dict[tuple[str, str], LookupDone] = {}
    asked: list[Lookup] = []
    for _ in range(20):
        found = locate(question, answers)
        if not found.missing:
            return ordered(found.services, below), asked
        for lookup in found.missing:
            asked.append(lookup)
            key = (lookup.name, lookup.kind)
            answers[key] = LookupDone(*key, zone.get(key, ()), 300.0, lookup.kind in failing)
    raise AssertionError("it never ends")


NAPTR: Records = {
    (HOST, "NAPTR"): (
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.carrier.example"),
        Naptr(50, 60, "s", "SIPS+D2T", "_sips._tcp.carrier.example"),
        Naptr(50, 50, "s", "SIP+D2U", "_sip._udp.carrier.example"),
        Naptr(10, 10, "s", "SIP+D2S", "_sip._sctp.carrier.example"),  # we speak no SCTP
        Naptr(10, 10, "u", "E2U+sip", "x.example"),
    ),
    ("_sip._udp.carrier.example", "SRV"): (
        Srv(20, 0, 5062, "b.carrier.example"),
        Srv(10, 0, 5061, "a.carrier.example."),
    ),
    ("_sips._tcp.carrier.example", "SRV"): (Srv(1, 1, 5061, "a.carrier.example"),),
    ("_sip._tcp.carrier.example", "SRV"): (Srv(1, 1, 5060, "a.carrier.example"),),
    ("a.carrier.example", "A"): ("192.0.2.1", "192.0.2.2"),
    ("b.carrier.example", "A"): ("192.0.2.3",),
}
SRV = {key: value for key, value in NAPTR.items() if key[1] != "NAPTR"}
PLAIN: Records = {(HOST, "A"): ("192.0.2.9",)}
U, T, S = "udp", "tcp", "tls"


@pytest.mark.parametrize(
    ("question", "zone", "targets"),
    [
        # an address
        (Question("192.0.2.7", 0, "", ALL, BOTH), {}, [(U, "192.0.2.7", 5060)]),
        (Question("192.0.2.7", 5080, "tcp", ALL, BOTH), {}, [(T, "192.0.2.7", 5080)]),
        (Question("192.0.2.7", 0, "tls", ALL, BOTH), {}, [(S, "192.0.2.7", 5061)]),
        # nothing is said: NAPTR by order and preference, then SRV by priority, then each address
        (
            Question(HOST, 0, "", ALL, BOTH),
            NAPTR,
            [
                *((U, "192.0.2.1", 5061), (U, "192.0.2.2", 5061), (U, "192.0.2.3", 5062)),
                *((S, "192.0.2.1", 5061), (S, "192.0.2.2", 5061)),
                *((T, "192.0.2.1", 5060), (T, "192.0.2.2", 5060)),
            ],
        ),
        (
            Question(HOST, 0, "", (T,), BOTH),
            NAPTR,
            [(T, "192.0.2.1", 5060), (T, "192.0.2.2", 5060)],
        ),
        # no NAPTR: SRV of each transport that we speak
        (
            Question(HOST, 0, "", (U, T), BOTH),
            SRV,
            [
                *((U, "192.0.2.1", 5061), (U, "192.0.2.2", 5061), (U, "192.0.2.3", 5062)),
                *((T, "192.0.2.1", 5060), (T, "192.0.2.2", 5060)),
            ],
        ),
        # a transport: its SRV; without one the host itself
        (Question(HOST, 0, "tls", ALL, BOTH), SRV, [(S, "192.0.2.1", 5061), (S, "192.0.2.2", 5061)]),
        (Question(HOST, 0, "tls", ALL, BOTH), PLAIN, [(S, "192.0.2.9", 5061)]),
        (Question(HOST, 0, "", ALL, BOTH), PLAIN, [(U, "192.0.2.9", 5060)]),
        # a port: no SRV is asked for
        (Question(HOST, 5070, "", ALL, BOTH), {**SRV, **PLAIN}, [(U, "192.0.2.9", 5070)]),
        # "the service is decidedly not available"
        (Question(HOST, 0, "udp", ALL, BOTH), {("_sip._udp." + HOST, "SRV"): (Srv(0, 0, 0, "."),), **PLAIN}, []),
        # NAPTR that leads nowhere
        (
            Question(HOST, 0, "", ALL, BOTH),
            {(HOST, "NAPTR"): (Naptr(1, 1, "s", "SIP+D2U", "_sip._udp.nowhere.example"),), **PLAIN},
            [],
        ),
        (Question(HOST, 0, "", ALL, BOTH), {}, []),
        (Question(HOST, 0, "ws", ALL, BOTH), PLAIN, []),
        (Question("bad name!", 5060, "", ALL, BOTH), {}, []),
    ],
)
def test_where_a_name_leads(question: Question, zone: Records, targets: list[tuple[str, str, int]]) -> None:
    assert walk(question, zone)[0] == [Target(*each) for each in targets]


def test_only_what_is_needed_is_asked_for() -> None:
    assert [each.kind for each in walk(Question(HOST, 5070, "", ALL, BOTH), PLAIN)[1]] == ["A"]
    kinds = Counter(each.kind for each in walk(Question(HOST, 0, "", ALL, ("A", "AAAA")), NAPTR)[1])
    assert kinds == {"NAPTR": 1, "SRV": 3, "A": 2, "AAAA": 2}


def test_a_name_service_that_fails_is_no_proof_that_there_is_nothing() -> None:
    answers = {(HOST, "A"): LookupDone(HOST, "A", (), 5.0, True)}
    found = locate(Question(HOST, 5060, "udp", ALL, BOTH), answers)
    assert (found.services, found.failed, found.ttl) == ((), True, 5.0)
    assert walk(Question(HOST, 0, "", ALL, BOTH), SRV, failing=("NAPTR",))[0]


def servers(*rows: tuple[int, int]) -> tuple[Server, ...]:
    return tuple(
        Server(priority, weight, 5060, f"s{at}", (f"192.0.2.{at}",)) for at, (priority, weight) in enumerate(rows)
    )


def test_without_weights_the_load_is_shared_all_the_same() -> None:
    rows = servers((10, 0), (10, 0), (10, 0), (20, 0))
    chance = random.Random(3)
    orders = [by_weight(rows, chance.randrange) for _ in range(3000)]
    firsts = Counter(order[0].name for order in orders)
    assert all(900 < firsts[f"s{at}"] < 1100 for at in range(3)), firsts
    assert {order[3].name for order in orders} == {"s3"}, "priorities come first"


def test_weights_are_shares() -> None:
    """RFC 2782: 60, 20, 10, 10 of a hundred; a server of weight 0 is hardly ever the first."""
    chance = random.Random(3263)
    rows = servers((0, 60), (0, 20), (0, 10), (0, 10), (0, 0), (1, 99))
    firsts = Counter(by_weight(rows, chance.randrange)[0].name for _ in range(20_000))
    for name, share in (("s0", 0.6), ("s1", 0.2), ("s2", 0.1), ("s3", 0.1)):
        assert abs(firsts[name] / 20_000 - share) < 0.015
    assert firsts["s4"] / 20_000 < 0.02
    assert firsts["s5"] == 0
    # When the first is down, the rest shares what is left by weight as well.
    seconds = Counter()  # type: ignore[var-annotated]
    for _ in range(20_000):
        order = by_weight(rows, chance.randrange)
        if order[0].name == "s0":
            seconds[order[1].name] += 1
    assert abs(seconds["s1"] / sum(seconds.values()) - 0.5) < 0.03


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=12), st.integers())
def test_every_server_once_by_priority(rows: list[tuple[int, int]], seed: int) -> None:
    everybody = servers(*rows)
    order = by_weight(everybody, random.Random(seed).randrange)
    assert sorted(order) == sorted(everybody)
    assert [server.priority for server in order] == sorted(server.priority for server in everybody)


TEXT = st.text(alphabet="abc.-_ \u00e9", max_size=12)
ANY_RECORD = st.one_of(
    st.builds(
        Naptr, st.integers(0, 9), st.integers(0, 9), st.sampled_from("sSaup"), st.sampled_from(["SIP+D2U", "x"]), TEXT
    ),
    st.builds(Srv, st.integers(0, 9), st.integers(0, 9), st.integers(0, 65535), TEXT),
    st.sampled_from(["192.0.2.1", "2001:db8::1"]),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_zone_says_it_ends_and_stays_bounded(data: st.DataObject) -> None:
    answers: dict[tuple[str, str], LookupDone] = {}
    question = Question(HOST, 0, "", ALL, ("A", "AAAA"))
    for _ in range(6):
        found = locate(question, answers)
        assert len(found.missing) <= 8 * 16 * 2
        for lookup in found.missing:
            records = tuple(data.draw(st.lists(ANY_RECORD, max_size=3)))
            answers[lookup.name, lookup.kind] = LookupDone(lookup.name, lookup.kind, records, 60.0)
        if not found.missing:
            break
    assert not locate(question, answers).missing
