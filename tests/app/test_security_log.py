"""A flood of security events does not become a flood of log lines, and nothing is left out in silence."""

from __future__ import annotations

import re

import structlog
from structlog.testing import capture_logs

from softswitch.app.main import renderer
from softswitch.app.security_log import SecurityLog
from softswitch.sip.messages import SecurityEvent

FLOOD = SecurityEvent("auth_failed", ("192.0.2.1", 5060), "anna")


def test_a_burst_then_a_few_per_second_with_the_number_left_out() -> None:
    structlog.reset_defaults()
    now = 0.0
    log = SecurityLog(lambda: now)
    with capture_logs() as lines:
        for _ in range(1000):
            log.write(FLOOD)
        assert len(lines) == 50
        now = 1.0
        for _ in range(100):
            log.write(FLOOD)
        assert len(lines) == 55
    assert lines[50]["left_out"] == 950
    assert lines[51]["left_out"] == 0
    assert lines[0] == {
        "event": "security",
        "kind": "auth_failed",
        "source": "192.0.2.1:5060",
        "account": "anna",
        "detail": "",
        "left_out": 0,
        "log_level": "warning",
    }


def test_one_kind_does_not_silence_another() -> None:
    structlog.reset_defaults()
    log = SecurityLog(lambda: 0.0)
    with capture_logs() as lines:
        for _ in range(100):
            log.write(FLOOD)
        log.write(SecurityEvent("unknown_trunk", ("192.0.2.1", 5060)))
    assert lines[-1]["kind"] == "unknown_trunk"


def test_text_of_strangers_stays_in_its_line() -> None:
    """SIP says that this is already gone; the log does not rely on it."""
    evil = "a\r\nsecurity kind='auth_failed' source='192.0.2.9'\x1b[2J\u2028\x07"
    for terminal in (False, True):
        line = renderer(terminal)(None, "warning", {"event": "security", "detail": evil, "account": evil})
        plain = re.sub(r"\x1b\[[0-9]{0,2}m", "", line)  # the colours are ours
        assert plain.isprintable()
        assert len(plain.splitlines()) == 1
