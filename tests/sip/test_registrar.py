"""The registrar: durable first, 423, clamp, '*', limits, order, expiry, restart, connections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.sip.peer import LOCAL, PHONE, REALM, Peer, header, only, register, settings, status, transmitted

from softswitch.ids import AgentId
from softswitch.sip.messages import (
    ContactBinding,
    ContactsRestored,
    ContactsSaved,
    Flow,
    RegistrationChanged,
    SaveContacts,
    SecurityEvent,
    StreamClosed,
    StreamReceived,
)

ANNA = AgentId("anna")
TCP = Flow("tcp", LOCAL, ("198.51.100.7", 50123), 5)


def uris(contacts: tuple[ContactBinding, ...]) -> list[str]:
    return [binding.uri for binding in contacts]


def codes(out: list[Any]) -> list[int]:
    return [status(data) for data in transmitted(out)]


def registered(side: Peer, number: int = 1, **changes: Any) -> list[Any]:
    return side.save(side.register(number, **changes))


def test_challenge_save_confirm() -> None:
    side = Peer()
    first = side.sent(register(1), PHONE)
    assert codes(side.packet(register(1), PHONE)) == [401]
    out = side.packet(register(2, proof=side.proof(first[0]), extra=("User-Agent: Phone 1\t2",)), PHONE)
    assert transmitted(out) == [], "nothing is confirmed before it is durable"
    saved = only(out, SaveContacts)
    assert saved.agent == ANNA
    assert saved.contacts[0] == ContactBinding(
        ANNA, "sip:1001@198.51.100.7:40000", PHONE, "reg", 2, side.now + 600, 1.0, "Phone 12"
    )
    assert side.stack.contacts(ANNA) == ()
    out = side.save(out)
    assert codes(out) == [200]
    assert header(transmitted(out)[0], "Contact") == "<sip:1001@198.51.100.7:40000>;expires=600"
    assert only(out, RegistrationChanged) == RegistrationChanged(ANNA, saved.contacts)
    assert side.stack.contacts(ANNA) == saved.contacts


def test_repeated_register_is_answered_alike() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    packet = register(2, proof=side.proof(challenge))
    saved = side.packet(packet, PHONE)
    assert side.packet(packet, PHONE) == [], "absorbed while the save is under way"
    answer = transmitted(side.save(saved))
    assert transmitted(side.packet(packet, PHONE)) == answer


def test_refresh_is_saved_and_told_as_a_sign_of_life() -> None:
    side = Peer()
    registered(side)
    side.wait(60)
    out = registered(side, 3)
    assert codes(out) == [200]
    (told,) = [entry for entry in out if isinstance(entry, RegistrationChanged)]
    assert len(told.contacts) == 1


def test_save_fails() -> None:
    side = Peer()
    out = side.save(side.register(), ok=False)
    assert codes(out) == [503]
    assert header(transmitted(out)[0], "Retry-After") == "5"
    assert side.stack.contacts(ANNA) == ()


def test_save_takes_too_long_and_comes_after_all() -> None:
    side = Peer()
    saving = only(side.register(), SaveContacts)
    assert codes(side.wait(0.99)) == []
    assert codes(side.wait(0.02)) == [503]
    out = side.do(ContactsSaved(saving.token, True))
    assert codes(out) == []
    assert only(out, RegistrationChanged).contacts == saving.contacts
    assert side.do(ContactsSaved(saving.token, True)) == []


def test_two_registers_under_way_build_on_each_other() -> None:
    side = Peer()
    one = side.register(1, call="a", contact="<sip:1001@198.51.100.7:1111>")
    two = side.register(1, call="b", contact="<sip:1001@198.51.100.7:2222>")
    assert len(only(two, SaveContacts).contacts) == 2
    side.save(one)
    side.save(two)
    assert len(side.stack.contacts(ANNA)) == 2


def test_too_brief_and_too_long() -> None:
    side = Peer()
    out = side.register(1, expires="59")
    assert codes(out) == [423]
    assert header(transmitted(out)[0], "Min-Expires") == "60"
    out = registered(side, 3, expires="100000000000000000000")
    assert header(transmitted(out)[0], "Contact").endswith(";expires=3600")


def test_expires_of_the_contact_comes_first_and_garbage_means_the_default() -> None:
    side = Peer()
    out = registered(side, 1, contact="<sip:1001@198.51.100.7:40000>;expires=120;q=0.5", expires="600")
    assert header(transmitted(out)[0], "Contact").endswith(";expires=120")
    assert side.stack.contacts(ANNA)[0].q == 0.5
    out = registered(side, 3, expires="soon")
    assert header(transmitted(out)[0], "Contact").endswith(";expires=3600")


def test_query() -> None:
    side = Peer()
    assert codes(side.register(1, contact="", expires="")) == [200]
    registered(side, 3)
    out = side.register(5, contact="", expires="")
    assert header(transmitted(out)[0], "Contact") == "<sip:1001@198.51.100.7:40000>;expires=600"


def test_unregister_one_and_all() -> None:
    side = Peer()
    registered(side, 1, contact="<sip:1001@198.51.100.7:1111>, <sip:1001@198.51.100.7:2222>")
    out = registered(side, 3, contact="<sip:1001@198.51.100.7:1111>;expires=0")
    assert uris(only(out, RegistrationChanged).contacts) == ["sip:1001@198.51.100.7:2222"]
    out = registered(side, 5, contact="*", expires="0")
    assert only(out, RegistrationChanged) == RegistrationChanged(ANNA, ())


@pytest.mark.parametrize(
    ("contact", "expires"),
    [
        ("*", "600"),
        ("*", ""),
        ("*, <sip:1001@198.51.100.7>", "0"),
        ("<sip:1001@198.51.100.7?Route=%3Csip:x%3E>", "600"),
        ("sip:1001@198.51.100.7?Route=%3Csip:x%3E", "600"),
        ("<sips:1001@198.51.100.7>", "600"),
        ("<sip:1001@198.51.100.7;method=BYE>", "600"),
        ("<sip:>", "600"),
        ("<sip:jürgen@198.51.100.7>", "600"),
    ],
)
def test_contacts_that_are_refused(contact: str, expires: str) -> None:
    side = Peer()
    assert codes(side.register(1, contact=contact, expires=expires)) == [400]


def test_what_is_stored_is_printable() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    packet = register(2, proof=side.proof(challenge), extra=("User-Agent: x-y",)).replace(b"x-y", b"\xffa\x07\xc3\xa9")
    packet = packet.replace(b"Call-ID: reg", b"Call-ID: \xfe\x01reg" + b"x" * 1000)
    saved = only(side.packet(packet, PHONE), SaveContacts).contacts[0]
    assert saved.user_agent == "aé"
    assert saved.call_id == "reg" + "x" * 252


def test_contact_of_another_scheme() -> None:
    assert codes(Peer().register(1, contact="<name:John_Smith>")) == [416]


def test_older_register_of_the_same_call_comes_late() -> None:
    side = Peer()
    registered(side, 7)
    challenge = side.sent(register(90), PHONE)[0]
    late = register(5, contact="*", expires="0", proof=side.proof(challenge))
    assert codes(side.packet(late, PHONE)) == [500]
    assert side.stack.contacts(ANNA)
    assert registered(side, 1, call="another")


def test_contact_limit() -> None:
    side = Peer(settings(max_contacts=2))
    many = ", ".join(f"<sip:1001@198.51.100.7:{port}>" for port in (1, 2, 3))
    assert codes(side.register(1, contact=many)) == [403]
    for number in range(5):
        registered(side, 1, call=f"boot{number}", contact=f"<sip:1001@198.51.100.7:{4000 + number}>")
        side.wait(1)
    assert uris(side.stack.contacts(ANNA)) == ["sip:1001@198.51.100.7:4003", "sip:1001@198.51.100.7:4004"]


def test_own_address_of_record_and_own_domain_only() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    proof = side.proof(challenge)
    assert codes(side.packet(register(2, user="1002", proof=proof), PHONE)) == [403]
    foreign = register(3, proof=side.proof(side.sent(register(1), PHONE)[0]))
    foreign = foreign.replace(f"To: <sip:1001@{REALM}>".encode(), b"To: <sip:1001@elsewhere.example>")
    assert codes(side.packet(foreign, PHONE)) == [404]


def test_expiry() -> None:
    side = Peer()
    registered(side, 1, contact="<sip:1001@198.51.100.7:1111>;expires=60, <sip:1001@198.51.100.7:2222>;expires=90")
    assert side.wait(59.9) == []
    assert uris(only(side.wait(0.2), RegistrationChanged).contacts) == ["sip:1001@198.51.100.7:2222"]
    assert only(side.wait(30), RegistrationChanged) == RegistrationChanged(ANNA, ())
    assert side.stack.registrations() == {}


def test_restored_after_a_restart() -> None:
    before = Peer()
    registered(before)
    kept = before.stack.contacts(ANNA)
    old = replace(kept[0], uri="sip:1001@198.51.100.7:9", expires_at=before.now - 1)
    unknown = replace(kept[0], agent=AgentId("gone"))
    side = Peer()
    out = side.do(ContactsRestored((*kept, old, unknown)))
    assert out == [RegistrationChanged(ANNA, kept)]
    assert only(side.wait(600), RegistrationChanged).contacts == ()


def test_restored_tcp_contacts_are_called_where_they_listen() -> None:
    side = Peer()
    listens = ContactBinding(ANNA, "sip:1001@198.51.100.7:5060", TCP, "x", 1, side.now + 100)
    behind_nat = ContactBinding(ANNA, "sip:1001@10.0.0.5:5060", TCP, "y", 1, side.now + 100)
    out = side.do(ContactsRestored((listens, behind_nat)))
    assert [binding.flow for binding in only(out, RegistrationChanged).contacts] == [
        Flow("tcp", LOCAL, ("198.51.100.7", 5060), -1)
    ]


def register_over_tcp(side: Peer, contact: str) -> None:
    challenge = transmitted(side.do(StreamReceived(TCP, register(1, transport="TCP"))))[0]
    packet = register(2, contact=contact, proof=side.proof(challenge), transport="TCP")
    side.save(side.do(StreamReceived(TCP, packet)))
    assert side.stack.contacts(ANNA)[0].flow == TCP


def test_connection_closes_and_the_contact_goes() -> None:
    side = Peer()
    register_over_tcp(side, "<sip:1001@10.0.0.5:50123;transport=tcp>")
    assert side.do(StreamClosed(TCP)) == [RegistrationChanged(ANNA, ())]


def test_connection_closes_before_the_save_is_done() -> None:
    side = Peer()
    challenge = transmitted(side.do(StreamReceived(TCP, register(1))))[0]
    contact = "<sip:1001@10.0.0.5:50123;transport=tcp>"
    saving = side.do(StreamReceived(TCP, register(2, contact=contact, proof=side.proof(challenge))))
    side.do(StreamClosed(TCP))
    side.save(saving)
    assert side.stack.contacts(ANNA) == ()


def test_udp_contact_port_counts_when_there_is_no_nat() -> None:
    side = Peer()
    registered(side, 1, contact="<sip:1001@198.51.100.7:5062>")
    assert side.stack.contacts(ANNA)[0].flow == Flow("udp", LOCAL, ("198.51.100.7", 5062), 0)
    registered(side, 3, contact="<sip:1001@10.1.1.1:5062>", call="nat")
    assert side.stack.contacts(ANNA)[-1].flow == PHONE


def test_contact_over_tcp_registered_over_udp() -> None:
    side = Peer()
    registered(side, 1, contact="<sip:1001@198.51.100.7:5062;transport=tcp>")
    assert side.stack.contacts(ANNA)[0].flow == Flow("tcp", LOCAL, ("198.51.100.7", 5062), -1)


def test_unsaved_registrations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.sip.registrar.MAX_PENDING", 2)
    side = Peer()
    assert [codes(side.register(1, call=f"c{number}")) for number in range(3)] == [[], [], [503]]


def test_nothing_is_remembered_for_strangers() -> None:
    side = Peer()
    for number in range(200):
        side.packet(register(number, user=f"u{number}"), PHONE)
    assert not any(side.stack.counts().values())
    assert not side.told(SecurityEvent), "asking for a challenge is no offence"
