"""Encrypted legs of a call: who is offered what, when the media process gets the keys, and what a browser's failure
costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, FLOW, PSTN, House, make_settings

from softswitch.acd import messages as acd
from softswitch.call.settings import Settings
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

PRINT = "sha-256 " + ":".join(["AB"] * 32)
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\n"
CHOSEN = f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
BROWSER = (
    f"{HEAD}m=audio 9 UDP/TLS/RTP/SAVPF 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=mid:0\r\n"
    f"a=fingerprint:{PRINT}\r\na=setup:active\r\na=ice-ufrag:them\r\na=ice-pwd:{'p' * 22}\r\na=rtcp-mux\r\n"
).encode()


def wss_phone(house: House, transport: str = "wss") -> None:
    flow = sip.Flow(transport, ("127.0.0.1", 8443), ("127.0.0.3", 40000), 7)
    binding = sip.ContactBinding(ANNA, "sip:x@abc.invalid;transport=ws", flow, "c", 1, house.now + 3600)
    house.post(media.DtlsOffered(PRINT))
    house.post(sip.RegistrationChanged(ANNA, (binding,)))
    house.post(acd.PhoneRegistered(ANNA))


def orders(house: House, leg: LegId) -> list[object]:
    return [
        each for each in house.sent if getattr(each, "leg", None) == leg and type(each).__module__ == media.__name__
    ]


def test_a_browser_rings_and_gets_the_caller_when_her_keys_are_there() -> None:
    house = House()
    wss_phone(house)
    house.to_queue()
    (invite,) = house.ringing()
    assert b"m=audio 20" in invite.sdp or b"UDP/TLS/RTP/SAVPF" in invite.sdp
    assert b"a=ice-lite\r\n" in invite.sdp
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    start, remote = orders(house, invite.leg)[-2:]
    assert isinstance(start, media.StartDtls)
    assert (start.active, start.fingerprint, start.peer_ufrag) == (False, PRINT, "them")
    assert isinstance(remote, media.SetRemote)
    assert remote.send
    assert house.state(ANNA) is acd.AgentState.RINGING, "she cannot hear anybody yet"
    house.post(media.MediaSecured(invite.leg, "AEAD_AES_256_GCM"))
    assert house.state(ANNA) is acd.AgentState.TALKING


def test_a_browser_whose_audio_does_not_come_up_costs_the_caller_nothing() -> None:
    house = House()
    wss_phone(house)
    caller = house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    house.post(media.MediaLegFailed(invite.leg, "ICE: no address was proven within 15 s"))
    assert invite.leg in house.ended_legs
    assert caller not in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.SUSPENDED, "not reached: she is not the first again for each caller"


def test_a_media_process_that_is_lost_is_no_fault_of_hers() -> None:
    house = House()
    wss_phone(house)
    house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    house.post(media.MediaLost())
    assert invite.leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.READY


def test_who_calls_learns_of_our_keys_when_somebody_answers() -> None:
    """A browser that calls a colleague cannot begin before he has answered; one that was called can."""
    house = House()
    wss_phone(house)
    offer = BROWSER.replace(b"setup:active", b"setup:actpass")
    house.post(sip.InviteReceived(LegId(90), sip.Origin(agent=ANNA), "1001", "1002", "", offer, FLOW))
    (start,) = [each for each in orders(house, LegId(90)) if isinstance(each, media.StartDtls)]
    assert start.patience > 180
    house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    (start,) = [each for each in orders(house, invite.leg) if isinstance(each, media.StartDtls)]
    assert start.patience == media.SETUP_SECONDS == 15.0


@pytest.mark.parametrize(
    ("word", "protocol"),
    [("required", b"RTP/SAVP 0"), ("optional", b"RTP/AVP 0"), ("none", b"RTP/AVP 0"), ("dtls", b"UDP/TLS/RTP/SAVP 0")],
)
def test_what_is_written_about_an_agent_decides(word: str, protocol: bytes) -> None:
    house = House(with_word(make_settings(), word))
    wss_phone(house)
    house.to_queue()
    (invite,) = house.ringing()
    assert protocol in invite.sdp
    assert (b"a=crypto:" in invite.sdp) is (word in ("required", "optional"))


def with_word(settings: Settings, word: str) -> Settings:
    return replace(settings, call=replace(settings.call, encryption_of_agents={str(ANNA): word}))


def test_keys_reach_the_media_process_before_the_address() -> None:
    house = House(with_word(make_settings(), "required"))
    house.register(ANNA)
    house.to_queue()
    (invite,) = house.ringing()
    body = f"{HEAD}m=audio 5000 RTP/SAVP 0\r\n{CHOSEN}".encode()
    house.post(sip.InviteAnswered(invite.leg, body))
    keys, remote = [each for each in orders(house, invite.leg) if not isinstance(each, media.ListenForKeys)][-2:]
    assert isinstance(keys, media.SetKeys)
    assert (keys.suite, keys.theirs) == ("AES_CM_128_HMAC_SHA1_80", bytes(range(30)))
    assert isinstance(remote, media.SetRemote)
    # hold: the same keys are not set again
    house.post(sip.OfferReceived(invite.leg, body + b"a=sendonly\r\n"))
    (held,) = orders(house, invite.leg)[len(orders(house, invite.leg)) - 1 :]
    assert isinstance(held, media.SetRemote | media.Play | media.Unbridge | media.Bridge | media.StopPlay)
    assert sum(isinstance(each, media.SetKeys) for each in orders(house, invite.leg)) == 1


def test_a_phone_that_must_encrypt_and_does_not_is_not_rung_in_clear() -> None:
    house = House(with_word(make_settings(), "required"))
    house.register(ANNA)
    house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, f"{HEAD}m=audio 5000 RTP/AVP 0\r\n".encode()))
    assert invite.leg in house.ended_legs
    assert not any(isinstance(each, media.SetRemote) for each in orders(house, invite.leg))


def test_an_encrypted_caller_without_a_suite_of_ours_gets_488() -> None:
    house = House()
    body = f"{HEAD}m=audio 5000 RTP/SAVP 0\r\na=crypto:1 NULL inline:{KEY}\r\n".encode()
    house.post(sip.InviteReceived(LegId(90), sip.Origin(trunk=PSTN), "+3726310000", "+3725550001", "", body, FLOW))
    assert sip.Reject(LegId(90), 488) in house.sent
