"""A traced call on the screen."""

from __future__ import annotations

from typing import Any

from softswitch.cli.ladder import ladder


def message(outgoing: bool, peer: str, label: str) -> dict[str, Any]:
    return {"time": "2026-11-21T14:03:10.250+00:00", "outgoing": outgoing, "peer": peer, "label": label, "text": ""}


def test_both_legs() -> None:
    trunk, phone = "udp:192.0.2.10:5080", "udp:192.0.2.7:5062"
    text = ladder(
        [
            message(False, trunk, "INVITE (SDP)"),
            message(True, trunk, "100 Trying"),
            message(True, phone, "INVITE (SDP)"),
            message(False, phone, "180 Ringing with a reason that is far too long"),
        ]
    ).plain.splitlines()
    assert text[0].split() == [trunk, "softswitch", phone]
    assert text[1].startswith("14:03:10.250 ")
    assert "--INVITE (SDP)" in text[1]
    assert text[1].index(">|") < text[3].index("INVITE") < text[3].index(">")
    assert "|<" in text[2]
    assert "…" in text[4]
    assert "<" in text[4]
    assert len({line.rindex("|") for line in text[1:]}) == 1, "the bars stand below each other"


def test_both_legs_fit_into_a_terminal() -> None:
    trunk, phone = "udp:192.0.2.10:5080", "udp:192.0.2.7:5062"
    seen = [message(False, trunk, "INVITE (SDP)"), message(True, phone, "486 Busy Here and a long story")]
    text = ladder(seen, 80).plain.splitlines()
    assert max(map(len, text)) <= 80
    assert text[0].split() == [trunk, "softswitch", phone] and "INVITE (SDP)" in text[1]


def test_what_peers_send_moves_no_cursor() -> None:
    text = ladder([message(False, "udp:\x1b[2J", "\x07INVITE")])
    assert "\x1b" not in text.plain
    assert "\x07" not in text.plain
