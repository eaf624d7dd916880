"""A phone in a browser, without the browser: SIP over a WebSocket of aiohttp."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from secrets import token_hex

import aiohttp


class Message:
    """One message that came."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.head, _, self.body = text.partition("\r\n\r\n")
        self.start = self.head.partition("\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.partition(" ")[0]

    def lines(self, name: str) -> list[str]:
        return re.findall(rf"^{name}:[ \t]*(.*?)\r?$", self.head, re.MULTILINE | re.IGNORECASE)

    def get(self, name: str) -> str:
        found = self.lines(name)
        return found[0] if found else ""


class WebPhone:
    """`contact` is the URI it registers: `.invalid`, as it has no address (RFC 7118 5)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, user: str, password: str, domain: str) -> None:
        self.socket = socket
        self.user, self.password, self.domain = user, password, domain
        self.via = "WSS" if str(socket._response.url).startswith("wss") else "WS"
        self.sent_by = f"{token_hex(6)}.invalid"
        self.contact = f"sip:{token_hex(4)}@{self.sent_by};transport=ws"
        self.call_id = token_hex(8)
        self.number = 0

    async def get(self, wanted: int | str) -> Message:
        """The next final response with this status, or request of this method."""
        async with asyncio.timeout(30):
            while True:
                message = Message(await self.socket.receive_str())
                if wanted in (message.status, message.method):
                    return message
                if message.status >= 200:
                    raise AssertionError(f"waiting for {wanted}: {message.start}")
                if message.method == "OPTIONS":
                    await self.answer(message, 200)

    async def send(self, method: str, uri: str, *, to: str, extra: str = "", body: str = "", number: int = 0) -> None:
        self.number = number or self.number + 1
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await self.socket.send_str(
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self.via} {self.sent_by};branch=z9hG4bK{token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{self.domain}>;tag=web\r\nTo: {to}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self.number} {method}\r\nContact: <{self.contact}>\r\n"
            f"Supported: outbound, path\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    async def register(self, extra: str = "", expires: int = 300) -> Message:
        """REGISTER with its digest answer; the 200."""
        uri, me = f"sip:{self.domain}", f"<sip:{self.user}@{self.domain}>"
        extra = f"Expires: {expires}\r\n{extra}"
        await self.send("REGISTER", uri, to=me, extra=extra)
        proof = self.proof(await self.get(401), "REGISTER", uri)
        await self.send("REGISTER", uri, to=me, extra=extra + proof)
        return await self.get(200)

    def proof(self, challenge: Message, method: str, uri: str) -> str:
        asked = next(line for line in challenge.lines("WWW-Authenticate") if "SHA-256" in line)
        realm, nonce = (re.search(rf'{name}="([^"]*)"', asked)[1] for name in ("realm", "nonce"))  # type: ignore[index]

        def hashed(*parts: str) -> str:
            return sha256(":".join(parts).encode()).hexdigest()

        ours = hashed(self.user, realm, self.password)
        answer = hashed(ours, nonce, "00000001", "c", "auth", hashed(method, uri))
        return (
            f'Authorization: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", qop=auth, '
            f'nc=00000001, cnonce="c", algorithm=SHA-256, response="{answer}"\r\n'
        )

    async def answer(self, request: Message, status: int, body: str = "") -> None:
        to = request.get("To")
        copied = "".join(f"Via: {via}\r\n" for via in request.lines("Via"))
        copied += "".join(f"{name}: {request.get(name)}\r\n" for name in ("From", "Call-ID", "CSeq"))
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await self.socket.send_str(
            f"SIP/2.0 {status} X\r\n{copied}To: {to}{'' if 'tag=' in to else ';tag=phone'}\r\n"
            f"Contact: <{self.contact}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )


@asynccontextmanager
async def web_phone(
    url: str, user: str, password: str, domain: str, trust: ssl.SSLContext | bool = True
) -> AsyncIterator[WebPhone]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=("sip",), ssl=trust) as socket,
    ):
        yield WebPhone(socket, user, password, domain)
