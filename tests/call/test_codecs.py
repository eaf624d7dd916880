"""Which codec a call gets: the caller's leads, holds change nothing, a colleague's phone on IPv6 gets IPv6."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, PSTN, House, make_settings

from softswitch.ids import LegId
from softswitch.media import formats, sdp
from softswitch.media import messages as media
from softswitch.media.negotiation import make_offer
from softswitch.sip import messages as sip

WIDE = ("OPUS", "G722", "PCMA", "PCMU")
FIRST = {"OPUS": "opus/48000/2", "G722": "g722/8000", "PCMA": "pcma/8000", "PCMU": "pcmu/8000"}


def house(codecs: tuple[str, ...] = WIDE, **how: str) -> House:
    settings = make_settings()
    made = House(replace(settings, media=replace(settings.media, codecs=codecs, **how)))  # type: ignore[arg-type]
    made.register(ANNA)
    return made


def said(*codecs: str, host: str = "127.0.0.2") -> bytes:
    return make_offer(host, 4000, 1, 1, codecs).sdp


def encodings(description: bytes) -> list[str]:
    (stream,) = sdp.parse(description).media
    return list(formats.read(stream))


def last_remote(house: House, leg: LegId) -> media.SetRemote:
    found: media.SetRemote = [each for each in house.of(media.SetRemote) if each.leg == leg][-1]
    return found


@pytest.mark.parametrize("codec", WIDE)
def test_the_callers_codec_leads_in_what_the_agent_is_offered(codec: str) -> None:
    one = house()
    leg = one.call(sdp=said(codec))
    one.press(leg, "1")
    (invite,) = one.ringing()
    offered = encodings(invite.sdp)
    assert offered[0] == FIRST[codec]
    assert {FIRST[each] for each in WIDE} <= set(offered)
    assert last_remote(one, leg).codec == codec


def test_numbers_of_the_caller_are_offered_to_the_agent() -> None:
    """Then a bridge has nothing to rewrite."""
    one = house()
    lines = said("OPUS").replace(b"111", b"96")
    leg = one.call(sdp=lines)
    one.press(leg, "1")
    (invite,) = one.ringing()
    (stream,) = sdp.parse(invite.sdp).media
    assert formats.read(stream)["opus/48000/2"] == 96
    remote = last_remote(one, leg)
    assert (remote.payload_type, remote.dtmf_type, remote.dtmf_clock) == (96, 110, 48000)


def test_an_agent_with_another_codec_is_bridged_all_the_same() -> None:
    one = house()
    leg = one.call(sdp=said("OPUS"))
    one.press(leg, "1")
    (invite,) = one.ringing()
    one.post(sip.InviteAnswered(invite.leg, said("PCMA")))
    assert last_remote(one, invite.leg).codec == "PCMA"
    assert [{each.leg, each.peer} for each in one.of(media.Bridge)] == [{leg, invite.leg}]
    # her phone goes over to another one in the middle: they stay bridged
    before = len(one.of(media.Unbridge))
    one.post(sip.OfferReceived(invite.leg, said("G722")))
    assert last_remote(one, invite.leg).codec == "G722"
    assert len(one.of(media.Unbridge)) == before


def test_a_hold_does_not_change_the_codec() -> None:
    one = house()
    leg = one.call(sdp=said("PCMU"))
    one.press(leg, "1")
    (invite,) = one.ringing()
    one.post(sip.InviteAnswered(invite.leg, said("PCMU")))
    one.post(sip.OfferReceived(invite.leg, said(*WIDE).replace(b"a=sendrecv", b"a=sendonly")))
    remote = last_remote(one, invite.leg)
    assert (remote.codec, remote.send) == ("PCMU", False)


def test_g711_is_taken_where_the_list_begins_with_it() -> None:
    one = house(("PCMU", "PCMA", "OPUS"))
    assert last_remote(one, one.call(sdp=said("OPUS", "PCMA", "PCMU"))).codec == "PCMA"
    assert last_remote(one, one.call("+3725550002", sdp=said("OPUS"))).codec == "OPUS"


def test_audio_over_ipv6_where_the_description_says_so() -> None:
    one = house(host6="2001:db8::5")
    six = one.call(sdp=said("PCMU", host="2001:db8::9"))
    four = one.call("+3725550002", sdp=said("PCMU"))
    assert [(each.leg, each.ip6) for each in one.of(media.OpenMediaLeg)] == [(six, True), (four, False)]
    answers = {each.leg: each.sdp for each in one.of(sip.Answer)}
    assert b"c=IN IP6 2001:db8::5\r\n" in answers[six]
    assert b"c=IN IP4 127.0.0.1\r\n" in answers[four]
    # whose SIP comes over IPv6 and who describes nothing is offered IPv6
    flow = sip.Flow("udp", ("2001:db8::5", 5060), ("2001:db8::9", 5060))
    one.post(sip.InviteReceived(LegId(77), sip.Origin(trunk=PSTN), "+3726310000", "+3725550003", "", None, flow))
    assert b"c=IN IP6" in next(each.sdp for each in one.of(sip.Answer) if each.leg == 77)


def test_without_an_address_there_ipv6_is_refused() -> None:
    one = house()
    leg = one.call(sdp=said("PCMU", host="2001:db8::9"))
    assert [(each.leg, each.status) for each in one.of(sip.Reject)] == [(leg, 488)]
    assert not any(each.ip6 for each in one.of(media.OpenMediaLeg))
