"""Several media processes: the legs of a call are in one of them, and one that dies takes no other with it."""

from __future__ import annotations

from tests.call.house import ANNA, MART, House, offer
from tests.call.test_readopted import kept

from softswitch.call.joined import Joined
from softswitch.call.leg import CallLeg
from softswitch.call.live import CallRestored, CallsResumed
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.media.ports import PortStock
from softswitch.sip import messages as sip

FIRST, SECOND = (20000, 20099), (20100, 20199)


def two_processes() -> House:
    house = House(ports=0)
    house.calls.board.ports = house.stock = PortStock(shares=(FIRST, SECOND))
    for first, last in (FIRST, SECOND):
        house.post(media.AllLegsFound(first, last))
        house.post(media.PortsLeased(tuple(range(first, last, 2))))
    return house


def leg_of(house: House, leg: LegId) -> CallLeg:
    found = house.calls.board.find_leg(leg)
    assert found is not None
    return found[0]


def place(house: House, leg: LegId) -> int:
    return house.stock.share(leg_of(house, leg).port)


def test_calls_are_spread_and_her_leg_is_beside_his() -> None:
    house = two_processes()
    house.register(ANNA, MART)
    places = []
    for _ in range(2):
        caller = house.to_queue()
        (invite,) = house.ringing()
        assert place(house, invite.leg) == place(house, caller)
        places.append(place(house, caller))
        house.answer(invite)
        assert house.of(media.Bridge)[-1].leg == caller
    assert sorted(places) == [0, 1]
    assert house.of(sip.SendOffer) == []


def test_one_that_dies_takes_no_other_call_with_it() -> None:
    house = two_processes()
    one, other = house.call(), house.call("+3725550002")
    assert (place(house, one), place(house, other)) == (0, 1)
    house.lose_media(*FIRST)
    mark = len(house.sent)
    third = house.call("+3725550003")
    assert place(house, third) == 1
    house.post(media.AllLegsFound(*FIRST))
    house.post(media.PortsLeased((20010, 20012)))
    house.wait(0.0)
    assert [each.leg for each in house.sent[mark:] if isinstance(each, sip.SendOffer)] == [one]
    assert place(house, one) == 0


def test_switch_and_one_of_two_are_killed() -> None:
    """The next switch adopts what the other carries as it is, and brings up anew what the dead one had."""
    before = two_processes()
    one, other = before.call(), before.call("+3725550002")
    calls, told = kept(before), {each.leg: each for each in before.of(media.SetRemote)}
    after = House(ports=0)
    after.calls.board.ports = after.stock = PortStock(shares=(FIRST, SECOND))
    after.now = before.now + 5.0
    for call in calls:
        after.post(CallRestored(call))
    to = told[other]
    port = leg_of(after, other).port
    found = media.FoundLeg(other, port, 0, 0, 9, 9, to.host, to.port, to.send, to.receive, to.payload_type)
    mark = len(after.sent)
    after.post(media.LegsFound((found,)))
    after.post(media.AllLegsFound(*SECOND))
    assert [each for each in after.sent[mark:] if isinstance(each, sip.SendOffer)] == []
    assert after.of(media.AdoptLegs)[-1].legs == (other,)
    after.post(media.AllLegsFound(*FIRST))
    after.post(media.PortsLeased((20010, 20012)))
    after.post(CallsResumed())
    after.wait(0.0)
    assert [each.leg for each in after.sent[mark:] if isinstance(each, sip.SendOffer)] == [one]
    assert (place(after, one), place(after, other)) == (0, 1)
    assert leg_of(after, other).port == port


def test_who_are_brought_together_meet_in_one_of_them() -> None:
    house = two_processes()
    one, other = house.call(), house.call("+3725550002")
    assert place(house, one) != place(house, other)
    mark = len(house.sent)
    Joined(house.calls.board, leg_of(house, one), leg_of(house, other), "", lambda now: None).start(house.now)
    house.wait(0.2)
    sent = [
        each
        for each in house.sent[mark:]
        if isinstance(each, media.CloseMediaLeg | media.OpenMediaLeg | sip.SendOffer | media.Bridge)
    ]
    kinds = [type(each).__name__ for each in sent]
    assert kinds == ["CloseMediaLeg", "OpenMediaLeg", "SendOffer", "Bridge"]
    assert [each.leg for each in sent] == [other, other, other, one]
    assert place(house, one) == place(house, other)
    house.post(sip.OfferAnswered(other, 200, offer()))
    house.bye(one)
    assert len(house.of(media.CloseMediaLeg)) == 3


def test_when_one_is_full_calls_go_to_the_other() -> None:
    house = two_processes()
    places = [place(house, house.call(f"+372555{n:04}")) for n in range(100)]
    assert (places.count(0), places.count(1)) == (50, 50)
    assert house.stock.take() is None
