"""OPTIONS to phones and trunks: who falls silent, who comes back, and that nothing is left behind."""

from __future__ import annotations

from typing import Any

from tests.sip.peer import PHONE, Peer, header, register, response, settings, start, transmitted

from softswitch.ids import AgentId, TrunkId
from softswitch.sip.messages import PhoneAnswering, Transmit, TransportFailed, TrunkAnswering

ANNA = AgentId("anna")


def side(**changes: Any) -> Peer:
    return Peer(settings(qualify_seconds=60.0, trunks=(), **changes))


def asked(out: list[Any]) -> list[Transmit]:
    """Without repetitions."""
    found = [one for one in out if isinstance(one, Transmit) and one.data.startswith(b"OPTIONS")]
    return list(dict.fromkeys(found))


def silent() -> Peer:
    peer = registered()
    while not peer.told(PhoneAnswering):
        peer.wait(1.0)
    return peer


def registered(**changes: Any) -> Peer:
    peer = side(**changes)
    peer.save(peer.register(expires="3600"))
    return peer


def test_a_phone_that_answers_is_asked_once_a_period() -> None:
    peer = registered()
    while not (first := asked(peer.wait(0.2))):
        pass
    assert first[0].flow == PHONE
    assert start(first[0].data) == "OPTIONS sip:1001@198.51.100.7:40000 SIP/2.0"
    question = first[0].data
    for code in (200, 486, 404, 501):
        peer.packet(response(code, question), PHONE)
        assert asked(peer.wait(59.9)) == []
        question = asked(peer.wait(0.2))[0].data
    assert not peer.told(PhoneAnswering)


def test_two_failures_make_it_silent_and_one_answer_ends_that() -> None:
    peer = silent()
    assert 30 + 26 <= peer.now - 100.0 <= 60 + 28
    assert peer.told(PhoneAnswering) == [PhoneAnswering(ANNA, False)]
    question = asked(peer.wait(31))[0].data
    peer.packet(response(200, question), PHONE)
    assert peer.told(PhoneAnswering)[-1] == PhoneAnswering(ANNA, True)
    assert peer.stack.contacts(ANNA), "its registration stays"


def test_one_failure_is_none() -> None:
    peer = registered()
    while not asked(peer.wait(1.0)):
        pass
    peer.wait(8.0)
    peer.packet(response(200, asked(peer.wait(10.1))[0].data), PHONE)
    peer.wait(50)
    assert not peer.told(PhoneAnswering)


def test_unreachable_at_once() -> None:
    peer = registered()
    for _ in range(2):
        while not asked(peer.wait(1.0)):
            pass
        peer.do(TransportFailed(PHONE))
    assert peer.told(PhoneAnswering) == [PhoneAnswering(ANNA, False)]


def test_a_second_phone_that_answers_is_enough() -> None:
    peer = registered()
    second = "<sip:1001@198.51.100.8:40000>"
    peer.save(peer.register(3, contact=second, call="other", expires="3600"))
    for _ in range(300):
        for one in asked(peer.wait(1.0)):
            if b"198.51.100.8" in one.data.partition(b"\r\n")[0]:
                peer.packet(response(200, one.data), PHONE)
    assert not peer.told(PhoneAnswering)


def test_registering_again_asks_soon() -> None:
    peer = silent()
    peer.save(peer.register(5, expires="3600"))
    assert len(peer.told(PhoneAnswering)) == 1, "a registration alone is no proof"
    peer.packet(response(200, asked(peer.wait(0.6))[0].data), PHONE)
    assert peer.told(PhoneAnswering)[-1].answering


def test_unregistered_phones_are_left_alone() -> None:
    peer = registered()
    peer.wait(61)
    peer.save(peer.register(7, expires="0"))
    assert asked(peer.wait(300)) == []
    assert sum(peer.stack.counts().values()) == 0


def test_a_thousand_phones_are_not_asked_together() -> None:
    firsts = []
    for seed in range(50):
        peer = Peer(settings(qualify_seconds=60.0, trunks=()), seed)
        peer.save(peer.register(expires="3600"))
        seconds = 0
        while not asked(peer.wait(1.0)):
            seconds += 1
        firsts.append(seconds)
    assert 29 <= min(firsts) < 35
    assert 54 < max(firsts) <= 60


def test_trunks() -> None:
    peer = Peer(settings(qualify_seconds=60.0))
    question = asked(peer.wait(1.0))[0]
    assert start(question.data) == "OPTIONS sip:192.0.2.10:5080 SIP/2.0"
    assert header(question.data, "Via").startswith("SIP/2.0/UDP 192.0.2.1:5060")
    assert peer.stack.qualifier.trunk_answering(TrunkId("pstn"))
    peer.wait(30)
    assert peer.told(TrunkAnswering) == [TrunkAnswering(TrunkId("pstn"), False)]
    assert peer.stack.qualifier.trunk_answering(TrunkId("pstn")) is False


def test_switched_off() -> None:
    peer = Peer()
    peer.save(peer.register(expires="3600"))
    assert transmitted(peer.wait(3000)) == []
    assert peer.stack.qualifier.trunk_answering(TrunkId("pstn")) is None
    assert peer.sent(register(9), PHONE)
