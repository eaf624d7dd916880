"""The good ones of `soak_sip.py`: a gateway that calls and phones that answer, in one asyncio loop, on UDP.

A call is good when the gateway's INVITE got 200, a phone was rung for that very caller and its 200 was acknowledged,
the gateway's BYE got 200 and the phone heard BYE too.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

GATEWAY, PHONES = "127.0.0.2", "127.0.0.3"
CALLED = "8001"
T1 = 0.5
_STATUS = re.compile(rb"SIP/2\.0 ([0-9]{3})")


def header(data: bytes, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*?)\r$".encode(), data, re.MULTILINE | re.IGNORECASE)
    return found[1].decode() if found else ""


def description(host: str, port: int) -> bytes:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    ).encode()


@dataclass
class Tally:
    started: int = 0
    good: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    setups: list[float] = field(default_factory=list)  # milliseconds to the 200

    def failed(self, why: str) -> None:
        self.wrong[why] = self.wrong.get(why, 0) + 1


class Party(asyncio.DatagramProtocol):
    """One UDP socket: requests with repetitions, responses to whoever waits."""

    def __init__(self, host: str, switch: tuple[str, int]) -> None:
        self.host = host
        self.switch = switch
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._numbers = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data, self.switch)

    def message(self, method: str, seq: int, call: dict[str, str], body: bytes = b"", extra: str = "") -> bytes:
        self._numbers += 1
        kind = "Content-Type: application/sdp\r\n" if body else ""
        head = (
            f"{method} {call['uri']} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{self._numbers:x}s;rport\r\nMax-Forwards: 70\r\n"
            f"From: {call['from']}\r\nTo: {call['to']}\r\nCall-ID: {call['id']}\r\nCSeq: {seq} {method}\r\n"
            f"Contact: {call['contact']}\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def ask(self, data: bytes, seconds: float) -> bytes:
        """The final response; TimeoutError."""
        branch = header(data, "Via").partition("branch=")[2].partition(";")[0]
        final: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[branch] = final
        pause, end = T1, time.monotonic() + seconds
        try:
            while True:
                self.send(data)
                left = end - time.monotonic()
                done, _ = await asyncio.wait([final], timeout=min(pause, left))
                if done:
                    return final.result()
                if left <= pause:
                    raise TimeoutError
                pause *= 2
        finally:
            del self._waiting[branch]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        status = _STATUS.match(data)
        if status is None:
            self.requested(data)
            return
        branch = header(data, "Via").partition("branch=")[2].partition(";")[0]
        waiting = self._waiting.get(branch)
        if waiting is not None and not waiting.done() and int(status[1]) >= 200:
            waiting.set_result(data)

    def requested(self, data: bytes) -> None:
        """A request of the switch."""
        self.send(self.answer(data, 200))

    def answer(self, data: bytes, status: int, tag: str = "", body: bytes = b"", contact: str = "") -> bytes:
        vias = re.findall(rb"^Via:.*\r$", data, re.MULTILINE | re.IGNORECASE)
        to = header(data, "To")
        head = f"SIP/2.0 {status} x\r\n" + "".join(f"{via.decode().strip()}\r\n" for via in vias)
        head += f"From: {header(data, 'From')}\r\nTo: {to}{f';tag={tag}' if tag and 'tag=' not in to else ''}\r\n"
        head += f"Call-ID: {header(data, 'Call-ID')}\r\nCSeq: {header(data, 'CSeq')}\r\n"
        head += f"Contact: {contact}\r\n" if contact else ""
        head += "Content-Type: application/sdp\r\n" if body else ""
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Phones(Party):
    """All agents on one address. `talking` and `over` are set by caller."""

    def __init__(self, switch: tuple[str, int], extensions: range) -> None:
        super().__init__(PHONES, switch)
        self._extensions = extensions
        self._answers: dict[str, bytes] = {}  # by Call-ID, while the ACK is awaited
        self._callers: dict[str, str] = {}
        self.talking: dict[str, asyncio.Event] = {}
        self.over: dict[str, asyncio.Event] = {}

    async def register(self, seconds: int = 3600) -> None:
        for extension in self._extensions:
            await self._register(extension, seconds)

    async def _register(self, extension: int, seconds: int) -> None:
        realm = self.switch[0]
        me = f"<sip:{extension}@{realm}>"
        contact = f"<sip:{extension}@{self.host}:{self.port}>"
        call = {"uri": f"sip:{realm}", "from": f"{me};tag=r{extension}", "to": me, "id": f"reg{extension}"}
        call["contact"] = contact
        expires = f"Expires: {seconds}\r\n"
        challenge = await self.ask(self.message("REGISTER", 1, call, extra=expires), 5.0)
        nonce = challenge.partition(b'nonce="')[2].partition(b'"')[0].decode()
        ha1 = md5(f"{extension}:{realm}:pw{extension}".encode()).hexdigest()
        ha2 = md5(f"REGISTER:sip:{realm}".encode()).hexdigest()
        proof = md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}".encode()).hexdigest()
        line = (
            f'Authorization: Digest username="{extension}", realm="{realm}", nonce="{nonce}", uri="sip:{realm}", '
            f'response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n'
        )
        reply = await self.ask(self.message("REGISTER", 2, call, extra=line + expires), 5.0)
        if not reply.startswith(b"SIP/2.0 200"):
            raise RuntimeError(f"extension {extension} could not register: {reply.partition(bytes([13]))[0]!r}")

    def expect(self, caller: str) -> None:
        self.talking[caller], self.over[caller] = asyncio.Event(), asyncio.Event()

    def forget(self, caller: str) -> None:
        del self.talking[caller], self.over[caller]

    def requested(self, data: bytes) -> None:
        method = data.partition(b" ")[0]
        call_id = header(data, "Call-ID")
        if method == b"INVITE":
            if call_id not in self._answers:
                asyncio.get_running_loop().create_task(self._ring(call_id, data))
        elif method == b"ACK":
            if self._answers.pop(call_id, None) is not None:
                self._set(self.talking, self._callers[call_id])
        elif method == b"BYE":
            self.send(self.answer(data, 200))
            self._set(self.over, self._callers.pop(call_id, ""))
        else:
            self.send(self.answer(data, 200))

    def _set(self, events: dict[str, asyncio.Event], caller: str) -> None:
        event = events.get(caller)
        if event is not None:
            event.set()

    async def _ring(self, call_id: str, invite: bytes) -> None:
        self._callers[call_id] = header(invite, "From").partition("sip:")[2].partition("@")[0]
        contact = f"<sip:phone@{self.host}:{self.port}>"
        answer = self.answer(invite, 200, f"t{call_id[:8]}", description(self.host, 40002), contact)
        self._answers[call_id] = answer
        self.send(self.answer(invite, 180, f"t{call_id[:8]}", b"", contact))
        await asyncio.sleep(0.1)
        pause = T1
        while call_id in self._answers and pause < 20:  # until the ACK
            self.send(answer)
            await asyncio.sleep(pause)
            pause *= 2
        self._answers.pop(call_id, None)


class Gateway(Party):
    """The PSTN: every call its own number."""

    def __init__(self, switch: tuple[str, int], phones: Phones, tally: Tally) -> None:
        super().__init__(GATEWAY, switch)
        self._phones = phones
        self._tally = tally

    async def call(self, number: int, hold: float) -> None:
        caller = f"+3725{number:07}"
        self._tally.started += 1
        self._phones.expect(caller)
        try:
            await self._call(caller, number, hold)
            self._tally.good += 1
        except TimeoutError as problem:
            self._tally.failed(str(problem) or "no answer to a request")
        finally:
            self._phones.forget(caller)

    async def _call(self, caller: str, number: int, hold: float) -> None:
        switch = f"{self.switch[0]}:{self.switch[1]}"
        call = {"uri": f"sip:{CALLED}@{switch}", "from": f"<sip:{caller}@{self.host}>;tag=g{number}"}
        call |= {
            "to": f"<sip:{CALLED}@{switch}>",
            "id": f"soak{number}",
            "contact": f"<sip:gw@{self.host}:{self.port}>",
        }
        begin = time.monotonic()
        answer = await self.ask(self.message("INVITE", 1, call, description(self.host, 40000)), 10.0)
        if not answer.startswith(b"SIP/2.0 200"):
            raise TimeoutError(f"INVITE answered with {answer[8:11].decode()}")
        self._tally.setups.append((time.monotonic() - begin) * 1000)
        call |= {"to": header(answer, "To"), "uri": header(answer, "Contact").strip("<>")}
        self.send(self.message("ACK", 1, call))
        await self._event(self._phones.talking[caller], 8.0, "no agent")
        await asyncio.sleep(hold)
        bye = await self.ask(self.message("BYE", 2, call), 8.0)
        if not bye.startswith(b"SIP/2.0 200"):
            raise TimeoutError(f"BYE answered with {bye[8:11].decode()}")
        await self._event(self._phones.over[caller], 8.0, "the agent's phone was not told of the end")

    @staticmethod
    async def _event(event: asyncio.Event, seconds: float, why: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            raise TimeoutError(why) from None
