"""Where a leg's audio is expected."""

from __future__ import annotations

import pytest

from softswitch.call.leg import audio_host


@pytest.mark.parametrize(
    ("described", "signalling", "host"),
    [
        ("192.0.2.9", "192.0.2.1", "192.0.2.9"),  # as it says
        ("10.0.0.5", "8.8.8.8", "8.8.8.8"),  # behind a NAT
        ("10.0.0.5", "10.0.0.1", "10.0.0.5"),  # one network, no NAT
        ("127.0.0.1", "127.0.0.2", "127.0.0.1"),
        ("8.8.4.4", "8.8.8.8", "8.8.4.4"),  # a gateway with its media elsewhere
        ("10.0.0.5", "", "10.0.0.5"),
        ("phone.example", "8.8.8.8", "phone.example"),
    ],
)
def test_audio_host(described: str, signalling: str, host: str) -> None:
    assert audio_host(described, signalling) == host
