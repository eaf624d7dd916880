"""The one exception of the SIP room: input that cannot be accepted, and how to say so (RFC 3261 section 21)."""

from __future__ import annotations


class SipError(Exception):
    """A message that breaks the grammar or asks for what we do not have.

    `status` is the answer a request deserves; `headers` are complete extra header lines for that answer.
    """

    def __init__(self, status: int, detail: str, headers: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
