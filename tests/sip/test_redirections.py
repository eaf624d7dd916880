"""A trunk that redirects a call (3xx): told to the call room where the configuration lets it."""

from __future__ import annotations

import pytest
from tests.sip.peer import OFFER, Peer, only, response, settings, start, transmitted

from softswitch.ids import LegId, TrunkId
from softswitch.sip.messages import EndedBy, Flow, LegEnded, StartInvite, TrunkSettings

CARRIER = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.10", 5080))
A, B, C = TrunkId("a"), TrunkId("b"), TrunkId("c")
TRUNKS = (
    TrunkSettings(A, ("192.0.2.10/32",), "192.0.2.10", 5080, redirects=(B,)),
    TrunkSettings(B, ("192.0.2.20/31",), "sip.b.example", 5060),
    TrunkSettings(C, ("192.0.2.30/32",), "192.0.2.30", 5060),
)


@pytest.mark.parametrize(
    ("contact", "moved"),
    [
        ("sip:+3725550002@192.0.2.21", ("+3725550002", B)),  # an address that its calls come from
        ("sip:+3725550002@SIP.b.example:5090", ("+3725550002", B)),  # the name that calls go to
        ("sip:+3725550002@192.0.2.20;user=phone", ("+3725550002", B)),
        ("sip:+3725550002@192.0.2.30", ("", None)),  # a trunk of ours that it may not name
        ("sip:+3725550002@192.0.2.10:5080", ("", None)),  # itself
        ("sip:+3729001234@203.0.113.66", ("", None)),  # a stranger
        ("sip:1001@192.0.2.1", ("", None)),  # ourselves: nobody outside reaches into the house so
        ("tel:+3725550002", ("", None)),
        ("sip:b@192.0.2.20:99999", ("", None)),
        ("sips:", ("", None)),
    ],
)
@pytest.mark.parametrize("code", [300, 301, 302, 305])
def test_where_a_trunk_may_redirect_to(contact: str, moved: tuple[str, TrunkId | None], code: int) -> None:
    side = Peer(settings(trunks=TRUNKS))
    invite = transmitted(side.do(StartInvite(LegId(900), "sip:+3725550001@a", None, "1", "", OFFER, trunk=A)))[0]
    out = side.packet(response(code, invite, contact=contact), CARRIER)
    assert [start(each).split(" ")[0] for each in transmitted(out)] == ["ACK"]
    assert only(out, LegEnded) == LegEnded(LegId(900), EndedBy.PEER, code, None, *moved)
