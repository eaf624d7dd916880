"""A bare UDP socket that speaks SIP: for what neither phones nor sipp can be made to do."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from typing import Self, cast

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


class Wire(asyncio.DatagramProtocol):
    """Sends text, keeps what comes."""

    def __init__(self, server: str) -> None:
        host, _, port = server.partition(":")
        self.server = (host, int(port))
        self.came: asyncio.Queue[str] = asyncio.Queue()
        self.host, self.port = "", 0
        self.call_id = secrets.token_hex(8)
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, server: str, host: str, port: int = 0) -> Self:
        wire = cls(server)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: wire, local_addr=(host, port))
        return wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait(data.decode())

    def send(self, text: str) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), self.server)

    async def next(self, seconds: float = 20.0) -> str:
        return await asyncio.wait_for(self.came.get(), seconds)

    async def final(self, seconds: float = 20.0) -> str:
        """The next response that is not provisional."""
        while (text := await self.next(seconds)).startswith("SIP/2.0 1"):
            pass
        return text

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def request(
        self,
        method: str,
        user: str,
        *,
        cseq: int = 1,
        branch: str = "1",
        to_tag: str = "",
        more: str = "",
        body: str = "",
    ) -> str:
        host, port = self.server
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:{user}{host}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{self.call_id}-{branch};rport\r\n"
            f"From: <sip:+37255599999@{self.host}>;tag=wire{self.port}\r\n"
            f"To: <sip:{user}{host}>{to_tag}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:wire@{self.host}:{self.port}>\r\n{more}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )


def login(challenge: str, user: str, password: str, method: str, uri: str, count: int = 1) -> str:
    """The Authorization line (MD5) for the `count`th request that uses this 401."""
    found = re.search(r'realm="([^"]*)", nonce="([^"]*)", qop="auth", algorithm=MD5', challenge)
    assert challenge.startswith("SIP/2.0 401") and found, challenge
    realm, nonce = found.groups()
    ha1 = hashlib.md5(f"{user}:{realm}:{password}".encode()).hexdigest()
    ha2 = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
    answer = hashlib.md5(f"{ha1}:{nonce}:{count:08x}:c:auth:{ha2}".encode()).hexdigest()
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{answer}", algorithm=MD5, qop=auth, nc={count:08x}, cnonce="c"'
    )


async def register(server: str, host: str, port: int, user: str, password: str, expires: int) -> None:
    """REGISTER with digest (MD5) from this port, which somebody else uses afterwards."""
    wire = await Wire.open(server, host, port)
    try:
        who = f"From: <sip:{user}@{host}>;tag=r\r\nTo: <sip:{user}@{host}>\r\n"

        def text(cseq: int, more: str) -> str:
            return re.sub(
                r"From: .*\r\nTo: .*\r\n",
                who,
                wire.request("REGISTER", "", cseq=cseq, branch=f"r{cseq}", more=f"Expires: {expires}\r\n{more}"),
            )

        wire.send(text(1, ""))
        challenge = await wire.final()
        uri = f"sip:{wire.server[0]}:{wire.server[1]}"
        wire.send(text(2, login(challenge, user, password, "REGISTER", uri) + "\r\n"))
        reply = await wire.final()
        assert reply.startswith("SIP/2.0 200"), reply
    finally:
        wire.close()
