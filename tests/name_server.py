"""A small real name server on the loop-back address, for tests: UDP, its zone as text, answers counted."""

from __future__ import annotations

import asyncio
from collections import Counter

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone


class NameServer(asyncio.DatagramProtocol):
    """`silent`: it hears and says nothing."""

    def __init__(self, zone: str, origin: str = "example.") -> None:
        self.origin = dns.name.from_text(origin)
        self.asked: Counter[tuple[str, str]] = Counter()
        self.silent = False
        self.broken = False
        self._transport: asyncio.DatagramTransport | None = None
        self.change(zone)

    def change(self, zone: str) -> None:
        text = f"@ 60 IN SOA ns hostmaster 1 60 60 60 60\n@ 60 IN NS ns\nns 60 IN A 127.0.0.1\n{zone}"
        self.zone = dns.zone.from_text(text, origin=self.origin, relativize=False)

    async def start(self) -> NameServer:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    @property
    def address(self) -> tuple[str, int]:
        assert self._transport is not None
        found: tuple[str, int] = self._transport.get_extra_info("sockname")[:2]
        return found

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        self.asked[question.name.to_text(True).lower(), dns.rdatatype.to_text(question.rdtype)] += 1
        if self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        node = self.zone.get_node(question.name)
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif node is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            found = self.zone.get_rrset(question.name, question.rdtype)
            if found is not None:
                answer.answer.append(found)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)
