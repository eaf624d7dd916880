"""The parser: what is kept of a message, what is refused, and that typed values come only when asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sip.peer import GATEWAY, OFFER, request, response

from softswitch.sip.errors import SipError
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import MAX_HEAD, Malformed, ParseFailed, parse_datagram

INVITE = request("INVITE", 1, "c1", body=OFFER)


def parse(data: bytes) -> Request:
    message = parse_datagram(data, GATEWAY)
    assert isinstance(message, Request)
    return message


def test_request() -> None:
    message = parse(INVITE)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:8000@bank.example", OFFER)
    assert message.from_.tag == "fc1"
    assert message.cseq == (1, "INVITE")
    assert message.contact_uri() == "sip:gw@192.0.2.10:5080"
    assert message.content_type() == "application/sdp"
    assert message.key() == ("z9hG4bKc1INVITE1", "192.0.2.10:5080", "INVITE")


def test_response() -> None:
    message = parse_datagram(response(183, INVITE, body=OFFER), GATEWAY)
    assert isinstance(message, Response)
    assert (message.status, message.to.tag, message.body) == (183, "agent", OFFER)


def test_repeated_headers_are_one_list() -> None:
    message = parse(request("INVITE", 1, "c", extra=("Route: <sip:a>, <sip:b>", "X-Y: 1", "ROUTE: <sip:c>", "x-y: 2")))
    assert message.items("route") == ["<sip:a>", "<sip:b>", "<sip:c>"]
    assert message.headers["x-y"] == "1\n2"


def test_folded_lines() -> None:
    message = parse(request("INVITE", 1, "c", extra=("Subject: a\r\n\t b\r\n  c",)))
    assert message.headers["subject"] == "a b c"


def test_bytes_that_are_no_utf8_come_back_as_they_were() -> None:
    message = parse(request("INVITE", 1, "c").replace(b"sip:79123456789", b"sip:\xff\xfe"))
    assert message.headers["from"].encode("utf-8", "surrogateescape").startswith(b"<sip:\xff\xfe@")


def test_malformed_values_wait_until_they_are_asked_for() -> None:
    message = parse(request("INVITE", 1, "c", contact=">>>"))
    with pytest.raises(SipError):
        message.contact_uri()


def test_old_branches_are_told_apart() -> None:
    """RFC 3261 17.2.3: without the magic cookie, Call-ID, From tag and CSeq count too."""
    old = INVITE.replace(b"z9hG4bKc1INVITE1", b"1")
    other = old.replace(b"Call-ID: c1", b"Call-ID: c2")
    assert parse(old).key() != parse(other).key()
    assert parse(old).key() == parse(old).key()


def test_answerable_and_not() -> None:
    with pytest.raises(Malformed) as answerable:
        parse(INVITE.replace(b"SIP/2.0\r\n", b"SIP/9.0\r\n", 1))
    assert answerable.value.status == 505
    assert answerable.value.request.call_id == "c1@gw.example"
    for nothing in (b"x", b"\x00" * 20, b"A" * (MAX_HEAD + 10) + b"\r\n\r\n", INVITE.replace(b"\r\n", b"\n")):
        with pytest.raises(ParseFailed):
            parse_datagram(nothing, GATEWAY)


@given(st.binary(max_size=400))
def test_anything_is_parsed_or_refused(data: bytes) -> None:
    for head in (b"", b"INVITE sip:x SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n"):
        try:
            message = parse_datagram(head + data, GATEWAY)
        except SipError:
            continue
        for name in ("via", "from_", "to", "cseq"):
            try:
                getattr(message, name)
            except SipError:
                pass


@given(st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=200))
def test_no_value_smuggles_a_line(text: str) -> None:
    try:
        message = parse(request("OPTIONS", 1, "c", extra=(f"Subject: {text}",)))
    except SipError:
        return
    assert message.headers.get("subject", "") == text.strip(" \t")
