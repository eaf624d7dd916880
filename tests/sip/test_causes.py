"""SIP statuses and Q.850 causes, both ways (RFC 3398)."""

from __future__ import annotations

import pytest
from tests.sip.peer import GATEWAY, OFFER, Peer, header, only, response, settings, status, transmitted

from softswitch.ids import LegId, TrunkId
from softswitch.sip.causes import CAUSE_OF_STATUS, STATUS_OF_CAUSE, cause_of_status, meant, status_of_cause
from softswitch.sip.messages import EndedBy, LegEnded, Reject, StartInvite


@pytest.mark.parametrize(
    ("code", "cause"),
    [(200, 16), (404, 1), (486, 17), (480, 18), (503, 41), (408, 102), (484, 28), (488, 88), (603, 21), (487, 16)],
)
def test_cause_of_a_status(code: int, cause: int) -> None:
    assert cause_of_status(code) == cause


@pytest.mark.parametrize(("code", "cause"), [(599, 41), (499, 31), (302, 31), (699, 31)])
def test_unknown_statuses_go_by_their_class(code: int, cause: int) -> None:
    assert cause_of_status(code) == cause


@pytest.mark.parametrize(
    ("cause", "code"), [(1, 404), (17, 486), (18, 408), (21, 403), (28, 484), (34, 503), (99, 500), (127, 500)]
)
def test_status_of_a_cause(cause: int, code: int) -> None:
    assert status_of_cause(cause) == code


def test_the_tables_stay_in_range() -> None:
    assert all(300 <= code < 700 and 1 <= cause <= 127 for code, cause in CAUSE_OF_STATUS.items())
    assert all(400 <= code < 600 and 1 <= cause <= 127 for cause, code in STATUS_OF_CAUSE.items())


@pytest.mark.parametrize(
    ("code", "cause", "really"),
    [(503, 17, 486), (500, 1, 404), (480, 21, 603), (503, 34, 503), (503, None, 503), (486, 34, 486), (404, 17, 404)],
)
def test_what_a_gateway_means(code: int, cause: int | None, really: int) -> None:
    assert meant(code, cause) == really


def test_in_a_cause_of_a_trunk_is_told() -> None:
    peer = Peer()
    invite = transmitted(
        peer.do(StartInvite(LegId(900), "sip:+3725550001@pstn", None, "1", "", OFFER, trunk=TrunkId("pstn")))
    )[0]
    out = peer.packet(response(500, invite, extra=('Reason: Q.850;cause=17;text="User busy"',)), GATEWAY)
    assert only(out, LegEnded) == LegEnded(LegId(900), EndedBy.PEER, 500, 17)


@pytest.mark.parametrize(("code", "cause", "said"), [(404, None, 1), (488, None, 88), (503, 34, 34)])
def test_out_every_refusal_to_a_trunk_has_its_cause(code: int, cause: int | None, said: int) -> None:
    peer = Peer(settings())
    leg = peer.ring()
    (answer,) = transmitted(peer.do(Reject(leg, code, None, cause)))
    assert (status(answer), header(answer, "Reason")) == (code, f"Q.850;cause={said}")
