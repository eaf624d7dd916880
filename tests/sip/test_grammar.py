"""URIs, addresses, lists, CSeq, Via, Reason and bodies."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.bodies import session_description
from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter, parse_address, parse_cseq, quote_string, split_list
from softswitch.sip.message import Request
from softswitch.sip.messages import Flow
from softswitch.sip.reason import cause_of, reason_line
from softswitch.sip.uri import dialled_number, escape_user, parse_uri, plain_text, printable
from softswitch.sip.via import parse_via, stamp, way_back

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40000))


def request_with(body: bytes = b"", **headers: str) -> Request:
    return Request("INVITE", "sip:x", {name.replace("_", "-"): text for name, text in headers.items()}, body, FLOW)


# ------------------------------------------------------------------ URIs


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:alice@example.com", "alice", "example.com", 0),
        ("SIP:alice:secret@Example.COM:5061;transport=tcp", "alice", "example.com", 5061),
        ("sip:example.com", "", "example.com", 0),
        ("sip:[2001:db8::1]:5070;lr", "", "2001:db8::1", 5070),
        ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "example.com", 0),
        ("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com",
         "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "example.com", 0),
        ("sip:+372 1@x".replace(" ", ""), "+3721", "x", 0),
    ],
)  # fmt: skip
def test_uri(text: str, user: str, host: str, port: int) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sip:", 400), ("sip:@host", 400), ("sip:a@b@c", 400), ("sip:a b@c", 400), ("sip:x:0", 400),
        ("sip:x:65536", 400), ("sip:[::g]", 400), ("sip:[::1", 400), ("<sip:x>", 400), ("", 400), ("alice", 400),
        ("http://x", 416), ("tel:1", 416), ("sip:" + "x" * 3000, 400), ("sip:x;;y", 400), ('sip:"@x', 400),
    ],
)  # fmt: skip
def test_uri_refused(text: str, code: int) -> None:
    with pytest.raises(SipError) as refused:
        parse_uri(text)
    assert refused.value.status == code


def test_uri_parameters() -> None:
    uri = parse_uri("sip:h;Transport=TCP;lr;x=")
    assert (uri.parameter("transport"), uri.parameter("lr"), uri.parameter("x"), uri.parameter("y")) == (
        "TCP",
        "",
        "",
        None,
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("sip:8000@bank.example", "8000"),
        ("sip:%2B3726310000;phone-context=x@bank.example;user=phone", "+3726310000"),
        ("sip:a%00%0d%0ab%c2%85@x", "ab"),
        ("tel:+1-201-555-0123;phone-context=+1", "+1-201-555-0123"),
        ("sip:x", ""),
    ],
)
def test_dialled_number(text: str, number: str) -> None:
    assert dialled_number(text) == number


@given(st.text())
def test_any_text_is_a_user(text: str) -> None:
    assert parse_uri(f"sip:{escape_user(text)}@x").host == "x" if text else True


@given(st.text())
def test_plain_text_never_breaks_a_line(text: str) -> None:
    assert not set(plain_text(text)) & set("\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")


def test_a_name_does_not_turn_what_stands_behind_it() -> None:
    """Marks of direction would write "[verified A]" as a caller likes it."""
    marks = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert printable(f"A{marks}nn\u00e4 \u05d0\u0627\u738b") == "Ann\u00e4 \u05d0\u0627\u738b"


# ------------------------------------------------------------------ addresses, lists, CSeq


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"A. G. Bell" <sip:agb@bell.example> ;tag=a48s', "A. G. Bell", "sip:agb@bell.example", "a48s"),
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org", "hyh8"),
        ("sip:+12125551212@server.example;tag=887s", "", "sip:+12125551212@server.example", "887s"),
        ("caller<sip:caller@example.com>;TAG = 323", "caller", "sip:caller@example.com", "323"),
        ('"a \\"b\\" \\\\ <c>;tag=no" <sip:x@y>;tag=yes', 'a "b" \\ <c>;tag=no', "sip:x@y", "yes"),
        ('<sip:x@y;tag=no>;other=";tag=no;";tag=yes', "", "sip:x@y;tag=no", "yes"),
        ("<sip:x@y;a=b?c=d>", "", "sip:x@y;a=b?c=d", ""),
        ("<tel:+1>;tag=t", "", "tel:+1", "t"),
    ],
)  # fmt: skip
def test_address(text: str, display: str, uri: str, tag: str) -> None:
    address = parse_address(text)
    assert (address.display, address.uri, address.tag) == (display, uri, tag)


@pytest.mark.parametrize(
    "text",
    ["", "x", '"a <sip:x@y>', "<sip:x@y", "sip:x@y>", "< sip:x@y >", "Bell, A <sip:x@y>", '<sip:x@y>;tag="',
     "<sip:x@y> x", "<>"],
)  # fmt: skip
def test_address_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_address(text)


def test_lists() -> None:
    assert split_list('<sip:a;b,c@x>, "y, z" <sip:q>\nsip:r , sip:s') == [
        "<sip:a;b,c@x>",
        '"y, z" <sip:q>',
        "sip:r",
        "sip:s",
    ]
    assert split_list("a,,b") == ["a", "b"]
    for broken in ('a, "b', "a, <b"):
        with pytest.raises(SipError):
            split_list(broken)


def test_cseq() -> None:
    assert parse_cseq("0009 INVITE") == (9, "INVITE")
    assert parse_cseq("2147483647\tACK") == (2**31 - 1, "ACK")
    for broken in ("", "1", "INVITE", "1INVITE", "-1 X", "2147483648 X", "9" * 30 + " X", "1 X Y"):
        with pytest.raises(SipError):
            parse_cseq(broken)


def test_parameters() -> None:
    assert parameter(';a=1; B = "x\\"y" ;c', "b") == 'x"y'
    assert parameter(";a=1;c", "c") == ""
    assert parameter(';a=";b=2";b=3', "b") == "3"
    assert parameter("multipart/mixed; boundary=x", "boundary") == "x"
    assert parameter(";a=1", "z") is None


@given(st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",))))
def test_quoted_text_comes_back(text: str) -> None:
    assert parse_address(f"{quote_string(text)} <sip:x@y>").display == text


# ------------------------------------------------------------------ Via


def test_via_fast_and_slow_agree() -> None:
    fast = parse_via("SIP/2.0/UDP h.example:5070;branch=z9hG4bKa;rport")
    slow = parse_via("SIP / 2.0 / UDP   h.example : 5070 ; branch = z9hG4bKa ; rport")
    assert fast[:4] == slow[:4] == ("h.example", 5070, "z9hG4bKa", True)


def test_via_list() -> None:
    via = parse_via('SIP/2.0/UDP a;x="1,2";branch=z9hG4bKa, SIP/2.0/TCP b\nSIP/2.0/TLS c')
    assert via.branch == "z9hG4bKa"
    assert stamp(via, FLOW) == (
        'Via: SIP/2.0/UDP a;x="1,2";branch=z9hG4bKa;received=198.51.100.7\r\n'
        "Via: SIP/2.0/TCP b\r\nVia: SIP/2.0/TLS c\r\n"
    )


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("SIP/2.0/UDP h;branch=z;rport", "SIP/2.0/UDP h;branch=z;received=198.51.100.7;rport=40000"),
        ("SIP/2.0/UDP h;rport=1;branch=z", "SIP/2.0/UDP h;branch=z;received=198.51.100.7;rport=40000"),
        ("SIP/2.0/UDP h;received=6.6.6.6;rport", "SIP/2.0/UDP h;received=198.51.100.7;rport=40000"),
        ("SIP/2.0/UDP 198.51.100.7;branch=z", "SIP/2.0/UDP 198.51.100.7;branch=z"),
        ("SIP/2.0/UDP h;branch=z;received=6.6.6.6", "SIP/2.0/UDP h;branch=z;received=198.51.100.7"),
    ],
)
def test_stamp(value: str, line: str) -> None:
    assert stamp(parse_via(value), FLOW) == f"Via: {line}\r\n"


def test_responses_go_to_the_source_only() -> None:
    assert way_back(parse_via("SIP/2.0/UDP 6.6.6.6:99;maddr=224.0.0.1;rport"), FLOW) is FLOW
    assert way_back(parse_via("SIP/2.0/UDP 6.6.6.6:99;maddr=224.0.0.1"), FLOW).remote == ("198.51.100.7", 99)
    assert way_back(parse_via("SIP/2.0/UDP h;received=6.6.6.6"), FLOW).remote == ("198.51.100.7", 5060)
    tcp = Flow("tcp", FLOW.local, FLOW.remote, 3)
    assert way_back(parse_via("SIP/2.0/TCP h:99"), tcp) is tcp


@pytest.mark.parametrize("value", ["", "x", "SIP/2.0 UDP h", "SIP/3.0/UDP h", "SIP/2.0/UDP h;;", "SIP/2.0/UDP h:99999"])
def test_via_refused(value: str) -> None:
    with pytest.raises(SipError):
        parse_via(value)


# ------------------------------------------------------------------ Reason, bodies


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ('Q.850;cause=16;text="Terminated"', 16),
        ('SIP;cause=200;text="x", Q.850 ;text="y" ; cause = 31', 31),
        ("q.850;cause=0", None),
        ("Q.850;cause=999", None),
        ("Q.850;cause=1234", None),
        ("SIP;cause=486", None),
    ],
)
def test_cause(value: str, cause: int | None) -> None:
    assert cause_of(request_with(reason=value)) == cause


def test_reason_line() -> None:
    assert reason_line(None) == ""
    assert reason_line("Q.850;cause=16\r\nX: y") == "Reason: Q.850;cause=16  X: y\r\n"


def test_multipart() -> None:
    body = (
        b"--b1\r\nContent-Type: application/isup;version=itu\r\n\r\n\x00\x01\r\n"
        b"--b1\r\nContent-Type : application/sdp\r\n"
        b"Content-Disposition: session\r\n\r\nv=0\r\n\r\n--b1--\r\n"
    )
    assert session_description(request_with(body, content_type='Multipart/Mixed; boundary="b1"')) == b"v=0\r\n"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"--b\r\n\r\nx\r\n--b--", "multipart/mixed;boundary=b", 415),
        (b"--b\r\n\r\nx\r\n--b--", "multipart/mixed", 400),
        (b"--b\r\n\r\nx\r\n" * 20, "multipart/mixed;boundary=b", 413),
        (b"x", "", 415),
        (b"x", "text/plain", 415),
    ],
)
def test_bodies_refused(body: bytes, kind: str, code: int) -> None:
    with pytest.raises(SipError) as refused:
        session_description(request_with(body, content_type=kind))
    assert refused.value.status == code


def test_optional_body_is_ignored() -> None:
    odd = request_with(b"x", content_type="text/plain", content_disposition="render; handling = optional")
    assert session_description(odd) is None


# ------------------------------------------------------------------ no pattern blows up

NASTY = ["(", " " * 5000, ";" * 5000, "\\" * 5001, '"' * 5001, "a=" * 2500, ", " * 2500, "; a" * 2000, "<" * 5000]


@pytest.mark.serial
@pytest.mark.parametrize("filler", NASTY)
@pytest.mark.parametrize("prefix", ["", "sip:", "<sip:x@y>;", '"', "SIP/2.0/UDP h;", "Q.850;", "1 "])
def test_hostile_values_are_cheap(prefix: str, filler: str) -> None:
    value = prefix + filler + "!"
    begin = time.process_time()
    for parse in (parse_uri, parse_address, split_list, parse_cseq, parse_via):
        try:
            parse(value)
        except SipError:
            pass
    cause_of(request_with(reason=value))
    assert time.process_time() - begin < 0.1
