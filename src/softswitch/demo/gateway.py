"""The demo's PSTN gateway: a stateless, record-routing SIP proxy (RFC 3261 section 16.11) on an address of its own.

The telephone stack of the demo's phones takes the source address that the kernel gives it, so on one machine every
phone comes from 127.0.0.1; a trunk, though, is known to the switch by its address. This edge gives the public network
that address, 127.0.0.2, as a gateway does: calls from the phones behind it go to the switch with the number the
network asserts (RFC 3325), calls from the switch go to the phone that has the dialled number, and it stays on the
path of every dialog. Audio flows between the phones and the switch directly.

        phone 127.0.0.1:A  <-->  gateway 127.0.0.2:G  <-->  switch 127.0.0.1:S
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

Address = tuple[str, int]

HOST = "127.0.0.2"
_URI = re.compile(r"sips?:(?:([^@;>]*)@)?([^:;>]+)(?::(\d+))?", re.IGNORECASE)
_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*UDP\s+([^;:\s]+)(?::(\d+))?(.*)", re.IGNORECASE | re.DOTALL)
_COMPACT = {"v": "via", "f": "from", "m": "contact", "i": "call-id", "l": "content-length"}


@dataclass(slots=True)
class Message:
    """As much of a SIP message as a proxy touches: the first line, the header fields in order, the rest as it is."""

    first: str
    fields: list[tuple[str, str]]
    body: bytes

    @staticmethod
    def parse(data: bytes) -> Message | None:
        head, end, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        if not end or "SIP/2.0" not in lines[0] or any(":" not in line for line in lines[1:]):
            return None
        pairs = (line.partition(":") for line in lines[1:])
        return Message(lines[0], [(name.strip(), value.strip()) for name, _, value in pairs], body)

    def render(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body

    def index(self, wanted: str) -> int | None:
        for place, (name, _) in enumerate(self.fields):
            if _COMPACT.get(name.lower(), name.lower()) == wanted:
                return place
        return None

    def value(self, wanted: str) -> str:
        place = self.index(wanted)
        return "" if place is None else self.fields[place][1]

    def pop_first(self, wanted: str) -> str:
        """Take the first of the comma-separated values of the first such header field away."""
        place = self.index(wanted)
        if place is None:
            return ""
        name, value = self.fields[place]
        first, _, rest = value.partition(",")
        if rest.strip():
            self.fields[place] = (name, rest.strip())
        else:
            del self.fields[place]
        return first.strip()

    def insert(self, name: str, value: str) -> None:
        """Above all others of its name."""
        place = self.index(name.lower())
        self.fields.insert(0 if place is None else place, (name, value))


def uri_address(uri: str) -> Address | None:
    found = _URI.search(uri)
    return (found[2], int(found[3] or 5060)) if found else None


class Gateway(asyncio.DatagramProtocol):
    """`numbers` are the subscribers of the public network: number -> where the phone is. With `learn`, whoever
    calls becomes one, with the user part of his From as the number."""

    def __init__(self, switch: Address, numbers: dict[str, Address]) -> None:
        self.switch = switch
        self.numbers = numbers
        self.port = 0
        self.learn = False
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, port))
        self.port = port

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        message = Message.parse(data)
        if message is None:
            return  # keep-alives and what is not SIP
        if message.first.startswith("SIP/2.0 "):
            self._forward_response(message)
        else:
            self._forward_request(message, addr)

    # ------------------------------------------------------------------ requests

    def _forward_request(self, message: Message, source: Address) -> None:
        method, _, rest = message.first.partition(" ")
        uri = rest.rpartition(" ")[0]
        # RFC 3261 16.4: a topmost Route that names us has done its work.
        if uri_address(message.value("route")) == (HOST, self.port):
            message.pop_first("route")
        hops = int(message.value("max-forwards") or 70)
        target: Address | None
        if message.value("route"):
            target = uri_address(message.value("route"))
        elif uri_address(uri) == (HOST, self.port):
            target, uri = self._resolve(uri, source)
        else:
            target = uri_address(uri)
        if hops == 0 or target is None:
            if method != "ACK":
                self._refuse(message, source, "483 Too Many Hops" if hops == 0 else "404 Not Found")
            return
        if method == "OPTIONS" and target == source:
            self._refuse(message, source, "200 OK")
            return
        message.first = f"{method} {uri} SIP/2.0"
        place = message.index("max-forwards")
        if place is not None:
            message.fields[place] = ("Max-Forwards", str(hops - 1))
        # RFC 3581 4: the response goes back where the request came from.
        received_via = message.pop_first("via")
        via = re.sub(r";rport(?![=\w])", "", received_via) + f";received={source[0]};rport={source[1]}"
        message.insert("Via", via)
        # RFC 3261 16.11: the branch is a function of what stays the same over retransmissions, ACK and CANCEL.
        branch = hashlib.blake2s(received_via.encode(), digest_size=12).hexdigest()
        message.insert("Via", f"SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{branch}")
        if method == "INVITE":
            message.insert("Record-Route", f"<sip:{HOST}:{self.port};lr>")
            self._assert_caller(message, source)
        self._send(message, target)

    def _assert_caller(self, message: Message, source: Address) -> None:
        """RFC 3325 9.1: within the trust domain the network says who calls, whatever the phone wrote."""
        if source == self.switch or ";tag=" in message.value("to"):
            return
        number = next((number for number, phone in self.numbers.items() if phone == source), None)
        if number is None and self.learn:
            found = _URI.search(message.value("from"))
            number = found[1] if found else None
            if number:
                self.numbers[number] = source
        if number is not None:
            message.fields = [field for field in message.fields if field[0].lower() != "p-asserted-identity"]
            message.insert("P-Asserted-Identity", f"<sip:{number}@{HOST}>")

    def _resolve(self, uri: str, source: Address) -> tuple[Address | None, str]:
        """A request to this gateway itself: out into the public network, or in to the switch."""
        found = _URI.search(uri)
        number = (found[1] or "") if found else ""
        if source == self.switch:
            phone = self.numbers.get(number)
            if number == "":
                return source, uri  # OPTIONS to the gateway as such
            return phone, f"sip:{number}@{phone[0]}:{phone[1]}" if phone else uri
        return self.switch, f"sip:{number}@{self.switch[0]}:{self.switch[1]}"

    def _refuse(self, message: Message, source: Address, status: str) -> None:
        kept = [(n, v) for n, v in message.fields if n.lower() in ("via", "v", "from", "f", "call-id", "i", "cseq")]
        to = message.value("to") or message.value("t")
        tag = "" if ";tag=" in to else ";tag=gateway"
        answer = Message(f"SIP/2.0 {status}", [*kept, ("To", to + tag), ("Content-Length", "0")], b"")
        self._send(answer, source)

    # ------------------------------------------------------------------ responses

    def _forward_response(self, message: Message) -> None:
        message.pop_first("via")
        found = _VIA.match(message.value("via").partition(",")[0])
        if found is None:
            return
        received = re.search(r";received=([^;\s]+)", found[3])
        rport = re.search(r";rport=(\d+)", found[3])
        host = received[1] if received else found[1]
        self._send(message, (host, int(rport[1] if rport else found[2] or 5060)))

    def _send(self, message: Message, target: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(message.render(), target)
