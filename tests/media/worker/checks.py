"""The first words of a browser: a connectivity check, and what looks like the beginning of a handshake."""

from __future__ import annotations

import os

from softswitch.media import stun

UFRAG, PASSWORD = "ours", "password-of-22-letters"


def check(name: str = f"{UFRAG}:them", password: str = PASSWORD, **details: object) -> bytes:
    return stun.check_request(name, password, os.urandom(12), nominate=True, **details)  # type: ignore[arg-type]


CLIENT_HELLO = bytes.fromhex("16fefd0000000000000000002a0100001e000000000000001efefd") + bytes(32)
